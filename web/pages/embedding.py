"""A stakeholder and a customer on pages of others: the elements' files, and the parts that they show.

The files are for everybody. The parts are those of our own pages, asked of the API with the bearer token that the page
hands on; cookies count for nothing, and which pages may ask is settled before (`web/cross_origin.py`).
"""

import asyncio
from functools import cache
from hashlib import sha256
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from web.headers import adding
from web.pages.contacts import Contacts, contact_parts
from web.pages.kit import Kit
from web.pages.own_api import OwnApi, Refusal
from web.pages.rendering import FOLDER
from web.problems import Problem, told_of

__all__ = ["ELEMENTS", "EMBEDDED", "elements", "embedded"]

ELEMENTS: Final = "/elements"
EMBEDDED: Final = "/embedded"
_SCRIPT, _STYLE = "text/javascript", "text/css"
# The stable address of all is that of the first, which asks for the others.
_FILES: Final = {
    "cscx-salesloft.js": ("cscx-salesloft.js", _SCRIPT),
    "charts.js": ("charts.js", _SCRIPT),
    "dates.js": ("dates.js", _SCRIPT),
    "event_stream.js": ("event_stream.js", _SCRIPT),
    "notices.js": ("notices.js", _SCRIPT),
    "refusals.js": ("refusals.js", _SCRIPT),
    "uPlot.js": ("vendor/uPlot.iife.min.js", _SCRIPT),
    "app.css": ("app.css", _STYLE),
    "embedded.css": ("embedded.css", _STYLE),
    "uPlot.min.css": ("vendor/uPlot.min.css", _STYLE),
}
# It is made for pages whose scripts share names; as a module it has to say what it gives.
_MORE: Final = {"uPlot.js": b"\nexport default uPlot;\n"}
_FOR_EVERYBODY: Final = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
    # Kept, and asked after each time, so that files of two releases never come together.
    "cache-control": "no-cache",
}
_GUARDED: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def elements() -> Starlette:
    """The application under `/elements`: what a page of others loads, by whatever origin."""
    return Starlette(routes=[Route("/{name}", _file)], middleware=[Middleware(GZipMiddleware)])


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _FILES:
        raise HTTPException(404)
    body, tag = await asyncio.to_thread(_content, name)
    headers = {"etag": tag, **_FOR_EVERYBODY}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=_FILES[name][1], headers=headers)


@cache
def _content(name: str) -> tuple[bytes, str]:
    """A file, and its tag, which is the same in every replica; weak, since it may travel compressed."""
    body = (FOLDER / "static" / _FILES[name][0]).read_bytes() + _MORE.get(name, b"")
    return body, f'W/"{sha256(body).hexdigest()[:32]}"'


def embedded(api: ASGIApp) -> Starlette:
    """The application under `/embedded`, made of what `api` answers to whom a bearer token says."""
    kit = Kit(OwnApi(api), parts=EMBEDDED, under=1)
    contacts = Contacts(kit)

    async def contact(request: Request) -> Response:
        shown = await contacts.contact(request, request.path_params["stakeholder_id"])
        return kit.rendered("embedded_contact.html", request, contact=shown, done=None)

    async def customer(request: Request) -> Response:
        shown = await contacts.account(request, request.path_params["customer_id"])
        return kit.rendered("embedded_customer.html", request, account=shown)

    async def refused(request: Request, error: Exception) -> Response:
        match error:
            case Refusal():
                status, problem = error.status, error.problem
            case Problem():
                status, problem = error.status, told_of(request, error)
            case _:
                raise error
        return kit.rendered("_problem.html", request, status=status, problem=problem)

    return Starlette(
        routes=[
            Route("/stakeholders/{stakeholder_id}", contact),
            Route("/customers/{customer_id}", customer),
            *contact_parts(contacts),
        ],
        middleware=[Middleware(_ByTokenAlone)],
        exception_handlers={Refusal: refused, Problem: refused},
    )


class _ByTokenAlone:
    """Whoever asks is known by their token, also where the page is our own and the browser has a session."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope.get("headers", ()) if name != b"cookie"]
        await self._app({**scope, "headers": headers}, receive, adding(send, _GUARDED.items()))

"""The pages as one application. Everything on them is asked of the API, as the reader."""

from typing import Final
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from web.browser import Browsers
from web.headers import adding
from web.pages.approving import approving_routes
from web.pages.back_testing import back_testing_routes
from web.pages.configuring import configuring_routes
from web.pages.contacts import contact_routes
from web.pages.decisions import decision_pages
from web.pages.drafting import drafting_routes
from web.pages.kit import PREFIX, Kit
from web.pages.mending import mending_routes
from web.pages.operating import operating_routes
from web.pages.own_api import OwnApi, Refusal
from web.pages.rendering import FOLDER
from web.pages.signing_in import SigningIn
from web.pages.talking import talking_routes
from web.pages.trying import trying_routes
from web.problems import Problem, told_of

__all__ = ["PREFIX", "pages"]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What somebody may take a page to be called who types its address, and where it is.
_ALSO_CALLED: Final = {
    "triggers": "mappings",
    "requests": "approvals",
    "accounts": "customers",
    "contacts": "people",
    "stakeholders": "people",
    "enrollments": "people",
}
_HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def pages(api: ASGIApp, signing_in: SigningIn, browsers: Browsers, public_url: str | None) -> Starlette:
    """The application under `/app`, made of what `api` answers. `public_url` is how browsers reach us, where known."""
    kit = Kit(OwnApi(api))
    door = _Door(kit, signing_in, browsers, public_url)
    # What is personal is never compressed: how well it is would tell of it.
    static = GZipMiddleware(StaticFiles(directory=FOLDER / "static"))
    return Starlette(
        routes=[
            Route("/", door.home),
            *(Route(f"/{name}", door.elsewhere) for name in _ALSO_CALLED),
            Route("/sign-in", door.sign_in),
            Route("/sign-in/begin", door.begin_to_sign_in),
            Route("/sign-in/callback", door.signed_in),
            Route("/sign-out", door.sign_out, methods=["POST"]),
            *approving_routes(kit),
            *contact_routes(kit),
            *drafting_routes(kit),
            *trying_routes(kit),
            *back_testing_routes(kit),
            *configuring_routes(kit),
            *operating_routes(kit),
            *decision_pages(kit),
            *mending_routes(kit),
            *talking_routes(kit),
            Mount("/static", static),
        ],
        middleware=[Middleware(_Guarded)],
        exception_handlers={Refusal: door.refused, Problem: door.refused, 404: door.absent},
    )


class _Guarded:
    """Every answer has the policy that lets a page load and ask nothing but what is ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, adding(send, _HEADERS.items()))


class _Door:
    """Coming in, going out, and what is said to whom a page is refused."""

    def __init__(self, kit: Kit, signing_in: SigningIn, browsers: Browsers, public_url: str | None) -> None:
        self._kit = kit
        self._signing_in = signing_in
        self._browsers = browsers
        self._public_url = public_url

    async def home(self, _: Request) -> Response:
        return RedirectResponse(f"{PREFIX}/approvals", status_code=303)

    async def elsewhere(self, request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        return RedirectResponse(f"{PREFIX}/{_ALSO_CALLED[name]}", status_code=303)

    async def sign_in(self, request: Request) -> Response:
        after = request.query_params.get("after", f"{PREFIX}/")
        return self._kit.rendered(
            "sign_in.html", request, session=None, after=after, is_possible=self._signing_in.is_possible
        )

    async def begin_to_sign_in(self, request: Request) -> Response:
        after = request.query_params.get("after", f"{PREFIX}/")
        return await self._signing_in.begin(request, callback=self._callback(request), after=after)

    async def signed_in(self, request: Request) -> Response:
        return await self._signing_in.finish(request, callback=self._callback(request))

    async def sign_out(self, request: Request) -> Response:
        session = self._browsers.session(request)
        if session is not None:
            session.check(request)
        response = Response(status_code=204, headers={"hx-redirect": f"{PREFIX}/sign-in"})
        self._browsers.end(response)
        return response

    async def refused(self, request: Request, error: Exception) -> Response:
        """A refusal, for people; who is not known is asked to sign in."""
        match error:
            case Refusal():
                status, problem = error.status, error.problem
            case Problem():
                status, problem = error.status, told_of(request, error)
            case _:
                raise error
        is_part = "hx-request" in request.headers
        if status == 401:
            sign_in = f"{PREFIX}/sign-in?after={quote(_where(request), safe='')}"
            if is_part:
                return Response(status_code=204, headers={"hx-redirect": sign_in})
            return RedirectResponse(sign_in, status_code=303)
        template = "_problem.html" if is_part else "problem.html"
        return self._kit.rendered(template, request, status=status, session=None, problem=problem)

    async def absent(self, request: Request, _: Exception) -> Response:
        problem = {"title": "There is no such page", "detail": "Or it is not for you to see."}
        template = "_problem.html" if "hx-request" in request.headers else "problem.html"
        return self._kit.rendered(template, request, status=404, session=None, problem=problem)

    def _callback(self, request: Request) -> str:
        base = (self._public_url or str(request.base_url.replace(path=""))).rstrip("/")
        return f"{base}{PREFIX}/sign-in/callback"


def _where(request: Request) -> str:
    """What somebody looked at: the page itself, or the one that a part is of."""
    at = request.headers.get("hx-current-url")
    if at is None and request.method != "GET":
        return f"{PREFIX}/"
    page = urlsplit(at or str(request.url))
    return page.path + (f"?{page.query}" if page.query else "")

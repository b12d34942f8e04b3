"""Pages of other origins that ask from a browser: which may read what, by what each organization has chosen.

A browser says in `Origin` whose page asks, and lets that page read an answer that names it. Of another origin:

- Cookies are never looked at. Who asks is who the bearer token says.
- A request is carried out where the token's own organization has chosen the origin (`embedding_origins`). Any other is
  refused, and its page cannot read as much as why.
- A preflight has no token, so it says of no organization what it has chosen: it is granted where any has the origin. So
  is reading that a token is no longer good, for whose it was cannot be told then.
- What everybody may have, the elements' own files, is granted to all.

What is asked without `Origin`, or by our own pages, passes as ever.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from storage import organization_settings
from storage.errors import StorageError
from storage.pool import Database
from web.headers import adding
from web.problems import Problem, document_of
from web.security import Callers
from workflows.organization_settings import read_settings

__all__ = ["STILL_CHOSEN", "CrossOrigin", "StillChosen"]

StillChosen = Callable[[], Awaitable[bool]]
"""Whether the organization still lets the pages that ask. Raises storage's errors."""
STILL_CHOSEN: Final = "still_chosen"
"""Where a request of another origin's page has that in its state, for what goes on for long."""

_METHODS: Final = "GET, POST, PUT, DELETE"
_SENT: Final = "authorization, content-type, idempotency-key, if-match, last-event-id, x-correlation-id"
_READ: Final = "etag, location, retry-after, x-correlation-id, ratelimit, ratelimit-policy, idempotency-replayed"
_PREFLIGHT_GOOD_FOR_S: Final = 600
_OUR_OWN: Final = frozenset({"same-origin", "none"})
_COOKIE: Final = b"cookie"


class CrossOrigin:
    """Around the application, within what gives each request its correlation id."""

    def __init__(
        self, app: ASGIApp, *, database: Database, callers: Callers, public_url: str | None, open_to_all: str
    ) -> None:
        """`database` acts as the worker, since a preflight's organization is nobody's; `open_to_all` begins a path."""
        self._app = app
        self._database = database
        self._callers = callers
        self._public_origin = _origin_of(public_url) if public_url else None
        self._open_to_all = open_to_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(self._open_to_all):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin")
        if origin is None or self._is_our_own(request, origin):
            await self._app(scope, receive, send)
            return
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != _COOKIE]
        request = Request(scope, receive)
        try:
            if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
                answered, granted = await self._preflight(origin)
            else:
                answered, granted = await self._asked(request, origin)
        except (Problem, StorageError) as error:
            answered, granted = document_of(request, error), False
        told = _grant(origin) if granted else {"vary": "Origin"}
        await answered(scope, receive, adding(send, told.items()))

    async def _preflight(self, origin: str) -> tuple[ASGIApp, bool]:
        """Whether the page may ask at all. Raises Problem, 403, and storage's errors."""
        if not await self._is_anybodys(origin):
            raise _not_allowed(origin)
        allowed = {
            "access-control-allow-methods": _METHODS,
            "access-control-allow-headers": _SENT,
            "access-control-max-age": str(_PREFLIGHT_GOOD_FOR_S),
        }
        return Response(status_code=204, headers=allowed), True

    async def _asked(self, request: Request, origin: str) -> tuple[ASGIApp, bool]:
        """Who answers, and whether the page may read it. Raises Problem, and storage's errors."""
        try:
            caller = await self._callers.of(request)
        except Problem as problem:
            return document_of(request, problem), await self._is_anybodys(origin)
        if not await self._is_chosen(origin, caller.organization_id):
            raise _not_allowed(origin)
        setattr(request.state, STILL_CHOSEN, partial(self._is_chosen, origin, caller.organization_id))
        return self._app, True

    async def _is_chosen(self, origin: str, organization_id: str) -> bool:
        async with self._database.connection() as connection:
            chosen = await read_settings(connection, organization_id)
        return origin in chosen.settings.embedding_origins

    async def _is_anybodys(self, origin: str) -> bool:
        async with self._database.connection() as connection:
            return await organization_settings.is_embedding_origin(connection, origin)

    def _is_our_own(self, request: Request, origin: str) -> bool:
        """By what the browser says, which no page can make it say otherwise; else by the address that was asked."""
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site in _OUR_OWN
        return origin in {self._public_origin, _origin_of(str(request.base_url))}


def _origin_of(url: str) -> str:
    told = urlsplit(url)
    return f"{told.scheme}://{told.netloc}"


def _grant(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin, "access-control-expose-headers": _READ, "vary": "Origin"}


def _not_allowed(origin: str) -> Problem:
    return Problem(
        403,
        "origin_not_allowed",
        f"The organization has not chosen {origin} as one whose pages may ask; its admins do so in its settings.",
    )

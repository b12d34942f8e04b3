"""Nothing is written any more for an organization that leaves or has left, but that it comes back."""

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from storage import departures
from storage.errors import StorageError
from storage.pool import Database
from web.problems import Problem, document_of
from web.security import Callers

__all__ = ["Departed"]

_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_STILL_OPEN: Final = ("/api/salesloft/organization/departure", "/api/salesloft/session", "/api/webhooks/")


class Departed:
    """Around the application, within what limits its callers."""

    def __init__(self, app: ASGIApp, *, database: Database, callers: Callers) -> None:
        self._app = app
        self._database = database
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _WRITES or scope["path"].startswith(_STILL_OPEN):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            await self._check(request)
        except (Problem, StorageError) as error:
            await document_of(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _check(self, request: Request) -> None:
        try:
            caller = await self._callers.of(request)
        except Problem:
            # Whether a caller is needed is the route's to say.
            return
        async with self._database.connection() as connection:
            gone = await departures.among(connection, [caller.organization_id])
        if gone:
            raise Problem(
                409,
                "organization_departed",
                "The organization leaves or has left: nothing is done for it until an admin has it come back.",
            )

"""A page's session: begun with a token of the platform's, and used by the browser's cookie from then on."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from web.browser import Browsers
from web.idempotency import repeatable
from web.problems import Problem
from web.security import Caller, CallerRole, Callers, having_role

__all__ = ["session_routes"]


class Session(BaseModel):
    """Who the browser's user is, until when, and what its pages send with each request that changes something."""

    organization_id: str
    user_id: str
    role: CallerRole
    expires_at: datetime
    csrf_token: str


def session_routes(callers: Callers, browsers: Browsers) -> APIRouter:
    """`POST`, `GET` and `DELETE /api/salesloft/session`."""
    routes = APIRouter(prefix="/api/salesloft/session", tags=["session"])
    anybody = having_role(callers, *CallerRole)

    @routes.post("")
    @repeatable
    async def begin(request: Request, response: Response) -> Session:
        """Begin a session with the bearer token of the Authorization header; it ends with the token."""
        authorization = request.headers.get("authorization")
        caller = await callers.caller(authorization)
        left = caller.expires_at - datetime.now(UTC)
        _, _, token = (authorization or "").partition(" ")
        session = browsers.begin(response, token.strip(), good_for_s=max(1, int(left.total_seconds())))
        return _told(response, caller, session.csrf_token)

    @routes.get("")
    async def show(request: Request, response: Response, caller: Annotated[Caller, Depends(anybody)]) -> Session:
        """The browser's session, as a page asks for it when it opens."""
        session = browsers.session(request)
        if session is None:
            raise Problem(404, "no_session", "This browser has no session; a token of the platform's begins one.")
        return _told(response, caller, session.csrf_token)

    @routes.delete("", status_code=204)
    async def end(response: Response, _: Annotated[Caller, Depends(anybody)]) -> None:
        """Have the browser forget its session."""
        browsers.end(response)

    return routes


def _told(response: Response, caller: Caller, csrf_token: str) -> Session:
    response.headers["cache-control"] = "no-store"
    return Session(
        organization_id=caller.organization_id,
        user_id=caller.user_id,
        role=caller.role,
        expires_at=caller.expires_at,
        csrf_token=csrf_token,
    )

"""Connecting an organization to its Salesloft team, and the callback that an authorization ends with."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from salesloft_client import read_callback
from web.browser import Browsers
from web.described import PUBLIC, problems
from web.idempotency import repeatable
from web.problems import Problem
from web.security import Caller, CallerRole, Callers, having_role
from workflows.authorization import Authorizations
from workflows.credentials import ApiKey
from workflows.session import Connected, Sessions

__all__ = ["connection_routes"]

Secret = Annotated[SecretStr, Field(min_length=1, max_length=500)]

_OF_SALESLOFT: Final = problems(
    {
        409: "The organization, or the team that was chosen in Salesloft, is connected otherwise already.",
        502: "Salesloft does not do its part.",
    }
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ByAuthorization(_Body):
    """A user of Salesloft allows it in the browser: the default."""

    method: Literal["oauth"] = "oauth"


class ByApiKey(_Body):
    """A key that a user of Salesloft has made."""

    method: Literal["api_key"]
    api_key: Secret


class ByClientCredentials(_Body):
    """An application of the team's own."""

    method: Literal["client_credentials"]
    client_id: Annotated[str, Field(min_length=1, max_length=500)]
    client_secret: Secret


Method = Annotated[ByAuthorization | ByApiKey | ByClientCredentials, Field(discriminator="method")]


class ConnectUrl(BaseModel):
    """Where to send the user, and until when the answer is awaited."""

    connect_url: str
    expires_at: datetime


class MissingScope(BaseModel):
    """A scope that the credential lacks, and what does not work without it."""

    scope: str
    feature: str


class TeamConnected(BaseModel):
    """The team that is connected now, and what is to be looked at.

    `parked_mappings` were made for another team: they decide nothing until they are validated or published anew.
    """

    organization_id: str
    team_id: int
    team_name: str | None
    cadences: int
    users: int
    missing_scopes: list[MissingScope]
    parked_mappings: int


def connection_routes(
    sessions: Sessions, authorizations: Authorizations, callers: Callers, browsers: Browsers
) -> APIRouter:
    """`POST /api/integrations/salesloft/connect` and `GET /api/integrations/salesloft/callback`."""
    routes = APIRouter(prefix="/api/integrations/salesloft", tags=["connection"], responses=_OF_SALESLOFT)
    admin = having_role(callers, CallerRole.ADMIN)

    @routes.post("/connect")
    @repeatable
    async def connect(
        request: Request, response: Response, caller: Annotated[Caller, Depends(admin)], method: Method | None = None
    ) -> ConnectUrl | TeamConnected:
        """Begin an authorization, or connect at once by a key or a team's own application.

        An authorization that a page begins comes back in the same browser, or not at all.
        """
        response.headers["cache-control"] = "no-store"
        organization_id, by = caller.organization_id, caller.user_id
        match method:
            case ByApiKey():
                key = ApiKey(method.api_key.get_secret_value())
                return _told(await sessions.connect(organization_id, key, by=by))
            case ByClientCredentials():
                secret = method.client_secret.get_secret_value()
                return _told(await sessions.connect_with_client(organization_id, method.client_id, secret, by=by))
            case _:
                session = browsers.session(request)
                begun = await authorizations.begin(organization_id, by, session.binding if session else None)
                return ConnectUrl(connect_url=begun.url, expires_at=begun.expires_at)

    @routes.get("/callback", openapi_extra=PUBLIC)
    async def callback(request: Request, response: Response) -> TeamConnected:
        """Take what the browser brings back from Salesloft; whom it is for, the state says.

        Query: `code`, `context`, `scope` and `state`, or `error` and `state`.
        """
        # The address holds the code.
        response.headers.update({"cache-control": "no-store", "referrer-policy": "no-referrer"})
        brought = read_callback(str(request.url))
        redeemed = await authorizations.redeem(brought.state)
        session = browsers.session(request)
        if redeemed.browser is not None and (session is None or session.binding != redeemed.browser):
            raise Problem(403, "state_of_another", "The authorization was begun in another browser.")
        await _same_caller(callers, request, redeemed.organization_id, redeemed.user_id)
        if brought.error == "access_denied":
            raise Problem(403, "access_denied", "The user did not allow the connection at Salesloft.")
        if brought.error is not None or brought.code is None:
            raise Problem(400, "authorization_failed", "Salesloft did not give a code; begin to connect again.")
        return _told(
            await sessions.connect_with_code(
                redeemed.organization_id, brought.code, by=redeemed.user_id, scopes=brought.scope
            )
        )

    return routes


async def _same_caller(callers: Callers, request: Request, organization_id: str, user_id: str) -> None:
    """A browser comes without a token; whoever comes with one is who began the authorization."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        return
    caller = await callers.caller(authorization)
    if (caller.organization_id, caller.user_id) != (organization_id, user_id):
        raise Problem(403, "state_of_another", "The authorization was begun by somebody else.")


def _told(connected: Connected) -> TeamConnected:
    return TeamConnected(
        organization_id=connected.organization_id,
        team_id=connected.team_id,
        team_name=connected.team_name,
        cadences=connected.cadences,
        users=connected.users,
        missing_scopes=[MissingScope(scope=need.scope, feature=need.feature) for need in connected.missing],
        parked_mappings=connected.parked,
    )

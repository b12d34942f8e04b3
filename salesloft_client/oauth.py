"""OAuth with Salesloft: building the messages and reading the answers. Keeping tokens and locking is the caller's.

An access token lives two hours. Each refresh gives a new refresh token and revokes all earlier ones (Salesloft docs:
OAuth authentication), so only one refresh may run at a time, and its result has to be stored before it is used: a pair
that is lost ends the connection. Hence a request to the token endpoint is never repeated here, and never cut off; a
caller that refreshes shields refresh and storing together from cancellation.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request

from salesloft_client.auth import AccessToken
from salesloft_client.clock import BusinessClock
from salesloft_client.errors import ConnectionLost, MalformedResponse, Origin, SalesloftError, ServerError, TimedOut
from salesloft_client.refusals import oauth_refusal
from salesloft_client.retry import unknown
from salesloft_client.wire import Answer, Exchange, Wire

__all__ = ["Callback", "OAuthApp", "TokenEndpoint", "TokenGrant", "authorization_url", "read_callback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthApp:
    """An application as it is registered with Salesloft; its scopes are fixed there."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    auth_host: str = "https://accounts.salesloft.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant:
    """What the token endpoint gave. ``scope`` is empty if it did not say."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    scope: frozenset[str] = frozenset()

    def access(self) -> AccessToken:
        return AccessToken(self.access_token, self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What the browser brought back to the redirect address: a code, or an error such as ``access_denied``."""

    state: str | None = field(repr=False)
    code: str | None = field(default=None, repr=False)
    error: str | None = None


def authorization_url(app: OAuthApp, *, state: str) -> str:
    """Where to send the browser. ``state`` comes back with it, and the caller verifies it there."""
    url: str = prepare_grant_uri(
        f"{app.auth_host}/oauth/authorize",
        client_id=app.client_id,
        response_type="code",
        redirect_uri=app.redirect_uri,
        state=state,
    )
    return url


def read_callback(url: str) -> Callback:
    """Read the redirect that ends the authorization; one with neither code nor error is an ``invalid_request``."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    code = query.get("code")
    error = query.get("error") or (None if code else "invalid_request")
    return Callback(state=query.get("state"), code=None if error else code, error=error)


class TokenEndpoint:
    """``POST /oauth/token``.

    Raises ``GrantRevoked`` (``invalid_grant``), ``ClientRejected`` (``invalid_client``), ``Throttled``, ``NotSent`` (no
    connection: the grant is untouched), and ``OutcomeUnknown`` for whatever may have spent the grant without an answer.
    """

    def __init__(
        self, app: OAuthApp, *, wire: Wire, clock: BusinessClock | None = None, time_budget_s: float = 10.0
    ) -> None:
        self._app = app
        self._wire = wire
        self._clock = clock or BusinessClock()
        self._time_budget_s = time_budget_s

    async def exchange_code(self, code: str, *, correlation_id: str | None = None) -> TokenGrant:
        """The first pair of tokens, for the code that the callback brought. A code is good once."""
        return await self._granted(
            prepare_token_request(
                "authorization_code", redirect_uri=self._app.redirect_uri, code=code, **self._client()
            ),
            correlation_id=correlation_id,
        )

    async def refresh(self, refresh_token: str, *, correlation_id: str | None = None) -> TokenGrant:
        """A new pair, for a refresh token that is good once."""
        return await self._granted(
            prepare_token_request("refresh_token", refresh_token=refresh_token, **self._client()),
            correlation_id=correlation_id,
        )

    def _client(self) -> dict[str, str]:
        return {"client_id": self._app.client_id, "client_secret": self._app.client_secret}

    async def _granted(self, form: str, *, correlation_id: str | None) -> TokenGrant:
        origin = Origin(method="POST", path="/oauth/token", correlation_id=correlation_id)
        exchange = Exchange(
            origin=origin,
            url=self._app.auth_host + origin.path,
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=form.encode(),
        )
        try:
            answer = await self._wire.exchange(exchange, within_s=self._time_budget_s, settled=_not_counted)
            if not 200 <= answer.status < 300:
                raise oauth_refusal(answer, origin=origin, now=self._clock.now())
            return _grant(answer, origin=origin, now=self._clock.now())
        except (TimedOut, ConnectionLost, ServerError, MalformedResponse) as error:
            raise unknown(error) from error


def _not_counted(outcome: Answer | SalesloftError, elapsed_s: float) -> None:
    """The token endpoint is outside of the team's budget."""
    del outcome, elapsed_s


def _grant(answer: Answer, *, origin: Origin, now: datetime) -> TokenGrant:
    """``expires_at`` is counted from the answer's ``created_at`` (epoch seconds) or from now, the earlier one."""
    try:
        body: dict[str, Any] = orjson.loads(answer.content)
        granted_at = now
        if (created_at := body.get("created_at")) is not None:
            granted_at = min(now, datetime.fromtimestamp(float(created_at), UTC))
        return TokenGrant(
            access_token=AccessToken(body["access_token"]).value,
            refresh_token=AccessToken(body["refresh_token"]).value,
            expires_at=granted_at + timedelta(seconds=float(body["expires_in"])),
            scope=frozenset(str(body.get("scope") or "").split()),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        # The cause would quote the document, tokens and all.
        raise MalformedResponse(
            "the token endpoint's answer cannot be read", origin=origin, status=answer.status
        ) from None

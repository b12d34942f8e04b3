"""OAuth with Salesloft: building the messages and reading the answers. Keeping tokens and locking is the caller's.

An access token lives two hours. Each refresh gives a new refresh token and revokes all earlier ones (Salesloft docs:
OAuth authentication), so only one refresh may run at a time, and its result has to be stored before it is used: a pair
that is lost ends the connection. Hence a request to the token endpoint is never repeated here, and never cut off; a
caller that refreshes shields refresh and storing together from cancellation.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7009 import prepare_revoke_token_request

from salesloft_client.auth import AccessToken
from salesloft_client.clock import BusinessClock
from salesloft_client.errors import ConnectionLost, MalformedResponse, Origin, SalesloftError, ServerError, TimedOut
from salesloft_client.refusals import oauth_refusal
from salesloft_client.retry import unknown
from salesloft_client.wire import Answer, Exchange, Wire

__all__ = ["AccessGrant", "Callback", "OAuthApp", "TokenEndpoint", "TokenGrant", "authorization_url", "read_callback"]


T = TypeVar("T")
G = TypeVar("G", bound="AccessGrant")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthApp:
    """An application as it is registered with Salesloft; its scopes are fixed there."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    auth_host: str = "https://accounts.salesloft.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrant:
    """An access token alone, as client credentials get it. ``scope`` is empty if the token endpoint did not say."""

    access_token: str = field(repr=False)
    expires_at: datetime
    scope: frozenset[str] = frozenset()

    def access(self) -> AccessToken:
        return AccessToken(self.access_token, self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant(AccessGrant):
    """An access token, and the refresh token that gives the next one."""

    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What the browser brought back to the redirect address: a code, or an error such as ``access_denied``.

    ``scope`` is what the application was registered with, empty if it was not told; ``context`` is Salesloft's own word
    for what was authorized. Neither has to go with the code.
    """

    state: str | None = field(repr=False)
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    context: str | None = None
    scope: frozenset[str] = frozenset()


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
    return Callback(
        state=query.get("state"),
        code=None if error else code,
        error=error,
        context=query.get("context"),
        scope=frozenset(query.get("scope", "").split()),
    )


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
            _pair,
            correlation_id=correlation_id,
        )

    async def refresh(self, refresh_token: str, *, correlation_id: str | None = None) -> TokenGrant:
        """A new pair, for a refresh token that is good once."""
        return await self._granted(
            prepare_token_request("refresh_token", refresh_token=refresh_token, **self._client()),
            _pair,
            correlation_id=correlation_id,
        )

    async def client_credentials(self, *, correlation_id: str | None = None) -> AccessGrant:
        """A token for the application itself, which is a team's own; it ends no earlier one, and nothing refreshes it.

        Salesloft docs: client credentials. The token acts as the admin who made the application.
        """
        return await self._granted(
            prepare_token_request("client_credentials", **self._client()), _access, correlation_id=correlation_id
        )

    async def revoke(self, token: str, *, correlation_id: str | None = None) -> None:
        """``POST /oauth/revoke`` (RFC 7009), which Salesloft does not document: whoever calls it lives without it.

        A refresh token takes its access tokens with it. Raises like the others.
        """
        form, _ = prepare_revoke_token_request(token)
        client = urlencode(self._client())
        origin = Origin(method="POST", path="/oauth/revoke", correlation_id=correlation_id)
        await self._posted(origin, f"{form}&{client}", lambda _: None)

    def _client(self) -> dict[str, str]:
        return {"client_id": self._app.client_id, "client_secret": self._app.client_secret}

    async def _granted(
        self, form: str, read: Callable[[dict[str, Any], datetime], G], *, correlation_id: str | None
    ) -> G:
        origin = Origin(method="POST", path="/oauth/token", correlation_id=correlation_id)
        return await self._posted(
            origin, form, lambda answer: _read(answer, read, origin=origin, now=self._clock.now())
        )

    async def _posted(self, origin: Origin, form: str, read: Callable[[Answer], T]) -> T:
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
            return read(answer)
        except (TimedOut, ConnectionLost, ServerError, MalformedResponse) as error:
            raise unknown(error) from error


def _not_counted(outcome: Answer | SalesloftError, elapsed_s: float) -> None:
    """The token endpoint is outside of the team's budget."""
    del outcome, elapsed_s


def _read(answer: Answer, read: Callable[[dict[str, Any], datetime], G], *, origin: Origin, now: datetime) -> G:
    """``expires_at`` is counted from the answer's ``created_at`` (epoch seconds) or from now, the earlier one."""
    try:
        body: dict[str, Any] = orjson.loads(answer.content)
        granted_at = now
        if (created_at := body.get("created_at")) is not None:
            granted_at = min(now, datetime.fromtimestamp(float(created_at), UTC))
        return read(body, granted_at + timedelta(seconds=float(body["expires_in"])))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        # The cause would quote the document, tokens and all.
        raise MalformedResponse(
            "the token endpoint's answer cannot be read", origin=origin, status=answer.status
        ) from None


def _pair(body: dict[str, Any], expires_at: datetime) -> TokenGrant:
    return TokenGrant(
        access_token=AccessToken(body["access_token"]).value,
        refresh_token=AccessToken(body["refresh_token"]).value,
        expires_at=expires_at,
        scope=_scope(body),
    )


def _access(body: dict[str, Any], expires_at: datetime) -> AccessGrant:
    return AccessGrant(access_token=AccessToken(body["access_token"]).value, expires_at=expires_at, scope=_scope(body))


def _scope(body: dict[str, Any]) -> frozenset[str]:
    return frozenset(str(body.get("scope") or "").split())

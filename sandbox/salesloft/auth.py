"""Who may call: OAuth applications, their codes and tokens, and API keys.

Access tokens live two hours. A refresh token works once: each refresh and each new authorization of the same user and
application ends all refresh tokens before (Salesloft docs: oauth-authentication).
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sandbox.salesloft.instants import MINUTE, SECOND
from sandbox.salesloft.switches import Switches

__all__ = [
    "ALL_SCOPES",
    "Application",
    "Authority",
    "Grant",
    "InvalidClientError",
    "InvalidGrantError",
    "InvalidScopeError",
    "TokenPair",
]

ACCESS_TOKEN_SECONDS = 7200
CODE_LIFE = 10 * MINUTE
ALL_SCOPES = (
    "accounts:read accounts:write activities:read activities:write cadences:read cadences:write cadences:delete "
    "calls:read calls:write emails:read people:read people:write people:delete team:read team:write"
)


def _two_hours(_team_id: int) -> int:
    return ACCESS_TOKEN_SECONDS


class InvalidClientError(Exception):
    """The application is unknown or its secret is wrong."""


class InvalidGrantError(Exception):
    """The code or refresh token is unknown, used, expired, revoked or another application's."""


class InvalidScopeError(Exception):
    """More was asked for than the application has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An OAuth application. With a team it is that team's own and may use client credentials."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...] = ()
    scopes: str = ALL_SCOPES
    team_id: int | None = None


@dataclass(slots=True, kw_only=True)
class Grant:
    """What a token stands for. `expires_at` None is for ever; `ends_on_use` is a refresh token in its grace."""

    kind: Literal["oauth", "client_credentials", "api_key"]
    team_id: int
    user_id: int
    scopes: frozenset[str]
    expires_at: int | None = None
    client_id: str | None = None
    ends_on_use: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """Tokens as the token endpoint hands them out; client credentials get no refresh token."""

    access_token: str
    refresh_token: str | None
    scope: str
    created_at: int
    expires_in: int = ACCESS_TOKEN_SECONDS

    def as_json(self) -> dict[str, str | int]:
        answer: dict[str, str | int] = {
            "access_token": self.access_token,
            "token_type": "bearer",
            "expires_in": self.expires_in,
            "scope": self.scope,
            "created_at": self.created_at // SECOND,
        }
        return answer if self.refresh_token is None else {**answer, "refresh_token": self.refresh_token}


@dataclass(slots=True, kw_only=True)
class _Code:
    client_id: str
    redirect_uri: str
    team_id: int
    user_id: int
    expires_at: int


@dataclass(slots=True, kw_only=True)
class _Refresh:
    client_id: str
    team_id: int
    user_id: int
    scope: str
    access_tokens: list[str] = field(default_factory=list)


class Authority:
    """Issues tokens and knows them again. `token_life` says for how many seconds a team's access tokens live."""

    def __init__(self, token_life: Callable[[int], int] = _two_hours) -> None:
        self._token_life = token_life
        self.applications: dict[str, Application] = {}
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, _Refresh] = {}

    def register(self, application: Application) -> Application:
        self.applications[application.client_id] = application
        return application

    def authenticate_client(self, client_id: str, client_secret: str) -> Application:
        application = self.applications.get(client_id)
        if application is None or not secrets.compare_digest(
            application.client_secret.encode(), client_secret.encode()
        ):
            raise InvalidClientError
        return application

    def issue_code(self, *, client_id: str, redirect_uri: str, team_id: int, user_id: int, now: int) -> str:
        code = secrets.token_hex(32)
        self._codes[code] = _Code(
            client_id=client_id,
            redirect_uri=redirect_uri,
            team_id=team_id,
            user_id=user_id,
            expires_at=now + CODE_LIFE,
        )
        return code

    def exchange_code(self, application: Application, code: str, redirect_uri: str, now: int) -> TokenPair:
        known = self._codes.pop(code, None)
        if (
            known is None
            or known.client_id != application.client_id
            or known.redirect_uri != redirect_uri
            or known.expires_at <= now
        ):
            raise InvalidGrantError
        return self.authorize(application, team_id=known.team_id, user_id=known.user_id, now=now)

    def authorize(self, application: Application, *, team_id: int, user_id: int, now: int) -> TokenPair:
        """A new authorization of the user: the refresh tokens before end."""
        self._end_refresh_tokens(application.client_id, user_id)
        return self._issue(application.client_id, team_id, user_id, application.scopes, now)

    def refresh(
        self, application: Application, refresh_token: str, switches: dict[int, Switches], now: int
    ) -> TokenPair:
        """A new pair for a refresh token, which is used up by it."""
        known = self._refresh.get(refresh_token)
        if known is None or known.client_id != application.client_id:
            raise InvalidGrantError
        team = switches[known.team_id]
        if team.earlier_access == "dies":
            for token in known.access_tokens:
                self._access.pop(token, None)
        if not team.refresh_grace:
            self._end_refresh_tokens(known.client_id, known.user_id)
        pair = self._issue(known.client_id, known.team_id, known.user_id, known.scope, now)
        if team.refresh_grace:
            self._access[pair.access_token].ends_on_use = refresh_token
        return pair

    def client_credentials(self, application: Application, user_id: int, scope: str | None, now: int) -> TokenPair:
        if application.team_id is None:
            raise InvalidClientError
        wanted = scope or application.scopes
        if not set(wanted.split()) <= set(application.scopes.split()):
            raise InvalidScopeError
        token = self._issue_access(
            "client_credentials", application.client_id, application.team_id, user_id, wanted, now
        )
        life = self._token_life(application.team_id)
        return TokenPair(access_token=token, refresh_token=None, scope=wanted, created_at=now, expires_in=life)

    def issue_api_key(self, *, team_id: int, user_id: int, scopes: str = ALL_SCOPES) -> str:
        key = f"v2_ak_{team_id}_{secrets.token_hex(32)}"
        self._access[key] = Grant(kind="api_key", team_id=team_id, user_id=user_id, scopes=frozenset(scopes.split()))
        return key

    def grant_of(self, token: str, now: int) -> Grant | None:
        """What the bearer token stands for, or None if it is unknown, expired or revoked."""
        grant = self._access.get(token)
        if grant is None or (grant.expires_at is not None and grant.expires_at <= now):
            return None
        if grant.ends_on_use is not None:
            self._refresh.pop(grant.ends_on_use, None)
            grant.ends_on_use = None
        return grant

    def team_of(self, access_token: str) -> int:
        """The team of a token that was just issued; looking does not count as use."""
        return self._access[access_token].team_id

    def team_behind(self, *, refresh_token: str, code: str) -> int | None:
        """The team that a refresh token or a code would give a pair for; looking does not count as use."""
        known = self._refresh.get(refresh_token) or self._codes.get(code)
        return None if known is None else known.team_id

    def expire_access(self, team_id: int, now: int) -> int:
        """Let every OAuth access token of a team be of yesterday; returns how many there were."""
        living = [
            grant
            for grant in self._access.values()
            if grant.team_id == team_id and grant.expires_at is not None and grant.expires_at > now
        ]
        for grant in living:
            grant.expires_at = now
        return len(living)

    def revoke(self, token: str) -> None:
        """End one token; a refresh token takes its access tokens with it. An unknown one is no error (RFC 7009)."""
        self._access.pop(token, None)
        known = self._refresh.pop(token, None)
        for access_token in known.access_tokens if known is not None else ():
            self._access.pop(access_token, None)

    def revoke_api_keys(self, team_id: int) -> int:
        """End every API key of a team; returns how many there were."""
        keys = [key for key, grant in self._access.items() if grant.team_id == team_id and grant.kind == "api_key"]
        for key in keys:
            del self._access[key]
        return len(keys)

    def revoke_team(self, team_id: int) -> int:
        """End every OAuth token of a team, as an admin of Salesloft can; returns how many there were."""
        access = [
            token for token, grant in self._access.items() if grant.team_id == team_id and grant.kind != "api_key"
        ]
        refresh = [token for token, known in self._refresh.items() if known.team_id == team_id]
        for token in access:
            del self._access[token]
        for token in refresh:
            del self._refresh[token]
        return len(access) + len(refresh)

    def _end_refresh_tokens(self, client_id: str, user_id: int) -> None:
        ended = [t for t, known in self._refresh.items() if known.client_id == client_id and known.user_id == user_id]
        for token in ended:
            del self._refresh[token]

    def _issue(self, client_id: str, team_id: int, user_id: int, scope: str, now: int) -> TokenPair:
        access = self._issue_access("oauth", client_id, team_id, user_id, scope, now)
        refresh = secrets.token_hex(32)
        self._refresh[refresh] = _Refresh(
            client_id=client_id, team_id=team_id, user_id=user_id, scope=scope, access_tokens=[access]
        )
        life = self._token_life(team_id)
        return TokenPair(access_token=access, refresh_token=refresh, scope=scope, created_at=now, expires_in=life)

    def _issue_access(
        self,
        kind: Literal["oauth", "client_credentials"],
        client_id: str,
        team_id: int,
        user_id: int,
        scope: str,
        now: int,
    ) -> str:
        token = secrets.token_hex(32)
        self._access[token] = Grant(
            kind=kind,
            team_id=team_id,
            user_id=user_id,
            scopes=frozenset(scope.split()),
            expires_at=now + self._token_life(team_id) * SECOND,
            client_id=client_id,
        )
        return token

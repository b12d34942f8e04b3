"""Who calls: a bearer JWT of the platform, checked against its issuer, its audience and its published keys.

A program sends it with each request; a browser has it in its session.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from time import monotonic, time
from typing import Annotated, Any

import httpx
import structlog
from fastapi import APIRouter
from fastapi.routing import APIRoute
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from web.browser import Browsers
from web.problems import Problem

__all__ = ["Caller", "CallerRole", "Callers", "Issuer", "for_the_known", "having_role"]

_log = structlog.get_logger(__name__)

# Signatures by a private key alone: a public key must not pass for a shared secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
_LEEWAY_S = 30
_KEYS_GOOD_FOR_S = 600.0
# A made-up key id must not make us ask the issuer each time.
_ASKED_AGAIN_AFTER_S = 10.0
_WITHIN_S = 5.0
# To look at a signature costs as much as all else of a short answer, so it is done once for a token, by the keys of the
# moment. Of the token no more than a digest is kept.
_MOST_TOKENS = 10_000
# Where a request keeps its caller.
_KNOWN = "caller"


class CallerRole(StrEnum):
    """What the platform's users are."""

    CSM = "csm"
    MANAGER = "manager"
    ADMIN = "admin"
    VIEWER = "viewer"


class Caller(BaseModel):
    """A user of the platform, in one organization; read from a token's claims.

    `good_until` is the token's end, seconds of real time since 1970.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    user_id: Annotated[str, Field(alias="sub", min_length=1)]
    organization_id: Annotated[str, Field(pattern=r"^[^:]+$")]
    role: CallerRole
    email: str | None = None
    good_until: Annotated[float, Field(alias="exp")]

    @property
    def expires_at(self) -> datetime:
        """The token's end."""
        return datetime.fromtimestamp(self.good_until, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who vouches for callers: the `iss` and `aud` that their tokens have, and where its public keys (JWKS) are."""

    issuer: str
    audience: str
    keys_url: str


class Callers:
    """Knows callers by their tokens. A token's end is real time: it is made by somebody who lives in it."""

    def __init__(self, issuer: Issuer | None, http: httpx.AsyncClient, browsers: Browsers) -> None:
        """Without an issuer nobody is known."""
        self._issuer = issuer
        self._http = http
        self._browsers = browsers
        self._keys: KeySet | None = None
        self._signed: OrderedDict[bytes, Caller] = OrderedDict()
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def of(self, request: Request) -> Caller:
        """The caller by the Authorization header, else by the browser's session. Raises Problem: 401, 403 or 503.

        A request's caller is looked at once, however often it is asked for.
        """
        known: Caller | None = getattr(request.state, _KNOWN, None)
        if known is None:
            known = await self._of(request)
            setattr(request.state, _KNOWN, known)
        return known

    async def _of(self, request: Request) -> Caller:
        session = None if "authorization" in request.headers else self._browsers.session(request)
        if session is None:
            return await self.caller(request.headers.get("authorization"))
        session.check(request)
        return await self.caller(f"Bearer {session.token}")

    async def caller(self, authorization: str | None) -> Caller:
        """The caller by the Authorization header. Raises Problem: 401, or 503 where nobody can be known."""
        if self._issuer is None:
            raise Problem(503, "callers_unknown", "The settings name no issuer of tokens, so nobody can be known.")
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise _unknown("a bearer token is needed")
        # First of all, since who signed is believed by the keys as they are now.
        await self._published(older_than_s=_KEYS_GOOD_FOR_S)
        digest = sha256(token.strip().encode()).digest()
        known = self._signed.get(digest)
        if known is None:
            known = self._signed[digest] = await self._read(token.strip(), self._issuer)
            if len(self._signed) > _MOST_TOKENS:
                self._signed.popitem(last=False)
        elif known.good_until < int(time()) - _LEEWAY_S:
            del self._signed[digest]
            raise _unknown_token("ExpiredTokenError")
        return known

    async def _read(self, token: str, issuer: Issuer) -> Caller:
        """Whom a token names, once its signature and its claims hold. Raises Problem, 401."""
        try:
            claims = await self._verified(token)
            jwt.JWTClaimsRegistry(
                now=int(time()),
                leeway=_LEEWAY_S,
                iss={"essential": True, "value": issuer.issuer},
                aud={"essential": True, "value": issuer.audience},
                exp={"essential": True},
            ).validate(claims)
            return Caller.model_validate(claims)
        except (JoseError, ValueError) as error:  # pydantic's error is a ValueError
            raise _unknown_token(type(error).__name__) from None

    async def _verified(self, token: str) -> dict[str, Any]:
        keys = await self._published(older_than_s=_KEYS_GOOD_FOR_S)
        try:
            return jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
        except InvalidKeyIdError:
            # The issuer may have begun to sign with a new key.
            keys = await self._published(older_than_s=_ASKED_AGAIN_AFTER_S)
            return jwt.decode(token, keys, algorithms=_ALGORITHMS).claims

    async def _published(self, *, older_than_s: float) -> KeySet:
        """The issuer's keys, asked for again where ours are older. One that is silent is believed as of last time."""
        async with self._asking:
            if self._keys is None or monotonic() - self._asked_at > older_than_s:
                self._asked_at = monotonic()
                self._keys = await self._asked() or self._keys
                self._signed.clear()
            if self._keys is None:
                # The next caller asks again.
                self._asked_at = float("-inf")
                raise Problem(503, "callers_unknown", "The issuer's keys cannot be read; try again in a moment.")
            return self._keys

    async def _asked(self) -> KeySet | None:
        if self._issuer is None:
            return None
        try:
            answer = (await self._http.get(self._issuer.keys_url, timeout=_WITHIN_S)).raise_for_status()
            return KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, httpx.InvalidURL, JoseError, ValueError, KeyError, TypeError) as error:
            _log.warning("issuer_keys_not_read", error=repr(error))
            return None


def having_role(callers: Callers, *roles: CallerRole) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, who has one of these roles. Raises Problem: 401, 403 or 503."""

    async def caller(request: Request) -> Caller:
        known = await callers.of(request)
        if known.role not in roles:
            needed = " or ".join(role.value for role in roles)
            raise Problem(403, "role_required", f"this needs the role {needed}")
        return known

    return caller


def for_the_known(routes: APIRouter, callers: Callers) -> None:
    """Have a router's operations begin with who asks, but those that are public: of a stranger no body is read."""
    for route in routes.routes:
        if isinstance(route, APIRoute) and (route.openapi_extra or {}).get("security") != []:
            route.app = _of_the_known(callers, route.app)


def _of_the_known(callers: Callers, operation: ASGIApp) -> ASGIApp:
    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        await callers.of(Request(scope, receive))
        await operation(scope, receive, send)

    return asked


def _unknown_token(error: str) -> Problem:
    _log.info("caller_refused", error=error)
    return _unknown("the token is none of the platform's, or no longer good")


def _unknown(detail: str) -> Problem:
    return Problem(401, "caller_unknown", detail, headers={"www-authenticate": "Bearer"})

"""An identity provider for a laptop: whoever comes chooses an organization and one of the four roles.

OpenID Connect as far as the service uses it: discovery, the authorization code flow with PKCE, and published keys. Its
access tokens are the platform's bearer JWTs. It asks for no password, so it listens on loopback alone.
"""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from hmac import compare_digest
from html import escape
from secrets import token_urlsafe
from time import time
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.stack import free_port
from web.app import HttpServer

__all__ = ["AUDIENCE", "CLIENT_ID", "ROLES", "Identity", "identity_provider", "running_identity"]

AUDIENCE = "cscx-salesloft"
CLIENT_ID = "cscx-salesloft-pages"
ROLES = ("csm", "manager", "admin", "viewer")

# Of the population's customers a part is this user's: a csm who owns none could do nothing.
_OWNER = "usr-1"
_START_S = 10.0
_GOOD_FOR_S = 12 * 3600
_CODES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Identity:
    """A provider that runs: its issuer, and the secret of the service's client."""

    url: str
    client_secret: str = field(repr=False)


@asynccontextmanager
async def running_identity(organizations: Sequence[str]) -> AsyncIterator[Identity]:
    """A provider that knows these organizations, for the length of a block."""
    port = free_port()
    identity = Identity(f"http://127.0.0.1:{port}", token_urlsafe(24))
    app = identity_provider(identity.url, organizations, identity.client_secret)
    server = HttpServer(lambda: nullcontext(app), host="127.0.0.1", port=port, drain_seconds=1)
    running = asyncio.create_task(server.run(), name="identity provider")
    try:
        async with asyncio.timeout(_START_S):
            await server.ready.wait()
        yield identity
    finally:
        server.stop()
        await running


@dataclass(slots=True)
class _Granted:
    claims: dict[str, Any]
    challenge: str
    redirect_uri: str


@dataclass(slots=True)
class _Provider:
    url: str
    organizations: Sequence[str]
    client_secret: str
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": token_urlsafe(8), "use": "sig"}))
    codes: dict[str, _Granted] = field(default_factory=dict)


def identity_provider(url: str, organizations: Sequence[str], client_secret: str) -> Starlette:
    """The application that is served at `url`, its issuer."""
    provider = _Provider(url, organizations, client_secret)

    async def configuration(_: Request) -> Response:
        return JSONResponse(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "jwks_uri": f"{url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def keys(_: Request) -> Response:
        return JSONResponse({"keys": [provider.key.as_dict(private=False)]})

    async def authorize(request: Request) -> Response:
        asked = request.query_params
        if asked.get("client_id") != CLIENT_ID or asked.get("code_challenge_method") != "S256":
            return JSONResponse({"error": "invalid_request"}, 400)
        if "as" not in asked:
            return HTMLResponse(_choice(request, provider.organizations))
        organization_id, _, role = asked["as"].rpartition("/")
        if organization_id not in provider.organizations or role not in ROLES:
            return JSONResponse({"error": "invalid_request"}, 400)
        code = token_urlsafe(24)
        while len(provider.codes) >= _CODES_KEPT:
            provider.codes.pop(next(iter(provider.codes)))
        user_id = _OWNER if role == "csm" else f"{role}@{organization_id}"
        claims = {"sub": user_id, "organization_id": organization_id, "role": role}
        provider.codes[code] = _Granted(claims, asked["code_challenge"], asked["redirect_uri"])
        back = urlencode({"code": code, "state": asked.get("state", "")})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", status_code=303)

    async def token(request: Request) -> Response:
        told = {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
        granted = provider.codes.pop(told.get("code", ""), None)
        if not _is_client(request, provider) or granted is None or not _is_due(granted, told):
            return JSONResponse({"error": "invalid_grant"}, 400)
        claims = granted.claims | {"iss": url, "aud": AUDIENCE, "exp": int(time()) + _GOOD_FOR_S}
        signed = jwt.encode({"alg": "ES256", "kid": provider.key.kid}, claims, provider.key)
        return JSONResponse({"access_token": signed, "token_type": "Bearer", "expires_in": _GOOD_FOR_S})

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", configuration),
            Route("/keys", keys),
            Route("/authorize", authorize),
            Route("/token", token, methods=["POST"]),
        ]
    )


def _is_client(request: Request, provider: _Provider) -> bool:
    expected = base64.b64encode(f"{CLIENT_ID}:{provider.client_secret}".encode()).decode()
    return compare_digest(request.headers.get("authorization", "").encode(), f"Basic {expected}".encode())


def _is_due(granted: _Granted, told: dict[str, str]) -> bool:
    digest = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return compare_digest(challenge, granted.challenge) and told.get("redirect_uri") == granted.redirect_uri


def _choice(request: Request, organizations: Sequence[str]) -> str:
    rows = []
    for organization_id in organizations:
        links = " ".join(_link(request, organization_id, role) for role in ROLES)
        rows.append(f"<li><strong>{escape(organization_id)}</strong> {links}</li>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Who are you?</title><style>body{font:16px/1.8 system-ui;max-width:560px;margin:12vh auto;"
        "padding:0 16px;color-scheme:light dark}a{padding:2px 10px;border:1px solid;border-radius:6px;"
        "text-decoration:none;margin-left:6px}ul{list-style:none;padding:0}</style>"
        f"<h1>Who are you?</h1><p>A sandbox: choose an organization and a role.</p><ul>{''.join(rows)}</ul></html>"
    )


def _link(request: Request, organization_id: str, role: str) -> str:
    address = request.url.include_query_params(**{"as": f"{organization_id}/{role}"})
    return f'<a href="{escape(str(address))}">{role}</a>'

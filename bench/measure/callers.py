"""Who asks the HTTP API, and the issuer that vouches for them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from time import time
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from web.app import HttpServer

__all__ = ["AUDIENCE", "ISSUER", "Callers"]

ISSUER, AUDIENCE = "https://login.cscx.example", "cscx-salesloft"
_USERS_EACH = 3
_TOKENS_GOOD_FOR_S = 4 * 3600


class Callers:
    """Users of each organization, and who vouches for them."""

    def __init__(self, organization_ids: Sequence[str]) -> None:
        self._key = ECKey.generate_key("P-256", {"kid": uuid4().hex, "use": "sig"})
        self.tokens = {
            organization_id: [self._token(organization_id, f"usr-{number}") for number in range(_USERS_EACH)]
            for organization_id in organization_ids
        }

    def _token(self, organization_id: str, user_id: str) -> str:
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": int(time()) + _TOKENS_GOOD_FOR_S,
            "sub": user_id,
            "organization_id": organization_id,
            "role": "csm",
            "email": f"{user_id}@cscx.example",
        }
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, claims, self._key)

    @asynccontextmanager
    async def published(self) -> AsyncIterator[str]:
        """Where the issuer's keys are read, for the length of a block."""

        async def keys(_: Request) -> JSONResponse:
            return JSONResponse({"keys": [self._key.as_dict(private=False)]})

        app = Starlette(routes=[Route("/keys", keys)])
        server = HttpServer(lambda: nullcontext(app), host="127.0.0.1", port=0)
        serving = asyncio.create_task(server.run())
        await server.ready.wait()
        try:
            yield f"{server.address}/keys"
        finally:
            server.stop()
            await serving

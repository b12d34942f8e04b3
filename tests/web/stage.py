"""The HTTP API on a port of its own, beside the simulator and an issuer of tokens, and a browser to use them with."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from cryptography.fernet import Fernet
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from salesloft_client import BudgetSettings, OAuthApp, RetrySettings, TransportSettings
from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database, DatabaseOptions
from web.api import ApiPorts, api_app
from web.app import HttpServer
from web.browser import Browsers
from web.jobs import Jobs
from web.pages.signing_in import SigningIn
from web.rate_limits import Buckets
from web.reading.asking import Looking
from web.reading.feed import EventFeed
from web.security import Callers, Issuer
from workflows.authorization import Authorizations
from workflows.credentials import Keyring
from workflows.memory import OrganizationMemory
from workflows.salesloft_time import DatedWire
from workflows.session import SessionOptions, Sessions
from workflows.webhooks import CallbackAddress

ISSUER, AUDIENCE = "https://login.cscx.example", "cscx-salesloft"
CALLBACK = "https://cscx.example/api/integrations/salesloft/callback"
_PATIENT_S = 60.0
"""How long an answer may take: the machine may be busy."""
KEYRING = Keyring({"k1": Fernet.generate_key().decode()}, "k1")


class StepClock:
    """Business time as of the last step."""

    speed = 1.0

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    """The application's address, for the length of a block."""
    async with served_at(app, 0) as address:
        yield address


@asynccontextmanager
async def served_at(app: Starlette, port: int) -> AsyncIterator[str]:
    """The same at a port."""
    server = HttpServer(lambda: nullcontext(app), host="127.0.0.1", port=port, drain_seconds=1)
    running = asyncio.create_task(server.run())
    async with asyncio.timeout(10):
        await server.ready.wait()
    try:
        yield server.address
    finally:
        server.stop()
        await running


@dataclass
class TokenIssuer:
    """Signs callers' tokens, and publishes its public keys; `asked` counts who wanted them."""

    keys: list[ECKey] = field(default_factory=list)
    asked: int = 0
    silent: bool = False

    def new_key(self) -> ECKey:
        key = ECKey.generate_key("P-256", {"kid": uuid4().hex, "use": "sig"})
        self.keys.append(key)
        return key

    def app(self) -> Starlette:
        async def published(_: Request) -> JSONResponse:
            self.asked += 1
            if self.silent:
                return JSONResponse({"error": "not now"}, 503)
            return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

        return Starlette(routes=[Route("/keys", published)])

    def token(self, organization_id: str, *, role: str = "admin", key: ECKey | None = None, **claims: Any) -> str:
        signing = key or self.keys[-1]
        told = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": int(time.time()) + 300,
            "sub": "usr-1",
            "organization_id": organization_id,
            "role": role,
            "email": "lea@cscx.example",
            **claims,
        }
        kept = {name: value for name, value in told.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": signing.kid}, kept, signing)


@dataclass
class Api:
    """The API, one organization that may use it, and its team. `http` does not follow redirects."""

    base_url: str
    http: httpx.AsyncClient
    issuer: TokenIssuer
    simulator: SimulatorClient
    sessions: Sessions
    database: Database
    clock: StepClock
    team: dict[str, Any]
    organization_id: str

    @property
    def address(self) -> CallbackAddress:
        """Where Salesloft reaches this API."""
        return CallbackAddress(self.base_url)

    def headers(self, **claims: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {self.issuer.token(**{'organization_id': self.organization_id, **claims})}"}

    async def connect(self, body: dict[str, Any] | None = None, **claims: Any) -> httpx.Response:
        path = "/api/integrations/salesloft/connect"
        return await self.http.post(path, json=body, headers=self.headers(**claims))

    async def allow(self, connect_url: str) -> str:
        """What the browser is sent back with, once the user has allowed it at Salesloft: the query."""
        answer = await self.http.get(f"{connect_url}&user_id={self.team['users'][0]['id']}")
        assert answer.status_code == 302, answer.text
        address, _, query = answer.headers["location"].partition("?")
        assert address == CALLBACK
        return str(query)

    async def come_back(self, query: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.http.get(f"/api/integrations/salesloft/callback?{query}", headers=headers)

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        async with self.database.connection() as connection:
            return list(await connection.fetch(query, *arguments))

    async def advance(self, seconds: float) -> None:
        """For Salesloft and for us."""
        self.clock.instant = await self.simulator.advance(seconds)

    def pass_time(self, **duration: float) -> None:
        """For us alone: Salesloft's clock stands still."""
        self.clock.instant += timedelta(**duration)


@asynccontextmanager
async def running_api(
    simulator: SimulatorClient,
    database: Database,
    dsn: str,
    *,
    feed: EventFeed | None = None,
    decide_here: bool = True,
    buckets: Buckets | None = None,
    **team: Any,
) -> AsyncIterator[Api]:
    """The API over a database that acts as the worker; `team` is what the simulator takes of one.

    Streams are served from `feed`, which is the caller's to run.
    """
    clock, issuer = StepClock(await simulator.now()), TokenIssuer()
    issuer.new_key()
    made = await simulator.team(f"Team {uuid4().hex[:6]}", **team)
    app = OAuthApp(
        client_id=made["client_id"],
        client_secret=made["client_secret"],
        redirect_uri=CALLBACK,
        auth_host=simulator.base_url,
    )
    options = SessionOptions(
        app=app,
        auth_host=simulator.base_url,
        transport=TransportSettings(
            base_url=f"{simulator.base_url}/v2", retry=RetrySettings(first_wait_s=0.02, longest_wait_s=0.1)
        ),
        budget=BudgetSettings(paced=frozenset()),
    )
    apart = DatabaseOptions(dsn=dsn, role="cscx_salesloft_api")
    async with (
        DatedWire(clock) as wire,
        Database.connected(apart) as api_database,
        httpx.AsyncClient(timeout=_PATIENT_S) as outgoing,
        served(issuer.app()) as issuer_url,
        Jobs() as jobs,
    ):
        sessions = Sessions(database=database, wire=wire, keyring=KEYRING, clock=clock, options=options)
        browsers = Browsers(KEYRING, over_https=False)
        issuer_of_callers = Issuer(issuer=ISSUER, audience=AUDIENCE, keys_url=f"{issuer_url}/keys")
        callers = Callers(issuer_of_callers, outgoing, browsers)
        ports = ApiPorts(
            database=database,
            sessions=sessions,
            authorizations=Authorizations(api_database, KEYRING, app, clock),
            callers=callers,
            browsers=browsers,
            signing_in=SigningIn(None, KEYRING, callers, browsers),
            memory=OrganizationMemory(),
            clock=clock,
            decide_here=decide_here,
            looking=Looking(database=api_database, callers=callers, clock=clock, budget=BudgetSettings()),
            feed=feed or EventFeed(database, dsn),
            jobs=jobs,
            buckets=buckets,
        )
        async with served(api_app(ports)) as base_url, httpx.AsyncClient(base_url=base_url, timeout=_PATIENT_S) as http:
            try:
                yield Api(
                    base_url=base_url,
                    http=http,
                    issuer=issuer,
                    simulator=simulator,
                    sessions=sessions,
                    database=database,
                    clock=clock,
                    team=made,
                    organization_id=f"org-{uuid4().hex[:8]}",
                )
            finally:
                await sessions.budgets.close()

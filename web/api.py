"""The HTTP API of the `api` role: health and metrics as in every role, and the routes."""

from dataclasses import dataclass

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware

from storage.pool import Database
from telemetry.health import Health
from web.adding import adding_routes
from web.app import health_app
from web.capabilities import capability_routes
from web.connection import connection_routes
from web.idempotency import Idempotency, refuse_in_doubt
from web.mappings import mapping_routes
from web.memberships import membership_routes
from web.problems import answer_with_problems
from web.requests import EveryRequest
from web.security import Callers
from web.webhooks import webhook_routes
from workflows.authorization import Authorizations
from workflows.clock import Clock
from workflows.memory import OrganizationMemory
from workflows.session import Sessions

__all__ = ["ApiPorts", "api_app"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPorts:
    """What the routes work with; `database` acts as the worker, since a delivery's organization is to be found."""

    database: Database
    sessions: Sessions
    authorizations: Authorizations
    callers: Callers
    clock: Clock


def api_app(health: Health, ports: ApiPorts) -> FastAPI:
    """The application. Its pages of documentation would fetch scripts from elsewhere, so it has none."""
    app = FastAPI(
        title="cscx-salesloft",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(EveryRequest),
            Middleware(Idempotency, database=ports.database, callers=ports.callers, keyring=ports.sessions.keyring),
        ],
        dependencies=[Depends(refuse_in_doubt)],
        routes=list(health_app(health).routes),
    )
    answer_with_problems(app)
    app.include_router(connection_routes(ports.sessions, ports.authorizations, ports.callers))
    app.include_router(mapping_routes(ports.callers))
    app.include_router(capability_routes(ports.callers))
    memory = OrganizationMemory()
    app.include_router(membership_routes(ports.database, memory, ports.clock, ports.callers))
    app.include_router(adding_routes(ports.database, memory, ports.clock, ports.callers))
    app.include_router(webhook_routes(ports.database, ports.sessions.keyring))
    return app

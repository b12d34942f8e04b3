"""The HTTP API of the `api` role: health and metrics as in every role, and the routes."""

from dataclasses import dataclass

from fastapi import FastAPI
from starlette.middleware import Middleware

from storage.pool import Database
from telemetry.health import Health
from web.app import health_app
from web.connection import connection_routes
from web.mappings import mapping_routes
from web.problems import answer_with_problems
from web.reading.asking import Looking
from web.reading.feed import EventFeed
from web.reading.routes import reading_routes
from web.requests import EveryRequest
from web.security import Callers
from web.webhooks import webhook_routes
from workflows.authorization import Authorizations
from workflows.session import Sessions

__all__ = ["ApiPorts", "api_app"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPorts:
    """What the routes work with; `database` acts as the worker, since a delivery's organization is to be found."""

    database: Database
    sessions: Sessions
    authorizations: Authorizations
    callers: Callers
    looking: Looking
    feed: EventFeed


def api_app(health: Health, ports: ApiPorts) -> FastAPI:
    """The application. Its pages of documentation would fetch scripts from elsewhere, so it has none."""
    app = FastAPI(
        title="cscx-salesloft",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        middleware=[Middleware(EveryRequest)],
        routes=list(health_app(health).routes),
    )
    answer_with_problems(app)
    app.include_router(connection_routes(ports.sessions, ports.authorizations, ports.callers))
    app.include_router(mapping_routes(ports.callers))
    app.include_router(reading_routes(ports.looking, ports.feed))
    app.include_router(webhook_routes(ports.database, ports.sessions.keyring))
    return app

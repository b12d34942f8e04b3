"""What the `api` role serves, wired together. Imported by that role alone: the framework takes memory and time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from service.roles import opened_authorizations
from service.settings import Settings
from storage.pool import Database
from telemetry.health import Health
from web.api import ApiPorts, api_app
from web.security import Callers, Issuer
from workflows.clock import Clock
from workflows.session import Sessions

__all__ = ["api_application"]


@asynccontextmanager
async def api_application(
    settings: Settings, health: Health, database: Database, sessions: Sessions, clock: Clock
) -> AsyncIterator[FastAPI]:
    """The application, with what it needs open."""
    issuer = None
    if settings.jwt_issuer and settings.jwt_audience and settings.jwt_keys_url:
        issuer = Issuer(issuer=settings.jwt_issuer, audience=settings.jwt_audience, keys_url=settings.jwt_keys_url)
    async with opened_authorizations(settings, clock) as authorizations, httpx.AsyncClient() as http:
        ports = ApiPorts(
            database=database,
            sessions=sessions,
            authorizations=authorizations,
            callers=Callers(issuer, http),
            clock=clock,
        )
        yield api_app(health, ports)

"""What the `api` role serves, wired together. Imported by that role alone: the framework takes memory and time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from fastapi import FastAPI

from salesloft_client import BudgetSettings
from service.roles import api_database_options, opened_authorizations, session_options
from service.settings import Settings
from storage.pool import Database
from web.api import ApiPorts, api_app
from web.browser import Browsers
from web.jobs import Jobs
from web.pages.signing_in import IdentityProvider, SigningIn
from web.rate_limits import Buckets, Rate
from web.reading.asking import Looking
from web.reading.feed import EventFeed
from web.security import Callers, Issuer
from workflows.clock import Clock
from workflows.memory import OrganizationMemory
from workflows.session import Sessions

__all__ = ["api_application"]


@asynccontextmanager
async def api_application(
    settings: Settings, database: Database, sessions: Sessions, clock: Clock
) -> AsyncIterator[FastAPI]:
    """The application, with what it needs open."""
    issuer = None
    if settings.jwt_issuer and settings.jwt_audience and settings.jwt_keys_url:
        issuer = Issuer(issuer=settings.jwt_issuer, audience=settings.jwt_audience, keys_url=settings.jwt_keys_url)
    browsers = Browsers(sessions.keyring, over_https=(settings.public_url or "").startswith("https:"))
    async with AsyncExitStack() as stack:
        authorizations = await stack.enter_async_context(opened_authorizations(settings, clock))
        callers = Callers(issuer, await stack.enter_async_context(httpx.AsyncClient()), browsers)
        looking = Looking(
            database=await stack.enter_async_context(Database.connected(api_database_options(settings))),
            callers=callers,
            clock=clock,
            budget=session_options(settings).budget or BudgetSettings(),
        )
        feed = EventFeed(database, settings.database_url.get_secret_value())
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        following = tasks.create_task(feed.run(), name="event feed")
        stack.callback(following.cancel)
        rate = Rate(per_minute=settings.http_requests_per_minute, burst=settings.http_requests_at_once)
        ports = ApiPorts(
            database=database,
            sessions=sessions,
            authorizations=authorizations,
            callers=callers,
            browsers=browsers,
            signing_in=SigningIn(_identity_provider(settings), sessions.keyring, callers, browsers),
            memory=OrganizationMemory(),
            clock=clock,
            decide_here=settings.decide_here,
            looking=looking,
            feed=feed,
            public_url=settings.public_url,
            jobs=await stack.enter_async_context(Jobs()),
            buckets=Buckets(rate) if rate.per_minute else None,
        )
        # In a thread, since to make the routes is a fifth of a second.
        yield await asyncio.to_thread(api_app, ports)


def _identity_provider(settings: Settings) -> IdentityProvider | None:
    if settings.oidc_url is None or settings.oidc_client_id is None or settings.oidc_client_secret is None:
        return None
    return IdentityProvider(
        url=settings.oidc_url, client_id=settings.oidc_client_id, client_secret=settings.oidc_client_secret
    )

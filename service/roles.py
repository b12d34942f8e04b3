"""What each role of the service runs, wired together."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from importlib import import_module

import httpx
from starlette.types import ASGIApp

from consumers.decisions import DecisionHandler
from consumers.directory import DirectoryHandler
from consumers.lifecycle import LifecycleHandler
from consumers.loop import ConsumeLoop, Handler, LoopOptions
from consumers.outcomes import OutcomeHandler
from fulfillment.carrying import Workbench
from fulfillment.handlers import all_handlers
from fulfillment.options import FulfillmentOptions
from fulfillment.timers import TimerOptions, Timers
from fulfillment.worker import CommandWorker
from producers.activity_poller import ActivityPoller, PollerOptions
from producers.outbox_relay import OutboxRelay, RelayOptions
from producers.publisher import PublisherOptions
from producers.streams.reconciling import ReconcileOptions
from producers.streams.turn import TurnOptions
from salesloft_client import BudgetSettings, OAuthApp, TransportSettings
from service.budget_stops import BudgetStops
from service.clock import FollowedClock
from service.observing import CallMetrics
from service.settings import Settings
from service.supervisor import Part
from storage.pool import Database, DatabaseOptions
from telemetry.health import Health
from web.app import Application, HttpServer, health_app
from web.behind_health import behind_health
from workflows.authorization import Authorizations
from workflows.clock import Clock, SystemClock
from workflows.commands import CommandKind
from workflows.credentials import Keyring
from workflows.memory import OrganizationMemory
from workflows.salesloft_time import DatedWire
from workflows.session import SessionOptions, Sessions
from workflows.webhooks import CallbackAddress

__all__ = [
    "Process",
    "Role",
    "api_database_options",
    "command_worker",
    "database_options",
    "keyring",
    "opened_authorizations",
    "opened_sessions",
    "running_clock",
    "running_process",
]

_CLOCK_DEADLINE = 10.0


class Role(StrEnum):
    """What a process may do; one process may do all of it."""

    CONSUME = "consume"
    RELAY = "relay"
    FULFILL = "fulfill"
    POLL = "poll"
    API = "api"


@dataclass(frozen=True, slots=True)
class Process:
    """The parts to supervise, and the health they report to."""

    parts: list[Part]
    health: Health
    http: HttpServer


def database_options(settings: Settings) -> DatabaseOptions:
    """How this process reaches Postgres, as the worker."""
    return DatabaseOptions(
        dsn=settings.database_url.get_secret_value(),
        max_size=settings.database_pool_size,
        statement_cache_size=settings.database_statement_cache_size,
        statement_timeout=settings.database_statement_timeout,
    )


def api_database_options(settings: Settings) -> DatabaseOptions:
    """How this process reaches Postgres, as one organization at a time; without a connection until somebody asks.

    The API is opened at any moment, and so also while the database is away.
    """
    return replace(database_options(settings), role="cscx_salesloft_api", min_size=0)


def keyring(settings: Settings) -> Keyring:
    """The keys of stored credentials."""
    keys = {key_id: key.get_secret_value() for key_id, key in settings.encryption_keys.items()}
    return Keyring(keys, current=next(iter(keys)))


def session_options(settings: Settings) -> SessionOptions:
    """How Salesloft is reached."""
    app = None
    if settings.salesloft_client_id is not None and settings.salesloft_client_secret is not None:
        app = OAuthApp(
            client_id=settings.salesloft_client_id,
            client_secret=settings.salesloft_client_secret.get_secret_value(),
            redirect_uri=settings.redirect_uri or "",
            auth_host=settings.salesloft_auth_url,
        )
    return SessionOptions(
        app=app,
        auth_host=settings.salesloft_auth_url,
        transport=TransportSettings(base_url=settings.salesloft_url),
        budget=BudgetSettings(limit=settings.salesloft_cost_per_minute),
        observer=CallMetrics(),
    )


def callback_address(settings: Settings) -> CallbackAddress | None:
    """Where Salesloft delivers to, where the settings say how we are reached."""
    return CallbackAddress(settings.public_url) if settings.public_url is not None else None


@asynccontextmanager
async def opened_authorizations(settings: Settings, clock: Clock) -> AsyncIterator[Authorizations]:
    """What begins and ends authorizations, with a pool that sees one organization at a time."""
    options = api_database_options(settings)
    async with Database.connected(options) as database:
        yield Authorizations(database, keyring(settings), session_options(settings).app, clock)


@asynccontextmanager
async def opened_sessions(settings: Settings, clock: Clock) -> AsyncIterator[Sessions]:
    """The organizations' Salesloft sessions, with a pool and connections of their own."""
    async with AsyncExitStack() as stack:
        options = database_options(settings)
        database = await stack.enter_async_context(Database.connected(options))
        wire = DatedWire(clock)
        stack.push_async_callback(wire.aclose)
        sessions = Sessions(
            database=database, wire=wire, keyring=keyring(settings), clock=clock, options=session_options(settings)
        )
        stack.push_async_callback(sessions.budgets.close)
        yield sessions


@asynccontextmanager
async def running_clock(settings: Settings) -> AsyncIterator[tuple[Clock, list[Part]]]:
    """Business time, and the part that keeps it where it is followed. ClockUnavailable where its URL tells none."""
    if settings.clock_url is None:
        yield SystemClock(), []
        return
    followed = FollowedClock(settings.clock_url)
    async with httpx.AsyncClient(timeout=_CLOCK_DEADLINE) as client:
        await followed.ask(client)
    yield followed, [followed]


@asynccontextmanager
async def running_process(settings: Settings, roles: AbstractSet[Role]) -> AsyncIterator[Process]:
    """Everything that some roles need, connected; the caller supervises its parts."""
    health = Health()
    async with AsyncExitStack() as stack:
        clock, parts = await stack.enter_async_context(running_clock(settings))
        database = await stack.enter_async_context(Database.connected(database_options(settings)))
        if Role.CONSUME in roles:
            parts += _consumers(settings, database, health, clock)
        if Role.RELAY in roles:
            parts.append(_relay(settings, database))
        application: Application = partial(_health, health)
        if roles & {Role.FULFILL, Role.POLL, Role.API}:
            sessions = await stack.enter_async_context(opened_sessions(settings, clock))
            parts.append(BudgetStops(settings.database_url.get_secret_value(), sessions.budgets))
            if Role.FULFILL in roles:
                memory = OrganizationMemory()
                parts.append(command_worker(settings, database, sessions, memory, clock))
                parts.append(_timers(settings, database, memory, clock))
            if Role.POLL in roles:
                parts.append(_poller(settings, database, sessions, clock))
            if Role.API in roles:
                api = partial(_api, settings, database, sessions, clock)
                beside = [part.ready for part in parts]
                application = partial(behind_health, health_app(health), api, beside=beside)
        http = HttpServer(application, host=settings.http_host, port=settings.http_port)
        parts.append(http)
        yield Process(parts, health, http)


@asynccontextmanager
async def _health(health: Health) -> AsyncIterator[ASGIApp]:
    yield health_app(health)


@asynccontextmanager
async def _api(settings: Settings, database: Database, sessions: Sessions, clock: Clock) -> AsyncIterator[ASGIApp]:
    # Other roles have no use for it, and it is a fifth of a start.
    await asyncio.to_thread(import_module, "service.api_role")
    from service.api_role import api_application  # noqa: PLC0415 - see above

    async with api_application(settings, database, sessions, clock) as app:
        yield app


def _consumers(settings: Settings, database: Database, health: Health, clock: Clock) -> list[Part]:
    memory = OrganizationMemory()
    handlers: list[Handler] = [
        LifecycleHandler(memory, clock),
        DirectoryHandler(memory, clock),
        OutcomeHandler(memory, clock),
        DecisionHandler(memory, clock),
    ]
    return [
        ConsumeLoop(
            handler=handler,
            database=database,
            options=LoopOptions(
                bootstrap_servers=settings.kafka_bootstrap_servers,
                instance=settings.instance,
                max_batch=settings.consume_max_batch,
                # Four busy topics share one fetch, kept short; the quiet need not ask twenty times a second.
                fetch_max_wait_ms=50 if isinstance(handler, LifecycleHandler) else 500,
                stuck_after=settings.stuck_seconds,
                # Requests expire only once the decisions' topic has been read up to their expiry.
                track_progress=isinstance(handler, DecisionHandler),
            ),
            health=health,
            clock=clock,
        )
        for handler in handlers
    ]


def _relay(settings: Settings, database: Database) -> Part:
    return OutboxRelay(
        database,
        settings.database_url.get_secret_value(),
        RelayOptions(
            publisher=PublisherOptions(bootstrap_servers=settings.kafka_bootstrap_servers),
            lease=settings.lease_seconds,
            renew=settings.lease_seconds / 10,
            send=settings.lease_seconds / 3,
        ),
    )


def command_worker(
    settings: Settings,
    database: Database,
    sessions: Sessions,
    memory: OrganizationMemory,
    clock: Clock,
    *,
    kinds: AbstractSet[str] = frozenset(CommandKind),
) -> CommandWorker:
    """A worker for some kinds of commands."""
    bench = Workbench(
        database=database,
        sessions=sessions,
        memory=memory,
        clock=clock,
        options=FulfillmentOptions(
            concurrency=settings.fulfill_concurrency,
            lease_s=settings.lease_seconds * 2,
            call_s=settings.lease_seconds / 2,
            fresh_for=timedelta(seconds=settings.poll_interval_seconds),
        ),
    )
    every = all_handlers(bench, callback=callback_address(settings))
    handlers = {kind: handler for kind, handler in every.items() if kind in kinds}
    return CommandWorker(bench, settings.database_url.get_secret_value(), handlers)


def _timers(settings: Settings, database: Database, memory: OrganizationMemory, clock: Clock) -> Part:
    return Timers(
        database,
        memory,
        clock,
        TimerOptions(
            inbox_retention=timedelta(days=settings.inbox_retention_days),
            outbox_retention=timedelta(days=settings.outbox_retention_days),
            callback=callback_address(settings),
        ),
    )


def _poller(settings: Settings, database: Database, sessions: Sessions, clock: Clock) -> Part:
    return ActivityPoller(
        database,
        settings.database_url.get_secret_value(),
        sessions,
        clock,
        PollerOptions(
            address_key=settings.address_key.get_secret_value().encode(),
            lease_s=settings.lease_seconds * 3,
            turn=TurnOptions(
                interval=timedelta(seconds=settings.poll_interval_seconds),
                call_s=settings.lease_seconds * 2 / 3,
                reconcile=ReconcileOptions(
                    hour=settings.reconcile_hour, spread=timedelta(seconds=settings.reconcile_spread_seconds)
                ),
            ),
        ),
    )

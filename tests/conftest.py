"""What tests of every room share: one bus and one database server a worker, each started when a test first asks."""

import functools
import gc
import signal
import ssl
import uuid
from collections.abc import AsyncIterator, Generator, Iterable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from sandbox.salesloft.server import SimulatorClient, running_simulator
from sandbox.stack import KafkaServer, PostgresServer, StackOptions, local_kafka, local_postgres
from storage.migrate import migrate
from storage.pool import Database, DatabaseOptions

# A shell that starts us in the background has us, and whatever we start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's business.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Every HTTP client reads the machine's certificates, which takes longer than most tests do, and none here meets one.
ssl.create_default_context = functools.cache(ssl.create_default_context)  # type: ignore[assignment]

# What a type is made of is asked by every connection anew, and every test has connections of its own: to tell it costs
# the server more than to copy a database. A number names one type in all of a server's databases, which count on
# together and copy their template's; a server is known by its password, which no other one has.
_ask_for_types = asyncpg.Connection._introspect_types  # type: ignore[attr-defined]
_types: dict[tuple[str, frozenset[int]], Any] = {}


async def _ask_for_types_once(connection: Any, numbers: Iterable[int], timeout: float | None) -> Any:  # noqa: ASYNC109
    asked = (connection._params.password, frozenset(numbers))
    if asked not in _types:
        _types[asked] = await _ask_for_types(connection, numbers, timeout)
    return _types[asked]


asyncpg.Connection._introspect_types = _ask_for_types_once  # type: ignore[attr-defined]

# Out of the box structlog draws every local variable of a traceback, which keeps the event loop busy for seconds.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


# Each of these has a Kafka, a Postgres, a Salesloft and the service to itself, or keeps a processor busy for as long.
_WHOLE_WORLDS = (
    "tests/chaos/",
    "tests/integration/",
    "tests/pages/test_whole_journey.py",
    "tests/sandbox/test_demo.py",
    "tests/web/test_schemathesis.py",
)


class _OneWorldAtATime(LoadFileScheduling):  # type: ignore[misc]  # it has no types of its own
    """Hands files out to workers as ever, but for whole worlds: beside each other they are slower than in a row."""

    def _split_scope(self, nodeid: str) -> str:
        return "whole worlds" if nodeid.startswith(_WHOLE_WORLDS) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Asked for by pytest-xdist, in the process that hands out."""
    return _OneWorldAtATime(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole worlds come first: begun last, they would have the other workers wait."""
    items.sort(key=lambda item: not item.nodeid.startswith(_WHOLE_WORLDS))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests and all that they import stay: to look through them for garbage again and again takes long."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
async def kafka_server() -> AsyncIterator[KafkaServer]:
    """The broker itself, for a test that restarts, kills or pauses it (and leaves it running)."""
    async with local_kafka(StackOptions.from_environment()) as running:
        yield running


@pytest.fixture(scope="session")
def kafka(kafka_server: KafkaServer) -> str:
    """Bootstrap servers. The broker is shared by the run: a test makes topics and groups under names of its own."""
    return kafka_server.bootstrap_servers


@pytest.fixture(scope="session")
async def postgres_server() -> AsyncIterator[PostgresServer]:
    """The database server itself, for a test that restarts, kills or pauses it (and leaves it running).

    Without fsync, which only a power cut would tell.
    """
    async with local_postgres(StackOptions.from_environment(fsync=False)) as running:
        yield running


@pytest.fixture
async def postgres(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The owner's DSN of a fresh, empty database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    yield await postgres_server.create_database(name)
    await postgres_server.drop_database(name)


@pytest.fixture(scope="session")
async def migrated_template(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The name of a migrated database that nobody is connected to: to copy it is far quicker than to migrate."""
    name = f"template_{uuid.uuid4().hex}"
    await migrate(await postgres_server.create_database(name))
    yield name
    await postgres_server.drop_database(name)


@pytest.fixture
async def migrated(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[str]:
    """The owner's DSN of a fresh migrated database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    yield await postgres_server.create_database(name, template=migrated_template)
    await postgres_server.drop_database(name)


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    """A fresh migrated database, as the worker."""
    async with Database.connected(DatabaseOptions(dsn=migrated)) as connected:
        yield connected


@pytest.fixture(scope="session")
async def simulator() -> AsyncIterator[SimulatorClient]:
    """Salesloft, shared by the run: a test makes a team of its own. Its clock stands still until a test moves it."""
    async with running_simulator(speed=0, now=datetime(2026, 3, 2, 14, tzinfo=UTC)) as running:
        yield running

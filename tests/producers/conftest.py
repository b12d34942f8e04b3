"""Fixtures of what leaves for the bus, and of what is read at Salesloft."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sandbox.salesloft.server import SimulatorClient
from storage.migrate import migrate
from storage.pool import Database, DatabaseOptions
from tests.producers.poller_stage import Stage, StillClock, set_stage
from tests.producers.relay_bench import RelayBench
from workflows.salesloft_time import DatedWire


@pytest.fixture
async def relay_bench(kafka: str, postgres: str) -> AsyncIterator[RelayBench]:
    """An outbox of the test's own on the shared bus."""
    await migrate(postgres)
    async with Database.connected(DatabaseOptions(dsn=postgres)) as database:
        yield RelayBench(database=database, dsn=postgres, bootstrap_servers=kafka)


@pytest.fixture
async def new_stage(postgres: str, simulator: SimulatorClient) -> AsyncIterator[Callable[..., Awaitable[Stage]]]:
    """Makes connected organizations with teams of their own; takes what the simulator takes of a temperament."""
    await migrate(postgres)
    clock = StillClock(await simulator.now())
    async with Database.connected(DatabaseOptions(dsn=postgres)) as database, DatedWire(clock) as wire:

        async def setting(**temperament: Any) -> Stage:
            return await set_stage(simulator, database, postgres, wire, clock, **temperament)

        yield setting

"""Fixtures of what leaves for the bus, and of what is read at Salesloft."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database, DatabaseOptions
from tests.producers.poller_stage import Stage, StillClock, set_stage
from tests.producers.relay_bench import RelayBench
from workflows.salesloft_time import DatedWire


@pytest.fixture
async def relay_bench(kafka: str, migrated: str) -> AsyncIterator[RelayBench]:
    """An outbox of the test's own on the shared bus."""
    async with Database.connected(DatabaseOptions(dsn=migrated)) as database:
        yield RelayBench(database=database, dsn=migrated, bootstrap_servers=kafka)


@pytest.fixture
async def new_stage(migrated: str, simulator: SimulatorClient) -> AsyncIterator[Callable[..., Awaitable[Stage]]]:
    """Makes connected organizations with teams of their own; takes what the simulator takes of a temperament."""
    clock = StillClock(await simulator.now())
    made: list[Stage] = []
    async with Database.connected(DatabaseOptions(dsn=migrated)) as database, DatedWire(clock) as wire:

        async def setting(**temperament: Any) -> Stage:
            stage = await set_stage(simulator, database, migrated, wire, clock, **temperament)
            made.append(stage)
            return stage

        yield setting
        for stage in made:
            await stage.sessions.budgets.close()

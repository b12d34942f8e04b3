"""One simulator and one database for the room's tests; each test has a team and an organization of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.salesloft.server import SimulatorClient, running_simulator
from storage.pool import Database, DatabaseOptions
from tests.fulfillment.stage import Stage, StageClock, set_stage
from workflows.salesloft_time import DatedWire


@pytest.fixture(scope="session")
async def simulator() -> AsyncIterator[SimulatorClient]:
    async with running_simulator() as running:
        yield running


@pytest.fixture
async def dsn(migrated: str) -> str:
    return migrated


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with Database.connected(DatabaseOptions(dsn=dsn, max_size=20)) as connected:
        yield connected


@pytest.fixture
async def clock(simulator: SimulatorClient) -> StageClock:
    return StageClock(await simulator.now() - datetime.now(UTC))


@pytest.fixture
async def wire(clock: StageClock) -> AsyncIterator[DatedWire]:
    async with DatedWire(clock) as open_wire:
        yield open_wire


@pytest.fixture
async def stage_set(
    simulator: SimulatorClient, database: Database, dsn: str, wire: DatedWire, clock: StageClock
) -> AsyncIterator[Callable[..., Awaitable[Stage]]]:
    """More than one organization for a test."""
    made: list[Stage] = []

    async def setting(**plan: Any) -> Stage:
        stage = await set_stage(simulator, database, dsn, wire, clock, **plan)
        made.append(stage)
        return stage

    yield setting
    for stage in made:
        await stage.sessions.budgets.close()


@pytest.fixture
async def stage(stage_set: Callable[..., Awaitable[Stage]]) -> Stage:
    return await stage_set()

"""What happened at Salesloft is told once, whatever happens to who reads it; the simulator's life journal is the judge."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sandbox.salesloft.server import SimulatorClient
from storage.migrate import migrate
from storage.pool import Database, DatabaseOptions
from tests.producers.poller_stage import Stage, StillClock, set_stage
from workflows.salesloft_time import DatedWire

SetStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def new_stage(postgres: str, simulator: SimulatorClient) -> AsyncIterator[SetStage]:
    await migrate(postgres)
    clock = StillClock(await simulator.now())
    async with Database.connected(DatabaseOptions(dsn=postgres)) as database, DatedWire(clock) as wire:

        async def setting(**temperament: Any) -> Stage:
            return await set_stage(simulator, database, postgres, wire, clock, **temperament)

        yield setting


@pytest.fixture
async def stage(new_stage: SetStage) -> Stage:
    """Six people on a cadence for three weeks; the directory knows the first five."""
    stage = await new_stage()
    await stage.add_people(6)
    for number in range(5):
        await stage.know(number)
    for number in range(6):
        await stage.put_on_cadence(number)
    return stage


async def test_polling_tells_exactly_what_happened(stage: Stage) -> None:
    for days in (1, 2, 4, 14):
        await stage.live(days=days)
        await stage.poll()
    told = [event["id"] for event in await stage.told()]
    expected = await stage.expected(stage.links(0, 1, 2, 3, 4))
    assert set(told) == expected
    assert len(told) == len(expected)
    assert await stage.owed() == 0

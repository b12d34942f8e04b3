"""Three replicas at full speed against one team that another integration shares: the minute is enough for all.

Business time goes on by the second, as soon as everybody has done what could be done in the last one: what is proven
does not depend on the machine's speed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from salesloft_client import (
    BudgetSettings,
    BusinessClock,
    CallContext,
    FixedToken,
    Lane,
    NothingObserved,
    SalesloftClient,
    SharingSettings,
    Throttled,
    TransportSettings,
    Wire,
)
from sandbox.salesloft.server import SimulatorClient
from service.budget_stops import BudgetStops
from storage.pool import Database, DatabaseOptions
from workflows.budget import TeamBudgets, view_budget

REPLICAS = 3
BEGIN_AT_SECOND = 40
SECONDS = 80
OTHERS_A_MINUTE = 200
CALLS_AN_ENROLLMENT = 3
# Without the pace that they have by the machine's clock; one replica alone could spend the minute in half of it.
UNPACED = BudgetSettings(burst=1_000_000)
GREED = 10


@dataclass
class Town:
    """The team's Salesloft, its second, and what it answered to all replicas."""

    simulator: SimulatorClient
    now: datetime
    answered: Counter[int] = field(default_factory=Counter)

    async def second(self) -> None:
        self.now = await self.simulator.advance(1)


class Statuses(NothingObserved):
    def __init__(self, answered: Counter[int]) -> None:
        self._answered = answered

    def on_response(self, *, status: int, **_: Any) -> None:
        self._answered[status] += 1


@dataclass
class Enrollment:
    """Its calls: a person's upsert, a reading back, a membership; here of equal cost."""

    approved_at: int
    client: SalesloftClient
    calls: int = 0
    waited: int | None = None

    async def go_on(self, second: int) -> None:
        """Make what is left of its calls; what does not pass is tried again in the next second, as the worker does."""
        try:
            while self.calls < CALLS_AN_ENROLLMENT:
                await self.client.using(lane=Lane.ENROLLMENT).team()
                self.calls += 1
        except Throttled:
            return
        self.waited = second - self.approved_at


async def at_full_speed(client: SalesloftClient, lane: Lane) -> bool:
    """As much as passes in a second, up to what a replica would do; whether it was held back."""
    try:
        for _ in range(GREED):
            await client.using(lane=lane).team()
    except Throttled:
        return True
    return False


@asynccontextmanager
async def replica(dsn: str, town: Town) -> AsyncIterator[TeamBudgets]:
    """A process's budgets, with connections of its own."""
    async with Database.connected(DatabaseOptions(dsn=dsn)) as database:
        budgets = TeamBudgets(
            database=database,
            clock=BusinessClock(now=lambda: town.now, speed=lambda: 0.0),
            settings=UNPACED,
            sharing=SharingSettings(patience_s=20.0, settle_s=0.1),
        )
        stops = BudgetStops(dsn, budgets)
        running = asyncio.create_task(stops.run())
        await stops.ready.wait()
        try:
            yield budgets
        finally:
            stops.stop()
            await running
            await budgets.close()


@pytest.fixture
async def town(simulator: SimulatorClient) -> Town:
    now = await simulator.now()
    ahead = BEGIN_AT_SECOND - now.second - now.microsecond / 1e6
    return Town(simulator, await simulator.advance(ahead % 60))


async def connect(database: Database, organization_id: str, team: dict[str, Any]) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO organizations (organization_id, created_at, updated_at) VALUES ($1, now(), now())",
            organization_id,
        )
        await connection.execute(
            """INSERT INTO salesloft_connections (organization_id, team_id, status, status_since, credential_kind,
               connected_at) VALUES ($1, $2, 'connected', now(), 'api_key', now())""",
            organization_id,
            team["team_id"],
        )


@pytest.mark.alone
async def test_three_replicas_beside_another_integration(town: Town, database: Database, migrated: str) -> None:
    team = await town.simulator.team("Shared", switches={"other_integration_per_minute": OTHERS_A_MINUTE})
    quiet = await town.simulator.team("Apart")
    await connect(database, "org-1", team)
    await connect(database, "org-2", quiet)
    enrollments: list[Enrollment] = []
    held_back = 0
    async with AsyncExitStack() as stack:
        wire = await stack.enter_async_context(Wire())

        def client(budgets: TeamBudgets, organization_id: str, made: dict[str, Any]) -> SalesloftClient:
            return SalesloftClient(
                wire=wire,
                tokens=FixedToken(made["api_key"]),
                budget=budgets.of(organization_id, made["team_id"]),
                clock=BusinessClock(now=lambda: town.now, speed=lambda: 0.0),
                observer=Statuses(town.answered),
                settings=TransportSettings(base_url=f"{town.simulator.base_url}/v2"),
                context=CallContext(time_budget_s=60.0),
            )

        replicas = [await stack.enter_async_context(replica(migrated, town)) for _ in range(REPLICAS)]
        clients = [client(budgets, "org-1", team) for budgets in replicas]
        apart = client(replicas[0], "org-2", quiet)
        for second in range(SECONDS):
            enrollments.append(Enrollment(second, clients[second % REPLICAS]))
            background = [at_full_speed(one, lane) for one in clients for lane in (Lane.POLL, Lane.BACKFILL)]
            waiting = [one.go_on(second) for one in enrollments if one.waited is None]
            told = await asyncio.gather(*background, *waiting)
            held_back += any(told[: len(background)])
            await apart.team()
            await town.second()
        async with database.connection() as connection:
            view = await view_budget(connection, "org-1", now=town.now)
    usage = await town.simulator.usage(team["team_id"])
    waits = Counter(one.waited for one in enrollments)
    told_all = f"answers {town.answered}, cost {usage['cost']}, waits {waits}, {view}"
    assert view is not None
    assert view.processes == REPLICAS
    assert OTHERS_A_MINUTE * 0.8 < view.others_before < OTHERS_A_MINUTE * 1.1, told_all
    assert usage["refused"] == town.answered[429]
    assert town.answered[429] < town.answered.total() / 100, told_all
    # They really wanted more than there was, and most of what there was they got.
    assert held_back > SECONDS / 2, told_all
    assert usage["cost"] > SECONDS / 60 * (600 - OTHERS_A_MINUTE) * 0.75, told_all
    assert max(wait for wait in waits.elements() if wait is not None) <= 1, told_all
    assert waits[None] <= 1, told_all

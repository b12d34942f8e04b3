"""A team's minute in Postgres: shared, heard, readable, and not missed for long when the database is away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from salesloft_client import (
    BudgetSettings,
    BusinessClock,
    Lane,
    LedgerUnavailable,
    Need,
    Settlement,
    SharedBudget,
    SharingSettings,
    Throttled,
)
from sandbox.stack import PostgresServer
from service.budget_stops import BudgetStops
from storage.pool import Database, DatabaseOptions
from telemetry import metrics
from workflows.budget import StoredLedger, TeamBudgets, view_budget

NOW = datetime(2026, 3, 2, 14, 0, 20, tzinfo=UTC)
SETTINGS = BudgetSettings(paced=frozenset())
TEAM = 4711


@pytest.fixture
async def connected(database: Database) -> AsyncIterator[Database]:
    """Two organizations with a team each."""
    async with database.transaction() as connection:
        for organization_id, team_id in (("org-1", TEAM), ("org-2", 4712)):
            await connection.execute(
                "INSERT INTO organizations (organization_id, created_at, updated_at) VALUES ($1, $2, $2)",
                organization_id,
                NOW,
            )
            await connection.execute(
                """INSERT INTO salesloft_connections (organization_id, team_id, status, status_since, credential_kind,
                   connected_at) VALUES ($1, $2, 'connected', $3, 'api_key', $3)""",
                organization_id,
                team_id,
                NOW,
            )
    yield database
    metrics.forget_team(TEAM)


def budgets(database: Database, *, patience_s: float = 5.0) -> TeamBudgets:
    """Those of one process."""
    return TeamBudgets(
        database=database,
        clock=BusinessClock(now=lambda: NOW, speed=lambda: 0.0),
        settings=SETTINGS,
        sharing=SharingSettings(patience_s=patience_s, settle_s=3600),
    )


def of(process: TeamBudgets, organization_id: str = "org-1", team_id: int = TEAM) -> SharedBudget:
    budget = process.of(organization_id, team_id)
    assert isinstance(budget, SharedBudget)
    return budget


async def spend(budget: SharedBudget, lane: Lane, calls: int, *, remaining: int | None = None) -> None:
    for _ in range(calls):
        reservation = await budget.acquire(cost=1, lane=lane, within_s=1)
        budget.observed(reservation, cost=1, remaining=remaining)


async def test_processes_that_settle_at_once_lose_nothing(connected: Database) -> None:
    ledger = StoredLedger("org-1", TEAM, database=connected, settings=SETTINGS)

    async def settle(number: int) -> int:
        settlement = Settlement(
            holder=f"process-{number % 3}",
            now=NOW,
            window=NOW.replace(second=0),
            spent={Lane.POLL: 1},
            needs={Lane.ENROLLMENT: Need(least=1, wanted=7)},
        )
        granted = (await ledger.settle(settlement)).lanes[Lane.ENROLLMENT]
        return granted if isinstance(granted, int) else 0

    granted = await asyncio.gather(*(settle(number) for number in range(90)))
    async with connected.connection() as connection:
        view = await view_budget(connection, "org-1", now=NOW, settings=SETTINGS)
    assert view is not None
    assert (view.spent, view.processes) == (90, 3)
    assert view.leased == sum(granted)
    assert sum(granted) <= 600 - 30 - 12


async def test_what_a_budget_is_like(connected: Database) -> None:
    one, two = budgets(connected), budgets(connected)
    await spend(of(one), Lane.POLL, 4, remaining=500)
    await spend(of(two), Lane.ENROLLMENT, 3, remaining=493)
    await one.close()
    await two.close()
    async with connected.organization_transaction("org-1") as connection:
        view = await view_budget(connection, "org-1", now=NOW)
    assert view is not None
    assert {lane.lane: (lane.spent, lane.reserve) for lane in view.lanes} == {
        Lane.INTERACTIVE: (0, 0),
        Lane.ENROLLMENT: (3, 30),
        Lane.POLL: (4, 240),
        Lane.BACKFILL: (0, 300),
    }
    assert (view.team_id, view.limit, view.others, view.left, view.leased) == (TEAM, 600, 100, 493, 0)
    assert view.turns_at == NOW.replace(minute=1, second=0)
    assert view.stopped_until is None
    body = metrics.exposition()[0].decode()
    assert f'cscx_salesloft_budget_others_cost{{team_id="{TEAM}"}} 100.0' in body
    assert f'cscx_salesloft_budget_remaining_cost{{team_id="{TEAM}"}} 493.0' in body
    async with connected.connection() as connection:
        later = await view_budget(connection, "org-1", now=NOW + timedelta(minutes=1))
        untouched = await view_budget(connection, "org-2", now=NOW)
        assert await view_budget(connection, "org-3", now=NOW) is None
    assert later is not None
    assert (later.spent, later.left, later.others_before) == (0, 600, 300), "a hundred in twenty seconds"
    assert untouched is not None
    assert (untouched.spent, untouched.left, untouched.team_id) == (0, 600, 4712)


async def test_the_api_sees_its_own_organizations_budget(connected: Database, migrated: str) -> None:
    process = budgets(connected)
    await spend(of(process), Lane.POLL, 1)
    async with Database.connected(DatabaseOptions(dsn=migrated, role="cscx_salesloft_api")) as api:
        async with api.organization_transaction("org-1") as connection:
            assert (await view_budget(connection, "org-1", now=NOW)) is not None
        async with api.organization_transaction("org-2") as connection:
            assert (await view_budget(connection, "org-1", now=NOW)) is None
            assert await connection.fetchval("SELECT count(*) FROM salesloft_budgets") == 0


async def test_one_429_is_heard_by_the_other_processes_at_once(connected: Database, migrated: str) -> None:
    one, two = budgets(connected), budgets(connected)
    until = NOW + timedelta(seconds=41)
    await spend(of(two), Lane.POLL, 1)  # holds a lease, so that it would not ask before its next calls
    await spend(of(two, "org-2", 4712), Lane.POLL, 1)
    heard = asyncio.Event()
    said = two.stopped

    def stopped(told: str) -> None:
        said(told)
        heard.set()

    two.stopped = stopped  # type: ignore[method-assign]
    part = BudgetStops(migrated, two)
    running = asyncio.create_task(part.run())
    try:
        async with asyncio.timeout(20):
            await part.ready.wait()
            of(one).exhausted(until)
            await heard.wait()
    finally:
        part.stop()
        await running
    for lane in Lane:
        with pytest.raises(Throttled) as caught:
            await of(two).acquire(cost=1, lane=lane, within_s=1)
        assert caught.value.retry_at == until
    await spend(of(two, "org-2", 4712), Lane.BACKFILL, 5)
    async with connected.connection() as connection:
        view = await view_budget(connection, "org-1", now=NOW)
    assert view is not None
    assert view.stopped_until == until


async def test_a_database_that_hangs_holds_no_call_up(connected: Database, postgres_server: PostgresServer) -> None:
    process = budgets(connected, patience_s=0.2)
    await spend(of(process), Lane.POLL, 1)
    loop = asyncio.get_running_loop()
    await postgres_server.pause()
    try:
        started = loop.time()
        await spend(of(process), Lane.ENROLLMENT, 60, remaining=None)
        assert loop.time() - started < 60 * 0.2 / 2
    finally:
        await postgres_server.resume()
    if (settling := of(process)._settling) is not None:
        await asyncio.wait({settling}, timeout=20)
    await process.close()
    async with connected.connection() as connection:
        view = await view_budget(connection, "org-1", now=NOW)
    assert view is not None
    assert {lane.lane: lane.spent for lane in view.lanes}[Lane.ENROLLMENT] == 60


async def test_a_database_that_is_gone_is_no_ledger(migrated: str) -> None:
    async with Database.connected(DatabaseOptions(dsn=migrated)) as database:
        ledger = StoredLedger("org-1", TEAM, database=database, settings=SETTINGS)
    with pytest.raises(LedgerUnavailable):
        await ledger.settle(Settlement(holder="one", now=NOW, window=NOW.replace(second=0)))

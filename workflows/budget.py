"""The rate budgets of all teams, shared by all processes, and what one is like at this moment.

Each process leases from a team's row (`storage.budget`) once for many calls. A 429 is told to all of them by the commit
that notes it; who does not hear it reads it with the next lease.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from salesloft_client import (
    BudgetSettings,
    BusinessClock,
    Grants,
    Lane,
    LedgerUnavailable,
    Settlement,
    SharedBudget,
    SharingSettings,
    TeamBudget,
    TeamMinute,
)
from storage import budget as stored
from storage.errors import StorageError
from storage.pool import Connection, Database
from telemetry import metrics

__all__ = ["BudgetView", "LaneView", "StoredLedger", "TeamBudgets", "view_budget"]


class StoredLedger:
    """A `salesloft_client.BudgetLedger` over a team's row."""

    def __init__(self, organization_id: str, team_id: int, *, database: Database, settings: BudgetSettings) -> None:
        self._organization_id = organization_id
        self._team_id = team_id
        self._database = database
        self._settings = settings

    async def settle(self, settlement: Settlement) -> Grants:
        """See the port. A stop that is news is told to the other processes with the commit."""
        try:
            async with self._database.transaction() as connection:
                minute = await stored.lock(
                    connection, self._organization_id, self._team_id, settings=self._settings, now=settlement.now
                )
                settled, grants = minute.settled(settlement, self._settings)
                await stored.put(connection, self._organization_id, self._team_id, settled)
                if settled.closed_until is not None and settled.closed_until != minute.closed_until:
                    await stored.tell_stop(connection, self._team_id, settled.closed_until)
        except StorageError as error:
            raise LedgerUnavailable(type(error).__name__) from error
        metrics.SALESLOFT_BUDGET_OTHERS.labels(self._team_id).set(settled.others)
        return grants


class _BudgetMetrics:
    """A `salesloft_client.BudgetObserver` of one team."""

    def __init__(self, team_id: int) -> None:
        self._team_id = team_id

    def on_spent(self, *, lane: str, cost: int, remaining: int | None) -> None:
        metrics.SALESLOFT_LANE_COST.labels(lane).inc(cost)
        if remaining is not None:
            metrics.SALESLOFT_BUDGET_REMAINING.labels(self._team_id).set(remaining)

    def on_wait(self, *, lane: str, reason: str) -> None:  # noqa: ARG002  # reasons tell more than lanes
        metrics.SALESLOFT_THROTTLES.labels(reason).inc()

    def on_lease(self, *, outcome: str) -> None:
        metrics.SALESLOFT_BUDGET_LEASES.labels(outcome).inc()


class TeamBudgets:
    """The budgets of the teams that this process calls for, one each."""

    def __init__(
        self,
        *,
        database: Database,
        clock: BusinessClock,
        settings: BudgetSettings | None = None,
        sharing: SharingSettings | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings or BudgetSettings()
        self._sharing = sharing or SharingSettings()
        self._holder = uuid4().hex
        self._budgets: dict[tuple[str, int], SharedBudget] = {}

    def of(self, organization_id: str, team_id: int) -> TeamBudget:
        """The budget of an organization's team."""
        budget = self._budgets.get((organization_id, team_id))
        if budget is None:
            budget = self._budgets[organization_id, team_id] = SharedBudget(
                ledger=StoredLedger(organization_id, team_id, database=self._database, settings=self._settings),
                holder=self._holder,
                clock=self._clock,
                settings=self._settings,
                sharing=self._sharing,
                observer=_BudgetMetrics(team_id),
            )
        return budget

    async def forget(self, organization_id: str, *, but_team: int | None = None) -> None:
        """An organization has left its team, or has another: tell what was spent, and end that team's figures."""
        for key in [key for key in self._budgets if key[0] == organization_id and key[1] != but_team]:
            await self._budgets.pop(key).close()
            metrics.forget_team(key[1])

    def stopped(self, told: str) -> None:
        """A commit has told of a 429 (`storage.budget.STOP_CHANNEL`): stop that team's callers here as well."""
        team_id, until = stored.read_stop(told)
        for (_, its_team), budget in self._budgets.items():
            if its_team == team_id:
                budget.stopped(until)

    async def close(self) -> None:
        """Give back what this process has leased, as far as the database answers in a moment."""
        await asyncio.gather(*(budget.close() for budget in self._budgets.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """`spent` is cost in this minute; `reserve` is what of the limit the lane leaves to the lanes above it."""

    lane: Lane
    spent: int
    reserve: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """A team's rate budget in the clock minute of business time that turns at `turns_at`.

    `lanes` are ours, most urgent first. `others` is what other integrations of the team have surely spent of this
    minute, `others_before` of the one before; both are known only as far as our own calls have shown. `left` is what is
    thought to be left, cost that our processes have leased (`leased`) not counted. `stopped_until` is set after a 429.
    """

    team_id: int
    limit: int
    lanes: tuple[LaneView, ...]
    others: int
    others_before: int
    leased: int
    left: int
    margin: int
    turns_at: datetime
    stopped_until: datetime | None
    processes: int

    @property
    def spent(self) -> int:
        """Cost of all our lanes."""
        return sum(lane.spent for lane in self.lanes)


async def view_budget(
    connection: Connection, organization_id: str, *, now: datetime, settings: BudgetSettings | None = None
) -> BudgetView | None:
    """What the budget of an organization's team is like now; None where the organization has no team.

    `settings` are those by which the processes share it.
    """
    settings = settings or BudgetSettings()
    found = await stored.read(connection, organization_id)
    if found is None:
        return None
    team_id, kept = found
    minute = (kept or TeamMinute.beginning(now, settings)).at(now, settings)
    stopped = minute.closed_until
    return BudgetView(
        team_id=team_id,
        limit=minute.limit,
        lanes=tuple(
            LaneView(lane=lane, spent=minute.spent.get(lane, 0), reserve=settings.reserve(lane)) for lane in Lane
        ),
        others=minute.others,
        others_before=minute.others_before,
        leased=minute.held,
        left=minute.left(now),
        margin=settings.withheld,
        turns_at=minute.turns_at,
        stopped_until=stopped if stopped is not None and now < stopped else None,
        processes=minute.processes,
    )

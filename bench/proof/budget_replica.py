"""`python -m bench.proof.budget_replica`: one replica that wants more of its team's minute than there is.

Takes a `Plan` as JSON on standard input, works in real time until it is over, and answers `Told` as JSON.
"""

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson

from salesloft_client import (
    BusinessClock,
    CallContext,
    FixedToken,
    Lane,
    NothingObserved,
    NotSent,
    SalesloftClient,
    Throttled,
    TransportSettings,
    Wire,
)
from service.budget_stops import BudgetStops
from storage.pool import Database, DatabaseOptions
from workflows.budget import TeamBudgets

__all__ = ["Plan", "Told", "main"]

_CALLERS_A_LANE = 4
_ENROLLMENT_CALLS = 3
_THROTTLED_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one replica is to do. `approvals_a_minute` are its own; `key` is an API key of the team's."""

    dsn: str
    organization_id: str
    team_id: int
    key: str
    base_url: str
    seconds: float
    approvals_a_minute: float


@dataclass(slots=True, kw_only=True)
class Told:
    """Answers by status, seconds that each enrollment took from its approval, how often a paced call was put off."""

    answers: Counter[str] = field(default_factory=Counter)
    enrollments: list[float] = field(default_factory=list)
    put_off: int = 0


class _Statuses(NothingObserved):
    def __init__(self, answers: Counter[str]) -> None:
        self._answers = answers

    def on_response(self, *, status: int, **_: Any) -> None:
        self._answers[str(status)] += 1


class _Replica:
    def __init__(self, client: SalesloftClient, plan: Plan, told: Told) -> None:
        self._client = client
        self._plan = plan
        self._told = told
        self._ends = monotonic() + plan.seconds

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for lane in (Lane.POLL, Lane.BACKFILL):
                for _ in range(_CALLERS_A_LANE):
                    tasks.create_task(self._at_full_speed(lane))
            while monotonic() < self._ends:
                tasks.create_task(self._enroll())
                await asyncio.sleep(60 / self._plan.approvals_a_minute)

    async def _at_full_speed(self, lane: Lane) -> None:
        client = self._client.using(lane=lane)
        while monotonic() < self._ends:
            try:
                await client.memberships(per_page=1)
            except (Throttled, NotSent):
                self._told.put_off += 1
                await asyncio.sleep(_THROTTLED_PAUSE_SECONDS)

    async def _enroll(self) -> None:
        """The calls of an enrollment; what does not pass is parked until it may, as the worker does it."""
        client, approved_at, left = self._client.using(lane=Lane.ENROLLMENT), monotonic(), _ENROLLMENT_CALLS
        while left:
            try:
                await client.me()
                left -= 1
            except Throttled as error:
                await asyncio.sleep(error.retry_after_s)
            except NotSent:
                continue
        self._told.enrollments.append(monotonic() - approved_at)


async def _work(plan: Plan) -> Told:
    told = Told()
    async with Database.connected(DatabaseOptions(dsn=plan.dsn)) as database, Wire() as wire:
        clock = BusinessClock()
        budgets = TeamBudgets(database=database, clock=clock)
        stops = BudgetStops(plan.dsn, budgets)
        hearing = asyncio.create_task(stops.run())
        client = SalesloftClient(
            wire=wire,
            tokens=FixedToken(plan.key),
            budget=budgets.of(plan.organization_id, plan.team_id),
            clock=clock,
            observer=_Statuses(told.answers),
            settings=TransportSettings(base_url=f"{plan.base_url}/v2"),
            context=CallContext(time_budget_s=20.0),
        )
        await _Replica(client, plan, told).run()
        stops.stop()
        await hearing
        await budgets.close()
    return told


def main() -> None:
    """Work as planned."""
    plan = Plan(**orjson.loads(sys.stdin.buffer.read()))
    told = asyncio.run(_work(plan))
    answer = {"answers": dict(told.answers), "enrollments": told.enrollments, "put_off": told.put_off}
    sys.stdout.buffer.write(orjson.dumps(answer))


if __name__ == "__main__":
    main()

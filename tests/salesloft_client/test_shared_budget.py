"""One process's part in a team's shared minute: few questions to the ledger, and no call that waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from salesloft_client import (
    BudgetSettings,
    BusinessClock,
    Grants,
    Lane,
    LedgerUnavailable,
    NothingObserved,
    Reservation,
    Settlement,
    SharedBudget,
    SharingSettings,
    TeamMinute,
    Throttled,
)

TEN = datetime(2026, 1, 5, 10, 0, 5, tzinfo=UTC)
SETTINGS = BudgetSettings(limit=600, paced=frozenset())
# The timer's real seconds; tests that need it set it short.
NEVER = 3600.0


@dataclass
class Clock:
    instant: datetime = TEN

    def now(self) -> datetime:
        return self.instant


@dataclass
class Ledger:
    """A team's row, in memory, which can be away or hang."""

    minute: TeamMinute = field(default_factory=lambda: TeamMinute.beginning(TEN, SETTINGS))
    settlements: list[Settlement] = field(default_factory=list)
    is_away: bool = False
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    async def settle(self, settlement: Settlement) -> Grants:
        self.settlements.append(settlement)
        self.told.set()
        await self.answers.wait()
        if self.is_away:
            raise LedgerUnavailable("away")
        self.minute, grants = self.minute.settled(settlement, SETTINGS)
        return grants


@dataclass
class Seen(NothingObserved):
    leases: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)

    def on_lease(self, *, outcome: str) -> None:
        self.leases.append(outcome)

    def on_wait(self, *, lane: str, reason: str) -> None:
        self.waits.append(f"{lane} {reason}")


def process(ledger: Ledger, clock: Clock, holder: str = "one", **settings: float) -> SharedBudget:
    return SharedBudget(
        ledger=ledger,
        holder=holder,
        clock=BusinessClock(now=clock.now, recheck_s=0.005),
        settings=SETTINGS,
        sharing=SharingSettings(**{"patience_s": 5.0, "settle_s": NEVER, **settings}),  # type: ignore[arg-type]
        observer=Seen(),
    )


async def pass_through(budget: SharedBudget, lane: Lane, *, remaining: int | None = None, calls: int = 1) -> None:
    for _ in range(calls):
        reservation = await budget.acquire(cost=1, lane=lane, within_s=1)
        budget.observed(reservation, cost=1, remaining=remaining)


async def talked(budget: SharedBudget) -> None:
    """Wait for the question that is on its way."""
    if budget._settling is not None:
        await asyncio.wait({budget._settling}, timeout=5)


@asynccontextmanager
async def stopped_in_the_end(*budgets: SharedBudget) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for budget in budgets:
            if budget._timer is not None:
                budget._timer.cancel()


async def test_many_calls_are_one_question() -> None:
    ledger, clock = Ledger(), Clock()
    budget = process(ledger, clock)
    async with stopped_in_the_end(budget):
        await pass_through(budget, Lane.ENROLLMENT, calls=100)
    assert len(ledger.settlements) == 10
    assert ledger.minute.spent[Lane.ENROLLMENT] == 90, "the last slice is not settled yet"
    assert ledger.minute.held == 10


async def test_callers_who_wait_together_share_a_question() -> None:
    ledger, clock = Ledger(), Clock()
    ledger.answers.clear()
    budget = process(ledger, clock)
    async with stopped_in_the_end(budget):
        waiting = [asyncio.create_task(budget.acquire(cost=1, lane=Lane.ENROLLMENT, within_s=5)) for _ in range(30)]
        await ledger.told.wait()
        ledger.answers.set()
        assert {reservation.lane for reservation in await asyncio.gather(*waiting)} == {Lane.ENROLLMENT}
    assert len(ledger.settlements) <= 2


async def test_what_lies_idle_is_given_back_and_what_was_spent_is_told() -> None:
    ledger, clock = Ledger(), Clock()
    budget = process(ledger, clock, settle_s=0.01)
    async with stopped_in_the_end(budget):
        await pass_through(budget, Lane.POLL, remaining=590, calls=3)
        async with asyncio.timeout(5):
            while ledger.minute.held:
                ledger.told.clear()
                await ledger.told.wait()
                await asyncio.sleep(0)
        assert ledger.minute.spent[Lane.POLL] == 3
        assert ledger.minute.remaining == 590
        assert ledger.minute.others == 7
        assert budget._slices.is_settled


async def test_a_ledger_that_is_away_holds_nobody_up() -> None:
    ledger, clock = Ledger(is_away=True), Clock()
    budget = process(ledger, clock)
    async with stopped_in_the_end(budget):
        await pass_through(budget, Lane.BACKFILL, calls=75)  # half of the limit, shared by the four that there may be
        with pytest.raises(Throttled):
            await pass_through(budget, Lane.BACKFILL)
        await pass_through(budget, Lane.ENROLLMENT, calls=67)  # up to 570 of 600, by four
        with pytest.raises(Throttled):
            await pass_through(budget, Lane.ENROLLMENT)
        assert "unavailable" in budget.observer.leases  # type: ignore[attr-defined]
        ledger.is_away = False
        budget._ask_again_at = 0.0
        # What was spent meanwhile is told, and the process leases again.
        await pass_through(budget, Lane.INTERACTIVE)
        await talked(budget)
        await pass_through(budget, Lane.ENROLLMENT, calls=20)
    assert ledger.minute.spent[Lane.BACKFILL] == 75
    assert ledger.minute.spent[Lane.ENROLLMENT] >= 67


async def test_that_the_ledger_is_away_is_told_once_each_time() -> None:
    ledger, clock = Ledger(), Clock()
    budget = process(ledger, clock)

    async def asks(*, is_away: bool) -> None:
        ledger.is_away, budget._ask_again_at = is_away, 0.0
        # More than a slice, so that the ledger is asked.
        await pass_through(budget, Lane.INTERACTIVE, calls=11)
        await talked(budget)

    async with stopped_in_the_end(budget):
        with structlog.testing.capture_logs() as logs:
            for is_away in (True, True, False, True, True):
                await asks(is_away=is_away)
    assert [entry["event"] for entry in logs] == ["salesloft_budget_ledger_away"] * 2


async def test_a_ledger_that_hangs_costs_one_call_a_moment() -> None:
    ledger, clock = Ledger(), Clock()
    ledger.answers.clear()
    budget = process(ledger, clock, patience_s=0.1)
    loop = asyncio.get_running_loop()
    async with stopped_in_the_end(budget):
        started = loop.time()
        await pass_through(budget, Lane.ENROLLMENT, calls=50)
        assert loop.time() - started < 50 * 0.1 / 2
        assert len(ledger.settlements) == 1
        ledger.answers.set()


async def test_a_process_that_knows_remainders_leaves_the_reserve_without_its_ledger() -> None:
    ledger, clock = Ledger(is_away=True), Clock()
    budget = process(ledger, clock)
    async with stopped_in_the_end(budget):
        await pass_through(budget, Lane.POLL, remaining=239)
        with pytest.raises(Throttled):
            await pass_through(budget, Lane.POLL)
        await pass_through(budget, Lane.ENROLLMENT, remaining=238)


async def test_a_429_stops_the_other_processes_too() -> None:
    ledger, clock = Ledger(), Clock()
    one, two = process(ledger, clock), process(ledger, clock, "two")
    until = TEN + timedelta(seconds=56)
    async with stopped_in_the_end(one, two):
        await pass_through(one, Lane.POLL)
        await pass_through(two, Lane.POLL)
        one.exhausted(until)
        await talked(one)
        two.stopped(until)  # as a hint tells it
        for budget in (one, two):
            for lane in Lane:
                with pytest.raises(Throttled) as caught:
                    await budget.acquire(cost=1, lane=lane, within_s=1)
                assert caught.value.retry_at == until
        three = process(ledger, clock, "three")  # heard no hint, and learns it with its lease
        async with stopped_in_the_end(three):
            with pytest.raises(Throttled) as caught:
                await three.acquire(cost=1, lane=Lane.INTERACTIVE, within_s=1)
            assert caught.value.retry_at == until
            clock.instant = until
            await pass_through(three, Lane.INTERACTIVE)
            await pass_through(two, Lane.POLL)
    assert "poll stopped" in two.observer.waits  # type: ignore[attr-defined]


async def test_what_was_leased_is_not_trusted_against_salesloft() -> None:
    ledger, clock = Ledger(), Clock()
    budget = process(ledger, clock)
    async with stopped_in_the_end(budget):
        await pass_through(budget, Lane.INTERACTIVE)
        reservation = await budget.acquire(cost=1, lane=Lane.INTERACTIVE, within_s=1)
        budget.observed(reservation, cost=1, remaining=0)  # others have taken everything at once
        with pytest.raises(Throttled):
            await budget.acquire(cost=1, lane=Lane.INTERACTIVE, within_s=1)
    assert ledger.minute.remaining == 0
    assert ledger.minute.held == 0


async def test_a_lease_ends_with_its_minute() -> None:
    ledger, clock = Ledger(), Clock()
    budget = process(ledger, clock)
    async with stopped_in_the_end(budget):
        await pass_through(budget, Lane.ENROLLMENT)
        late = await budget.acquire(cost=1, lane=Lane.ENROLLMENT, within_s=1)
        clock.instant = TEN + timedelta(minutes=1)
        fresh = await budget.acquire(cost=1, lane=Lane.ENROLLMENT, within_s=1)
        budget.observed(late, cost=1, remaining=3)
        assert fresh.window == late.window + timedelta(minutes=1)  # type: ignore[operator]
        assert len(ledger.settlements) == 2
        # The answer of the minute before does not tell what this one has left.
        await pass_through(budget, Lane.ENROLLMENT, calls=5)
        assert len(ledger.settlements) == 2


async def test_what_never_left_can_be_spent_again() -> None:
    ledger, clock = Ledger(), Clock()
    budget = process(ledger, clock)
    async with stopped_in_the_end(budget):
        for _ in range(30):
            budget.unused(await budget.acquire(cost=1, lane=Lane.POLL, within_s=1))
    assert len(ledger.settlements) == 1


async def test_a_cancelled_caller_takes_nothing_along() -> None:
    ledger, clock = Ledger(), Clock()
    ledger.answers.clear()
    budget = process(ledger, clock)
    async with stopped_in_the_end(budget):
        caller = asyncio.create_task(budget.acquire(cost=1, lane=Lane.POLL, within_s=5))
        await ledger.told.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        ledger.answers.set()
        await pass_through(budget, Lane.POLL, calls=10)
        await budget.close()
        assert budget._timer is None, "nothing is asked any more"
    assert len(ledger.settlements) == 2
    assert ledger.minute.held == 0


async def test_a_deep_page_passes_when_the_minute_has_room_for_all_of_it() -> None:
    ledger, clock = Ledger(), Clock()
    budget = process(ledger, clock)
    async with stopped_in_the_end(budget):
        reservation = await budget.acquire(cost=30, lane=Lane.POLL, within_s=1)
        assert reservation == Reservation(cost=30, lane=Lane.POLL, window=TEN.replace(second=0), leased=30)
        ledger.minute = TeamMinute(window=TEN.replace(second=0), limit=600, remaining=270, remaining_at=TEN)
        with pytest.raises(Throttled):
            await budget.acquire(cost=30, lane=Lane.POLL, within_s=1)


async def test_processes_share_a_lanes_pace() -> None:
    ledger, clock = Ledger(), Clock()
    paced = BudgetSettings(limit=6000, burst=6, kept=SETTINGS.kept)  # the poll may take 60 a second
    budgets = [
        SharedBudget(
            ledger=ledger,
            holder=holder,
            clock=BusinessClock(now=clock.now),
            settings=paced,
            sharing=SharingSettings(settle_s=NEVER),
        )
        for holder in ("one", "two", "three")
    ]
    ledger.minute = TeamMinute(window=TEN.replace(second=0), limit=6000, holders_before=frozenset({"1", "2", "3"}))
    loop = asyncio.get_running_loop()
    async with stopped_in_the_end(*budgets):
        for budget in budgets:
            await budget.acquire(cost=1, lane=Lane.ENROLLMENT, within_s=1)  # says how many they are
        started = loop.time()
        for _ in range(10):
            await asyncio.gather(*(budget.acquire(cost=1, lane=Lane.POLL, within_s=5) for budget in budgets))
        assert loop.time() - started > (30 - 6) / 60 * 0.9

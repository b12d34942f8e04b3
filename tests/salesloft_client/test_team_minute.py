"""The ledger's arithmetic against an exact model of Salesloft's minute: what several processes may lease of it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesloft_client import BudgetSettings, Grants, Lane, Need, Settlement, TeamMinute
from salesloft_client.budget import minute_of

TEN = datetime(2026, 1, 5, 10, 0, 0, tzinfo=UTC)
SETTINGS = BudgetSettings(limit=100, margin=0.02)
HOLDERS = ("one", "two", "three")


def later(seconds: float) -> datetime:
    return TEN + timedelta(seconds=seconds)


@dataclass
class Salesloft:
    """The team's minute as it really is."""

    spent: dict[datetime, int] = field(default_factory=dict)

    def remaining(self, now: datetime) -> int:
        return SETTINGS.limit - self.spent.get(minute_of(now), 0)

    def take(self, now: datetime, cost: int = 1) -> bool:
        minute = minute_of(now)
        if self.spent.get(minute, 0) + cost > SETTINGS.limit:
            return False
        self.spent[minute] = self.spent.get(minute, 0) + cost
        return True


@dataclass
class Process:
    """Spends what it leases, and settles when it is told to."""

    holder: str
    window: datetime = TEN
    leased: Counter[Lane] = field(default_factory=Counter)
    spent: Counter[Lane] = field(default_factory=Counter)
    remaining: int | None = None
    heard_at: datetime | None = None

    def turn(self, window: datetime) -> None:
        if window > self.window:
            self.window = window
            self.leased.clear()
            self.spent.clear()
            self.remaining = None

    def settlement(self, now: datetime, needs: dict[Lane, Need]) -> Settlement:
        settlement = Settlement(
            holder=self.holder,
            now=now,
            window=self.window,
            spent=dict(self.spent),
            released=self.spent.total(),
            remaining=self.remaining,
            remaining_at=self.heard_at,
            needs=needs,
        )
        self.spent.clear()
        return settlement


def settle(minute: TeamMinute, settlement: Settlement) -> tuple[TeamMinute, Grants]:
    return minute.settled(settlement, SETTINGS)


def asks(minute: TeamMinute, lane: Lane, now: datetime, wanted: int = 1000, **told: Any) -> tuple[TeamMinute, object]:
    needs = {lane: Need(least=1, wanted=wanted)}
    minute, grants = settle(minute, Settlement(holder="one", now=now, window=minute.window, needs=needs, **told))
    return minute, grants.lanes[lane]


happening = st.tuples(
    st.sampled_from(["lease", "lease", "spend", "spend", "settle", "wait"]),
    st.integers(0, len(HOLDERS) - 1),
    st.sampled_from(Lane),
    st.integers(1, 25),
)


@given(st.lists(happening, max_size=120))
def test_what_is_leased_is_there_and_the_reserve_is_kept(happenings: list[tuple[str, int, Lane, int]]) -> None:
    """Nobody else spends: then no call that was leased is refused, however the settlements of processes interleave."""
    salesloft, minute, now = Salesloft(), TeamMinute.beginning(TEN, SETTINGS), TEN
    processes = [Process(holder) for holder in HOLDERS]
    taken: Counter[tuple[datetime, Lane]] = Counter()
    for kind, which, lane, number in happenings:
        process = processes[which]
        process.turn(minute_of(now))
        if kind == "wait":
            now += timedelta(seconds=number / 4)
        elif kind == "spend":
            # A call and its answer are one step here: the minute that the process is in is Salesloft's.
            for _ in range(min(number, process.leased[lane])):
                process.leased[lane] -= 1
                assert salesloft.take(now)
                process.spent[lane] += 1
                process.remaining, process.heard_at = salesloft.remaining(now), now
        else:
            needs = {lane: Need(least=1, wanted=number)} if kind == "lease" else {}
            minute, grants = settle(minute, process.settlement(now, needs))
            assert grants.window == process.window
            granted = grants.lanes.get(lane)
            if isinstance(granted, int):
                process.leased[lane] += granted
                taken[process.window, lane] += granted
            outstanding = sum(p.leased.total() + p.spent.total() for p in processes if p.window == minute.window)
            assert minute.held == outstanding
            assert minute.others == 0
    for window in {window for window, _ in taken}:
        for lanes in ([Lane.BACKFILL], [Lane.POLL, Lane.BACKFILL], [Lane.ENROLLMENT, Lane.POLL, Lane.BACKFILL]):
            assert sum(taken[window, lane] for lane in lanes) <= SETTINGS.limit - SETTINGS.reserve(lanes[0])


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2)), min_size=12, max_size=12))
def test_what_others_spend_is_never_overstated(steps: list[tuple[int, int]]) -> None:
    salesloft, minute, now = Salesloft(), TeamMinute.beginning(TEN, SETTINGS), later(1)
    processes = [Process(holder) for holder in HOLDERS]
    others = 0
    for theirs, which in steps:
        now += timedelta(seconds=4)
        others += theirs if salesloft.take(now, theirs) else 0
        process = processes[which]
        if process.leased[Lane.ENROLLMENT] and salesloft.take(now):
            process.leased[Lane.ENROLLMENT] -= 1
            process.spent[Lane.ENROLLMENT] += 1
            process.remaining, process.heard_at = salesloft.remaining(now), now
        minute, grants = settle(minute, process.settlement(now, {Lane.ENROLLMENT: Need(least=1, wanted=3)}))
        granted = grants.lanes[Lane.ENROLLMENT]
        process.leased[Lane.ENROLLMENT] += granted if isinstance(granted, int) else 0
        assert minute.others <= others
    quiet = settle(minute, Settlement(holder="one", now=now, window=TEN, released=minute.held))[0]
    assert minute.held == 0 or quiet.held == 0


def test_lower_lanes_leave_room_for_higher_ones() -> None:
    minute, granted = asks(TeamMinute.beginning(TEN, SETTINGS), Lane.BACKFILL, later(5))
    assert granted == 48  # of 100: half is kept, and two are the margin
    minute, granted = asks(minute, Lane.POLL, later(5))
    assert granted == 10
    minute, granted = asks(minute, Lane.ENROLLMENT, later(5))
    assert granted == 35
    minute, granted = asks(minute, Lane.INTERACTIVE, later(5))
    assert granted == 5
    minute, granted = asks(minute, Lane.INTERACTIVE, later(5))
    assert granted == later(7), "what is leased may come back"
    _, granted = asks(minute, Lane.INTERACTIVE, later(5), released=98, remaining=2, remaining_at=later(5))
    assert granted == later(61), "what is spent will not"


def test_what_a_lane_has_spent_is_not_kept_for_it_again() -> None:
    minute = TeamMinute(window=TEN, limit=100, spent={Lane.ENROLLMENT: 10})
    assert asks(minute, Lane.POLL, later(5))[1] == 100 - 10 - (40 - 10) - 2
    minute = TeamMinute(window=TEN, limit=100, spent={Lane.ENROLLMENT: 60})
    assert asks(minute, Lane.POLL, later(5))[1] == 100 - 60 - 40 // 2 - 2, "half is kept in any case"
    minute = TeamMinute(window=TEN, limit=100, spent={Lane.BACKFILL: 30})
    assert asks(minute, Lane.POLL, later(5))[1] == 100 - 30 - 40 - 2, "a lane below is none of those above"


def test_others_are_seen_and_left_what_they_will_take() -> None:
    minute, _ = asks(TeamMinute.beginning(TEN, SETTINGS), Lane.ENROLLMENT, later(30), wanted=1)
    told: dict[str, Any] = {"spent": {Lane.ENROLLMENT: 1}, "released": 1, "remaining": 79, "remaining_at": later(30)}
    minute, granted = asks(minute, Lane.POLL, later(30), **told)
    assert minute.others == 20
    assert granted == 79 - 20 - (40 - 1) - 2, "in the other half of the minute they will take as much again"
    assert minute.at(later(60), SETTINGS).others_before == 40
    assert minute.at(later(125), SETTINGS).others_before == 0, "too long ago"


def test_a_hungry_neighbour_does_not_starve_the_poll() -> None:
    minute = TeamMinute(window=TEN, limit=100, others_before=100)
    _, granted = asks(minute, Lane.POLL, later(2))
    assert granted == 100 - 50 - 40 - 2


def test_an_urgent_lane_leaves_others_what_they_took_since_the_last_word() -> None:
    spent = {Lane.ENROLLMENT: 50}
    minute = TeamMinute(
        window=TEN, limit=100, spent=spent, others=20, others_before=60, remaining=30, remaining_at=later(20)
    )
    assert asks(minute, Lane.INTERACTIVE, later(20))[1] == 30 - 2
    assert asks(minute, Lane.INTERACTIVE, later(30))[1] == 30 - 10 - 2
    assert isinstance(
        asks(minute, Lane.INTERACTIVE, later(29), spent={Lane.ENROLLMENT: 0}, remaining=8, remaining_at=later(20))[1],
        datetime,
    )


def test_where_no_word_came_for_a_while_one_call_asks() -> None:
    """What others took is no reason to ask no more: nothing else would ever show that they have stopped."""
    minute = TeamMinute(window=TEN, limit=100, others=100, remaining=0, remaining_at=later(20))
    following = minute.at(later(60), SETTINGS)
    assert following.others_before == 100, "more than everything cannot be taken"
    asking, granted = asks(following, Lane.ENROLLMENT, later(117))
    assert granted == 1
    _, granted = asks(asking, Lane.ENROLLMENT, later(117))
    assert granted == later(119), "one at a time"
    told: dict[str, Any] = {"spent": {Lane.ENROLLMENT: 1}, "released": 1, "remaining": 99, "remaining_at": later(117)}
    assert asks(asking, Lane.ENROLLMENT, later(117), **told)[1] == 99 - 5 - 2

    left = TeamMinute(window=TEN, limit=100, others_before=60, remaining=30, remaining_at=later(20))
    assert asks(left, Lane.INTERACTIVE, later(55))[1] == 1, "30 were left, and nobody knows better"
    gone = TeamMinute(window=TEN, limit=100, others=98, remaining=2, remaining_at=later(20))
    assert isinstance(asks(gone, Lane.INTERACTIVE, later(55))[1], datetime), (
        "what is known to be gone does not come back"
    )


def test_one_stop_is_everybodys_until_the_minute_turns() -> None:
    minute, _ = settle(
        TeamMinute.beginning(TEN, SETTINGS),
        Settlement(holder="one", now=later(20), window=TEN, closed_until=later(61)),
    )
    for lane in Lane:
        assert asks(minute, lane, later(60.9))[1] == later(61)
        assert isinstance(asks(minute, lane, later(61))[1], int)
    earlier, _ = settle(minute, Settlement(holder="two", now=later(20), window=TEN, closed_until=later(31)))
    assert earlier.closed_until == later(61)


def test_in_a_minutes_first_second_salesloft_may_be_in_the_one_before() -> None:
    minute, _ = asks(TeamMinute.beginning(TEN, SETTINGS), Lane.INTERACTIVE, later(5))
    told: dict[str, Any] = {"spent": {Lane.INTERACTIVE: 98}, "released": 98, "remaining": 2, "remaining_at": later(50)}
    minute, _ = asks(minute, Lane.INTERACTIVE, later(50), **told)
    minute = minute.at(later(60), SETTINGS)
    minute, granted = asks(minute, Lane.ENROLLMENT, later(60.5))
    assert granted == later(61)
    assert asks(minute, Lane.ENROLLMENT, later(61))[1] == 93
    relaxed = TeamMinute.beginning(TEN, SETTINGS).at(later(60), SETTINGS)
    assert asks(relaxed, Lane.ENROLLMENT, later(60.5))[1] == 93, "that one had enough left"


def test_a_settlement_that_comes_too_late_asks_only() -> None:
    minute = TeamMinute.beginning(later(60), SETTINGS)
    late = Settlement(
        holder="one",
        now=later(59.9),
        window=TEN,
        spent={Lane.POLL: 5},
        released=5,
        remaining=0,
        remaining_at=later(59),
        needs={Lane.POLL: Need(least=1, wanted=3)},
    )
    minute, grants = settle(minute, late)
    assert grants.window == later(60)
    assert grants.lanes == {Lane.POLL: 3}
    assert (minute.remaining, minute.spent.get(Lane.POLL, 0), minute.held) == (None, 0, 3)


@pytest.mark.parametrize(("first", "second", "known"), [(30, 31, 70), (31, 30, 80)])
def test_the_latest_word_is_believed(first: int, second: int, known: int) -> None:
    minute = TeamMinute.beginning(TEN, SETTINGS)
    for at, remaining in ((first, 80), (second, 70)):
        minute, _ = settle(
            minute,
            Settlement(holder="one", now=later(40), window=TEN, remaining=remaining, remaining_at=later(at)),
        )
    assert minute.remaining == known


def test_answers_that_named_no_remainder_count() -> None:
    minute = TeamMinute(window=TEN, limit=100, remaining=50, remaining_at=later(10), held=20)
    minute, _ = settle(
        minute,
        Settlement(holder="one", now=later(20), window=TEN, spent={Lane.POLL: 8}, released=8, unseen=8),
    )
    assert (minute.remaining, minute.held) == (42, 12)


def test_processes_are_those_of_this_minute_and_the_one_before() -> None:
    minute = TeamMinute.beginning(TEN, SETTINGS)
    assert minute.processes == 1
    for holder in HOLDERS:
        minute, _ = settle(minute, Settlement(holder=holder, now=later(1), window=TEN))
    assert minute.processes == 3
    minute, grants = settle(minute, Settlement(holder="one", now=later(61), window=later(60)))
    assert grants.processes == 3
    _, grants = settle(minute, Settlement(holder="one", now=later(121), window=later(120)))
    assert grants.processes == 1

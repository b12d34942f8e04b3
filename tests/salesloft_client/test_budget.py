"""A team's minute: lanes, pace, what answers teach, and the stop after a 429."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesloft_client import (
    BudgetSettings,
    BusinessClock,
    Lane,
    MinuteBudget,
    Reservation,
    Throttled,
    Wire,
    cost_of_page,
    minute_turn,
)
from salesloft_client.minute_budget import MinuteWindow
from tests.salesloft_client.scripted import ScriptedServer, client_of, in_turn, json_reply

TEN = datetime(2026, 1, 5, 10, 0, 0, tzinfo=UTC)
SMALL = BudgetSettings(limit=20, burst=20)


def later(seconds: float) -> datetime:
    return TEN + timedelta(seconds=seconds)


def reserved(window: MinuteWindow, lane: Lane, now: datetime, cost: int = 1) -> Reservation:
    answer = window.reserve(cost=cost, lane=lane, now=now)
    assert isinstance(answer, Reservation)
    return answer


def spend_all(window: MinuteWindow, lane: Lane, now: datetime) -> int:
    count = 0
    while isinstance(window.reserve(cost=1, lane=lane, now=now), Reservation):
        count += 1
    return count


@pytest.mark.parametrize(
    ("page", "cost"),
    [(1, 1), (100, 1), (101, 3), (150, 3), (151, 8), (250, 8), (251, 10), (500, 10), (501, 30), (9000, 30)],
)
def test_deep_pages_cost_more(page: int, cost: int) -> None:
    assert cost_of_page(page) == cost


def test_lower_lanes_leave_room_for_higher_ones() -> None:
    window = MinuteWindow(SMALL)
    assert spend_all(window, Lane.BACKFILL, TEN) == 10
    assert spend_all(window, Lane.POLL, TEN) == 2
    assert spend_all(window, Lane.ENROLLMENT, TEN) == 7
    assert spend_all(window, Lane.INTERACTIVE, TEN) == 1
    assert window.reserve(cost=1, lane=Lane.INTERACTIVE, now=later(30)) == later(61)
    assert window.left(later(60)) == 0, "what is on its way may fall into the new minute"


def test_a_new_minute_is_a_new_budget() -> None:
    window = MinuteWindow(SMALL)
    for _ in range(20):
        window.observed(reserved(window, Lane.INTERACTIVE, TEN), cost=1, remaining=None)
    assert window.left(TEN) == 0
    assert window.left(later(60)) == 20


def test_the_latest_remainder_is_believed() -> None:
    window = MinuteWindow(SMALL)
    window.observed(reserved(window, Lane.POLL, TEN), cost=1, remaining=9)
    assert window.left(TEN) == 9, "another integration has spent ten"
    window.observed(reserved(window, Lane.POLL, TEN), cost=1, remaining=19)
    assert window.left(TEN) == 19, "Salesloft's minute turned before ours"


def test_an_answer_from_the_minute_before_says_nothing_about_this_one() -> None:
    window = MinuteWindow(SMALL)
    old = reserved(window, Lane.POLL, later(59))
    reserved(window, Lane.POLL, later(60))
    window.observed(old, cost=1, remaining=0)
    assert window.left(later(60)) == 19


def test_what_never_left_costs_nothing() -> None:
    window = MinuteWindow(SMALL)
    window.unused(reserved(window, Lane.POLL, TEN, cost=8))
    assert window.left(TEN) == 20


def test_one_429_stops_everybody_until_the_minute_turns() -> None:
    window = MinuteWindow(SMALL)
    window.exhausted(later(61))
    window.exhausted(later(31))
    for lane in Lane:
        assert window.reserve(cost=1, lane=lane, now=later(60.9)) == later(61)
    assert isinstance(window.reserve(cost=1, lane=Lane.BACKFILL, now=later(61)), Reservation)


@given(
    st.lists(
        st.tuples(st.sampled_from(Lane), st.sampled_from([1, 3, 8]), st.floats(0, 20), st.integers(0, 2)), max_size=60
    )
)
def test_never_more_on_its_way_than_the_minute_has(steps: list[tuple[Lane, int, float, int]]) -> None:
    window = MinuteWindow(SMALL)
    now = TEN
    spent: dict[datetime, int] = {}
    held: list[Reservation] = []
    for lane, cost, seconds, settled in steps:
        now += timedelta(seconds=seconds)
        answer = window.reserve(cost=cost, lane=lane, now=now)
        minute = now.replace(second=0, microsecond=0)
        if isinstance(answer, Reservation):
            held.append(answer)
            spent[minute] = spent.get(minute, 0) + cost
        else:
            assert answer == minute_turn(now)
        for reservation in held[:settled]:
            window.observed(reservation, cost=reservation.cost, remaining=None)
        del held[:settled]
    assert all(total <= SMALL.limit for total in spent.values())


# The budget around it


class Clock:
    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant


async def test_a_wait_that_does_not_fit_is_refused_at_once() -> None:
    budget = MinuteBudget(clock=BusinessClock(now=Clock(later(10)).now), settings=SMALL)
    budget.exhausted(later(61))
    with pytest.raises(Throttled) as caught:
        await budget.acquire(cost=1, lane=Lane.INTERACTIVE, within_s=50)
    assert caught.value.retry_at == later(61)
    assert caught.value.retry_after_s == 51


async def test_all_who_wait_pass_when_the_clock_reaches_the_turn() -> None:
    clock = Clock(later(40))
    budget = MinuteBudget(clock=BusinessClock(now=clock.now, recheck_s=0.005), settings=SMALL)
    budget.exhausted(later(61))
    waiting = [asyncio.create_task(budget.acquire(cost=1, lane=Lane.ENROLLMENT, within_s=30)) for _ in range(5)]
    done, _ = await asyncio.wait(waiting, timeout=0.05)
    assert not done
    clock.instant = later(61)
    reservations = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert {reservation.window for reservation in reservations} == {later(60)}


async def test_a_clock_that_runs_faster_makes_a_long_wait_short() -> None:
    clock = BusinessClock(now=Clock(later(1)).now, speed=lambda: 600.0, recheck_s=0.005)
    assert clock.real_seconds_until(later(61)) == pytest.approx(0.1)
    assert not await clock.wait_until(later(61), within_s=0.01), "it stands still"


async def test_background_lanes_are_paced_and_urgent_ones_are_not() -> None:
    settings = BudgetSettings(limit=6000, burst=5)  # the poll may take 60 a second
    budget = MinuteBudget(clock=BusinessClock(now=Clock(TEN).now), settings=settings)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for _ in range(100):
        await budget.acquire(cost=1, lane=Lane.ENROLLMENT, within_s=5)
    urgent = loop.time() - started
    started = loop.time()
    for _ in range(25):
        await budget.acquire(cost=1, lane=Lane.POLL, within_s=5)
    paced = loop.time() - started
    assert paced > 20 / 60 * 0.9
    assert urgent < paced * 3  # a hundred at the poll's pace would take at least five times as long


async def test_a_pace_that_does_not_fit_gives_its_reservation_back() -> None:
    settings = BudgetSettings(limit=20, burst=1)
    budget = MinuteBudget(clock=BusinessClock(now=Clock(TEN).now), settings=settings)
    await budget.acquire(cost=1, lane=Lane.POLL, within_s=1)
    for _ in range(30):
        with pytest.raises(Throttled):
            await budget.acquire(cost=1, lane=Lane.POLL, within_s=0.001)
    for _ in range(18):
        await budget.acquire(cost=1, lane=Lane.ENROLLMENT, within_s=0)


async def test_a_429_stops_the_teams_other_callers_before_they_ask(server: ScriptedServer, shared: Wire) -> None:
    clock = BusinessClock(now=Clock(later(5)).now)
    budget = MinuteBudget(clock=clock, settings=SMALL)
    server.script = in_turn(json_reply({"error": "API rate limit exceeded"}, 429))
    client = client_of(server.url, shared, budget=budget, clock=clock)
    for lane in (Lane.POLL, Lane.INTERACTIVE, Lane.ENROLLMENT):
        with pytest.raises(Throttled) as caught:
            await client.using(lane=lane).me()
        assert caught.value.path == "/me"
        assert caught.value.retry_at == later(61)
    assert len(server.asked) == 1


async def test_headers_of_each_answer_feed_the_budget(server: ScriptedServer, shared: Wire) -> None:
    clock = BusinessClock(now=Clock(later(5)).now)
    budget = MinuteBudget(clock=clock, settings=SMALL)
    server.script = in_turn(
        json_reply({"data": {"id": 1}}, x_ratelimit_endpoint_cost="1", x_ratelimit_remaining_minute="8")
    )
    client = client_of(server.url, shared, budget=budget, clock=clock)
    await client.me()
    with pytest.raises(Throttled, match="backfill"):
        await client.using(lane=Lane.BACKFILL).me()
    await client.using(lane=Lane.ENROLLMENT).me()
    assert len(server.asked) == 2

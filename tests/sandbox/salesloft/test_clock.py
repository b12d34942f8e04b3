"""Simulated time: its speed and its jumps."""

from zoneinfo import ZoneInfo

import httpx
import pytest

from sandbox.salesloft.clock import ClockWouldGoBackError, SimulatedClock
from sandbox.salesloft.instants import (
    DAY,
    HOUR,
    SECOND,
    add_business_days,
    parse,
    render,
    render_utc,
    to_datetime,
    working_moment,
)
from sandbox.salesloft.server import SimulatorClient

NEW_YORK = ZoneInfo("America/New_York")


class RealTime:
    """A monotonic clock that a test moves by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_time_runs_at_its_speed_stands_still_and_jumps() -> None:
    real = RealTime()
    clock = SimulatedClock(start=0, speed=10, monotonic=real)
    real.seconds += 2
    assert clock.now() == 20 * SECOND
    assert clock.real_seconds_until(30 * SECOND) == 1
    clock.run_at(0)
    real.seconds += 100
    assert clock.now() == 20 * SECOND
    assert clock.real_seconds_until(30 * SECOND) is None
    clock.advance(DAY)
    assert clock.now() == 20 * SECOND + DAY
    clock.jump_to(2 * DAY)
    assert clock.now() == 2 * DAY
    with pytest.raises(ClockWouldGoBackError):
        clock.jump_to(DAY)
    with pytest.raises(ClockWouldGoBackError):
        clock.advance(-1)


def test_instants_are_written_in_the_teams_zone_and_read_back() -> None:
    instant = parse("2026-01-22T06:22:45.587713Z")
    assert render(instant, NEW_YORK) == "2026-01-22T01:22:45.587713-05:00"
    assert render_utc(instant) == "2026-01-22T06:22:45.587713Z"
    assert parse("2026-01-22T01:22:45.587713-05:00") == instant
    assert render(parse("2026-07-01T00:00:00Z"), NEW_YORK) == "2026-06-30T20:00:00.000000-04:00"


def test_business_days_leave_out_weekends_and_begin_at_midnight() -> None:
    friday = parse("2026-03-06T15:00:00-05:00")
    assert render(add_business_days(friday, 0, NEW_YORK), NEW_YORK) == "2026-03-06T00:00:00.000000-05:00"
    assert render(add_business_days(friday, 1, NEW_YORK), NEW_YORK) == "2026-03-09T00:00:00.000000-04:00"
    assert add_business_days(friday + DAY, 0, NEW_YORK) == add_business_days(friday, 1, NEW_YORK)


def test_a_working_moment_is_within_office_hours_and_not_before() -> None:
    friday_evening = parse("2026-03-06T18:00:00-05:00")
    moment = to_datetime(working_moment(friday_evening, 0.5, NEW_YORK), NEW_YORK)
    assert (moment.weekday(), moment.hour) == (0, 13)
    noon = parse("2026-03-06T12:00:00-05:00")
    assert working_moment(noon, 0.0, NEW_YORK) == noon
    assert working_moment(noon - 6 * HOUR, 0.0, NEW_YORK) == noon - 3 * HOUR


async def test_the_clock_is_read_and_set_over_http(simulator: SimulatorClient) -> None:
    before = await simulator.now()
    assert (await simulator.advance(90) - before).total_seconds() == 90
    told = await simulator.call("GET", "clock")
    assert told["speed"] == 0
    for wrong in ({"now": "2020-01-01T00:00:00Z"}, {"advance_seconds": -1}, {"speed": -1}, {"tempo": 3}):
        with pytest.raises(httpx.HTTPStatusError, match="422"):
            await simulator.call("PUT", "clock", wrong)


async def test_the_date_header_is_simulated_too(simulator: SimulatorClient, api: httpx.AsyncClient) -> None:
    now = await simulator.now()
    assert (await api.get("/me")).headers["date"] == now.strftime("%a, %d %b %Y %H:%M:%S GMT")

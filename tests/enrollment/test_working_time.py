"""Working time against a slow model that walks minute by minute, around every kind of change of a zone's offset."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from enrollment.working_time import Blackout, QuietHours, WorkingTime, first_moment, next_allowed, why_not
from schemas.vocabulary import Reason

NIGHT = QuietHours(begins=time(18), ends=time(9))
WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")

# Gaps and folds of an hour, of half an hour, over midnight, by a whole day, and none at all; with a leap day beside.
AROUND = [
    ("Europe/Berlin", "2027-03-28T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2027-03-14T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Australia/Lord_Howe", "2027-04-03T15:00"),
    ("Africa/Cairo", "2027-04-29T22:00"),
    ("Africa/Cairo", "2026-10-29T21:00"),
    ("America/Asuncion", "2024-03-24T03:00"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("Asia/Kathmandu", "2028-02-28T18:15"),
    ("Europe/Berlin", "2028-02-28T23:00"),
]


def model_allows(instant: datetime, rules: WorkingTime, zone: ZoneInfo) -> bool:
    """What the wall clock shows, and what is written about it."""
    wall = instant.astimezone(zone)
    if wall.strftime("%A").lower() not in rules.days:
        return False
    if any(one.first <= wall.date() <= one.last for one in rules.blackouts):
        return False
    if rules.quiet_hours is None:
        return True
    shown, begins, ends = wall.time(), rules.quiet_hours.begins, rules.quiet_hours.ends
    return not (begins <= shown < ends if begins < ends else shown >= begins or shown < ends)


def model_next(instant: datetime, rules: WorkingTime, zone: ZoneInfo) -> datetime:
    if model_allows(instant, rules, zone):
        return instant
    minute = instant.replace(second=0, microsecond=0)
    while not model_allows(minute, rules, zone) or minute < instant:
        minute += timedelta(minutes=1)
    return minute


# Often within the hours that are skipped or come twice.
TIMES = st.one_of(
    st.sampled_from([time(0), time(0, 30), time(1, 45), time(2), time(2, 30), time(3), time(23, 59)]),
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
)
QUIET = st.tuples(TIMES, TIMES).filter(lambda two: two[0] != two[1]).map(lambda t: QuietHours(begins=t[0], ends=t[1]))
DAYS = st.sets(st.sampled_from([*WORKDAYS, "saturday", "sunday"]), min_size=4).map(tuple)


@st.composite
def cases(draw: st.DrawFn) -> tuple[datetime, WorkingTime, ZoneInfo]:
    name, change = draw(st.sampled_from(AROUND))
    at = datetime.fromisoformat(change).replace(tzinfo=UTC)
    instant = at + timedelta(
        seconds=draw(st.integers(-30 * 3600, 6 * 3600)), microseconds=draw(st.integers(0, 999_999))
    )
    zone = ZoneInfo(name)
    local = at.astimezone(zone).date()
    first = local + timedelta(days=draw(st.integers(-1, 1)))
    blackout = Blackout(first=first, last=first + timedelta(days=draw(st.integers(0, 1))))
    rules = WorkingTime(
        quiet_hours=draw(st.none() | QUIET),
        days=draw(DAYS),
        blackouts=draw(st.sampled_from([(), (blackout,)])),
    )
    return instant, rules, zone


@given(case=cases())
def test_it_is_the_first_allowed_minute_of_the_model(case: tuple[datetime, WorkingTime, ZoneInfo]) -> None:
    instant, rules, zone = case
    found = next_allowed(instant, rules, zone)
    assert found == model_next(instant, rules, zone)
    assert why_not(found, rules, zone) is None
    assert (why_not(instant, rules, zone) is None) == (found == instant)


@pytest.mark.parametrize(
    ("zone", "instant", "expected"),
    [
        # Friday evening waits for Monday's morning: summer time ends between them.
        (BERLIN, "2026-10-23T17:00:00+00:00", "2026-10-26T08:00:00+00:00"),
        # And where it begins.
        (NEW_YORK, "2027-03-12T23:30:00+00:00", "2027-03-15T13:00:00+00:00"),
        # A leap day is a day.
        (BERLIN, "2028-02-28T20:00:00+00:00", "2028-02-29T08:00:00+00:00"),
        (BERLIN, "2026-11-23T09:00:00.000001+00:00", "2026-11-23T09:00:00.000001+00:00"),
    ],
)
def test_the_morning_is_that_of_the_wall_clock(zone: ZoneInfo, instant: str, expected: str) -> None:
    rules = WorkingTime(quiet_hours=NIGHT, days=WORKDAYS)
    assert next_allowed(datetime.fromisoformat(instant), rules, zone) == datetime.fromisoformat(expected)


def test_quiet_hours_that_end_in_a_gap_end_with_it() -> None:
    rules = WorkingTime(quiet_hours=QuietHours(begins=time(22), ends=time(2, 30)))
    evening = datetime(2027, 3, 27, 22, tzinfo=UTC)
    # At 01:00 UTC the clock goes from 02:00 to 03:00.
    assert next_allowed(evening, rules, BERLIN) == datetime(2027, 3, 28, 1, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    rules = WorkingTime(quiet_hours=QuietHours(begins=time(2, 30), ends=time(2)))
    # 02:45 for the first time: at 01:00 UTC it is 02:00 again.
    assert next_allowed(datetime(2026, 10, 25, 0, 45, tzinfo=UTC), rules, BERLIN) == datetime(
        2026, 10, 25, 1, tzinfo=UTC
    )


def test_a_blackout_has_its_own_reason_and_goes_before_the_hour() -> None:
    holidays = WorkingTime(quiet_hours=NIGHT, blackouts=(Blackout(first=date(2026, 12, 24), last=date(2027, 1, 3)),))
    night = datetime(2026, 12, 24, 2, tzinfo=UTC)
    assert why_not(night, holidays, BERLIN) is Reason.BLACKOUT
    assert why_not(night - timedelta(days=1), holidays, BERLIN) is Reason.QUIET_HOURS
    assert next_allowed(night, holidays, BERLIN) == datetime(2027, 1, 4, 8, tzinfo=UTC)
    assert why_not(datetime(2026, 12, 26, 12, tzinfo=UTC), WorkingTime(days=WORKDAYS), BERLIN) is Reason.QUIET_HOURS


def test_a_day_begins_after_the_gap_that_takes_its_midnight() -> None:
    assert first_moment(date(2027, 4, 30), ZoneInfo("Africa/Cairo")) == datetime(2027, 4, 29, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "document",
    [
        {"quiet_hours": {"begins": "09:00", "ends": "09:00"}},
        {"quiet_hours": {"begins": "18:00Z", "ends": "09:00"}},
        {"days": []},
        {"days": ["someday"]},
        {"blackouts": [{"first": "2026-12-24", "last": "2026-12-23"}]},
        {"blackouts": [{"first": "2026-12-24", "last": "2028-12-23"}]},
        {"unknown": 1},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WorkingTime.model_validate(document)

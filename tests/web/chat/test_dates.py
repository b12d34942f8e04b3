"""Days in English, seen from a Thursday; and from every other day, as far as a rule can be told."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.chat.samples import NOW
from web.chat.dates import ahead, behind, span_end


@pytest.mark.parametrize(
    ("phrase", "days"),
    [
        ("tomorrow", ["2026-11-27"]),
        ("the day after tomorrow", ["2026-11-28"]),
        ("monday", ["2026-11-30"]),
        ("thursday", ["2026-12-03"]),
        ("next monday", ["2026-11-30"]),
        ("next friday", ["2026-11-27", "2026-12-04"]),
        ("this friday", ["2026-11-27"]),
        ("monday next week", ["2026-11-30"]),
        ("friday next week", ["2026-12-04"]),
        ("monday after next", ["2026-12-07"]),
        ("3 march", ["2027-03-03"]),
        ("the 3rd of march", ["2027-03-03"]),
        ("march 3", ["2027-03-03"]),
        ("march 3 2028", ["2028-03-03"]),
        ("monday 30 november", ["2026-11-30"]),
        ("26 november", ["2027-11-26"]),
        ("29 february", ["2028-02-29"]),
        ("30 february", []),
        ("the 15th", ["2026-12-15"]),
        ("the 31st", ["2026-12-31"]),
        ("2026-12-24", ["2026-12-24"]),
        ("24.12.", ["2026-12-24"]),
        ("24.12.2026", ["2026-12-24"]),
        ("12/24", ["2026-12-24"]),
        ("24/12/26", ["2026-12-24"]),
        ("3/4", ["2027-03-04", "2027-04-03"]),
        ("1/1", ["2027-01-01"]),
        ("13/13", []),
        ("next week", ["2026-11-30"]),
        ("end of the month", ["2026-12-01"]),
        ("the end of next month", ["2027-01-01"]),
        ("end of november", ["2026-12-01"]),
        ("end of december", ["2027-01-01"]),
        ("q1", ["2027-01-01"]),
        ("january", ["2027-01-01"]),
        ("mid january", ["2027-01-15"]),
        ("new year", ["2027-01-01"]),
        ("christmas", ["2026-12-25"]),
        ("two weeks from now", ["2026-12-10"]),
        ("she is back", []),
        ("the holidays", []),
        ("later", []),
        ("", []),
    ],
)
def test_a_phrase_says_its_days(phrase: str, days: list[str]) -> None:
    assert [day.isoformat() for day in ahead(phrase, NOW)] == days


@pytest.mark.parametrize(
    ("phrase", "day"),
    [
        ("the last 30 days", "2026-10-27"),
        ("over the past week", "2026-11-19"),
        ("this month", "2026-11-01"),
        ("this quarter", "2026-10-01"),
        ("today", "2026-11-26"),
        ("yesterday", "2026-11-25"),
        ("since monday", "2026-11-23"),
        ("since thursday", "2026-11-19"),
        ("since 1 november", "2026-11-01"),
        ("since march", "2026-03-01"),
        ("ever", None),
    ],
)
def test_a_phrase_says_since_when(phrase: str, day: str | None) -> None:
    found = behind(phrase, NOW)
    assert (None if found is None else found.isoformat()) == day


@pytest.mark.parametrize(
    ("span", "day"),
    [
        ("a month", "2027-02-28"),
        ("3 months", "2027-04-30"),
        ("a year", "2028-01-31"),
        ("a couple of days", "2027-02-02"),
    ],
)
def test_months_end_with_their_last_day(span: str, day: str) -> None:
    end = span_end(span, date(2027, 1, 31))
    assert end is not None
    assert end.isoformat() == day


DAYS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2090, 1, 1))  # noqa: DTZ001


@given(DAYS, st.sampled_from("monday tuesday wednesday thursday friday saturday sunday".split()))  # noqa: SIM905
def test_a_weekday_is_the_next_of_its_name(now: datetime, name: str) -> None:
    (day,) = ahead(name, now)
    assert f"{day:%A}".casefold() == name
    assert timedelta(0) < day - now.date() <= timedelta(days=7)
    assert ahead(f"next {name}", now)[0] == day


@given(DAYS, st.integers(1, 12), st.integers(1, 31))
def test_a_day_without_its_year_is_to_come(now: datetime, month: int, day: int) -> None:
    name = date(2024, month, 1).strftime("%B").casefold()
    for found in ahead(f"{day} {name}", now):
        assert (found.month, found.day) == (month, day)
        assert found > now.date()


@given(DAYS, st.text(max_size=30))
def test_any_phrase_is_read(now: datetime, phrase: str) -> None:
    assert isinstance(ahead(phrase, now), tuple)
    behind(phrase, now)
    span_end(phrase, now.date())

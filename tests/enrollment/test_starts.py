"""The day on which a cadence begins: from now, or reckoned from the term's end."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from enrollment.decide import Candidate, decide
from enrollment.drafts import examine, parse_document
from enrollment.mappings import Policy
from enrollment.starts import start_day
from schemas.lifecycle import NewCustomerTrigger, RenewalWindowTrigger
from tests.enrollment.samples import NOW, mapping, organization, situation, stakeholder

UTC_ZONE = ZoneInfo("UTC")
BEFORE: dict[str, Any] = {"start_days_before_term_end": 60}


def term(end: date) -> RenewalWindowTrigger:
    return RenewalWindowTrigger(contract_id="con-5", term_end=end, days_to_renewal=0)


@pytest.mark.parametrize(
    ("end", "day"),
    [
        (date(2027, 3, 31), date(2027, 1, 30)),
        (date(2028, 4, 29), date(2028, 2, 29)),  # a leap day
        (date(2027, 1, 22), date(2026, 11, 23)),  # today
        (date(2026, 12, 1), date(2026, 11, 23)),  # the day is over
        (date(2025, 1, 1), date(2026, 11, 23)),
    ],
)
def test_a_start_is_reckoned_from_the_terms_end(end: date, day: date) -> None:
    assert start_day(Policy(**BEFORE), term(end), UTC_ZONE, NOW) == day


@given(
    ahead=st.integers(-400, 400),
    days=st.integers(0, 365),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # the zone is given beside it
    where=st.sampled_from(["UTC", "Pacific/Auckland", "America/New_York", "Asia/Kathmandu"]),
)
def test_it_is_never_a_day_that_is_over_and_never_later_than_it_must_be(
    ahead: int, days: int, now: datetime, where: str
) -> None:
    zone = ZoneInfo(where)
    today = now.astimezone(zone).date()
    end = today + timedelta(days=ahead)
    day = start_day(Policy(start_days_before_term_end=days), term(end), zone, now)
    assert day >= today
    assert day == today or (end - day).days == days


def test_a_trigger_without_a_term_begins_today() -> None:
    signed = NewCustomerTrigger(signed_at=NOW)
    assert start_day(Policy(**BEFORE), signed, UTC_ZONE, NOW) == NOW.date()
    assert start_day(Policy(**BEFORE), None, UTC_ZONE, NOW) == NOW.date()


def test_what_is_asked_for_begins_on_that_day_and_the_approval_is_bound_to_it() -> None:
    def digest(**policy: Any) -> tuple[date, str | None]:
        one = mapping(policy=Policy(**policy))
        (found,) = decide(situation(Candidate(stakeholder(), None)), organization(one), NOW)
        assert found.action is not None
        return found.action.start_date, found.digest

    first, second = digest(**BEFORE), digest(start_days_before_term_end=61)
    assert (first[0], second[0]) == (date(2027, 1, 30), date(2027, 1, 29))
    assert first[1] != second[1]


def test_there_is_one_start_and_a_term_to_reckon_it_from() -> None:
    with pytest.raises(ValidationError, match="two starts"):
        Policy(start_offset_days=3, **BEFORE)
    document = {"trigger_type": "at-risk", "cadence_id": 456, "policy": BEFORE}
    (finding,) = examine(parse_document(document), organization())
    assert (
        str(finding)
        == "policy.start_days_before_term_end: only renewal-window has a term: use start_offset_days instead"
    )
    assert examine(parse_document(document | {"trigger_type": "renewal-window"}), organization()) == ()

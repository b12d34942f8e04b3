"""How long approved requests would wait for quotas."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollment.decide import Candidate, Decision, decide
from enrollment.mappings import Mapping, Policy
from enrollment.policies import Cap, Counted, PolicyFacts
from enrollment.quotas import QuotaForecast
from tests.enrollment.samples import NOW, mapping, organization, situation, stakeholder

HOUR = timedelta(hours=1)


def capped(*caps: Cap, **changes: Any) -> Mapping:
    return mapping(id=uuid4(), policy=Policy(caps=caps), **changes)


def request(of: Mapping, **of_whom: Any) -> Decision:
    candidate = Candidate(stakeholder(**of_whom), None)
    (decision,) = decide(situation(candidate, policy=PolicyFacts()), organization(of), NOW)
    assert decision.mapping == of
    return decision


def test_nothing_waits_where_no_quota_is_used_up() -> None:
    forecast = QuotaForecast()
    asked = request(capped(Cap(per=Counted.MAPPING, at_most=2, within_hours=1)))
    assert [forecast.add(asked, NOW, "UTC") for _ in range(2)] == [NOW, NOW]
    assert forecast.add(asked, NOW + HOUR, "UTC") == NOW + HOUR
    assert (forecast.waiting, forecast.last_at) == ({}, NOW + HOUR)


def test_a_mapping_s_quota_lets_so_many_through_at_a_time() -> None:
    forecast = QuotaForecast()
    asked = request(capped(Cap(per=Counted.MAPPING, at_most=2, within_hours=24)))
    found = [forecast.add(asked, NOW, "UTC") for _ in range(5)]
    assert found == [NOW, NOW, NOW + 24 * HOUR, NOW + 24 * HOUR, NOW + 48 * HOUR]
    assert (forecast.waiting, forecast.last_at) == ({Counted.MAPPING: 3}, NOW + 48 * HOUR)


def test_a_sender_s_quota_counts_what_other_mappings_had_sent() -> None:
    forecast = QuotaForecast()
    forecast.add(request(capped()), NOW, "UTC")
    asked = request(capped(Cap(per=Counted.SENDER, at_most=1, within_hours=3)))
    assert forecast.add(asked, NOW + HOUR, "UTC") == NOW + 3 * HOUR
    assert forecast.waiting == {Counted.SENDER: 1}


def test_whoever_is_contacted_is_not_counted_here() -> None:
    forecast = QuotaForecast()
    asked = request(capped(Cap(per=Counted.STAKEHOLDER, at_most=1, within_hours=24)))
    assert [forecast.add(asked, NOW, "UTC") for _ in range(2)] == [NOW, NOW]


@pytest.mark.parametrize(
    ("own_zone", "hours_after_midnight"), [(None, 5), ("Pacific/Auckland", -13), ("Europe/Berlin", -1)]
)
def test_nothing_is_carried_out_before_its_day_begins_where_the_stakeholder_is(
    own_zone: str | None, hours_after_midnight: int
) -> None:
    later = mapping(id=uuid4(), policy=Policy(start_offset_days=2))
    asked = request(later, time_zone=own_zone)
    assert asked.action is not None
    midnight = datetime.combine(asked.action.start_date, datetime.min.time(), NOW.tzinfo)
    assert QuotaForecast().add(asked, NOW, "America/New_York") == midnight + hours_after_midnight * HOUR


@given(
    gaps=st.lists(st.integers(0, 5), min_size=1, max_size=30),
    at_most=st.integers(1, 4),
    within=st.integers(1, 12),
)
def test_a_quota_is_never_passed_and_nobody_waits_longer_than_it_asks(
    gaps: list[int], at_most: int, within: int
) -> None:
    forecast = QuotaForecast()
    asked = request(capped(Cap(per=Counted.MAPPING, at_most=at_most, within_hours=within)))
    carried_out: list[datetime] = []
    now = NOW
    for gap in gaps:
        now += gap * HOUR
        at = forecast.add(asked, now, "UTC")
        earliest = now
        while sum(earliest - within * HOUR < one <= earliest for one in carried_out) >= at_most:
            earliest += HOUR
        assert at == max(earliest, *carried_out[-1:], now)
        carried_out.append(at)

"""Telling a broken topic from a broken organization."""

from collections.abc import Sequence

import pytest

from consumers.breaker import Alarm, Breaker, BreakerOptions, Verdict


def failures(*organizations: str | None, topic: str = "t") -> list[Verdict]:
    return [Verdict(topic, failed=True, organization=organization) for organization in organizations]


def accepted(breaker: Breaker, verdicts: Sequence[Verdict]) -> tuple[Alarm, ...]:
    judgement = breaker.judge(verdicts)
    assert not judgement.stopped
    breaker.accept(judgement)
    return judgement.alarms


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(BreakerOptions(row=4, organizations=2))


def test_a_row_across_organizations_stops_the_topic(breaker: Breaker) -> None:
    assert accepted(breaker, failures("a", "a", "a")) == ()
    assert breaker.judge(failures("b")).stopped == {"t"}


def test_a_row_is_only_what_was_accepted(breaker: Breaker) -> None:
    breaker.judge(failures("a", "b", "a"))
    assert not breaker.judge(failures("b")).stopped


def test_a_sound_record_ends_the_row(breaker: Breaker) -> None:
    accepted(breaker, failures("a", "b", "a"))
    accepted(breaker, [Verdict("t", failed=False)])
    accepted(breaker, failures("b", "a", "b"))
    breaker.sound(["t"])
    accepted(breaker, failures("b", "a", "b"))


def test_topics_have_rows_of_their_own(breaker: Breaker) -> None:
    accepted(breaker, [*failures("a", "b", topic="t"), *failures("a", "b", topic="u")])
    assert breaker.judge(failures("a", "b", topic="u")).stopped == {"u"}


def test_one_organization_goes_on_with_an_alarm_each_time_the_row_is_full(breaker: Breaker) -> None:
    assert accepted(breaker, failures(*["a"] * 5)) == (Alarm("t", ("a",), 4),)
    assert accepted(breaker, failures(*["a"] * 3)) == (Alarm("t", ("a",), 8),)


def test_failures_that_name_nobody_are_not_one_organization(breaker: Breaker) -> None:
    assert breaker.judge(failures(None, None, None, None)).stopped == {"t"}


def test_a_reset_begins_anew(breaker: Breaker) -> None:
    accepted(breaker, failures("a", "b", "a"))
    breaker.stop(["t"])
    assert breaker.stopped == {"t"}
    breaker.reset(["t"])
    assert not breaker.stopped
    accepted(breaker, failures("b"))

"""Whom a stop concerns and when, and mappings that stand in the shadow."""

from datetime import timedelta

import pytest

from enrollment.decide import Candidate, decide
from enrollment.mappings import Policy
from enrollment.stops import Stop, StopScope, latest_end, next_end
from schemas.vocabulary import CandidateOutcome, Reason
from tests.enrollment.samples import NOW, mapping, organization, situation, stakeholder

ANN = Candidate(stakeholder(), None)
HOUR = timedelta(hours=1)


def _stop(scope: StopScope, subject: str, *, began: timedelta = -HOUR, over: timedelta | None = None) -> Stop:
    return Stop(scope, subject, NOW + began, NOW + over if over is not None else None)


@pytest.mark.parametrize(
    ("scope", "subject", "is_stopped"),
    [
        (StopScope.ORGANIZATION, "org-1", True),
        (StopScope.CUSTOMER, "cus-7", True),
        (StopScope.CUSTOMER, "cus-8", False),
        (StopScope.CADENCE, "456", True),
        (StopScope.CADENCE, "457", False),
        (StopScope.MAPPING, str(mapping().id), True),
        (StopScope.MAPPING, str(mapping(2).id), False),
        # Ids of one kind are not another's.
        (StopScope.CUSTOMER, "456", False),
        (StopScope.CADENCE, "cus-7", False),
    ],
)
def test_what_a_stop_stops(scope: StopScope, subject: str, is_stopped: bool) -> None:
    (decision,) = decide(situation(ANN), organization(mapping(), stops=[_stop(scope, subject)]), NOW)
    expected = (CandidateOutcome.DEFER, Reason.STOPPED) if is_stopped else (CandidateOutcome.REQUEST, Reason.REQUESTED)
    assert (decision.outcome, decision.reason) == expected


@pytest.mark.parametrize(
    ("began", "over", "lasts"),
    [
        (-HOUR, None, True),
        (-HOUR, HOUR, True),
        (-HOUR, timedelta(), False),
        (timedelta(), HOUR, True),
        (HOUR, None, False),
    ],
)
def test_a_stop_lasts_from_its_instant_to_its_end(began: timedelta, over: timedelta | None, lasts: bool) -> None:
    stop = _stop(StopScope.ORGANIZATION, "org-1", began=began, over=over)
    (decision,) = decide(situation(ANN), organization(mapping(), stops=[stop]), NOW)
    assert (decision.reason is Reason.STOPPED) is lasts


def test_a_run_that_has_ended_is_stale_also_while_it_is_stopped() -> None:
    facts = organization(mapping(), stops=[_stop(StopScope.ORGANIZATION, "org-1")])
    (decision,) = decide(situation(ANN, ended=True), facts, NOW)
    assert decision.reason is Reason.STALE_EVENT


def test_the_ends_of_stops() -> None:
    ours = _stop(StopScope.CUSTOMER, "cus-7", over=HOUR)
    past = _stop(StopScope.ORGANIZATION, "org-1", began=-3 * HOUR, over=-2 * HOUR)
    other = _stop(StopScope.CUSTOMER, "cus-8", over=timedelta(minutes=5))
    open_ended = _stop(StopScope.MAPPING, str(mapping().id))
    assert latest_end([past, other], "cus-7", [mapping()], NOW) == NOW - 2 * HOUR
    assert latest_end([past, ours, open_ended], "cus-7", [mapping()], NOW) == NOW + HOUR
    assert latest_end([past, open_ended], "cus-7", [mapping()], NOW) == NOW
    assert latest_end([other], "cus-7", [mapping()], NOW) is None
    assert next_end([ours, past, other, open_ended], NOW) == NOW + timedelta(minutes=5)
    assert next_end([open_ended], NOW) is None


def test_what_stands_in_the_shadow_is_decided_and_never_requested() -> None:
    shadow = mapping(policy=Policy(shadow=True))
    (decision,) = decide(situation(ANN), organization(shadow), NOW)
    assert (decision.outcome, decision.reason) == (CandidateOutcome.SKIP, Reason.SHADOW)
    (live,) = decide(situation(ANN), organization(mapping()), NOW)
    # It says what would have been asked, bound as it would have been.
    assert (decision.digest, decision.action, decision.verdicts) == (live.digest, live.action, live.verdicts)


def test_what_stands_in_the_shadow_takes_nobodys_place() -> None:
    shadow, live = mapping(1, policy=Policy(shadow=True), priority=1), mapping(2, priority=2)
    decisions = decide(situation(ANN), organization(shadow, live), NOW)
    assert [(one.mapping and one.mapping.id, one.reason) for one in decisions] == [
        (shadow.id, Reason.SHADOW),
        (live.id, Reason.REQUESTED),
    ]

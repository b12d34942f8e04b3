"""A run of one mapping says of everybody why it does or does not ask for them; what is decided about one of many."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from enrollment.decide import Candidate, Decision, Situation
from enrollment.evaluate import Only
from enrollment.explain import explain
from enrollment.mappings import Mapping, Policy
from enrollment.recall import Recalled
from schemas.vocabulary import CandidateOutcome, Reason
from tests.enrollment.samples import NOW, criteria, customer, mapping, organization, person, situation, stakeholder

ANN, BOB = Candidate(stakeholder(), None), Candidate(stakeholder(id="sth-8", is_champion=False), None)
CHAMPION = criteria("stakeholder.is_champion", "equals", value=True)
RUN = 9


def run_of(*mappings: Mapping, at_most: int = 9, candidates: tuple[Candidate, ...] = (ANN,), **facts: Any) -> Recalled:
    """A run of the ninth mapping among some."""
    return Recalled(
        situation=situation(*candidates, **facts),
        organization=organization(*mappings),
        now=NOW,
        event_time=NOW,
        hold_ends=None,
        only=Only(mapping_id=UUID(int=RUN), at_most=at_most),
    )


def told(decisions: list[Decision]) -> list[tuple[str | None, str, int | None]]:
    return [(one.stakeholder_id, one.reason.value, one.mapping.id.int if one.mapping else None) for one in decisions]


@pytest.mark.parametrize(
    ("before", "run", "reason", "by"),
    [
        ({}, {}, "preempted", 1),
        ({}, {"customer_criteria": criteria("customer.health_score", "lt", 9)}, "criteria_not_met", None),
        ({}, {"customer_criteria": criteria("customer.domain", "equals", "x")}, "fact_unknown", None),
        ({}, {"segment": "smb"}, "segment_not_matched", None),
        ({}, {"enabled": False}, "mapping_disabled", None),
        ({"exclusivity_group": "b"}, {"stakeholder_criteria": criteria("stakeholder.role", "equals", "x")},
         "criteria_not_met", None),
        ({"exclusivity_group": "b"}, {}, "requested", RUN),
        ({"policy": Policy(shadow=True)}, {}, "requested", RUN),
        ({"parked": True}, {}, "preempted", 1),
    ],
)  # fmt: skip
def test_whom_others_have_gets_one_line(
    before: dict[str, Any], run: dict[str, Any], reason: str, by: int | None
) -> None:
    found = run_of(mapping(1, **before), mapping(RUN, **run)).evaluate().decisions
    assert told(found) == [("sth-9", reason, by)]
    assert found[0].outcome is (CandidateOutcome.REQUEST if reason == "requested" else CandidateOutcome.SKIP)


def test_the_one_of_its_own_group_is_named() -> None:
    others = [mapping(1, exclusivity_group="b"), mapping(2, policy=Policy(shadow=True)), mapping(3)]
    assert told(run_of(*others, mapping(RUN)).evaluate().decisions) == [("sth-9", "preempted", 3)]


def test_who_is_left_to_another_counts_towards_no_limit() -> None:
    carl = Candidate(stakeholder(id="sth-7", is_champion=False), None)
    run = run_of(mapping(1, stakeholder_criteria=CHAMPION), mapping(RUN), at_most=1, candidates=(ANN, BOB, carl))
    decisions = run.evaluate().decisions
    assert told(decisions) == [("sth-9", "preempted", 1), ("sth-8", "requested", RUN), ("sth-7", "quota_reached", RUN)]


def test_what_would_have_it_asked_for_is_found() -> None:
    """The other mapping, switched off, leaves whom it had to this one."""
    (explained,) = explain(run_of(mapping(1), mapping(RUN), customer=customer())).decisions
    assert {one.mapping.id.int: one.said for one in explained.asked} == {1: "taken", RUN: "group_taken"}
    assert explained.decision.reason is Reason.PREEMPTED
    assert f"mapping.{UUID(int=1)}.enabled" in {turn.fact for turn in explained.turns}


NEVER_SO_LONG = mapping(1, stakeholder_criteria=CHAMPION, policy=Policy(defer_days=2))
LONGER = mapping(2, policy=Policy(defer_days=60))
NOBODY = Candidate(stakeholder(email=None), None)


@pytest.mark.parametrize(
    ("found", "reasons"),
    [
        (situation(ANN, BOB), ["requested", "requested"]),
        (situation(Candidate(stakeholder(), person(do_not_contact=True)), BOB), ["do_not_contact", "requested"]),
        (situation(NOBODY, BOB), ["no_email", "requested"]),
        (situation(NOBODY), ["deferral_ended"]),
        (situation(ANN, BOB, ended=True), ["stale_event", "stale_event"]),
    ],
)
def test_what_is_decided_about_one_is_what_is_decided_about_them_among_all(
    found: Situation, reasons: list[str]
) -> None:
    """The others' mapping keeps a deferral open that would be over by one's own."""
    began = NOW - timedelta(days=9)
    facts = organization(NEVER_SO_LONG, LONGER)
    evaluation = Recalled(situation=found, organization=facts, now=NOW, event_time=began, hold_ends=None)
    decisions = evaluation.evaluate().decisions
    assert [one.reason.value for one in decisions] == reasons
    assert [one for each in found.candidates for one in evaluation.decisions_about(each.stakeholder.id)] == decisions


def test_whom_a_run_has_no_place_for_has_none_alone_either() -> None:
    run = run_of(mapping(RUN), at_most=1, candidates=(ANN, BOB))
    assert told(run.decisions_about("sth-8")) == [("sth-8", "quota_reached", RUN)]

"""Why, why not, and the one change that would turn a decision."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from enrollment.criteria import Criteria, parse_criteria
from enrollment.decide import Candidate, Decision, OrganizationFacts, Situation, decide
from enrollment.explain import ExplainedDecision, explain, told, trace
from enrollment.mappings import FixedUser, Policy
from enrollment.recall import Recalled
from enrollment.renewing import Terms
from schemas.directory import OwnerRef
from schemas.vocabulary import CandidateOutcome, EnrollmentState, Reason, TriggerType
from tests.enrollment.samples import (
    BLOCKED,
    NOW,
    cadence,
    criteria,
    customer,
    facts,
    mapping,
    organization,
    person,
    situation,
    stakeholder,
)

ANN = Candidate(stakeholder(), None)
LOW = criteria("customer.health_score", "lt", 60)


def of(found: Situation, facts: OrganizationFacts, place: int = 0) -> ExplainedDecision:
    recalled = Recalled(situation=found, organization=facts, now=NOW, event_time=NOW, hold_ends=None)
    explanation = explain(recalled)
    decisions = decide(found, facts, NOW)
    assert [one.decision.digest for one in explanation.decisions] == [one.digest for one in decisions]
    return explanation.decisions[place]


def turned(explained: ExplainedDecision) -> tuple[str, Any, Any]:
    assert explained.turn is not None
    return explained.turn.fact, explained.turn.was, explained.turn.is_


@pytest.mark.parametrize(
    ("by", "of_customer", "fact", "was", "is_"),
    [
        (LOW, {"health_score": 61}, "customer.health_score", 61, 59),
        (LOW, {"health_score": 60}, "customer.health_score", 60, 59),
        (criteria("customer.health_score", "lte", 60), {"health_score": 90}, "customer.health_score", 90, 60),
        (criteria("customer.health_score", "gt", 60), {"health_score": 0}, "customer.health_score", 0, 61),
        (criteria("customer.arr", "gte", "150000.50"), {}, "customer.arr", Decimal("120000.00"), Decimal("150000.50")),
        (criteria("customer.tier", "in", ["growth", "strategic"]), {}, "customer.tier", "enterprise", "growth"),
        (criteria("customer.domain", "exists"), {}, "customer.domain", None, "something"),
        (
            criteria("customer.renewal_date", "before", 30),
            {},
            "customer.renewal_date",
            date(2027, 3, 31),
            date(2026, 12, 22),
        ),
        (criteria("stakeholder.is_decision_maker", "equals", True), {}, "stakeholder.is_decision_maker", False, True),
    ],
)
def test_a_predicate_is_turned_at_its_nearest_value(
    by: Criteria, of_customer: dict[str, Any], fact: str, was: Any, is_: Any
) -> None:
    explained = of(situation(ANN, customer=customer(**of_customer)), organization(mapping(customer_criteria=by)))
    assert explained.decision.reason in {Reason.CRITERIA_NOT_MET, Reason.FACT_UNKNOWN}
    assert turned(explained) == (fact, was, is_)
    assert explained.turn is not None
    assert explained.turn.outcome is CandidateOutcome.REQUEST


@pytest.mark.parametrize(
    ("found", "by", "fact"),
    [
        (situation(ANN, customer_known=False), {}, "customer.known"),
        (situation(ANN, ended=True), {}, "trigger.ended"),
        (situation(ANN, ended_for={"sth-9"}), {}, "trigger.ended_for_stakeholder"),
        (situation(ANN), {"enabled": False}, f"mapping.{mapping().id}.enabled"),
        (situation(ANN), {"parked": True}, f"mapping.{mapping().id}.parked"),
        (situation(ANN), {"segment": "smb"}, "customer.segment"),
        (situation(replace(ANN, gone=Reason.STAKEHOLDER_LEFT)), {}, "stakeholder.gone"),
        (situation(Candidate(stakeholder(email=None), None)), {}, "stakeholder.email"),
        (situation(Candidate(stakeholder(email="ann@"), None)), {}, "stakeholder.email"),
        (
            situation(Candidate(stakeholder(contact_preferences=BLOCKED), None)),
            {},
            "stakeholder.contact_preferences.email",
        ),
        (situation(Candidate(stakeholder(), person(do_not_contact=True))), {}, "person.do_not_contact"),
        (situation(Candidate(stakeholder(), person(account_do_not_contact=True))), {}, "person.account_do_not_contact"),
        (situation(Candidate(stakeholder(), person(email_restricted=True))), {}, "person.email_restricted"),
        (situation(Candidate(stakeholder(), person(bouncing=True))), {}, "person.bouncing"),
        (situation(ANN, on_cadence={("sth-9", 456)}), {}, "stakeholder.on_cadence.456"),
        (
            situation(
                ANN,
                runs={
                    "sth-9": {
                        (TriggerType.RENEWAL_WINDOW, "default", "con-5/2027-03-31"): EnrollmentState.ENROLLED,
                    }
                },
            ),
            {},
            "run.renewal-window:default:con-5/2027-03-31",
        ),
        (situation(ANN, customer=customer(owner=OwnerRef(email="x@y.example"))), {}, "customer.owner.email"),
    ],
)
def test_each_refusal_names_the_fact_that_it_comes_from(found: Situation, by: dict[str, Any], fact: str) -> None:
    explained = of(found, organization(mapping(**by)))
    assert explained.decision.outcome is not CandidateOutcome.REQUEST
    assert turned(explained)[0] == fact


def test_refusals_of_the_team_name_what_it_lacks() -> None:
    assert turned(of(situation(ANN), organization(mapping(), connected=False)))[0] == "organization.connected"
    closed = organization(mapping(), cadences=(cadence(people_addable=False),))
    assert turned(of(situation(ANN), closed))[0] == "cadence.456.people_addable"
    own = organization(mapping(), cadences=(cadence(team_cadence=False, owner_user_id=99),))
    assert turned(of(situation(ANN), own))[0] == "cadence.456.team_cadence"


def test_a_held_upsell_is_turned_by_the_end_of_the_risk() -> None:
    found = situation(ANN, trigger_type=TriggerType.EXPANSION_SIGNAL, held=True)
    facts_ = organization(mapping(trigger_type=TriggerType.EXPANSION_SIGNAL))
    assert turned(of(found, facts_)) == ("customer.at_risk", True, False)


def test_what_two_facts_hinder_no_single_one_turns() -> None:
    blocked = Candidate(stakeholder(email=None), person(do_not_contact=True))
    explained = of(situation(blocked), organization(mapping()))
    assert explained.turns == []
    assert told(explained)["would_turn"] is None
    nobody = of(situation(), organization(mapping()))
    assert (nobody.decision.reason, nobody.turn) == (Reason.NO_CANDIDATES, None)


def test_a_request_is_turned_by_the_nearest_fact_that_it_rests_on() -> None:
    explained = of(situation(ANN, customer=customer(health_score=58)), organization(mapping(customer_criteria=LOW)))
    assert explained.decision.outcome is CandidateOutcome.REQUEST
    assert turned(explained) == ("customer.health_score", 58, 60)
    facts_tried = {one.fact for one in explained.turns}
    assert facts_tried >= {"trigger.ended", "organization.connected", "stakeholder.gone", "stakeholder.email"}
    assert "customer.name" not in facts_tried


def test_of_several_changes_the_smallest_is_told_first() -> None:
    either = parse_criteria(
        b'{"any": [{"field": "customer.tier", "op": "equals", "value": "growth"},'
        b' {"field": "customer.health_score", "op": "lt", "value": 41}]}'
    )
    explained = of(situation(ANN), organization(mapping(customer_criteria=either)))
    assert [one.fact for one in explained.turns] == ["customer.health_score", "customer.tier"]
    assert explained.turns[0].is_ == 40


def test_a_mapping_of_another_segment_turns_only_what_was_asked_for_by_it() -> None:
    """An approval that outlived its facts is asked for again by its own mapping, whatever the customer is now."""
    found = situation(ANN, customer=customer(segment="smb"))
    by = organization(mapping(1), mapping(2, segment="mid-market"), mapping(3, segment="smb"))
    terms = Terms(
        mapping_id=UUID(int=2),
        cadence_id=456,
        asked_step_id=77,
        start_step_id=77,
        asked_sender_user_id=12,
        sender_user_id=12,
        start_on=NOW.date(),
        business_key=found.business_key,
    )
    evaluation = Recalled(situation=found, organization=by, now=NOW, event_time=NOW, hold_ends=None)
    cadences = {"cadence.456.people_addable"}
    for asked, mappings in (
        (evaluation, set()),
        (replace(evaluation, renewal=terms), {f"mapping.{UUID(int=2)}.enabled"}),
    ):
        (explained,) = explain(asked).decisions
        assert explained.decision.outcome is CandidateOutcome.REQUEST
        told_of = {one.fact for one in explained.turns}
        assert {one for one in told_of if one.startswith(("mapping.", "cadence."))} >= mappings | cadences
        assert {one for one in told_of if str(UUID(int=2)) in one and one.endswith("enabled")} == mappings


def test_each_of_several_is_told_what_would_turn_their_own_decision() -> None:
    """What is the customer's turns both, what is a stakeholder's theirs alone."""
    blocked = Candidate(stakeholder(id="sth-8", contact_preferences=BLOCKED), None)
    found = situation(ANN, blocked, ended_for={"sth-8"}, customer=customer(health_score=58))
    by = organization(mapping(customer_criteria=LOW))
    ann, bob = of(found, by, 0), of(found, by, 1)
    assert turned(ann) == ("customer.health_score", 58, 60)
    assert {"stakeholder.contact_preferences.email", "stakeholder.gone"} <= {one.fact for one in ann.turns}
    assert bob.turns == []
    bob = of(replace(found, ended_for=set()), by, 1)
    assert [one.fact for one in bob.turns] == ["stakeholder.contact_preferences.email"]
    both = situation(ANN, blocked, customer=customer(health_score=61))
    assert [turned(of(both, by, 0)), of(both, by, 1).turns] == [("customer.health_score", 61, 59), []]


def test_whom_another_mapping_of_the_group_asks_for_no_change_has_asked_for() -> None:
    """What only stands in the shadow is no reason why they are not asked for: they are."""
    by = organization(mapping(1, policy=Policy(shadow=True)), mapping(2), mapping(3, segment="smb"))
    shadow, requested = of(situation(ANN), by, 0), of(situation(ANN), by, 1)
    assert [one.decision.reason for one in (shadow, requested)] == [Reason.SHADOW, Reason.REQUESTED]
    assert shadow.turns == []
    assert requested.turns != []


def test_a_change_that_is_told_does_turn_the_decision() -> None:
    """Made by hand, and decided as if nothing had been explained."""
    by = organization(mapping(customer_criteria=LOW, sender=FixedUser(user_id=12)))
    explained = of(situation(ANN, customer=customer(health_score=77)), by)
    fact, _, value = turned(explained)
    assert fact == "customer.health_score"

    def outcome(score: Any) -> Decision:
        (one,) = decide(situation(ANN, customer=customer(health_score=score)), by, NOW)
        return one

    assert outcome(value).outcome is CandidateOutcome.REQUEST
    assert outcome(value + 1).outcome is CandidateOutcome.SKIP


def test_each_mapping_says_why_it_does_or_does_not_decide() -> None:
    explained = of(
        situation(ANN),
        organization(
            mapping(1, segment="mid-market"),
            mapping(2),
            mapping(3, segment="smb"),
            mapping(4, enabled=False),
            mapping(5, exclusivity_group="b", customer_criteria=criteria("customer.domain", "equals", "x.example")),
            mapping(6, exclusivity_group="b", customer_criteria=criteria("customer.tier", "equals", "growth")),
            mapping(7, trigger_type=TriggerType.AT_RISK),
        ),
    )
    said = {one.mapping.id.int: one.said for one in explained.asked}
    assert said == {
        1: "taken",
        2: "group_taken",
        3: "segment_not_matched",
        4: "mapping_disabled",
        5: "fact_unknown",
        6: "criteria_not_met",
    }
    assert of(situation(ANN, ended=True), organization(mapping())).asked[0].said == "not_asked"


def test_a_trace_has_every_node_with_what_it_says_and_saw() -> None:
    tree = parse_criteria(
        b'{"all": [{"not": {"field": "customer.health_score", "op": "gte", "value": 60}},'
        b' {"any": [{"field": "customer.domain", "op": "exists"}, {"field": "customer.domain", "op": "matches",'
        b' "value": "acme"}]}]}'
    )
    assert trace(tree, facts()) == {
        "all": [
            {"not": {"predicate": "customer.health_score >= 60", "value": 41, "holds": False}, "holds": True},
            {
                "any": [
                    {"predicate": "customer.domain exists", "value": None, "holds": False},
                    {"predicate": "customer.domain matches acme", "value": None, "holds": None},
                ],
                "holds": None,
            },
        ],
        "holds": None,
    }

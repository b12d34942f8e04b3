"""What is kept of an organization comes back as what decided, and deciding again gives the same bytes."""

from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollment.criteria import parse_criteria
from enrollment.decide import Candidate, OrganizationFacts, Situation, decide
from enrollment.evaluate import told_outcomes
from enrollment.kept_facts import KeptFacts
from enrollment.mappings import FixedUser, Policy
from enrollment.recall import NotKept, keep_organization, recall, recall_organization
from enrollment.stops import Stop, StopScope
from schemas.vocabulary import TriggerType
from tests.enrollment.samples import KIM, NOW, cadence, mapping, organization, person, situation, stakeholder

LOW = parse_criteria(b'{"not": {"field": "customer.health_score", "op": "gte", "value": "59.50"}}')


def full() -> OrganizationFacts:
    return organization(
        mapping(1, customer_criteria=LOW, policy=Policy(start_offset_days=3)),
        mapping(2, segment="smb", sender=FixedUser(user_id=12), exclusivity_group="b", enabled=False),
        mapping(3, trigger_type=TriggerType.AT_RISK, parked=True, start_step_id=78),
        time_zone="Asia/Tokyo",
        cadences=(cadence(), cadence(id=999)),
    )


def test_an_organization_comes_back_as_it_decided() -> None:
    text, _ = keep_organization(full())
    back = recall_organization(text)
    assert back.mappings.all() == full().mappings.all()
    assert back.senders == {12: KIM}
    assert back.senders_by_email == {KIM.email: KIM}
    assert (back.time_zone, back.connected, back.self_approval_allowed) == ("Asia/Tokyo", True, False)
    assert set(back.cadences) == {456}, "a cadence that no mapping names decides nothing"
    assert back.cadences[456] == cadence()


def test_every_fact_of_an_organization_moves_its_digest() -> None:
    """But for its version, and what nothing rests on."""
    facts = full()
    digest = keep_organization(facts)[1]
    otherwise: dict[str, Any] = {
        "organization_id": "org-2",
        "time_zone": "UTC",
        "connected": False,
        "self_approval_allowed": True,
        "mappings": organization(mapping(1)).mappings,
        "cadences": {456: cadence(people_addable=False)},
        "senders": {},
        "senders_by_email": {},
        "suppresses": True,
        "stops": [Stop(StopScope.ORGANIZATION, "org-1", NOW, None)],
    }
    assert set(otherwise) == {one.name for one in fields(OrganizationFacts)} - {"decision_version", "team_id"}
    for name, value in otherwise.items():
        assert keep_organization(replace(facts, **{name: value}))[1] != digest, name
    assert keep_organization(replace(facts, decision_version=9))[1] == digest
    assert keep_organization(replace(facts, cadences={**facts.cadences, 999: cadence(name="Other")}))[1] == digest
    assert keep_organization(replace(facts, cadences=dict(reversed(list(facts.cadences.items())))))[1] == digest


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "health_score": st.integers(0, 100),
            "segment": st.sampled_from(["smb", "mid-market"]),
            "tier": st.sampled_from(["growth", "enterprise"]),
        },
    ),
    st.booleans(),
)
def test_a_kept_organization_decides_as_the_first_did(of_customer: dict[str, Any], bouncing: bool) -> None:
    found = situation(Candidate(stakeholder(), person(bouncing=bouncing)))
    found.customer = found.customer.model_copy(update=of_customer)
    back = recall_organization(keep_organization(full())[0])
    assert told_outcomes(decide(found, back, NOW)) == told_outcomes(decide(found, full(), NOW))


def test_every_fact_of_a_situation_is_known_to_be_kept() -> None:
    """Whoever adds one has `workflows.situations` store it, and `kept_facts` and `recall` bring it back."""
    assert {one.name for one in fields(Situation)} == {
        "trigger_type",
        "trigger",
        "business_key",
        "customer",
        "customer_known",
        "candidates",
        "runs",
        "on_cadence",
        "ended",
        "ended_for",
        "held",
        "policy",
    }
    assert {one.name for one in fields(Candidate)} == {"stakeholder", "person", "gone", "engagement"}


@pytest.mark.parametrize("facts", [{"erased": True}, {"erased": True, "event": {}, "organization": "aa"}])
def test_what_was_erased_is_not_made_again(facts: dict[str, Any]) -> None:
    with pytest.raises(NotKept):
        recall(TriggerType.AT_RISK, KeptFacts.of(orjson.dumps(facts).decode()), organization(mapping()), NOW)


def test_what_nobody_kept_is_not_made_again() -> None:
    with pytest.raises(NotKept):
        recall(TriggerType.AT_RISK, KeptFacts.of("{}"), None, NOW)

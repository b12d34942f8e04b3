"""What an approval is bound to, what differs when it is asked again, and which decisions do not count."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from enrollment.approval import Bound, Ignored, Question, differences, digest, judge
from enrollment.criteria import parse_criteria
from enrollment.decide import Candidate, decide
from enrollment.mappings import FixedUser, Mapping
from schemas.directory import CustomerSnapshot
from schemas.vocabulary import EnrollmentState
from tests.enrollment.samples import KIM, NOW, customer, mapping, organization, situation, stakeholder

BOUND = Bound(
    stakeholder_id="sth-9",
    email="ann@acme.example",
    cadence_id=456,
    start_step_id=77,
    start_date=date(2026, 11, 24),
    sender_user_id=12,
    custom_fields={"a": "1", "b": "2"},
    mapping_id=UUID(int=1),
    mapping_version=3,
    exclusivity_group="default",
    business_key="con-5/2027-03-31",
    verdicts=[("customer.health_score < 60", True), ("stakeholder.is_champion = true", False)],
)
OTHERWISE: dict[str, Any] = {
    "stakeholder_id": "sth-8",
    "email": "bob@acme.example",
    "cadence_id": 457,
    "start_step_id": 78,
    "start_date": date(2026, 11, 25),
    "sender_user_id": 13,
    "custom_fields": {"a": "1", "b": "3"},
    "mapping_id": None,
    "mapping_version": 4,
    "exclusivity_group": "other",
    "business_key": None,
    "verdicts": [("customer.health_score < 60", False), ("stakeholder.is_champion = true", False)],
}


def test_every_bound_fact_is_varied_here() -> None:
    assert set(OTHERWISE) == set(Bound.__dataclass_fields__)


@pytest.mark.parametrize("field", OTHERWISE)
def test_each_bound_fact_changes_the_digest(field: str) -> None:
    assert digest(replace(BOUND, **{field: OTHERWISE[field]})) != digest(BOUND)


def test_the_digest_does_not_depend_on_the_order_of_custom_fields() -> None:
    assert digest(replace(BOUND, custom_fields={"b": "2", "a": "1"})) == digest(BOUND)


def requested(of: CustomerSnapshot, by: Mapping) -> str:
    (found,) = decide(situation(Candidate(stakeholder(), None), customer=of), organization(by), NOW)
    assert found.digest is not None
    return found.digest


def test_a_value_that_moves_without_turning_a_verdict_leaves_the_digest() -> None:
    by = mapping(customer_criteria=parse_criteria(b'{"field": "customer.health_score", "op": "lt", "value": 60}'))
    assert requested(customer(health_score=36), by) == requested(customer(health_score=35), by)
    assert requested(customer(health_score=36), by) != requested(customer(health_score=36), mapping())


def test_a_verdict_that_turns_changes_the_digest() -> None:
    """Within an `any` a verdict may turn while the whole still holds."""
    by = mapping(
        customer_criteria=parse_criteria(
            b'{"any": [{"field": "customer.health_score", "op": "lt", "value": 60},'
            b' {"field": "customer.tier", "op": "equals", "value": "enterprise"}]}'
        )
    )
    assert requested(customer(health_score=36), by) != requested(customer(health_score=61), by)


def test_another_sender_or_step_or_version_is_another_digest() -> None:
    base = requested(customer(), mapping())
    assert requested(customer(), mapping(version=4)) != base
    assert requested(customer(), mapping(start_step_id=78)) != base
    assert requested(customer(), mapping(sender=FixedUser(user_id=KIM.user_id))) == base


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("email", "stakeholder.email"),
        ("cadence_id", "action.cadence.id"),
        ("start_step_id", "action.start_step.id"),
        ("start_date", "action.start_date"),
        ("sender_user_id", "action.sender.user_id"),
        ("custom_fields", "action.custom_fields"),
        ("mapping_id", "why.mapping.id"),
        ("mapping_version", "why.mapping.version"),
        ("exclusivity_group", "why.exclusivity_group"),
        ("verdicts", "customer.health_score < 60"),
    ],
)
def test_a_difference_is_told_by_its_place_in_the_request(field: str, told: str) -> None:
    (change,) = differences(BOUND, replace(BOUND, **{field: OTHERWISE[field]}))
    assert change["field"] == told
    if field != "verdicts":
        assert (change["was"], change["is"]) == (getattr(BOUND, field), OTHERWISE[field])
    else:
        assert (change["was"], change["is"]) == (True, False)


def test_a_predicate_that_came_or_went_is_a_difference() -> None:
    (gone,) = differences(BOUND, replace(BOUND, verdicts=BOUND.verdicts[:1]))
    assert gone == {"field": "stakeholder.is_champion = true", "was": False, "is": None}
    assert differences(BOUND, BOUND) == []


QUESTION = Question(
    state=EnrollmentState.REQUESTED,
    request_digest="sha256:aa",
    asked_again_at=None,
    expires_at=NOW + timedelta(hours=24),
    requested_by_user=None,
)


def judged(question: Question | None = QUESTION, **changes: Any) -> Ignored | None:
    decision: dict[str, Any] = {
        "request_digest": "sha256:aa",
        "decided_at": NOW + timedelta(hours=1),
        "decided_by": "usr-4",
        "self_approval_allowed": False,
    }
    return judge(question, **decision | changes)


def test_a_decision_that_fits_its_question_counts() -> None:
    assert judged() is None
    assert judged(decided_at=QUESTION.expires_at) is None


def test_a_decision_on_nothing_we_know_does_not_count() -> None:
    assert judged(None) == Ignored("unknown_enrollment")


def test_a_decision_on_another_request_does_not_count() -> None:
    assert judged(request_digest="sha256:bb") == Ignored("digest_mismatch")


@pytest.mark.parametrize("state", [one for one in EnrollmentState if one is not EnrollmentState.REQUESTED])
def test_an_approval_is_single_use(state: EnrollmentState) -> None:
    assert judged(replace(QUESTION, state=state)) == Ignored(f"already_{state.value}")


def test_a_decision_made_too_late_does_not_count() -> None:
    assert judged(decided_at=QUESTION.expires_at + timedelta(microseconds=1)) == Ignored("decided_after_expiry")


def test_an_answer_to_the_first_question_does_not_answer_the_second() -> None:
    again = replace(QUESTION, asked_again_at=NOW + timedelta(hours=2))
    assert judged(again) == Ignored("decided_before_request")
    assert judged(again, decided_at=NOW + timedelta(hours=2)) is None


def test_nobody_approves_their_own_request_unless_that_is_allowed() -> None:
    own = replace(QUESTION, requested_by_user="usr-4")
    assert judged(own) == Ignored("own_request")
    assert judged(own, self_approval_allowed=True) is None
    assert judged(own, decided_by="usr-5") is None

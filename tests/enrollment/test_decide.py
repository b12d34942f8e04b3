"""Decisions: which mapping is asked, each reason, the digests, and that the same is decided from the same."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollment.criteria import parse_criteria
from enrollment.decide import DEFERRING, Candidate, Decision, OrganizationFacts, closed, decide, window_end
from enrollment.mappings import FixedUser, Mapping, MappingBook, Policy
from schemas.vocabulary import CandidateOutcome, EnrollmentState, Reason, TriggerType
from tests.enrollment.samples import (
    BLOCKED,
    KIM,
    NOW,
    cadence,
    customer,
    facts,
    mapping,
    organization,
    person,
    situation,
    stakeholder,
)

ANN = Candidate(stakeholder(), None)
LOW_HEALTH = parse_criteria(b'{"field": "customer.health_score", "op": "lt", "value": 30}')
SEVERE = parse_criteria(b'{"field": "trigger.severity", "op": "equals", "value": "high"}')
PRIMARY = parse_criteria(b'{"field": "stakeholder.is_primary", "op": "equals", "value": true}')
DECIDES = parse_criteria(b'{"field": "stakeholder.is_decision_maker", "op": "equals", "value": true}')
RUN = (TriggerType.RENEWAL_WINDOW, "default", "con-5/2027-03-31")


def only(decisions: list[Decision]) -> Decision:
    (decision,) = decisions
    return decision


def reason(
    candidate: Candidate | None = ANN, *mappings: Mapping, facts: OrganizationFacts | None = None, **changes: Any
) -> Reason:
    found = only(
        decide(
            situation(*([candidate] if candidate else []), **changes),
            facts or organization(*(mappings or (mapping(),))),
            NOW,
        )
    )
    assert found.outcome is (
        CandidateOutcome.REQUEST
        if found.reason is Reason.REQUESTED
        else CandidateOutcome.DEFER
        if found.reason in DEFERRING
        else CandidateOutcome.SKIP
    )
    return found.reason


def of_person(**changes: Any) -> Candidate:
    return Candidate(stakeholder(), person(**changes))


def test_who_fits_is_requested_with_everything_that_would_be_done() -> None:
    found = only(decide(situation(ANN), organization(mapping()), NOW))
    assert (found.outcome, found.reason) == (CandidateOutcome.REQUEST, Reason.REQUESTED)
    assert found.action is not None
    assert (found.action.cadence.id, found.action.start_step.id, found.action.sender) == (456, 77, KIM)
    assert found.action.start_date == date(2026, 11, 23)
    assert (found.digest or "").startswith("sha256:")


def test_refusals_that_concern_the_trigger_as_a_whole() -> None:
    assert reason(ANN, ended=True) is Reason.STALE_EVENT
    assert reason(ANN, customer_known=False) is Reason.UNKNOWN_CUSTOMER
    assert reason(None) is Reason.NO_CANDIDATES
    assert reason(ANN, mapping(trigger_type=TriggerType.AT_RISK)) is Reason.NO_MAPPING
    assert reason(ANN, mapping(enabled=False)) is Reason.MAPPING_DISABLED
    assert reason(ANN, mapping(segment="enterprise")) is Reason.SEGMENT_NOT_MATCHED


def test_refusals_that_concern_one_stakeholder() -> None:
    assert reason(Candidate(stakeholder(), None, Reason.STAKEHOLDER_LEFT)) is Reason.STAKEHOLDER_LEFT
    assert reason(Candidate(stakeholder(), None, Reason.ERASED)) is Reason.ERASED
    assert reason(ANN, ended_for={"sth-9"}) is Reason.STALE_EVENT
    assert reason(ANN, ended_for={"sth-8"}) is Reason.REQUESTED
    assert reason(Candidate(stakeholder(email=None), None)) is Reason.NO_EMAIL
    assert reason(Candidate(stakeholder(email="  "), None)) is Reason.NO_EMAIL
    assert reason(Candidate(stakeholder(email="ann at acme"), None)) is Reason.INVALID_EMAIL
    assert reason(Candidate(stakeholder(contact_preferences=BLOCKED), None)) is Reason.OPTED_OUT
    assert reason(of_person(do_not_contact=True)) is Reason.DO_NOT_CONTACT
    assert reason(of_person(account_do_not_contact=True)) is Reason.DO_NOT_CONTACT
    assert reason(of_person(email_restricted=True)) is Reason.CONTACT_RESTRICTED
    assert reason(of_person(bouncing=True)) is Reason.BOUNCED


def test_what_salesloft_has_not_said_yet_does_not_hinder_a_request() -> None:
    assert reason(of_person(account_do_not_contact=None)) is Reason.REQUESTED
    assert reason(Candidate(stakeholder(contact_preferences=None), None)) is Reason.REQUESTED


def test_criteria_must_be_true_for_customer_and_stakeholder() -> None:
    assert reason(ANN, mapping(customer_criteria=LOW_HEALTH)) is Reason.CRITERIA_NOT_MET
    assert reason(ANN, mapping(stakeholder_criteria=DECIDES)) is Reason.CRITERIA_NOT_MET


def test_unknown_never_enrolls() -> None:
    assert reason(ANN, mapping(customer_criteria=SEVERE)) is Reason.FACT_UNKNOWN
    assert reason(ANN, mapping(stakeholder_criteria=PRIMARY)) is Reason.FACT_UNKNOWN
    negated = parse_criteria(b'{"not": {"field": "stakeholder.is_primary", "op": "equals", "value": true}}')
    assert reason(ANN, mapping(stakeholder_criteria=negated)) is Reason.FACT_UNKNOWN


def test_of_an_unknown_and_a_false_side_the_false_one_counts() -> None:
    """Whatever the missing fact will turn out to be, these criteria are not met."""
    both = mapping(customer_criteria=SEVERE, stakeholder_criteria=DECIDES)
    assert reason(ANN, both) is Reason.CRITERIA_NOT_MET
    assert reason(ANN, mapping(customer_criteria=LOW_HEALTH, stakeholder_criteria=PRIMARY)) is Reason.CRITERIA_NOT_MET


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("requested", Reason.ALREADY_REQUESTED),
        ("approved", Reason.ALREADY_REQUESTED),
        ("scheduled", Reason.ALREADY_REQUESTED),
        ("stale", Reason.ALREADY_REQUESTED),
        ("enrolling", Reason.ALREADY_ENROLLED),
        ("unknown", Reason.ALREADY_ENROLLED),
        ("enrolled", Reason.ALREADY_ENROLLED),
        ("paused", Reason.ALREADY_ENROLLED),
        ("rejected", Reason.ALREADY_RAN),
        ("blocked", Reason.ALREADY_RAN),
        ("failed", Reason.ALREADY_RAN),
        ("completed", Reason.ALREADY_RAN),
        ("removed", Reason.ALREADY_RAN),
        ("exited", Reason.ALREADY_RAN),
        ("expired", Reason.REQUESTED),
        ("withdrawn", Reason.REQUESTED),
    ],
)
def test_a_request_uses_its_run_up_unless_it_expired_or_was_withdrawn(state: str, expected: Reason) -> None:
    assert reason(runs={"sth-9": {RUN: EnrollmentState(state)}}) is expected


def test_a_run_is_that_of_its_stakeholder_trigger_group_and_business_key() -> None:
    state = EnrollmentState.REQUESTED
    assert reason(runs={"sth-8": {RUN: state}}) is Reason.REQUESTED
    assert reason(runs={"sth-9": {(TriggerType.AT_RISK, *RUN[1:]): state}}) is Reason.REQUESTED
    assert reason(runs={"sth-9": {(RUN[0], "other", RUN[2]): state}}) is Reason.REQUESTED
    assert reason(runs={"sth-9": {(*RUN[:2], "con-6/2027-03-31"): state}}) is Reason.REQUESTED


def test_nobody_is_requested_for_a_cadence_that_they_are_on() -> None:
    assert reason(on_cadence={("sth-9", 456)}) is Reason.ALREADY_ENROLLED
    assert reason(on_cadence={("sth-9", 457), ("sth-8", 456)}) is Reason.REQUESTED


def test_a_hold_preempts_upsell_and_nothing_else() -> None:
    assert reason(held=True) is Reason.REQUESTED
    upsell = mapping(trigger_type=TriggerType.EXPANSION_SIGNAL)
    assert reason(ANN, upsell, trigger_type=TriggerType.EXPANSION_SIGNAL, held=True) is Reason.PREEMPTED
    assert reason(ANN, upsell, trigger_type=TriggerType.EXPANSION_SIGNAL, held=False) is Reason.REQUESTED


def test_what_the_team_at_salesloft_does_not_offer() -> None:
    def with_(**changes: Any) -> Reason:
        of = changes.pop("mapping", mapping())
        return reason(facts=organization(of, **changes))

    assert with_(connected=False) is Reason.NOT_CONNECTED
    assert with_(cadences=()) is Reason.CADENCE_UNAVAILABLE
    assert with_(cadences=(cadence(people_addable=False),)) is Reason.CADENCE_UNAVAILABLE
    assert with_(cadences=(cadence(steps=()),)) is Reason.CADENCE_UNAVAILABLE
    assert with_(mapping=mapping(start_step_id=999)) is Reason.CADENCE_UNAVAILABLE
    assert with_(senders=()) is Reason.OWNER_UNAVAILABLE
    assert with_(mapping=mapping(sender=FixedUser(user_id=99))) is Reason.OWNER_UNAVAILABLE
    assert with_(cadences=(cadence(team_cadence=False, owner_user_id=99),)) is Reason.CADENCE_UNAVAILABLE
    assert with_(cadences=(cadence(team_cadence=False, owner_user_id=12),)) is Reason.REQUESTED
    assert reason(customer=customer(owner=None)) is Reason.OWNER_UNAVAILABLE


def test_what_may_still_come_is_deferred_and_nothing_else() -> None:
    assert {one.value for one in DEFERRING} == {
        *("unknown_customer", "no_candidates", "no_email", "invalid_email", "not_connected", "cadence_unavailable"),
        *("owner_unavailable", "no_mapping", "preempted", "frequency_capped", "exclusive_cadence_active", "stopped"),
    }


def test_a_deferral_is_a_refusal_once_its_window_has_ended() -> None:
    deferred = only(decide(situation(ANN, customer_known=False), organization(mapping()), NOW))
    assert (closed(deferred).outcome, closed(deferred).reason) == (CandidateOutcome.SKIP, Reason.DEFERRAL_ENDED)
    requested = only(decide(situation(ANN), organization(mapping()), NOW))
    assert closed(requested) is requested
    skipped = only(decide(situation(ANN, ended=True), organization(mapping()), NOW))
    assert closed(skipped) is skipped


def test_a_window_is_fourteen_days_unless_the_mapping_says_otherwise() -> None:
    no_email = Candidate(stakeholder(email=None), None)
    of_mapping = decide(situation(no_email), organization(mapping(policy=Policy(defer_days=3))), NOW)
    assert window_end(of_mapping, NOW) == NOW + timedelta(days=3)
    of_none = decide(situation(no_email), organization(), NOW)
    assert window_end(of_none, NOW) == NOW + timedelta(days=14)


MAPPINGS = st.lists(
    st.builds(
        lambda number, segment, priority, group, asks: mapping(
            number, segment=segment, priority=priority, exclusivity_group=group, stakeholder_criteria=asks
        ),
        st.integers(1, 9),
        st.sampled_from([None, "mid-market", "enterprise"]),
        st.integers(1, 3),
        st.sampled_from(["default", "news"]),
        st.sampled_from([DECIDES, PRIMARY, mapping().stakeholder_criteria]),
    ),
    max_size=6,
    unique_by=lambda one: one.id,
)


@given(mappings=MAPPINGS, shuffled=st.randoms(use_true_random=False))
def test_one_mapping_for_each_stakeholder_and_group_in_any_order_of_input(
    mappings: list[Mapping], shuffled: Any
) -> None:
    people = [ANN, Candidate(stakeholder(id="sth-8", is_decision_maker=True, is_primary=False), None)]
    expected = {}
    for one in people:
        who = one.stakeholder
        for group in ("default", "news"):
            fitting = [
                m
                for m in mappings
                if m.exclusivity_group == group
                and m.segment in {None, "mid-market"}
                and (m.stakeholder_criteria == mapping().stakeholder_criteria
                     or (m.stakeholder_criteria == DECIDES and who.is_decision_maker is True))
            ]  # fmt: skip
            if fitting:
                expected[who.id, group] = min(fitting, key=lambda m: (m.segment is None, m.priority, m.id)).id
    in_disorder = list(mappings)
    shuffled.shuffle(in_disorder)
    found = decide(situation(*people), organization(*in_disorder), NOW)
    assert {
        (one.stakeholder_id, one.mapping.exclusivity_group): one.mapping.id for one in found if one.mapping is not None
    } == expected
    assert len([one for one in found if one.mapping is not None]) == len(expected)
    assert {one.stakeholder_id for one in found} == {"sth-9", "sth-8"}


def test_the_customers_own_segment_goes_before_priority_and_priority_before_the_id() -> None:
    ranked = [mapping(9, segment="mid-market", priority=9), mapping(8, priority=1), mapping(2, priority=2)]
    for order in permutations([*ranked, mapping(3, priority=2)]):
        asked = MappingBook(order).for_segment(TriggerType.RENEWAL_WINDOW, "mid-market")
        assert [one.mapping.id for one in asked] == [UUID(int=9), UUID(int=8), UUID(int=2), UUID(int=3)]


@pytest.mark.parametrize(
    "other",
    [
        mapping(1, enabled=False),
        mapping(2, enabled=True),
        mapping(1, priority=300, parked=True),
        mapping(1, customer_criteria=LOW_HEALTH),
        mapping(1, stakeholder_criteria=PRIMARY),
        mapping(3, segment="mid-market"),
    ],
)
def test_a_book_that_has_another_mapping_asks_as_one_that_is_made_anew(other: Mapping) -> None:
    before = [mapping(1), mapping(2, enabled=False), mapping(4, priority=5)]
    anew = MappingBook([*(one for one in before if one.id != other.id), other])
    having = MappingBook(before).having(other)

    def asked(book: MappingBook) -> list[tuple[Mapping, bool | None, bool | None, frozenset[str]]]:
        return [
            (one.mapping, one.customer_holds(facts()), one.stakeholder_holds(facts()), one.fields)
            for one in book.for_segment(TriggerType.RENEWAL_WINDOW, "mid-market")
        ]

    assert having.all() == anew.all()
    assert asked(having) == asked(anew)


def test_a_disabled_mapping_is_not_asked() -> None:
    enabled = mapping(2, priority=200)
    found = only(decide(situation(ANN), organization(mapping(1, enabled=False), enabled), NOW))
    assert found.mapping == enabled


def test_the_same_is_decided_from_the_same() -> None:
    people = [ANN, Candidate(stakeholder(id="sth-8", email=None), None), of_person(bouncing=True)]

    def decided() -> list[Decision]:
        """From parts made anew."""
        return decide(situation(*people), organization(mapping(), mapping(2, exclusivity_group="b")), NOW)

    first, again = decided(), decided()
    assert [one.digest for one in first] == [one.digest for one in again]
    assert [(one.outcome, one.reason) for one in first] == [(one.outcome, one.reason) for one in again]


@pytest.mark.parametrize(
    ("zone", "organization_zone", "expected"),
    [
        ("Pacific/Auckland", "UTC", date(2026, 11, 24)),
        ("America/Los_Angeles", "UTC", date(2026, 11, 23)),
        (None, "Pacific/Auckland", date(2026, 11, 24)),
        ("Middle/Earth", "Pacific/Auckland", date(2026, 11, 24)),
        ("../../etc/passwd", "UTC", date(2026, 11, 23)),
        ("", "nonsense", date(2026, 11, 23)),
    ],
)
def test_the_start_is_the_stakeholders_own_day(zone: str | None, organization_zone: str, expected: date) -> None:
    noon = datetime(2026, 11, 23, 20, tzinfo=UTC)
    candidate = Candidate(stakeholder(time_zone=zone), None)
    found = only(decide(situation(candidate), organization(mapping(), time_zone=organization_zone), noon))
    assert found.action is not None
    assert found.action.start_date == expected


def test_the_start_may_be_some_days_ahead() -> None:
    found = only(decide(situation(ANN), organization(mapping(policy=Policy(start_offset_days=10))), NOW))
    assert found.action is not None
    assert found.action.start_date == date(2026, 12, 3)


def test_a_parked_mapping_decides_nothing() -> None:
    """Its ids are another team's: they may be anything in this one, so that nobody is asked for, and nobody refused."""
    away = mapping(parked=True)
    for candidate in (
        ANN,
        Candidate(stakeholder(email=None), None),
        Candidate(stakeholder(), person(do_not_contact=True)),
    ):
        assert reason(candidate, away) is Reason.CADENCE_UNAVAILABLE
    assert reason(ANN, away, mapping(2)) is Reason.CADENCE_UNAVAILABLE
    assert reason(ANN, mapping(1, parked=True, segment="another"), mapping(2)) is Reason.REQUESTED

"""The gates that an addition by hand passes, and what is left open of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from enrollment.additions import (
    REFUSAL_WORDS,
    Addition,
    AdditionFacts,
    AdditionInvalid,
    Gate,
    JudgedAddition,
    bound_addition,
    group_of,
    judge_addition,
    policy_of,
    propose_addition,
)
from enrollment.approval import digest
from enrollment.consent import PersonRecord
from enrollment.decide import CadenceFacts, OrganizationFacts, SenderFacts, StepFacts
from enrollment.mappings import Mapping, MappingBook, Policy
from enrollment.stops import Stop, StopScope
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.vocabulary import Reason, TriggerType
from tests.enrollment.samples import mapping

NOW = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
CUSTOMER = CustomerSnapshot.model_validate(
    {"id": "cus-7", "name": "Acme", "owner": {"user_id": "usr-3", "email": "KIM@cscx.example"}}
)
ANN = StakeholderSnapshot.model_validate({"id": "sth-9", "name": "Ann Lee", "email": "ann@acme.example"})
FACTS = AdditionFacts(
    customer=CUSTOMER,
    stakeholder=ANN,
    gone=None,
    person=None,
    is_suppressed=False,
    is_asked_for=False,
    is_on_cadence=False,
    busy_groups=frozenset(),
    address_groups=frozenset(),
    at_risk_until=None,
)
ADDITION = Addition(stakeholder_id="sth-9", cadence_id=456)
PERSON = PersonRecord(
    person_id=1,
    do_not_contact=False,
    email_restricted=False,
    bouncing=False,
    has_account=False,
    account_do_not_contact=None,
    read_at=NOW,
)


def organization(mappings: Sequence[Mapping] = (), **changes: Any) -> OrganizationFacts:
    steps = (StepFacts(77, "First", 1, "email"), StepFacts(78, "Second", 3, "phone"))
    team = CadenceFacts(id=456, name="Renewal", people_addable=True, team_cadence=True, owner_user_id=12, steps=steps)
    kim, lea = SenderFacts(12, "kim@cscx.example", "Kim"), SenderFacts(13, "lea@cscx.example", "Lea")
    told: dict[str, Any] = {
        "organization_id": "org-1",
        "decision_version": 1,
        "time_zone": "UTC",
        "connected": True,
        "self_approval_allowed": False,
        "mappings": MappingBook(mappings),
        "cadences": {
            456: team,
            457: replace(team, id=457, team_cadence=False),
            458: replace(team, id=458, people_addable=False),
        },
        "senders": {12: kim, 13: lea},
        "senders_by_email": {kim.email: kim, lea.email: lea},
    }
    return OrganizationFacts(**told | changes)


def judged(facts: AdditionFacts = FACTS, addition: Addition = ADDITION, **of_organization: Any) -> JudgedAddition:
    return judge_addition(addition, facts, organization(**of_organization), NOW)


def refused(facts: AdditionFacts = FACTS, addition: Addition = ADDITION, **of_organization: Any) -> Reason | None:
    found = judged(facts, addition, **of_organization)
    assert (found.action is None) == (found.refusal is not None)
    return found.refusal.reason if found.refusal is not None else None


def test_what_is_left_open_is_the_first_step_today_and_the_customers_owner() -> None:
    found = judged()
    assert found.refusal is None
    assert found.action is not None
    assert (found.action.start_step.id, found.action.sender.user_id) == (77, 12)
    assert found.action.start_date == date(2026, 11, 23)
    assert [one.gate for one in found.gates] == list(Gate)


def test_today_is_where_the_stakeholder_is() -> None:
    in_berlin = replace(FACTS, stakeholder=ANN.model_copy(update={"time_zone": "Europe/Berlin"}))
    found = judged(in_berlin)
    assert found.action is not None
    assert found.action.start_date == date(2026, 11, 24)
    with pytest.raises(AdditionInvalid, match="is over where the stakeholder is"):
        judged(in_berlin, replace(ADDITION, start_on=date(2026, 11, 23)))


def test_what_is_said_is_done() -> None:
    said = replace(ADDITION, start_step_id=78, start_on=date(2026, 12, 24), sender_user_id=13)
    found = judged(addition=said)
    assert found.action is not None
    assert (found.action.start_step.id, found.action.sender.user_id) == (78, 13)
    assert found.action.start_date == date(2026, 12, 24)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gone": Reason.ERASED}, Reason.ERASED),
        ({"gone": Reason.STAKEHOLDER_LEFT}, Reason.STAKEHOLDER_LEFT),
        ({"customer": None}, Reason.UNKNOWN_CUSTOMER),
        ({"stakeholder": ANN.model_copy(update={"email": " "})}, Reason.NO_EMAIL),
        ({"stakeholder": ANN.model_copy(update={"email": "ann@acme"})}, Reason.INVALID_EMAIL),
        ({"person": replace(PERSON, do_not_contact=True)}, Reason.DO_NOT_CONTACT),
        ({"person": replace(PERSON, has_account=True, account_do_not_contact=True)}, Reason.DO_NOT_CONTACT),
        ({"person": replace(PERSON, email_restricted=True)}, Reason.CONTACT_RESTRICTED),
        ({"person": replace(PERSON, bouncing=True)}, Reason.BOUNCED),
        ({"is_suppressed": True}, Reason.SUPPRESSED),
        ({"is_asked_for": True}, Reason.ALREADY_REQUESTED),
        ({"is_on_cadence": True}, Reason.ALREADY_ENROLLED),
        ({"is_on_cadence": True, "is_asked_for": True}, Reason.ALREADY_ENROLLED),
    ],
)
def test_a_fact_that_speaks_against_it_refuses_it(changes: dict[str, Any], reason: Reason) -> None:
    assert refused(replace(FACTS, **changes)) is reason


def test_who_has_opted_out_is_not_asked_for() -> None:
    opted_out = StakeholderSnapshot.model_validate_json(
        '{"id": "sth-9", "email": "ann@acme.example", "contact_preferences": {"email": "blocked"}}'
    )
    assert refused(replace(FACTS, stakeholder=opted_out)) is Reason.OPTED_OUT


@pytest.mark.parametrize(
    ("scope", "subject", "stops"),
    [
        (StopScope.ORGANIZATION, "org-1", True),
        (StopScope.CUSTOMER, "cus-7", True),
        (StopScope.CUSTOMER, "cus-8", False),
        (StopScope.CADENCE, "456", True),
        (StopScope.CADENCE, "457", False),
        (StopScope.MAPPING, "456", False),
    ],
)
def test_a_stop_of_what_it_is_part_of_refuses_it(scope: StopScope, subject: str, stops: bool) -> None:
    standing = Stop(scope, subject, NOW - timedelta(days=1), None)
    assert refused(stops=[standing]) is (Reason.STOPPED if stops else None)
    assert refused(stops=[replace(standing, over_at=NOW)]) is None


@pytest.mark.parametrize(
    ("trigger_type", "changes", "is_held"),
    [
        (TriggerType.EXPANSION_SIGNAL, {}, True),
        (TriggerType.EXPANSION_SIGNAL, {"enabled": False}, False),
        (TriggerType.EXPANSION_SIGNAL, {"cadence_id": 457}, False),
        (TriggerType.RENEWAL_WINDOW, {}, False),
    ],
)
def test_a_customer_at_risk_is_not_written_to_for_upsell(
    trigger_type: TriggerType, changes: dict[str, Any], *, is_held: bool
) -> None:
    of_cadence = mapping(id=uuid4(), trigger_type=trigger_type, cadence_id=456)
    mappings = [replace(of_cadence, **changes)]
    at_risk = replace(FACTS, at_risk_until=NOW + timedelta(days=1))
    assert refused(at_risk, mappings=mappings) is (Reason.PREEMPTED if is_held else None)
    assert refused(replace(FACTS, at_risk_until=NOW), mappings=mappings) is None
    assert refused(mappings=mappings) is None


def test_salesloft_has_to_be_able_to_do_it() -> None:
    assert refused(connected=False) is Reason.NOT_CONNECTED
    assert refused(addition=replace(ADDITION, cadence_id=458)) is Reason.CADENCE_UNAVAILABLE
    assert refused(addition=replace(ADDITION, cadence_id=999)) is Reason.CADENCE_UNAVAILABLE
    assert refused(addition=replace(ADDITION, sender_user_id=99)) is Reason.OWNER_UNAVAILABLE
    nobodys = replace(FACTS, customer=CUSTOMER.model_copy(update={"owner": None}))
    assert refused(nobodys) is Reason.OWNER_UNAVAILABLE
    assert refused(nobodys, replace(ADDITION, sender_user_id=13)) is None


def test_a_personal_cadence_is_its_owners() -> None:
    assert refused(addition=replace(ADDITION, cadence_id=457)) is None
    found = judged(addition=replace(ADDITION, cadence_id=457, sender_user_id=13))
    assert found.refusal is not None
    assert (found.refusal.gate, found.refusal.reason) == (Gate.SENDER, Reason.CADENCE_UNAVAILABLE)
    assert "personal" in found.refusal.says


@pytest.mark.parametrize(
    ("exclusive_by", "facts", "refuses"),
    [
        (None, {"busy_groups": frozenset({"renewals"})}, False),
        ("stakeholder", {"busy_groups": frozenset({"renewals"})}, True),
        ("stakeholder", {"busy_groups": frozenset({"welcome"})}, False),
        ("stakeholder", {"address_groups": frozenset({"renewals"})}, False),
        ("email", {"address_groups": frozenset({"renewals"})}, True),
        ("email", {"busy_groups": frozenset({"renewals"})}, True),
    ],
)
def test_what_mappings_keep_apart_is_kept_apart_here(exclusive_by: Any, facts: dict[str, Any], refuses: bool) -> None:
    of_cadence = mapping(id=uuid4(), cadence_id=456, exclusivity_group="renewals")
    of_group = mapping(
        id=uuid4(), cadence_id=457, exclusivity_group="renewals", policy=Policy(exclusive_by=exclusive_by)
    )
    reason = refused(replace(FACTS, **facts), mappings=[of_cadence, of_group])
    assert reason is (Reason.EXCLUSIVE_CADENCE_ACTIVE if refuses else None)
    assert policy_of("renewals", MappingBook([of_cadence, of_group])).exclusive_by == exclusive_by


def test_a_cadence_that_no_mapping_names_is_of_the_default_group() -> None:
    switched_off = mapping(id=uuid4(), cadence_id=456, exclusivity_group="renewals", enabled=False)
    assert group_of(456, MappingBook([switched_off])) == "default"
    assert judged(mappings=[replace(switched_off, enabled=True)]).exclusivity_group == "renewals"


def test_whoever_is_refused_learns_all_of_it() -> None:
    found = judged(replace(FACTS, is_suppressed=True, is_asked_for=True), connected=False)
    assert [one.reason for one in found.gates if one.reason is not None] == [
        Reason.SUPPRESSED,
        Reason.ALREADY_REQUESTED,
        Reason.NOT_CONNECTED,
    ]
    assert all(one.says for one in found.gates)


def test_that_nobody_has_asked_salesloft_yet_is_said() -> None:
    def says(found: JudgedAddition) -> str:
        return next(one.says for one in found.gates if one.gate is Gate.CONSENT)

    assert "right before they are added" in says(judged())
    assert "right before" not in says(judged(replace(FACTS, person=PERSON)))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"start_on": date(2026, 11, 22)}, "start_date"),
        ({"start_on": date(2027, 11, 24)}, "start_date"),
        ({"start_step_id": 79}, "start_step_id"),
    ],
)
def test_what_is_no_possible_addition_is_no_refusal(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(AdditionInvalid) as invalid:
        judged(addition=replace(ADDITION, **changes))
    assert invalid.value.field == name


def test_the_digest_binds_all_that_would_be_done() -> None:
    action = judged().action
    assert action is not None

    def bound(**changes: Any) -> str:
        told: dict[str, Any] = {
            "stakeholder": ANN,
            "action": action,
            "custom_fields": {"a": "b"},
            "exclusivity_group": "g",
        } | changes
        return digest(bound_addition(**told))

    others = [
        bound(stakeholder=ANN.model_copy(update={"email": "ann@other.example"})),
        bound(action=replace(action, start_date=date(2026, 12, 1))),
        bound(action=replace(action, start_step=StepFacts(78, "Second", 3, "phone"))),
        bound(action=replace(action, sender=SenderFacts(13, "lea@cscx.example", "Lea"))),
        bound(custom_fields={"a": "c"}),
        bound(exclusivity_group="h"),
    ]
    assert bound() == bound()
    assert len({bound(), *others}) == len(others) + 1


def test_what_was_left_open_is_looked_at_again() -> None:
    said = replace(ADDITION, start_step_id=78, sender_user_id=13)
    start = date(2026, 11, 1)
    for addition, step, sender in ((ADDITION, 77, 12), (said, 78, 13)):
        action = propose_addition(addition, CUSTOMER, organization(), start)
        assert not isinstance(action, Reason)
        assert (action.start_step.id, action.sender.user_id, action.start_date) == (step, sender, start)
    for changes, reason in (
        ({"connected": False}, Reason.NOT_CONNECTED),
        ({"cadences": {}}, Reason.CADENCE_UNAVAILABLE),
        ({"senders_by_email": {}}, Reason.OWNER_UNAVAILABLE),
    ):
        assert propose_addition(ADDITION, CUSTOMER, organization(**changes), start) is reason
    personal = replace(ADDITION, cadence_id=457, sender_user_id=13)
    assert propose_addition(personal, CUSTOMER, organization(), start) is Reason.CADENCE_UNAVAILABLE


def test_every_refusal_has_its_words() -> None:
    assert all(words.endswith(".") for words in REFUSAL_WORDS.values())

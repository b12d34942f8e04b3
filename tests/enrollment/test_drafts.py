"""A mapping as people write it: what cannot be read, what speaks against publishing it, and how two of them differ."""

from typing import Any

import pytest

from enrollment.catalogue import FIELDS
from enrollment.decide import OrganizationFacts, SenderFacts
from enrollment.drafts import Difference, MappingDocument, MappingInvalid, differences, examine, parse_document
from enrollment.mappings import RoundRobin
from schemas.vocabulary import TriggerType
from tests.enrollment.samples import KIM, cadence, mapping, organization

LEA = SenderFacts(13, "lea@cscx.example", "Lea")
GOOD: dict[str, Any] = {"trigger_type": "renewal-window", "cadence_id": 456}


def told(document: dict[str, Any], facts: OrganizationFacts | None = None) -> list[str]:
    return [str(one) for one in examine(parse_document(GOOD | document), facts or organization(senders=(KIM, LEA)))]


def test_what_says_little_is_whole() -> None:
    document = parse_document(GOOD)
    assert examine(document, organization()) == ()
    assert MappingDocument.of(document.mapping(mapping().id, 3, 456)).plain() == document.plain() | {
        "id": str(mapping().id)
    }


@pytest.mark.parametrize(
    ("document", "finding"),
    [
        ({"cadence_id": None}, "cadence_id: is missing: choose one"),
        ({"cadence_id": 9}, "cadence_id: the team has no cadence 9: choose one"),
        ({"start_step_id": 9}, "start_step_id: 9 is no step of 'Renewal 90' (456) that is switched on; those are 77"),
        ({"sender": {"kind": "fixed_user", "user_id": 99}}, "sender.user_id: 99 is no active user"),
        ({"sender": {"kind": "round_robin", "user_ids": [12, 99]}}, "sender.user_ids: 99 is no active user"),
        ({"sender": {"kind": "round_robin", "user_ids": [12, 12]}}, "sender.user_ids: somebody is named twice"),
        (
            {"customer_criteria": {"not": {"field": "trigger.severity", "op": "equals", "value": "high"}}},
            "customer_criteria: trigger.severity is never known of renewal-window, only of at-risk",
        ),
    ],
)
def test_a_finding_names_the_field_and_what_to_do(document: dict[str, Any], finding: str) -> None:
    (only,) = told(document)
    assert only.startswith(finding)


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"people_addable": False}, "takes no people now: activate it"),
        ({"steps": ()}, "has no step that is switched on: switch one on"),
        ({"owner_user_id": 99}, "the owner of 'Renewal 90' (456) is no active user: give it to one"),
        ({"owner_user_id": None}, "the owner of 'Renewal 90' (456) is no active user: give it to one"),
    ],
)
def test_a_cadence_must_be_one_that_people_can_be_added_to(changes: dict[str, Any], finding: str) -> None:
    (only,) = told({}, organization(cadences=(cadence(**changes),)))
    assert only.startswith("cadence_id: ")
    assert finding in only


def test_a_users_own_cadence_is_sent_by_that_user_alone() -> None:
    own = organization(cadences=(cadence(team_cadence=False),), senders=(KIM, LEA))
    assert told({"sender": {"kind": "fixed_user", "user_id": KIM.user_id}}, own) == []
    for sender in (
        {"kind": "fixed_user", "user_id": LEA.user_id},
        {"kind": "round_robin", "user_ids": [KIM.user_id, LEA.user_id]},
        {"kind": "customer_owner"},
    ):
        (only,) = told({"sender": sender}, own)
        assert "only 12 can send it" in only


def test_all_findings_are_told_at_once() -> None:
    found = told(
        {
            "cadence_id": 9,
            "sender": {"kind": "fixed_user", "user_id": 99},
            "stakeholder_criteria": {"field": "trigger.kind", "op": "equals", "value": "seats"},
        },
        organization(connected=False),
    )
    assert [one.split(":")[0] for one in found] == [
        "organization",
        "cadence_id",
        "sender.user_id",
        "stakeholder_criteria",
    ]


def test_everything_that_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(MappingInvalid) as refused:
        parse_document(
            {
                "trigger": "renewal-window",
                "sender": {"kind": "whoever"},
                "priority": "high",
                "policy": {"defer_days": 900},
                "customer_criteria": {"all": [{"field": "customer.name", "op": "matches", "value": "(a)\\1"}]},
            }
        )
    found = {one.field: one.message for one in refused.value.findings}
    assert found["trigger_type"] == "is missing: give it"
    assert found["trigger"] == "is not known here: take it out, or mend its name"
    assert "round_robin" in found["sender"]
    assert "integer" in found["priority"]
    assert "90" in found["policy.defer_days"]
    assert "regular expression" in found["customer_criteria.all.all.0.field"]
    assert len(found) == 6
    unreadable: list[Any] = [None, [], "x", {1: 2}, {"trigger_type": object()}]
    for data in unreadable:
        with pytest.raises(MappingInvalid):
            parse_document(data)


@pytest.mark.parametrize("field", [field for field, entry in FIELDS.items() if entry.triggers])
def test_a_triggers_own_field_may_be_asked_of_it(field: str) -> None:
    for trigger in TriggerType:
        found = told(
            {"trigger_type": trigger, "customer_criteria": {"field": field, "op": "exists"}},
        )
        assert (found == []) is (trigger in FIELDS[field].triggers)


def test_documents_differ_field_by_field() -> None:
    was = parse_document(GOOD | {"policy": {"start_offset_days": 3}})
    is_ = parse_document(
        GOOD | {"purpose": "renewal", "segment": "smb", "sender": {"kind": "fixed_user", "user_id": 12}}
    )
    assert differences(was, is_) == (
        Difference("segment", None, "smb"),
        Difference("sender.kind", "customer_owner", "fixed_user"),
        Difference("policy.start_offset_days", 3, 0),
        Difference("sender.user_id", None, 12),
    )
    assert differences(was, was) == ()


def test_a_sender_is_read_as_what_it_says_it_is() -> None:
    document = parse_document(GOOD | {"sender": {"kind": "round_robin", "user_ids": [13, 12]}})
    assert document.sender == RoundRobin(user_ids=(13, 12))
    with pytest.raises(MappingInvalid):
        parse_document(GOOD | {"sender": {"kind": "round_robin", "user_ids": []}})

"""What a mapping says of its limits, of its place among the others, and of the event that it asks about."""

from typing import Any

import pytest

from enrollment.catalogue import FIELDS
from enrollment.mappings import Policy
from tests.pages.test_limits import LIMITS
from web.pages.configuring import _board
from web.pages.mapping_form import asked_of_event, segment_in
from web.pages.mapping_words import labelled, limits, order_of, uncounted

DAYS = {"field": "trigger.days_to_renewal"}


HOURS = (
    "It starts on Monday, Thursday, Sunday, not from 18:30 to 08:00:15, not 2026-12-24 to 2027-01-01,"
    " not on 2027-05-01, by the person's own clock."
)


def policy(**more: Any) -> dict[str, Any]:
    return Policy.model_validate(more).model_dump(mode="json")


def listed(id_: str, **more: Any) -> dict[str, Any]:
    said = {
        "trigger_type": "at-risk",
        "segment": None,
        "priority": 100,
        "exclusivity_group": "default",
        "enabled": True,
    }
    return {"id": id_, "status": more.pop("status", "published"), "mapping": said | more}


def test_limits_are_told_and_none_are_not() -> None:
    assert limits(policy()) == []
    told = policy(**LIMITS, hold_out_percent=10, exclusive_by="email", shadow=True)
    assert limits(told) == [
        "Nobody is requested more than 3 times in 365 days.",
        "At most 1 per person start within 168 hours.",
        "At most 500 per mapping start within 8784 hours.",
        HOURS,
        "Nobody whose email address is on another cadence of its group.",
        "10 % are held out as a control group.",
        "Shadow mode: it decides, and requests nobody.",
    ]
    assert limits(policy(reentry={"kind": "once"})) == ["Nobody is requested a second time."]


def test_an_order_is_told_where_more_than_one_mapping_is_tried() -> None:
    others = [
        listed("any"),
        listed("own", segment="smb"),
        listed("of-others", segment="enterprise"),
        listed("alone", trigger_type="renewal-window"),
        listed("alone-of-its-segment", trigger_type="renewal-window", segment="smb", exclusivity_group="b"),
        listed("off", trigger_type="renewal-window", enabled=False),
        listed("apart", trigger_type="new-customer", segment="smb"),
        listed("apart-too", trigger_type="new-customer", segment="enterprise"),
    ]
    board = _board([one | {"version": 1, "parked": False, "cadence_name": one["id"]} for one in others])
    assert {id_ for (id_, _), place in board["places"].items() if place["competes"]} == {"any", "own", "of-others"}


def test_those_that_are_asked_about_the_same_customers_are_told_in_their_order() -> None:
    others = [
        listed("any-2", priority=200),
        listed("any-1"),
        listed("own-first", segment="smb", priority=1),
        listed("own-last", segment="smb", priority=900),
        listed("of-others", segment="enterprise"),
        listed("off", enabled=False),
        listed("draft", status="validated"),
        listed("another-group", exclusivity_group="more"),
        listed("another-trigger", trigger_type="new-customer"),
    ]
    mapping = listed("x", segment="smb", priority=100)["mapping"]
    found = order_of(others, mapping, "x")
    assert [one["id"] for one in found.before] == ["own-first"]
    assert [one["id"] for one in found.after] == ["own-last", "any-1", "any-2"]
    of_any = order_of(others, mapping | {"segment": None, "priority": 150}, "x")
    assert {one["id"] for one in of_any.before} == {"own-first", "own-last", "of-others", "any-1"}
    assert [one["id"] for one in of_any.after] == ["any-2"]
    assert order_of(others, mapping | {"priority": ""}, "x").before[-1]["id"] == "own-last"


@pytest.mark.parametrize(
    ("criteria", "event"),
    [
        (DAYS | {"op": "lte", "value": 60}, 60),
        (DAYS | {"op": "lt", "value": 60}, 59),
        (DAYS | {"op": "gt", "value": 60}, 61),
        (DAYS | {"op": "in", "value": [30, 60]}, 30),
        ({"not": DAYS | {"op": "lte", "value": 60}}, None),
        ({"all": [{"not": DAYS | {"op": "equals", "value": 1}}, {"any": [DAYS | {"op": "gte", "value": 5}]}]}, 5),
        (DAYS | {"op": "exists", "value": True}, None),
    ],
)
def test_an_event_is_imagined_for_which_criteria_hold(criteria: dict[str, Any], event: Any) -> None:
    assert asked_of_event(criteria) == {"trigger.days_to_renewal": event}


def test_of_criteria_that_ask_nothing_of_the_event_nothing_is_imagined() -> None:
    assert asked_of_event({"all": [{"field": "customer.arr", "op": "gt", "value": 1}]}) == {}


@pytest.mark.parametrize(
    ("sent", "segment"),
    [
        ({}, None),
        ({"segment_of": [""], "segment": ["left over"]}, None),
        ({"segment_of": ["=another"]}, "another"),
        ({"segment_of": ["==x "]}, "=x "),
        ({"segment_of": ["another"], "segment": [" smb "]}, "smb"),
    ],
)
def test_a_segment_is_taken_just_as_it_was_chosen(sent: dict[str, list[str]], segment: str | None) -> None:
    assert segment_in(sent) == segment


def test_no_two_facts_are_called_the_same() -> None:
    names = [labelled(field) for field in FIELDS]
    assert len(set(names)) == len(names)
    assert not {"Id", "Name", "Arr"} & set(names)


@pytest.mark.parametrize(
    ("per", "waiting", "says"),
    [
        (
            ("stakeholder", "account"),
            {},
            "Limits per person and customer count what began before, and not who else is counted here",
        ),
        (("sender",), {}, "Approved at once, nobody would wait for a limit"),
        (
            ("account", "sender", "mapping"),
            {"sender": 4, "mapping": 1},
            (
                "Limits per customer count what began before, and not who else is counted here."
                " Approved at once, some would wait: 4 for the limit per sender and 1 for the limit per mapping"
            ),
        ),
    ],
)
def test_a_preview_says_which_limits_it_leaves_out(per: tuple[str, ...], waiting: dict[str, int], says: str) -> None:
    caps = policy(caps=[{"per": one, "at_most": 1, "within_hours": 24} for one in per])["caps"]
    assert uncounted(caps, waiting) == says

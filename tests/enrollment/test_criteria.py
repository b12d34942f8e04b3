"""Criteria: Kleene's logic against a model, values and missing facts, their JSON, and what is refused."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from enrollment.criteria import (
    ALWAYS,
    FIELDS,
    Criteria,
    Facts,
    Predicate,
    compile_criteria,
    leaves,
    parse_criteria,
    verdicts,
)
from schemas.directory import CustomerSnapshot
from schemas.lifecycle import AtRiskTrigger
from tests.enrollment.samples import criteria, customer, facts, stakeholder

ADAPTER: TypeAdapter[Criteria] = TypeAdapter(Criteria)

# Three leaves whose answers the test sets: true, false or unknown.
LEAVES = ("stakeholder.is_primary", "stakeholder.is_champion", "stakeholder.is_decision_maker")
TRUTH = st.sampled_from([True, False, None])
TREES = st.recursive(
    st.sampled_from(LEAVES).map(lambda field: {"field": field, "op": "equals", "value": True}),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: {"all": parts})
        | st.lists(inner, max_size=4).map(lambda parts: {"any": parts})
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=12,
)


def model(tree: dict[str, Any], answers: dict[str, bool | None]) -> bool | None:
    """Kleene's strong logic as numbers: false 0, unknown ½, true 1; and is the least, or the greatest, not 1 - x."""
    return {0.0: False, 0.5: None, 1.0: True}[_number(tree, answers)]


def _number(tree: dict[str, Any], answers: dict[str, bool | None]) -> float:
    if "all" in tree:
        return min([1.0, *(_number(part, answers) for part in tree["all"])])
    if "any" in tree:
        return max([0.0, *(_number(part, answers) for part in tree["any"])])
    if "not" in tree:
        return 1.0 - _number(tree["not"], answers)
    answer = answers[tree["field"]]
    return 0.5 if answer is None else float(answer)


@given(tree=TREES, primary=TRUTH, champion=TRUTH, decides=TRUTH)
def test_unknown_spreads_as_kleene_has_it(
    tree: dict[str, Any], primary: bool | None, champion: bool | None, decides: bool | None
) -> None:
    seen = facts(stakeholder=stakeholder(is_primary=primary, is_champion=champion, is_decision_maker=decides))
    parsed = parse_criteria(orjson.dumps(tree))
    assert compile_criteria(parsed)(seen) is model(tree, dict(zip(LEAVES, (primary, champion, decides), strict=True)))


@given(tree=TREES)
def test_criteria_come_back_from_their_json_as_they_were(tree: dict[str, Any]) -> None:
    parsed = parse_criteria(orjson.dumps(tree))
    assert parse_criteria(ADAPTER.dump_json(parsed, by_alias=True)) == parsed


SCALARS = {
    "text": st.text(st.characters(codec="utf-8"), max_size=20),
    "number": st.integers(-(10**20), 10**20)
    | st.floats(-1e29, 1e29)
    | st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9).map(str),
    "boolean": st.booleans(),
    "date": st.dates().map(date.isoformat),
}


@given(data=st.data())
def test_whatever_can_be_published_can_be_read_again(data: st.DataObject) -> None:
    """What was accepted once is stored as JSON and read for every decision: it must never be refused there."""
    field = data.draw(st.sampled_from(sorted(FIELDS)))
    kind = FIELDS[field].kind
    op = data.draw(st.sampled_from(["equals", "in", "lt", "lte", "gt", "gte", "before", "after", "exists"]))
    value = data.draw(
        st.lists(SCALARS[kind], min_size=1, max_size=3)
        if op == "in"
        else st.integers(-(10**7), 10**7)
        if op in {"before", "after"}
        else st.sampled_from([True, False, None])
        if op == "exists"
        else SCALARS[kind] | st.floats(allow_nan=False, allow_infinity=False)
    )
    try:
        parsed = parse_criteria(json.dumps({"field": field, "op": op, "value": value}))
    except ValidationError:
        return
    again = parse_criteria(ADAPTER.dump_json(parsed, by_alias=True))
    assert str(again) == str(parsed)
    for seen in (facts(), facts(customer=CustomerSnapshot(id="c"), stakeholder=stakeholder(name=None, email=None))):
        assert compile_criteria(again)(seen) is compile_criteria(parsed)(seen)


@pytest.mark.parametrize("text", ["60", "1e5", "-1", "true", "2026-11-23", "NaN", ""])
def test_a_text_that_looks_like_something_else_is_a_text(text: str) -> None:
    parsed = parse_criteria(orjson.dumps({"field": "customer.segment", "op": "in", "value": ["other", text]}))
    assert compile_criteria(parsed)(facts(customer=customer(segment=text))) is True


@given(field=st.sampled_from(sorted(FIELDS)), data=st.data())
def test_a_value_of_the_fields_kind_is_accepted(field: str, data: st.DataObject) -> None:
    value = data.draw(SCALARS[FIELDS[field].kind])
    parse_criteria(json.dumps({"field": field, "op": "equals", "value": value}))


def of(field: str, op: str, value: Any, seen: Facts) -> bool | None:
    return compile_criteria(criteria(field, op, value))(seen)


def test_zero_and_false_are_values_and_not_missing() -> None:
    seen = facts(customer=customer(health_score=0, arr=Decimal(0)), stakeholder=stakeholder(is_champion=False))
    assert of("customer.health_score", "lt", 60, seen) is True
    assert of("customer.health_score", "equals", 0, seen) is True
    assert of("customer.health_score", "exists", None, seen) is True
    assert of("customer.arr", "lte", 0, seen) is True
    assert of("stakeholder.is_champion", "equals", False, seen) is True
    assert of("stakeholder.is_champion", "equals", True, seen) is False
    assert of("stakeholder.is_champion", "exists", True, seen) is True


def test_an_empty_text_is_a_value() -> None:
    assert of("customer.segment", "exists", None, facts(customer=customer(segment=""))) is True
    assert of("customer.segment", "equals", "", facts(customer=customer(segment=""))) is True


@pytest.mark.parametrize("op", ["equals", "lt", "lte", "gt", "gte"])
def test_a_missing_fact_is_unknown(op: str) -> None:
    assert of("customer.health_score", op, 60, facts(customer=customer(health_score=None))) is None


def test_a_missing_fact_is_unknown_to_every_kind_of_question() -> None:
    nothing = facts(customer=CustomerSnapshot(id="c"), stakeholder=stakeholder(title=None, is_primary=None))
    assert of("customer.segment", "in", ["a"], nothing) is None
    assert of("stakeholder.title", "matches", "vp", nothing) is None
    assert of("customer.renewal_date", "before", 90, nothing) is None
    assert of("customer.renewal_date", "after", 0, nothing) is None
    assert of("customer.owner.email", "equals", "a", nothing) is None
    assert of("trigger.severity", "equals", "high", nothing) is None
    assert of("customer.segment", "exists", True, nothing) is False
    assert of("customer.segment", "exists", False, nothing) is True


def test_every_field_of_the_catalogue_can_be_read_of_every_trigger() -> None:
    at_risk = facts(trigger=AtRiskTrigger(episode_id="e", severity="high", reasons=[]))
    for field, entry in FIELDS.items():
        entry.read(facts())
        entry.read(at_risk)
        assert of(field, "exists", None, at_risk) in {True, False}
    assert of("trigger.severity", "equals", "high", at_risk) is True


def test_numbers_are_compared_as_they_are_written() -> None:
    """A score of 33.3 arrives as a binary float; whoever wrote 33.3 in a mapping means the same number."""
    seen = facts(customer=customer(health_score=33.3))
    assert of("customer.health_score", "equals", "33.3", seen) is True
    assert of("customer.health_score", "gte", Decimal("33.3"), seen) is True
    assert of("customer.health_score", "lt", Decimal("33.3"), seen) is False
    assert of("customer.health_score", "in", ["33.3"], seen) is True


@pytest.mark.parametrize(
    ("days", "before", "after"), [(127, False, True), (128, False, False), (129, True, False), (-1, False, True)]
)
def test_days_are_counted_from_now(days: int, before: bool, after: bool) -> None:
    """The renewal of 31 March 2027 is 128 days after 23 November 2026."""
    assert of("customer.renewal_date", "before", days, facts()) is before
    assert of("customer.renewal_date", "after", days, facts()) is after


def test_text_is_searched_in_any_case() -> None:
    assert of("stakeholder.title", "matches", r"\bvp\b", facts()) is True
    assert of("stakeholder.title", "matches", "^engineering", facts()) is False


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"field": "customer.mood", "op": "equals", "value": "x"}, "customer.mood"),
        ({"field": "customer.health_score", "op": "matches", "value": "x"}, "customer.health_score"),
        ({"field": "customer.health_score", "op": "lt", "value": "many"}, "customer.health_score"),
        ({"field": "customer.health_score", "op": "lt", "value": True}, "customer.health_score"),
        ({"field": "customer.health_score", "op": "lt"}, "customer.health_score"),
        ({"field": "customer.segment", "op": "in", "value": []}, "customer.segment"),
        ({"field": "customer.segment", "op": "in", "value": "a"}, "customer.segment"),
        ({"field": "customer.segment", "op": "in", "value": ["a", 1]}, "customer.segment"),
        ({"field": "customer.renewal_date", "op": "before", "value": "soon"}, "customer.renewal_date"),
        ({"field": "customer.renewal_date", "op": "before", "value": 10**7}, "customer.renewal_date"),
        ({"field": "customer.renewal_date", "op": "after", "value": -(10**12)}, "customer.renewal_date"),
        ({"field": "customer.renewal_date", "op": "equals", "value": "31.3.2027"}, "customer.renewal_date"),
        ({"field": "stakeholder.title", "op": "matches", "value": "("}, "stakeholder.title"),
        ({"field": "stakeholder.title", "op": "matches", "value": "a{99999999999999999999}"}, "stakeholder.title"),
        ({"field": "stakeholder.is_primary", "op": "exists", "value": 0}, "stakeholder.is_primary"),
        ({"field": "stakeholder.is_primary", "op": "equals", "value": 1}, "stakeholder.is_primary"),
    ],
)
def test_a_refusal_names_the_field(document: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_criteria(orjson.dumps({"any": [document]}))
    (error,) = refused.value.errors()
    assert told in error["msg"]
    assert "any" in error["loc"]


@pytest.mark.parametrize("document", [b"[]", b"null", b'{"all": 1}', b'{"all": [], "any": []}', b'{"nope": 1}', b"{"])
def test_what_is_no_tree_is_refused(document: bytes) -> None:
    with pytest.raises(ValidationError):
        parse_criteria(document)


def test_verdicts_come_left_to_right_with_what_was_seen() -> None:
    tree = parse_criteria(
        b'{"all": [{"field": "customer.health_score", "op": "lt", "value": 60},'
        b' {"not": {"any": [{"field": "customer.arr", "op": "gte", "value": "100000"},'
        b' {"field": "trigger.severity", "op": "equals", "value": "high"}]}}]}'
    )
    assert [(one.predicate, one.value, one.holds) for one in verdicts(leaves(tree), facts())] == [
        ("customer.health_score < 60", 41, True),
        ("customer.arr >= 100000", "120000.00", True),
        ("trigger.severity = high", None, None),
    ]
    assert verdicts(leaves(ALWAYS), facts()) == ()


def test_a_predicate_reads_like_a_sentence() -> None:
    assert (
        str(Predicate(field="customer.renewal_date", op="before", value=-30)) == "customer.renewal_date before now-30d"
    )
    assert str(Predicate(field="customer.segment", op="in", value=["a", "b"])) == "customer.segment in [a, b]"
    assert str(Predicate(field="customer.segment", op="exists", value=False)) == "customer.segment is missing"
    assert str(Predicate(field="stakeholder.is_primary", op="equals", value=True)) == "stakeholder.is_primary = true"

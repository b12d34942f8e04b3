"""The tree for whoever asks why, beside the variant that only decides; the catalogue; patterns without a way back."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollment.catalogue import FIELDS, OPERATORS, EngagementFacts, Facts, catalogue
from enrollment.criteria import compile_criteria, fields, parse_criteria
from enrollment.patterns import compile_pattern
from enrollment.traces import Trace, trace
from schemas.directory import CustomerSnapshot
from schemas.lifecycle import AtRiskTrigger
from tests.enrollment.samples import NOW, TRIGGER, customer, facts, stakeholder

ENGAGED = EngagementFacts(
    last_contacted_at=NOW,
    last_replied_at=None,
    sent=3,
    opened=2,
    clicked=0,
    replied=0,
    bounced=0,
    calls=1,
    score=15,
    active_cadences=1,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(["champion", "mid-market", "high", "VP", "Acme", ""]),
    "number": st.sampled_from([0, 1, 41, 60, "120000.00"]),
    "boolean": st.booleans(),
    "date": st.sampled_from(["2027-03-31", "2026-11-23"]),
}


@st.composite
def predicates(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(sorted(FIELDS)))
    kind = FIELDS[field].kind
    op = draw(st.sampled_from(OPERATORS[kind]))
    value: Any = None
    if op == "in":
        value = draw(st.lists(VALUES[kind], min_size=1, max_size=3))
    elif op in {"before", "after"}:
        value = draw(st.integers(-200, 200))
    elif op != "exists":
        value = draw(VALUES[kind])
    return {"field": field, "op": op, "value": value}


TREES = st.recursive(
    predicates(),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: {"all": parts})
        | st.lists(inner, max_size=4).map(lambda parts: {"any": parts})
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=10,
)
SEEN: list[Facts] = [
    facts(),
    facts(engagement=ENGAGED),
    facts(trigger=None),
    facts(trigger=AtRiskTrigger(episode_id="e", severity="high", reasons=[])),
    facts(customer=CustomerSnapshot(id="c"), stakeholder=stakeholder(name=None, role=None, is_champion=None)),
    facts(customer=customer(health_score=0), stakeholder=stakeholder(title="VP", is_champion=False)),
]


def nodes(of: Trace) -> list[Trace]:
    return [of, *(inner for part in of.parts for inner in nodes(part))]


@given(tree=TREES, seen=st.sampled_from(SEEN))
def test_the_tree_and_the_variant_that_only_decides_agree_at_every_node(tree: dict[str, Any], seen: Facts) -> None:
    def agree(part: dict[str, Any], told: Trace) -> None:
        parsed = parse_criteria(json.dumps(part))
        assert told.holds is compile_criteria(parsed)(seen)
        inner = part.get("all") or part.get("any") or ([part["not"]] if "not" in part else [])
        for one, its in zip(inner, told.parts, strict=True):
            agree(one, its)

    whole = parse_criteria(json.dumps(tree))
    told = trace(whole, seen)
    agree(tree, told)
    assert {one.field for one in nodes(told) if one.field is not None} == fields(whole)


def test_every_node_is_told_also_where_the_first_settles_it() -> None:
    tree = parse_criteria(
        b'{"any": [{"field": "customer.health_score", "op": "lt", "value": 60},'
        b' {"not": {"field": "trigger.severity", "op": "equals", "value": "high"}}]}'
    )
    told = orjson.loads(orjson.dumps(trace(tree, facts())))
    assert (told["kind"], told["holds"]) == ("any", True)
    first, second = told["parts"]
    assert trace(tree, facts()).told() == {
        "any": [
            {"predicate": "customer.health_score < 60", "value": 41, "holds": True},
            {"not": {"predicate": "trigger.severity = high", "value": None, "holds": None}, "holds": None},
        ],
        "holds": True,
    }
    assert (first["predicate"], first["value"], first["holds"]) == ("customer.health_score < 60", 41, True)
    assert (second["kind"], second["holds"], second["parts"][0]["value"]) == ("not", None, None)


def test_engagement_can_be_asked_about_and_is_unknown_of_whom_nothing_was_seen() -> None:
    def holds(seen: Facts, field: str, op: str, value: Any) -> bool | None:
        return compile_criteria(parse_criteria(orjson.dumps({"field": field, "op": op, "value": value})))(seen)

    engaged = facts(engagement=ENGAGED)
    assert holds(engaged, "engagement.last_contacted_at", "after", -1) is True
    assert holds(engaged, "engagement.last_contacted_at", "equals", NOW.date().isoformat()) is True
    assert holds(engaged, "engagement.last_replied_at", "exists", False) is True
    assert holds(engaged, "engagement.clicked", "equals", 0) is True
    for name in (field for field in FIELDS if field.startswith("engagement.")):
        assert holds(facts(), name, "exists", True) is False
    assert holds(facts(), "engagement.clicked", "equals", 0) is None


def test_the_catalogue_is_data_for_a_form_and_holds_every_field() -> None:
    entries = orjson.loads(orjson.dumps(catalogue()))
    assert [one["field"] for one in entries] == list(FIELDS)
    for one in entries:
        assert one["description"].endswith(".")
        sample = {"text": "a", "number": 1, "boolean": True, "date": "2027-03-31"}[one["kind"]]
        of = {"value": sample, "values": [sample], "true_or_false": True, "days_from_now": 1, "pattern": "a"}
        for op, operand in one["operators"].items():
            parse_criteria(orjson.dumps({"field": one["field"], "op": op, "value": of[operand]}))
    of_triggers = {one["field"]: one["triggers"] for one in entries if one["triggers"]}
    assert of_triggers["trigger.severity"] == ["at-risk"]
    assert {field for field in FIELDS if field.startswith("trigger.")} == of_triggers.keys()
    for field, triggers in of_triggers.items():
        assert hasattr(TRIGGER, field.removeprefix("trigger.")) is ("renewal-window" in triggers)


@pytest.mark.parametrize("pattern", ["(a+)+$", "^(a|a)*$", "(.*a){20}$"])
def test_no_pattern_takes_longer_than_its_text(pattern: str) -> None:
    """Python's own engine would not be through with the first one in the life of this machine."""
    assert compile_pattern(pattern)("a" * 50_000 + "!") is False
    assert compile_pattern(pattern)("a" * 50_000) is True


@pytest.mark.parametrize(
    "pattern",
    ["(", r"(a)\1", "(?=a)", "(?<!a)b", "a{1001}", "a{99999999999999999999}", "((a{100}){100}){100}", "x" * 501],
)
def test_what_would_need_a_way_back_or_grows_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        compile_pattern(pattern)


def test_text_of_any_script_is_searched_in_any_case() -> None:
    assert compile_pattern("ÉTÉ")("l'été") is True
    assert compile_pattern("^directeur général$")("Directeur Général") is True
    assert compile_pattern("")("") is True

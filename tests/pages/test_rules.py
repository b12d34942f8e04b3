"""Rules of a form: what they make is what the API takes, and what it tells comes back as the same rules."""

from dataclasses import asdict
from typing import Any, Literal

import orjson
import pytest

from enrollment.catalogue import catalogue
from enrollment.criteria import parse_criteria
from web.pages.rule_form import edited, rules_in
from web.pages.rules import Group, Row, Unfinished, asks_of, criteria_of, finished, rules_of, settled
from web.pages.wording import sentence, whose

CATALOGUE: dict[str, dict[str, Any]] = {one.field: asdict(one) for one in catalogue()}
GOOD = {
    "none": (),
    "text": ("a b",),
    "pattern": ("VP|Director",),
    "number": ("12.5",),
    "date": ("2027-03-31",),
    "days": ("30",),
    "choice": ("growth",),
    "open_choice": ("champion",),
    "choices": ("champion", "growth"),
    "texts": ("one\ntwo",),
    "numbers": ("1\n2.5",),
}
BAD = {"number": "many", "numbers": "1\nmany", "date": "soon", "days": "-1"}
RENEWAL = {"field": "customer.renewal_date"}
NEXT_30 = {"all": [RENEWAL | {"op": "after", "value": -1}, RENEWAL | {"op": "before", "value": 31}]}
RISKY = {"field": "customer.health_score", "op": "lt", "value": 60}
VP = {"field": "stakeholder.title", "op": "matches", "value": "VP"}
CHAMPION = {"field": "stakeholder.is_champion", "op": "equals", "value": True}
LOW, NOT_VP = "customer health score is below 60", "stakeholder title does not match VP"
EVERY_ASK = [(field, ask) for field, entry in CATALOGUE.items() for ask in asks_of(entry)]


def of_one(row: Row) -> dict[str, Any]:
    rules = settled(Group((row,)), CATALOGUE)
    assert isinstance(rules, Group)
    return criteria_of(rules, CATALOGUE, "customer")


def test_whatever_can_be_chosen_is_taken_and_comes_back() -> None:
    """Every operator of every fact is there, and none that the fact does not take."""
    for field, ask in EVERY_ASK:
        row = Row(field, ask.key, GOOD[ask.control])
        told = of_one(row)
        parse_criteria(orjson.dumps(told))
        assert settled(rules_of(told), CATALOGUE) == settled(Group((row,)), CATALOGUE), (field, ask)
        denied = of_one(Row(field, ask.key, GOOD[ask.control], negated=True))
        assert denied == {"not": told}
        assert sentence(denied) != sentence(told)
    told_ops = {
        field: {leaf["op"] for _, ask in EVERY_ASK if _ == field for leaf in _leaves(of_one(_row(field, ask)))}
        for field in CATALOGUE
    }
    assert told_ops == {field: set(entry["operators"]) for field, entry in CATALOGUE.items()}


def test_what_lacks_something_makes_no_rule() -> None:
    for field, ask in EVERY_ASK:
        if ask.control not in {"none", "choice"}:
            with pytest.raises(Unfinished) as raised:
                of_one(Row(field, ask.key, ("",)))
            assert list(raised.value.lacking) == ["customer.0"]
        if ask.control in BAD:
            with pytest.raises(Unfinished):
                of_one(Row(field, ask.key, (BAD[ask.control],)))
    for row in (Row(), Row("customer.nothing", "equals", ("x",))):
        with pytest.raises(Unfinished):
            of_one(row)
    # A question that a fact does not take becomes one that it takes.
    assert settled(Row("customer.arr", "matches", ("VP",)), CATALOGUE) == Row("customer.arr", "equals")


@pytest.mark.parametrize(
    ("criteria", "says"),
    [
        (NEXT_30, "customer renewal date is within the next 30 days"),
        ({"not": NEXT_30}, "customer renewal date is not within the next 30 days"),
        (
            {"any": [RISKY, NEXT_30]},
            "customer health score is below 60 or customer renewal date is within the next 30 days",
        ),
        ({"all": [RISKY, {"any": [CHAMPION, {"not": VP}]}]}, f"{LOW} and (stakeholder is champion or {NOT_VP})"),
        ({"not": {"all": [RISKY, VP]}}, "not (customer health score is below 60 and stakeholder title matches VP)"),
        (RENEWAL | {"op": "before", "value": -30}, "customer renewal date is more than 30 days ago"),
        (RENEWAL | {"op": "before", "value": 30}, "customer renewal date is earlier than 30 days from now"),
        (RENEWAL | {"op": "after", "value": 1}, "customer renewal date is more than 1 day from now"),
        (RENEWAL | {"op": "after", "value": -7}, "customer renewal date is later than 7 days ago"),
        (RENEWAL | {"op": "before", "value": 0}, "customer renewal date is before today"),
        ({"not": {"field": "customer.tier", "op": "in", "value": ["growth"]}}, "customer tier is none of growth"),
        ({"not": {"field": "customer.name", "op": "equals", "value": "x is y"}}, "customer name is not x is y"),
        ({"not": {"field": "customer.arr", "op": "exists", "value": False}}, "customer arr is known"),
        ({"field": "stakeholder.is_champion", "op": "equals", "value": False}, "stakeholder is not champion"),
        (
            {"field": "stakeholder.role", "op": "in", "value": ["executive_sponsor", "end_user"]},
            "stakeholder role is one of executive sponsor, end user",
        ),
        # Another's words are told as they have to be met.
        ({"field": "customer.segment", "op": "equals", "value": "mid_market"}, "customer segment is mid_market"),
        ({"all": []}, "always"),
        ({"any": []}, "never"),
    ],
)
def test_criteria_read_back_as_a_sentence_and_as_rules(criteria: dict[str, Any], says: str) -> None:
    assert sentence(criteria) == says
    rules = settled(rules_of(criteria), CATALOGUE)
    assert isinstance(rules, Group)
    assert criteria_of(rules, CATALOGUE, "customer") == criteria


def test_a_form_is_read_in_its_order_and_changed_where_a_button_is() -> None:
    sent = {
        "customer:joined": ["any"],
        "customer.10:field": ["customer.arr"],
        "customer.10:ask": ["gt"],
        "customer.10:value": ["5"],
        "customer.2:joined": ["all"],
        "customer.2:not": ["yes"],
        "customer.2.0:field": ["customer.tier"],
        "other.0:field": ["customer.id"],
    }
    rules = rules_in(sent, "customer")
    tier = Row("customer.tier")
    assert rules == Group((Group((tier,), "all", True), Row("customer.arr", "gt", ("5",))), "any")
    assert edited(rules, "customer", "add-row customer.0").parts[0] == Group((tier, Row()), "all", True)
    added = edited(rules, "customer", "add-group customer")
    assert added.parts[2] == Group((Row(),), "all")
    # A group of which nothing is left is gone too.
    assert edited(rules, "customer", "remove customer.0.0").parts == rules.parts[1:]
    for nothing in ("remove stakeholder.0", "remove customer.7", "remove customer.1.0", "drop customer.0", ""):
        assert edited(rules, "customer", nothing) == rules
    assert finished(added, CATALOGUE).parts == rules.parts[1:]


def _row(field: str, ask: Any) -> Row:
    return Row(field, ask.key, GOOD[ask.control])


def _leaves(criteria: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for part in criteria["all"] for one in _leaves(part)] if "all" in criteria else [criteria]


ROLE = {"field": "stakeholder.role", "op": "equals", "value": "executive_sponsor"}
TITLE = {"field": "stakeholder.title", "op": "matches", "value": "VP"}
CHAMPION = {"field": "stakeholder.is_champion", "op": "equals", "value": True}
SOON = {"all": [RENEWAL | {"op": "after", "value": -1}, RENEWAL | {"op": "before", "value": 41}]}


@pytest.mark.parametrize(
    ("criteria", "whom", "says"),
    [
        (ROLE, "stakeholder", "whose role is executive sponsor"),
        ({"all": [ROLE]}, "stakeholder", "whose role is executive sponsor"),
        ({"all": [{"not": ROLE}, TITLE]}, "stakeholder", "whose role is not executive sponsor and title matches VP"),
        (SOON, "customer", "whose renewal date is within the next 40 days"),
        ({"not": SOON}, "customer", "where customer renewal date is not within the next 40 days"),
        (CHAMPION, "stakeholder", "where stakeholder is champion"),
        (
            {"all": [ROLE, CHAMPION]},
            "stakeholder",
            "where stakeholder role is executive sponsor and stakeholder is champion",
        ),
        (
            {"any": [ROLE, TITLE]},
            "stakeholder",
            "where stakeholder role is executive sponsor or stakeholder title matches VP",
        ),
        (ROLE, "customer", "where stakeholder role is executive sponsor"),
    ],
)
def test_what_is_asked_of_somebody_is_said_as_theirs(
    criteria: dict[str, Any], whom: Literal["customer", "stakeholder"], says: str
) -> None:
    assert whose(criteria, whom) == says

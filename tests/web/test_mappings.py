"""What forms of mappings are built from."""

import pytest

from enrollment.catalogue import FIELDS
from enrollment.criteria import Predicate
from tests.web.stage import Api

PATH = "/api/salesloft/trigger-mappings/fields"
SAMPLE = {"text": "champion", "number": 60, "boolean": True, "date": "2027-03-31"}


@pytest.mark.parametrize("role", ["csm", "manager", "admin", "viewer"])
async def test_every_fact_is_told_to_whoever_belongs_to_the_platform(shared_api: Api, role: str) -> None:
    answer = await shared_api.http.get(PATH, headers=shared_api.headers(role=role))
    assert answer.status_code == 200, answer.text
    assert [one["field"] for one in answer.json()] == list(FIELDS)


async def test_nobody_else_is_told(shared_api: Api) -> None:
    assert (await shared_api.http.get(PATH)).status_code == 401


async def test_a_form_can_be_built_of_it(shared_api: Api) -> None:
    """Each operator that is told makes a predicate, with a value of the field's kind."""
    fields = (await shared_api.http.get(PATH, headers=shared_api.headers())).json()
    for one in fields:
        sample = SAMPLE[one["kind"]]
        of = {"value": sample, "values": [sample], "true_or_false": False, "days_from_now": -3, "pattern": "^VP"}
        for op, value in ((op, of[operand]) for op, operand in one["operators"].items()):
            Predicate.model_validate({"field": one["field"], "op": op, "value": value})
    assert next(one for one in fields if one["field"] == "trigger.severity") == {
        "field": "trigger.severity",
        "kind": "text",
        "operators": {"equals": "value", "in": "values", "matches": "pattern", "exists": "true_or_false"},
        "description": "How grave the risk is.",
        "triggers": ["at-risk"],
        "choices": [],
        "has_others": True,
    }
    choices = {one["field"]: (one["choices"], one["has_others"]) for one in fields if one["choices"]}
    assert choices["customer.tier"] == (["enterprise", "strategic", "standard", "growth"], False)
    assert choices["stakeholder.role"][1] is True
    assert len(choices) == 2

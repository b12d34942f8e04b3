"""Which criteria did not hold of whom, in the list of the decisions that are counted, where it is asked for."""

from typing import Any

import pytest

from enrollment.criteria import Predicate
from schemas.vocabulary import TriggerType
from tests.web.stage import Api
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene

CHAMPIONS = Predicate(field="stakeholder.is_champion", op="equals", value=True)


@pytest.fixture
async def scene(api: Api) -> Scene:
    """An event about two people, of whom one is asked for."""
    scene = await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, stakeholder_criteria=CHAMPIONS)
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN, BOB))
    await scene.decide(scene.trigger(stakeholders=(ANN, BOB), event_id="e-1"))
    api.pass_time(minutes=1)
    return scene


async def listed(api: Api, **asked: Any) -> list[dict[str, Any]]:
    answer = await api.http.get("/api/salesloft/outcomes/decisions", params=asked, headers=api.headers(role="viewer"))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@pytest.mark.usefixtures("scene")
async def test_what_did_not_hold_is_told_where_it_is_asked_for(api: Api) -> None:
    assert {(one["stakeholder_id"], one["outcome"], one["because"]) for one in await listed(api)} == {
        ("sth-8", "skip", None),
        ("sth-9", "request", None),
    }
    told = {one["stakeholder_id"]: one["because"] for one in await listed(api, because=True)}
    assert told["sth-9"] is None
    (asked,) = told["sth-8"]
    assert asked["said"] == "criteria_not_met"
    champion = {"predicate": "stakeholder.is_champion = true", "value": False, "holds": False}
    assert asked["stakeholder_criteria"] == champion
    answer = await api.http.get(
        "/api/salesloft/decisions", params={"stakeholder_id": "sth-8"}, headers=api.headers(role="viewer")
    )
    (decision,) = answer.json()["items"][0]["decisions"]
    assert decision["asked"] == [asked]


async def test_of_what_is_not_kept_any_more_nothing_is_told(api: Api, scene: Scene) -> None:
    await scene.execute("UPDATE evaluations SET facts = facts::jsonb - 'organization'")
    assert [one["because"] for one in await listed(api, because=True)] == [None, None]


async def test_no_more_than_fifty_are_decided_again(api: Api, scene: Scene) -> None:
    await scene.execute(
        "INSERT INTO evaluations SELECT made.* FROM evaluations v, generate_series(1, 60) AS n, LATERAL"
        " jsonb_populate_record(v, jsonb_build_object('id', md5(n::text)::uuid)) AS made"
    )
    assert len(await listed(api, because=True, limit=200)) == 50
    assert len(await listed(api, limit=200)) == 122

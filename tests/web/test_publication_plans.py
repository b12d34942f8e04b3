"""Publishing a draft over HTTP as it was looked at: what it changes is said before, and nothing else is published."""

from typing import Any

import httpx
import pytest

from tests.web.stage import Api
from tests.web.test_connection import refused
from tests.web.test_mapping_drafts import PATH, SAVE, drafted, send, states
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene

CHAMPIONS = {"field": "stakeholder.is_champion", "op": "equals", "value": True}


@pytest.fixture
async def scene(api: Api) -> Scene:
    scene = await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN, BOB))
    return scene


async def plan(api: Api, id_: str) -> dict[str, Any]:
    answer = await send(api, "POST", f"/{id_}/publication-plan", etag=None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def publish(api: Api, id_: str, hash_: str) -> httpx.Response:
    headers = api.headers() | {"if-match": "*"}
    return await api.http.post(f"{PATH}/{id_}/publish", params={"plan": hash_}, headers=headers)


@pytest.mark.usefixtures("scene")
async def test_a_plan_says_what_changes_and_for_whom_and_is_done_as_it_was_looked_at(api: Api) -> None:
    made = await drafted(api)
    first = await plan(api, made["id"])
    assert (first["published"], first["changes"], first["population"], first["affected_stakeholders"]) == (
        None,
        [],
        2,
        2,
    )
    assert {(one["stakeholder_name"], one["customer_name"], one["was"], one["is"]) for one in first["affected"]} == {
        ("Ann Lee", "Acme", "none", made["id"]),
        ("Bob Ray", "Acme", "none", made["id"]),
    }
    assert states(await send(api, "GET", f"/{made['id']}")) == [(1, "validated", 100)]
    assert states(await publish(api, made["id"], first["hash"])) == [(1, "published", 100)]

    await send(api, "PUT", f"/{made['id']}/draft", SAVE | {"stakeholder_criteria": CHAMPIONS})
    narrower = await plan(api, made["id"])
    assert (narrower["version"], narrower["published_version"]) == (2, 1)
    assert [(one["field"], one["was"], one["is"]) for one in narrower["changes"]] == [
        ("stakeholder_criteria", {"all": []}, CHAMPIONS)
    ]
    assert [(one["stakeholder_name"], one["is"]) for one in narrower["affected"]] == [("Bob Ray", "none")]
    assert (first["requests"], narrower["requests"]) == (
        {"before": 0, "after": 2, "neither": 0},
        {"before": 1, "after": 0, "neither": 0},
    )


async def test_a_plan_says_who_is_requested_neither_way_and_who_is_if_it_knows(api: Api, scene: Scene) -> None:
    await scene.snapshots(stakeholders=(BOB | {"id": "sth-7", "email": None},))
    unwritable = await plan(api, (await drafted(api))["id"])
    assert unwritable["requests"] == {"before": 0, "after": 2, "neither": 1}
    assert {
        one["stakeholder_id"]: (one["requested_before"], one["requested_after"]) for one in unwritable["affected"]
    } == {
        "sth-7": (False, False),
        "sth-8": (False, True),
        "sth-9": (False, True),
    }
    severe = {"field": "trigger.severity", "op": "equals", "value": "high"}
    by_event = await plan(api, (await drafted(api, SAVE | {"customer_criteria": severe}))["id"])
    assert by_event["affected_stakeholders"] == 3
    assert by_event["requests"] is None
    assert {one["requested_after"] for one in by_event["affected"]} == {None}


async def test_nobody_publishes_what_they_have_not_seen(api: Api, scene: Scene) -> None:
    made = await drafted(api)
    looked_at = (await plan(api, made["id"]))["hash"]
    assert (await plan(api, made["id"]))["hash"] == looked_at
    await scene.snapshots(stakeholders=(BOB | {"id": "sth-7", "email": "cy@acme.example"},))
    refused(await publish(api, made["id"], looked_at), 412, "changed_meanwhile")
    moved = (await plan(api, made["id"]))["hash"]
    await send(api, "PUT", f"/{made['id']}/draft", SAVE | {"priority": 7})
    refused(await publish(api, made["id"], moved), 412, "changed_meanwhile")
    assert states(await send(api, "GET", f"/{made['id']}")) == [(1, "validated", 7)]


@pytest.mark.usefixtures("scene")
async def test_a_shadow_affects_nobody_and_what_cannot_be_published_says_so(api: Api) -> None:
    shadow = await drafted(api, SAVE | {"policy": {"shadow": True}})
    assert (await plan(api, shadow["id"]))["affected_stakeholders"] == 0
    nowhere = await drafted(api, {"trigger_type": "at-risk"})
    found = await plan(api, nowhere["id"])
    assert [one["field"] for one in found["findings"]] == ["cadence_id"]
    refused(await publish(api, nowhere["id"], found["hash"]), 422, "mapping_invalid")


async def test_another_organizations_draft_is_answered_like_none(api: Api, scene: Scene) -> None:
    made = await drafted(api)
    other = await Scene(api.database, organization_id="org-of-others", now=scene.now).set_up()
    path = f"/{made['id']}/publication-plan"
    refused(await send(api, "POST", path, etag=None, organization_id=other.organization_id), 404, "mapping_unknown")

"""Mappings over HTTP: looked at by everybody, changed by admins who have seen what they change."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from schemas.vocabulary import TriggerType
from tests.web.stage import Api
from tests.web.test_connection import refused
from tests.workflows.scene import Scene

PATH = "/api/salesloft/trigger-mappings"
SAVE = {"trigger_type": "at-risk", "cadence_id": 456}
WELCOME = {"trigger_type": "new-customer", "cadence_id": 457, "segment": "mid-market"}
NOWHERE = {"trigger_type": "at-risk", "cadence_id": 999}


@pytest.fixture
async def scene(api: Api) -> Scene:
    return await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()


async def shown(api: Api, path: str = PATH) -> tuple[Any, str]:
    answer = await api.http.get(path, headers=api.headers(role="viewer"))
    assert answer.status_code == 200, answer.text
    return answer.json(), answer.headers["etag"]


async def put(api: Api, *documents: dict[str, Any], etag: str | None = "*", **query: bool) -> httpx.Response:
    headers = api.headers() | ({"if-match": etag} if etag is not None else {})
    return await api.http.put(PATH, json={"mappings": documents}, headers=headers, params=query)


async def do(api: Api, id_: str | UUID, what: str, etag: str | None = "*", **claims: Any) -> httpx.Response:
    headers = api.headers(**claims) | ({"if-match": etag} if etag is not None else {})
    return await api.http.post(f"{PATH}/{id_}/{what}", headers=headers)


def told(found: Any) -> list[tuple[str, str, int]]:
    return [(one["mapping"]["trigger_type"], one["status"], one["version"]) for one in found["mappings"]]


@pytest.mark.usefixtures("scene")
async def test_drafts_are_replaced_by_whoever_has_seen_them(api: Api) -> None:
    _, empty = await shown(api)
    answer = await put(api, SAVE, WELCOME, etag=empty)
    assert answer.status_code == 200, answer.text
    assert told(answer.json()) == [("at-risk", "validated", 1), ("new-customer", "validated", 1)]
    assert answer.json()["findings"] == []
    found, etag = await shown(api)
    assert (answer.headers["etag"], answer.json()["mappings"]) == (etag, found["mappings"])
    refused(await put(api, SAVE, etag=empty), 412, "changed_meanwhile")
    refused(await put(api, SAVE, etag=None), 428, "if_match_required")
    assert (await shown(api)) == (found, etag)
    answer = await put(api, found["mappings"][0]["mapping"], etag=etag)
    assert told(answer.json()) == [("at-risk", "validated", 1)]
    assert answer.json()["mappings"][0]["id"] == found["mappings"][0]["id"]


@pytest.mark.usefixtures("scene")
async def test_all_are_published_or_none_is(api: Api) -> None:
    problem = refused(await put(api, SAVE, NOWHERE, publish=True), 422, "mapping_invalid")
    assert [one["field"] for one in problem["errors"]] == ["mappings.1.cadence_id"]
    assert told((await shown(api))[0]) == []
    answer = await put(api, SAVE, WELCOME, publish=True)
    assert told(answer.json()) == [("at-risk", "published", 1), ("new-customer", "published", 1)]
    # What is published stays, though the next drafts do not name it.
    assert told((await put(api)).json()) == told(answer.json())


@pytest.mark.usefixtures("scene")
async def test_a_draft_is_held_to_what_publishing_holds_it_to(api: Api) -> None:
    answer = await put(api, NOWHERE)
    assert told(answer.json()) == [("at-risk", "draft", 1)]
    (finding,) = answer.json()["findings"]
    assert finding["field"] == "mappings.0.cadence_id"
    tried = await put(api, SAVE, NOWHERE, etag=None, dry_run=True)
    assert [one["field"] for one in tried.json()["findings"]] == ["mappings.1.cadence_id"]
    assert told(tried.json()) == [("at-risk", "draft", 1)]


@pytest.mark.usefixtures("scene")
async def test_what_no_mapping_can_be_is_refused_field_by_field(api: Api) -> None:
    misspelt = SAVE | {"segmnt": "enterprise"}
    impossible = SAVE | {"stakeholder_criteria": {"field": "stakeholder.shoe_size", "op": "exists", "value": True}}
    problem = refused(await put(api, misspelt, impossible), 422, "invalid_request")
    assert problem["errors"][0]["field"] == "body.mappings.0.segmnt"
    assert any(one["field"].startswith("body.mappings.1.stakeholder_criteria") for one in problem["errors"])
    unknown = str(uuid4())
    twice = refused(await put(api, SAVE | {"id": unknown}), 422, "mapping_invalid")
    assert twice["errors"] == [
        {"field": "mappings.0.id", "message": "names no mapping: leave it out for a new one"},
    ]


async def test_a_mapping_goes_through_its_states(api: Api, scene: Scene) -> None:
    (first,) = await scene.publish_for(TriggerType.AT_RISK)
    assert (await put(api, SAVE | {"id": str(first.id), "priority": 7})).status_code == 200
    one, etag = await shown(api, f"{PATH}/{first.id}")
    assert [(version["status"], version["version"]) for version in one["versions"]] == [
        ("published", 1),
        ("validated", 2),
    ]
    assert {"field": "priority", "was": first.priority, "is": 7} in one["versions"][1]["changes"]
    answer = await do(api, first.id, "publish", etag)
    assert [version["status"] for version in answer.json()["versions"]] == ["retired", "published"]
    refused(await do(api, first.id, "disable", etag), 412, "changed_meanwhile")
    answer = await do(api, first.id, "disable", answer.headers["etag"])
    assert answer.json()["versions"][1]["mapping"]["enabled"] is False
    assert (await do(api, first.id, "enable")).json()["versions"][1]["mapping"]["enabled"] is True
    path, headers = f"{PATH}/{first.id}/priority", api.headers() | {"if-match": "*"}
    answer = await api.http.put(path, json={"priority": 3}, headers=headers)
    assert answer.json()["versions"][1]["mapping"]["priority"] == 3
    assert (await do(api, first.id, "retire")).json()["versions"][1]["status"] == "retired"
    refused(await do(api, first.id, "publish"), 404, "mapping_unknown")
    who = await scene.rows("SELECT change, changed_by FROM mapping_changes ORDER BY changed_at, change")
    assert {row["changed_by"] for row in who if row["change"] != "published"} == {"usr-1"}


async def test_a_draft_is_thrown_away_and_what_is_published_stays(api: Api, scene: Scene) -> None:
    (first,) = await scene.publish_for(TriggerType.AT_RISK)
    await put(api, SAVE | {"id": str(first.id)})
    headers = api.headers() | {"if-match": "*"}
    answer = await api.http.delete(f"{PATH}/{first.id}/draft", headers=headers)
    assert [version["status"] for version in answer.json()["versions"]] == ["published"]
    refused(await api.http.delete(f"{PATH}/{first.id}/draft", headers=headers), 404, "mapping_unknown")


async def test_nobody_else_changes_them_and_no_other_organization_sees_them(api: Api, scene: Scene) -> None:
    (first,) = await scene.publish_for(TriggerType.AT_RISK)
    for role in ("csm", "manager", "viewer"):
        refused(await do(api, first.id, "disable", role=role), 403, "role_required")
    another = {"organization_id": "org-else"}
    refused(await do(api, first.id, "disable", **another), 404, "mapping_unknown")
    refused(await api.http.get(f"{PATH}/{first.id}", headers=api.headers(**another)), 404, "mapping_unknown")
    answer = await api.http.get(PATH, headers=api.headers(**another))
    assert answer.json() == {"mappings": []}
    refused(await do(api, first.id, "disable", None), 428, "if_match_required")
    assert told((await shown(api))[0]) == [("at-risk", "published", 1)]

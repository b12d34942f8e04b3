"""Mappings as a file over HTTP: what is taken out can be planned, and only what was looked at is applied."""

from typing import Any

import httpx
import pytest

from tests.web.stage import Api
from tests.web.test_connection import refused
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene

PATH = "/api/salesloft/trigger-mappings"
SAVE = "mappings:\n- trigger_type: at-risk\n  cadence_id: 456\n"
BOTH = SAVE + "- trigger_type: new-customer\n  cadence_id: 457\n"


@pytest.fixture
async def scene(api: Api) -> Scene:
    return await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()


async def send(api: Api, what: str, **body: Any) -> httpx.Response:
    claims = body.pop("claims", {})
    return await api.http.post(f"{PATH}/{what}", json=body, headers=api.headers(**claims))


async def plan(api: Api, file: str) -> dict[str, Any]:
    answer = await send(api, "plan", file=file)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def apply(api: Api, file: str) -> httpx.Response:
    return await send(api, "apply", file=file, plan=(await plan(api, file))["hash"])


async def exported(api: Api, **claims: Any) -> str:
    answer = await api.http.get(f"{PATH}/export", headers=api.headers(**{"role": "viewer", **claims}))
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "application/yaml")
    return answer.text


async def test_a_plan_says_what_would_change_for_whom_and_writes_nothing(api: Api, scene: Scene) -> None:
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN, BOB))
    found = await plan(api, BOTH)
    assert [one["trigger_type"] for one in found["additions"]] == ["at-risk", "new-customer"]
    assert (found["changes"], found["removals"], found["findings"]) == ([], [], [])
    assert found["affected_stakeholders"] == found["population"] > 0
    assert {(one["trigger_type"], one["was"], one["is"]) for one in found["affected"]} == {
        (one["trigger_type"], "none", one["id"]) for one in found["additions"]
    }
    assert (await plan(api, BOTH))["hash"] == found["hash"]
    assert (await api.http.get(PATH, headers=api.headers())).json()["mappings"] == []


@pytest.mark.usefixtures("scene")
async def test_what_was_planned_is_applied_and_comes_out_as_it_went_in(api: Api) -> None:
    done = await apply(api, BOTH)
    assert (done.status_code, len(done.json()["additions"])) == (200, 2), done.text
    file = await exported(api)
    again = await plan(api, file)
    assert (again["unchanged"], again["additions"], again["changes"], again["removals"]) == (2, [], [], [])
    changed = await plan(api, file.replace("priority: 100", "priority: 7", 1))
    assert [(one["in_place"], one["changes"]) for one in changed["changes"]] == [
        (True, [{"field": "priority", "was": 100, "is": 7}])
    ]
    fewer = await plan(api, "mappings: []\n")
    assert {one["mapping"]["trigger_type"] for one in fewer["removals"]} == {"at-risk", "new-customer"}


@pytest.mark.usefixtures("scene")
async def test_nobody_applies_what_they_have_not_seen(api: Api) -> None:
    planned = (await plan(api, SAVE))["hash"]
    refused(await send(api, "apply", file=BOTH, plan=planned), 412, "changed_meanwhile")
    assert (await apply(api, BOTH)).status_code == 200
    refused(await send(api, "apply", file=SAVE, plan=planned), 412, "changed_meanwhile")
    found = (await api.http.get(PATH, headers=api.headers())).json()["mappings"]
    assert sorted(one["mapping"]["trigger_type"] for one in found) == ["at-risk", "new-customer"]


@pytest.mark.usefixtures("scene")
async def test_a_file_that_cannot_be_read_or_applied_is_refused_with_its_fields(api: Api) -> None:
    problem = refused(await send(api, "plan", file="- nothing"), 422, "mapping_invalid")
    assert problem["errors"][0]["field"] == "the file"
    nowhere = SAVE.replace("456", "999")
    assert [one["field"] for one in (await plan(api, nowhere))["findings"]] == ["mappings.0.cadence_id"]
    problem = refused(await apply(api, nowhere), 422, "mapping_invalid")
    assert [one["field"] for one in problem["errors"]] == ["mappings.0.cadence_id"]


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("role", ["viewer", "csm", "manager"])
async def test_only_admins_take_files_in(api: Api, role: str) -> None:
    for what in ("plan", "apply"):
        refused(await send(api, what, file=SAVE, plan="x", claims={"role": role}), 403, "role_required")


@pytest.mark.usefixtures("scene")
async def test_another_organization_exports_its_own(api: Api) -> None:
    await apply(api, SAVE)
    assert "at-risk" in await exported(api)
    foreign = await exported(api, organization_id="org-of-others")
    assert ("org-of-others" in foreign, "at-risk" in foreign) == (True, False)

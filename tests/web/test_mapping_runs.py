"""Mapping runs over HTTP: admins begin and cancel them within a cap, everybody sees how far they are."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from schemas.vocabulary import TriggerType
from tests.web.stage import Api
from tests.web.test_connection import refused
from tests.workflows.scene import ANN, BOB, Scene
from workflows.mapping_runs import advance_run

PATH = "/api/salesloft/mapping-runs"


@pytest.fixture
async def scene(api: Api) -> Scene:
    """An organization whose customer's event came before there was a mapping for it."""
    scene = await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()
    await scene.decide(scene.trigger(stakeholders=(ANN, BOB), event_id="e-1"))
    api.pass_time(minutes=1)
    scene.now = api.clock.now()
    return scene


async def begin(api: Api, mapping_id: object, at_most: int = 1, **claims: Any) -> httpx.Response:
    body = {"mapping_id": str(mapping_id), "at_most": at_most, "reason": "who came before it"}
    return await api.http.post(PATH, json=body, headers=api.headers(**claims))


async def shown(api: Api, path: str, **claims: Any) -> httpx.Response:
    return await api.http.get(path, headers=api.headers(**{"role": "viewer", **claims}))


async def test_a_run_is_begun_within_its_cap_and_seen_until_its_end(api: Api, scene: Scene) -> None:
    (mapping,) = await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    answer = await begin(api, mapping.id, sub="usr-4")
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["started_by"], told["reason"], told["at_most"]) == ("usr-4", "who came before it", 1)
    assert (told["customers"], told["requested"], told["outcome"]) == (0, 0, None)
    async with api.database.transaction() as connection:
        assert await advance_run(connection, scene.memory, api.clock.now(), limit=10)
    done = (await shown(api, answer.headers["location"])).json()
    assert (done["customers"], done["requested"], done["outcome"]) == (1, 1, "cap_reached")
    assert (await shown(api, PATH)).json()["runs"] == [done]


async def test_a_run_that_goes_on_is_cancelled_once(api: Api, scene: Scene) -> None:
    (mapping,) = await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    path = (await begin(api, mapping.id)).headers["location"]
    refused(await begin(api, mapping.id), 409, "run_refused")
    assert (await api.http.delete(path, headers=api.headers(sub="usr-5"))).status_code == 204
    done = (await shown(api, path)).json()
    assert (done["outcome"], done["cancelled_by"], done["requested"]) == ("cancelled", "usr-5", 0)
    refused(await api.http.delete(path, headers=api.headers()), 409, "run_over")
    noted = "SELECT action, actor FROM audit_entries WHERE action LIKE 'mapping_run.%' ORDER BY position"
    assert [tuple(row) for row in await api.fetch(noted)] == [
        ("mapping_run.started", "usr-1"),
        ("mapping_run.cancelled", "usr-5"),
    ]


async def test_only_admins_run_and_only_their_own(api: Api, scene: Scene) -> None:
    (mapping,) = await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    for role in ("viewer", "csm", "manager"):
        refused(await begin(api, mapping.id, role=role), 403, "role_required")
    foreign: dict[str, Any] = {"organization_id": "org-of-others"}
    refused(await begin(api, mapping.id, **foreign), 409, "run_refused")
    refused(await begin(api, uuid4()), 409, "run_refused")
    path = (await begin(api, mapping.id)).headers["location"]
    refused(await shown(api, path, **foreign), 404, "run_unknown")
    refused(await api.http.delete(path, headers=api.headers(**foreign)), 404, "run_unknown")
    refused(await api.http.delete(f"{PATH}/{UUID(int=7)}", headers=api.headers()), 404, "run_unknown")
    assert (await shown(api, PATH, **foreign)).json()["runs"] == []
    assert (await shown(api, path)).json()["outcome"] is None

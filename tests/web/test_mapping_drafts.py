"""One mapping's draft over HTTP: written by admins who have seen what they change, and examined at once."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.web.stage import Api
from tests.web.test_connection import refused
from tests.workflows.scene import CUSTOMER, Scene

PATH = "/api/salesloft/trigger-mappings"
SAVE = {"trigger_type": "at-risk", "cadence_id": 456}
NOWHERE = {"trigger_type": "at-risk", "cadence_id": 999}


@pytest.fixture
async def scene(api: Api) -> Scene:
    return await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()


async def send(
    api: Api, method: str, path: str, body: Any = None, *, etag: str | None = "*", **claims: Any
) -> httpx.Response:
    headers = api.headers(**claims) | ({"if-match": etag} if etag is not None else {})
    return await api.http.request(method, f"{PATH}{path}", json=body, headers=headers)


async def drafted(api: Api, document: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await send(api, "POST", "", document or SAVE, etag=None)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found | {"etag": answer.headers["etag"], "id": found["versions"][0]["id"]}


def states(answer: httpx.Response) -> list[tuple[int, str, int]]:
    assert answer.status_code == 200, answer.text
    return [(one["version"], one["status"], one["mapping"]["priority"]) for one in answer.json()["versions"]]


@pytest.mark.usefixtures("scene")
async def test_a_new_mapping_is_drafted_beside_the_others(api: Api) -> None:
    first = await drafted(api)
    answer = await send(api, "POST", "", NOWHERE, etag=None)
    assert answer.status_code == 201, answer.text
    assert [one["status"] for one in answer.json()["versions"]] == ["draft"]
    assert [one["field"] for one in answer.json()["findings"]] == ["cadence_id"]
    shown = await send(api, "GET", f"/{first['id']}", role="viewer")
    assert shown.json()["versions"] == first["versions"]
    assert (shown.headers["etag"], first["findings"]) == (first["etag"], [])
    found = (await api.http.get(PATH, headers=api.headers())).json()["mappings"]
    assert {one["id"] for one in found} == {first["id"], answer.json()["versions"][0]["id"]}
    located = await api.http.get(answer.headers["location"], headers=api.headers())
    assert located.json()["versions"] == answer.json()["versions"]


@pytest.mark.usefixtures("scene")
async def test_a_draft_is_changed_by_whoever_has_seen_it(api: Api) -> None:
    made = await drafted(api)
    path = f"/{made['id']}/draft"
    refused(await send(api, "PUT", path, SAVE, etag=None), 428, "if_match_required")
    changed = await send(api, "PUT", path, SAVE | {"priority": 7}, etag=made["etag"])
    assert states(changed) == [(1, "validated", 7)]
    refused(await send(api, "PUT", path, SAVE | {"priority": 8}, etag=made["etag"]), 412, "changed_meanwhile")
    assert states(await send(api, "GET", f"/{made['id']}")) == [(1, "validated", 7)]


@pytest.mark.usefixtures("scene")
async def test_what_is_published_stays_while_the_next_version_is_drafted(api: Api) -> None:
    made = await drafted(api)
    published = await send(api, "POST", f"/{made['id']}/publish", etag=made["etag"])
    assert states(published) == [(1, "published", 100)]
    document = SAVE | {"priority": 7, "policy": {"shadow": True}}
    changed = await send(api, "PUT", f"/{made['id']}/draft", document, etag=published.headers["etag"])
    assert states(changed) == [(1, "published", 100), (2, "validated", 7)]
    told = {one["field"]: (one["was"], one["is"]) for one in changed.json()["versions"][1]["changes"]}
    assert told == {"priority": (100, 7), "policy.shadow": (False, True)}
    shadow = await send(api, "POST", f"/{made['id']}/publish")
    assert states(shadow)[-1] == (2, "published", 7)
    assert shadow.json()["versions"][-1]["mapping"]["policy"]["shadow"] is True


async def test_a_draft_is_examined_again_by_what_the_team_is_then(api: Api, scene: Scene) -> None:
    made = await drafted(api)
    async with api.database.transaction() as connection:
        await connection.execute(
            "UPDATE salesloft_cadences SET people_addable = false WHERE organization_id = $1 AND cadence_id = 456",
            scene.organization_id,
        )
    answer = await send(api, "POST", f"/{made['id']}/validate", etag=None)
    assert states(answer) == [(1, "draft", 100)]
    (finding,) = answer.json()["findings"]
    assert (finding["field"], "takes no people now" in finding["message"]) == ("cadence_id", True)
    assert answer.headers["etag"] != made["etag"]


async def test_what_speaks_against_a_mapping_is_looked_at_without_writing(api: Api, scene: Scene) -> None:
    made = await drafted(api, SAVE | {"segment": "smb"})
    path = f"/{made['id']}/findings"
    looked = await send(api, "GET", path, etag=None, role="viewer")
    assert looked.json() == {"version": 1, "findings": [], "warnings": made["warnings"]} != {"warnings": []}
    await send(api, "POST", f"/{made['id']}/publish")
    unready = await send(api, "PUT", f"/{made['id']}/draft", NOWHERE)
    looked = await send(api, "GET", path, etag=None, role="viewer")
    assert looked.json() == {"version": 2, "findings": unready.json()["findings"], "warnings": []}
    assert [one["field"] for one in looked.json()["findings"]] == ["cadence_id"]
    # As the team is now, and it stays the draft that it was.
    async with api.database.transaction() as connection:
        await connection.execute(
            "UPDATE salesloft_cadences SET cadence_id = 999 WHERE organization_id = $1 AND cadence_id = 456",
            scene.organization_id,
        )
    assert (await send(api, "GET", path, etag=None)).json()["findings"] == []
    assert states(await send(api, "GET", f"/{made['id']}"))[-1][1] == "draft"


@pytest.mark.usefixtures("scene")
async def test_parked_mappings_count_again_where_they_fit(api: Api) -> None:
    made = await drafted(api)
    await send(api, "POST", f"/{made['id']}/publish")
    async with api.database.transaction() as connection:
        await connection.execute("UPDATE salesloft_cadence_mappings SET team_id = team_id + 1")
    answer = await send(api, "POST", "/validate", etag=None)
    assert answer.json() == {"counting": [made["id"]], "parked": []}
    assert (await send(api, "GET", f"/{made['id']}")).json()["versions"][0]["parked"] is False


@pytest.mark.usefixtures("scene")
async def test_what_names_another_mapping_is_refused(api: Api) -> None:
    made = await drafted(api)
    refused(await send(api, "POST", "", SAVE | {"id": made["id"]}, etag=None), 422, "invalid_request")
    other = SAVE | {"id": str(uuid4())}
    refused(await send(api, "PUT", f"/{made['id']}/draft", other), 422, "invalid_request")
    refused(await send(api, "PUT", f"/{UUID(int=7)}/draft", SAVE), 404, "mapping_unknown")
    refused(await send(api, "POST", f"/{UUID(int=7)}/validate"), 404, "mapping_unknown")


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("role", ["viewer", "csm", "manager"])
async def test_only_admins_draft(api: Api, role: str) -> None:
    made = await drafted(api)
    for method, path in (("POST", ""), ("PUT", f"/{made['id']}/draft"), ("POST", f"/{made['id']}/validate")):
        refused(await send(api, method, path, SAVE, role=role), 403, "role_required")


async def test_another_organizations_mapping_is_answered_like_none(api: Api, scene: Scene) -> None:
    made = await drafted(api)
    other = await Scene(api.database, organization_id="org-of-others", now=scene.now).set_up()
    for method, path in (
        ("PUT", f"/{made['id']}/draft"),
        ("POST", f"/{made['id']}/validate"),
        ("GET", f"/{made['id']}/findings"),
    ):
        answer = await send(api, method, path, SAVE, organization_id=other.organization_id)
        refused(answer, 404, "mapping_unknown")
    assert states(await send(api, "GET", f"/{made['id']}")) == [(1, "validated", 100)]


async def test_a_segment_that_no_customer_has_is_warned_of_and_can_be_published(api: Api, scene: Scene) -> None:
    """It is matched just so, and a customer who has it may come: it is told, and stands in nobody's way."""
    path = "/segments"
    assert (await send(api, "GET", path, role="viewer")).json() == {"segments": []}
    (lonely,) = (await drafted(api, SAVE | {"segment": "smb"}))["warnings"]
    assert lonely["message"].endswith("no customer has a segment yet")
    await scene.snapshots(
        customers=(CUSTOMER, CUSTOMER | {"id": "cus-8", "segment": "smb"}, CUSTOMER | {"id": "cus-9"})
    )
    assert (await send(api, "GET", path, role="viewer")).json() == {"segments": ["mid-market", "smb"]}
    of_others = await send(api, "GET", path, organization_id="org-of-others")
    assert of_others.json() == {"segments": []}

    made = await drafted(api, SAVE | {"segment": "Mid-Market"})
    (warning,) = made["warnings"]
    assert (warning["field"], made["findings"]) == ("segment", [])
    assert "no customer has the segment 'Mid-Market'" in warning["message"]
    assert "did you mean 'mid-market'?" in warning["message"]
    other = await send(api, "PUT", f"/{made['id']}/draft", SAVE | {"segment": "public"})
    assert "there are 'mid-market', 'smb'" in other.json()["warnings"][0]["message"]
    again = await send(api, "POST", f"/{made['id']}/validate")
    plan = await send(api, "POST", f"/{made['id']}/publication-plan")
    sent = {"mappings": [SAVE | {"segment": "smb"}, SAVE | {"segment": "public"}]}
    tried = await api.http.put(PATH, json=sent, headers=api.headers(), params={"dry_run": "true"})
    assert again.json()["warnings"] == plan.json()["warnings"] == other.json()["warnings"]
    assert [one["field"] for one in tried.json()["warnings"]] == ["mappings.1.segment"]
    assert states(await send(api, "POST", f"/{made['id']}/publish")) == [(1, "published", 100)]

    fitting = await send(api, "PUT", f"/{made['id']}/draft", SAVE | {"segment": "mid-market"})
    assert fitting.json()["warnings"] == []

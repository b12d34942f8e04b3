"""Stop and start over HTTP: everybody sees what is stopped, managers and admins act, and nobody else's is touched."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from schemas.fields import format_instant
from tests.web.stage import Api
from tests.web.test_connection import refused
from tests.workflows.scene import Scene

PATH = "/api/salesloft/stops"
FOREIGN = "org-of-others"


@pytest.fixture
async def scene(api: Api) -> Scene:
    return await Scene(api.database, organization_id=api.organization_id, now=api.clock.now()).set_up()


async def stopped(api: Api, **claims: Any) -> list[dict[str, Any]]:
    answer = await api.http.get(PATH, headers=api.headers(**{"role": "viewer", **claims}))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["stops"]
    return found


async def stop(api: Api, *, claims: dict[str, Any] | None = None, **wanted: Any) -> httpx.Response:
    body = {"scope": "cadence", "subject": "456", "reason": "wrong prices"} | wanted
    return await api.http.post(PATH, json=body, headers=api.headers(**{"role": "manager", **(claims or {})}))


async def start(api: Api, stop_id: object, **claims: Any) -> httpx.Response:
    return await api.http.delete(f"{PATH}/{stop_id}", headers=api.headers(**{"role": "manager", **claims}))


async def decision_version(api: Api) -> int:
    (row,) = await api.fetch(
        "SELECT decision_version FROM organizations WHERE organization_id = $1", api.organization_id
    )
    return int(row["decision_version"])


@pytest.mark.usefixtures("scene")
async def test_everybody_sees_who_stopped_what_why_and_until_when(api: Api) -> None:
    before, ends_at = await decision_version(api), format_instant(api.clock.now() + timedelta(hours=4))
    answer = await stop(api, ends_at=ends_at, pauses_active=True, claims={"sub": "usr-4"})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert answer.headers["location"] == f"{PATH}/{told['id']}"
    assert told == {
        "id": told["id"],
        "scope": "cadence",
        "subject": "456",
        "reason": "wrong prices",
        "pauses_active": True,
        "stopped_by": "usr-4",
        "stopped_at": format_instant(api.clock.now()),
        "ends_at": ends_at,
    }
    assert await stopped(api) == await stopped(api, role="csm") == [told]
    one = await api.http.get(answer.headers["location"], headers=api.headers(role="viewer"))
    assert one.json() == told
    # What decides hears of it.
    assert await decision_version(api) > before
    api.pass_time(hours=5)
    assert await stopped(api) == []
    refused(await api.http.get(answer.headers["location"], headers=api.headers()), 404, "stop_unknown")


@pytest.mark.usefixtures("scene")
async def test_the_whole_organization_is_stopped_without_naming_it(api: Api) -> None:
    answer = await stop(api, scope="organization", subject=None)
    assert (answer.status_code, answer.json()["subject"]) == (201, api.organization_id)
    refused(await stop(api, scope="organization", subject=FOREIGN), 422, "stop_invalid")


@pytest.mark.usefixtures("scene")
async def test_what_is_started_again_is_over_and_both_are_in_the_audit_log(api: Api) -> None:
    stop_id = (await stop(api)).json()["id"]
    assert (await start(api, stop_id, sub="usr-5", role="admin")).status_code == 204
    assert await stopped(api) == []
    refused(await start(api, stop_id), 404, "stop_unknown")
    rows = await api.fetch(
        "SELECT action, actor FROM audit_entries WHERE subject = $1 ORDER BY position", f"stop/{stop_id}"
    )
    assert [tuple(row) for row in rows] == [("stop.set", "usr-1"), ("stop.ended", "usr-5")]


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize(
    ("wanted", "reason_code"),
    [
        ({"subject": "999"}, "stop_invalid"),
        ({"scope": "mapping", "subject": str(uuid4())}, "stop_invalid"),
        ({"scope": "customer", "subject": None}, "invalid_request"),
        ({"reason": " "}, "invalid_request"),
        ({"ends_at": "2020-01-01T00:00:00.000000Z"}, "stop_invalid"),
    ],
    ids=["no such cadence", "no such mapping", "no customer", "no reason", "an end that has passed"],
)
async def test_what_cannot_be_stopped_is_refused(api: Api, wanted: dict[str, Any], reason_code: str) -> None:
    refused(await stop(api, **wanted), 422, reason_code)
    assert await stopped(api) == []


@pytest.mark.usefixtures("scene")
async def test_neither_a_csm_nor_another_organization_stops_or_starts(api: Api) -> None:
    stop_id = (await stop(api)).json()["id"]
    refused(await stop(api, scope="customer", subject="cus-1", claims={"role": "csm"}), 403, "role_required")
    refused(await start(api, stop_id, role="csm"), 403, "role_required")
    refused(await start(api, stop_id, organization_id=FOREIGN), 404, "stop_unknown")
    refused(await start(api, UUID(int=7)), 404, "stop_unknown")
    path, foreign = f"{PATH}/{stop_id}", api.headers(organization_id=FOREIGN)
    refused(await api.http.get(path, headers=foreign), 404, "stop_unknown")
    assert await stopped(api, organization_id=FOREIGN) == []
    assert [one["id"] for one in await stopped(api)] == [stop_id]


@pytest.mark.usefixtures("scene")
async def test_a_stop_that_is_sent_again_under_its_key_is_one(api: Api) -> None:
    headers = api.headers() | {"idempotency-key": "once"}
    body = {"scope": "customer", "subject": "cus-1", "reason": "they asked for it"}
    first, again = [await api.http.post(PATH, json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), len(await stopped(api))) == (first.json(), 1)

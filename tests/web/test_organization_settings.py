"""An organization's settings over HTTP: looked at by everybody, changed by admins who have seen what they change."""

from typing import Any

import httpx
import pytest

from tests.web.stage import Api
from tests.web.test_connection import refused

PATH = "/api/salesloft/organization-settings"
CALM_NIGHTS: dict[str, Any] = {
    "time_zone": "Europe/Berlin",
    "quiet_hours": {"begins": "18:00:00", "ends": "08:00:00"},
}


async def shown(api: Api, path: str = PATH, **claims: Any) -> httpx.Response:
    answer = await api.http.get(path, headers=api.headers(**{"role": "viewer", **claims}))
    assert answer.status_code == 200, answer.text
    return answer


async def put(api: Api, settings: dict[str, Any], etag: str | None = "*", **claims: Any) -> httpx.Response:
    headers = api.headers(**claims) | ({"if-match": etag} if etag is not None else {})
    return await api.http.put(PATH, json=settings, headers=headers)


async def test_settings_are_changed_by_whoever_has_seen_them(api: Api) -> None:
    nothing = await shown(api)
    assert (nothing.json()["version"], nothing.json()["changed_by"], nothing.headers["etag"]) == (1, None, '"1"')
    assert nothing.json()["settings"]["time_zone"] == "UTC"
    answer = await put(api, CALM_NIGHTS, nothing.headers["etag"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    assert (answer.json()["version"], answer.json()["changed_by"]) == (2, "usr-1")
    assert answer.json()["settings"] == nothing.json()["settings"] | CALM_NIGHTS
    assert (await shown(api)).json() == answer.json()
    for seen in ('"1"', "1", '"9"', '"none"', '"99999999999999999999"'):
        refused(await put(api, {}, seen), 412, "changed_meanwhile")
    refused(await put(api, {}, None), 428, "if_match_required")
    assert (await shown(api)).json() == answer.json()


async def test_what_is_left_out_is_chosen_no_more(api: Api) -> None:
    await put(api, CALM_NIGHTS | {"working_days": ["monday"], "self_approval_allowed": True})
    answer = await put(api, {"time_zone": "Europe/Berlin"})
    told = answer.json()["settings"]
    assert (told["time_zone"], told["quiet_hours"], told["working_days"]) == ("Europe/Berlin", None, None)
    assert told["self_approval_allowed"] is False
    again = await put(api, {"time_zone": "Europe/Berlin"})
    assert again.json() == answer.json()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"time_zone": "Berlin"}, "body.time_zone"),
        ({"poll_interval_minutes": 1}, "body.poll_interval_minutes"),
        ({"working_days": ["someday"]}, "body.working_days.0"),
        ({"embedding_origins": ["https://*.example"]}, "body.embedding_origins.0"),
        ({"shoe_size": 43}, "body.shoe_size"),
        ({"quiet_hours": {"begins": "08:00", "ends": "08:00"}}, "body.quiet_hours"),
    ],
)
async def test_what_is_no_setting_is_refused_by_its_name(shared_api: Api, settings: dict[str, Any], field: str) -> None:
    problem = refused(await put(shared_api, settings), 422, "invalid_request")
    assert problem["errors"][0]["field"] == field
    assert (await shown(shared_api)).json()["version"] == 1


async def test_every_version_is_told_with_who_made_it(api: Api) -> None:
    await put(api, CALM_NIGHTS)
    await put(api, CALM_NIGHTS | {"poll_interval_minutes": 15}, sub="usr-2")
    await put(api, {"poll_interval_minutes": 15}, sub="usr-3")
    first = (await shown(api, f"{PATH}/history?limit=2")).json()
    assert [(one["version"], one["changed_by"]) for one in first["items"]] == [(4, "usr-3"), (3, "usr-2")]
    assert {"setting": "time_zone", "was": "Europe/Berlin", "is": "UTC"} in first["items"][0]["changes"]
    assert first["items"][1]["changes"] == [{"setting": "poll_interval_minutes", "was": None, "is": 15}]
    rest = (await shown(api, f"{PATH}/history?limit=2&cursor={first['next_cursor']}")).json()
    assert [(one["version"], one["changed_by"]) for one in rest["items"]] == [(2, "usr-1")]
    assert [one["setting"] for one in rest["items"][0]["changes"]] == ["quiet_hours", "time_zone"]
    assert rest["next_cursor"] is None


async def test_a_change_is_noted_with_who_made_it_and_on_which_request(api: Api) -> None:
    headers = api.headers() | {"if-match": "*", "x-correlation-id": "nights"}
    await api.http.put(PATH, json=CALM_NIGHTS, headers=headers)
    (noted,) = await api.fetch("SELECT action, subject, actor, way, correlation_id, detail FROM audit_entries")
    assert tuple(noted)[:5] == ("settings.changed", "settings/2", "usr-1", "api", "nights")


async def test_nobody_else_changes_them_and_no_other_organization_sees_them(api: Api) -> None:
    await put(api, CALM_NIGHTS)
    for role in ("viewer", "csm", "manager"):
        refused(await put(api, {}, role=role), 403, "role_required")
    another = await shown(api, organization_id="org-else")
    assert (another.json()["version"], another.json()["settings"]["time_zone"]) == (1, "UTC")
    assert (await shown(api, f"{PATH}/history", organization_id="org-else")).json()["items"] == []
    await put(api, {"time_zone": "Asia/Tokyo"}, organization_id="org-else")
    assert (await shown(api)).json()["settings"]["time_zone"] == "Europe/Berlin"

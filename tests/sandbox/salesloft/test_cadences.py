"""Cadences and their steps: exported, measured, made and changed as Salesloft's own pages would."""

from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam
from tests.sandbox.salesloft.test_memberships import add, read

DAY = 86_400


async def test_an_export_tells_the_steps_in_order_without_ids(team: OwnTeam, api: httpx.AsyncClient) -> None:
    cadence = team.cadence("Save")
    content = (await api.get(f"/cadence_exports/{cadence['id']}.json")).json()["data"]["cadence_content"]
    assert content["settings"]["name"] == "Save"
    assert content["settings"]["cadence_owner"] == team.told["users"][0]["email"]
    assert content["sharing_settings"] == {"team_cadence": True, "shared": True}
    groups = content["step_groups"]
    assert [(group["day"], group["steps"][0]["type"].lower(), group["automated"]) for group in groups] == [
        (step["day"], step["type"], step["automated"]) for step in cadence["steps"]
    ]
    timing = groups[2]["automated_settings"]
    assert {"delay_time", "time_of_day", "timezone_mode", "send_type"} <= timing.keys(), "keys of both modes"
    assert groups[0]["automated_settings"] is None
    assert all("id" not in group and "id" not in group["steps"][0] for group in groups)


async def test_statistics_count_what_happened_on_the_cadence(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    cadence = team.cadence("Welcome")
    await add(api, person["id"], cadence["id"])
    await simulator.advance(14 * DAY)
    email = (await api.get("/activities/emails")).json()["data"][0]
    await simulator.act(team.id, "view", email_id=email["id"], count=3)
    told = (await api.get(f"/cadence_stats/{cadence['id']}")).json()["data"]
    assert told == {
        "sent_emails_count": 3,
        "viewed_count": 1,
        "replied_count": 0,
        "calls_count": 1,
        "meetings_booked_count": 0,
        "people_acted_on_count": 1,
    }


async def test_a_cadence_of_ones_own_may_have_integration_steps_which_an_activity_completes(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.temper(team.id, reps_work=False)
    steps = [{"day": 1, "name": "Gift", "type": "integration"}, {"day": 2, "name": "Call", "type": "phone"}]
    made = await simulator.call("POST", f"teams/{team.id}/cadences", {"name": "Gifts", "steps": steps, "tags": ["x"]})
    assert (await api.get(f"/cadences/{made['id']}")).json()["data"]["tags"] == ["x"]
    added = await add(api, person["id"], made["id"])
    await simulator.advance(5)
    action = (await api.get("/actions")).json()["data"][0]
    ongoing = await api.post("/ongoing_actions", json={"action_id": action["id"]})
    assert ongoing.json()["data"]["status"] == "pending_activity"
    assert (await api.post("/ongoing_actions", json={"action_id": action["id"]})).status_code == 422
    assert (await api.get("/actions")).json()["data"] == [], "only what is in progress is listed"
    assert (await api.get(f"/actions/{action['id']}")).json()["data"]["status"] == "pending_activity"

    done = await api.post("/activities", json={"action_id": action["id"]})
    assert done.json()["data"].keys() == {"updated_at"}
    assert (await api.get(f"/actions/{action['id']}")).status_code == 404
    assert (await api.post("/activities", json={"action_id": action["id"]})).status_code == 422
    assert (await read(api, added["id"]))["step"]["id"] == made["steps"][1]["id"]
    phone = (await api.get("/actions")).json()["data"][0]
    assert (await api.post("/activities", json={"action_id": phone["id"]})).status_code == 422


async def test_a_restriction_passes_over_the_steps_that_wait_on_its_channel(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    cadence = team.cadence("Welcome")
    added = await add(api, person["id"], cadence["id"])
    await simulator.advance(5)
    assert (await read(api, added["id"]))["current_state"] == "scheduled"
    await api.put(f"/people/{person['id']}", json={"contact_restrictions": ["email"]})
    assert (await read(api, added["id"]))["step"]["id"] == cadence["steps"][1]["id"]
    assert [email["status"] for email in (await api.get("/activities/emails")).json()["data"]] == ["cancelled"]
    await simulator.advance(21 * DAY)
    told = await read(api, added["id"])
    assert (told["current_state"], told["counts"]["sent_emails"]) == ("completed", 0)


async def test_whoever_was_scheduled_or_passed_over_counts_as_acted_on_once(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    async def acted_on(name: str) -> int:
        told = (await api.get(f"/cadences/{team.cadence(name)['id']}")).json()["data"]
        return int(told["counts"]["people_acted_on_count"])

    await simulator.temper(team.id, reps_work=False)
    await add(api, person["id"], team.cadence("Welcome")["id"])
    await simulator.advance(5)
    assert await acted_on("Welcome") == 1, "an e-mail is scheduled"
    await simulator.advance(DAY)
    assert await acted_on("Welcome") == 1
    await add(api, person["id"], team.cadence("Save")["id"])
    await simulator.advance(5)
    assert await acted_on("Save") == 0, "a call waits"


async def test_a_cadence_comes_out_of_the_archive_and_can_be_deleted(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    cadence = team.cadence("Save")
    path = f"teams/{team.id}/cadences/{cadence['id']}"
    await simulator.call("POST", f"{path}/archive")
    sent = {"person_id": person["id"], "cadence_id": cadence["id"]}
    assert (await api.post("/cadence_memberships", json=sent)).status_code == 422
    await simulator.call("POST", f"{path}/restore")
    added = await add(api, **sent)
    await simulator.advance(5)
    await simulator.call("DELETE", path)
    assert (await api.get(f"/cadences/{cadence['id']}")).status_code == 404
    assert (await api.get(f"/steps/{cadence['steps'][0]['id']}")).status_code == 404
    assert (await read(api, added["id"]))["current_state"] == "removed_no_action"
    assert (await api.get("/steps?per_page=100")).status_code == 200


async def test_only_an_admin_changes_users(simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient) -> None:
    path = f"/users/{team.rep_id}"
    changed = (await api.put(path, json={"active": False, "role_id": "Admin", "work_country": "DE"})).json()["data"]
    assert (changed["active"], changed["team_admin"], changed["work_country"]) == (False, True, "DE")
    assert (await api.put(path, json={"role_id": "King"})).status_code == 422
    rep = team.told["users"][2]["id"]
    key = await simulator.call("POST", f"teams/{team.id}/tokens", {"kind": "api_key", "user_id": rep})
    refused = await api.put(path, json={"active": True}, headers={"authorization": f"Bearer {key['api_key']}"})
    assert refused.status_code == 403


@pytest.mark.parametrize("name", ["disposition", "sentiment"])
async def test_a_team_may_require_what_a_call_came_to(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any], name: str
) -> None:
    sent = {"person_id": person["id"]}
    assert (await api.post("/activities/calls", json=sent)).status_code == 200
    await simulator.switch(team.id, **{f"{name}s_required": True})
    assert (await api.get("/team")).json()["data"][f"{name}s_required"] is True
    assert (await api.post("/activities/calls", json=sent)).json() == {"errors": {name: ["is required"]}}

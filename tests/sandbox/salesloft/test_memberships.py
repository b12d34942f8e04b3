"""Cadence memberships: the states, the refusals, and the one record that is used again."""

from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam


async def add(api: httpx.AsyncClient, person_id: int, cadence_id: int, **more: Any) -> dict[str, Any]:
    answer = await api.post("/cadence_memberships", json={"person_id": person_id, "cadence_id": cadence_id, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()["data"]
    return told


async def read(api: httpx.AsyncClient, membership_id: int) -> dict[str, Any]:
    told: dict[str, Any] = (await api.get(f"/cadence_memberships/{membership_id}")).json()["data"]
    return told


@pytest.mark.parametrize("how", ["json", "form", "query"])
async def test_adding_answers_processing_in_every_spelling_of_the_request(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any], how: str
) -> None:
    sent = {"person_id": person["id"], "cadence_id": team.cadence("Save")["id"], "user_id": team.rep_id}
    by: dict[str, Any] = {"json": {"json": sent}, "form": {"data": sent}, "query": {"params": sent}}[how]
    told = (await api.post("/cadence_memberships", **by)).json()["data"]
    assert (told["current_state"], told["currently_on_cadence"]) == ("processing", True)
    assert told["user"]["id"] == team.rep_id
    assert told["latest_action"] is None


async def test_without_a_user_it_is_the_tokens_user(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    assert (await add(api, person["id"], team.cadence("Save")["id"]))["user"]["id"] == team.admin_id


async def test_processing_ends_after_its_delay_and_the_first_action_is_open(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.temper(team.id, reps_work=False)
    cadence = team.cadence("Save")
    added = await add(api, person["id"], cadence["id"])
    refused = await api.delete(f"/cadence_memberships/{added['id']}")
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["current_state"])
    await simulator.advance(2)
    told = await read(api, added["id"])
    assert (told["current_state"], told["step"]["id"]) == ("staged", cadence["steps"][0]["id"])
    action = (await api.get(f"/actions/{told['latest_action']['id']}")).json()["data"]
    assert (action["type"], action["status"], action["step"]["id"]) == ("phone", "in_progress", told["step"]["id"])
    assert action["due_on"].split("T")[1].startswith("00:00:00.000000")


async def test_processing_can_be_stuck_until_the_switch_is_turned_back(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.switch(team.id, processing_stuck=True)
    added = await add(api, person["id"], team.cadence("Save")["id"])
    await simulator.advance(7200)
    assert (await read(api, added["id"]))["current_state"] == "processing"
    await simulator.switch(team.id, processing_stuck=False)
    assert (await read(api, added["id"]))["current_state"] == "staged"


async def test_a_second_addition_is_refused_while_the_first_lasts(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    sent = {"person_id": person["id"], "cadence_id": team.cadence("Save")["id"]}
    await add(api, **sent)
    again = await api.post("/cadence_memberships", json=sent)
    assert again.status_code == 422
    assert again.json() == {"errors": {"cadence_id": ["is already in progress for this person"]}}


async def test_re_adding_uses_the_record_again_with_a_new_added_at(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.temper(team.id, reps_work=False)
    cadence = team.cadence("Save")
    first = await add(api, person["id"], cadence["id"])
    await simulator.advance(5)
    for _ in range(2):
        assert (await api.delete(f"/cadence_memberships/{first['id']}")).status_code == 204
    ended = await read(api, first["id"])
    assert (ended["current_state"], ended["currently_on_cadence"]) == ("removed_no_action", False)
    assert (await api.get("/actions")).json()["data"] == []

    start = cadence["steps"][3]
    again = await add(api, person["id"], cadence["id"], step_id=start["id"], user_id=team.rep_id)
    assert again["id"] == first["id"]
    assert again["added_at"] > first["added_at"]
    assert again["created_at"] == first["created_at"]
    assert again["step"]["id"] == start["id"]
    await simulator.advance(5)
    action = (await api.get("/actions")).json()["data"][0]
    assert (action["due"], action["step"]["id"]) == (True, start["id"])
    listed = (await api.get(f"/cadence_memberships?person_id={person['id']}")).json()["data"]
    assert len(listed) == 1
    assert (await api.get(f"/cadences/{cadence['id']}")).json()["data"]["counts"]["cadence_people"] == 1


async def test_what_an_earlier_stay_had_planned_does_not_touch_a_later_one(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    cadence_id = team.cadence("Save")["id"]
    added = await add(api, person["id"], cadence_id)
    await simulator.advance(1)
    for forbidden in (True, False):
        await api.put(f"/people/{person['id']}", json={"do_not_contact": forbidden})
    await add(api, person["id"], cadence_id)
    await simulator.advance(1)
    assert (await read(api, added["id"]))["current_state"] == "processing"
    await simulator.advance(1)
    assert (await read(api, added["id"]))["current_state"] == "staged"


async def test_a_start_step_can_be_made_to_wait_for_its_day(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.switch(team.id, start_step_due="on its day")
    cadence = team.cadence("Save")
    await add(api, person["id"], cadence["id"], step_id=cadence["steps"][4]["id"])
    await simulator.advance(5)
    assert (await api.get("/actions")).json()["data"][0]["due"] is False


async def test_removal_after_something_happened_is_removed(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.temper(team.id, reps_work=False)
    added = await add(api, person["id"], team.cadence("Save")["id"])
    await simulator.advance(5)
    await simulator.act(team.id, "complete_step", cadence_membership_id=added["id"])
    assert (await read(api, added["id"]))["current_state"] == "active"
    await api.delete(f"/cadence_memberships/{added['id']}")
    assert (await read(api, added["id"]))["current_state"] == "removed"


async def test_a_removal_cancels_the_email_that_was_queued(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    added = await add(api, person["id"], team.cadence("Welcome")["id"])
    await simulator.advance(2)
    assert (await read(api, added["id"]))["current_state"] == "scheduled"
    queued = (await api.get("/activities/emails")).json()["data"][0]
    assert (queued["status"], queued["sent_at"]) == ("scheduled", None)
    await api.delete(f"/cadence_memberships/{added['id']}")
    await simulator.advance(4 * 86400)
    cancelled = (await api.get(f"/activities/emails/{queued['id']}")).json()["data"]
    assert (cancelled["status"], cancelled["sent_at"]) == ("cancelled", None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Advocacy (draft)", "is not active"),
        ("Old onboarding", "is not active"),
        ("Personal follow-up", "is not owned by the provided user and is not a team cadence"),
    ],
)
async def test_a_cadence_that_takes_nobody_refuses(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any], name: str, message: str
) -> None:
    sent = {"person_id": person["id"], "cadence_id": team.cadence(name)["id"], "user_id": team.rep_id}
    refused = await api.post("/cadence_memberships", json=sent)
    assert (refused.status_code, refused.json()) == (422, {"errors": {"cadence_id": [message]}})


async def test_people_addable_tells_which_cadences_take_people(team: OwnTeam, api: httpx.AsyncClient) -> None:
    rows = (await api.get("/cadences?people_addable=true&per_page=100")).json()["data"]
    assert {row["name"] for row in rows} == {"Welcome", "Renewal 90", "Save", "Upsell", "Quarterly review"}


async def test_a_personal_cadence_without_a_user_is_its_owners(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    personal = team.cadence("Personal follow-up")
    assert (await add(api, person["id"], personal["id"]))["user"]["id"] == personal["owner_id"]


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        ({"cadence_id": "CADENCE"}, 422, "person_id"),
        ({"person_id": "PERSON"}, 422, "cadence_id"),
        ({"person_id": 1, "cadence_id": "CADENCE"}, 404, ""),
        ({"person_id": "PERSON", "cadence_id": 1}, 404, ""),
        ({"person_id": "PERSON", "cadence_id": "CADENCE", "step_id": "FOREIGN"}, 422, "step_id"),
        ({"person_id": "PERSON", "cadence_id": "CADENCE", "user_id": 1}, 422, "user_id"),
    ],
)
async def test_what_is_missing_or_foreign_is_refused(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any], sent: dict[str, Any], status: int, field: str
) -> None:
    known = {
        "PERSON": person["id"],
        "CADENCE": team.cadence("Save")["id"],
        "FOREIGN": team.cadence("Upsell")["steps"][0]["id"],
    }
    answer = await api.post(
        "/cadence_memberships", json={name: known.get(value, value) for name, value in sent.items()}
    )
    assert answer.status_code == status
    assert not field or list(answer.json()["errors"]) == [field]


async def test_do_not_contact_is_refused_and_removes_but_a_restriction_is_accepted(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    path = f"/people/{person['id']}"
    await api.put(path, json={"contact_restrictions": ["email"]})
    added = await add(api, person["id"], team.cadence("Welcome")["id"])
    await simulator.advance(5)
    told = await read(api, added["id"])
    assert told["step"]["id"] == team.cadence("Welcome")["steps"][1]["id"], "the e-mail step was not skipped"

    await api.put(path, json={"do_not_contact": True})
    assert (await read(api, added["id"]))["current_state"] == "removed_no_action"
    refused = await api.post(
        "/cadence_memberships", json={"person_id": person["id"], "cadence_id": team.cadence("Save")["id"]}
    )
    assert refused.json() == {"errors": {"person_id": ["has contact restrictions"]}}
    feed = (await api.get("/activity_histories?type[]=dnc_event")).json()["data"]
    assert [line["resource_id"] for line in feed] == [person["id"]]


async def test_a_reassignment_leaves_two_records_of_which_one_is_on_the_cadence(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    added = await add(api, person["id"], team.cadence("Save")["id"])
    await simulator.advance(5)
    await simulator.call(
        "POST", f"teams/{team.id}/cadence_memberships/{added['id']}/reassign", {"user_id": team.rep_id}
    )
    rows = (await api.get(f"/cadence_memberships?person_id={person['id']}&sort_direction=ASC")).json()["data"]
    by_state = {row["current_state"]: row for row in rows}
    assert set(by_state) == {"reassigned", "staged"}
    assert by_state["reassigned"]["currently_on_cadence"] is False
    assert by_state["staged"]["user"]["id"] == team.rep_id


async def test_archiving_a_cadence_archives_its_memberships(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    cadence = team.cadence("Save")
    added = await add(api, person["id"], cadence["id"])
    await simulator.call("POST", f"teams/{team.id}/cadences/{cadence['id']}/archive")
    told = await read(api, added["id"])
    assert (told["current_state"], told["currently_on_cadence"]) == ("archived", False)
    shown = (await api.get(f"/cadences/{cadence['id']}")).json()["data"]
    assert (shown["archived"], shown["current_state"]) == (True, "archived")


async def test_who_is_on_a_cadence_can_be_asked_in_both_directions(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    cadence = team.cadence("Save")
    added = await add(api, person["id"], cadence["id"])
    people = (await api.get(f"/people?cadence_id[]={cadence['id']}")).json()["data"]
    assert [row["id"] for row in people] == [person["id"]]
    assert [one["id"] for one in people[0]["cadences"]] == [cadence["id"]]
    on = (await api.get(f"/cadence_memberships?cadence_id={cadence['id']}&currently_on_cadence=true")).json()["data"]
    assert [row["id"] for row in on] == [added["id"]]
    assert (await api.get("/cadence_memberships?currently_on_cadence=false")).json()["data"] == []

"""People, accounts and upserts."""

from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam


async def test_a_person_needs_an_address_or_a_phone_with_a_last_name(api: httpx.AsyncClient) -> None:
    refused = await api.post("/people", json={"first_name": "Pat", "phone": "1"})
    assert (refused.status_code, refused.json()) == (422, {"errors": {"email_address": ["is required"]}})
    assert (await api.post("/people", json={"phone": "1", "last_name": "Lee"})).status_code == 200


async def test_creating_never_upserts_and_addresses_compare_without_case(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    again = {"email_address": "pat@example.COM"}
    refused = await api.post("/people", json=again)
    assert (refused.status_code, refused.json()) == (422, {"errors": {"email_address": ["has already been taken"]}})
    await simulator.switch(team.id, intentional_duplicates=True, created_status=201)
    assert (await api.post("/people", json=again)).status_code == 201
    several = await api.post("/person_upserts", json={**again, "upsert_key": "email_address"})
    assert several.status_code == 422


@pytest.mark.parametrize("how", ["json", "form", "query"])
async def test_an_upsert_creates_then_updates_however_it_is_sent(api: httpx.AsyncClient, how: str) -> None:
    async def upsert(**values: str) -> dict[str, Any]:
        sent = {"upsert_key": "email_address", "email_address": "ada@example.com", **values}
        by: dict[str, Any] = {"json": {"json": sent}, "form": {"data": sent}, "query": {"params": sent}}[how]
        answer = await api.post("/person_upserts", **by)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    created = await upsert(first_name="Ada", title="CTO")
    assert created["upsert_type"] == "create"
    updated = await upsert(first_name="Ada M.")
    assert updated["upsert_type"] == "update"
    assert updated["person"]["id"] == created["person"]["id"]
    assert (updated["person"]["first_name"], updated["person"]["title"]) == ("Ada M.", "CTO")


async def test_an_upsert_by_id_changes_the_address_of_the_same_person(
    api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    sent = {"upsert_key": "id", "id": str(person["id"]), "email_address": "new@example.com"}
    told = (await api.post("/person_upserts", json=sent)).json()["data"]
    assert (told["upsert_type"], told["person"]["id"]) == ("update", person["id"])
    assert told["person"]["email_address"] == "new@example.com"


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        ({"upsert_key": "colour"}, 422, "upsert_key"),
        ({"upsert_key": "crm_id"}, 422, "crm_id"),
        ({"upsert_key": "email_address", "email_address": "pat@example.com", "id": 1}, 422, "id"),
        ({"upsert_key": "id", "id": 1}, 404, ""),
        ({"email_address": "pat@example.com"}, 422, "email_address"),
    ],
)
async def test_an_upsert_that_contradicts_itself_fails(
    api: httpx.AsyncClient, person: dict[str, Any], sent: dict[str, Any], status: int, field: str
) -> None:
    answer = await api.post("/person_upserts", json=sent)
    assert answer.status_code == status
    assert not field or list(answer.json()["errors"]) == [field]


async def test_only_a_change_moves_updated_at(
    simulator: SimulatorClient, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await simulator.advance(1)
    same = (await api.put(f"/people/{person['id']}", json={"first_name": "Pat"})).json()["data"]
    assert same["updated_at"] == person["updated_at"]
    other = (await api.put(f"/people/{person['id']}", json={"first_name": "Patricia"})).json()["data"]
    assert other["updated_at"] > person["updated_at"]


async def test_tags_are_replaced_and_custom_fields_merged_unless_switched(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    path = f"/people/{person['id']}"
    await api.put(path, json={"tags": ["a"], "custom_fields": {"One": "1"}})
    told = (await api.put(path, json={"tags": ["b"], "custom_fields": {"Two": "2"}})).json()["data"]
    assert (told["tags"], told["custom_fields"]) == (["b"], {"One": "1", "Two": "2"})
    await simulator.switch(team.id, tags="merge", custom_fields="replace")
    told = (await api.put(path, json={"tags": ["c"], "custom_fields": {"Three": "3"}})).json()["data"]
    assert (told["tags"], told["custom_fields"]) == (["b", "c"], {"Three": "3"})


async def test_deleting_is_repeatable_and_leaves_the_memberships(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any], simulator: SimulatorClient
) -> None:
    added = await api.post(
        "/cadence_memberships", json={"person_id": person["id"], "cadence_id": team.cadence("Save")["id"]}
    )
    for _ in range(2):
        assert (await api.delete(f"/people/{person['id']}")).status_code == 204
    assert (await api.get(f"/people/{person['id']}")).status_code == 404
    left = (await api.get(f"/cadence_memberships/{added.json()['data']['id']}")).json()["data"]
    assert (left["person_deleted"], left["current_state"]) == (True, "removed_no_action")


async def test_an_account_needs_name_and_domain_in_every_write(api: httpx.AsyncClient) -> None:
    sent = {"name": "Acme", "domain": "acme.example"}
    assert (await api.post("/accounts", json={})).json() == {
        "errors": {"name": ["is required"], "domain": ["is required"]}
    }
    account = (await api.post("/accounts", json=sent)).json()["data"]
    assert (await api.post("/accounts", json=sent)).json()["errors"] == {"domain": ["has already been taken"]}
    assert (await api.put(f"/accounts/{account['id']}", json={"name": "Acme"})).status_code == 422
    told = (await api.post("/account_upserts", json={**sent, "industry": "Paper", "upsert_key": "domain"})).json()
    assert (told["data"]["upsert_type"], told["data"]["account"]["id"]) == ("update", account["id"])


async def test_an_account_not_to_contact_stops_everyone_there(
    team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any], simulator: SimulatorClient
) -> None:
    sent = {"name": "Acme", "domain": "acme.example"}
    account = (await api.post("/accounts", json=sent)).json()["data"]
    await api.put(f"/people/{person['id']}", json={"account_id": account["id"]})
    assert (await api.get(f"/accounts/{account['id']}")).json()["data"]["counts"] == {"people": 1}
    addition = {"person_id": person["id"], "cadence_id": team.cadence("Save")["id"]}
    added = (await api.post("/cadence_memberships", json=addition)).json()["data"]
    await api.put(f"/accounts/{account['id']}", json={**sent, "do_not_contact": True})
    assert (await api.get(f"/cadence_memberships/{added['id']}")).json()["data"]["currently_on_cadence"] is False
    assert (await api.post("/cadence_memberships", json=addition)).status_code == 422


async def test_a_body_that_is_not_json_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post("/people", content=b"{oops", headers={"content-type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(("path", "kind"), [("/people", "person"), ("/accounts", "account")])
async def test_an_id_in_the_crm_wants_its_own_scope(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, path: str, kind: str
) -> None:
    sent = {"email_address": "ada@example.com", "name": "Acme", "domain": "acme.example"}
    made = (await api.post(path, json=sent)).json()["data"]
    assert (await api.post(path, json={**sent, "crm_id": "003000000000000AAA"})).status_code == 403
    assert (await api.put(f"{path}/{made['id']}", json={**sent, "crm_id": "003000000000000AAA"})).status_code == 403
    scopes = f"people:write accounts:write crm_id_{kind}:write"
    key = await simulator.call("POST", f"teams/{team.id}/tokens", {"kind": "api_key", "scopes": scopes})
    allowed = {"authorization": f"Bearer {key['api_key']}"}
    told = await api.put(f"{path}/{made['id']}", json={**sent, "crm_id": "003000000000000AAA"}, headers=allowed)
    assert told.json()["data"]["crm_id"] == "003000000000000AAA"
    assert (await api.put(f"{path}/{made['id']}", json={**sent, "crm_id": "003000000000000AAA"})).status_code == 200

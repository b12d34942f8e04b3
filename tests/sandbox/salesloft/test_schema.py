"""Rows have what Salesloft's own OpenAPI document names, each of its type or null, and lists know its parameters."""

import re
from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam
from tests.sandbox.salesloft.published import ADDED, differences, document
from tests.sandbox.salesloft.test_memberships import add

LISTS = {
    "Account": "/accounts",
    "Action": "/actions",
    "ActivityHistory": "/activity_histories",
    "Cadence": "/cadences",
    "CadenceMembership": "/cadence_memberships",
    "Call": "/activities/calls",
    "Email": "/activities/emails",
    "Person": "/people",
    "Step": "/steps",
    "User": "/users",
}
# Parameters of lists that filter nothing, or not for everybody.
NO_FILTERS = {"page", "per_page", "sort_by", "sort_direction", "include_paging_counts", "limit_paging_counts"} | {
    "scoped_fields",  # chooses fields
    "_query",  # Salesloft's own use only
    "_resource",  # Salesloft's own use only
}


@pytest.fixture
async def lived(simulator: SimulatorClient) -> tuple[OwnTeam, dict[str, str]]:
    """A team with a past, in which every kind of row has come about."""
    told = await simulator.team("Lived in", people=60, accounts=5, history_weeks=6)
    return OwnTeam(id=told["team_id"], told=told), {"authorization": f"Bearer {told['api_key']}"}


@pytest.fixture
async def rows(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    """Rows of every kind that is listed, sparse ones among them."""
    account = (await api.post("/accounts", json={"name": "Acme", "domain": "acme.example"})).json()["data"]
    await api.put(f"/people/{person['id']}", json={"account_id": account["id"]})
    await add(api, person["id"], team.cadence("Welcome")["id"])
    await simulator.advance(14 * 86_400)
    other = (await api.post("/people", json={"email_address": "other@example.com"})).json()["data"]
    await add(api, other["id"], team.cadence("Save")["id"])
    await simulator.advance(5)
    return {name: (await api.get(path)).json()["data"] for name, path in LISTS.items()}


async def test_rows_of_a_team_with_a_past_match_the_published_document(
    simulator: SimulatorClient, lived: tuple[OwnTeam, dict[str, str]]
) -> None:
    _, headers = lived
    async with httpx.AsyncClient(base_url=f"{simulator.base_url}/v2", headers=headers, timeout=20) as api:
        found = {name: (await api.get(path, params={"per_page": 100})).json()["data"] for name, path in LISTS.items()}
    assert all(found.values()), {name: len(some) for name, some in found.items()}
    assert {one for kind, some in found.items() for row in some for one in differences(kind, row)} == set()


async def test_what_single_calls_answer_matches_the_published_document(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, rows: dict[str, list[dict[str, Any]]]
) -> None:
    async def data(method: str, path: str, **sent: Any) -> Any:
        answer = await api.request(method, path, json=sent or None)
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == {"data"}
        return answer.json()["data"]

    for kind, path in LISTS.items():
        if kind != "ActivityHistory":
            assert differences(kind, await data("GET", f"{path}/{rows[kind][0]['id']}")) == []
    upsert = {"upsert_key": "domain", "name": "Globex", "domain": "globex.example"}
    assert differences("AccountUpsert", await data("POST", "/account_upserts", **upsert)) == []
    upsert = {"upsert_key": "email_address", "email_address": "new@example.com"}
    assert differences("PersonUpsert", await data("POST", "/person_upserts", **upsert)) == []
    assert differences("User", await data("GET", "/me")) == []
    assert differences("Team", await data("GET", "/team")) == []
    exported = await data("GET", f"/cadence_exports/{team.cadence('Welcome')['id']}")
    assert differences("CadenceExport", exported) == []
    hook = {"callback_url": "https://hooks.example/in", "callback_token": "t", "event_type": "person_created"}
    assert differences("Subscription", await data("POST", "/webhook_subscriptions", **hook)) == []

    job = await data("POST", "/bulk_jobs", type="person/upsert")
    assert differences("BulkJob", job) == []
    people = [{"upsert_key": "email_address", "email_address": "bulk@example.com"}, {"upsert_key": "email_address"}]
    sent = await data("POST", f"/bulk_jobs/{job['id']}/job_data", data=people)
    assert differences("JobDataCreationResult", sent) == []
    assert differences("BulkJob", await data("PUT", f"/bulk_jobs/{job['id']}", ready_to_execute=True)) == []
    await simulator.advance(60)
    assert differences("BulkJob", await data("GET", f"/bulk_jobs/{job['id']}")) == []
    for kind, path in (("JobData", "job_data"), ("BulkJobResult", "results")):
        some = (await api.get(f"/bulk_jobs/{job['id']}/{path}")).json()["data"]
        assert len(some) == 2
        assert [one for row in some for one in differences(kind, row)] == []


def test_every_addition_is_one(rows: dict[str, list[dict[str, Any]]]) -> None:
    """An exception that no row needs would hide the next mistake."""
    for kind, added in ADDED.items():
        assert added.keys() <= rows[kind][0].keys()
        assert not added.keys() & document()["components"]["schemas"][kind]["properties"].keys()


async def test_newer_fields_can_be_left_out(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, rows: dict[str, list[dict[str, Any]]]
) -> None:
    await simulator.switch(team.id, schema=2023)
    for kind, path in LISTS.items():
        row = (await api.get(path)).json()["data"][0]
        assert row.keys() == rows[kind][0].keys() - ADDED.get(kind, {}).keys()
        assert differences(kind, row) == []


async def test_embeds_link_only_where_an_endpoint_exists(rows: dict[str, list[dict[str, Any]]]) -> None:
    email = rows["Email"][0]
    assert email["recipient"]["_href"] == f"https://api.salesloft.com/v2/people/{email['recipient']['id']}"
    assert set(email["mailing"]) == set(email["action"]) == {"id"}
    assert all(set(row["latest_action"] or {"id": 0}) == {"id"} for row in rows["CadenceMembership"])


def _spelled(parameter: dict[str, Any]) -> tuple[str, str]:
    """A parameter as it would be sent, with a value that means something."""
    name, described = parameter["name"], parameter.get("description", "")
    if '"gt"' in described:
        return (f"{name}[gt]", "7") if name == "id" else (f"{name}[gt]", "2026-01-01T00:00:00.000000Z")
    if name in {"custom_fields", "user_relationships"}:
        return f"{name}[Name]", "value"
    kind = parameter["schema"].get("type")
    numeric = kind == "integer" or parameter["schema"].get("items", {}).get("type") == "integer"
    return name, "true" if kind == "boolean" or "'true'" in described else "1" if numeric else "12345"


@pytest.mark.parametrize("path", LISTS.values())
async def test_a_list_knows_every_filter_and_every_order_of_the_published_document(
    api: httpx.AsyncClient, path: str
) -> None:
    """A known filter is echoed; one that is not would be ignored in silence and give everything."""
    paths = document()["paths"]
    described = paths.get(f"/v2{path}.json", paths.get(f"/v2{path}"))["get"]["parameters"]
    for parameter in described:
        if parameter["name"] not in NO_FILTERS:
            spelled, value = _spelled(parameter)
            answer = await api.get(path, params={spelled: value})
            assert answer.status_code == 200, (spelled, answer.text)
            assert parameter["name"] in answer.json()["metadata"]["filtering"], spelled
    orders = next(one["description"] for one in described if one["name"] == "sort_by")
    names, default = re.fullmatch(r".*must be one of: (.*)\. Defaults to (\w+)\n?", orders, re.DOTALL).groups()  # type: ignore[union-attr]
    assert (await api.get(path)).json()["metadata"]["sorting"]["sort_by"] == default
    for name in names.split(", "):
        answer = await api.get(path, params={"sort_by": name})
        assert answer.json()["metadata"]["sorting"]["sort_by"] == name, answer.text


@pytest.mark.parametrize("path", LISTS.values())
async def test_a_list_comes_in_one_envelope(api: httpx.AsyncClient, path: str) -> None:
    told = (await api.get(path, params={"page": 1})).json()
    assert told.keys() == {"metadata", "data"}
    assert told["metadata"].keys() == {"filtering", "paging", "sorting"}
    assert told["metadata"]["paging"].keys() == {"per_page", "current_page", "next_page", "prev_page"}
    assert told["metadata"]["sorting"].keys() == {"sort_by", "sort_direction"}


@pytest.mark.parametrize("path", ["/bulk_jobs", "/users"])
async def test_the_lists_without_pages_say_nothing_of_pages(api: httpx.AsyncClient, path: str) -> None:
    """Bulk jobs are read on by `id[gt]`; users come all at once unless a page is asked for."""
    assert (await api.get(path)).json()["metadata"].keys() == {"filtering", "sorting"}


async def test_subscriptions_are_listed_without_metadata(api: httpx.AsyncClient) -> None:
    assert (await api.get("/webhook_subscriptions")).json() == {"data": []}

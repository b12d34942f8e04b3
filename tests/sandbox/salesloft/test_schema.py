"""Rows have what Salesloft's own OpenAPI document names, each of its type or null."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam
from tests.sandbox.salesloft.test_memberships import add

ROOT = Path(__file__).parents[3]
OPENAPI = Path(os.environ.get("CSCX_SALESLOFT_OPENAPI", ROOT.parent / "shared" / "salesloft" / "openapi.yaml"))

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}
# Where Salesloft's recorded answers contradict its own document, the answers count.
RECORDED_OTHERWISE = {
    ("ActivityHistory", "id"): (str,),
    ("ActivityHistory", "resource_type"): (str,),
    ("ActivityHistory", "failed_dynamic_resources"): (list,),
    ("User", "role"): (dict,),
}
LATER = {
    "Cadence": {"archived", "current_state", "override_contact_restrictions", "latest_active_date"},
    "CadenceMembership": {"step"},
    "Call": {"positive", "connected"},
    "Person": {"job_function", "hot_lead", "external_source"},
}


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    if not OPENAPI.exists():
        pytest.skip("Salesloft's OpenAPI document is not here")
    loaded: dict[str, Any] = yaml.load(OPENAPI.read_text(), Loader=yaml.CSafeLoader)["components"]["schemas"]
    return loaded


@pytest.fixture
async def rows(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    account = (await api.post("/accounts", json={"name": "Acme", "domain": "acme.example"})).json()["data"]
    await api.put(f"/people/{person['id']}", json={"account_id": account["id"]})
    await add(api, person["id"], team.cadence("Welcome")["id"])
    await simulator.advance(14 * 86_400)
    other = (await api.post("/people", json={"email_address": "other@example.com"})).json()["data"]
    await add(api, other["id"], team.cadence("Save")["id"])
    await simulator.advance(5)
    paths = {
        "User": "/users",
        "Cadence": "/cadences",
        "Step": "/steps",
        "Person": "/people",
        "Account": "/accounts",
        "CadenceMembership": "/cadence_memberships",
        "Action": "/actions",
        "Email": "/activities/emails",
        "Call": "/activities/calls",
        "ActivityHistory": "/activity_histories",
    }
    found = {name: (await api.get(path)).json()["data"] for name, path in paths.items()}
    return {**found, "Team": [(await api.get("/team")).json()["data"]]}


def faults_of(kind: str, row: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """What is missing or of the wrong type, as sentences."""
    found = []
    for name, described in schemas[kind]["properties"].items():
        if name not in row:
            found.append(f"{kind}.{name} is missing")
            continue
        value = row[name]
        if value is None:
            continue
        if "$ref" in described:
            inner = described["$ref"].rpartition("/")[2]
            if inner == "EmbeddedResource":
                found += [] if isinstance(value, dict) and "id" in value else [f"{kind}.{name} is no embed"]
            else:
                found += faults_of(inner, value, schemas)
        else:
            allowed = RECORDED_OTHERWISE.get((kind, name), TYPES[described["type"]])
            is_flag = isinstance(value, bool) and bool not in allowed
            if not isinstance(value, allowed) or is_flag:
                found.append(f"{kind}.{name} is {value!r}")
    return found


async def test_rows_match_the_published_document(
    rows: dict[str, list[dict[str, Any]]], schemas: dict[str, Any]
) -> None:
    assert all(rows.values()), {name: len(found) for name, found in rows.items()}
    assert [fault for kind, found in rows.items() for row in found for fault in faults_of(kind, row, schemas)] == []


async def test_newer_fields_can_be_left_out(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, rows: dict[str, list[dict[str, Any]]]
) -> None:
    assert all(later <= rows[kind][0].keys() for kind, later in LATER.items())
    await simulator.switch(team.id, schema=2023)
    cadence = (await api.get("/cadences")).json()["data"][0]
    membership = (await api.get("/cadence_memberships")).json()["data"][0]
    call = (await api.get("/activities/calls")).json()["data"][0]
    person = (await api.get("/people")).json()["data"][0]
    for row, kind in ((cadence, "Cadence"), (membership, "CadenceMembership"), (call, "Call"), (person, "Person")):
        assert not LATER[kind] & row.keys()


async def test_embeds_link_only_where_an_endpoint_exists(rows: dict[str, list[dict[str, Any]]]) -> None:
    email = rows["Email"][0]
    assert email["recipient"]["_href"] == f"https://api.salesloft.com/v2/people/{email['recipient']['id']}"
    assert set(email["mailing"]) == set(email["action"]) == {"id"}
    assert all(set(row["latest_action"] or {"id": 0}) == {"id"} for row in rows["CadenceMembership"])

"""Clients that others wrote work unchanged but for the base address.

Each test makes the requests of one public client, in its spelling and with its way to go on, and gets all rows:
Airbyte's connector 1.2.24, a Singer tap, Salesloft's own sample pollers, Supaglue's client, a generated SDK. The first
of these has been run as it is against the simulator; what it asked for is what is asked here.
"""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam
from tests.sandbox.salesloft.test_memberships import add

STREAMS = ("people", "cadence_memberships", "activities/emails", "cadences", "steps", "users")
CURSORS = ("people", "cadence_memberships", "activities/emails", "cadences", "accounts", "activities/calls")
SINCE = "2020-01-01T00:00:00.000000Z"


@pytest.fixture(scope="module")
async def lived(simulator: SimulatorClient) -> OwnTeam:
    """One team for all of them, with room in its minute, for the clock stands still."""
    told = await simulator.team(
        "Read by others", people=130, accounts=12, history_weeks=8, switches={"cost_per_minute": 100_000}
    )
    return OwnTeam(id=told["team_id"], told=told)


@pytest.fixture
async def foreign(simulator: SimulatorClient, lived: OwnTeam) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {lived.told['api_key']}"}
    async with httpx.AsyncClient(base_url=f"{simulator.base_url}/v2", headers=headers, timeout=20) as client:
        yield client


async def ids_of(api: httpx.AsyncClient, path: str) -> set[int]:
    """Every id of a list, counted by the list itself."""
    found: set[int] = set()
    paging: dict[str, Any] = {"next_page": 1}
    while paging["next_page"] is not None:
        query = {"per_page": "100", "page": str(paging["next_page"]), "include_paging_counts": "true"}
        told = (await api.get(f"/{path}", params=query)).json()
        found |= {row["id"] for row in told["data"]}
        paging = told["metadata"]["paging"]
    assert len(found) == paging["total_count"] > 0
    return found


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("people", {"created_at[gt]": SINCE, "updated_at[gt]": SINCE}),
        ("cadence_memberships", {"created_at[gt]": SINCE, "updated_at[gt]": SINCE}),
        ("accounts", {"created_at[gt]": SINCE, "updated_at[gt]": SINCE}),
        ("activities/calls", {"created_at[gt]": SINCE, "updated_at[gt]": SINCE}),
        ("cadences", {"updated_at[gt]": SINCE}),
        ("actions", {"updated_at[gt]": SINCE}),
        ("steps", {}),
        ("users", {}),
    ],
)
async def test_airbyte_reads_a_stream_page_by_page_until_no_next_page_is_named(
    foreign: httpx.AsyncClient, path: str, sent: dict[str, str]
) -> None:
    read: list[int] = []
    page: int | None = None
    while True:
        query = {"per_page": "100", **sent} if page is None else {"per_page": "100", "page": str(page), **sent}
        told = (await foreign.get(f"/{path}", params=query)).json()
        read += [row["id"] for row in told["data"]]
        page = told["metadata"].get("paging", {}).get("next_page")
        if page is None:
            break
    assert len(read) == len(set(read))
    assert set(read) == await ids_of(foreign, path)


async def test_airbyte_reads_only_emails_that_were_sent(
    simulator: SimulatorClient, team: OwnTeam, lived: OwnTeam, foreign: httpx.AsyncClient
) -> None:
    """On a Monday in working hours, to which `team` has moved the clock, a new person's first e-mail waits."""
    made = (await foreign.post("/people", json={"email_address": "queued@new.example"})).json()["data"]
    await add(foreign, made["id"], lived.cadence("Welcome")["id"])
    await simulator.advance(3)
    query = {"per_page": "100", "sent_at[gt]": SINCE, "updated_at[gt]": SINCE, "include_paging_counts": "true"}
    told = (await foreign.get("/activities/emails", params=query)).json()
    assert all(row["sent_at"] for row in told["data"])
    assert 0 < told["metadata"]["paging"]["total_count"] < len(await ids_of(foreign, "activities/emails"))


@pytest.mark.parametrize("path", CURSORS)
async def test_a_singer_tap_follows_updated_at_and_paces_itself_by_the_headers(
    foreign: httpx.AsyncClient, path: str
) -> None:
    read: set[int] = set()
    bookmark, more = datetime(2020, 1, 1, tzinfo=UTC).isoformat(), True
    while more:
        query = {"per_page": "30", "sort_direction": "asc", "sort_by": "updated_at", "updated_at[gt]": bookmark}
        answer = await foreign.get(f"/{path}", params=query)
        seconds = re.findall("[0-9]{2}:[0-9]{2}:([0-9]{2})", answer.headers["Date"])
        assert 0 <= int(seconds[0]) < 60
        assert int(answer.headers["x-ratelimit-endpoint-cost"]) == 1
        assert int(answer.headers["x-ratelimit-remaining-minute"]) > 0
        told = answer.json()
        read |= {row["id"] for row in told["data"]}
        more = told["metadata"]["paging"]["next_page"] is not None
        bookmark = max((row["updated_at"] for row in told["data"]), key=datetime.fromisoformat)
    assert read == await ids_of(foreign, path)


async def test_salesloft_s_own_sample_poller_spells_its_query_by_hand(foreign: httpx.AsyncClient) -> None:
    """It names the order `sort`, which is no parameter, and puts the last row's timestamp into the address as it is."""
    read: list[int] = []
    cursor = "2020-01-01T00:00:00.000000"
    while True:
        answer = await foreign.get(f"/people?per_page=50&sort=updated_at&sort_direction=ASC&updated_at[gt]={cursor}")
        rows = answer.json()["data"]
        if not rows:
            break
        read += [row["id"] for row in rows]
        cursor = rows[-1]["updated_at"]
    assert set(read) == await ids_of(foreign, "people")


@pytest.mark.parametrize("path", STREAMS)
async def test_a_generated_client_asks_with_the_suffix_and_joined_arrays(foreign: httpx.AsyncClient, path: str) -> None:
    two = sorted(await ids_of(foreign, path))[:2]
    told = (await foreign.get(f"/{path}.json", params={"ids": ",".join(map(str, two))})).json()
    assert sorted(row["id"] for row in told["data"]) == two
    one = (await foreign.get(f"/{path}/{two[0]}.json")).json()
    assert one["data"]["id"] == two[0]


async def test_supaglue_refreshes_with_json_counts_steps_and_enrolls_by_text_ids(
    simulator: SimulatorClient, lived: OwnTeam
) -> None:
    async with httpx.AsyncClient(base_url=simulator.base_url, timeout=20) as client:
        sent = {
            "client_id": lived.told["client_id"],
            "client_secret": lived.told["client_secret"],
            "grant_type": "refresh_token",
            "refresh_token": lived.told["tokens"]["refresh_token"],
        }
        pair = (await client.post("/oauth/token", json=sent)).json()
        assert {"access_token", "refresh_token", "expires_in"} <= pair.keys()
        client.headers["authorization"] = f"Bearer {pair['access_token']}"
        cadence = lived.cadence("Upsell")
        steps = await client.get(f"/v2/steps?cadence_id={cadence['id']}&include_paging_counts=1")
        assert steps.json()["metadata"]["paging"]["total_count"] == len(cadence["steps"])

        made = await client.post("/v2/people", json={"email_address": "pat@new.example", "last_name": "Lee"})
        person_id = str(made.json()["data"]["id"])
        found = await client.get("/v2/people", params={"per_page": "100", "email_addresses[]": "pat@new.example"})
        assert [str(row["id"]) for row in found.json()["data"]] == [person_id]
        enrolled: dict[str, Any] = {"person_id": person_id, "cadence_id": str(cadence["id"])}
        membership = (await client.post("/v2/cadence_memberships", json=enrolled)).json()["data"]
        query = {"per_page": "100", **enrolled}
        listed = (await client.get("/v2/cadence_memberships", params=query)).json()["data"]
        assert [row["id"] for row in listed] == [membership["id"]]

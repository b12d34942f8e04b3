"""Failures on demand, and the journal that tells what they did not undo."""

import time
from datetime import datetime
from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam

ADDRESS = {"email_address": "ada@example.com"}


async def written(simulator: SimulatorClient, team: OwnTeam) -> list[tuple[str, bool]]:
    return [(entry["resource"], entry["answered"]) for entry in await simulator.writes(team.id)]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_status_comes_instead_of_the_effect_as_often_as_asked(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, status: int
) -> None:
    await simulator.add_fault(team_id=team.id, kind="status", status=status, method="POST", path="/v2/people", count=2)
    assert (await api.get("/people")).status_code == 200
    assert [(await api.post("/people", json=ADDRESS)).status_code for _ in range(3)] == [status, status, 200]
    assert await written(simulator, team) == [("people", True)]


async def test_an_error_can_come_after_the_write_took_effect(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.add_fault(team_id=team.id, kind="status_after_write", path="/v2/people", method="POST", count=1)
    assert (await api.post("/people", json=ADDRESS)).status_code == 500
    assert await written(simulator, team) == [("people", False)]
    assert (await api.post("/people", json=ADDRESS)).status_code == 422


@pytest.mark.parametrize(("kind", "effects"), [("reset", 0), ("reset_after_write", 1), ("reset_mid_body", 1)])
async def test_a_connection_can_be_cut_before_and_after_the_write(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, kind: str, effects: int
) -> None:
    await simulator.add_fault(team_id=team.id, kind=kind, path="/v2/people", method="POST", count=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await api.post("/people", json=ADDRESS)
    assert await written(simulator, team) == [("people", False)] * effects


async def test_a_request_can_hang_until_the_caller_gives_up(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.add_fault(team_id=team.id, kind="hang_after_write", path="/v2/people", method="POST", count=1)
    with pytest.raises(httpx.ReadTimeout):
        await api.post("/people", json=ADDRESS, timeout=0.2)
    assert await written(simulator, team) == [("people", False)]


async def test_a_hanging_request_ends_with_its_connection(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.add_fault(team_id=team.id, kind="hang", seconds=0.05, count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await api.get("/me")


async def test_answers_can_be_slow(simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient) -> None:
    await simulator.add_fault(team_id=team.id, kind="latency", milliseconds=150, path="/v2/me")
    started = time.monotonic()
    assert (await api.get("/me")).status_code == 200
    assert time.monotonic() - started >= 0.15


async def test_records_can_be_left_out_and_shown_broken(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    made = [(await api.post("/people", json={"email_address": f"p{n}@example.com"})).json()["data"] for n in range(3)]
    ids = [person["id"] for person in made]
    of_people = {"team_id": team.id, "path": "/v2/people", "method": "GET"}
    await simulator.add_fault(**of_people, kind="omit", records=ids[:1])
    await simulator.add_fault(**of_people, kind="spoil", records=ids[1:2], fields={"counts": {"calls": -1}, "id": None})
    shown = (await api.get("/people", params={"ids": ids, "sort_direction": "ASC"})).json()["data"]
    assert [person["id"] for person in shown] == [None, ids[2]]
    assert (shown[0]["counts"]["calls"], shown[0]["email_address"]) == (-1, "p1@example.com")
    assert "emails_sent" in shown[0]["counts"]
    assert [(await api.get(f"/people/{one}")).status_code for one in ids] == [404, 200, 200]
    await simulator.clear_faults(team.id)
    assert {person["id"] for person in (await api.get("/people", params={"ids": ids})).json()["data"]} == set(ids)


async def test_faults_are_listed_skipped_and_cleared_by_team(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.add_fault(team_id=team.id, kind="html_404", path="/v2/me", skip=1)
    answers = [await api.get("/me") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 404]
    assert answers[1].headers["content-type"].startswith("text/html")
    listed = (await simulator.call("GET", "faults"))["faults"]
    assert [fault["hits"] for fault in listed if fault["team_id"] == team.id] == [1]
    await simulator.clear_faults(team.id)
    assert (await api.get("/me")).status_code == 200


async def test_a_chance_hits_some(simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient) -> None:
    await simulator.add_fault(team_id=team.id, kind="status", status=503, probability=0.5)
    assert {(await api.get("/me")).status_code for _ in range(60)} == {200, 503}


@pytest.mark.parametrize("fault", [{"kind": "meteor"}, {"kind": "status", "colour": "red"}, {}])
async def test_what_is_no_fault_is_refused(simulator: SimulatorClient, fault: dict[str, Any]) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        await simulator.add_fault(**fault)


async def test_a_token_pair_can_be_lost_on_its_way(simulator: SimulatorClient, team: OwnTeam) -> None:
    sent = {
        "grant_type": "refresh_token",
        "refresh_token": team.told["tokens"]["refresh_token"],
        "client_id": team.told["client_id"],
        "client_secret": team.told["client_secret"],
    }
    await simulator.add_fault(kind="reset_after_write", path="/oauth/token", count=1)
    async with httpx.AsyncClient(base_url=simulator.base_url) as client:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await client.post("/oauth/token", json=sent)
        assert (await client.post("/oauth/token", json=sent)).json()["error"] == "invalid_grant"


async def test_the_journal_tells_who_wrote_what(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    before = (await simulator.call("GET", "journal"))["last_sequence"]
    created = await api.post("/people", json=ADDRESS, headers={"x-correlation-id": "c-1"})
    await api.post("/people", json=ADDRESS)
    await api.get("/people")
    entry, *more = await simulator.writes(team.id, after=before)
    assert more == []
    assert entry["sequence"] == before + 1
    assert entry | {"at": None, "sequence": None} == {
        "sequence": None,
        "at": None,
        "team_id": team.id,
        "user_id": team.admin_id,
        "method": "POST",
        "path": "/v2/people",
        "token": "api_key",
        "resource": "people",
        "ids": [created.json()["data"]["id"]],
        "body": ADDRESS,
        "status": 200,
        "correlation": "c-1",
        "answered": True,
    }


async def test_a_429_on_demand_costs_nothing_and_leaves_nothing(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.add_fault(team_id=team.id, kind="status", status=429, path="/v2/me", count=1)
    refused = await api.get("/me")
    assert (refused.status_code, refused.json()) == (429, {"error": "API rate limit exceeded"})
    assert refused.headers["x-ratelimit-remaining-minute"] == "0"
    assert (await api.get("/me")).headers["x-ratelimit-remaining-minute"] == "599"
    assert (await simulator.usage(team.id))["refused"] == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"error": "Invalid Bearer token"}),
        (404, {"status": 404, "error": "Not Found"}),
        (500, {"status": 500, "error": "Internal Server Error"}),
    ],
)
async def test_a_status_on_demand_has_the_body_of_the_real_one(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, status: int, body: dict[str, Any]
) -> None:
    await simulator.add_fault(team_id=team.id, kind="status", status=status, path="/v2/me")
    answer = await api.get("/me")
    assert (answer.status_code, answer.json()) == (status, body)


async def test_a_body_of_ones_own_is_answered(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.add_fault(team_id=team.id, kind="status", status=422, path="/v2/me", body={"errors": {"x": ["y"]}})
    assert (await api.get("/me")).json() == {"errors": {"x": ["y"]}}


async def test_an_answer_can_be_late_though_its_write_is_done(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.add_fault(team_id=team.id, kind="latency_after_write", milliseconds=1_000, path="/v2/people")
    with pytest.raises(httpx.ReadTimeout):
        await api.post("/people", json=ADDRESS, timeout=0.2)
    await simulator.clear_faults(team.id)
    assert await written(simulator, team) == [("people", False)]
    assert len((await api.get("/people")).json()["data"]) == 1


async def test_rows_change_under_the_reader_of_one_list_and_share_their_instant(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.call("POST", f"teams/{team.id}/people", {"count": 40})
    await simulator.advance(1)
    before = {row["id"]: row["updated_at"] for row in (await api.get("/people?per_page=100")).json()["data"]}
    cadences = (await api.get("/cadences")).json()["data"]
    await simulator.add_fault(team_id=team.id, kind="churn", rows=5, method="GET", path="/v2/people", count=1)
    assert (await api.get("/cadences")).json()["data"] == cadences
    after = (await api.get("/people?per_page=100")).json()["data"]
    changed = [row for row in after if row["updated_at"] != before[row["id"]]]
    assert len(changed) == 5
    assert len({row["updated_at"] for row in changed}) == 1
    assert after[:5] == changed, "what changed last comes first"


async def test_paging_while_rows_change_loses_some(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    """What the fault is for: page numbers over a list that moves do not give every row."""
    await simulator.call("POST", f"teams/{team.id}/people", {"count": 60})
    await simulator.add_fault(team_id=team.id, kind="churn", rows=20, path="/v2/people")
    seen: set[int] = set()
    for page in range(1, 7):
        await simulator.advance(1)
        query = {"sort_direction": "ASC", "per_page": "10", "page": str(page)}
        seen |= {row["id"] for row in (await api.get("/people", params=query)).json()["data"]}
    assert len(seen) < 60


async def test_rows_can_be_changed_at_one_instant_on_demand(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.call("POST", f"teams/{team.id}/people", {"count": 350})
    told = await simulator.call("POST", f"teams/{team.id}/churn", {"resource": "people", "count": 350})
    assert told == {"changed": 350}
    counted = await api.get(
        "/people", params={"include_paging_counts": "true", "updated_at[gte]": "2026-01-01T00:00:00Z"}
    )
    assert counted.json()["metadata"]["paging"]["total_count"] == 350
    assert len({row["updated_at"] for row in (await api.get("/people?page=3&per_page=100")).json()["data"]}) == 1


async def test_lateness_can_be_one_resources(simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient) -> None:
    await simulator.switch(team.id, commit_lag_seconds=90, late_resources=["account"])
    now = (await simulator.now()).timestamp()
    made = (await api.post("/people", json=ADDRESS)).json()["data"]
    account = (await api.post("/accounts", json={"name": "Acme", "domain": "acme.example"})).json()["data"]
    assert datetime.fromisoformat(made["updated_at"]).timestamp() == now
    assert datetime.fromisoformat(account["updated_at"]).timestamp() < now


async def test_one_endpoint_can_be_made_dearer(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.switch(team.id, endpoint_costs={"GET people": 7, "GET people/{id}": 2})
    assert (await api.get("/people")).headers["x-ratelimit-endpoint-cost"] == "7"
    assert (await api.get("/people/1")).headers["x-ratelimit-endpoint-cost"] == "2"
    assert (await api.get("/people?page=501")).headers["x-ratelimit-endpoint-cost"] == "30"
    assert (await api.get("/me")).headers["x-ratelimit-remaining-minute"] == str(600 - 7 - 2 - 30 - 1)

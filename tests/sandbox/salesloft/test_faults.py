"""Failures on demand, and the journal that tells what they did not undo."""

import time
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

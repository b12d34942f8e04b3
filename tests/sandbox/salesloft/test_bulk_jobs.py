"""Bulk jobs: opened, filled, told to go, run in order, read back."""

from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam


def row(address: str, **more: Any) -> dict[str, Any]:
    return {"upsert_key": "email_address", "email_address": address, **more}


async def opened(api: httpx.AsyncClient, *rows: dict[str, Any]) -> int:
    """A job with these rows."""
    job = (await api.post("/bulk_jobs", json={"type": "person/upsert", "name": "import"})).json()["data"]
    assert (job["state"], job["ready_to_execute"], job["total"]) == ("open", False, 0)
    if rows:
        filled = await api.post(f"/bulk_jobs/{job['id']}/job_data", json={"data": rows})
        assert filled.json() == {"data": {"records": len(rows)}}
    return int(job["id"])


async def told_to_go(api: httpx.AsyncClient, job_id: int) -> None:
    answer = await api.put(f"/bulk_jobs/{job_id}", json={"ready_to_execute": True})
    assert answer.json()["data"]["state"] == "executing"


async def shown(api: httpx.AsyncClient, job_id: int) -> dict[str, Any]:
    job: dict[str, Any] = (await api.get(f"/bulk_jobs/{job_id}")).json()["data"]
    return job


async def test_rows_run_in_order_and_one_that_is_refused_holds_up_nobody(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    job_id = await opened(api, row("a@example.com", title="CTO"), row("nonsense"), row("A@example.com", title="CEO"))
    assert (await api.get(f"/bulk_jobs/{job_id}/results")).json()["data"] == []
    await told_to_go(api, job_id)
    await simulator.advance(1)
    job = await shown(api, job_id)
    assert (job["state"], job["total"], job["processed"], job["errors"]) == ("done", 3, 3, 1)
    assert job["created_at"].endswith("Z")
    assert job["finished_at"].endswith("Z")

    first, second, third = (await api.get(f"/bulk_jobs/{job_id}/results")).json()["data"]
    assert [one["status"] for one in (first, second, third)] == ["success", "error", "success"]
    assert second["error"] == "email_address is invalid"
    assert second["resource"] is None
    assert (first["resource"]["upsert_type"], third["resource"]["upsert_type"]) == ("create", "update")
    assert first["resource"]["person"]["id"] == third["resource"]["person"]["id"]
    assert (await api.get(f"/people/{first['resource']['person']['id']}")).json()["data"]["title"] == "CEO"
    writes = [entry for entry in await simulator.writes(team.id) if entry["method"] == "BULK"]
    assert [(entry["resource"], entry["body"]["title"]) for entry in writes] == [("people", "CTO"), ("people", "CEO")]


async def test_progress_shows_while_it_runs_and_its_rows_cost_no_budget(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.switch(team.id, bulk_rows_per_second=10)
    job_id = await opened(api, *(row(f"p{number}@example.com") for number in range(50)))
    await told_to_go(api, job_id)
    before = (await simulator.usage(team.id))["cost"]
    await simulator.advance(2)
    job = await shown(api, job_id)
    assert (job["state"], job["processed"], job["started_at"]) == ("executing", 20, None)
    assert (await api.get(f"/bulk_jobs/{job_id}/results")).json()["data"] == []
    assert len((await api.get(f"/bulk_jobs/{job_id}/job_data?status[]=pending&per_page=100")).json()["data"]) == 30
    await simulator.advance(3)
    assert (await shown(api, job_id))["state"] == "done"
    assert (await simulator.usage(team.id))["cost"] == before + 4


async def test_jobs_of_a_team_run_one_after_the_other(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.switch(team.id, bulk_rows_per_second=10)
    jobs = [await opened(api, *(row(f"j{job}p{number}@example.com") for number in range(10))) for job in range(2)]
    for job_id in jobs:
        await told_to_go(api, job_id)
    await simulator.advance(1)
    assert [(await shown(api, job_id))["state"] for job_id in jobs] == ["done", "executing"]
    assert [job["id"] for job in (await api.get("/bulk_jobs?state[]=executing")).json()["data"]] == jobs[1:]
    await simulator.advance(1)
    assert (await shown(api, jobs[1]))["state"] == "done"


async def test_rows_are_read_on_by_id(simulator: SimulatorClient, api: httpx.AsyncClient) -> None:
    job_id = await opened(api, *(row(f"p{number}@example.com") for number in range(7)))
    await told_to_go(api, job_id)
    await simulator.advance(1)
    read: list[int] = []
    while page := (await api.get(f"/bulk_jobs/{job_id}/results?per_page=3&id[gt]={read[-1] if read else 0}")).json():
        if not page["data"]:
            break
        read += [one["id"] for one in page["data"]]
    assert len(read) == 7
    assert read == sorted(set(read))


async def test_a_cancelled_job_leaves_its_rows_unwritten_and_makes_place(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.switch(team.id, bulk_rows_per_second=10)
    first, second = (
        await opened(api, row("a@example.com"), row("b@example.com")),
        await opened(api, row("c@example.com")),
    )
    await told_to_go(api, first)
    await told_to_go(api, second)
    await simulator.advance(0.1)
    for _ in range(2):
        assert (await api.delete(f"/bulk_jobs/{first}")).status_code == 204
    await simulator.advance(5)
    rows = (await api.get(f"/bulk_jobs/{first}/results")).json()["data"]
    assert [one["status"] for one in rows] == ["success", "cancelled"]
    assert (await shown(api, second))["state"] == "done"
    assert len((await api.get("/people")).json()["data"]) == 2


async def test_only_an_open_job_can_be_changed(simulator: SimulatorClient, api: httpx.AsyncClient) -> None:
    job_id = await opened(api, row("a@example.com"))
    assert (await api.put(f"/bulk_jobs/{job_id}", json={"name": "other"})).json()["data"]["name"] == "other"
    await told_to_go(api, job_id)
    for answer in (
        await api.put(f"/bulk_jobs/{job_id}", json={"name": "late"}),
        await api.post(f"/bulk_jobs/{job_id}/job_data", json={"data": [row("b@example.com")]}),
    ):
        assert (answer.status_code, answer.json()) == (422, {"errors": {"state": ["must be open"]}})


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [
        ("", {}, "type"),
        ("", {"type": "membership/create"}, "type"),
        ("/{id}/job_data", {}, "data"),
        ("/{id}/job_data", {"data": ["text"]}, "data"),
        ("/{id}/job_data", {"data": [{}] * 5001}, "data"),
    ],
)
async def test_what_is_no_job_or_no_row_is_refused(
    api: httpx.AsyncClient, path: str, sent: dict[str, Any], field: str
) -> None:
    job_id = await opened(api)
    answer = await api.post(f"/bulk_jobs{path.format(id=job_id)}", json=sent)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


async def test_a_job_wants_the_scope_of_what_it_writes(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    key = await simulator.call("POST", f"teams/{team.id}/tokens", {"kind": "api_key", "scopes": "people:read"})
    headers = {"authorization": f"Bearer {key['api_key']}"}
    assert (await api.post("/bulk_jobs", json={"type": "person/upsert"}, headers=headers)).status_code == 403


async def test_jobs_are_of_one_team_and_have_no_suffix(simulator: SimulatorClient, api: httpx.AsyncClient) -> None:
    job_id = await opened(api)
    other = await simulator.team("Other")
    headers = {"authorization": f"Bearer {other['api_key']}"}
    assert (await api.get(f"/bulk_jobs/{job_id}", headers=headers)).status_code == 404
    assert (await api.get("/bulk_jobs.json")).headers["content-type"].startswith("text/html")

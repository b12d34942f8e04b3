"""The simulator as a process: it tells where it is, and ends with whoever started it."""

import asyncio
import sys

import httpx
import orjson

from sandbox.salesloft.app import live
from sandbox.salesloft.auth import Application
from sandbox.salesloft.server import SimulatorClient
from sandbox.salesloft.simulator import Simulator

PARENT = """
import asyncio
from sandbox.salesloft.server import running_simulator

async def main():
    async with running_simulator() as simulator:
        print(simulator.base_url, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_it_serves_the_teams_that_the_command_names_and_says_where() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.salesloft", "--port", "0", "--team", "Acme", "--team", "Globex"),
        *("--people", "3", "--history-weeks", "4", "--now", "2026-11-25T09:00:00Z", "--until-stdin-closes"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        started = orjson.loads(await process.stdout.readline())
        assert [team["name"] for team in started["teams"]] == ["Acme", "Globex"]
        async with httpx.AsyncClient(base_url=started["base_url"], timeout=20) as client:
            headers = {"authorization": f"Bearer {started['teams'][1]['tokens']['access_token']}"}
            assert len((await client.get("/v2/people", headers=headers)).json()["data"]) == 3
            assert (await client.get("/v2/cadence_memberships", headers=headers)).json()["data"]
            choice = await client.get(
                "/oauth/authorize?client_id=cscx-salesloft&response_type=code&redirect_uri=https://app.example/cb"
            )
            assert choice.status_code == 200
            assert "Acme" in choice.text
    finally:
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_it_tells_what_can_be_steered(simulator: SimulatorClient) -> None:
    async with httpx.AsyncClient(timeout=20) as client:
        told = (await client.get(f"{simulator.base_url}/sandbox")).json()
    paths = {route["path"] for route in told["routes"]}
    assert {"/sandbox/clock", "/sandbox/journal", "/sandbox/teams", "/sandbox/teams/{team_id:int}/acts"} <= paths
    assert [route for route in told["routes"] if not route["what"] or not route["methods"]] == []
    assert told["switches"]["defaults"]["created_status"] == 200
    assert told["temperament"]["defaults"]["reps_work"] is True
    assert {"status_after_write", "churn", "reset_mid_body"} <= set(told["faults"]["kinds"])


async def test_it_ends_when_its_parent_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert parent.stderr is not None
    base_url = (await parent.stdout.readline()).decode().strip()
    async with httpx.AsyncClient(timeout=20) as client:
        assert (await client.get(f"{base_url}/sandbox/clock")).status_code == 200
    parent.kill()
    await parent.wait()
    # The simulator inherited its parent's standard error: the pipe ends when both have.
    async with asyncio.timeout(20):
        await parent.stderr.read()


async def test_life_goes_on_without_requests() -> None:
    loop = asyncio.get_running_loop()
    simulator = Simulator(
        seed=1,
        start=0,
        speed=1000.0,
        monotonic=loop.time,
        application=Application(client_id="a", client_secret="b"),
    )
    happened: asyncio.Future[int] = loop.create_future()
    simulator.world.schedule(30_000_000, happened.set_result)
    life = asyncio.create_task(live(simulator))
    try:
        async with asyncio.timeout(20):
            assert await happened == 30_000_000
    finally:
        life.cancel()
        await asyncio.wait([life])

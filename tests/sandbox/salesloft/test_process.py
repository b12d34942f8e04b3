"""The simulator as a process: it tells where it is, and ends with whoever started it."""

import asyncio
import sys

import httpx
import orjson

from sandbox.salesloft.server import running_simulator

PARENT = """
import asyncio, os, sys
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
        *("--people", "3", "--until-stdin-closes"),
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
            choice = await client.get(
                "/oauth/authorize?client_id=cscx-salesloft&response_type=code&redirect_uri=https://app.example/cb"
            )
            assert choice.status_code == 200
            assert "Acme" in choice.text
    finally:
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_it_ends_when_its_parent_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    base_url = (await parent.stdout.readline()).decode().strip()
    async with httpx.AsyncClient(timeout=20) as client:
        assert (await client.get(f"{base_url}/sandbox/clock")).status_code == 200
    parent.kill()
    await parent.wait()
    # The child holds the write end of the parent's output: it closes when the child has ended.
    async with asyncio.timeout(20):
        while await _listens(base_url):
            await asyncio.sleep(0.05)


async def _listens(base_url: str) -> bool:
    host, _, port = base_url.removeprefix("http://").partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def test_time_can_run_and_life_goes_on_without_requests() -> None:
    async with running_simulator(speed=0) as simulator:
        told = await simulator.team("Fast", people=1, temperament={"reps_work": False})
        person = (await simulator.call("POST", f"teams/{told['team_id']}/people", {"count": 1}))["people"][0]
        async with httpx.AsyncClient(timeout=20) as client:
            added = await client.post(
                f"{simulator.base_url}/v2/cadence_memberships",
                headers={"authorization": f"Bearer {told['api_key']}"},
                json={"person_id": person["id"], "cadence_id": told["cadences"][0]["id"]},
            )
        assert added.status_code == 200
        await simulator.run_at(86_400 * 2)
        async with asyncio.timeout(20):
            while not any(entry["kind"] == "email.sent" for entry in await simulator.life(told["team_id"])):
                await asyncio.sleep(0.05)

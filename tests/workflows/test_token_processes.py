"""One connection and several processes: who refreshes, and what becomes of a pair that is lost with its process."""

import asyncio
import contextlib
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from cryptography.fernet import Fernet

from salesloft_client import GrantRevoked, OAuthApp, TransportSettings
from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database
from tests.house.tree import ROOT
from tests.workflows.token_process import AheadClock
from workflows.credentials import ApiKey, Keyring, OAuthTokens
from workflows.salesloft_time import DatedWire
from workflows.session import NotConnected, SessionOptions, Sessions

KEYS = {"k1": Fernet.generate_key().decode()}


class Process:
    """A `token_process`, ready to make its calls."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            return (await self._process.stdout.readline()).decode().strip()

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


class Place:
    """Organizations that are connected, and the processes that have their tokens."""

    def __init__(
        self, simulator: SimulatorClient, database: Database, dsn: str, wire: DatedWire, ahead_s: float
    ) -> None:
        self.simulator = simulator
        self.database = database
        self.dsn = dsn
        self.wire = wire
        self.ahead_s = ahead_s
        self.processes: list[Process] = []

    def sessions(self, team: dict[str, Any]) -> Sessions:
        app = OAuthApp(
            client_id=team["client_id"],
            client_secret=team["client_secret"],
            redirect_uri="http://localhost/callback",
            auth_host=self.simulator.base_url,
        )
        return Sessions(
            database=self.database,
            wire=self.wire,
            keyring=Keyring(KEYS, "k1"),
            clock=AheadClock(self.ahead_s),
            options=SessionOptions(app=app, transport=TransportSettings(base_url=f"{self.simulator.base_url}/v2")),
        )

    async def connected(self) -> tuple[str, dict[str, Any]]:
        """An organization whose token ends in two hours, by its pair."""
        team = await self.simulator.team(f"Team {uuid4().hex[:6]}")
        organization_id, tokens = f"org-{uuid4().hex[:8]}", team["tokens"]
        pair = OAuthTokens(
            access_token=tokens["access_token"],
            refresh_token=tokens["refresh_token"],
            expires_at=AheadClock(self.ahead_s).now() + timedelta(seconds=tokens["expires_in"]),
        )
        await self.sessions(team).connect(organization_id, pair, by="usr-1")
        return organization_id, team

    async def advance(self, seconds: float) -> None:
        self.ahead_s = (await self.simulator.advance(seconds) - datetime.now(UTC)).total_seconds()

    async def process(self, organization_id: str, team: dict[str, Any], callers: int) -> Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.workflows.token_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        process = Process(child)
        self.processes.append(process)
        plan = {
            "dsn": self.dsn,
            "base_url": self.simulator.base_url,
            "client_id": team["client_id"],
            "client_secret": team["client_secret"],
            "organization_id": organization_id,
            "keys": KEYS,
            "ahead_s": self.ahead_s,
            "callers": callers,
        }
        await process.say(json.dumps(plan))
        assert await process.hear() == "ready"
        return process

    async def refreshes(self, team: dict[str, Any]) -> int:
        """How often Salesloft has given a new pair for a refresh token."""
        writes = await self.simulator.writes(team["team_id"])
        return sum(one["path"] == "/oauth/token" and one["body"]["grant_type"] == "refresh_token" for one in writes)

    async def row(self, organization_id: str) -> Any:
        async with self.database.connection() as connection:
            query = "SELECT * FROM salesloft_connections WHERE organization_id = $1"
            return await connection.fetchrow(query, organization_id)


@pytest.fixture
async def place(simulator: SimulatorClient, migrated: str, database: Database) -> AsyncIterator[Place]:
    ahead_s = (await simulator.now() - datetime.now(UTC)).total_seconds()
    async with DatedWire(AheadClock(ahead_s)) as wire:
        place = Place(simulator, database, migrated, wire, ahead_s)
        try:
            yield place
        finally:
            for process in place.processes:
                await process.kill()


async def test_fifty_callers_in_three_processes_refresh_once(place: Place) -> None:
    organization_id, team = await place.connected()
    await place.advance(2 * 3600 + 1)
    # Slow enough that all of them want a token before the first has one; and it counts who asks, also in vain.
    slow = await place.simulator.add_fault(method="POST", path="/oauth/token", kind="latency", milliseconds=700)
    processes = await asyncio.gather(*(place.process(organization_id, team, n) for n in (17, 17, 16)))
    for process in processes:
        await process.say("go")
    ended = Counter[str]()
    for process in processes:
        ended.update(orjson.loads(await process.hear()))
    assert ended == {"answered": 50}
    asked = {one["id"]: one["hits"] for one in (await place.simulator.call("GET", "faults"))["faults"]}
    assert asked[slow] == 1
    await place.simulator.clear_faults()
    assert await place.refreshes(team) == 1
    row = await place.row(organization_id)
    assert (row["status"], row["token_generation"]) == ("connected", 2)


async def test_a_pair_that_is_lost_with_its_process_is_noticed_and_nothing_else_is_touched(place: Place) -> None:
    """Salesloft has rotated the tokens, and the process dies before it hears of it: nobody has the new pair."""
    (lost, its_team), (other, other_team) = await place.connected(), await place.connected()
    await place.advance(2 * 3600 + 1)
    await place.simulator.add_fault(method="POST", path="/oauth/token", kind="hang_after_write", count=1, seconds=5)
    process = await place.process(lost, its_team, 3)
    await process.say("go")
    async with asyncio.timeout(30):
        while await place.refreshes(its_team) == 0:  # noqa: ASYNC110  # what is waited for happens in the simulator
            await asyncio.sleep(0.02)
    await process.kill()

    row = await place.row(lost)
    assert (row["status"], row["token_generation"]) == ("connected", 1)
    sessions = place.sessions(its_team)
    session = await sessions.of(lost)
    ended = await asyncio.gather(*(session.client.me() for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in ended] == [GrantRevoked] * 3
    row = await place.row(lost)
    assert (row["status"], row["status_reason"]) == ("needs_reauthorization", "invalid_grant")
    async with place.database.connection() as connection:
        told = [row["type"] for row in await connection.fetch("SELECT type FROM outbox")]
    assert told.count("ai.cscx.salesloft.connection-needs-reauthorization.v1") == 1
    with pytest.raises(NotConnected):
        await sessions.of(lost)

    assert (await (await place.sessions(other_team).of(other)).client.me()).id
    assert (await place.row(other))["status"] == "connected"

    await sessions.connect(lost, ApiKey(its_team["api_key"]), by="usr-1")
    assert (await (await sessions.of(lost)).client.me()).id

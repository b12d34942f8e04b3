"""The simulator as a child process, for tests and for whatever else starts it from Python."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import orjson

__all__ = ["SimulatorClient", "running_simulator"]

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0


class SimulatorClient:
    """A running simulator and its control surface; every method is one HTTP call and raises httpx's errors.

    For the whole list of settings see the simulator's control module; answers are the JSON that it gives.
    """

    def __init__(self, base_url: str, http: httpx.AsyncClient) -> None:
        self.base_url = base_url
        self._http = http

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Any call of the control surface; `path` is what follows ``/sandbox/``."""
        answer = await self._http.request(method, f"{self.base_url}/sandbox/{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def team(self, name: str, **plan: Any) -> dict[str, Any]:
        """A new team with users, cadences, an admin's tokens, an API key and client credentials."""
        made: dict[str, Any] = await self.call("POST", "teams", {"name": name, **plan})
        return made

    async def now(self) -> datetime:
        return datetime.fromisoformat((await self.call("GET", "clock"))["now"])

    async def advance(self, seconds: float) -> datetime:
        """Jump forward; life has caught up when this returns."""
        return datetime.fromisoformat((await self.call("PUT", "clock", {"advance_seconds": seconds}))["now"])

    async def run_at(self, speed: float) -> None:
        await self.call("PUT", "clock", {"speed": speed})

    async def add_fault(self, **fault: Any) -> int:
        """Switch a fault on (`kind`, `team_id`, `method`, `path`, `count` ...); returns its id."""
        return int((await self.call("POST", "faults", fault))["id"])

    async def hits(self, fault_id: int) -> int:
        """How many requests a fault has hit so far; 0 for one that is switched off."""
        faults = (await self.call("GET", "faults"))["faults"]
        return next((int(one["hits"]) for one in faults if one["id"] == fault_id), 0)

    async def clear_faults(self, team_id: int | None = None) -> None:
        await self.call("DELETE", "faults" if team_id is None else f"faults?team_id={team_id}")

    async def switch(self, team_id: int, **switches: Any) -> None:
        await self.call("PUT", f"teams/{team_id}/switches", switches)

    async def temper(self, team_id: int, **temperament: Any) -> None:
        await self.call("PUT", f"teams/{team_id}/temperament", temperament)

    async def act(self, team_id: int, act: str, **target: Any) -> None:
        """Make something happen now: `act` on an `email_id`, a `person_id` or a `cadence_membership_id`."""
        await self.call("POST", f"teams/{team_id}/acts", {"act": act, **target})

    async def writes(self, team_id: int, after: int = 0) -> list[dict[str, Any]]:
        """All of the team's accepted writes after a sequence number."""
        return await self._read_on("journal", team_id, after)

    async def life(self, team_id: int, after: int = 0) -> list[dict[str, Any]]:
        """All changes of counters and states in the team's life after a sequence number."""
        return await self._read_on("life-journal", team_id, after)

    async def deliveries(self, team_id: int, after: int = 0) -> list[dict[str, Any]]:
        """All attempts to deliver one of the team's webhooks after a sequence number."""
        return await self._read_on("deliveries", team_id, after)

    async def _read_on(self, journal: str, team_id: int, after: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = await self.call("GET", f"{journal}?after={after}&team_id={team_id}")
            found += page["entries"]
            if not page["more"]:
                return found
            after = page["next_after"]

    async def expire_tokens(self, team_id: int) -> None:
        """End the team's OAuth access tokens now, without moving the clock; refresh tokens live on."""
        await self.call("POST", f"teams/{team_id}/tokens/expire")

    async def usage(self, team_id: int) -> dict[str, Any]:
        used: dict[str, Any] = await self.call("GET", f"teams/{team_id}/usage")
        return used


@asynccontextmanager
async def running_simulator(
    *, port: int = 0, seed: int = 7, speed: float = 1.0, now: datetime | None = None
) -> AsyncIterator[SimulatorClient]:
    """A simulator in a process of its own, which ends with this block or with this process, whichever is first.

    Raises TimeoutError if it does not start within 30 seconds and RuntimeError if it ends at once.
    """
    arguments = ["--port", str(port), "--seed", str(seed), "--speed", str(speed), "--until-stdin-closes"]
    if now is not None:
        arguments += ["--now", now.isoformat()]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox.salesloft",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the simulator's pipes were not opened")
    try:
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError("the simulator ended before it listened; its error is on standard error")
        async with httpx.AsyncClient(timeout=30.0) as http:
            yield SimulatorClient(orjson.loads(line)["base_url"], http)
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

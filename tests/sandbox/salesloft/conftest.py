"""A team of its own for every test, and a client that calls for it."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTeam:
    """What the simulator told of a new team."""

    id: int
    told: dict[str, Any]

    def cadence(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.told["cadences"] if one["name"] == name)
        return found

    @property
    def admin_id(self) -> int:
        return int(self.told["users"][0]["id"])

    @property
    def rep_id(self) -> int:
        return int(self.told["users"][1]["id"])


@pytest.fixture
async def team(simulator: SimulatorClient) -> OwnTeam:
    """A team with nobody in it who does anything unasked, on a Monday in working hours.

    The clock is shared, and where the tests before have left it is none of this one's business.
    """
    now = await simulator.now()
    monday = (now - timedelta(days=now.weekday())).replace(hour=14, minute=0, second=0, microsecond=0)
    start = monday if monday > now else monday + timedelta(weeks=1)
    await simulator.advance((start - now).total_seconds())
    told = await simulator.team(
        f"Team {uuid.uuid4().hex[:8]}",
        temperament={"bounce": 0, "view": 0, "click": 0, "reply": 0, "opt_out": 0, "by_address": []},
    )
    return OwnTeam(id=told["team_id"], told=told)


@pytest.fixture
async def api(simulator: SimulatorClient, team: OwnTeam) -> AsyncIterator[httpx.AsyncClient]:
    """Calls ``/v2`` with the team's API key, which no jump of the clock ends."""
    headers = {"authorization": f"Bearer {team.told['api_key']}"}
    async with httpx.AsyncClient(base_url=f"{simulator.base_url}/v2", headers=headers, timeout=20) as client:
        yield client


@pytest.fixture
async def person(api: httpx.AsyncClient) -> dict[str, Any]:
    sent = {"email_address": "Pat@Example.com", "first_name": "Pat", "last_name": "Lee", "phone": "+15550100"}
    created: dict[str, Any] = (await api.post("/people", json=sent)).json()["data"]
    return created

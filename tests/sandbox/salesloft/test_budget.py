"""The rate budget: per team, per clock minute, dearer for deep pages."""

import httpx
import pytest

from sandbox.salesloft.budget import RateBudget, page_cost
from sandbox.salesloft.instants import MINUTE, SECOND
from sandbox.salesloft.server import SimulatorClient
from sandbox.salesloft.switches import Switches
from tests.sandbox.salesloft.conftest import OwnTeam


@pytest.mark.parametrize(
    ("page", "cost"), [(1, 1), (100, 1), (101, 3), (150, 3), (151, 8), (250, 8), (251, 10), (500, 10), (501, 30)]
)
def test_deep_pages_cost_more(page: int, cost: int) -> None:
    assert page_cost(page) == cost


def test_another_integration_eats_through_the_minute() -> None:
    budget, switches = RateBudget(), Switches(other_integration_per_minute=300)
    assert budget.charge(1, 0, switches).remaining == 599
    assert budget.charge(1, 30 * SECOND, switches).remaining == 600 - 2 - 150
    assert budget.charge(1, MINUTE, switches).remaining == 599


async def test_every_answer_tells_cost_and_what_is_left(api: httpx.AsyncClient) -> None:
    first = await api.get("/people", params={"page": 101})
    assert (first.headers["x-ratelimit-endpoint-cost"], first.headers["x-ratelimit-remaining-minute"]) == ("3", "597")
    unknown = await api.get("/no-such-thing")
    assert unknown.headers["x-ratelimit-remaining-minute"] == "596"


async def test_what_no_longer_fits_is_429_costs_nothing_and_the_next_minute_is_new(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.switch(team.id, cost_per_minute=5)
    await api.get("/people", params={"page": 101})
    await api.get("/me")
    dear = await api.get("/people", params={"page": 101})
    assert (dear.status_code, dear.json()) == (429, {"error": "API rate limit exceeded"})
    assert dear.headers["x-ratelimit-remaining-minute"] == "1"
    assert "retry-after" not in dear.headers
    assert (await api.get("/me")).status_code == 200
    assert (await api.get("/me")).status_code == 429
    await simulator.advance(60)
    assert (await api.get("/me")).headers["x-ratelimit-remaining-minute"] == "4"
    used = await simulator.usage(team.id)
    assert (used["cost"], used["refused"]) == (6, 2)
    assert used["by_endpoint"]["GET people"] == 2


async def test_retry_after_can_be_switched_on(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    await simulator.switch(team.id, cost_per_minute=0, retry_after=True, limit_header=True)
    answer = await api.get("/me")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["x-ratelimit-limit-minute"] == "0"


async def test_teams_do_not_share_a_budget(simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient) -> None:
    await api.get("/me")
    other = await simulator.team("Other")
    answer = await api.get("/me", headers={"authorization": f"Bearer {other['api_key']}"})
    assert answer.headers["x-ratelimit-remaining-minute"] == "599"

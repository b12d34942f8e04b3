"""Teams that have lived before anyone looks, and people who differ as real ones do."""

import time
from collections import Counter
from datetime import datetime
from typing import Any

import httpx

from sandbox.salesloft.auth import Application
from sandbox.salesloft.control_teams import team_with_credentials
from sandbox.salesloft.instants import from_datetime
from sandbox.salesloft.seed import TeamPlan
from sandbox.salesloft.server import SimulatorClient
from sandbox.salesloft.simulator import Simulator

START = datetime.fromisoformat("2026-03-02T14:00:00+00:00")
LISTS = ("people", "cadence_memberships", "activities/emails", "activities/calls")


async def everything(simulator: SimulatorClient, told: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    headers = {"authorization": f"Bearer {told['api_key']}"}
    async with httpx.AsyncClient(base_url=f"{simulator.base_url}/v2", headers=headers, timeout=20) as api:
        found: dict[str, list[dict[str, Any]]] = {}
        for path in LISTS:
            found[path], page = [], 1
            while page:
                answer = (await api.get(f"/{path}", params={"per_page": 100, "page": page})).json()
                found[path] += answer["data"]
                page = answer["metadata"]["paging"]["next_page"]
        return found


async def test_a_past_is_lived_not_written_down(simulator: SimulatorClient) -> None:
    """Its rows agree with each other and with the journal, and lie between the founding and now."""
    told = await simulator.team("With a past", people=120, accounts=10, history_weeks=8)
    now = await simulator.now()
    found = await everything(simulator, told)
    states = Counter(row["current_state"] for row in found["cadence_memberships"])
    assert states["completed"] > 10
    assert states["active"] + states["scheduled"] + states["staged"] > 0
    sent = [email for email in found["activities/emails"] if email["sent_at"]]
    assert sum(row["counts"]["sent_emails"] for row in found["cadence_memberships"]) == len(sent) > 100
    assert sum(row["counts"]["calls"] for row in found["people"]) == len(found["activities/calls"]) > 20
    life = Counter(entry["kind"] for entry in await simulator.life(told["team_id"]))
    assert life["email.sent"] == len(sent)
    assert life["email.views"] == sum(email["counts"]["views"] for email in sent) > 0
    stamps = [datetime.fromisoformat(row["updated_at"]) for rows in found.values() for row in rows]
    assert max(stamps) <= now
    assert (now - min(stamps)).days > 28


async def test_people_of_a_team_with_a_past_differ(simulator: SimulatorClient) -> None:
    told = await simulator.team("Differing", people=100, accounts=10, history_weeks=4)
    people = (await everything(simulator, told))["people"]
    addresses = [person["email_address"] for person in people]
    assert None in addresses
    assert any(address != address.lower() for address in addresses if address)
    assert any(person["do_not_contact"] for person in people)
    assert {"email", "call", "message"} & {one for person in people for one in person["contact_restrictions"]}
    assert any(person["last_name"] is None for person in people)
    assert any(not person["display_name"].isascii() for person in people)
    assert {person["job_seniority"] for person in people} >= {None, "manager"}
    assert 0 < sum(bool(person["custom_fields"]) for person in people) < 100


def test_the_same_seed_makes_the_same_past() -> None:
    def past(seed: int) -> list[tuple[Any, ...]]:
        simulator = Simulator(
            seed=seed,
            start=from_datetime(START),
            speed=0.0,
            monotonic=time.monotonic,
            application=Application(client_id="a", client_secret="b"),
        )
        plan = TeamPlan(name="Twin", people=40, accounts=4, history_weeks=6)
        team = simulator.world.teams[team_with_credentials(simulator, plan)["team_id"]]
        emails = [(one.recipient_email_address, one.sent_at, one.views, one.replies) for one in team.emails]
        return [*emails, *((one.id, one.email_address, one.updated_at) for one in team.people)]

    first = past(3)
    assert len(first) > 60
    assert first == past(3)
    assert first != past(4)

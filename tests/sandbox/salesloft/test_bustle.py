"""Many acts at once: within their time, at shared instants, journaled, and nothing taken away that nobody has read."""

from collections import Counter
from typing import Any

import httpx
import pytest

from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam

HOUR = 3600.0


@pytest.fixture
async def sent(simulator: SimulatorClient, team: OwnTeam) -> OwnTeam:
    """Twenty people, each with a sent e-mail and on a cadence."""
    await simulator.temper(team.id, reps_work=False)
    await simulator.call("POST", f"teams/{team.id}/people", {"count": 20})
    await bustle(simulator, team, {"add": 20}, cadence_ids=[team.cadence("Welcome")["id"]])
    await simulator.advance(12 * HOUR)
    return team


async def bustle(simulator: SimulatorClient, team: OwnTeam, acts: dict[str, int], **plan: Any) -> dict[str, int]:
    body = {"seed": 1, "acts": acts, **plan}
    planned: dict[str, int] = (await simulator.call("POST", f"teams/{team.id}/bustle", body))["planned"]
    return planned


async def kinds(simulator: SimulatorClient, team: OwnTeam) -> Counter[str]:
    return Counter(entry["kind"] for entry in await simulator.life(team.id))


async def test_everybody_is_added_once(simulator: SimulatorClient, sent: OwnTeam) -> None:
    assert (await kinds(simulator, sent))["email.sent"] == 20
    assert await bustle(simulator, sent, {"add": 5}, cadence_ids=[sent.cadence("Welcome")["id"]]) == {"add": 0}


async def test_acts_happen_within_their_time_and_share_instants(simulator: SimulatorClient, sent: OwnTeam) -> None:
    began = await simulator.now()
    planned = await bustle(simulator, sent, {"view": 30, "click": 12}, within_seconds=600.0, ties=[3])
    assert planned == {"view": 30, "click": 12}
    assert (await kinds(simulator, sent))["email.views"] == 0
    ended = await simulator.advance(601)
    entries = [one for one in await simulator.life(sent.id) if one["kind"] in {"email.views", "email.clicks"}]
    instants = Counter(one["at"] for one in entries)
    assert len(entries) == 42
    assert set(instants.values()) == {3}
    assert f"{began:%Y-%m-%dT%H:%M:%S}" <= min(instants) <= max(instants) <= f"{ended:%Y-%m-%dT%H:%M:%S.%f}Z"


async def test_what_changed_is_counted(simulator: SimulatorClient, sent: OwnTeam) -> None:
    began = await simulator.now()
    await bustle(simulator, sent, {"bounce": 4})
    told = await simulator.call(
        "GET", f"teams/{sent.id}/changed?since={began:%Y-%m-%dT%H:%M:%S.%fZ}&until=2100-01-01T00:00:00Z"
    )
    assert told["changed"]["activities/emails"] == 4
    assert told["changed"]["people"] == 4
    assert told["changed"]["activities/calls"] == 0


async def test_nothing_is_taken_away_that_nobody_has_read(simulator: SimulatorClient, sent: OwnTeam) -> None:
    acts = {"take_back": 20, "add_again": 20, "remove_and_add_again": 20, "delete_person": 20}
    await bustle(simulator, sent, {"view": 600})
    assert set((await bustle(simulator, sent, acts)).values()) == {0}
    before = await simulator.advance(1)
    await bustle(simulator, sent, {"view": 600}, seed=2)
    assert set((await bustle(simulator, sent, acts, settled_before=before.isoformat())).values()) == {0}


async def test_what_changes_before_its_turn_is_left_alone(simulator: SimulatorClient, sent: OwnTeam) -> None:
    await bustle(simulator, sent, {"view": 600})
    settled = (await simulator.advance(1)).isoformat()
    planned = await bustle(simulator, sent, {"take_back": 20}, settled_before=settled, within_seconds=600.0)
    assert planned == {"take_back": 20}
    await bustle(simulator, sent, {"view": 600}, seed=2)
    views = (await kinds(simulator, sent))["email.views"]
    await simulator.advance(601)
    assert (await kinds(simulator, sent))["email.views"] == views


async def test_a_count_falls_on_the_e_mail_and_in_the_journal(
    simulator: SimulatorClient, sent: OwnTeam, api: httpx.AsyncClient
) -> None:
    await bustle(simulator, sent, {"view": 60, "reply": 10})
    settled = await simulator.advance(1)
    assert (await bustle(simulator, sent, {"take_back": 8}, settled_before=settled.isoformat()))["take_back"] == 8
    shown = {row["id"]: row["counts"] for row in (await api.get("/activities/emails?per_page=100")).json()["data"]}
    last: dict[tuple[int, str], int] = {}
    fallen = 0
    for entry in await simulator.life(sent.id):
        if entry["kind"] in {"email.views", "email.replies"}:
            counter = (entry["email_id"], entry["kind"].removeprefix("email."))
            fallen += entry["value"] < last.get(counter, 0)
            last[counter] = entry["value"]
    assert fallen == 8
    assert all(shown[email_id][counter] == value for (email_id, counter), value in last.items())


async def test_people_are_added_again_and_deleted(
    simulator: SimulatorClient, sent: OwnTeam, api: httpx.AsyncClient
) -> None:
    settled = (await simulator.advance(1)).isoformat()
    await bustle(simulator, sent, {"remove_and_add_again": 4}, settled_before=settled, among=[2, 0])
    await bustle(simulator, sent, {"delete_person": 3}, settled_before=settled, among=[2, 1])
    stays = Counter(
        (entry["membership_id"], entry["added_at"])
        for entry in await simulator.life(sent.id)
        if entry["kind"] == "membership.state"
    )
    assert len(stays) == 24
    rows = (await api.get("/cadence_memberships?per_page=100")).json()["data"]
    assert sum(row["person_deleted"] for row in rows) == 3
    assert len((await api.get("/people?per_page=100")).json()["data"]) == 17
    assert (await kinds(simulator, sent))["person.deleted"] == 3


@pytest.mark.parametrize("plan", [{"acts": {"dance": 1}}, {"acts": {}, "ties": [0]}, {"acts": {}, "speed": 3}])
async def test_what_is_no_plan_is_refused(simulator: SimulatorClient, team: OwnTeam, plan: dict[str, Any]) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        await simulator.call("POST", f"teams/{team.id}/bustle", {"seed": 1, **plan})

"""Journals are read on from any place, at any length."""

from typing import Any

import httpx
import pytest

from sandbox.salesloft.journal import Journal
from sandbox.salesloft.server import SimulatorClient
from tests.sandbox.salesloft.conftest import OwnTeam
from tests.sandbox.salesloft.test_memberships import add

TEAMS, ENTRIES, PAGE = 3, 60_000, 100


def test_small_pages_give_every_entry_of_a_team_once() -> None:
    journal = Journal()
    for number in range(ENTRIES):
        journal.append({"team_id": number % TEAMS, "number": number})
    for team_id in range(TEAMS):
        read, after, more = [], 0, True
        while more:
            entries, more = journal.after(after, team_id=team_id, limit=PAGE)
            read += entries
            after = entries[-1]["sequence"]
        assert [entry["number"] for entry in read] == list(range(team_id, ENTRIES, TEAMS))


def test_a_place_between_two_of_a_teams_entries_is_a_place_too() -> None:
    journal = Journal()
    for team_id in (1, 2, 2, 1):
        journal.append({"team_id": team_id})
    assert [entry["sequence"] for entry in journal.after(2, team_id=1, limit=10)[0]] == [4]
    assert journal.after(4, team_id=1, limit=10) == ([], False)
    assert journal.after(0, team_id=9, limit=10) == ([], False)
    assert [entry["sequence"] for entry in journal.after(2, team_id=None, limit=1)[0]] == [3]


async def test_it_is_read_on_over_http_page_by_page(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient
) -> None:
    other = await simulator.team("Other")
    headers = {"authorization": f"Bearer {other['api_key']}"}
    for number in range(7):
        await api.post("/people", json={"email_address": f"p{number}@example.com"})
        await api.post("/people", json={"email_address": f"p{number}@example.com"}, headers=headers)
    read, after = [], 0
    for expected, more in ((3, True), (3, True), (1, False)):
        page = await simulator.call("GET", f"journal?team_id={team.id}&after={after}&limit=3")
        assert (len(page["entries"]), page["more"]) == (expected, more)
        read += page["entries"]
        after = page["next_after"]
    assert [entry["body"]["email_address"] for entry in read] == [f"p{number}@example.com" for number in range(7)]
    again = await simulator.call("GET", f"journal?team_id={team.id}&after={after}&limit=3")
    assert (again["entries"], again["more"], again["next_after"]) == ([], False, after)


async def test_the_client_reads_all_of_a_journal_that_is_longer_than_a_page(
    simulator: SimulatorClient, team: OwnTeam, api: httpx.AsyncClient, person: dict[str, Any]
) -> None:
    await add(api, person["id"], team.cadence("Welcome")["id"])
    await simulator.advance(86_400)
    email = (await api.get("/activities/emails")).json()["data"][0]
    await simulator.act(team.id, "view", email_id=email["id"], count=10_050)
    views = [entry for entry in await simulator.life(team.id) if entry["kind"] == "email.views"]
    assert [entry["value"] for entry in views] == list(range(1, 10_051))


async def test_a_limit_of_nothing_is_refused(simulator: SimulatorClient) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        await simulator.call("GET", "journal?limit=0")

"""The client against the sandbox's Salesloft, which was written from the same documentation and shares no code."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from salesloft_client import (
    MEMBERSHIPS,
    PEOPLE,
    BusinessClock,
    CallContext,
    CursorPosition,
    CursorSettings,
    FixedToken,
    GrantRevoked,
    Lane,
    MinuteBudget,
    NewMembership,
    NotFound,
    OAuthApp,
    PersonUpsert,
    SalesloftClient,
    Throttled,
    TokenEndpoint,
    TransportSettings,
    Unauthorized,
    Unprocessable,
    Wire,
)

# The simulator's clock stands still, in the middle of a minute.
NOW = datetime(2026, 3, 2, 10, 0, 30, tzinfo=UTC)
CLOCK = BusinessClock(now=lambda: NOW, speed=lambda: 0.0)
BEGINNING = CursorPosition(updated_at=datetime(2020, 1, 1, tzinfo=UTC))
TEAMS = ("Reading", "Enrolling", "Connecting", "Spending")


@dataclass(frozen=True)
class Simulator:
    url: str
    teams: dict[str, Any]

    def client(self, shared: Wire, team: str, key: str | None = None) -> SalesloftClient:
        return SalesloftClient(
            wire=shared,
            tokens=FixedToken(key or self.teams[team]["api_key"]),
            budget=MinuteBudget(clock=CLOCK),
            clock=CLOCK,
            settings=TransportSettings(base_url=f"{self.url}/v2"),
            context=CallContext(lane=Lane.ENROLLMENT, time_budget_s=90.0),
        )


@pytest.fixture(scope="module")
async def simulator() -> AsyncIterator[Simulator]:
    named = [word for team in TEAMS for word in ("--team", team)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.salesloft", "--port", "0", "--speed", "0", "--now", NOW.isoformat()),
        *(*named, "--people", "30", "--until-stdin-closes"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1024 * 1024,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told = orjson.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        yield Simulator(told["base_url"], {team["name"]: team for team in told["teams"]})
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 20)


async def test_every_list_can_be_read(simulator: Simulator, shared: Wire) -> None:
    client = simulator.client(shared, "Reading")
    team = simulator.teams["Reading"]
    me = await client.me()
    assert me.id in {user["id"] for user in team["users"]}
    assert (await client.team()).id == team["team_id"]
    assert {user.id for user in (await client.users()).rows} == {user["id"] for user in team["users"]}
    addable = (await client.cadences(people_addable=True)).rows
    assert addable
    assert not any(cadence.draft or cadence.archived for cadence in addable)
    steps = (await client.steps(cadence_id=addable[0].id)).rows
    assert {step.cadence.id for step in steps if step.cadence} == {addable[0].id}
    person = (await client.people(per_page=1)).rows[0]
    assert person.email_address
    assert [found.id for found in (await client.people(email_addresses=[person.email_address])).rows] == [person.id]
    assert (await client.person(person.id)).contact_restrictions is not None
    assert (await client.accounts()).rows
    assert (await client.actions()).rows == ()
    with pytest.raises(NotFound):
        await client.action(1)


async def test_a_wrong_key_is_unauthorized(simulator: Simulator, shared: Wire) -> None:
    with pytest.raises(Unauthorized):
        await simulator.client(shared, "Reading", "v2_ak_1_0000000000").me()


async def test_enrolling_and_reading_back(simulator: Simulator, shared: Wire) -> None:
    client = simulator.client(shared, "Enrolling")
    team = simulator.teams["Enrolling"]
    cadence = next(cadence for cadence in team["cadences"] if cadence["team_cadence"] and not cadence["draft"])
    upsert = PersonUpsert(upsert_key="email_address", email_address="new@person.example", first_name="New")
    made = await client.upsert_person(upsert)
    again = await client.upsert_person(upsert)
    assert (made.upsert_type, again.upsert_type) == ("create", "update")
    assert made.person.id == again.person.id
    enroll = NewMembership(person_id=made.person.id, cadence_id=cadence["id"], user_id=team["users"][0]["id"])
    membership = await client.create_membership(enroll)
    assert membership.currently_on_cadence
    with pytest.raises(Unprocessable) as caught:
        await client.create_membership(enroll)
    assert caught.value.already_on_cadence
    assert [row.id for row in (await client.memberships(person_ids=[made.person.id])).rows] == [membership.id]
    batches = [batch async for batch in client.changes(MEMBERSHIPS, BEGINNING, settle=timedelta(0))]
    assert [row.id for batch in batches for row in batch.rows] == [membership.id]


async def test_changes_at_one_instant_are_all_read(simulator: Simulator, shared: Wire) -> None:
    client = simulator.client(shared, "Reading")
    known = {row.id for number in (1, 2, 3, 4, 5) for row in (await client.people(page=number, per_page=7)).rows}
    made = [
        await client.upsert_person(PersonUpsert(upsert_key="email_address", email_address=f"tie{n}@person.example"))
        for n in range(20)
    ]
    read = client.changes(PEOPLE, BEGINNING, settle=timedelta(0), settings=CursorSettings(per_page=7))
    ids = [row.id async for batch in read for row in batch.rows]
    assert len(ids) == len(set(ids))
    assert set(ids) == known | {one.person.id for one in made}


async def test_a_refresh_token_is_good_once(simulator: Simulator, shared: Wire) -> None:
    team = simulator.teams["Connecting"]
    app = OAuthApp(
        client_id=team["client_id"],
        client_secret=team["client_secret"],
        redirect_uri="http://127.0.0.1/callback",
        auth_host=simulator.url,
    )
    endpoint = TokenEndpoint(app, wire=shared, clock=CLOCK)
    first = team["tokens"]["refresh_token"]
    grant = await endpoint.refresh(first)
    assert grant.expires_at == NOW + timedelta(hours=2)
    assert "people:read" in grant.scope
    assert (await simulator.client(shared, "Connecting", grant.access_token).team()).id == team["team_id"]
    with pytest.raises(GrantRevoked):
        await endpoint.refresh(first)


async def test_a_spent_minute_is_told_by_headers_before_it_is_told_by_429(simulator: Simulator, shared: Wire) -> None:
    client = simulator.client(shared, "Spending").using(lane=Lane.INTERACTIVE)
    calls = [asyncio.create_task(client.team()) for _ in range(600)]
    assert {team.id for team in await asyncio.gather(*calls)} == {simulator.teams["Spending"]["team_id"]}
    with pytest.raises(Throttled) as caught:
        await client.team()
    assert caught.value.status is None, "it was not sent"
    stranger = simulator.client(shared, "Spending")
    with pytest.raises(Throttled) as caught:
        await stranger.team()
    assert caught.value.status == 429
    assert caught.value.retry_at == datetime(2026, 3, 2, 10, 1, 1, tzinfo=UTC)

"""Reading changes from the simulator: ties across page ends, late commits, rows that change and go meanwhile."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from salesloft_client import (
    MEMBERSHIPS,
    PEOPLE,
    Batch,
    BusinessClock,
    CursorPosition,
    CursorSettings,
    FixedToken,
    Person,
    PersonUpsert,
    SalesloftClient,
    TransportSettings,
    Wire,
    every_page,
)
from sandbox.salesloft.server import SimulatorClient

BEGINNING = CursorPosition(updated_at=datetime(2020, 1, 1, tzinfo=UTC))
LATEST_COMMIT_S = 90
SETTLED_S = 121
_names = count()

Version = tuple[int, datetime]


@dataclass
class Town:
    """A team, its people as they are made, changed and deleted, and what a reader was given."""

    simulator: SimulatorClient
    client: SalesloftClient
    http: httpx.AsyncClient
    team_id: int
    now: datetime
    alive: dict[int, datetime] = field(default_factory=dict)
    position: CursorPosition = BEGINNING
    read: list[Version] = field(default_factory=list)

    async def pass_time(self, seconds: float) -> None:
        self.now = await self.simulator.advance(seconds)

    async def happen(self, kind: str, which: int) -> None:
        ids = sorted(self.alive)
        if kind == "wait":
            await self.pass_time(which * 7)
        elif kind == "people":
            for _ in range(which):
                address = f"person{next(_names)}@cursor.example"
                upsert = PersonUpsert(upsert_key="email_address", email_address=address)
                made = (await self.client.upsert_person(upsert)).person
                self.alive[made.id] = made.updated_at
        elif ids and kind == "change":
            upsert = PersonUpsert(upsert_key="id", id=ids[which % len(ids)], title=f"Title {next(_names)}")
            changed = (await self.client.upsert_person(upsert)).person
            self.alive[changed.id] = changed.updated_at
        elif ids and kind == "delete":
            gone = ids[which % len(ids)]
            (await self.http.delete(f"/people/{gone}")).raise_for_status()
            del self.alive[gone]

    def changes(self, per_page: int) -> "aclosing[Any]":
        read = self.client.changes(PEOPLE, self.position, settings=CursorSettings(per_page=per_page))
        return aclosing(cast("Any", read))

    def take(self, batch: Batch[Person]) -> None:
        """As a reader does it: what a batch holds and its position are kept together."""
        self.read += [(row.id, row.updated_at) for row in batch.rows]
        self.position = CursorPosition.from_json(batch.position.to_json())


@pytest.fixture(scope="module")
async def long_lived() -> AsyncIterator[Wire]:
    async with Wire() as wire:
        yield wire


async def town_of(simulator: SimulatorClient, wire: Wire, **switches: Any) -> Town:
    switches = {"cost_per_minute": 100_000, **switches}
    team = await simulator.team(f"Cursor {next(_names)}", switches=switches)
    now = await simulator.now()
    http = httpx.AsyncClient(
        base_url=f"{simulator.base_url}/v2", headers={"authorization": f"Bearer {team['api_key']}"}, timeout=30.0
    )
    made: list[Town] = []
    client = SalesloftClient(
        wire=wire,
        tokens=FixedToken(team["api_key"]),
        clock=BusinessClock(now=lambda: made[0].now, speed=lambda: 0.0),
        settings=TransportSettings(base_url=f"{simulator.base_url}/v2"),
    )
    made.append(Town(simulator, client, http, team["team_id"], now))
    return made[0]


happening = st.one_of(
    st.tuples(st.just("people"), st.integers(1, 9)),
    st.tuples(st.just("change"), st.integers(0, 30)),
    st.tuples(st.just("change"), st.integers(0, 30)),
    st.tuples(st.just("delete"), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.integers(0, 20)),
    st.tuples(st.just("restart"), st.just(0)),
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    # Of one instant; later ones are seen only when their transactions commit, up to so many seconds late.
    first=st.integers(0, 12),
    latest_commit_s=st.sampled_from([0, LATEST_COMMIT_S]),
    # What happens after each page, while the reader takes it in.
    script=st.lists(st.lists(happening, max_size=3), max_size=8),
    per_page=st.integers(1, 4),
)
# Ten people at one instant fill pages of three; one of them changes while they are turned, another one goes.
@example(
    first=10, latest_commit_s=0, script=[[("wait", 20)], [("change", 1)], [("delete", 5)], [("people", 3)]], per_page=3
)
async def test_nothing_is_missed_and_nothing_read_twice(
    simulator: SimulatorClient,
    long_lived: Wire,
    first: int,
    latest_commit_s: int,
    script: list[list[tuple[str, int]]],
    per_page: int,
) -> None:
    town = await town_of(simulator, long_lived)
    async with town.http:
        await town.happen("people", first)
        await simulator.switch(town.team_id, commit_lag_seconds=latest_commit_s)
        await town.pass_time(SETTLED_S)
        happenings = iter(script)
        is_over = False
        while not is_over:
            async with town.changes(per_page) as batches:
                async for batch in batches:
                    town.take(batch)
                    now = next(happenings, [])
                    for kind, which in now:
                        await town.happen(kind, which)
                    if any(kind == "restart" for kind, _ in now):
                        break
                else:
                    # A pass that found nothing to tell lets something happen, too.
                    left = next(happenings, None)
                    is_over = left is None
                    for kind, which in left or ():
                        await town.happen(kind, which)
        await town.pass_time(SETTLED_S)
        async with town.changes(per_page) as batches:
            async for batch in batches:
                town.take(batch)
    assert set(town.alive.items()) <= set(town.read)
    assert len(town.read) == len(set(town.read))


@pytest.mark.parametrize("per_page", [100, 25])
async def test_350_rows_of_one_instant(simulator: SimulatorClient, long_lived: Wire, per_page: int) -> None:
    town = await town_of(simulator, long_lived)
    team = await simulator.call("GET", f"teams/{town.team_id}")
    cadence_id = (await town.client.cadences(people_addable=True)).rows[0].id
    assert team["switches"]["tie_order"] == "by id"
    made = await simulator.call(
        "POST",
        f"teams/{town.team_id}/population",
        {"cadence_id": cadence_id, "people": 750, "emails_each": 0, "same_instant": 350},
    )
    await town.pass_time(SETTLED_S)
    read: list[Version] = []
    limits = CursorSettings(per_page=per_page)
    async for batch in town.client.changes(MEMBERSHIPS, BEGINNING, settings=limits):
        read += [(row.id, row.updated_at) for row in batch.rows]
    expected = {
        (row.id, row.updated_at)
        async for page in every_page(lambda number: town.client.memberships(page=number))
        for row in page.rows
    }
    await town.http.aclose()
    assert len(expected) == made["people"] == 750
    assert sorted([at for _, at in expected].count(instant) for instant in {at for _, at in expected}) == [50, 350, 350]
    assert len(read) == 750
    assert set(read) == expected

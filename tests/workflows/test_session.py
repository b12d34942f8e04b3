"""Connecting a team and keeping its tokens alive, against the simulator's own authority."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from cryptography.fernet import Fernet

from salesloft_client import (
    AccessToken,
    GrantRevoked,
    Lane,
    NotSent,
    OAuthApp,
    TokenEndpoint,
    TransportSettings,
    Unauthorized,
)
from sandbox.salesloft.server import SimulatorClient, running_simulator
from storage import connections
from storage.errors import StorageUnavailable
from storage.pool import Database, DatabaseOptions
from telemetry import metrics
from workflows.credentials import ApiKey, CredentialUnreadable, Keyring, OAuthTokens
from workflows.salesloft_time import DatedWire
from workflows.session import STREAMS, NotConnected, Session, SessionOptions, Sessions, TeamTaken

KEYS = {"old": Fernet.generate_key().decode(), "new": Fernet.generate_key().decode()}


class MovingClock:
    """The simulator's time as of the last `advance`, and the machine's since."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.speed = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Town:
    """A simulator, a database, and processes that share them."""

    def __init__(self, simulator: SimulatorClient, database: Database, wire: DatedWire, clock: MovingClock) -> None:
        self.simulator = simulator
        self.database = database
        self.wire = wire
        self.clock = clock

    async def team(self, **switches: Any) -> dict[str, Any]:
        return await self.simulator.team(f"Team {uuid4().hex[:6]}", switches=switches)

    def process(self, team: dict[str, Any], keyring: Keyring | None = None) -> Sessions:
        """The sessions of one process."""
        app = OAuthApp(
            client_id=team["client_id"],
            client_secret=team["client_secret"],
            redirect_uri="http://localhost/callback",
            auth_host=self.simulator.base_url,
        )
        return Sessions(
            database=self.database,
            wire=self.wire,
            keyring=keyring or Keyring(KEYS, "old"),
            clock=self.clock,
            options=SessionOptions(
                app=app,
                auth_host=self.simulator.base_url,
                transport=TransportSettings(base_url=f"{self.simulator.base_url}/v2"),
            ),
        )

    async def connected(self, team: dict[str, Any]) -> tuple[str, Sessions]:
        """An organization that is connected by OAuth."""
        organization_id, sessions = f"org-{uuid4().hex[:8]}", self.process(team)
        await sessions.connect(organization_id, self.pair(team), by="usr-1")
        return organization_id, sessions

    def pair(self, team: dict[str, Any]) -> OAuthTokens:
        tokens = team["tokens"]
        return OAuthTokens(
            access_token=tokens["access_token"],
            refresh_token=tokens["refresh_token"],
            expires_at=self.clock.now() + timedelta(seconds=tokens["expires_in"]),
        )

    async def advance(self, seconds: float) -> None:
        self.clock.ahead = await self.simulator.advance(seconds) - datetime.now(UTC)

    async def row(self, organization_id: str) -> Any:
        async with self.database.connection() as connection:
            query = "SELECT * FROM salesloft_connections WHERE organization_id = $1"
            return await connection.fetchrow(query, organization_id)

    async def events(self) -> list[str]:
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT type FROM outbox ORDER BY position")
        return [row["type"].removeprefix("ai.cscx.salesloft.") for row in rows]


@pytest.fixture(scope="module")
async def simulator() -> AsyncIterator[SimulatorClient]:
    async with running_simulator() as running:
        yield running


@pytest.fixture
async def town(simulator: SimulatorClient, migrated: str) -> AsyncIterator[Town]:
    clock = MovingClock()
    clock.ahead = await simulator.now() - datetime.now(UTC)
    async with Database.connected(DatabaseOptions(dsn=migrated, max_size=20)) as database, DatedWire(clock) as wire:
        yield Town(simulator, database, wire, clock)


async def _everybody_asks(sessions: Sequence[Session], rejected: AccessToken) -> set[str]:
    tokens = await asyncio.gather(*(session.tokens.refreshed(rejected) for session in sessions))
    return {token.value for token in tokens}


async def test_connecting_reads_what_the_team_has(town: Town) -> None:
    team = await town.team()
    organization_id, _ = await town.connected(team)
    async with town.database.connection() as connection:
        cadences = await connection.fetch("SELECT * FROM salesloft_cadences")
        users = await connection.fetch("SELECT user_id FROM salesloft_users")
        streams = await connection.fetch("SELECT stream FROM sync_streams WHERE organization_id = $1", organization_id)
        version = await connection.fetchval("SELECT decision_version FROM organizations")
    assert {row["cadence_id"]: row["people_addable"] for row in cadences} == {
        one["id"]: not (one["draft"] or one["archived"]) for one in team["cadences"]
    }
    assert {row["user_id"] for row in users} == {one["id"] for one in team["users"]}
    assert {row["stream"] for row in streams} == set(STREAMS)
    assert version == 2


async def test_a_credential_that_does_not_work_is_not_kept(town: Town) -> None:
    team = await town.team()
    with pytest.raises(Unauthorized):
        await town.process(team).connect("org-1", ApiKey("ak_0000"), by=None)
    assert await town.row("org-1") is None


async def test_a_team_belongs_to_one_organization(town: Town) -> None:
    team = await town.team()
    await town.connected(team)
    with pytest.raises(TeamTaken):
        await town.process(team).connect("org-other", ApiKey(team["api_key"]), by=None)
    assert await town.row("org-other") is None


async def test_another_team_begins_with_nothing_of_the_first(town: Town) -> None:
    first, second = await town.team(), await town.team()
    organization_id, sessions = await town.connected(first)
    async with town.database.connection() as connection:
        await connection.execute("UPDATE sync_streams SET position_at = now()")
        await connection.execute(
            "INSERT INTO stakeholder_people VALUES ($1, 'sth-1', 7, 'upsert', now())", organization_id
        )
    await sessions.connect(organization_id, ApiKey(second["api_key"]), by=None)
    async with town.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM stakeholder_people") == 0
        assert await connection.fetchval("SELECT count(position_at) FROM sync_streams") == 0
        ids = {row["cadence_id"] for row in await connection.fetch("SELECT cadence_id FROM salesloft_cadences")}
    assert ids == {one["id"] for one in second["cadences"]}
    session = await sessions.of(organization_id)
    assert (await session.client.team()).id == second["team_id"]


async def test_credentials_are_not_to_be_read_in_the_database(town: Town) -> None:
    team = await town.team()
    organization_id, _ = await town.connected(team)
    row = await town.row(organization_id)
    assert row["key_id"] == "old"
    for token in (team["tokens"]["access_token"], team["tokens"]["refresh_token"]):
        assert token.encode() not in bytes(row["secret"])
    async with town.database.connection() as connection:
        stored = await connections.read(connection, organization_id)
    assert stored is not None
    assert stored.credential is not None
    with pytest.raises(CredentialUnreadable):
        Keyring(KEYS, "old").open("org-other", stored.credential)
    with pytest.raises(CredentialUnreadable):
        Keyring({"new": KEYS["new"]}, "new").open(organization_id, stored.credential)


async def test_a_refresh_moves_the_credential_to_the_current_key(town: Town) -> None:
    team = await town.team()
    organization_id, _ = await town.connected(team)
    session = await town.process(team, Keyring(KEYS, "new")).of(organization_id)
    await session.tokens.refreshed(await session.tokens.access_token())
    assert (await town.row(organization_id))["key_id"] == "new"
    assert (await (await town.process(team).of(organization_id)).client.me()).id


async def test_an_expired_token_is_refreshed_before_the_call(town: Town) -> None:
    team = await town.team()
    organization_id, sessions = await town.connected(team)
    session = await sessions.of(organization_id)
    before = await session.tokens.access_token()
    await town.advance(2 * 3600 + 1)
    assert (await session.client.me()).id
    assert (await session.tokens.access_token()).value != before.value
    assert (await town.row(organization_id))["token_generation"] == 2


async def test_a_token_that_died_early_is_refreshed_after_its_401(town: Town) -> None:
    team = await town.team(earlier_access="dies")
    organization_id, _ = await town.connected(team)
    here, there = town.process(team), town.process(team)
    one, other = await here.of(organization_id), await there.of(organization_id)
    assert (await other.client.me()).id
    await one.tokens.refreshed(await one.tokens.access_token())
    assert (await other.client.me()).id
    assert (await town.row(organization_id))["token_generation"] == 2


async def _waiting_for_locks(dsn: str) -> int:
    """How many transactions of a database wait for another one's."""
    # By who owns the database: the worker does not see what others wait for.
    connection = await asyncpg.connect(dsn)
    try:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


async def test_of_many_racing_refreshes_one_asks_salesloft(
    town: Town, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refresh revokes the tokens before it: a second one with the same refresh token would end the connection."""
    asked = 0
    original = TokenEndpoint.refresh

    async def counted(self: TokenEndpoint, refresh_token: str, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        # The race is on: the others wait for the row, or do not and ask as well.
        async with asyncio.timeout(10):
            while asked == 1 and await _waiting_for_locks(migrated) < 5:  # noqa: ASYNC110  # Postgres tells nobody
                await asyncio.sleep(0.01)
        return await original(self, refresh_token, **more)

    monkeypatch.setattr(TokenEndpoint, "refresh", counted)
    team = await town.team()
    organization_id, _ = await town.connected(team)
    sessions = [await town.process(team).of(organization_id) for _ in range(6)]
    rejected = await sessions[0].tokens.access_token()
    for _ in range(2):
        assert len(await _everybody_asks([*sessions, *sessions], rejected)) == 1
    assert asked == 1
    assert (await town.row(organization_id))["status"] == "connected"


async def test_a_revoked_grant_needs_a_person_and_says_so_once(town: Town) -> None:
    team = await town.team(earlier_access="dies")
    organization_id, sessions = await town.connected(team)
    session = await sessions.of(organization_id)
    await town.simulator.call("DELETE", f"teams/{team['team_id']}/tokens")
    for _ in range(2):
        with pytest.raises(GrantRevoked):
            await session.client.me()
    row = await town.row(organization_id)
    assert (row["status"], row["status_reason"]) == ("needs_reauthorization", "invalid_grant")
    assert (await town.events()).count("connection-needs-reauthorization.v1") == 1
    with pytest.raises(NotConnected):
        await sessions.of(organization_id)
    await sessions.connect(organization_id, ApiKey(team["api_key"]), by="usr-1")
    assert (await (await sessions.of(organization_id)).client.me()).id


async def test_an_invalid_grant_beside_a_newer_pair_is_a_race(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody connected the team again while the old refresh token was being refused."""
    team = await town.team()
    organization_id, sessions = await town.connected(team)
    session = await sessions.of(organization_id)
    rejected = await session.tokens.access_token()
    await town.simulator.call("DELETE", f"teams/{team['team_id']}/tokens")
    original = TokenEndpoint.refresh
    fresh = await town.simulator.call("POST", f"teams/{team['team_id']}/tokens", {})

    async def overtaken(self: TokenEndpoint, refresh_token: str, **more: Any) -> Any:
        try:
            return await original(self, refresh_token, **more)
        finally:
            asyncio.get_running_loop().create_task(_connect_again(town, sessions, organization_id, fresh))

    monkeypatch.setattr(TokenEndpoint, "refresh", overtaken)
    refused = connections.give_up

    async def after_the_other(*arguments: Any, **more: Any) -> Any:
        while (await town.row(organization_id))["token_generation"] == 1:  # noqa: ASYNC110  # it is a row
            await asyncio.sleep(0.01)
        return await refused(*arguments, **more)

    monkeypatch.setattr(connections, "give_up", after_the_other)
    assert (await session.tokens.refreshed(rejected)).value == fresh["access_token"]
    assert (await town.row(organization_id))["status"] == "connected"


async def _connect_again(town: Town, sessions: Sessions, organization_id: str, tokens: dict[str, Any]) -> None:
    await sessions.connect(organization_id, town.pair({"tokens": tokens}), by="usr-2")


async def test_a_pair_whose_commit_was_lost_is_stored_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    team = await town.team(earlier_access="dies")
    organization_id, sessions = await town.connected(team)
    session = await sessions.of(organization_id)
    rejected = await session.tokens.access_token()
    original, failures = connections.put_credential, [1, 1]

    async def failing(*arguments: Any, **more: Any) -> Any:
        if failures:
            failures.pop()
            raise StorageUnavailable("the server went away")
        return await original(*arguments, **more)

    monkeypatch.setattr(connections, "put_credential", failing)
    token = await session.tokens.refreshed(rejected)
    assert (await town.row(organization_id))["token_generation"] == 2
    other = await town.process(team).of(organization_id)
    assert (await other.tokens.access_token()).value == token.value
    assert (await other.client.me()).id


async def test_a_token_endpoint_that_is_down_leaves_the_connection_alone(town: Town) -> None:
    team = await town.team()
    organization_id, _ = await town.connected(team)
    town_without = Town(town.simulator, town.database, town.wire, town.clock)
    app = OAuthApp(
        client_id="c", client_secret="s", redirect_uri="http://localhost/callback", auth_host="http://127.0.0.1:9"
    )
    sessions = Sessions(
        database=town_without.database,
        wire=town.wire,
        keyring=Keyring(KEYS, "old"),
        clock=town.clock,
        options=SessionOptions(app=app, transport=TransportSettings(base_url=f"{town.simulator.base_url}/v2")),
    )
    session = await sessions.of(organization_id)
    with pytest.raises(NotSent):
        await session.tokens.refreshed(await session.tokens.access_token())
    await town.advance(2 * 3600 - 60)
    # About to expire, and good for the moment.
    assert (await session.client.me()).id
    assert (await town.row(organization_id))["status"] == "connected"


async def test_a_minute_of_a_clock_that_runs_faster_has_the_same_calls_in_it(town: Town) -> None:
    organization_id, sessions = await town.connected(await town.team())
    town.clock.speed = 1000.0
    budget = sessions.budgets.of(organization_id, (await sessions.of(organization_id)).team_id)
    # Ten seconds and more at the pace of a clock that goes as ours does.
    async with asyncio.TaskGroup() as group:
        for _ in range(80):
            group.create_task(budget.acquire(cost=1, lane=Lane.POLL, within_s=8.0))


async def test_salesloft_time_never_runs_ahead(town: Town) -> None:
    team = await town.team()
    organization_id, sessions = await town.connected(team)
    await town.advance(3600)
    session = await sessions.of(organization_id)
    before = await town.simulator.now()
    await session.client.me()
    earliest = sessions.wire.time.earliest(town.clock.now())
    assert earliest is not None
    assert before - timedelta(seconds=3) < earliest < await town.simulator.now()


async def test_a_team_that_was_left_has_no_figures_any_more(town: Town) -> None:
    first, second = await town.team(), await town.team()
    organization_id, sessions = await town.connected(first)
    await (await sessions.of(organization_id)).client.me()
    assert _is_told_of(first)
    await sessions.connect(organization_id, ApiKey(second["api_key"]), by=None)
    await (await sessions.of(organization_id)).client.me()
    assert (_is_told_of(first), _is_told_of(second)) == (False, True)
    # Another process has left it.
    async with town.database.connection() as connection:
        await connection.execute("UPDATE salesloft_connections SET status = 'disconnected'")
    with pytest.raises(NotConnected):
        await sessions.of(organization_id)
    assert not _is_told_of(second)


def _is_told_of(team: dict[str, Any]) -> bool:
    return f'team_id="{team["team_id"]}"' in metrics.exposition()[0].decode()

"""What becomes of a connection besides its refreshes: other teams, disconnecting, our application, keys that rotate."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from enrollment.decide import Candidate, decide
from salesloft_client import NotSent
from sandbox.salesloft.server import SimulatorClient
from schemas.vocabulary import CandidateOutcome, Reason, TriggerType
from storage import audit, connections, organizations, webhooks
from storage.pool import Connection, Database
from storage.sync import SyncStream
from tests.enrollment.samples import situation, stakeholder
from tests.workflows.test_session import KEYS, MovingClock, Town
from workflows.credentials import ApiKey, Keyring
from workflows.key_rotation import Rotated, rotate_keys
from workflows.mappings import default_mappings, publish, validate
from workflows.salesloft_time import DatedWire
from workflows.session import NotConnected
from workflows.webhooks import callback_token, new_receiver


@pytest.fixture
async def town(simulator: SimulatorClient, database: Database) -> AsyncIterator[Town]:
    clock = MovingClock()
    clock.ahead = await simulator.now() - datetime.now(UTC)
    async with DatedWire(clock) as wire:
        yield Town(simulator, database, wire, clock)


async def mapped(town: Town, organization_id: str) -> list[str]:
    """Publish the four defaults; their ids."""
    async with town.database.transaction() as connection:
        facts = (await organizations.read_facts(connection, [organization_id]))[organization_id]
        found = default_mappings(organization_id, list(facts.cadences.values()))
        named = [(mapping, cadence.name) for mapping, cadence in found]
        published = await publish(connection, organization_id, named, by="usr-1", now=town.clock.now())
    return sorted(str(mapping.id) for mapping in published)


async def parked(connection: Connection, organization_id: str) -> list[str]:
    found = await organizations.list_published(connection, organization_id)
    return sorted(str(mapping.id) for mapping in found if mapping.parked)


async def test_mappings_of_another_team_are_parked_and_count_again_with_their_own(town: Town) -> None:
    first, second = await town.team(), await town.team()
    organization_id, sessions = await town.connected(first)
    ids = await mapped(town, organization_id)
    async with town.database.connection() as connection:
        assert await parked(connection, organization_id) == []
    connected = await sessions.connect(organization_id, ApiKey(second["api_key"]), by=None)
    assert connected.parked == len(ids)
    async with town.database.connection() as connection:
        assert await parked(connection, organization_id) == ids
        sets = await connection.fetch("SELECT members FROM mapping_sets ORDER BY decision_version DESC LIMIT 1")
        assert sets[0]["members"].count('"parked": true') == len(ids)
    back = await sessions.connect(organization_id, ApiKey(first["api_key"]), by=None)
    assert back.parked == 0


async def test_a_mapping_counts_again_once_it_is_validated_or_published_anew(town: Town) -> None:
    first, second = await town.team(), await town.team()
    organization_id, sessions = await town.connected(first)
    ids = await mapped(town, organization_id)
    await sessions.connect(organization_id, ApiKey(second["api_key"]), by=None)
    async with town.database.transaction() as connection:
        validated = await validate(connection, organization_id, now=town.clock.now())
        assert (len(validated.counting), len(validated.parked)) == (0, len(ids))
        assert await parked(connection, organization_id) == ids
    # A cadence of the new team goes by the id that one of them names.
    async with town.database.transaction() as connection:
        await connection.execute(
            "UPDATE salesloft_cadences SET cadence_id = m.cadence_id FROM salesloft_cadence_mappings m"
            " WHERE m.id = $1::uuid AND salesloft_cadences.name = m.cadence_name",
            ids[0],
        )
        before = (await organizations.decision_versions(connection, [organization_id]))[organization_id]
        validated = await validate(connection, organization_id, now=town.clock.now())
        assert [str(mapping.id) for mapping in validated.counting] == ids[:1]
        assert await parked(connection, organization_id) == ids[1:]
        assert (await organizations.decision_versions(connection, [organization_id]))[organization_id] > before
    await sessions.connect(organization_id, ApiKey(second["api_key"]), by=None)
    assert await mapped(town, organization_id) == ids
    async with town.database.connection() as connection:
        assert await parked(connection, organization_id) == []


async def test_a_mapping_that_was_published_without_a_connection_belongs_to_the_first_team(town: Town) -> None:
    first, second = await town.team(), await town.team()
    organization_id, sessions = await town.connected(first)
    ids = await mapped(town, organization_id)
    async with town.database.connection() as connection:
        await connection.execute("UPDATE salesloft_cadence_mappings SET team_id = NULL")
        assert await parked(connection, organization_id) == []
    await sessions.connect(organization_id, ApiKey(second["api_key"]), by=None)
    async with town.database.connection() as connection:
        assert await parked(connection, organization_id) == ids


async def test_a_parked_mapping_decides_nothing_and_defers(town: Town) -> None:
    first, second = await town.team(), await town.team()
    organization_id, sessions = await town.connected(first)
    await mapped(town, organization_id)
    await sessions.connect(organization_id, ApiKey(second["api_key"]), by=None)
    async with town.database.connection() as connection:
        facts = (await organizations.read_facts(connection, [organization_id]))[organization_id]
    mappings = facts.mappings.for_segment(TriggerType.RENEWAL_WINDOW, None)
    assert [compiled.mapping.parked for compiled in mappings] == [True]
    decisions = decide(situation(Candidate(stakeholder(is_champion=True), None)), facts, town.clock.now())
    assert {(one.outcome, one.reason) for one in decisions} == {(CandidateOutcome.DEFER, Reason.CADENCE_UNAVAILABLE)}


async def test_disconnecting_keeps_mappings_and_history_and_drops_the_secrets(town: Town) -> None:
    team = await town.team()
    organization_id, sessions = await town.connected(team)
    ids = await mapped(town, organization_id)
    async with town.database.connection() as connection:
        await connection.execute("UPDATE sync_streams SET position_at = now()")
    access = (await (await sessions.of(organization_id)).tokens.access_token()).value
    done = await sessions.disconnect(organization_id, by="usr-1")
    assert (done.team_id, done.tidied) == (team["team_id"], True)
    row = await town.row(organization_id)
    assert (row["status"], row["secret"], row["key_id"], row["expires_at"]) == ("disconnected", None, None, None)
    with pytest.raises(NotConnected):
        await sessions.of(organization_id)
    with pytest.raises(NotConnected):
        await sessions.disconnect(organization_id, by="usr-1")
    answer = await town.simulator._http.get(
        f"{town.simulator.base_url}/v2/me", headers={"authorization": f"Bearer {access}"}
    )
    assert answer.status_code == 401
    async with town.database.connection() as connection:
        facts = (await organizations.read_facts(connection, [organization_id]))[organization_id]
        assert not facts.connected
        assert sorted(str(mapping.id) for mapping in facts.mappings.all()) == ids
        assert await connection.fetchval("SELECT count(position_at) FROM sync_streams") > 0
    # The team is free, and whoever has it next is not told of the one before.
    await town.process(team).connect("org-next", ApiKey(team["api_key"]), by=None)


async def test_salesloft_need_not_answer_for_a_connection_to_end(town: Town) -> None:
    team = await town.team()
    organization_id, sessions = await town.connected(team)
    async with town.database.transaction() as connection:
        await webhooks.make_receiver(connection, new_receiver(organization_id, Keyring(KEYS, "old")))
    await town.simulator.add_fault(team_id=team["team_id"], kind="status", status=500)
    assert not (await sessions.disconnect(organization_id, by="usr-1")).tidied
    assert (await town.row(organization_id))["secret"] is None


async def test_that_our_own_application_is_refused_gives_up_no_connection(town: Town) -> None:
    """A wrong secret in the settings is mended there, and each grant is as good as before."""
    team = await town.team()
    organization_id, _ = await town.connected(team)
    await town.advance(2 * 3600 + 1)
    session = await town.process({**team, "client_secret": "mistyped"}).of(organization_id)
    with pytest.raises(NotSent):
        await session.client.me()
    assert (await town.row(organization_id))["status"] == "connected"
    assert (await (await town.process(team).of(organization_id)).client.me()).id


async def test_a_teams_own_application_that_is_taken_away_needs_a_person(town: Town) -> None:
    team = await town.team()
    organization_id, sessions = f"org-{uuid4().hex[:8]}", town.process(team)
    await sessions.connect_with_client(organization_id, team["client_id"], team["client_secret"], by=None)
    taken_away = {"client_id": team["client_id"], "client_secret": "another"}
    await town.simulator.call("POST", "applications", taken_away)
    await town.advance(2 * 3600 + 1)
    with pytest.raises(Exception, match="client id or secret"):
        await (await sessions.of(organization_id)).client.me()
    row = await town.row(organization_id)
    assert (row["status"], row["status_reason"]) == ("needs_reauthorization", "invalid_client")


async def rotated(town: Town, keyring: Keyring) -> list[Rotated]:
    return [one async for one in rotate_keys(town.database, keyring, by="usr-1", clock=town.clock)]


async def test_keys_are_rotated_beside_processes_that_run(town: Town) -> None:
    old, new = Keyring(KEYS, "old"), Keyring(KEYS, "new")
    teams = [await town.team(), await town.team()]
    (one, running), (other, _) = await town.connected(teams[0]), await town.connected(teams[1])
    session = await running.of(one)
    await session.client.me()
    async with town.database.transaction() as connection:
        receiver = await webhooks.make_receiver(connection, new_receiver(one, old))
    assert [(step.done, step.total, step.unreadable) for step in await rotated(town, new)] == [
        (1, 2, None),
        (2, 2, None),
    ]
    assert await rotated(town, new) == []
    alone = Keyring({"new": KEYS["new"]}, "new")
    async with town.database.connection() as connection:
        for organization_id, team in ((one, teams[0]), (other, teams[1])):
            stored = await connections.read(connection, organization_id)
            assert stored is not None
            assert stored.credential is not None
            assert stored.generation == 1
            assert alone.open(organization_id, stored.credential).access().value == team["tokens"]["access_token"]
        moved = await webhooks.receiver_of(connection, one)
    assert moved is not None
    assert moved.receiver_id == receiver.receiver_id
    assert callback_token(moved, alone) == callback_token(receiver, old)
    # Who holds the credential in memory refreshes it as if nothing had happened.
    await session.tokens.refreshed(await session.tokens.access_token())
    assert (await town.row(one))["token_generation"] == 2


async def test_a_secret_whose_key_is_gone_is_named_and_holds_up_no_other(town: Town) -> None:
    lost, _ = await town.connected(await town.team())
    found, _ = await town.connected(await town.team())
    async with town.database.connection() as connection:
        await connection.execute("UPDATE salesloft_connections SET key_id = 'gone' WHERE organization_id = $1", lost)
    steps = {step.organization_id: step.unreadable for step in await rotated(town, Keyring(KEYS, "new"))}
    assert steps == {lost: "the key gone is not among the keys", found: None}
    assert (await town.row(found))["key_id"] == "new"


async def test_a_record_that_is_told_of_while_it_is_read_is_read_again(town: Town) -> None:
    organization_id, _ = await town.connected(await town.team())
    hinted: dict[str, Any] = {"organization_id": organization_id, "stream": SyncStream.PEOPLE}
    async with town.database.transaction() as connection:
        await webhooks.hint(connection, **hinted, record_id=7, deleted=False)
        await webhooks.hint(connection, **hinted, record_id=8, deleted=False)
        read = await webhooks.hints(connection, organization_id, limit=100, now=town.clock.now())
        await webhooks.hint(connection, **hinted, record_id=7, deleted=True)
        await webhooks.settle_hints(connection, organization_id, read)
        left = await webhooks.hints(connection, organization_id, limit=100, now=town.clock.now())
    assert [(hint.record_id, hint.told, hint.deleted) for hint in left] == [(7, 2, True)]


async def test_who_connected_and_disconnected_and_moved_keys_is_noted(town: Town) -> None:
    team = await town.team()
    organization_id, sessions = f"org-{uuid4().hex[:8]}", town.process(team)
    for _ in range(2):
        await sessions.connect(organization_id, ApiKey(team["api_key"]), by="usr-1")
    assert not [one for one in await rotated(town, Keyring(KEYS, "new")) if one.unreadable]
    await sessions.disconnect(organization_id, by="usr-2")
    async with town.database.connection() as connection:
        found = [one.entry for one in await audit.latest(connection, organization_id, limit=9)]
    told = f"team/{team['team_id']}"
    assert [(one.action, one.subject, one.actor) for one in reversed(found)] == [
        ("connection.connected", told, "usr-1"),
        ("connection.connected", told, "usr-1"),
        ("connection.key_rotated", "key/new", "usr-1"),
        ("connection.disconnected", told, "usr-2"),
    ]
    assert [one.detail.get("team_before") for one in reversed(found)][:2] == [None, team["team_id"]]
    assert team["api_key"] not in str(found)

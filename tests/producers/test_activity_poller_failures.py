"""One team's troubles are its own: refused, throttled, slow and disconnected ones do not hold up the others."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from storage.errors import StorageUnavailable
from storage.pool import Database
from storage.sync import SyncStream, hasten
from tests.producers.poller_stage import QUICK, Stage, running, until
from workflows.organization_settings import change_settings

SetStage = Callable[..., Awaitable[Stage]]


async def lively(new_stage: SetStage) -> Stage:
    """One stakeholder on a cadence who reads all."""
    stage = await new_stage(view=1.0, click=0.8, reply=0.0, bounce=0.0, opt_out=0.0)
    await stage.add_people(1)
    await stage.know(0)
    await stage.put_on_cadence(0)
    return stage


async def assert_told(stage: Stage) -> None:
    assert {event["id"] for event in await stage.told()} == await stage.expected(stage.links(0))


@pytest.fixture
async def pair(new_stage: SetStage) -> tuple[Stage, Stage]:
    """A team in trouble and a healthy one, after a week."""
    troubled, healthy = await lively(new_stage), await lively(new_stage)
    await troubled.live(days=5)
    healthy.clock.instant = troubled.clock.instant
    await healthy.live(days=1)
    return troubled, healthy


async def stream_of(stage: Stage, stream: str) -> Any:
    rows = await stage.fetch(
        "SELECT * FROM sync_streams WHERE organization_id = $1 AND stream = $2", stage.organization_id, stream
    )
    return rows[0]


async def test_a_failing_team_waits_by_itself_and_is_read_once_it_answers(pair: tuple[Stage, Stage]) -> None:
    troubled, healthy = pair
    await troubled.simulator.add_fault(kind="status", status=500, team_id=troubled.team_id)
    async with running(troubled.poller()):
        await until(healthy.is_read)
        await assert_told(healthy)

        async def has_failed_twice() -> bool:
            return bool((await stream_of(troubled, "people"))["failures"] >= 2)

        await until(has_failed_twice)
        await troubled.simulator.clear_faults(troubled.team_id)
        await until(troubled.is_read)
    await assert_told(troubled)


async def test_teams_that_hang_do_not_fill_the_places_for_ever(pair: tuple[Stage, Stage]) -> None:
    troubled, healthy = pair
    await troubled.simulator.add_fault(kind="hang", seconds=60.0, team_id=troubled.team_id)
    options = replace(QUICK, organizations=1, lease_s=3.0, turn=replace(QUICK.turn, call_s=0.5))
    async with running(troubled.poller(options)):
        await until(healthy.is_read)
    await assert_told(healthy)
    await troubled.simulator.clear_faults(troubled.team_id)


async def test_a_busy_team_has_its_turns_and_no_more(new_stage: SetStage) -> None:
    """With one place and turns of one page, a team with little to read is done before one with much."""
    busy, quiet = await new_stage(prefix="a"), await new_stage(prefix="b")
    await busy.add_people(40)
    for number in range(40):
        await busy.know(number)
        await busy.put_on_cadence(number)
    await busy.live(days=14)
    options = replace(QUICK, organizations=1, turn=replace(QUICK.turn, turn_s=0.0))
    async with running(busy.poller(options)):
        await until(quiet.is_read)
        assert not await busy.is_read()
        await until(busy.is_read)
    told = {event["id"] for event in await busy.told()}
    assert told == await busy.expected(busy.links(*range(40)))


async def test_a_stream_that_is_refused_does_not_stop_the_others(pair: tuple[Stage, Stage]) -> None:
    troubled, _ = pair
    await troubled.simulator.add_fault(
        kind="status", status=403, body={"error": "no"}, team_id=troubled.team_id, path="/v2/activities/calls"
    )

    async def others_are_read() -> bool:
        rows = await troubled.fetch(
            "SELECT stream FROM sync_streams WHERE organization_id = $1 AND next_cycle_at > $2",
            troubled.organization_id,
            troubled.clock.now(),
        )
        return {row["stream"] for row in rows} == {stream.value for stream in SyncStream} - {"calls"}

    async with running(troubled.poller()):
        await until(others_are_read)
    assert (await stream_of(troubled, "calls"))["failures"] > 0
    await troubled.simulator.clear_faults(troubled.team_id)


async def test_a_throttled_team_goes_on_in_its_next_minute(pair: tuple[Stage, Stage]) -> None:
    troubled, healthy = pair
    await troubled.simulator.switch(troubled.team_id, cost_per_minute=3)
    async with running(troubled.poller()):
        await until(healthy.is_read)

        async def waits() -> bool:
            return bool((await stream_of(troubled, "histories"))["next_cycle_at"] > troubled.clock.now())

        await until(waits)
        assert (await stream_of(troubled, "histories"))["cycle_ended_at"] is None
        assert (await stream_of(troubled, "histories"))["next_cycle_at"] <= troubled.clock.now() + timedelta(minutes=2)
        await troubled.simulator.switch(troubled.team_id, cost_per_minute=600)
        for _ in range(3):
            await troubled.advance(minutes=1)

        await until(lambda: all_have_ended(troubled))
        await until(troubled.is_read)
        # What was found of people who were linked after it is read once more, by then or a moment later.
        expected = await troubled.expected(troubled.links(0))

        async def is_told() -> bool:
            return {event["id"] for event in await troubled.told()} >= expected

        await until(is_told)
    await assert_told(troubled)


async def all_have_ended(stage: Stage) -> bool:
    rows = await stage.fetch(
        "SELECT cycle_ended_at IS NOT NULL AS ended FROM sync_streams WHERE organization_id = $1", stage.organization_id
    )
    return len(rows) == len(SyncStream) and all(row["ended"] for row in rows)


async def test_a_revoked_credential_marks_the_connection_and_others_go_on(pair: tuple[Stage, Stage]) -> None:
    troubled, healthy = pair
    await troubled.simulator.add_fault(
        kind="status", status=401, body={"error": "Invalid Bearer token"}, team_id=troubled.team_id
    )

    async def needs_reauthorization() -> bool:
        rows = await troubled.fetch(
            "SELECT status FROM salesloft_connections WHERE organization_id = $1", troubled.organization_id
        )
        return bool(rows[0]["status"] == "needs_reauthorization")

    async with running(troubled.poller()):
        await until(needs_reauthorization)
        await until(healthy.is_read)
    await assert_told(healthy)
    await troubled.simulator.clear_faults(troubled.team_id)


async def test_a_counter_that_cannot_be_is_owed_and_holds_up_nothing(
    pair: tuple[Stage, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, stage = pair
    monkeypatch.setattr("activity.records.COUNT_LIMIT", 0)
    await stage.poll()
    assert await stage.owed() > 0
    sources = {event["data"]["salesloft"]["source"] for event in await stage.told()}
    assert "history" in sources
    monkeypatch.undo()
    await stage.read_again_from_the_start()
    await stage.poll()
    await assert_told(stage)
    last = "SELECT owed FROM sync_ledger WHERE stream = 'emails' AND organization_id = $1 ORDER BY cycle DESC LIMIT 1"
    assert (await stage.fetch(last, stage.organization_id))[0]["owed"] == 0


async def test_a_row_that_the_database_refuses_is_owed_and_the_page_goes_on(
    pair: tuple[Stage, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the accounts' and people's pages one row carries what no text column takes."""
    stage, _ = pair
    added = (await stage.add_people(1))[0]
    await stage.salesloft("PUT", f"/people/{added['id']}", {"email_address": "nul@contacts.example"})
    monkeypatch.setattr(
        "workflows.activity_people.normalised_email",
        lambda email: "\0" if email and email.startswith("nul@") else email,
    )
    await stage.advance(minutes=10)
    await stage.poll()
    ledger = "SELECT sum(owed)::int AS owed FROM sync_ledger WHERE stream = 'people' AND organization_id = $1"
    assert (await stage.fetch(ledger, stage.organization_id))[0]["owed"] == 1
    await assert_told(stage)


async def test_a_database_that_is_away_is_waited_for(
    pair: tuple[Stage, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, _ = pair
    away = 5
    transaction = Database.transaction

    def failing(self: Database) -> Any:
        nonlocal away
        if away > 0 and asyncio.current_task() is poll:
            away -= 1
            raise StorageUnavailable("away")
        return transaction(self)

    monkeypatch.setattr(Database, "transaction", failing)
    poller = stage.poller()
    poll = asyncio.create_task(poller.run())
    await until(stage.is_read)
    poller.stop()
    await poll
    assert away == 0
    await assert_told(stage)


async def test_a_hint_makes_a_stream_due_and_is_heard(pair: tuple[Stage, Stage]) -> None:
    stage, _ = pair
    await stage.poll()
    before = len(await stage.told())
    await stage.simulator.act(stage.team_id, "opt_out", person_id=stage.people[0]["id"])
    await stage.advance(minutes=3)
    options = replace(QUICK, poll_s=30.0)
    poller = stage.poller(options)
    async with running(poller):
        await asyncio.wait_for(poller.ready.wait(), 10)
        async with stage.database.transaction() as connection:
            await hasten(connection, stage.organization_id, [SyncStream.HISTORIES], stage.clock.now())

        async def is_told() -> bool:
            return len(await stage.told()) > before

        await until(is_told)


async def test_cycles_follow_one_another_at_the_interval(pair: tuple[Stage, Stage]) -> None:
    stage, _ = pair
    await stage.poll()
    row = await stream_of(stage, "emails")
    ahead = row["next_cycle_at"] - stage.clock.now()
    assert timedelta(minutes=27) <= ahead <= timedelta(minutes=30)
    rows = await stage.fetch(
        "SELECT DISTINCT next_cycle_at FROM sync_streams WHERE organization_id = $1", stage.organization_id
    )
    assert len(rows) == 1
    async with running(stage.poller()):
        await stage.advance(minutes=31)

        async def went_on() -> bool:
            return bool((await stream_of(stage, "histories"))["cycle"] == 2)

        await until(went_on)


async def test_an_organization_is_read_at_the_interval_that_it_has_chosen(pair: tuple[Stage, Stage]) -> None:
    stage, other = pair
    async with stage.database.transaction() as connection:
        await change_settings(
            connection, stage.organization_id, {"poll_interval_minutes": 10}, by="usr-1", now=stage.clock.now()
        )
    await stage.be_quiet()
    await stage.make_due()
    async with running(stage.poller()):
        await until(stage.is_read)
        await until(other.is_read)
    ahead = (await stream_of(stage, "emails"))["next_cycle_at"] - stage.clock.now()
    assert timedelta(minutes=9) <= ahead <= timedelta(minutes=10)
    ahead = (await stream_of(other, "emails"))["next_cycle_at"] - other.clock.now()
    assert timedelta(minutes=27) <= ahead <= timedelta(minutes=30)


async def test_a_record_that_cannot_be_read_is_owed_and_its_page_goes_on(pair: tuple[Stage, Stage]) -> None:
    stage, _ = pair
    readable = (await stage.salesloft("GET", "/activities/calls?sort_direction=ASC"))[0]
    page = {"metadata": {"paging": {"next_page": None}}, "data": [{"id": None, "to": "somebody"}, readable]}
    await stage.simulator.add_fault(
        kind="status", status=200, body=page, team_id=stage.team_id, path="/v2/activities/calls", count=1
    )
    await stage.poll()
    assert await stage.owed() == 1
    assert (await stream_of(stage, "calls"))["failures"] == 0
    assert "call" in {event["data"]["salesloft"]["source"] for event in await stage.told()}
    await stage.poll()
    assert await stage.owed() == 1
    await assert_told(stage)

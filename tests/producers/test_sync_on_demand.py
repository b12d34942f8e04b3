"""Somebody has an organization read now, or once more from an instant on."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from storage import sync
from storage.sync import StreamProgress, SyncStream
from tests.producers.poller_stage import Stage, running, until

SetStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def stage(new_stage: SetStage) -> Stage:
    """Somebody known has been on a cadence for a week, and everything was read."""
    stage = await new_stage(view=1.0, click=0.8, reply=0.0, bounce=0.0, opt_out=0.0)
    await stage.add_people(1)
    await stage.know(0)
    await stage.put_on_cadence(0)
    await stage.live(days=7)
    await stage.poll()
    return stage


async def asked(stage: Stage, since: datetime | None = None) -> datetime:
    now = stage.clock.now()
    async with stage.database.transaction() as connection:
        assert await sync.read_again(connection, stage.organization_id, since=since or now, now=now) == len(SyncStream)
    return now


async def progress(stage: Stage, asked_at: datetime) -> dict[SyncStream, StreamProgress]:
    async with stage.database.connection() as connection:
        found = await sync.progress(connection, stage.organization_id, asked_at=asked_at)
    return {one.stream: one for one in found}


async def read(stage: Stage, asked_at: datetime) -> dict[SyncStream, StreamProgress]:
    async def through() -> bool:
        return all(one.is_read for one in (await progress(stage, asked_at)).values())

    async with running(stage.poller()):
        await until(through)
    return await progress(stage, asked_at)


async def test_what_is_new_is_read_before_its_time(stage: Stage) -> None:
    before = len(await stage.told())
    await stage.advance(minutes=6)
    await stage.put_on_cadence(0, next(one["name"] for one in stage.team["cadences"] if one["name"] != "Welcome"))
    # Days of a cadence, with no cycle in them.
    await stage.live_until_told_of(0)
    await stage.execute("UPDATE sync_streams SET next_cycle_at = $1", stage.clock.now() + timedelta(days=1))
    assert len(await stage.told()) == before
    asked_at = await asked(stage)
    assert not any(one.is_read for one in (await progress(stage, asked_at)).values())
    await read(stage, asked_at)
    assert {event["id"] for event in await stage.told()} == await stage.expected(stage.links(0))
    assert len(await stage.told()) > before


async def test_what_the_cursor_has_passed_over_is_found_by_reading_again(stage: Stage) -> None:
    told, began = await stage.told(), stage.clock.now()
    await stage.put_on_cadence(0, next(one["name"] for one in stage.team["cadences"] if one["name"] != "Welcome"))
    await stage.live_until_told_of(0)
    await stage.execute("UPDATE sync_streams SET position_at = $1", stage.clock.now())
    await read(stage, await asked(stage))
    assert await stage.told() == told
    found = await read(stage, await asked(stage, began))
    after = [one["id"] for one in await stage.told()]
    assert set(after) == await stage.expected(stage.links(0))
    assert len(after) == len(set(after)) > len(told)
    assert sum(one.scanned for one in found.values()) > 0


async def test_what_is_asked_amid_a_cycle_is_read_after_it(stage: Stage) -> None:
    """The cursor of the cycle that is under way moves on, and takes nothing of what was asked with it."""
    await stage.make_due()
    async with stage.database.transaction() as connection:
        cycle, position = await sync.begin_cycle(
            connection, stage.organization_id, SyncStream.EMAILS, stage.clock.now()
        )
    assert position is not None
    asked_at = await asked(stage, position.at - timedelta(days=3))
    async with stage.database.transaction() as connection:
        await sync.move_cursor(connection, stage.organization_id, SyncStream.EMAILS, position)
    found = await read(stage, asked_at)
    rows = await stage.fetch(
        "SELECT cycle, scanned FROM sync_ledger WHERE organization_id = $1 AND stream = 'emails' AND cycle >= $2"
        " ORDER BY cycle",
        stage.organization_id,
        cycle,
    )
    assert [row["cycle"] for row in rows] == [cycle, cycle + 1]
    assert rows[1]["scanned"] == found[SyncStream.EMAILS].scanned > 0


async def test_who_is_not_connected_has_nothing_to_read(stage: Stage) -> None:
    await stage.execute("UPDATE salesloft_connections SET status = 'disconnected'")
    async with stage.database.transaction() as connection:
        now = stage.clock.now()
        assert await sync.read_again(connection, stage.organization_id, since=now, now=now) == 0

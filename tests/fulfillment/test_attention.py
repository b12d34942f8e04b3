"""People are told what to look at: in time, once, and of nothing that needs nobody."""

from datetime import timedelta
from functools import partial
from typing import Any

import orjson

from fulfillment.timers import TimerOptions, Timers
from schemas.registry import ATTENTION_NEEDED
from tests.fulfillment.stage import Stage, running, until
from tests.fulfillment.steps import MEMBERSHIPS, end
from workflows.attention import AttentionOptions, call_attention
from workflows.memory import OrganizationMemory

OPTIONS = AttentionOptions()
PERSON = [{"id": "sth-1", "email": "ann@acme.example"}]


async def looked(stage: Stage, after: timedelta = timedelta()) -> None:
    async with stage.database.transaction() as connection:
        await call_attention(connection, OPTIONS, stage.clock.now() + after, limit=100)


async def was_refused(stage: Stage) -> bool:
    return bool(await stage.fetch("SELECT FROM commands WHERE kind = 'remove' AND last_error IS NOT NULL"))


async def told(stage: Stage, *kinds: str) -> list[dict[str, Any]]:
    """What people were told: of some kinds, as time that passes concerns the others too."""
    rows = await stage.fetch("SELECT payload FROM outbox WHERE type = $1 ORDER BY position", ATTENTION_NEEDED.name)
    events = [orjson.loads(row["payload"]) for row in rows]
    return [event for event in events if event["kind"] in kinds]


async def test_a_request_that_nobody_answers_is_told_of_once_before_it_expires(stage: Stage) -> None:
    await stage.trigger("cus-1", PERSON, "epi-1")
    row = await stage.fetchrow("SELECT id, expires_at FROM enrollments")
    left = row["expires_at"] - stage.clock.now()
    await looked(stage, left - timedelta(hours=4, minutes=5))
    assert await told(stage, "approval_expiring") == []
    for minutes in (235, 200, 1):
        await looked(stage, left - timedelta(minutes=minutes))
    (one,) = await told(stage, "approval_expiring")
    assert (one["kind"], one["subject"]) == ("approval_expiring", str(row["id"]))
    assert one["due_at"].startswith(f"{row['expires_at']:%Y-%m-%dT%H:%M}")


async def test_a_request_with_little_time_is_told_of_when_a_quarter_of_it_is_left(stage: Stage) -> None:
    await stage.trigger("cus-1", PERSON, "epi-1")
    await stage.execute("UPDATE enrollments SET expires_at = requested_at + interval '1 hour'")
    await looked(stage, timedelta(minutes=40))
    assert await told(stage, "approval_expiring") == []
    await looked(stage, timedelta(minutes=50))
    assert len(await told(stage, "approval_expiring")) == 1


async def test_who_has_answered_is_not_reminded(stage: Stage) -> None:
    await stage.trigger("cus-1", PERSON, "epi-1")
    await stage.execute("UPDATE enrollments SET state = 'rejected'")
    await looked(stage, timedelta(hours=23))
    assert await told(stage, "approval_expiring") == []


async def test_a_connection_that_stays_broken_is_told_of_each_day(stage: Stage) -> None:
    await stage.execute(
        "UPDATE salesloft_connections SET status = 'needs_reauthorization', status_since = $1", stage.clock.now()
    )
    await looked(stage, timedelta(hours=23))
    assert await told(stage, "connection_failing") == []
    for hours in (25, 26, 47, 49):
        await looked(stage, timedelta(hours=hours))
    assert [one["kind"] for one in await told(stage, "connection_failing")] == ["connection_failing"] * 2


async def test_a_stream_that_is_not_read_any_more_is_told_of(stage: Stage) -> None:
    await stage.execute("DELETE FROM sync_streams")
    await stage.execute(
        "INSERT INTO sync_streams (organization_id, stream, cycle_ended_at, next_cycle_at)"
        " SELECT $1, stream, $2, $2 FROM unnest(ARRAY['emails', 'calls']) AS stream",
        stage.organization_id,
        stage.clock.now(),
    )
    await looked(stage, timedelta(minutes=119))
    assert await told(stage, "connection_failing") == []
    await stage.execute(
        "UPDATE sync_streams SET cycle_ended_at = $1 WHERE stream = 'emails'", stage.clock.now() + timedelta(hours=1)
    )
    for minutes in (121, 130):
        await looked(stage, timedelta(minutes=minutes))
    (one,) = await told(stage, "connection_failing")
    assert one["kind"] == "connection_failing"
    assert "has not been read" in one["detail"]


async def test_failures_that_rise_are_told_of_and_a_steady_few_are_not(stage: Stage) -> None:
    await _failed(stage, 3, timedelta(minutes=-90))
    await _failed(stage, 6, timedelta(minutes=-10))
    await looked(stage)
    assert await told(stage, "failures_rising") == []
    await _failed(stage, 1, timedelta(minutes=-5))
    for minutes in (0, 5, 20):
        await looked(stage, timedelta(minutes=minutes))
    (one,) = await told(stage, "failures_rising")
    assert (one["kind"], one["subject"]) == ("failures_rising", stage.organization_id)
    assert one["detail"] == "7 enrollments failed within the last hour, 3 in the hour before"


async def test_a_few_failures_alarm_nobody(stage: Stage) -> None:
    await _failed(stage, 4, timedelta(minutes=-10))
    await looked(stage)
    assert await told(stage, "failures_rising") == []


async def test_two_replicas_tell_once(stage: Stage) -> None:
    await _failed(stage, 9, timedelta(minutes=-10))
    options = TimerOptions(tick_s=0.05, prune_every_s=0.05)
    replicas = [Timers(stage.database, OrganizationMemory(), stage.clock, options) for _ in range(2)]
    async with running(*replicas):
        pass
    assert len(await told(stage, "failures_rising")) == 1


async def _failed(stage: Stage, number: int, ago: timedelta) -> None:
    await stage.execute(
        "INSERT INTO enrollment_history"
        " (enrollment_id, sequence, organization_id, from_state, to_state, actor_kind, changed_at)"
        " SELECT gen_random_uuid(), 1, $1, 'enrolling', 'failed', 'service', $2 FROM generate_series(1, $3)",
        stage.organization_id,
        stage.clock.now() + ago,
        number,
    )


async def test_a_stream_that_owes_twice_in_a_row_is_told_of_once_a_day(stage: Stage) -> None:
    async def ends(cycle: int, owed: int, minutes: int) -> None:
        await stage.execute(
            "INSERT INTO sync_ledger (organization_id, stream, cycle, started_at, ended_at, scanned, owed)"
            " VALUES ($1, 'emails', $2, $3, $3, 9, $4)",
            stage.organization_id,
            cycle,
            stage.clock.now() + timedelta(minutes=minutes),
            owed,
        )

    await ends(101, 2, -90)
    await looked(stage)
    assert await told(stage, "sync_owes") == []
    await ends(102, 0, -60)
    await ends(103, 3, -30)
    await looked(stage)
    assert await told(stage, "sync_owes") == []
    await ends(104, 4, -1)
    for _ in range(2):
        await looked(stage)
    (one,) = await told(stage, "sync_owes")
    assert one["subject"] == "emails"
    assert one["detail"].startswith("4 records of emails could not be taken in in the last cycle, 3 in the one before")
    await ends(105, 1, 29)
    await looked(stage, timedelta(minutes=30))
    assert len(await told(stage, "sync_owes")) == 1
    await ends(106, 1, 1470)
    await looked(stage, timedelta(minutes=1475))
    assert len(await told(stage, "sync_owes")) == 2
    # It has ended well meanwhile.
    await ends(107, 0, 3000)
    await looked(stage, timedelta(minutes=3005))
    assert len(await told(stage, "sync_owes")) == 2


async def test_a_connection_that_was_never_read_is_told_of_and_one_that_is_new_is_not(stage: Stage) -> None:
    await stage.execute("DELETE FROM sync_streams")
    await looked(stage, timedelta(hours=1))
    assert await told(stage, "connection_failing") == []
    await looked(stage, timedelta(hours=3))
    assert len(await told(stage, "connection_failing")) == 1


async def test_what_was_read_before_a_connection_was_renewed_says_nothing(stage: Stage) -> None:
    now = stage.clock.now()
    await stage.execute("DELETE FROM sync_streams")
    await stage.execute(
        "INSERT INTO sync_streams (organization_id, stream, next_cycle_at, cycle_ended_at)"
        " VALUES ($1, 'emails', $2, $3)",
        stage.organization_id,
        now,
        now - timedelta(days=2),
    )
    await stage.execute("UPDATE salesloft_connections SET status_since = $1", now)
    await looked(stage, timedelta(hours=1))
    assert await told(stage, "connection_failing") == []
    await looked(stage, timedelta(hours=3))
    assert len(await told(stage, "connection_failing")) == 1


async def test_who_cannot_be_taken_off_is_told_of_once_and_taken_off_when_it_can_be(stage: Stage) -> None:
    await stage.simulator.switch(stage.team_id, processing_seconds=0.2)
    async with stage.working():
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "enrolled")
        refused = {"kind": "status", "status": 422, "body": {"errors": {"base": ["is in use"]}}}
        await stage.simulator.add_fault(team_id=stage.team_id, method="DELETE", path=MEMBERSHIPS, **refused)
        await end(stage, enrollment_id, "churned")
        await until(partial(was_refused, stage))
        await looked(stage, timedelta(minutes=14))
        assert await told(stage, "failures_rising") == []
        for minutes in (16, 17, 120):
            await looked(stage, timedelta(minutes=minutes))
        (one,) = await told(stage, "failures_rising")
        assert one["subject"] == str(enrollment_id)
        assert "answered 422" in one["detail"]
        await stage.simulator.clear_faults()
        await stage.reaches(enrollment_id, "exited")

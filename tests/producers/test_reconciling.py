"""What we hold is compared with what Salesloft has: deletions and holes are found, once, whoever ends in the middle."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from producers.streams.reconciling import ReconcileOptions
from storage import reconciliations
from tests.producers.poller_stage import QUICK, Stage, running, until

SetStage = Callable[..., Awaitable[Stage]]

MEMBERSHIPS = "/v2/cadence_memberships"
CHANGES = "cscx.salesloft.enrollment.v1"


async def quiet(new_stage: SetStage, people: int = 1) -> Stage:
    """Stakeholders who answer nothing, on no cadence yet."""
    stage = await new_stage(view=0.0, click=0.0, reply=0.0, bounce=0.0, opt_out=0.0)
    await stage.add_people(people)
    for number in range(people):
        await stage.know(number)
    return stage


@pytest.fixture
async def stage(new_stage: SetStage) -> Stage:
    return await quiet(new_stage)


async def ask(stage: Stage) -> None:
    async with stage.database.transaction() as connection:
        assert await reconciliations.ask(connection, stage.organization_id, stage.clock.now())


async def state(stage: Stage) -> Any:
    rows = await stage.fetch("SELECT * FROM reconciliations WHERE organization_id = $1", stage.organization_id)
    return rows[0]


async def is_through(stage: Stage) -> bool:
    row = await state(stage)
    return row["part"] is None and row["ended_at"] is not None and row["due_at"] > stage.clock.now()


async def compare(stage: Stage, **options: Any) -> tuple[int, int]:
    """Have it compared; answers the holes and deletions that were found."""
    await stage.advance(minutes=1)
    await ask(stage)
    async with running(stage.poller(replace(QUICK, turn=replace(QUICK.turn, **options)))):
        await until(lambda: is_through(stage))
    row = await state(stage)
    return row["holes"], row["deletions"]


async def hints_are_read(stage: Stage) -> bool:
    return not await stage.fetch("SELECT FROM webhook_hints WHERE organization_id = $1", stage.organization_id)


async def vanish(stage: Stage, *membership_ids: int) -> None:
    await stage.simulator.add_fault(
        kind="omit", team_id=stage.team_id, path=MEMBERSHIPS, records=list(membership_ids), method="GET"
    )


async def ledgers(stage: Stage) -> list[Any]:
    return await stage.fetch(
        "SELECT cycle, scanned, emitted, owed, ended_at FROM sync_ledger"
        " WHERE organization_id = $1 AND stream = 'reconcile' ORDER BY cycle",
        stage.organization_id,
    )


async def test_where_nothing_is_missing_nothing_is_found_and_nothing_told(new_stage: SetStage) -> None:
    stage = await new_stage(view=1.0, click=0.8, reply=0.3, bounce=0.1, opt_out=0.1)
    await stage.add_people(3)
    for number in range(3):
        await stage.know(number)
        await stage.put_on_cadence(number)
    await stage.live(days=3)
    await stage.poll()
    told, changed = await stage.told(), await stage.told(CHANGES)
    assert await compare(stage) == (0, 0)
    assert (await stage.told(), await stage.told(CHANGES)) == (told, changed)
    (ledger,) = await ledgers(stage)
    assert ledger["scanned"] > 0
    assert (ledger["emitted"], ledger["owed"]) == (0, 0)


async def test_a_membership_that_vanished_is_told_as_removed_once_and_ends_its_enrollment(stage: Stage) -> None:
    enrollment_id = await stage.enroll(0)
    await stage.advance(minutes=30)
    await stage.poll()
    (held,) = await stage.fetch("SELECT salesloft_membership_id AS id FROM salesloft_memberships")
    await vanish(stage, held["id"])
    await stage.poll()
    assert await stage.state(enrollment_id) == "enrolled"
    assert await compare(stage) == (0, 1)
    assert await stage.state(enrollment_id) == "removed"
    (unit,) = await stage.fetch("SELECT confidence FROM activity_units WHERE metric = 'membership-removed'")
    assert unit["confidence"] == "low"
    assert await compare(stage) == (0, 0)
    (change,) = await stage.told(CHANGES)
    assert (change["data"]["enrollment_id"], change["data"]["to"]) == (str(enrollment_id), "removed")
    assert change["data"]["actor"]["kind"] == "salesloft"
    await stage.simulator.clear_faults(stage.team_id)


async def test_a_membership_by_hand_that_vanished_is_told_without_an_enrollment(stage: Stage) -> None:
    made = await stage.put_on_cadence(0)
    await stage.advance(minutes=30)
    await stage.poll()
    await vanish(stage, made["id"])
    await compare(stage)
    changes = [(event["data"]["to"], event["data"]["enrollment_id"]) for event in await stage.told(CHANGES)]
    assert changes == [("enrolled", None), ("removed", None)]
    engagement = (await stage.told("cscx.salesloft.engagement.v1"))[-1]
    assert engagement["data"]["active_cadences"] == []
    await stage.simulator.clear_faults(stage.team_id)


async def test_what_only_the_list_leaves_out_is_there(stage: Stage) -> None:
    """Salesloft's list may be behind; the record itself says whether it is gone."""
    enrollment_id = await stage.enroll(0)
    await stage.advance(minutes=30)
    await stage.poll()
    (held,) = await stage.fetch("SELECT salesloft_membership_id AS id FROM salesloft_memberships")
    # One call to the list, and none to the record.
    await stage.simulator.add_fault(
        kind="omit", team_id=stage.team_id, path=MEMBERSHIPS, records=[held["id"]], method="GET", count=1
    )
    assert await compare(stage) == (0, 0)
    assert await stage.state(enrollment_id) == "enrolled"
    await stage.simulator.clear_faults(stage.team_id)


async def test_where_nothing_is_left_of_a_whole_page_that_is_not_believed(new_stage: SetStage) -> None:
    stage = await quiet(new_stage, 10)
    made = [await stage.put_on_cadence(number) for number in range(10)]
    await stage.advance(minutes=30)
    await stage.poll()
    await vanish(stage, *(one["id"] for one in made))
    assert await compare(stage) == (0, 0)
    assert all(event["data"]["to"] == "enrolled" for event in await stage.told(CHANGES))
    await stage.simulator.clear_faults(stage.team_id)
    await vanish(stage, *(one["id"] for one in made[:9]))
    assert await compare(stage) == (0, 9)
    await stage.simulator.clear_faults(stage.team_id)


async def test_what_a_command_of_ours_is_at_work_on_is_left_to_it(stage: Stage) -> None:
    enrollment_id = await stage.enroll(0)
    await stage.advance(minutes=30)
    await stage.poll()
    (held,) = await stage.fetch("SELECT salesloft_membership_id AS id FROM salesloft_memberships")
    await stage.command_at_work(enrollment_id)
    await vanish(stage, held["id"])
    assert await compare(stage) == (0, 0)
    assert await stage.state(enrollment_id) == "enrolled"
    await stage.simulator.clear_faults(stage.team_id)


async def test_people_who_were_deleted_are_nobody_any_more(new_stage: SetStage) -> None:
    stage = await quiet(new_stage, 2)
    await stage.advance(minutes=30)
    await stage.poll()
    await stage.salesloft("DELETE", f"/people/{stage.people[0]['id']}")
    await stage.advance(minutes=30)
    await stage.poll()
    links = "SELECT person_id FROM stakeholder_people WHERE organization_id = $1"
    assert len(await stage.fetch(links, stage.organization_id)) == 2
    assert await compare(stage) == (0, 1)
    await stage.advance(minutes=11)
    async with running(stage.poller()):
        await until(lambda: hints_are_read(stage))
    (left,) = await stage.fetch(links, stage.organization_id)
    assert left["person_id"] == stage.people[1]["id"]
    assert await compare(stage) == (0, 0)


async def test_what_is_committed_later_than_a_cursor_waits_is_found(new_stage: SetStage) -> None:
    stage = await quiet(new_stage)
    await stage.put_on_cadence(0)
    await stage.live(days=3)
    hidden = [one["id"] for one in await stage.salesloft("GET", "/activities/emails")]
    assert hidden
    await stage.simulator.add_fault(
        kind="omit", team_id=stage.team_id, path="/v2/activities/emails", records=hidden, method="GET"
    )
    await stage.poll()
    await stage.simulator.clear_faults(stage.team_id)
    # The cursor is past them once it has come to one that is later.
    await stage.execute("UPDATE sync_streams SET position_at = $1 WHERE stream = 'emails'", stage.clock.now())
    await stage.poll()
    expected = await stage.expected(stage.links(0))
    missed = len(expected) - len(await stage.told())
    assert missed > 0
    found = await compare(stage, reconcile=ReconcileOptions(window=timedelta(days=9)))
    assert found == (missed, 0)
    ids = [event["id"] for event in await stage.told()]
    assert len(ids) == len(set(ids))
    assert set(ids) == expected
    assert await compare(stage, reconcile=ReconcileOptions(window=timedelta(days=9))) == (0, 0)


async def test_what_the_cursor_has_yet_to_come_to_and_what_is_owed_is_no_hole(new_stage: SetStage) -> None:
    # An e-mail that is opened moves, and whichever is opened last the cursor has yet to come past.
    stage = await new_stage(view=0.0, click=0.0, reply=0.0, bounce=0.0, opt_out=0.0)
    await stage.add_people(2)
    await stage.know(0)
    made = await stage.put_on_cadence(0)
    await stage.live(days=1)
    await stage.put_on_cadence(1)
    # So that the cursor comes past the one that is owed.
    emails = await stage.emails_of_different_instants()
    await stage.simulator.add_fault(
        kind="spoil",
        team_id=stage.team_id,
        path="/v2/activities/emails",
        records=[emails[0]["id"]],
        fields={"counts": {"views": -1}},
    )
    await stage.poll()
    assert await stage.owed() == 1
    await stage.simulator.clear_faults(stage.team_id)
    await stage.execute("UPDATE sync_streams SET next_cycle_at = '2126-01-01'")
    assert await compare(stage) == (0, 0)
    assert await stage.owed() == 1
    await stage.live(days=1)
    await stage.salesloft("DELETE", f"/cadence_memberships/{made['id']}")
    await stage.advance(minutes=10)
    told, changed = await stage.told(), await stage.told(CHANGES)
    assert await compare(stage) == (0, 0)
    assert (await stage.told(), await stage.told(CHANGES)) == (told, changed)
    await stage.poll()
    assert {event["id"] for event in await stage.told()} == await stage.expected(stage.links(0))


async def test_a_reader_that_is_killed_is_followed_by_one_that_goes_on(new_stage: SetStage) -> None:
    stage = await quiet(new_stage, 3)
    made = [await stage.put_on_cadence(number) for number in range(3)]
    await stage.live(days=1)
    await stage.poll()
    await vanish(stage, made[0]["id"])
    # The first part is through, and the streams are not.
    await stage.simulator.add_fault(
        kind="hang", seconds=60.0, team_id=stage.team_id, path="/v2/activities/emails", method="GET"
    )
    await stage.execute("UPDATE sync_streams SET next_cycle_at = '2126-01-01'")
    await stage.advance(minutes=1)
    await ask(stage)
    reader = asyncio.create_task(stage.poller().run())

    async def is_amid_it() -> bool:
        return bool((await state(stage))["part"] == "emails")

    await until(is_amid_it)
    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    removed = [event["data"]["to"] for event in await stage.told(CHANGES)].count("removed")
    assert removed == 1
    await stage.simulator.clear_faults(stage.team_id)
    await stage.execute("UPDATE sync_streams SET leased_until = '-infinity'")
    await stage.execute("UPDATE reconciliations SET retry_after = '-infinity'")
    async with running(stage.poller()):
        await until(lambda: is_through(stage))
    (ledger,) = await ledgers(stage)
    assert ledger["ended_at"] is not None
    assert (await state(stage))["deletions"] == 1
    assert [event["data"]["to"] for event in await stage.told(CHANGES)].count("removed") == 1


async def test_a_failing_team_puts_off_its_comparison_alone(new_stage: SetStage) -> None:
    troubled, healthy = await quiet(new_stage), await quiet(new_stage)
    for one in (troubled, healthy):
        await one.put_on_cadence(0)
    await troubled.live(days=1)
    healthy.clock.instant = troubled.clock.instant
    await healthy.poll()
    await troubled.simulator.add_fault(kind="status", status=500, team_id=troubled.team_id, path=MEMBERSHIPS)
    await troubled.execute("UPDATE sync_streams SET next_cycle_at = '2126-01-01'")
    await troubled.advance(minutes=1)
    await ask(troubled)
    await ask(healthy)
    async with running(troubled.poller()):
        await until(lambda: is_through(healthy))

        async def has_failed_twice() -> bool:
            return bool((await state(troubled))["failures"] >= 2)

        await until(has_failed_twice)
        assert (await state(troubled))["part"] == reconciliations.HELD_MEMBERSHIPS
        await troubled.simulator.clear_faults(troubled.team_id)
        await until(lambda: is_through(troubled))
    failures = "SELECT max(failures) AS failures FROM sync_streams"
    assert (await troubled.fetch(failures))[0]["failures"] == 0


async def test_a_list_that_is_refused_is_passed_over(stage: Stage) -> None:
    await stage.put_on_cadence(0)
    await stage.live(days=1)
    await stage.poll()
    await stage.execute("UPDATE sync_streams SET next_cycle_at = '2126-01-01'")
    await stage.simulator.add_fault(
        kind="status", status=403, body={"error": "no"}, team_id=stage.team_id, path="/v2/activities/calls"
    )
    assert await compare(stage) == (0, 0)
    await stage.simulator.clear_faults(stage.team_id)


async def test_a_throttled_comparison_goes_on_in_the_next_minute_and_holds_up_no_stream(stage: Stage) -> None:
    await stage.put_on_cadence(0)
    await stage.live(days=1)
    await stage.poll()
    await stage.execute("UPDATE sync_streams SET next_cycle_at = '2126-01-01'")
    await stage.simulator.add_fault(kind="status", status=429, team_id=stage.team_id, path=MEMBERSHIPS, count=1)
    await stage.advance(minutes=1)
    await ask(stage)

    async def waits() -> bool:
        return bool((await stage.fetch("SELECT isfinite(resume_at) AS waits FROM reconciliations"))[0]["waits"])

    async with running(stage.poller()):
        await until(waits)
        assert (await state(stage))["resume_at"] <= stage.clock.now() + timedelta(minutes=2)
        await stage.advance(minutes=2)
        await until(lambda: is_through(stage))


async def test_each_night_has_one_comparison_whatever_the_number_of_readers(stage: Stage) -> None:
    await stage.put_on_cadence(0)
    await stage.execute("DELETE FROM reconciliations")
    await stage.advance(minutes=30)
    readers = [stage.poller() for _ in range(3)]
    await stage.poll(*readers)
    first = (await state(stage))["due_at"]
    night = ReconcileOptions().next_night(stage.clock.now())
    assert night <= first <= night + timedelta(hours=3)
    await stage.advance(days=1, hours=3)
    async with running(*(stage.poller() for _ in range(3))):
        await until(lambda: is_through(stage))
    assert [row["cycle"] for row in await ledgers(stage)] == [1]
    assert timedelta() < (await state(stage))["due_at"] - stage.clock.now() < timedelta(days=1, hours=3)


async def test_what_is_asked_amid_one_is_done_after_it(stage: Stage) -> None:
    await stage.put_on_cadence(0)
    await stage.live(days=1)
    await stage.poll()
    await stage.execute("UPDATE sync_streams SET next_cycle_at = '2126-01-01'")
    now = stage.clock.now()
    await stage.execute(
        "UPDATE reconciliations SET due_at = $1, cycle = 1, started_at = $1, part = 'histories', read_to = $1", now
    )
    await stage.execute(
        "INSERT INTO sync_ledger (organization_id, stream, cycle, started_at) VALUES ($1, 'reconcile', 1, $2)",
        stage.organization_id,
        now,
    )
    await stage.advance(minutes=1)
    await ask(stage)
    async with running(stage.poller()):
        await until(lambda: is_through(stage))
    assert [row["cycle"] for row in await ledgers(stage)] == [1, 2]
    async with stage.database.connection() as connection:
        found = await reconciliations.progress(connection, stage.organization_id, asked_at=stage.clock.now())
    assert found.is_through


@pytest.mark.parametrize(("now", "begins"), [("01:59", (2, 2)), ("02:00", (3, 2)), ("23:00", (3, 2))])
def test_the_next_night_begins_at_its_hour(now: str, begins: tuple[int, int]) -> None:
    at = datetime.fromisoformat(f"2026-03-02T{now}:00+00:00")
    assert ReconcileOptions().next_night(at) == datetime(2026, 3, *begins, tzinfo=UTC)

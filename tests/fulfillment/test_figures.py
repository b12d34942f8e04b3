"""Execution consistency, of memberships that the simulator made; and the nightly publication."""

from datetime import timedelta
from typing import Any

import pytest

from enrollment.accuracy import Counted
from fulfillment.timers import TimerOptions, Timers
from tests.fulfillment.stage import Stage, running, until
from tests.fulfillment.test_command_line import command
from workflows.figures import Figures, count_figures
from workflows.memory import OrganizationMemory


async def counted(stage: Stage) -> Figures:
    now = stage.clock.now()
    async with stage.database.reading() as connection:
        return await count_figures(
            connection, stage.organization_id, now - timedelta(days=1), now + timedelta(minutes=1)
        )


async def test_what_was_approved_is_what_was_done_and_what_differs_is_named(stage: Stage) -> None:
    async with stage.working():
        for name in ("a", "b"):
            await stage.reaches(await stage.approved({"id": f"sth-{name}"}), "enrolled")
    found = await counted(stage)
    assert (found.row.consistency, found.deviating) == (Counted(2, 2), {})
    assert found.row.accuracy == Counted(2, 2)
    # As if something else had been approved than what Salesloft then answered.
    changes: dict[str, Any] = {
        "start_step": "start_step_id = start_step_id + 1",
        "sender": "sender_user_id = sender_user_id + 1",
        "date": "start_on = start_on + 2",
        "exit": "state = 'exited'",
    }
    for what, change in changes.items():
        await stage.execute(f"UPDATE enrollments SET {change} WHERE stakeholder_id = 'sth-a'")  # noqa: S608
        found = await counted(stage)
        assert found.row.consistency == Counted(1, 2)
        assert next(iter(found.deviating.values()))[-1] == what
    code, told = await command(stage, "figures", stage.organization_id)
    assert code == 1
    assert "100.0000%" in told
    assert "50.0000%" in told
    assert "start_step, sender, date, exit" in told


async def test_a_start_date_is_a_day_where_the_stakeholder_is(stage: Stage) -> None:
    async with stage.working():
        await stage.reaches(await stage.approved({"time_zone": "Asia/Tokyo"}), "enrolled")
    # Tomorrow there begins at three in the afternoon.
    tomorrow = stage.clock.now().replace(hour=15, minute=0, second=0, microsecond=0)
    await stage.execute("UPDATE enrollments SET start_on = $1", tomorrow.date() + timedelta(days=1))
    for minutes, deviating in ((5, []), (-5, ["date"])):
        await stage.execute("UPDATE salesloft_memberships SET added_at = $1", tomorrow + timedelta(minutes=minutes))
        found = await counted(stage)
        assert [what for one in found.deviating.values() for what in one] == deviating


@pytest.mark.parametrize("replicas", [2])
async def test_yesterdays_figures_are_published_once_after_midnight(stage: Stage, replicas: int) -> None:
    options = TimerOptions(tick_s=0.05, prune_every_s=0.05)
    await stage.approved()
    midnight = stage.clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    await stage.advance((midnight - stage.clock.now()).total_seconds() + 1)
    timers = [Timers(stage.database, OrganizationMemory(), stage.clock, options) for _ in range(replicas)]
    async with running(*timers):

        async def published() -> bool:
            return bool(await stage.fetch("SELECT FROM outbox WHERE type LIKE '%figures-published%'"))

        await until(published)
    (row,) = await stage.fetch("SELECT * FROM figures")
    assert (row["since"], row["until"]) == (midnight - timedelta(days=1), midnight)
    assert (row["accuracy_part"], row["accuracy_whole"]) == (1, 1)
    assert len(await stage.fetch("SELECT FROM outbox WHERE type LIKE '%figures-published%'")) == 1


async def test_days_in_which_nobody_counted_are_counted_later(stage: Stage) -> None:
    await stage.approved()
    first = stage.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    await stage.advance((first + timedelta(days=3, seconds=1) - stage.clock.now()).total_seconds())
    options = TimerOptions(tick_s=0.05, prune_every_s=0.05)
    async with running(Timers(stage.database, OrganizationMemory(), stage.clock, options)):

        async def published() -> bool:
            return len(await stage.fetch("SELECT FROM figures")) >= 3

        await until(published)
    rows = await stage.fetch("SELECT since, accuracy_whole FROM figures ORDER BY since")
    assert [tuple(row) for row in rows] == [(first + timedelta(days=back), int(not back)) for back in range(3)]

"""Alive is progress, ready is being able to work, and the two are never mixed up."""

import asyncio
import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.health import Health, PartState, Progress, dump_stacks


def test_without_work_nothing_is_ever_stuck() -> None:
    progress = Progress("consume", stuck_after=30)
    assert not progress.is_stuck(1e9)
    assert progress.stalled_for(1e9) == 0.0


def test_work_that_waits_without_an_advance_is_stuck_after_its_limit() -> None:
    progress = Progress("consume", stuck_after=30)
    progress.work_waits(100)
    progress.work_waits(120)
    assert not progress.is_stuck(129.9)
    assert progress.is_stuck(130)
    assert progress.stalled_for(130) == 30


def test_an_advance_starts_the_clock_again_and_an_empty_partition_stops_it() -> None:
    progress = Progress("consume", stuck_after=30)
    progress.work_waits(100)
    progress.advanced(129)
    assert not progress.is_stuck(158)
    assert progress.is_stuck(159)
    progress.nothing_waits()
    assert not progress.is_stuck(1e9)
    progress.work_waits(1e9)
    assert not progress.is_stuck(1e9 + 29)


def test_an_advance_without_known_work_does_not_start_a_clock() -> None:
    progress = Progress("consume", stuck_after=30)
    progress.advanced(100)
    assert not progress.is_stuck(1e9)


def test_a_neighbour_that_is_away_is_no_failed_liveness_while_the_loop_keeps_turning() -> None:
    progress = Progress("consume", stuck_after=30)
    progress.work_waits(0)
    for now in range(0, 600, 10):
        progress.held_up("postgres: connection refused for app@db.example", now)
        assert not progress.is_stuck(now + 9)
    assert progress.report(595)["held_up_by"] == "postgres: connection refused for [e-mail]"
    assert progress.is_stuck(620), "a loop that stopped saying so is stuck all the same"
    progress.advanced(621)
    assert progress.report(622)["held_up_by"] is None


def test_a_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        Progress("consume", stuck_after=0)


@given(st.lists(st.tuples(st.sampled_from(["waits", "advanced", "nothing"]), st.floats(0, 20)), max_size=40))
def test_stuck_means_exactly_a_quiet_stretch_with_work_up_to_the_limit(
    steps: list[tuple[str, float]],
) -> None:
    progress, now, quiet_since = Progress("x", stuck_after=10), 0.0, None
    for step, pause in steps:
        now += pause
        if step == "waits":
            progress.work_waits(now)
            quiet_since = now if quiet_since is None else quiet_since
        elif step == "advanced":
            progress.advanced(now)
            quiet_since = None if quiet_since is None else now
        else:
            progress.nothing_waits()
            quiet_since = None
        assert progress.is_stuck(now + 7) == (quiet_since is not None and now + 7 - quiet_since >= 10)


def test_ready_when_every_part_serves() -> None:
    health = Health()
    assert not health.is_ready(), "a process without parts has not begun"
    health.set("consume", PartState.STARTING, 0)
    assert not health.is_ready()
    health.set("consume", PartState.READY, 1)
    health.set("salesloft", PartState.DEGRADED, 1, detail="team 7 refuses")
    assert health.is_ready()
    health.set("postgres", PartState.DOWN, 2, detail="refused")
    assert not health.is_ready()
    assert health.is_live(1e9), "a neighbour that is down is never a failed liveness"
    assert health.part_ready() == {"consume": True, "salesloft": True, "postgres": False}
    health.drop("postgres")
    health.drop("never known")
    assert health.is_ready()


def test_one_stuck_loop_fails_liveness_and_is_named() -> None:
    health = Health()
    health.progress("relay", stuck_after=10).work_waits(0)
    health.progress("consume cscx.lifecycle.at-risk.v1/3", stuck_after=60).work_waits(0)
    assert health.stuck(10) == ("relay",)
    assert not health.is_live(10)
    health.drop("relay")
    assert health.is_live(59)


def test_a_partition_assigned_again_begins_anew() -> None:
    health = Health()
    health.progress("p", stuck_after=10).work_waits(0)
    health.progress("p", stuck_after=10)
    assert health.is_live(1e9)


def test_the_report_is_json_and_holds_no_address() -> None:
    health = Health()
    health.set("api", PartState.READY, 1)
    health.set("api", PartState.READY, 5, detail="token=abc for ann@acme.example")
    health.progress("relay", stuck_after=10).work_waits(2)
    assert orjson.loads(orjson.dumps(health.report(6))) == {
        "live": True,
        "ready": True,
        "parts": {"api": {"state": "ready", "detail": "token=[redacted] for [e-mail]", "for": 5.0}},
        "progress": {"relay": {"stuck": False, "stalled_for": 4.0, "stuck_after": 10, "held_up_by": None}},
    }


async def innermost_wait(opened: asyncio.Event) -> None:
    await opened.wait()


async def outer_wait(opened: asyncio.Event) -> None:
    await innermost_wait(opened)


async def test_a_dump_shows_threads_and_the_whole_chain_of_a_tasks_awaits(tmp_path: Path) -> None:
    opened = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(outer_wait(opened), name="poll team 7")
        await asyncio.sleep(0)
        target = tmp_path / "stacks.txt"
        with os.fdopen(os.open(target, os.O_CREAT | os.O_WRONLY), "w") as stream:
            dump_stacks(stream, asyncio.get_running_loop())
        opened.set()
    shown = target.read_text()
    assert "Current thread" in shown
    assert "Task poll team 7:" in shown
    chain = shown.partition("Task poll team 7:")[2]
    assert 0 < chain.index("outer_wait") < chain.index("innermost_wait") < chain.index("Event.wait")

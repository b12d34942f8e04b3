"""Workers that share, die, meet and stop; organizations that must not wait for each other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fulfillment.enroll import Enroll
from fulfillment.settling import Settlement
from fulfillment.worker import CommandWorker
from salesloft_client import SalesloftClient
from storage import commands
from storage.commands import Claim, LeaseLost
from telemetry import metrics
from tests.fulfillment.stage import QUICK, Stage, running, until
from tests.fulfillment.steps import MEMBERSHIPS, is_hit


async def _killed(worker: CommandWorker, at: asyncio.Event) -> None:
    """Run a worker until it comes to a place, and kill it there: nothing is drained, nothing given back."""
    task = asyncio.create_task(worker.run())
    await asyncio.wait_for(at.wait(), 10)
    for running_command in list(worker._running):
        running_command.cancel()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _leases_run_out(stage: Stage) -> None:
    await stage.execute("UPDATE commands SET leased_until = now() WHERE holder IS NOT NULL")


@pytest.mark.parametrize(
    ("cls", "method"),
    [(SalesloftClient, "create_membership"), (Settlement, "record"), (Enroll, "_intend")],
    ids=["before the call", "after the call", "before the intent"],
)
async def test_a_worker_that_dies_leaves_one_membership(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, cls: type, method: str
) -> None:
    reached = asyncio.Event()

    async def dying(*_: Any, **__: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    enrollment_id = await stage.approved()
    with monkeypatch.context() as patched:
        patched.setattr(cls, method, dying)
        await _killed(stage.worker(), reached)
    assert (await stage.state(enrollment_id))[0] == "enrolling"
    await _leases_run_out(stage)
    async with stage.working():
        await stage.reaches(enrollment_id, "enrolled")
    assert len(await stage.writes("cadence_memberships")) == 1
    states = [state for state, _ in await stage.history(enrollment_id)]
    assert ("unknown" in states) is (method != "_intend")


async def test_two_workers_make_each_membership_once(stage: Stage) -> None:
    async with running(stage.worker(), stage.worker()):
        ids = [await stage.approved() for _ in range(12)]
        for enrollment_id in ids:
            await stage.reaches(enrollment_id, "enrolled")
    made = await stage.writes("cadence_memberships")
    assert len(made) == len({one["body"]["person_id"] for one in made}) == 12


async def test_a_worker_whose_lease_ran_out_records_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It made the call and slept over its lease; another worker has read back and recorded. Then it wakes up."""
    original = Settlement.record
    asleep, woken, first, lost = asyncio.Event(), asyncio.Event(), [True], []

    async def slow(self: Settlement, *arguments: Any) -> Any:
        if first:
            first.clear()
            asleep.set()
            await woken.wait()
            try:
                return await original(self, *arguments)
            except LeaseLost as error:
                lost.append(error)
                raise
        return await original(self, *arguments)

    monkeypatch.setattr(Settlement, "record", slow)
    async with running(stage.worker(), stage.worker()):
        enrollment_id = await stage.approved()
        await asleep.wait()
        await _leases_run_out(stage)
        await stage.reaches(enrollment_id, "enrolled")
        woken.set()

        async def was_lost() -> bool:
            return bool(lost)

        await until(was_lost)
    assert len(await stage.writes("cadence_memberships")) == 1
    assert [state for state, _ in await stage.history(enrollment_id)].count("enrolled") == 1


async def test_one_command_of_a_stakeholder_at_a_time_oldest_first(stage: Stage) -> None:
    by = Claim(holder="a", kinds=["enroll"], lease_s=60.0, organization_limit=10)
    other = Claim(holder="b", kinds=["enroll"], lease_s=60.0, organization_limit=10)
    await stage.approved({"id": "sth-1", "email": "ann@acme.example"})
    await stage.execute(
        "INSERT INTO commands (id, organization_id, kind, subject, correlation_id, state, due_at, created_at, payload) "
        "SELECT gen_random_uuid(), organization_id, kind, subject, correlation_id, state, due_at, created_at, payload "
        "FROM commands"
    )
    now = stage.clock.now()
    async with stage.database.connection() as connection:
        (first,) = await commands.claim(connection, by, limit=10, now=now)
        assert await commands.claim(connection, other, limit=10, now=now) == []
        await commands.finish(connection, first, outcome="done", now=now)
        (second,) = await commands.claim(connection, other, limit=10, now=now)
        with pytest.raises(LeaseLost):
            await commands.finish(connection, first, outcome="done", now=now)
    assert first.id != second.id


async def test_simultaneous_claims_share_no_subject(stage: Stage) -> None:
    for _ in range(10):
        await stage.approved()
    await stage.execute(
        "INSERT INTO commands (id, organization_id, kind, subject, correlation_id, state, due_at, created_at, payload) "
        "SELECT gen_random_uuid(), organization_id, kind, subject, correlation_id, state, due_at, created_at, payload "
        "FROM commands"
    )

    async def claiming(holder: str) -> list[str]:
        by = Claim(holder=holder, kinds=["enroll"], lease_s=60.0, organization_limit=100)
        subjects: list[str] = []
        async with stage.database.connection() as connection:
            for _ in range(10):
                claimed = await commands.claim(connection, by, limit=3, now=stage.clock.now())
                subjects += [command.subject for command in claimed]
        return subjects

    found = await asyncio.gather(*(claiming(f"holder-{number}") for number in range(4)))
    taken = [subject for subjects in found for subject in subjects]
    assert len(taken) == len(set(taken)) == 10


async def test_an_organization_whose_salesloft_hangs_does_not_hold_up_another(
    stage_set: Callable[..., Awaitable[Stage]],
) -> None:
    hanging, healthy = await stage_set(), await stage_set()
    await hanging.simulator.add_fault(team_id=hanging.team_id, path="/v2/", kind="hang", seconds=8.0)
    for _ in range(12):
        await hanging.approved()
    # A call that hangs holds its place for as long as the other organization is watched.
    async with hanging.working(concurrency=6, organization_limit=3, lease_s=60.0, call_s=15.0, drain_s=0.0):
        await is_hit(hanging)
        await healthy.reaches(await healthy.approved(), "enrolled", within_s=6.0)
    await hanging.simulator.clear_faults(hanging.team_id)


async def test_work_that_is_not_due_waits_for_its_time(stage: Stage) -> None:
    enrollment_id = await stage.approved()
    await stage.execute("UPDATE commands SET due_at = due_at + interval '1 hour'")
    async with stage.working():
        other = await stage.approved()
        await stage.reaches(other, "enrolled")
        assert (await stage.state(enrollment_id))[0] == "scheduled"
        await stage.advance(3601)
        await stage.reaches(enrollment_id, "enrolled")


async def test_a_stop_carries_out_what_is_held(stage: Stage) -> None:
    await stage.simulator.add_fault(
        team_id=stage.team_id, method="POST", path=MEMBERSHIPS, kind="latency", milliseconds=600
    )
    async with stage.working(QUICK):
        enrollment_id = await stage.approved()
        await is_hit(stage)
    assert (await stage.state(enrollment_id))[0] == "enrolled"


async def test_approved_to_enrolled_within_a_second_of_salesloft(stage: Stage) -> None:
    """Without the poll: the hint alone has to be quick enough."""
    async with stage.working(poll_s=60.0):
        started = asyncio.get_running_loop().time()
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "enrolled", within_s=5.0)
        assert asyncio.get_running_loop().time() - started < 5.0


def _metric(name: str, kind: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"cscx_salesloft_command_{name}", {"kind": kind}) or 0.0


async def test_metrics_tell_how_long_commands_wait(stage: Stage) -> None:
    """In business seconds: of what waits from its due time until now, of what is settled until it was."""
    settled = _metric("duration_seconds_sum", "enroll")
    await stage.simulator.add_fault(team_id=stage.team_id, method="POST", path=MEMBERSHIPS, kind="status", status=503)
    enrollment_id = await stage.approved()
    async with stage.working(measure_s=0.05):
        await stage.advance(500)

        async def has_waited() -> bool:
            return _metric("oldest_age_seconds", "enroll") >= 500

        await until(has_waited)
        await stage.simulator.clear_faults(stage.team_id)
        await stage.reaches(enrollment_id, "enrolled")

        async def is_none_left() -> bool:
            return _metric("oldest_age_seconds", "enroll") == 0

        await until(is_none_left)
    assert _metric("duration_seconds_sum", "enroll") - settled >= 500

"""What approved work waits for, or is stopped by, when its moment comes: counted at the claim, released by itself."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from enrollment.mappings import Mapping, Policy
from enrollment.policies import Cap, Counted
from enrollment.working_time import QuietHours, WorkingTime
from tests.fulfillment.stage import QUICK, Stage, publish, until
from tests.fulfillment.steps import is_hit
from workflows.suppressions import suppress

HOUR = timedelta(hours=1)


async def with_policy(stage: Stage, policy: Policy, group: str = "default") -> Mapping:
    """The organization's one mapping has this policy."""
    await stage.execute(
        "UPDATE salesloft_cadence_mappings SET status = 'retired' WHERE organization_id = $1", stage.organization_id
    )
    stage.mapping = await publish(stage, stage.cadence["id"], group, policy=policy)
    return stage.mapping


def whole_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def open_for(begins: datetime, length: timedelta) -> WorkingTime:
    """Every day for so long, by the clock of UTC."""
    return WorkingTime(quiet_hours=QuietHours(begins=(begins + length).time(), ends=begins.time()))


async def waits(stage: Stage, enrollment_id: UUID, reason: str) -> datetime | None:
    """Wait until the enrollment waits for that, and answer when it is expected."""

    async def waiting() -> bool:
        return await stage.state(enrollment_id) == ("scheduled", reason)

    try:
        await until(waiting)
    except TimeoutError:
        pytest.fail(f"it is {await stage.state(enrollment_id)} at {stage.clock.now()}, and does not wait for {reason}")
    row = await stage.fetchrow("SELECT expected_at FROM enrollments WHERE id = $1", enrollment_id)
    return row["expected_at"]  # type: ignore[no-any-return]


async def not_in_work(stage: Stage) -> None:
    """Wait until every command that is due was carried out or given back."""

    async def idle() -> bool:
        return not await stage.fetch(
            "SELECT FROM commands WHERE state = 'pending' AND (holder IS NOT NULL OR due_at <= $1)", stage.clock.now()
        )

    await until(idle)


async def test_what_is_approved_in_quiet_hours_begins_when_they_end(stage: Stage) -> None:
    opens = whole_minute(stage.clock.now()) + 3 * HOUR
    await with_policy(stage, Policy(working_time=open_for(opens, 8 * HOUR)))
    async with stage.working():
        enrollment_id = await stage.approved({"time_zone": "UTC"})
        assert await waits(stage, enrollment_id, "quiet_hours") == opens
        await stage.advance(4 * 3600)
        await stage.reaches(enrollment_id, "enrolled")
    assert [state for state, _ in await stage.history(enrollment_id)][2:] == ["scheduled", "enrolling", "enrolled"]


async def test_quiet_hours_count_where_the_stakeholder_is_by_then(stage: Stage) -> None:
    """The approval's due time is a forecast: what counts is the clock on the wall when the work is claimed."""
    now = whole_minute(stage.clock.now())
    await with_policy(stage, Policy(working_time=open_for(now - 2 * HOUR, 8 * HOUR)))
    enrollment_id = await stage.approved({"id": "sth-1", "time_zone": "UTC"})
    assert await stage.state(enrollment_id) == ("scheduled", None)
    await stage.execute(
        "UPDATE directory_stakeholders SET data = jsonb_set(data::jsonb, '{time_zone}', '\"Etc/GMT+4\"')"
    )
    async with stage.working():
        # By the clock there it is four hours earlier, two before the day begins.
        assert await waits(stage, enrollment_id, "quiet_hours") == now + 2 * HOUR
        history = await stage.history(enrollment_id)
        assert history[-2:] == [("scheduled", None), ("scheduled", "quiet_hours")]
        assert not await stage.writes("people")
        await stage.advance(3 * 3600)
        await stage.reaches(enrollment_id, "enrolled")
    events = await stage.fetch(
        "SELECT payload FROM outbox WHERE type LIKE '%enrollment-changed%' AND payload::text IS NOT NULL"
        " ORDER BY position"
    )
    assert sum(b'"reason":"quiet_hours"' in bytes(row["payload"]) for row in events) == 1


@pytest.mark.parametrize("per", list(Counted))
async def test_two_workers_at_once_never_pass_a_cap(stage: Stage, per: Counted) -> None:
    """Everybody's commands are due at once, and each worker has a place for all of them."""
    cap = Cap(per=per, at_most=2, within_hours=24)
    await with_policy(stage, Policy(caps=(cap,)))
    enrollments = await _APPROVING[per](stage)
    reason = per.reason.value
    many = replace(QUICK, organization_limit=16)
    async with stage.working(many), stage.working(many):
        await until(lambda: _reached(stage, {"enrolled": 2, reason: len(enrollments) - 2}))
        await not_in_work(stage)
        assert len(await stage.writes("cadence_memberships")) == 2
        rows = await stage.fetch("SELECT expected_at, claimed_at, state FROM enrollments")
        first = min(row["claimed_at"] for row in rows if row["state"] == "enrolled")
        expected = {row["expected_at"] for row in rows if row["state"] == "scheduled"}
        # When the older of the two is a day old, there is one place.
        assert expected == {first + timedelta(hours=24)}
        # Places that are free again are taken, and no more than there are.
        await stage.advance(24 * 3600)
        done = min(4, len(enrollments))
        await until(lambda: _reached(stage, {"enrolled": done} | _rest(reason, len(enrollments) - done)))
        await not_in_work(stage)
    assert len(await stage.writes("cadence_memberships")) == done


def _rest(reason: str, number: int) -> dict[str, int]:
    return {reason: number} if number else {}


async def _of_many_customers(stage: Stage) -> list[UUID]:
    """Whose locks nobody shares: what keeps the count is the limit's own."""
    return [await stage.approved(customer_id=f"cus-{number}") for number in range(6)]


async def _of_one_customer(stage: Stage) -> list[UUID]:
    return [await _approved_whatever_is_forecast(stage, f"sth-{number}") for number in range(3)]


async def _of_one_stakeholder(stage: Stage) -> list[UUID]:
    """One person is asked for on three cadences."""
    found: list[UUID] = []
    policy = stage.mapping.policy
    for cadence in [one for one in stage.team["cadences"] if one["team_cadence"] and not one["draft"]][:3]:
        await stage.execute("UPDATE salesloft_cadence_mappings SET enabled = false")
        await publish(stage, cadence["id"], f"group-{cadence['id']}", policy=policy)
        found.append(await _approved_whatever_is_forecast(stage, "sth-ann"))
    await stage.execute("UPDATE salesloft_cadence_mappings SET enabled = true WHERE status = 'published'")
    await stage.advance_decision_version()
    return found


_APPROVING: dict[Counted, Callable[[Stage], Awaitable[list[UUID]]]] = {
    Counted.STAKEHOLDER: _of_one_stakeholder,
    Counted.ACCOUNT: _of_one_customer,
    Counted.SENDER: _of_many_customers,
    Counted.MAPPING: _of_many_customers,
}


async def _approved_whatever_is_forecast(stage: Stage, stakeholder_id: str) -> UUID:
    # What waits counts in the forecast, which would ask for no more than two.
    await stage.execute("UPDATE enrollments SET state = 'failed' WHERE state = 'scheduled'")
    enrollment_id = await stage.approved({"id": stakeholder_id, "email": f"{stakeholder_id}@acme.example"})
    await stage.execute("UPDATE enrollments SET state = 'scheduled' WHERE state = 'failed'")
    return enrollment_id


async def _reached(stage: Stage, wanted: dict[str, int]) -> bool:
    rows = await stage.fetch("SELECT state, reason FROM enrollments")
    found: dict[str, int] = {}
    for row in rows:
        what = "enrolled" if row["state"] == "enrolled" else str(row["reason"])
        found[what] = found.get(what, 0) + 1
    return found == wanted


async def test_one_address_begins_one_cadence_of_a_group_at_a_time(stage: Stage) -> None:
    """Two stakeholders of two customers, who are one person to Salesloft, each approved for another cadence."""
    first, second = [one for one in stage.team["cadences"] if one["team_cadence"] and not one["draft"]][:2]
    exclusive = Policy(exclusive_by="email")
    await with_policy(stage, exclusive)
    found = []
    for number, cadence in enumerate((first, second)):
        await stage.execute("UPDATE salesloft_cadence_mappings SET enabled = false")
        await publish(stage, cadence["id"], "default", policy=exclusive)
        person = {"id": f"sth-{number}", "email": "Ann@acme.example"}
        found.append(await stage.approved(person, customer_id=f"cus-{number}"))
    await stage.execute("UPDATE salesloft_cadence_mappings SET enabled = true WHERE status = 'published'")
    await stage.advance_decision_version()
    async with stage.working(), stage.working():
        await until(lambda: _reached(stage, {"enrolled": 1, "exclusive_cadence_active": 1}))
        states = {one: (await stage.state(one))[0] for one in found}
        (on,) = [one for one, state in states.items() if state == "enrolled"]
        (off,) = [one for one, state in states.items() if state == "scheduled"]
        assert len(await stage.writes("cadence_memberships")) == 1
        # A look that finds the same says nothing again.
        told = len(await stage.history(off))
        await stage.advance(3700)
        await not_in_work(stage)
        assert len(await stage.history(off)) == told
        await stage.execute("UPDATE enrollments SET state = 'completed' WHERE id = $1", on)
        await stage.advance(3700)
        await stage.reaches(off, "enrolled")


async def test_who_is_suppressed_after_the_approval_is_not_enrolled(stage: Stage) -> None:
    enrollment_id = await stage.approved({"email": "ann@mail.acme.example"})
    await _suppress(stage, "acme.example")
    async with stage.working():
        await stage.reaches(enrollment_id, "blocked")
    assert await stage.state(enrollment_id) == ("blocked", "suppressed")
    assert not await stage.writes("people")


async def test_who_is_suppressed_while_the_person_is_upserted_is_not_enrolled(stage: Stage) -> None:
    await stage.simulator.add_fault(team_id=stage.team_id, path="/v2/person_upserts", kind="latency", milliseconds=600)
    async with stage.working():
        enrollment_id = await stage.approved({"email": "ann@acme.example"})
        await is_hit(stage)
        await _suppress(stage, "ann@acme.example")
        await stage.reaches(enrollment_id, "blocked")
    assert await stage.state(enrollment_id) == ("blocked", "suppressed")
    assert not await stage.writes("cadence_memberships")


async def _suppress(stage: Stage, entry: str) -> None:
    async with stage.database.transaction() as connection:
        await suppress(connection, stage.organization_id, [entry], note=None, by="usr-1", now=stage.clock.now())

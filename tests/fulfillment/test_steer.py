"""Taking people off their cadences."""

from typing import Any
from uuid import UUID

import pytest

from tests.fulfillment.stage import Stage
from tests.fulfillment.steps import MEMBERSHIPS, end, hits


async def _enrolled(stage: Stage) -> UUID:
    await stage.simulator.switch(stage.team_id, processing_seconds=0.2)
    enrollment_id = await stage.approved()
    await stage.reaches(enrollment_id, "enrolled")
    return enrollment_id


async def test_an_outcome_takes_the_person_off(stage: Stage) -> None:
    async with stage.working():
        enrollment_id = await _enrolled(stage)
        await end(stage, enrollment_id, "renewed")
        await stage.reaches(enrollment_id, "exited")
    assert await stage.state(enrollment_id) == ("exited", "renewed")
    row = await stage.fetchrow("SELECT status, currently_on_cadence FROM salesloft_memberships")
    assert tuple(row) == ("removed", False)
    assert len(await stage.writes("cadence_memberships", "DELETE")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_after_write"},
        {"kind": "hang", "seconds": 5.0},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 404, "body": {"error": "Not found"}},
    ],
    ids=["reset after", "hang", "500", "404"],
)
async def test_a_bad_answer_leaves_nobody_on_the_cadence(stage: Stage, fault: dict[str, Any]) -> None:
    async with stage.working():
        enrollment_id = await _enrolled(stage)
        await stage.simulator.add_fault(team_id=stage.team_id, method="DELETE", path=MEMBERSHIPS, count=1, **fault)
        await end(stage, enrollment_id, "churned")
        await stage.reaches(enrollment_id, "exited")
        await stage.settled()
    assert await hits(stage) == [1]
    removed = await stage.writes("cadence_memberships", "DELETE")
    assert len(removed) == (0 if fault.get("status") == 404 else 1)


async def test_a_membership_in_processing_is_removed_once_it_can_be(stage: Stage) -> None:
    await stage.simulator.switch(stage.team_id, processing_seconds=30)
    async with stage.working():
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "enrolled")
        await end(stage, enrollment_id, "churned")
        row = await stage.fetchrow("SELECT state FROM enrollments")
        assert row["state"] == "enrolled"
        await stage.advance(31)
        await stage.reaches(enrollment_id, "exited")


async def test_two_ends_remove_once(stage: Stage) -> None:
    async with stage.working():
        enrollment_id = await _enrolled(stage)
        await end(stage, enrollment_id, "renewed")
        await end(stage, enrollment_id, "churned")
        await stage.settled()
    assert await stage.state(enrollment_id) == ("exited", "renewed")
    assert len(await stage.writes("cadence_memberships", "DELETE")) == 1

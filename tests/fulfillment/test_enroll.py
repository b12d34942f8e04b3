"""Enrolling, against the simulator over sockets: its journal of accepted writes is the judge."""

from tests.fulfillment.stage import Stage


async def test_an_approved_enrollment_becomes_one_membership(stage: Stage) -> None:
    async with stage.working():
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "enrolled")
    (made,) = await stage.writes("cadence_memberships")
    assert made["body"]["user_id"] == stage.team["users"][1]["id"]
    assert made["body"]["step_id"] == stage.cadence["steps"][0]["id"]
    assert made["body"]["cadence_id"] == stage.cadence["id"]
    assert [state for state, _ in await stage.history(enrollment_id)] == [
        "requested", "approved", "scheduled", "enrolling", "enrolled",
    ]  # fmt: skip

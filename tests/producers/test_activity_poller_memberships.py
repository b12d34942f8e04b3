"""What Salesloft's memberships say of our enrollments, and of what was done there by hand."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from tests.producers.poller_stage import Stage

SetStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def stage(new_stage: SetStage) -> Stage:
    """One person, who is a stakeholder and answers nothing."""
    stage = await new_stage(view=0.0, click=0.0, reply=0.0, bounce=0.0, opt_out=0.0)
    await stage.add_people(1)
    await stage.know(0)
    return stage


async def changes(stage: Stage) -> list[dict[str, Any]]:
    return await stage.told("cscx.salesloft.enrollment.v1")


def key_of(made: dict[str, Any]) -> str:
    added_at = datetime.fromisoformat(made["added_at"]).astimezone(datetime.fromisoformat("2026-01-01T00:00Z").tzinfo)
    return f"{made['id']}@{added_at.isoformat(timespec='microseconds')}"


async def test_a_cadence_that_ran_to_its_end_completes_the_enrollment(stage: Stage) -> None:
    enrollment_id = await stage.enroll(0)
    await stage.live(days=21)
    await stage.poll()
    assert await stage.state(enrollment_id) == "completed"
    (event,) = await changes(stage)
    assert (event["data"]["from"], event["data"]["to"]) == ("enrolled", "completed")
    assert event["data"]["enrollment_id"] == str(enrollment_id)
    assert event["data"]["actor"] == {"kind": "salesloft", "user_id": None}
    assert event["headers"]["ce_sequence"] == "6"
    stay = (await stage.fetch("SELECT status, completed_at, current_step FROM salesloft_memberships"))[0]
    assert stay["status"] == "completed"
    assert stay["completed_at"] is not None


async def test_a_removal_by_hand_removes_the_enrollment_once_with_an_id_of_its_stay(stage: Stage) -> None:
    enrollment_id = await stage.enroll(0)
    made = (await stage.salesloft("GET", "/cadence_memberships"))[0]
    await stage.advance(minutes=30)
    await stage.poll()
    assert await stage.state(enrollment_id) == "enrolled"
    await stage.salesloft("DELETE", f"/cadence_memberships/{made['id']}")
    await stage.advance(minutes=30)
    await stage.poll()
    await stage.read_again_from_the_start()
    await stage.poll()
    assert await stage.state(enrollment_id) == "removed"
    (event,) = await changes(stage)
    assert event["data"]["to"] == "removed"
    assert event["data"]["membership"]["salesloft_state"].startswith("removed")
    assert event["id"] == stage.event_id("sth-0", "membership", key_of(made), "membership-removed", 1)


async def test_what_is_seen_under_a_command_is_the_commands_doing(stage: Stage) -> None:
    enrollment_id = await stage.enroll(0)
    made = (await stage.salesloft("GET", "/cadence_memberships"))[0]
    await stage.command_at_work(enrollment_id)
    await stage.advance(minutes=1)
    await stage.salesloft("DELETE", f"/cadence_memberships/{made['id']}")
    await stage.advance(minutes=30)
    await stage.poll()
    assert await stage.state(enrollment_id) == "enrolled"
    assert await changes(stage) == []
    # The command ends without having done it, so Salesloft's people have.
    await stage.execute("UPDATE commands SET state = 'done'")
    await stage.advance(minutes=30)
    await stage.poll()
    assert await stage.state(enrollment_id) == "removed"


async def test_a_pause_of_ours_is_no_removal(stage: Stage) -> None:
    enrollment_id = await stage.enroll(0)
    made = (await stage.salesloft("GET", "/cadence_memberships"))[0]
    await stage.advance(minutes=1)
    await stage.salesloft("DELETE", f"/cadence_memberships/{made['id']}")
    await stage.execute("UPDATE enrollments SET state = 'paused'")
    await stage.execute("UPDATE salesloft_memberships SET status = 'paused', currently_on_cadence = false")
    await stage.advance(minutes=30)
    await stage.poll()
    assert await stage.state(enrollment_id) == "paused"
    assert (await stage.fetch("SELECT status FROM salesloft_memberships"))[0]["status"] == "paused"


async def test_a_membership_made_by_hand_is_told_without_an_enrollment(stage: Stage) -> None:
    made = await stage.put_on_cadence(0)
    await stage.advance(minutes=30)
    await stage.poll()
    await stage.salesloft("DELETE", f"/cadence_memberships/{made['id']}")
    await stage.advance(minutes=30)
    await stage.poll()
    again = await stage.put_on_cadence(0)
    assert again["id"] == made["id"]
    await stage.advance(minutes=30)
    await stage.poll()
    await stage.read_again_from_the_start()
    await stage.poll()
    events = await changes(stage)
    assert [(e["data"]["from"], e["data"]["to"], e["data"]["enrollment_id"]) for e in events] == [
        (None, "enrolled", None),
        ("enrolled", "removed", None),
        (None, "enrolled", None),
    ]
    metrics = [(made, "membership-started"), (made, "membership-removed"), (again, "membership-started")]
    assert [event["id"] for event in events] == [
        stage.event_id("sth-0", "membership", key_of(stay), metric, 1) for stay, metric in metrics
    ]
    stays = await stage.fetch("SELECT status FROM salesloft_memberships ORDER BY added_at")
    assert [row["status"] for row in stays] == ["removed", "active"]


async def test_a_stay_whose_end_nobody_saw_has_ended(stage: Stage) -> None:
    made = await stage.put_on_cadence(0)
    await stage.advance(minutes=30)
    await stage.poll()
    await stage.salesloft("DELETE", f"/cadence_memberships/{made['id']}")
    await stage.advance(minutes=1)
    await stage.put_on_cadence(0)
    await stage.advance(minutes=30)
    await stage.poll()
    assert [event["data"]["to"] for event in await changes(stage)] == ["enrolled", "removed", "enrolled"]
    assert await stage.owed() == 0

"""Every change is one row in the history and one event on the bus, in order, held to the contract."""

from typing import Any
from uuid import uuid4

import orjson
import pytest

from enrollment.states import Happening, NotAllowed
from schemas.approval import ApprovalRequested
from schemas.vocabulary import ActorKind, EnrollmentState, TriggerType
from tests.workflows.scene import Scene
from workflows.transitions import Actor, Change, MembershipFacts, transition

JOURNEY = ["approve", "schedule", "begin", "lose", "call_again", "enroll", "pause", "resume", "complete"]


@pytest.fixture
async def asked(scene: Scene) -> ApprovalRequested:
    await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    (asked,) = await scene.requested()
    return asked


async def happen(scene: Scene, asked: ApprovalRequested, *happenings: str, **change: Any) -> Any:
    async with scene.database.transaction() as connection:
        enrollment = await scene.enrollment(connection, asked.enrollment_id)
        for happening in happenings:
            (enrollment,) = await transition(
                connection, [Change(enrollment=enrollment, happening=Happening(happening), **change)], scene.now
            )
    return enrollment


async def test_a_whole_journey_is_told_without_a_gap(scene: Scene, asked: ApprovalRequested) -> None:
    person = Actor(ActorKind.USER, "usr-4")
    membership = MembershipFacts(uuid4(), 789, "active", 1)
    await happen(scene, asked, *JOURNEY, actor=person, membership=membership, expected_at=scene.now)
    history = await scene.rows("SELECT * FROM enrollment_history ORDER BY sequence")
    assert [row["sequence"] for row in history] == list(range(1, len(JOURNEY) + 2))
    assert [row["from_state"] for row in history[1:]] == [row["to_state"] for row in history[:-1]]
    assert {(row["actor_kind"], row["actor_user_id"]) for row in history[1:]} == {("user", "usr-4")}
    changes = [data for name, data in await scene.published() if name == "enrollment-changed"]
    assert [one.to.value for one in changes] == [row["to_state"] for row in history]
    assert changes[-1].membership.salesloft_membership_id == 789
    headers = await scene.rows("SELECT headers FROM outbox WHERE type LIKE '%enrollment-changed%' ORDER BY position")
    sequences = [dict(orjson.loads(row["headers"]))["ce_sequence"] for row in headers]
    assert [int(one) for one in sequences] == [row["sequence"] for row in history]


async def test_what_cannot_happen_leaves_everything_as_it_was(scene: Scene, asked: ApprovalRequested) -> None:
    before = len(await scene.published())
    with pytest.raises(NotAllowed):
        await happen(scene, asked, "enroll")
    assert await scene.states() == {"sth-9": ("requested", None)}
    assert len(await scene.published()) == before


async def test_an_end_during_a_call_is_kept_until_the_call_is_settled(scene: Scene, asked: ApprovalRequested) -> None:
    await happen(scene, asked, "approve", "schedule", "begin")
    kept = await happen(scene, asked, "end", reason="renewed")
    assert (kept.state, kept.pending_end) == (EnrollmentState.ENROLLING, "renewed")
    again = await happen(scene, asked, "end", reason="churned")
    assert again.pending_end == "renewed"
    assert await scene.value("SELECT pending_end FROM enrollments") == "renewed"
    lost = await happen(scene, asked, "lose")
    assert lost.state is EnrollmentState.UNKNOWN
    assert await scene.value("SELECT pending_end FROM enrollments") == "renewed"
    await happen(scene, asked, "withdraw_call", reason="renewed")
    assert await scene.states() == {"sth-9": ("withdrawn", "renewed")}
    assert await scene.value("SELECT pending_end FROM enrollments") is None
    history = await scene.rows("SELECT to_state FROM enrollment_history ORDER BY sequence")
    assert [row["to_state"] for row in history] == [
        *("requested", "approved", "scheduled", "enrolling", "unknown", "withdrawn")
    ]

"""What is offered of an enrollment is what steering takes, in every state."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from enrollment.capabilities import CadenceAction, available_actions
from schemas.vocabulary import EnrollmentState, TriggerType
from storage import standing, steering
from storage.pool import Database
from storage.steering import Steering, SteeringAction
from tests.workflows.scene import Scene
from workflows.steering import SteeringInvalid, steer

_TERMS: dict[CadenceAction, dict[str, Any]] = {
    CadenceAction.PAUSE: {},
    CadenceAction.RESUME: {},
    CadenceAction.SKIP: {},
    CadenceAction.RESTART: {"step_id": 77},
    CadenceAction.CHANGE_SENDER: {"sender_user_id": 13},
    CadenceAction.REMOVE: {},
}


class _GivenUp(Exception):
    pass


@pytest.fixture
async def asked(database: Database) -> tuple[Scene, UUID]:
    scene = await Scene(database).set_up()
    await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    (request,) = await scene.requested()
    return scene, request.enrollment_id


async def takes(scene: Scene, enrollment_id: UUID, action: CadenceAction) -> bool:
    """Whether steering takes it; nothing comes of it."""
    wanted = Steering(
        id=uuid4(),
        enrollment_id=enrollment_id,
        action=SteeringAction(action.value),
        asked_by="usr-1",
        note="so",
        **_TERMS[action],
    )
    try:
        await _given_up(scene, wanted)
    except SteeringInvalid:
        return False
    except _GivenUp:
        return True
    raise AssertionError("what is only tried is given up")


async def _given_up(scene: Scene, wanted: Steering) -> None:
    async with scene.database.transaction() as connection:
        await steer(connection, scene.organization_id, wanted, scene.memory, scene.now)
        raise _GivenUp


@pytest.mark.parametrize("is_paused", [False, True])
@pytest.mark.parametrize("is_coming_back", [False, True])
@pytest.mark.parametrize("state", EnrollmentState)
async def test_what_is_offered_is_taken(
    asked: tuple[Scene, UUID], state: EnrollmentState, is_coming_back: bool, is_paused: bool
) -> None:
    scene, enrollment_id = asked
    await scene.put_into(state.value, enrollment_id)
    if is_coming_back:
        await scene.execute("UPDATE enrollments SET intended_at = $1, salesloft_person_id = 1", scene.now)
    if is_paused:
        async with scene.database.transaction() as connection:
            enrollment = await scene.enrollment(connection, enrollment_id)
            pause = Steering(
                id=uuid4(), enrollment_id=enrollment_id, action=SteeringAction.PAUSE, asked_by="usr-2", note="so"
            )
            await steering.keep_paused(connection, enrollment, pause, scene.now)
    async with scene.database.connection() as connection:
        found = await standing.of_enrollment(connection, scene.organization_id, enrollment_id, scene.now)
        assert await standing.of_enrollment(connection, "org-2", enrollment_id, scene.now) is None
    assert found is not None
    offered = set(available_actions(found.standing))
    taken = {action for action in _TERMS if await takes(scene, enrollment_id, action)}
    # Taking back and removing are one thing to steering, and two to people.
    if CadenceAction.WITHDRAW in offered:
        offered = offered - {CadenceAction.WITHDRAW} | {CadenceAction.REMOVE}
    # What is paused may be paused until another day, which nobody needs to be offered; nor is there anything to resume
    # of what never came onto the cadence.
    assert offered <= taken
    assert taken - offered <= {CadenceAction.PAUSE, CadenceAction.RESUME}

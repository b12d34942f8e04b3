"""Stopping and starting as decisions see it: deferred while it lasts, decided again once it is over."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from enrollment.mappings import Policy
from enrollment.stops import StopScope
from schemas.vocabulary import TriggerType
from storage import stops
from tests.workflows.scene import ANN, Scene
from workflows.stops import StopInvalid, start, stop

RENEWAL = TriggerType.RENEWAL_WINDOW


async def _stopped(
    scene: Scene, scope: StopScope = StopScope.ORGANIZATION, subject: Any = "org-1", *, ends_at: datetime | None = None
) -> UUID:
    async with scene.database.transaction() as connection:
        return await stop(
            connection,
            scene.organization_id,
            scope=scope,
            subject=str(subject),
            reason="a campaign went wrong",
            pauses_active=False,
            by="usr-1",
            ends_at=ends_at,
            now=scene.now,
        )


async def _started(scene: Scene, stop_id: UUID) -> None:
    async with scene.database.transaction() as connection:
        await start(connection, scene.organization_id, stop_id, by="usr-2", now=scene.now)


@pytest.mark.parametrize("scope", list(StopScope))
async def test_what_is_stopped_is_deferred_until_it_is_started_again(scene: Scene, scope: StopScope) -> None:
    (published,) = await scene.publish_for(RENEWAL)
    subjects = {"organization": "org-1", "customer": "cus-7", "cadence": published.cadence_id, "mapping": published.id}
    stop_id = await _stopped(scene, scope, subjects[scope.value])
    assert await scene.decide(scene.trigger()) == {"stopped": 1}
    scene.later(days=20)
    # However long it lasts, the window is counted from its end.
    assert await scene.decide_again() == {"stopped": 1}
    assert await scene.states() == {}
    await _started(scene, stop_id)
    assert await scene.decide_again() == {"requested": 1}


async def test_another_customer_goes_on(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await _stopped(scene, StopScope.CUSTOMER, "cus-8")
    assert await scene.decide(scene.trigger()) == {"requested": 1}


async def test_a_stop_with_an_end_ends_by_itself(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await _stopped(scene, ends_at=scene.now + timedelta(hours=2))
    assert await scene.decide(scene.trigger()) == {"stopped": 1}
    scene.later(hours=1)
    assert await scene.decide_again() == {}
    scene.later(hours=1)
    assert await scene.decide_again() == {"requested": 1}


async def test_what_still_lacks_a_fact_after_a_long_stop_waits_its_whole_window(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    stop_id = await _stopped(scene)
    await scene.decide(scene.trigger(stakeholders=(ANN | {"email": None},)))
    scene.later(days=20)
    await _started(scene, stop_id)
    assert await scene.decide_again() == {"no_email": 1}
    scene.later(days=14)
    assert await scene.decide_again() == {"deferral_ended": 1}


async def test_who_stopped_what_why_and_until_when(scene: Scene) -> None:
    ends_at = scene.now + timedelta(days=1)
    stop_id = await _stopped(scene, StopScope.CUSTOMER, "cus-7", ends_at=ends_at)
    async with scene.database.connection() as connection:
        (standing,) = await stops.standing(connection, "org-1", scene.now)
        assert await stops.standing(connection, "org-1", ends_at) == []
        assert await stops.standing(connection, "org-2", scene.now) == []
    assert (standing.id, standing.scope, standing.subject) == (stop_id, StopScope.CUSTOMER, "cus-7")
    assert (standing.stopped_by, standing.reason, standing.ends_at) == ("usr-1", "a campaign went wrong", ends_at)


async def test_what_cannot_be_stopped_or_started(scene: Scene) -> None:
    with pytest.raises(StopInvalid, match="no cadence 999"):
        await _stopped(scene, StopScope.CADENCE, 999)
    with pytest.raises(StopInvalid, match="no mapping"):
        await _stopped(scene, StopScope.MAPPING, uuid4())
    with pytest.raises(StopInvalid, match="no organization"):
        await _stopped(scene, StopScope.ORGANIZATION, "org-2")
    with pytest.raises(StopInvalid, match="future"):
        await _stopped(scene, ends_at=scene.now)
    stop_id = await _stopped(scene)
    await _started(scene, stop_id)
    with pytest.raises(StopInvalid, match="still stands"):
        await _started(scene, stop_id)


async def test_a_mapping_in_shadow_leaves_its_decision_and_no_question(scene: Scene) -> None:
    (published,) = await scene.publish_for(RENEWAL, policy=Policy(shadow=True))
    assert await scene.decide(scene.trigger()) == {"shadow": 1}
    assert await scene.states() == {}
    assert await scene.reasons() == ["shadow"]
    assert not [name for name, _ in await scene.published() if name == "approval-requested"]
    # Nothing of it waits, and its run is not used up.
    assert await scene.decide_again() == {}
    await scene.publish_for(RENEWAL, id=published.id)
    assert await scene.decide(scene.trigger()) == {"requested": 1}

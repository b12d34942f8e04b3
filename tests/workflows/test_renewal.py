"""An approval meets its moment: what it is bound to still holds, or the approver is asked again with the difference."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from enrollment.criteria import parse_criteria
from schemas.approval import ApprovalRequested
from schemas.vocabulary import Reason, TriggerType
from storage import organizations
from storage.enrollments import Enrollment
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene
from workflows.renewal import Renewed, ask_again, look_again

RENEWAL = TriggerType.RENEWAL_WINDOW
LOW_OR_ENTERPRISE = parse_criteria(
    b'{"any": [{"field": "customer.health_score", "op": "lt", "value": 60},'
    b' {"field": "customer.tier", "op": "equals", "value": "enterprise"}]}'
)


class Approved:
    """An approved enrollment, and another look at it."""

    def __init__(self, scene: Scene, mapping: Any, asked: ApprovalRequested) -> None:
        self.scene, self.mapping, self.asked = scene, mapping, asked

    async def look(self, *, ask: str | None = None) -> tuple[Renewed | Reason, Enrollment]:
        scene = self.scene
        async with scene.database.transaction() as connection:
            organization = (await scene.memory.facts(connection, ["org-1"], scene.now))["org-1"]
            enrollment = await scene.enrollment(connection, self.asked.enrollment_id)
            found = await look_again(connection, enrollment, organization, scene.now)
            if ask is not None:
                enrollment = await ask_again(connection, enrollment, found, ask, scene.now)
        return found, enrollment

    async def changed_since(self) -> list[tuple[str, Any, Any]]:
        """What the approver reads after being asked again, and what was found."""
        found, enrollment = await self.look(ask=Reason.FACT_CHANGED.value)
        assert isinstance(found, Renewed)
        assert enrollment.state.value == "requested"
        again = (await self.scene.asked())[-1]
        assert again.enrollment_id == self.asked.enrollment_id
        assert again.request_digest == enrollment.request_digest != self.asked.request_digest
        assert await self.scene.take(self.scene.decision(self.asked)) == 0
        assert await self.scene.take(self.scene.decision(again)) == 1
        calm, _ = await self.look()
        assert isinstance(calm, Renewed)
        assert calm.differences == []
        return [(one.field, one.was, one.is_) for one in again.changed_since or []]


@pytest.fixture
async def approved(scene: Scene) -> Approved:
    (mapping,) = await scene.publish_for(RENEWAL, customer_criteria=LOW_OR_ENTERPRISE)
    (asked,) = await scene.requested()
    assert await scene.take(scene.decision(asked)) == 1
    scene.later(hours=1)
    return Approved(scene, mapping, asked)


async def test_while_nothing_changes_the_approval_holds(approved: Approved) -> None:
    found, _ = await approved.look()
    assert isinstance(found, Renewed)
    assert found.differences == []


async def test_a_value_that_moves_without_turning_a_verdict_leaves_it_good(approved: Approved) -> None:
    await approved.scene.snapshots(customers=(CUSTOMER | {"health_score": 12, "name": "Acme AG"},))
    await approved.scene.snapshots(stakeholders=(ANN | {"title": "CEO", "email": " ANN@acme.example"},))
    found, _ = await approved.look()
    assert isinstance(found, Renewed)
    assert found.differences == []


async def test_a_verdict_that_turned(approved: Approved) -> None:
    await approved.scene.snapshots(customers=(CUSTOMER | {"health_score": 75},))
    assert await approved.changed_since() == [("customer.health_score < 60", True, False)]


async def test_another_address(approved: Approved) -> None:
    await approved.scene.snapshots(stakeholders=(ANN | {"email": "lee@acme.example"},))
    assert await approved.changed_since() == [("stakeholder.email", "ann@acme.example", "lee@acme.example")]


async def test_another_owner(approved: Approved) -> None:
    owner = {"owner": {"user_id": "usr-5", "email": "lea@cscx.example"}}
    await approved.scene.snapshots(customers=(CUSTOMER | owner,))
    assert await approved.changed_since() == [("action.sender.user_id", 12, 13)]


async def test_another_version_of_the_mapping(approved: Approved) -> None:
    await approved.scene.publish(replace(approved.mapping, cadence_id=457, start_step_id=78))
    assert sorted(await approved.changed_since()) == [
        ("action.cadence.id", 456, 457),
        ("action.start_step.id", 77, 78),
        ("why.mapping.version", 1, 2),
    ]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("disabled", Reason.MAPPING_DISABLED),
        ("no cadence", Reason.CADENCE_UNAVAILABLE),
        ("no owner", Reason.OWNER_UNAVAILABLE),
        ("moved", Reason.STAKEHOLDER_LEFT),
        ("erased", Reason.ERASED),
    ],
)
async def test_what_cannot_be_asked_any_more_is_withdrawn(approved: Approved, what: str, reason: Reason) -> None:
    scene = approved.scene
    match what:
        case "disabled":
            await scene.publish(replace(approved.mapping, enabled=False))
        case "no cadence":
            async with scene.database.transaction() as connection:
                await scene.keep_team(connection, cadences=(457,))
                await organizations.advance_decision_version(connection, "org-1", scene.now)
        case "no owner":
            await scene.snapshots(customers=(CUSTOMER | {"owner": None},))
        case "moved":
            await scene.snapshots(stakeholders=(ANN | {"customer_id": "cus-8"},))
        case "erased":
            await scene.execute("UPDATE directory_stakeholders SET data = NULL, erased_at = now()")
    found, enrollment = await approved.look(ask=Reason.FACT_CHANGED.value)
    assert found is reason
    assert enrollment.state.value == "withdrawn"
    assert await scene.states() == {"sth-9": ("withdrawn", reason.value)}


async def test_when_its_time_has_passed_the_start_is_proposed_anew(approved: Approved) -> None:
    approved.scene.now = approved.asked.execute_by + timedelta(hours=1)
    await approved.look(ask=Reason.EXECUTE_BY_PASSED.value)
    again = (await approved.scene.asked())[-1]
    assert [one.field for one in again.changed_since or []] == ["action.start_date"]
    assert again.action.start_date == approved.scene.now.date()
    assert again.expires_at > approved.scene.now


async def test_an_old_decision_does_not_answer_a_question_asked_later(approved: Approved) -> None:
    """The terms may be the very same again; who answered the first time has not answered the second."""
    scene = approved.scene
    await scene.execute("UPDATE enrollments SET start_on = '2027-01-04'")
    first_round = scene.decision(approved.asked, event_id="late")
    scene.later(days=10)
    found, enrollment = await approved.look()
    assert isinstance(found, Renewed)
    async with scene.database.transaction() as connection:
        enrollment = await scene.enrollment(connection, approved.asked.enrollment_id)
        await ask_again(connection, enrollment, found, Reason.FACT_CHANGED.value, scene.now)
    again = (await scene.asked())[-1]
    scene.later(minutes=1)
    assert await scene.take(first_round) == 0
    assert await scene.take(scene.decision(again)) == 1


async def test_an_approvers_own_terms_are_not_a_changed_fact(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    (asked,) = await scene.requested()
    changes = {"start_date": "2026-11-28", "start_step_id": 78, "sender_user_id": 13}
    assert await scene.take(scene.decision(asked, changes=changes)) == 1
    approved = Approved(scene, None, asked)
    found, _ = await approved.look()
    assert isinstance(found, Renewed)
    assert found.differences == []
    owner = {"owner": {"user_id": "usr-5", "email": "csm2@cscx.example"}}
    scene.later(hours=1)
    await scene.snapshots(customers=(CUSTOMER | owner,))
    found, _ = await approved.look()
    assert isinstance(found, Renewed), "the approver chose another sender than the owner"
    await scene.execute("UPDATE salesloft_users SET active = false WHERE user_id = 13")
    await scene.execute("UPDATE organizations SET decision_version = decision_version + 1")
    found, _ = await approved.look()
    assert found is Reason.OWNER_UNAVAILABLE


async def test_a_question_that_is_asked_again_still_shows_who_was_considered(scene: Scene) -> None:
    (mapping,) = await scene.publish_for(RENEWAL)
    (asked,) = await scene.requested(ANN, BOB | {"email": None})
    assert await scene.take(scene.decision(asked)) == 1
    scene.later(hours=1)
    await scene.publish(mapping)
    await Approved(scene, mapping, asked).look(ask=Reason.FACT_CHANGED.value)
    again = (await scene.asked())[-1]
    assert [(one.stakeholder_id, one.reason) for one in again.considered] == [("sth-8", Reason.NO_EMAIL)]
    assert again.considered == asked.considered

"""What was decided is decided again from what was stored: the same bytes, and why."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from enrollment.criteria import parse_criteria
from enrollment.evaluate import told_outcomes
from schemas.vocabulary import OutcomeType, Reason, TriggerType
from storage import looking, stored_evaluations
from storage.stored_evaluations import About
from tests.workflows.scene import ANN, CUSTOMER, Scene
from tests.workflows.story import live_through
from workflows.explaining import Explained, Recollection, explain_evaluations
from workflows.renewal import ask_again, look_again
from workflows.request import decide_and_request

RENEWAL, AT_RISK, EXPANSION = TriggerType.RENEWAL_WINDOW, TriggerType.AT_RISK, TriggerType.EXPANSION_SIGNAL
LOW = parse_criteria(b'{"field": "customer.health_score", "op": "lt", "value": 60}')
CHAMPION = parse_criteria(b'{"field": "stakeholder.is_champion", "op": "equals", "value": true}')


async def explained(scene: Scene, limit: int = 1000, **about: Any) -> list[Explained]:
    async with scene.database.transaction() as connection:
        await connection.execute("SET TRANSACTION READ ONLY")
        return await explain_evaluations(connection, scene.organization_id, About(**about), limit=limit)


async def test_generated_events_are_decided_again_to_the_same_bytes(scene: Scene) -> None:
    await live_through(scene, 30)
    async with scene.database.reading() as connection:
        stored = await stored_evaluations.read(connection, "org-1", About(), limit=1000)
        recollection = Recollection(connection, "org-1")
        for _ in range(2):
            recalled = [await recollection.recalled(one) for one in stored]
            again = [told_outcomes(one.evaluate().decisions)[1] for one in recalled if one is not None]
            assert again == [one.digest for one in stored]
    assert len(stored) > 150
    reasons = {told["reason"] for one in stored for told in orjson.loads(one.outcomes)}
    assert reasons >= {"requested", "criteria_not_met", "fact_unknown", "already_requested", "no_email", "preempted"}
    assert reasons >= {"unknown_customer", "no_candidates", "stakeholder_left", "deferral_ended", "no_mapping"}
    assert {one.cause for one in stored} == {"event", "deferral"}


async def test_people_of_whom_nothing_is_known_are_candidates_again(scene: Scene) -> None:
    """They left before anything else was heard of them: the directory holds their id and nothing more."""
    await scene.publish_for(RENEWAL)
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(ANN,))
    await scene.end(scene.outcome(OutcomeType.STAKEHOLDER_LEFT, stakeholder_id="sth-1"))
    assert await scene.decide(scene.trigger(stakeholders=None, at=scene.later(hours=1))) == {
        "requested": 1,
        "stakeholder_left": 1,
    }
    (found,) = await explained(scene, customer_id="cus-7")
    assert found.is_same


async def test_facts_are_kept_for_good_though_the_first_to_keep_them_is_rolled_back(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    for attempt in range(2):
        with pytest.raises(LookupError):  # noqa: PT012  # what is asked is what the whole block leaves
            async with scene.database.transaction() as connection:
                for _ in range(2):
                    await decide_and_request(connection, [scene.trigger()], scene.memory, scene.now)
                raise LookupError
        assert await scene.value("SELECT count(*) FROM organization_facts") == 0, attempt
    await scene.decide(scene.trigger())
    await scene.decide(scene.trigger())
    assert await scene.value("SELECT count(*) FROM organization_facts") == 1
    assert [one.is_same for one in await explained(scene, customer_id="cus-7")] == [True, True]


async def test_the_latest_outcomes_are_of_whoever_is_asked_about(scene: Scene) -> None:
    """The newest first; also of somebody who was asked for nowhere, and of no other stakeholder of the customer's."""
    await scene.publish_for(RENEWAL, stakeholder_criteria=CHAMPION)
    bob = ANN | {"id": "sth-2", "email": "bob@acme.example", "is_champion": False}
    await scene.snapshots(customers=(CUSTOMER,), stakeholders=(bob,))
    events = []
    for minutes in range(3):
        scene.now = scene.later(minutes=1)
        trigger = scene.trigger(stakeholders=[bob], contract_id=f"con-{minutes}")
        events.append(trigger.event_id)
        await scene.decide(trigger)
    scene.now = scene.later(minutes=1)
    await scene.decide(scene.trigger(stakeholders=[ANN | {"is_champion": True}]))
    async with scene.database.reading() as connection:
        of_bob = await looking.outcomes(scene.organization_id, About(stakeholder_id="sth-2"), limit=2).asked_of(
            connection
        )
        of_all = await looking.outcomes(scene.organization_id, About(customer_id="cus-7"), limit=10).asked_of(
            connection
        )
    assert [one.event_id for one in of_bob] == [events[2], events[1]]
    assert len(of_all) == 4


@pytest.mark.parametrize("changes", [{}, {"start_step_id": 78, "sender_user_id": 13, "start_date": "2026-11-28"}])
@pytest.mark.parametrize("reason", [Reason.FACT_CHANGED, Reason.EXECUTE_BY_PASSED])
async def test_a_renewed_question_is_kept_and_put_again(scene: Scene, reason: Reason, changes: dict[str, Any]) -> None:
    await scene.publish_for(RENEWAL, customer_criteria=LOW)
    (asked,) = await scene.requested()
    assert await scene.take(scene.decision(asked, changes=changes)) == 1
    scene.now = asked.execute_by + timedelta(hours=1)
    await scene.snapshots(customers=(CUSTOMER | {"health_score": 75.5},))
    async with scene.database.transaction() as connection:
        organization = (await scene.memory.facts(connection, ["org-1"], scene.now))["org-1"]
        enrollment = await scene.enrollment(connection, asked.enrollment_id)
        found = await look_again(connection, enrollment, organization, scene.now)
        await ask_again(connection, enrollment, found, reason.value, scene.now)
    renewed, first = await explained(scene, stakeholder_id="sth-9")
    assert (renewed.stored.cause, first.stored.cause) == ("renewal", "event")
    assert renewed.is_same
    assert first.is_same
    assert renewed.explanation is not None
    (decision,) = renewed.explanation.decisions
    again = (await scene.asked())[-1]
    assert decision.decision.digest == again.request_digest != asked.request_digest
    assert decision.asked[0].customer == {"predicate": "customer.health_score < 60", "value": 75.5, "holds": False}
    assert "organization.connected" in {one.fact for one in decision.turns}
    await scene.snapshots(erased_stakeholders=("sth-9",), at=scene.later(hours=1))
    assert [one.is_same for one in await explained(scene, customer_id="cus-7")] == [None, None]
    assert not await scene.rows("SELECT FROM evaluations WHERE facts::text LIKE '%ann@acme%'")

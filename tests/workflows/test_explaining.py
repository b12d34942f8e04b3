"""What was decided is decided again from what was stored: the same bytes, and why."""

import random
from datetime import timedelta
from typing import Any

import orjson
import pytest

from enrollment.criteria import parse_criteria
from enrollment.evaluate import told_outcomes
from enrollment.mappings import Policy
from schemas.vocabulary import OutcomeType, TriggerType
from storage import stored_evaluations
from storage.stored_evaluations import About
from tests.workflows.scene import ANN, BOB, CUSTOMER, DETAILS, Scene
from workflows.explaining import Explained, Recollection, explain_evaluations
from workflows.request import decide_and_request

RENEWAL, AT_RISK, EXPANSION = TriggerType.RENEWAL_WINDOW, TriggerType.AT_RISK, TriggerType.EXPANSION_SIGNAL
LOW = parse_criteria(b'{"field": "customer.health_score", "op": "lt", "value": 60}')
CHAMPION = parse_criteria(b'{"field": "stakeholder.is_champion", "op": "equals", "value": true}')


async def explained(scene: Scene, limit: int = 1000, **about: Any) -> list[Explained]:
    async with scene.database.transaction() as connection:
        await connection.execute("SET TRANSACTION READ ONLY")
        return await explain_evaluations(connection, scene.organization_id, About(**about), limit=limit)


async def test_generated_events_are_decided_again_to_the_same_bytes(scene: Scene) -> None:
    """Several of one customer in a batch, with and without snapshots, while mappings, people and holds come and go."""
    chance = random.Random(5)
    published = await scene.publish_for(RENEWAL, EXPANSION, AT_RISK, customer_criteria=LOW)
    await scene.publish_for(RENEWAL, exclusivity_group="b", stakeholder_criteria=CHAMPION, policy=Policy(defer_days=2))
    for turn in range(30):
        triggers = []
        for _ in range(chance.randrange(1, 8)):
            customer: dict[str, Any] = {"id": f"cus-{chance.randrange(4)}"}
            if chance.random() < 0.7:
                customer = CUSTOMER | customer | {"health_score": chance.choice([None, 0, 33.3, 59, 60, 99])}
            people: list[dict[str, Any]] | None = None
            if chance.random() < 0.8:
                people = [
                    chance.choice([{}, one]) | {"id": f"{customer['id']}-{one['id']}"}
                    for one in chance.choice([(ANN,), (ANN, BOB), (BOB | {"email": None}, ANN | {"arr": 1}), ()])
                ]
            trigger = chance.choice(list(DETAILS))
            key = {RENEWAL: "contract_id", AT_RISK: "episode_id", EXPANSION: "signal_id"}.get(trigger)
            details = {key: f"key-{chance.randrange(3)}"} if key else {}
            at = scene.now - timedelta(days=chance.choice([0, 0, 0, 3, 15]))
            triggers.append(scene.trigger(trigger, people, customer=customer, at=at, **details))
        await scene.decide(*triggers)
        match turn % 6:
            case 0:
                await scene.end(
                    scene.outcome(chance.choice(list(OutcomeType)), customer_id="cus-1", stakeholder_id="cus-1-sth-9")
                )
            case 1:
                await scene.publish(*published)
            case 2:
                belongs = {"customer_id": "cus-2"}
                await scene.snapshots(
                    customers=(CUSTOMER | {"id": "cus-2"},), stakeholders=(ANN | belongs, BOB | belongs)
                )
            case 3:
                await scene.execute(
                    "UPDATE enrollments SET state = 'withdrawn' WHERE state = 'requested' AND customer_id = 'cus-3'"
                )
            case 4:
                await scene.execute(
                    "UPDATE directory_stakeholders SET data = NULL, left_at = now()"
                    " WHERE stakeholder_id = 'cus-0-sth-8'"
                )
        scene.later(days=1)
        await scene.decide_again()
    async with scene.database.reading() as connection:
        stored = await stored_evaluations.read(connection, "org-1", About(), limit=1000)
        for _ in range(2):
            recalled = await Recollection(connection, "org-1").of(stored)
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

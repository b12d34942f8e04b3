"""What was decided is decided again from what was stored: the same bytes, and why."""

import random
from datetime import timedelta
from typing import Any

import orjson

from enrollment.criteria import parse_criteria
from enrollment.mappings import Policy
from schemas.vocabulary import OutcomeType, TriggerType
from storage.stored_evaluations import About
from tests.workflows.scene import ANN, BOB, CUSTOMER, DETAILS, Scene
from workflows.explaining import Explained, explain_evaluations

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
            customer = {"id": f"cus-{chance.randrange(4)}"}
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
    first, again = await explained(scene), await explained(scene)
    assert len(first) > 150
    assert [one.stored.event_id for one in first if not one.is_same] == []
    assert [one.explanation.digest for one in first if one.explanation] == [
        one.explanation.digest for one in again if one.explanation
    ]
    reasons = {told["reason"] for one in first for told in orjson.loads(one.stored.outcomes)}
    assert reasons >= {"requested", "criteria_not_met", "fact_unknown", "already_requested", "no_email", "preempted"}
    assert reasons >= {"unknown_customer", "no_candidates", "stakeholder_left", "deferral_ended", "no_mapping"}
    assert {one.stored.cause for one in first} == {"event", "deferral"}

"""A generated story of one organization: events, outcomes, snapshots and new mapping versions, and what was decided."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

from enrollment.criteria import parse_criteria
from enrollment.mappings import Mapping, Policy
from schemas.vocabulary import OutcomeType, TriggerType
from tests.workflows.scene import ANN, BOB, CUSTOMER, DETAILS, Scene
from workflows.situations import Trigger

__all__ = ["live_through"]

_KEYS = {
    TriggerType.RENEWAL_WINDOW: "contract_id",
    TriggerType.AT_RISK: "episode_id",
    TriggerType.EXPANSION_SIGNAL: "signal_id",
}
_LOW = parse_criteria(b'{"field": "customer.health_score", "op": "lt", "value": 60}')
_CHAMPION = parse_criteria(b'{"field": "stakeholder.is_champion", "op": "equals", "value": true}')


async def live_through(scene: Scene, turns: int, *, seed: int = 5) -> Counter[str]:
    """How many decisions fell for each reason: several triggers of one customer in a batch, with and without snapshots.

    The same seed is the same story.
    """
    chance = random.Random(seed)
    published = await scene.publish_for(*_KEYS, customer_criteria=_LOW)
    await scene.publish_for(
        TriggerType.RENEWAL_WINDOW,
        exclusivity_group="b",
        stakeholder_criteria=_CHAMPION,
        policy=Policy(defer_days=2),
    )
    decided: Counter[str] = Counter()
    for turn in range(turns):
        triggers = [_trigger(scene, chance) for _ in range(chance.randrange(1, 8))]
        decided.update(await scene.decide(*triggers))
        await _meanwhile(scene, chance, turn, published)
        scene.later(days=1)
        decided.update(await scene.decide_again())
    return decided


def _trigger(scene: Scene, chance: random.Random) -> Trigger:
    customer: dict[str, Any] = {"id": f"cus-{chance.randrange(4)}"}
    if chance.random() < 0.7:
        customer = CUSTOMER | customer | {"health_score": chance.choice([None, 0, 33.3, 59, 60, 99])}
    people: list[dict[str, Any]] | None = None
    if chance.random() < 0.8:
        listed = chance.choice([(ANN,), (ANN, BOB), (BOB | {"email": None}, ANN | {"arr": 1}), ()])
        people = [chance.choice([{}, one]) | {"id": f"{customer['id']}-{one['id']}"} for one in listed]
    trigger = chance.choice(list(DETAILS))
    details = {_KEYS[trigger]: f"key-{chance.randrange(3)}"} if trigger in _KEYS else {}
    at = scene.now - timedelta(days=chance.choice([0, 0, 0, 3, 15]))
    return scene.trigger(trigger, people, customer=customer, at=at, event_id=f"e-{chance.getrandbits(64)}", **details)


async def _meanwhile(scene: Scene, chance: random.Random, turn: int, published: list[Mapping]) -> None:
    match turn % 6:
        case 0:
            type_ = chance.choice(list(OutcomeType))
            # Outcomes decide again what they free, uncounted here: only those that end no hold.
            if type_ not in {OutcomeType.RECOVERED, OutcomeType.CHURNED}:
                await scene.end(scene.outcome(type_, customer_id="cus-1", stakeholder_id="cus-1-sth-9"))
        case 1:
            await scene.publish(*published)
        case 2:
            belongs = {"customer_id": "cus-2"}
            people = (ANN | belongs, BOB | belongs)
            await scene.snapshots(customers=(CUSTOMER | {"id": "cus-2"},), stakeholders=people)
        case 3:
            await scene.execute(
                "UPDATE enrollments SET state = 'withdrawn' WHERE state = 'requested' AND customer_id = 'cus-3'"
            )
        case 4:
            await scene.execute(
                "UPDATE directory_stakeholders SET data = NULL, left_at = now() WHERE stakeholder_id = 'cus-0-sth-8'"
            )

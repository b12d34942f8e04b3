"""Engagement as a fact of deciding: read where it is asked about, kept with the decision, read again when it is due."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from activity.engagement import CadenceTally, tallies_to_json
from enrollment.criteria import parse_criteria
from schemas.vocabulary import TriggerType
from storage.stored_evaluations import About
from tests.enrollment.samples import mapping
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene
from workflows.explaining import explain_evaluations
from workflows.memory import OrganizationMemory
from workflows.renewal import Renewed, ask_again, look_again
from workflows.trying import preview

REPLIES = parse_criteria(b'{"field": "engagement.replied", "op": "gt", "value": 0}')
LATELY = parse_criteria(b'{"field": "engagement.last_replied_at", "op": "after", "value": -10}')
SCORE = parse_criteria(b'{"field": "engagement.score", "op": "gte", "value": 40}')


async def seen(scene: Scene, stakeholder_id: str, **tally: Any) -> None:
    """What Salesloft has shown of a stakeholder."""
    tallies = tallies_to_json({456: CadenceTally(**tally)})
    await scene.execute(
        "INSERT INTO engagements (organization_id, stakeholder_id, customer_id, data, tallies, updated_at)"
        " VALUES ('org-1', $1, 'cus-7', '{\"active_cadences\": [1]}', $2::text::jsonb, $3)"
        " ON CONFLICT (organization_id, stakeholder_id) DO UPDATE SET tallies = excluded.tallies",
        stakeholder_id,
        orjson.dumps(tallies).decode(),
        scene.now,
    )


async def facts(scene: Scene) -> dict[str, Any]:
    return orjson.loads(await scene.value("SELECT facts FROM evaluations ORDER BY evaluated_at DESC, id DESC LIMIT 1"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("criteria", [REPLIES, LATELY, SCORE])
async def test_who_was_never_seen_is_unknown_and_who_replied_is_asked_for(scene: Scene, criteria: Any) -> None:
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, stakeholder_criteria=criteria)
    await seen(scene, "sth-9", sent=1, replied=1, last_replied_at=scene.now - timedelta(days=9))
    assert await scene.decide(scene.trigger(stakeholders=(ANN, BOB))) == {"requested": 1, "fact_unknown": 1}
    assert (await facts(scene))["engagement"].keys() == {"sth-9"}
    # The score and the days are those of the moment.
    scene.later(days=90)
    decided = await scene.decide(scene.trigger(stakeholders=(ANN, BOB), contract_id="con-6"))
    again = "requested" if criteria is REPLIES else "criteria_not_met"
    assert decided == {again: 1, "fact_unknown": 1}


async def test_a_decision_is_made_again_from_the_engagement_of_its_moment(scene: Scene) -> None:
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, stakeholder_criteria=REPLIES)
    await seen(scene, "sth-9", sent=1, replied=0)
    assert await scene.decide(scene.trigger()) == {"criteria_not_met": 1}
    await seen(scene, "sth-9", sent=1, replied=1)
    async with scene.database.transaction() as connection:
        (one,) = await explain_evaluations(connection, "org-1", About(stakeholder_id="sth-9"), limit=10)
    assert one.is_same
    assert one.explanation is not None
    (decision,) = one.explanation.decisions
    assert decision.asked[0].stakeholder["value"] == 0
    assert decision.turn is not None
    assert (decision.turn.fact, decision.turn.was, decision.turn.is_) == ("engagement.replied", 0, 1)


async def test_it_is_not_read_where_nobody_asks(scene: Scene) -> None:
    await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    await scene.publish_for(TriggerType.AT_RISK, stakeholder_criteria=REPLIES)
    await seen(scene, "sth-9", sent=1, replied=1)
    assert await scene.decide(scene.trigger()) == {"requested": 1}
    assert "engagement" not in await facts(scene)


async def test_an_approval_rests_on_the_verdict_about_it(scene: Scene) -> None:
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, stakeholder_criteria=REPLIES)
    await scene.snapshots(customers=[CUSTOMER], stakeholders=[ANN])
    await seen(scene, "sth-9", sent=1, replied=1)
    (asked,) = await scene.requested()
    assert [(one.predicate, one.value, one.holds) for one in asked.why.verdicts] == [
        ("engagement.replied > 0", 1, True)
    ]

    async def differing() -> list[dict[str, Any]]:
        async with scene.database.transaction() as connection:
            organization = await OrganizationMemory().facts(connection, ["org-1"], scene.now)
            enrollment = await scene.enrollment(connection, asked.enrollment_id)
            found = await look_again(connection, enrollment, organization["org-1"], scene.now)
            assert isinstance(found, Renewed)
            return found.differences

    await seen(scene, "sth-9", sent=2, replied=2)
    assert await differing() == []
    await seen(scene, "sth-9", sent=2, replied=0)
    assert await differing() == [{"field": "engagement.replied > 0", "was": True, "is": False}]
    await scene.take(scene.decision(asked))
    async with scene.database.transaction() as connection:
        organization = await OrganizationMemory().facts(connection, ["org-1"], scene.now)
        enrollment = await scene.enrollment(connection, asked.enrollment_id)
        found = await look_again(connection, enrollment, organization["org-1"], scene.now)
        await ask_again(connection, enrollment, found, "fact_changed", scene.now)
    # The renewed question is a decision of its own, and is made again from what it saw.
    await seen(scene, "sth-9", sent=2, replied=9)
    async with scene.database.transaction() as connection:
        explained = await explain_evaluations(connection, "org-1", About(stakeholder_id="sth-9"), limit=10)
    assert [one.is_same for one in explained] == [True, True]


async def test_it_goes_with_whoever_is_erased(scene: Scene) -> None:
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, stakeholder_criteria=REPLIES)
    await scene.snapshots(customers=[CUSTOMER], stakeholders=[ANN, BOB])
    for who in ("sth-8", "sth-9"):
        await seen(scene, who, sent=1, replied=1)
    await scene.decide(scene.trigger(stakeholders=(ANN, BOB)))
    assert (await facts(scene))["engagement"].keys() == {"sth-8", "sth-9"}
    scene.later(minutes=1)
    await scene.snapshots(erased_stakeholders=["sth-9"])
    assert (await facts(scene))["engagement"].keys() == {"sth-8"}


async def test_a_preview_knows_of_it(scene: Scene) -> None:
    await scene.snapshots(customers=[CUSTOMER], stakeholders=[ANN, BOB])
    await seen(scene, "sth-9", sent=1, replied=1)
    tried = mapping(stakeholder_criteria=REPLIES)
    async with scene.database.transaction() as connection:
        found = await preview(connection, "org-1", tried, scene.now)
    assert found.requested == [("cus-7", "sth-9")]

"""Where decisions are explained: little of it at once, much of it in a thread, and the same either way."""

import asyncio
from uuid import UUID

import pytest

from enrollment.decide import Candidate
from enrollment.evaluate import told_outcomes
from enrollment.recall import Recalled
from storage.stored_evaluations import StoredEvaluation
from tests.enrollment.samples import NOW, criteria, mapping, organization, situation, stakeholder
from web.reading import decisions
from web.reading.decisions import Decided, explained


def evaluation(stakeholders: int) -> tuple[StoredEvaluation, Recalled]:
    recalled = Recalled(
        situation=situation(*(Candidate(stakeholder(id=f"sth-{number}"), None) for number in range(stakeholders))),
        organization=organization(mapping(customer_criteria=criteria("customer.health_score", "lt", 60))),
        now=NOW,
        event_time=NOW,
        hold_ends=None,
    )
    outcomes, digest = told_outcomes(recalled.evaluate().decisions)
    stored = StoredEvaluation(
        id=UUID(int=1),
        organization_id="org-1",
        customer_id="cus-7",
        cause="event",
        event_id="evt-1",
        event_type="ai.cscx.lifecycle.renewal-window.v1",
        business_key="con-5/2027-03-31",
        decision_version=1,
        evaluated_at=NOW,
        facts="{}",
        outcomes=outcomes.decode(),
        digest=digest,
    )
    return stored, recalled


async def told(*evaluations: tuple[StoredEvaluation, Recalled]) -> tuple[list[Decided], bool]:
    """What is told of them, and whether anybody else had a turn meanwhile."""

    async def somebody() -> None:
        """Whoever waits for the loop."""

    turn = asyncio.create_task(somebody())
    found = await explained([one for one, _ in evaluations], [again for _, again in evaluations], stakeholder_id=None)
    had_it = turn.done()
    await turn
    return found, had_it


@pytest.mark.parametrize(
    ("evaluations", "in_a_thread"),
    [([3], False), ([10], False), ([11], True), ([6, 6], True), ([], False)],
)
async def test_nobody_waits_for_much_to_be_explained(evaluations: list[int], *, in_a_thread: bool) -> None:
    found, had_a_turn = await told(*map(evaluation, evaluations))
    assert had_a_turn is in_a_thread
    assert [len(one.decisions) for one in found] == evaluations
    assert {one.decided_again for one in found} <= {"same"}


async def test_it_is_the_same_wherever_it_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    here = await told(evaluation(3))
    monkeypatch.setattr(decisions, "_LITTLE", 0)
    assert await told(evaluation(3)) == (here[0], True)
    assert not here[1]

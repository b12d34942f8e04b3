"""Outcomes end what they make pointless, before and after their triggers, whatever the state."""

from datetime import timedelta

import pytest

from schemas.vocabulary import EnrollmentState, OutcomeType, Reason, TriggerType
from tests.workflows.scene import ANN, BOB, CUSTOMER, T0, Scene

RENEWAL = TriggerType.RENEWAL_WINDOW
KEY = "con-5/2027-03-31"
# What an outcome makes of an enrollment in each state.
AFTERWARDS = {
    "requested": "withdrawn",
    "approved": "withdrawn",
    "scheduled": "withdrawn",
    "stale": "withdrawn",
    "failed": "withdrawn",
    "enrolling": "kept",
    "unknown": "kept",
    "enrolled": "to be removed",
    "paused": "exited",
    "rejected": "rejected",
    "expired": "expired",
    "withdrawn": "withdrawn",
    "blocked": "blocked",
    "completed": "completed",
    "removed": "removed",
    "exited": "exited",
}


async def test_what_an_outcome_makes_of_every_state(scene: Scene) -> None:
    assert set(AFTERWARDS) == {state.value for state in EnrollmentState}
    await scene.publish_for(RENEWAL)
    people = {state: ANN | {"id": f"sth-{state}"} for state in AFTERWARDS}
    for asked in await scene.requested(*people.values()):
        await scene.put_into(asked.stakeholder.id.removeprefix("sth-"), asked.enrollment_id)
    scene.later(days=1)
    await scene.end(scene.outcome(OutcomeType.RENEWED, business_key=KEY))
    rows = {row["stakeholder_id"][4:]: row for row in await scene.rows("SELECT * FROM enrollments")}
    removing = {row["subject"] for row in await scene.rows("SELECT subject FROM commands WHERE kind = 'remove'")}
    assert removing == {"stakeholder:sth-enrolled"}
    for state, expected in AFTERWARDS.items():
        if expected in {"kept", "to be removed"}:
            assert (rows[state]["state"], rows[state]["pending_end"]) == (
                state,
                "renewed" if expected == "kept" else None,
            )
        else:
            assert rows[state]["state"] == expected, state
    withdrawn = [data for name, data in await scene.published() if name == "approval-withdrawn"]
    assert [(one.enrollment_id, one.reason.value) for one in withdrawn] == [(rows["requested"]["id"], "renewed")]


async def test_a_trigger_whose_run_has_ended_is_stale(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.end(scene.outcome(OutcomeType.RENEWED, business_key=KEY))
    assert await scene.decide(scene.trigger()) == {"stale_event": 1}
    assert await scene.decide(scene.trigger(term_end="2028-03-31")) == {"requested": 1}


async def test_an_outcome_ends_the_run_that_it_names_and_no_other(scene: Scene) -> None:
    await scene.publish_for(RENEWAL, TriggerType.AT_RISK)
    await scene.decide(
        scene.trigger(),
        scene.trigger(term_end="2028-03-31", stakeholders=(BOB,)),
        scene.trigger(TriggerType.AT_RISK, stakeholders=(ANN | {"id": "sth-7"},)),
    )
    await scene.end(scene.outcome(OutcomeType.RENEWED, business_key=KEY))
    assert await scene.states() == {
        "sth-9": ("withdrawn", "renewed"),
        "sth-8": ("requested", None),
        "sth-7": ("requested", None),
    }


@pytest.mark.parametrize("order", ["trigger first", "outcome first"])
@pytest.mark.parametrize(("hours", "ended"), [(-1, True), (0, True), (1, False)])
async def test_without_a_business_key_every_run_ends_whose_trigger_is_not_later(
    scene: Scene, order: str, hours: int, ended: bool
) -> None:
    await scene.publish_for(RENEWAL)
    trigger = scene.trigger(at=T0 + timedelta(hours=hours))
    outcome = scene.outcome(OutcomeType.RENEWED, at=T0)
    scene.later(days=1)
    if order == "trigger first":
        await scene.decide(trigger)
        await scene.end(outcome)
    else:
        await scene.end(outcome)
        await scene.decide(trigger)
    state = (await scene.states()).get("sth-9", ("none", None))[0]
    assert (state in {"withdrawn", "none"}) is ended


async def test_churned_ends_everything_of_the_customer(scene: Scene) -> None:
    await scene.publish_for(*TriggerType)
    await scene.decide(*(scene.trigger(one, stakeholders=(ANN | {"id": f"sth-{one.value}"},)) for one in TriggerType
                         if one is not TriggerType.EXPANSION_SIGNAL))  # fmt: skip
    scene.later(days=1)
    await scene.end(scene.outcome(OutcomeType.CHURNED))
    assert {state for state, _ in (await scene.states()).values()} == {"withdrawn"}
    assert await scene.decide(scene.trigger(term_end="2028-03-31", at=T0)) == {"stale_event": 1}
    scene.later(days=1)
    assert await scene.decide(scene.trigger(term_end="2029-03-31")) == {"requested": 1}


@pytest.mark.parametrize(
    ("outcome", "trigger"),
    [
        (OutcomeType.ONBOARDED, TriggerType.NEW_CUSTOMER),
        (OutcomeType.RENEWED, TriggerType.RENEWAL_WINDOW),
        (OutcomeType.RECOVERED, TriggerType.AT_RISK),
        (OutcomeType.EXPANSION_CLOSED, TriggerType.EXPANSION_SIGNAL),
    ],
)
async def test_each_outcome_ends_its_own_trigger(scene: Scene, outcome: OutcomeType, trigger: TriggerType) -> None:
    await scene.publish_for(*TriggerType)
    people = {one: ANN | {"id": f"sth-{one.value}"} for one in TriggerType}
    # Risk would have upsell withdrawn, so the two are not asked for together.
    absent = TriggerType.AT_RISK if trigger is TriggerType.EXPANSION_SIGNAL else TriggerType.EXPANSION_SIGNAL
    for one in set(TriggerType) - {absent}:
        await scene.decide(scene.trigger(one, stakeholders=(people[one],)))
    await scene.end(scene.outcome(outcome))
    assert {id_ for id_, (state, _) in (await scene.states()).items() if state == "withdrawn"} == {
        f"sth-{trigger.value}"
    }


@pytest.mark.parametrize("order", ["snapshot first", "outcome first"])
async def test_a_stakeholder_who_left_is_no_candidate_any_more(scene: Scene, order: str) -> None:
    await scene.publish_for(RENEWAL)
    outcome = scene.outcome(OutcomeType.STAKEHOLDER_LEFT, at=T0 + timedelta(hours=1), stakeholder_id="sth-9")
    if order == "snapshot first":
        await scene.snapshots(stakeholders=(ANN,))
        await scene.end(outcome)
    else:
        await scene.end(outcome)
        await scene.snapshots(stakeholders=(ANN,), at=T0)
    scene.later(days=1)
    assert await scene.decide(scene.trigger(stakeholders=(ANN, BOB))) == {
        Reason.STAKEHOLDER_LEFT.value: 1,
        "requested": 1,
    }


@pytest.mark.parametrize("order", ["left first", "back first"])
async def test_a_stakeholder_whom_the_directory_lists_again_is_back(scene: Scene, order: str) -> None:
    await scene.publish_for(RENEWAL)
    outcome = scene.outcome(OutcomeType.STAKEHOLDER_LEFT, at=T0, stakeholder_id="sth-9")
    await scene.snapshots(stakeholders=(ANN,), at=T0 - timedelta(days=1))
    if order == "left first":
        await scene.end(outcome)
        await scene.snapshots(stakeholders=(ANN,), at=T0 + timedelta(hours=1))
    else:
        await scene.snapshots(stakeholders=(ANN,), at=T0 + timedelta(hours=1))
        await scene.end(outcome)
    scene.later(days=1)
    assert await scene.decide(scene.trigger()) == {"requested": 1}


async def test_who_left_takes_the_open_enrollments_along_and_nobody_elses(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.requested(ANN, BOB)
    scene.later(days=1)
    await scene.end(scene.outcome(OutcomeType.STAKEHOLDER_LEFT, stakeholder_id="sth-9"))
    assert await scene.states() == {"sth-9": ("withdrawn", "stakeholder-left"), "sth-8": ("requested", None)}


async def test_a_run_that_was_withdrawn_may_be_requested_again(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.requested()
    await scene.end(scene.outcome(OutcomeType.CHURNED, at=T0))
    scene.later(days=1)
    assert await scene.decide(scene.trigger()) == {"requested": 1}


async def test_the_same_outcome_twice_changes_nothing_more(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.requested()
    outcome = scene.outcome(OutcomeType.RENEWED, business_key=KEY)
    await scene.end(outcome)
    before = len(await scene.published())
    await scene.end(outcome)
    assert len(await scene.published()) == before


@pytest.mark.parametrize("is_told_first", [True, False], ids=["left, then moved", "moved, then left"])
async def test_whoever_left_for_another_customer_is_somebody_there(scene: Scene, *, is_told_first: bool) -> None:
    """That they left is said of the former customer, also by a word of it that is newer than the directory's."""
    await scene.publish_for(RENEWAL)
    await scene.snapshots(customers=(CUSTOMER, CUSTOMER | {"id": "cus-8"}), stakeholders=(ANN, BOB))
    moved = T0 + timedelta(hours=1)
    left = scene.outcome(OutcomeType.STAKEHOLDER_LEFT, at=moved + timedelta(minutes=1), stakeholder_id="sth-9")
    scene.later(hours=2)
    if is_told_first:
        await scene.end(left)
    await scene.snapshots(stakeholders=(ANN | {"customer_id": "cus-8"},), at=moved)
    if not is_told_first:
        await scene.end(left)
    there = scene.trigger(customer=CUSTOMER | {"id": "cus-8"}, stakeholders=None)
    assert await scene.decide(there) == {"requested": 1}
    assert await scene.decide(scene.trigger(stakeholders=None)) == {"requested": 1}
    assert [one.stakeholder.id for one in await scene.asked()] == ["sth-9", "sth-8"]
    # Whoever comes back as of before is still one who has left.
    await scene.snapshots(stakeholders=(ANN,), at=moved + timedelta(seconds=1))
    assert await scene.decide(scene.trigger(stakeholders=None, contract_id="con-6")) == {
        "stakeholder_left": 1,
        "requested": 1,
    }

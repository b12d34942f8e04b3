"""Risk holds upsell for the whole customer: withdrawn, paused, resumed, and never beside save."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrollment.additions import Addition, Gate
from fulfillment.timers import TimerOptions, Timers
from schemas.vocabulary import OutcomeType, Reason, RequesterKind, TriggerType
from storage.additions import Asker
from storage.steering import Steering, SteeringAction
from tests.fulfillment.account import SAVE, UPSELL, Account, opened
from tests.fulfillment.stage import Stage, running
from tests.fulfillment.steps import MEMBERSHIPS, PERSON_UPSERTS, is_hit, known
from workflows.adding import AdditionRefused, WantedAddition, add_to_cadence
from workflows.memory import OrganizationMemory
from workflows.steering import steer

RECOVERED, CHURNED = OutcomeType.RECOVERED, OutcomeType.CHURNED


@pytest.fixture
async def account(stage: Stage) -> Account:
    return await opened(stage, "cus-1")


async def _enrolled(account: Account, trigger_type: TriggerType) -> None:
    await account.signal(trigger_type)
    await account.approve()
    assert await account.carry_out()
    assert (await account.state(trigger_type) or ("",))[0] == "enrolled"


async def _steer(account: Account, asked: Steering) -> None:
    stage = account.stage
    async with stage.database.transaction() as connection:
        await steer(connection, stage.organization_id, asked, stage.memory, stage.clock.now())


@pytest.mark.parametrize("is_approved", [False, True])
async def test_pending_upsell_is_withdrawn_and_its_event_deferred(account: Account, is_approved: bool) -> None:
    await account.signal(UPSELL)
    if is_approved:
        await account.approve()
    await account.signal(SAVE)
    assert await account.state(UPSELL) == ("withdrawn", "preempted")
    assert await account.deferred() == ["preempted"]
    decided = await account.stage.fetch("SELECT cause, outcomes FROM evaluations ORDER BY evaluated_at, id")
    assert [(row["cause"], orjson.loads(row["outcomes"])[0]["reason"]) for row in decided] == [
        ("event", "requested"),
        ("event", "requested"),
        ("withdrawal", "preempted"),
    ]
    told = await account.stage.fetch("SELECT payload FROM outbox WHERE type LIKE '%approval-withdrawn%'")
    assert [orjson.loads(row["payload"])["reason"] for row in told] == ([] if is_approved else ["preempted"])
    await account.settle()
    assert await account.on_cadence() == {SAVE}
    await account.outcome(RECOVERED)
    await account.settle()
    assert await account.on_cadence() == {UPSELL}
    assert not await account.deferred()


async def test_active_upsell_is_paused_before_save_and_resumes_after_it(account: Account) -> None:
    await _enrolled(account, UPSELL)
    await account.signal(SAVE)
    await account.approve()
    # The pause is older than the save's command; without it save would wait, whatever is carried out first.
    await account.put_off("pause")
    await account.carry_out()
    assert await account.state(SAVE) == ("scheduled", None)
    assert await account.on_cadence() == {UPSELL}
    await account.put_off("pause", seconds=-20)
    await account.carry_out()
    assert await account.state(UPSELL) == ("paused", "preempted")
    # Nobody waits any longer than that.
    await account.carry_out()
    assert await account.on_cadence() == {SAVE}
    await account.outcome(RECOVERED)
    await account.settle()
    assert await account.on_cadence() == {UPSELL}
    assert await account.state(UPSELL) == ("enrolled", "pause_ended")
    history = await account.stage.history(await account.enrollment(UPSELL))
    assert history[-3:] == [("enrolled", None), ("paused", "preempted"), ("enrolled", "pause_ended")]
    assert not await account.stage.fetch("SELECT FROM pauses")


async def test_upsell_does_not_resume_before_save_has_left(account: Account) -> None:
    await _enrolled(account, UPSELL)
    await account.signal(SAVE)
    await account.approve()
    await account.carry_out()
    await account.carry_out()
    assert await account.on_cadence() == {SAVE}
    await account.outcome(RECOVERED)
    await account.put_off("remove")
    await account.timers()
    await account.carry_out()
    assert await account.on_cadence() == {SAVE}
    await account.put_off("remove", seconds=-20)
    await account.carry_out()
    # Nobody waits any longer than that.
    await account.carry_out()
    assert await account.on_cadence() == {UPSELL}


async def test_it_resumes_at_the_step_where_it_was_left(account: Account) -> None:
    await _enrolled(account, UPSELL)
    row = await account.stage.fetchrow("SELECT salesloft_membership_id AS id FROM salesloft_memberships")
    first = (await account.stage.salesloft("GET", f"/cadence_memberships/{row['id']}"))["step"]["id"]
    step = first
    while step == first:
        await account.stage.advance(12 * 3600)
        step = (await account.stage.salesloft("GET", f"/cadence_memberships/{row['id']}"))["step"]["id"]
    await account.signal(SAVE)
    await account.carry_out()
    assert await account.state(UPSELL) == ("paused", "preempted")
    await account.outcome(RECOVERED)
    await account.settle()
    assert (await account.stage.writes("cadence_memberships"))[-1]["body"]["step_id"] == step
    assert await account.on_cadence() == {UPSELL}


async def test_who_cannot_be_taken_off_is_shown_and_stops_save(account: Account) -> None:
    await _enrolled(account, UPSELL)
    stage = account.stage
    await stage.simulator.add_fault(
        team_id=stage.team_id, method="DELETE", path=MEMBERSHIPS, kind="status", status=403, body={"error": "no scope"}
    )
    await account.signal(SAVE)
    await account.settle()
    assert await account.on_cadence() == {UPSELL}
    assert await account.state(SAVE) == ("scheduled", None)
    (shown,) = await stage.fetch("SELECT payload FROM outbox WHERE type LIKE '%attention-needed%'")
    told = orjson.loads(shown["payload"])
    assert told["subject"] == str(await account.enrollment(UPSELL))
    assert "no scope" in told["detail"]
    await stage.simulator.call("DELETE", "faults")
    await account.settle()
    assert await account.on_cadence() == {SAVE}


async def test_without_an_outcome_the_hold_ends_by_itself(account: Account) -> None:
    await _enrolled(account, UPSELL)
    await account.signal(SAVE)
    await account.carry_out()
    assert await account.state(UPSELL) == ("paused", "preempted")
    account.stage.clock.ahead += timedelta(days=89)
    await account.timers()
    assert not await account.stage.fetch("SELECT FROM commands WHERE kind = 'resume'")
    account.stage.clock.ahead += timedelta(days=2)
    await account.timers()
    await account.carry_out()
    assert await account.state(UPSELL) == ("enrolled", "pause_ended")


async def test_who_opted_out_while_paused_is_not_added_back(account: Account) -> None:
    await _enrolled(account, UPSELL)
    await account.signal(SAVE)
    await account.carry_out()
    await account.stage.execute(
        "UPDATE directory_stakeholders SET data = jsonb_set(data::jsonb, '{contact_preferences}',"
        ' \'{"email": "blocked", "phone": null}\') WHERE stakeholder_id = $1',
        account.people[UPSELL]["id"],
    )
    await account.outcome(RECOVERED)
    await account.settle()
    assert await account.state(UPSELL) == ("removed", "opted_out")
    assert await account.on_cadence() == set()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_after_write"},
        {"kind": "hang", "seconds": 5.0},
        {"kind": "status", "status": 429, "body": {"error": "API rate limit exceeded"}},
    ],
    ids=["reset after", "hang", "429"],
)
async def test_a_bad_answer_adds_back_once(account: Account, fault: dict[str, Any]) -> None:
    await _enrolled(account, UPSELL)
    await account.signal(SAVE)
    await account.carry_out()
    await account.outcome(RECOVERED)
    stage = account.stage
    await stage.simulator.add_fault(team_id=stage.team_id, method="POST", path=MEMBERSHIPS, count=1, **fault)
    async with stage.working():
        await account.timers()
        await is_hit(stage)
        await stage.advance(61)
        await stage.reaches(await account.enrollment(UPSELL), "enrolled")
    assert len(await stage.writes("cadence_memberships")) == 2


async def test_an_outcome_while_somebody_is_added_back_takes_them_off_again(account: Account) -> None:
    await _enrolled(account, UPSELL)
    await account.signal(SAVE)
    await account.carry_out()
    await account.outcome(RECOVERED)
    stage = account.stage
    await stage.simulator.add_fault(
        team_id=stage.team_id, method="POST", path=MEMBERSHIPS, count=1, kind="latency", milliseconds=600
    )
    async with stage.working():
        await account.timers()
        await is_hit(stage)
        assert await account.state(UPSELL) == ("paused", "preempted")
        await account.outcome(OutcomeType.EXPANSION_CLOSED)
        await stage.settled()
    assert await account.state(UPSELL) == ("exited", "expansion-closed")
    assert await account.on_cadence() == set()


async def test_an_outcome_waits_for_a_call_that_nobody_can_read_back_yet(account: Account) -> None:
    """The reading is put off to the next minute, so the removal is due before it, and must not take it for done."""
    await _enrolled(account, UPSELL)
    await account.signal(SAVE)
    await account.carry_out()
    await account.outcome(RECOVERED)
    await account.timers()
    stage = account.stage
    throttled = {"kind": "status", "status": 429, "body": {"error": "API rate limit exceeded"}}
    for method, fault in (("POST", {"kind": "reset_after_write"}), ("GET", throttled)):
        await stage.simulator.add_fault(team_id=stage.team_id, method=method, path=MEMBERSHIPS, count=1, **fault)
    assert await account.carry_out()
    assert await account.on_cadence() == {UPSELL}
    await account.outcome(OutcomeType.EXPANSION_CLOSED)
    await account.carry_out()
    assert await account.state(UPSELL) == ("paused", "preempted")
    await stage.advance(61)
    await account.settle()
    assert await account.state(UPSELL) == ("exited", "expansion-closed")
    assert await account.on_cadence() == set()


async def test_upsell_waits_for_save_that_may_have_been_added_back_and_is_to_leave(account: Account) -> None:
    """Nobody can read back yet what the call has done, and the removal waits behind it."""
    stage = account.stage
    await _enrolled(account, UPSELL)
    await account.signal(SAVE)
    await account.settle()
    paused = Steering(
        id=uuid4(),
        enrollment_id=await account.enrollment(SAVE),
        action=SteeringAction.PAUSE,
        asked_by="usr-1",
        note="on holiday",
    )
    await _steer(account, paused)
    assert await account.carry_out()
    assert await account.on_cadence() == set()
    away = {"kind": "status", "status": 503, "body": {"error": "away"}}
    for method, count, fault in (("POST", 1, {"kind": "reset_after_write"}), ("GET", 50, away)):
        await stage.simulator.add_fault(team_id=stage.team_id, method=method, path=MEMBERSHIPS, count=count, **fault)
    await stage.advance(3)
    await _steer(account, replace(paused, id=uuid4(), action=SteeringAction.RESUME))
    assert await account.carry_out()
    await account.outcome(RECOVERED)
    # What has failed takes longer than what upsell waits for.
    await stage.execute("UPDATE commands SET retry_after = 'infinity' WHERE last_error IS NOT NULL")
    await account.timers()
    assert await account.carry_out()
    await stage.simulator.call("DELETE", "faults")
    assert await account.on_cadence() == {SAVE}
    await stage.execute("UPDATE commands SET retry_after = '-infinity'")
    await account.settle()
    assert await account.on_cadence() == {UPSELL}


async def test_who_is_to_be_taken_off_is_not_added_back_first(account: Account) -> None:
    """The call came to nothing: it is not made again where a removal waits behind it."""
    await _enrolled(account, UPSELL)
    await account.signal(SAVE)
    await account.carry_out()
    await account.outcome(RECOVERED)
    await account.timers()
    stage = account.stage
    await stage.execute("UPDATE enrollments SET intended_at = now() WHERE state = 'paused'")
    await account.outcome(OutcomeType.EXPANSION_CLOSED)
    await stage.execute("UPDATE enrollments SET intended_at = NULL WHERE state = 'paused'")
    await account.settle()
    assert await account.state(UPSELL) == ("exited", "expansion-closed")
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_upsell_that_a_person_asked_for_is_held_likewise(account: Account) -> None:
    stage = account.stage
    await known(stage, account.people[UPSELL] | {"customer_id": account.customer_id})

    async def add() -> UUID:
        async with stage.database.transaction() as connection:
            wanted = WantedAddition(
                id=uuid4(),
                addition=Addition(stakeholder_id=account.people[UPSELL]["id"], cadence_id=account.cadences[UPSELL]),
                asked_by=Asker(RequesterKind.USER, "usr-3"),
                note="she asked for it",
                correlation_id="journey-1",
            )
            await add_to_cadence(connection, stage.organization_id, wanted, stage.memory, stage.clock.now())
        return wanted.id

    async def states(*ids: UUID) -> list[tuple[str, str | None]]:
        rows = await stage.fetch("SELECT id, state, reason FROM enrollments WHERE id = ANY ($1)", list(ids))
        found = {UUID(str(row["id"])): (row["state"], row["reason"]) for row in rows}
        return [found[one] for one in ids]

    pending = await add()
    await account.signal(SAVE)
    assert await states(pending) == [("withdrawn", "preempted")]
    with pytest.raises(AdditionRefused) as refused:
        await add()
    assert (refused.value.refusal.gate, refused.value.reason) == (Gate.STOPS, Reason.PREEMPTED)
    await account.outcome(RECOVERED)
    await account.settle()
    active = await add()
    await account.settle()
    assert (await states(active))[0][0] == "enrolled"
    await account.signal(SAVE, "another-risk")
    await account.settle()
    assert (await states(pending, active))[1][0] == "paused"
    assert await account.on_cadence() == {SAVE}


async def test_the_service_does_all_of_it_by_itself(account: Account) -> None:
    stage = account.stage
    timers = Timers(stage.database, OrganizationMemory(), stage.clock, TimerOptions(tick_s=0.05))
    async with running(timers), stage.working():
        await account.signal(UPSELL)
        await account.approve()
        upsell = await account.enrollment(UPSELL)
        await stage.reaches(upsell, "enrolled")
        await account.signal(SAVE)
        await account.approve()
        await stage.reaches(upsell, "paused")
        await stage.reaches(await account.enrollment(SAVE), "enrolled")
        assert await account.on_cadence() == {SAVE}
        await account.outcome(RECOVERED)
        await stage.reaches(upsell, "enrolled")
        assert await account.on_cadence() == {UPSELL}


async def test_who_was_being_added_when_the_risk_came_is_paused(account: Account) -> None:
    stage = account.stage
    await stage.simulator.add_fault(
        team_id=stage.team_id, method="POST", path=MEMBERSHIPS, kind="latency", count=1, milliseconds=600
    )
    timers = Timers(stage.database, OrganizationMemory(), stage.clock, TimerOptions(tick_s=0.05))
    await account.signal(UPSELL)
    await account.approve()
    async with running(timers), stage.working():
        await is_hit(stage)
        await account.signal(SAVE)
        await account.approve()
        await stage.reaches(await account.enrollment(UPSELL), "paused")
        assert await account.on_cadence() <= {SAVE}


async def test_risk_that_comes_while_the_person_is_upserted_withdraws(account: Account) -> None:
    stage = account.stage
    await stage.simulator.add_fault(team_id=stage.team_id, path=PERSON_UPSERTS, kind="latency", milliseconds=600)
    timers = Timers(stage.database, OrganizationMemory(), stage.clock, TimerOptions(tick_s=0.05))
    await account.signal(UPSELL)
    await account.approve()
    async with running(timers), stage.working():
        await is_hit(stage)
        await account.signal(SAVE)
        await stage.reaches(await account.enrollment(UPSELL), "withdrawn")
    assert await account.state(UPSELL) == ("withdrawn", "preempted")
    assert not await stage.writes("cadence_memberships")
    assert await account.deferred() == ["preempted"]


WORDS = {
    "upsell": lambda account: account.signal(UPSELL),
    "risk": lambda account: account.signal(SAVE),
    "recovered": lambda account: account.outcome(RECOVERED, SAVE.value),
    "closed": lambda account: account.outcome(OutcomeType.EXPANSION_CLOSED, UPSELL.value),
    "approve": lambda account: account.approve(),
    "carry out": lambda account: account.carry_out(),
    "put off": lambda account: account.put_off(),
    "timers": lambda account: account.timers(),
}
# What is said in the end, in whichever order and however often, and what must have come of it.
STORIES = {
    ("upsell",): {UPSELL},
    ("upsell", "risk"): {SAVE},
    ("upsell", "risk", "recovered"): {UPSELL},
    ("upsell", "risk", "closed"): {SAVE},
    ("upsell", "risk", "recovered", "closed"): set(),
}


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    story=st.sampled_from(sorted(STORIES)),
    share_a_person=st.booleans(),
    happenings=st.lists(st.sampled_from(["say", "say", "approve", "carry out", "put off", "timers"]), max_size=14),
    said=st.lists(st.integers(0, 3), min_size=14, max_size=14),
)
async def test_in_every_order_it_comes_to_one_state(
    stage: Stage, story: tuple[str, ...], share_a_person: bool, happenings: list[str], said: list[int]
) -> None:
    customers = (await stage.fetchrow("SELECT count(*) FROM directory_customers"))[0]
    account = await opened(stage, f"cus-{customers}", share_a_person=share_a_person)
    unsaid = list(story)
    for happening, number in zip(happenings, said, strict=False):
        word = story[number % len(story)] if happening == "say" else happening
        await WORDS[word](account)
        unsaid = [one for one in unsaid if one != word]
        assert len(await account.on_cadence()) < 2
    for word in unsaid:
        await WORDS[word](account)
        assert len(await account.on_cadence()) < 2
    await account.settle()
    assert await account.on_cadence() == STORIES[story]
    assert not (await account.deferred() if "recovered" in story or "risk" not in story else [])
    assert not await stage.fetch(
        "SELECT FROM pauses JOIN enrollments e ON e.id = enrollment_id WHERE e.state = 'enrolled'"
    )

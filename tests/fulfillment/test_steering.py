"""What people ask of who is on a cadence, carried out at Salesloft, which can do none of it but remove."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from enrollment.stops import StopScope
from schemas.vocabulary import OutcomeType, Reason, RequesterKind
from storage import audit, steering
from storage.steering import Steering, SteeringAction
from tests.fulfillment.account import SAVE, Account, opened
from tests.fulfillment.stage import Stage
from tests.fulfillment.steps import PERSON_UPSERTS, is_hit
from workflows.audit import digest_of
from workflows.steering import SteeringInvalid, steer
from workflows.stops import start, stop
from workflows.suppressions import suppress


@pytest.fixture
async def account(stage: Stage) -> Account:
    """Somebody is on the save cadence."""
    account = await opened(stage, "cus-1")
    await account.signal(SAVE)
    await account.settle()
    assert await account.state(SAVE) == ("enrolled", None)
    return account


async def ask(account: Account, action: str, *, enrollment_id: UUID | None = None, **asked: Any) -> Reason | None:
    of = enrollment_id or await account.enrollment(SAVE)
    told: dict[str, Any] = {"id": uuid4(), "asked_by": "usr-1", "note": "on holiday"} | asked
    wanted = Steering(enrollment_id=of, action=SteeringAction(action), **told)
    stage = account.stage
    async with stage.database.transaction() as connection:
        return await steer(connection, stage.organization_id, wanted, stage.memory, stage.clock.now())


async def carried_out(account: Account) -> None:
    """Commands and timed duties, until there is nothing more to do now."""
    for _ in range(3):
        await account.timers()
        while await account.carry_out():
            pass


async def added(account: Account) -> list[dict[str, Any]]:
    """What was added at Salesloft: step and sender, by the journal."""
    return [one["body"] for one in await account.stage.writes("cadence_memberships")]


async def last_change(account: Account) -> tuple[Any, ...]:
    row = await account.stage.fetchrow(
        "SELECT to_state, reason, actor_kind, actor_user_id FROM enrollment_history WHERE enrollment_id = $1"
        " ORDER BY sequence DESC LIMIT 1",
        await account.enrollment(SAVE),
    )
    return tuple(row)


async def steps(account: Account) -> list[int]:
    row = await account.stage.fetchrow(
        "SELECT steps FROM salesloft_cadences WHERE cadence_id = $1", account.cadences[SAVE]
    )
    facts = (await organization(account)).cadences[account.cadences[SAVE]]
    assert row is not None
    return [one.id for one in facts.steps]


async def organization(account: Account) -> Any:
    stage = account.stage
    async with stage.database.transaction() as connection:
        return (await stage.memory.facts(connection, [stage.organization_id], stage.clock.now()))[stage.organization_id]


async def test_a_pause_lasts_until_somebody_resumes(account: Account) -> None:
    assert await ask(account, "pause") is Reason.REQUESTED_BY_PERSON
    await carried_out(account)
    assert await last_change(account) == ("paused", "requested_by_person", "user", "usr-1")
    assert await account.on_cadence() == set()
    account.stage.clock.ahead += timedelta(days=40)
    await carried_out(account)
    assert await account.state(SAVE) == ("paused", "requested_by_person")
    assert await ask(account, "resume") is None
    await carried_out(account)
    assert await account.state(SAVE) == ("enrolled", "pause_ended")
    assert await account.on_cadence() == {SAVE}
    assert [one["step_id"] for one in await added(account)][-1] == (await steps(account))[0]


async def test_a_pause_with_an_end_resumes_by_itself(account: Account) -> None:
    now = account.stage.clock.now()
    await ask(account, "pause", until=now + timedelta(days=2))
    await carried_out(account)
    account.stage.clock.ahead += timedelta(days=1)
    await carried_out(account)
    assert await account.state(SAVE) == ("paused", "requested_by_person")
    account.stage.clock.ahead += timedelta(days=1)
    await carried_out(account)
    assert await account.state(SAVE) == ("enrolled", "pause_ended")


async def test_a_pause_that_is_taken_back_before_it_begins_never_was(account: Account) -> None:
    await ask(account, "pause")
    await ask(account, "resume")
    await carried_out(account)
    assert await account.state(SAVE) == ("enrolled", None)
    assert not await account.stage.writes("cadence_memberships", "DELETE")
    # And the next one is not taken for it.
    await ask(account, "pause")
    await carried_out(account)
    assert await account.state(SAVE) == ("paused", "requested_by_person")


async def test_a_stop_keeps_whom_somebody_resumes(account: Account) -> None:
    stage, now = account.stage, account.stage.clock.now()
    await ask(account, "pause")
    await carried_out(account)
    async with stage.database.transaction() as connection:
        stopped = await stop(
            connection,
            stage.organization_id,
            scope=StopScope.ORGANIZATION,
            subject=stage.organization_id,
            reason="a campaign went wrong",
            pauses_active=True,
            by="usr-2",
            ends_at=None,
            now=now,
        )
    assert await ask(account, "resume") is Reason.STOPPED
    await carried_out(account)
    assert await account.state(SAVE) == ("paused", "requested_by_person")
    async with stage.database.transaction() as connection:
        await start(connection, stage.organization_id, stopped, by="usr-2", now=stage.clock.now())
    await carried_out(account)
    assert await account.on_cadence() == {SAVE}


async def test_what_a_stop_pauses_is_told_as_the_stop_s_though_somebody_asks_for_it_too(account: Account) -> None:
    stage = account.stage
    async with stage.database.transaction() as connection:
        await stop(
            connection,
            stage.organization_id,
            scope=StopScope.ORGANIZATION,
            subject=stage.organization_id,
            reason="a campaign went wrong",
            pauses_active=True,
            by="usr-2",
            ends_at=None,
            now=stage.clock.now(),
        )
    await account.timers()
    await ask(account, "pause")
    await carried_out(account)
    assert await last_change(account) == ("paused", "stopped", "service", None)


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("remove", "removed")])
async def test_what_is_asked_in_the_chat_is_the_chats_doing(account: Account, action: str, state: str) -> None:
    await ask(account, action, asked_by_kind=RequesterKind.CHAT)
    await carried_out(account)
    assert await last_change(account) == (state, "requested_by_person", "chat", "usr-1")


async def test_who_is_moved_in_the_chat_is_told_as_the_chats_though_a_user_had_paused_them(account: Account) -> None:
    await ask(account, "skip", asked_by_kind=RequesterKind.CHAT)
    await account.timers()
    while await account.state(SAVE) != ("paused", "requested_by_person"):
        assert await account.carry_out()
    assert (await last_change(account))[2:] == ("chat", "usr-1")


async def test_a_step_is_skipped(account: Account) -> None:
    at = await steps(account)
    assert await ask(account, "skip") is None
    await carried_out(account)
    assert await account.state(SAVE) == ("enrolled", "pause_ended")
    assert [one["step_id"] for one in await added(account)] == at[:2]
    assert ("paused", "requested_by_person") in await account.stage.history(await account.enrollment(SAVE))


async def test_what_is_paused_goes_on_where_it_was_sent_meanwhile(account: Account) -> None:
    at = await steps(account)
    await ask(account, "pause")
    await carried_out(account)
    await ask(account, "skip")
    await ask(account, "skip")
    await carried_out(account)
    assert await account.state(SAVE) == ("paused", "requested_by_person")
    await ask(account, "resume")
    await carried_out(account)
    assert [one["step_id"] for one in await added(account)] == [at[0], at[2]]


async def test_whoever_skips_all_that_is_left_is_removed(account: Account) -> None:
    at = await steps(account)
    await ask(account, "restart", step_id=at[-1])
    await ask(account, "skip")
    await carried_out(account)
    assert await account.state(SAVE) == ("removed", "requested_by_person")
    assert await account.on_cadence() == set()


async def test_it_begins_again_at_a_step(account: Account) -> None:
    at = await steps(account)
    await ask(account, "restart", step_id=at[1])
    await carried_out(account)
    await ask(account, "restart", step_id=at[0])
    await carried_out(account)
    assert [one["step_id"] for one in await added(account)] == [at[0], at[1], at[0]]
    with pytest.raises(SteeringInvalid, match="no step of the cadence"):
        await ask(account, "restart", step_id=999_999)
    with pytest.raises(SteeringInvalid, match="at which step"):
        await ask(account, "restart")


async def test_somebody_else_sends_from_then_on(account: Account) -> None:
    users = sorted((await organization(account)).senders)
    (first,) = await added(account)
    other = next(one for one in users if one != first["user_id"])
    await ask(account, "change_sender", sender_user_id=other)
    await carried_out(account)
    await ask(account, "pause")
    await carried_out(account)
    await ask(account, "resume")
    await carried_out(account)
    assert [one["user_id"] for one in await added(account)] == [first["user_id"], other, other]
    with pytest.raises(SteeringInvalid, match="no active user"):
        await ask(account, "change_sender", sender_user_id=999_999)


@pytest.mark.parametrize("paused", [False, True])
async def test_a_person_is_removed(account: Account, paused: bool) -> None:
    if paused:
        await ask(account, "pause")
        await carried_out(account)
    await ask(account, "remove")
    await carried_out(account)
    assert await last_change(account) == ("removed", "requested_by_person", "user", "usr-1")
    assert await account.on_cadence() == set()
    await account.settle()
    assert await account.on_cadence() == set()
    with pytest.raises(SteeringInvalid, match="is over: it is removed"):
        await ask(account, "pause")


async def test_who_is_not_on_the_cadence_yet_never_comes_onto_it(stage: Stage) -> None:
    account = await opened(stage, "cus-2")
    await account.signal(SAVE)
    await account.approve()
    with pytest.raises(SteeringInvalid, match="only who is on a cadence"):
        await ask(account, "pause")
    await ask(account, "remove")
    await account.settle()
    assert await account.state(SAVE) == ("withdrawn", "requested_by_person")
    assert not await added(account)


async def test_what_is_asked_again_under_one_id_is_done_once(account: Account) -> None:
    at, one = await steps(account), uuid4()
    for _ in range(3):
        await ask(account, "skip", id=one)
    await carried_out(account)
    await ask(account, "skip", id=one)
    await carried_out(account)
    assert [one["step_id"] for one in await added(account)] == at[:2]
    with pytest.raises(SteeringInvalid, match="something else was asked"):
        await ask(account, "remove", id=one)


async def test_who_may_not_be_contacted_any_more_is_not_added_back(account: Account) -> None:
    await ask(account, "skip")
    await account.timers()
    await account.carry_out()
    row = await account.stage.fetchrow("SELECT person_id FROM stakeholder_people")
    await account.stage.salesloft("PUT", f"/people/{row['person_id']}", {"do_not_contact": True})
    await carried_out(account)
    assert await account.state(SAVE) == ("removed", "do_not_contact")
    assert await account.on_cadence() == set()


async def test_who_is_put_on_the_list_while_salesloft_is_asked_is_not_added_back(account: Account) -> None:
    stage = account.stage
    await ask(account, "pause")
    await carried_out(account)
    # By then what is held of the person is old, and they are told anew.
    await stage.advance(3 * 3600)
    await stage.simulator.add_fault(team_id=stage.team_id, path=PERSON_UPSERTS, kind="latency", milliseconds=600)
    async with stage.working():
        await ask(account, "resume")
        await is_hit(stage)
        async with stage.database.transaction() as connection:
            entries = [account.people[SAVE]["email"]]
            await suppress(connection, stage.organization_id, entries, note=None, by="usr-1", now=stage.clock.now())
        await stage.settled()
    assert await account.state(SAVE) == ("removed", "suppressed")
    assert await account.on_cadence() == set()


async def test_who_comes_to_another_customer_while_salesloft_is_asked_is_not_added_back(account: Account) -> None:
    stage = account.stage
    await ask(account, "pause")
    await carried_out(account)
    await stage.advance(3 * 3600)
    await stage.simulator.add_fault(team_id=stage.team_id, path=PERSON_UPSERTS, kind="latency", milliseconds=600)
    async with stage.working():
        await ask(account, "resume")
        await is_hit(stage)
        await stage.execute("UPDATE directory_stakeholders SET customer_id = 'cus-2'")
        await stage.settled()
    assert await account.state(SAVE) == ("removed", "stakeholder_left")
    assert await account.on_cadence() == set()


async def test_an_outcome_ends_what_is_paused(account: Account) -> None:
    await ask(account, "pause")
    await carried_out(account)
    await account.outcome(OutcomeType.RECOVERED)
    await account.settle()
    assert (await account.state(SAVE) or ("",))[0] == "exited"
    assert await account.on_cadence() == set()


async def test_it_is_noted_who_asked_what_and_why(account: Account) -> None:
    until = account.stage.clock.now().replace(microsecond=0) + timedelta(days=2)
    await ask(account, "pause", until=until)
    await ask(account, "remove", note="asked to", asked_by="usr-2")
    with pytest.raises(SteeringInvalid, match="say why"):
        await ask(account, "pause", note=" ")
    with pytest.raises(SteeringInvalid, match="name a later day, or none"):
        await ask(account, "pause", until=datetime.min.replace(tzinfo=until.tzinfo))
    async with account.stage.database.connection() as connection:
        of = await account.enrollment(SAVE)
        noted = await steering.list_of(connection, account.stage.organization_id, of)
    assert [(one.action.value, one.asked_by, one.note, one.until) for _, one in noted] == [
        ("pause", "usr-1", "on holiday", until),
        ("remove", "usr-2", "asked to", None),
    ]
    with pytest.raises(SteeringInvalid, match="has no enrollment"):
        await ask(account, "pause", enrollment_id=uuid4())


async def test_what_was_asked_is_noted_once_and_what_was_refused_is_not(account: Account) -> None:
    asked = uuid4()
    until = account.stage.clock.now() + timedelta(days=1)
    for _ in range(2):
        await ask(account, "pause", id=asked, until=until)
    with pytest.raises(SteeringInvalid):
        await ask(account, "restart", step_id=-1)
    async with account.stage.database.connection() as connection:
        log = await audit.latest(connection, account.stage.organization_id, action="enrollment.steered", limit=9)
    (entry,) = [one.entry for one in log]
    assert (entry.actor, entry.subject) == ("usr-1", f"enrollment/{await account.enrollment(SAVE)}")
    assert entry.digest == digest_of(entry.id, "on holiday")
    assert entry.detail == {
        "asked": str(asked),
        "action": "pause",
        "until": until.isoformat(),
        "step_id": None,
        "sender_user_id": None,
    }

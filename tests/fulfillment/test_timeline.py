"""All that has happened to somebody, in one line of time."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from schemas.vocabulary import OutcomeType
from storage import timeline
from storage.steering import Steering, SteeringAction
from storage.timeline import Happened, HappenedKind
from tests.fulfillment.account import SAVE, Account, opened
from tests.fulfillment.stage import Stage
from workflows.steering import steer


async def read(account: Account, *, limit: int = 100, **of: str) -> list[Happened]:
    stage = account.stage
    async with stage.database.connection() as connection:
        return await timeline.read(connection, stage.organization_id, limit=limit, **(of or {"customer_id": "cus-1"}))


def told(found: Sequence[Happened], *kinds: HappenedKind) -> list[tuple[str, str, str | None]]:
    return [(one.kind, one.what, one.why) for one in found if not kinds or one.kind in kinds]


@pytest.fixture
async def account(stage: Stage) -> Account:
    """Somebody was enrolled, paused by hand for a day, added back to the same record, and taken off in the end."""
    account = await opened(stage, "cus-1")
    await account.signal(SAVE)
    await account.settle()
    asked = Steering(
        id=uuid4(),
        enrollment_id=await account.enrollment(SAVE),
        action=SteeringAction.PAUSE,
        asked_by="usr-1",
        note="on holiday",
        until=stage.clock.now() + timedelta(days=1),
    )
    async with stage.database.transaction() as connection:
        await steer(connection, stage.organization_id, asked, stage.memory, stage.clock.now())
    await account.settle()
    stage.clock.ahead += timedelta(days=1)
    await account.settle()
    await account.outcome(OutcomeType.RECOVERED)
    await account.settle()
    return account


async def test_a_run_is_told_from_its_trigger_to_its_end(account: Account) -> None:
    found = await read(account)
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert told(found, HappenedKind.TRIGGER, HappenedKind.DECISION, HappenedKind.ASKED) == [
        ("trigger", "at-risk", None),
        ("decision", "approved", None),
        ("asked", "pause", "on holiday"),
    ]
    assert told(found, HappenedKind.STATE) == [
        ("state", "requested", None),
        ("state", "approved", None),
        ("state", "scheduled", None),
        ("state", "enrolling", None),
        ("state", "enrolled", None),
        ("state", "paused", "requested_by_person"),
        ("state", "enrolled", "pause_ended"),
        ("state", "exited", "recovered"),
    ]
    assert told(found, HappenedKind.ATTEMPT) == [
        ("attempt", "enroll", "enrolled"),
        ("attempt", "pause", "paused"),
        ("attempt", "resume", "enrolled"),
        ("attempt", "remove", "removed"),
    ]
    # One record at Salesloft, and two stays.
    stays = [one.detail for one in found if one.kind == HappenedKind.STAY]
    assert len({one["salesloft_membership_id"] for one in stays}) == 1
    assert len(stays) == 2
    (asked,) = [one for one in found if one.kind == HappenedKind.ASKED]
    assert (asked.who, asked.stakeholder_id) == ("usr-1", account.people[SAVE]["id"])


async def test_what_the_person_did_is_told_where_it_belongs(account: Account) -> None:
    stage, enrollment_id = account.stage, await account.enrollment(SAVE)
    await stage.execute(
        "INSERT INTO activity_units (event_id, organization_id, stakeholder_id, enrollment_id, source, source_id,"
        " metric, ordinal, person_id, cadence_id, occurred_from, occurred_to, noticed_at)"
        " SELECT gen_random_uuid(), organization_id, stakeholder_id, id, 'email', '1',"
        " 'email-opened', 1, 1, cadence_id, updated_at, updated_at, updated_at FROM enrollments WHERE id = $1",
        enrollment_id,
    )
    last = (await read(account, limit=1))[0]
    assert (last.kind, last.what, last.enrollment_id) == (HappenedKind.ACTIVITY, "email-opened", enrollment_id)


async def test_cadences_steps_and_senders_are_told_by_their_names(account: Account) -> None:
    """Of a decision that changed them, of what a person asked, and of each stay; of a stay its own cadence."""
    stage, enrollment_id = account.stage, await account.enrollment(SAVE)
    for statement in (
        """UPDATE salesloft_cadences c SET name = 'Save', steps = '[{"id": 77, "name": "Hello", "type": "email"},
             {"id": 78, "name": "Call", "type": "phone"}]'
           FROM enrollments e WHERE e.id = $1 AND e.cadence_id = c.cadence_id""",
        """INSERT INTO salesloft_cadences (organization_id, cadence_id, name, people_addable, team_cadence, steps,
             record, refreshed_at)
           SELECT organization_id, 900, 'By hand', true, true, '[{"id": 79, "name": "Letter", "type": "other"}]', '{}',
             updated_at FROM enrollments WHERE id = $1""",
        """INSERT INTO salesloft_users (organization_id, user_id, name, active, refreshed_at)
           SELECT organization_id, 31, 'Dana', true, updated_at FROM enrollments WHERE id = $1""",
        """UPDATE enrollments
           SET decision = decision::jsonb || '{"changes": {"start_step_id": 78, "sender_user_id": 31}}'
           WHERE id = $1""",
        "UPDATE steerings SET step_id = 77, sender_user_id = 31 WHERE enrollment_id = $1",
        "UPDATE salesloft_memberships SET cadence_id = 900, step_id = 79 WHERE enrollment_id = $1",
    ):
        await stage.execute(statement, enrollment_id)
    found = await read(account)

    def named(kind: HappenedKind) -> set[tuple[str | None, int | None, str | None, str | None, str | None]]:
        return {
            (one.cadence_name, one.step, one.step_name, one.step_type, one.sender_name)
            for one in found
            if one.kind == kind
        }

    assert named(HappenedKind.DECISION) == {("Save", 2, "Call", "phone", "Dana")}
    assert named(HappenedKind.ASKED) == {("Save", 1, "Hello", "email", "Dana")}
    assert named(HappenedKind.STAY) == {("By hand", 1, "Letter", "other", None)}
    assert named(HappenedKind.TRIGGER) == named(HappenedKind.ATTEMPT) == {("Save", None, None, None, None)}
    assert {one.stakeholder_name for one in found} == {account.people[SAVE]["name"]}


async def test_it_is_of_who_is_asked_about_and_of_nobody_else(account: Account) -> None:
    whole = await read(account)
    assert await read(account, stakeholder_id=account.people[SAVE]["id"]) == whole
    assert await read(account, stakeholder_id="sth-unknown") == []
    assert await read(account, customer_id="cus-unknown") == []
    assert await read(account, limit=3) == whole[-3:]
    stage = account.stage
    async with stage.database.connection() as connection:
        assert await timeline.read(connection, "org-unknown", customer_id="cus-1", limit=9) == []
        with pytest.raises(ValueError, match="of a customer or a stakeholder"):
            await timeline.read(connection, stage.organization_id, limit=9)

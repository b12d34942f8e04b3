"""Asking for somebody by hand: what is asked, what is kept, and what becomes of it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from enrollment.additions import Addition, AdditionInvalid, Gate
from enrollment.mappings import Policy
from enrollment.stops import StopScope
from schemas.vocabulary import EnrollmentState, OutcomeType, Reason, RequesterKind, TriggerType
from storage import additions, cadences, steering, timeline
from storage.additions import Asker
from storage.pool import Database
from storage.steering import Steering, SteeringAction
from storage.timeline import HappenedKind
from tests.workflows.scene import ANN, BOB, CUSTOMER, Scene
from workflows.adding import (
    Added,
    AdditionRefused,
    IdTaken,
    UnknownParty,
    WantedAddition,
    add_to_cadence,
    try_addition,
)
from workflows.audit import digest_of
from workflows.renewal import Renewed, ask_again, look_again
from workflows.stops import stop
from workflows.suppressions import suppress

ADDITION = Addition(stakeholder_id="sth-9", cadence_id=456)


@pytest.fixture
async def scene(database: Database) -> Scene:
    """Ann and Bob are known, and nobody has a mapping."""
    scene = await Scene(database).set_up()
    await scene.snapshots(customers=[CUSTOMER], stakeholders=[ANN, BOB])
    return scene


def wanted(addition: Addition = ADDITION, **changes: Any) -> WantedAddition:
    told: dict[str, Any] = {
        "id": uuid4(),
        "addition": addition,
        "asked_by": Asker(RequesterKind.USER, "usr-3"),
        "note": "she asked for it",
        "correlation_id": "journey-1",
    }
    return WantedAddition(**told | changes)


async def add(scene: Scene, asked: WantedAddition, organization_id: str = "org-1") -> Added:
    async with scene.database.transaction() as connection:
        return await add_to_cadence(connection, organization_id, asked, scene.memory, scene.now)


async def refused(scene: Scene, asked: WantedAddition) -> Reason:
    with pytest.raises(AdditionRefused) as refusal:
        await add(scene, asked)
    assert not await scene.rows("SELECT FROM additions WHERE enrollment_id = $1", asked.id)
    return refusal.value.reason


async def look(scene: Scene, enrollment_id: UUID) -> Renewed | Reason:
    async with scene.database.transaction() as connection:
        organization = (await scene.memory.facts(connection, ["org-1"], scene.now))["org-1"]
        enrollment = await scene.enrollment(connection, enrollment_id)
        return await look_again(connection, enrollment, organization, scene.now)


async def test_who_asked_is_in_the_audit_log_once(scene: Scene) -> None:
    asked = wanted()
    await add(scene, asked)
    await add(scene, asked)
    (row,) = await scene.rows("SELECT * FROM audit_entries WHERE action = 'enrollment.requested'")
    assert (row["subject"], row["actor"]) == (f"enrollment/{asked.id}", "usr-3")
    assert row["digest"] == digest_of(row["id"], "she asked for it")


async def test_the_history_begins_with_who_asked_and_why(scene: Scene) -> None:
    asked = wanted()
    await add(scene, asked)
    async with scene.database.connection() as connection:
        happened = await timeline.read(connection, "org-1", stakeholder_id="sth-9", limit=10)
    (begun,) = [one for one in happened if one.kind == HappenedKind.TRIGGER]
    assert (begun.what, begun.who, begun.why) == ("added by a person", "usr-3", "she asked for it")


async def test_an_approver_is_asked_as_the_contract_says(scene: Scene) -> None:
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, exclusivity_group="renewals")
    said = replace(
        ADDITION,
        start_step_id=78,
        start_on=date(2026, 12, 1),
        sender_user_id=13,
        custom_fields={"Renewal offer": "10 %"},
    )
    asked = wanted(said)
    added = await add(scene, asked)
    (request,) = await scene.asked()
    told = orjson.loads(added.request)
    assert request.enrollment_id == added.enrollment_id == asked.id
    assert told["requested_by"] == {"kind": "user", "user_id": "usr-3"}
    assert told["why"] == {
        "event_type": None,
        "event_id": None,
        "business_key": None,
        "exclusivity_group": "renewals",
        "mapping": None,
        "verdicts": [],
    }
    assert told["action"] == {
        "cadence": {"id": 456, "name": "Renewal 456", "purpose": None},
        "start_step": {"id": 78, "name": "Second", "day": 3, "type": "phone"},
        "start_date": "2026-12-01",
        "custom_fields": {"Renewal offer": "10 %"},
        "sender": {"user_id": 13, "email": "lea@cscx.example", "name": "Lea"},
    }
    assert told["stakeholder"]["email"] == "ann@acme.example"
    assert (told["considered"], told["changed_since"]) == ([], None)
    assert added.expires_at == scene.now + timedelta(hours=24)
    # As long after the start as an approval of today would be after today.
    assert added.execute_by == added.expires_at + timedelta(days=7 + 8)
    (row,) = await scene.rows("SELECT * FROM enrollments")
    nothing = (
        "trigger_type",
        "business_key",
        "event_id",
        "event_time",
        "evaluation_id",
        "mapping_id",
        "mapping_version",
    )
    assert [row[name] for name in nothing] == [None] * len(nothing)
    assert (row["state"], row["requested_by_user"]) == ("requested", "usr-3")
    (began,) = await scene.rows("SELECT to_state, actor_kind, actor_user_id FROM enrollment_history")
    assert tuple(began) == ("requested", "user", "usr-3")
    kinds = dict(await scene.published())
    assert kinds["enrollment-changed"].actor.kind == "user"
    assert kinds["enrollment-changed"].cadence.purpose is None


async def test_what_it_rests_on_is_kept(scene: Scene) -> None:
    added = await add(scene, wanted(replace(ADDITION, start_on=date(2026, 12, 1))))
    async with scene.database.connection() as connection:
        stored = await additions.read(connection, "org-1", added.enrollment_id)
        assert await additions.read(connection, "org-2", added.enrollment_id) is None
    assert stored is not None
    assert stored.asked_by == Asker(RequesterKind.USER, "usr-3")
    assert (stored.note, stored.asked_at) == ("she asked for it", scene.now)
    assert stored.addition == replace(ADDITION, start_on=date(2026, 12, 1))
    assert stored.gates == added.gates
    assert [one.gate for one in stored.gates] == list(Gate)


async def test_asked_again_under_its_id_it_is_asked_once(scene: Scene) -> None:
    asked = wanted()
    first = await add(scene, asked)
    assert await add(scene, asked) == first
    assert len(await scene.asked()) == 1
    for other in (replace(asked, note="another"), replace(asked, addition=replace(ADDITION, start_step_id=78))):
        with pytest.raises(IdTaken):
            await add(scene, other)
    await scene.take(scene.decision((await scene.asked())[0]))
    assert (await add(scene, asked)).state is EnrollmentState.SCHEDULED


async def test_trying_writes_nothing(scene: Scene) -> None:
    asked = wanted()
    before = await scene.value("SELECT count(*) FROM outbox")
    async with scene.database.transaction() as connection:
        tried = await try_addition(connection, "org-1", asked, scene.memory, scene.now)
    for table in ("enrollments", "enrollment_history", "additions"):
        assert await scene.value(f"SELECT count(*) FROM {table}") == 0  # noqa: S608  # named here
    assert await scene.value("SELECT count(*) FROM outbox") == before
    assert await add(scene, asked) == tried


async def test_who_is_not_known_cannot_be_asked_for(scene: Scene) -> None:
    for asked, organization_id in (
        (wanted(replace(ADDITION, stakeholder_id="sth-unknown")), "org-1"),
        (wanted(replace(ADDITION, cadence_id=999)), "org-1"),
        (wanted(), "org-2"),
    ):
        with pytest.raises(UnknownParty):
            await add(scene, asked, organization_id)
    with pytest.raises(AdditionInvalid, match="say why"):
        await add(scene, wanted(note=" "))


async def test_who_is_asked_for_or_on_the_cadence_is_not_asked_for_again(scene: Scene) -> None:
    added = await add(scene, wanted())
    assert await refused(scene, wanted()) is Reason.ALREADY_REQUESTED
    for state, reason in (
        ("scheduled", Reason.ALREADY_REQUESTED),
        ("enrolling", Reason.ALREADY_ENROLLED),
        ("enrolled", Reason.ALREADY_ENROLLED),
        ("paused", Reason.ALREADY_ENROLLED),
    ):
        await scene.put_into(state, added.enrollment_id)
        assert await refused(scene, wanted()) is reason
    assert (await add(scene, wanted(replace(ADDITION, cadence_id=457)))).state is EnrollmentState.REQUESTED
    for state in ("completed", "failed", "expired"):
        await scene.put_into(state, added.enrollment_id)
        again = await add(scene, wanted())
        await scene.put_into("removed", again.enrollment_id)


async def test_whom_somebody_has_added_in_salesloft_is_on_the_cadence(scene: Scene) -> None:
    await scene.execute(
        "INSERT INTO stakeholder_people VALUES ('org-1', 'sth-9', 9, 'email', $1)",
        scene.now,
    )
    await scene.execute(
        "INSERT INTO salesloft_memberships (id, organization_id, stakeholder_id, salesloft_person_id, cadence_id,"
        " status, added_at, salesloft_membership_id, currently_on_cadence, salesloft_updated_at, created_at)"
        " VALUES (gen_random_uuid(), 'org-1', 'sth-9', 9, 456, 'active', $1, 1, true, $1, $1)",
        scene.now,
    )
    assert await refused(scene, wanted()) is Reason.ALREADY_ENROLLED
    await scene.execute("UPDATE salesloft_memberships SET currently_on_cadence = false")
    await add(scene, wanted())


async def test_a_trigger_counts_what_was_added_by_hand(scene: Scene) -> None:
    added = await add(scene, wanted())
    await scene.publish_for(TriggerType.RENEWAL_WINDOW)
    await scene.put_into("enrolled", added.enrollment_id)
    assert await scene.decide(scene.trigger()) == {"already_enrolled": 1}


async def test_the_gates_ask_what_is_stored(scene: Scene) -> None:
    async with scene.database.transaction() as connection:
        await suppress(connection, "org-1", ["bob@acme.example"], note="", by="usr-1", now=scene.now)
    assert await refused(scene, wanted(replace(ADDITION, stakeholder_id="sth-8"))) is Reason.SUPPRESSED
    await scene.publish_for(
        TriggerType.RENEWAL_WINDOW, exclusivity_group="default", policy=Policy(exclusive_by="stakeholder")
    )
    other = await add(scene, wanted(replace(ADDITION, cadence_id=457)))
    await scene.put_into("enrolled", other.enrollment_id)
    assert await refused(scene, wanted()) is Reason.EXCLUSIVE_CADENCE_ACTIVE
    await scene.put_into("completed", other.enrollment_id)
    async with scene.database.transaction() as connection:
        await stop(
            connection,
            "org-1",
            scope=StopScope.CADENCE,
            subject="456",
            reason="so",
            pauses_active=False,
            by="usr-1",
            ends_at=None,
            now=scene.now,
        )
    assert await refused(scene, wanted()) is Reason.STOPPED
    await scene.snapshots(stakeholders=[ANN | {"email": None}], at=scene.later(minutes=1))
    assert await refused(scene, wanted()) is Reason.NO_EMAIL
    await scene.snapshots(erased_stakeholders=["sth-9"], at=scene.later(minutes=1))
    assert await refused(scene, wanted()) is Reason.ERASED


async def test_nobody_approves_what_they_have_asked_for(scene: Scene) -> None:
    await add(scene, wanted())
    (request,) = await scene.asked()
    own = scene.decision(request, decided_by={"user_id": "usr-3", "name": None})
    assert await scene.take(own) == 0
    assert await scene.value("SELECT ignored_because FROM approval_decisions") == "own_request"
    assert await scene.take(scene.decision(request)) == 1
    assert (await scene.states())["sth-9"][0] == "scheduled"
    assert await scene.value("SELECT kind FROM commands") == "enroll"


async def test_what_was_approved_still_holds(scene: Scene) -> None:
    added = await add(scene, wanted(replace(ADDITION, custom_fields={"Offer": "10 %"})))
    await scene.take(scene.decision((await scene.asked())[0]))
    # A mapping that comes later to the cadence changes nothing of what a person has asked for.
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, exclusivity_group="renewals")
    found = await look(scene, added.enrollment_id)
    assert isinstance(found, Renewed)
    assert found.differences == []
    assert found.bound.custom_fields == {"Offer": "10 %"}
    assert found.mapping is None


async def test_a_changed_fact_goes_to_the_approver_again(scene: Scene) -> None:
    added = await add(scene, wanted(replace(ADDITION, custom_fields={"Offer": "10 %"})))
    (request,) = await scene.asked()
    await scene.take(scene.decision(request))
    scene.later(hours=1)
    await scene.snapshots(
        customers=[CUSTOMER | {"owner": {"user_id": "usr-4", "email": "lea@cscx.example"}}],
        stakeholders=[ANN | {"email": "ann.lee@acme.example"}],
    )
    found = await look(scene, added.enrollment_id)
    assert isinstance(found, Renewed)
    changes = {one["field"]: (one["was"], one["is"]) for one in found.differences}
    assert changes == {
        "stakeholder.email": ("ann@acme.example", "ann.lee@acme.example"),
        "action.sender.user_id": (12, 13),
    }
    async with scene.database.transaction() as connection:
        enrollment = await scene.enrollment(connection, added.enrollment_id)
        await ask_again(connection, enrollment, found, Reason.FACT_CHANGED.value, scene.now)
    again = (await scene.asked())[-1]
    assert again.requested_by.model_dump() == {"kind": RequesterKind.USER, "user_id": "usr-3"}
    assert again.why.mapping is None
    assert again.action.custom_fields == {"Offer": "10 %"}
    assert again.action.cadence.purpose is None
    assert {one.field for one in again.changed_since or ()} == set(changes)
    assert again.request_digest != request.request_digest
    assert (await scene.states())["sth-9"] == ("requested", "fact_changed")
    assert await scene.take(scene.decision(request)) == 0
    scene.later(minutes=1)
    assert await scene.take(scene.decision(again)) == 1
    assert not (await look(scene, added.enrollment_id)).differences  # type: ignore[union-attr]  # not a reason


async def test_whose_time_has_passed_is_asked_for_anew(scene: Scene) -> None:
    added = await add(scene, wanted())
    await scene.take(scene.decision((await scene.asked())[0]))
    scene.later(days=30)
    found = await look(scene, added.enrollment_id)
    async with scene.database.transaction() as connection:
        enrollment = await scene.enrollment(connection, added.enrollment_id)
        await ask_again(connection, enrollment, found, Reason.EXECUTE_BY_PASSED.value, scene.now)
    again = (await scene.asked())[-1]
    assert again.action.start_date == scene.now.date()
    assert [one.field for one in again.changed_since or ()] == ["action.start_date"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ("UPDATE salesloft_connections SET status = 'disconnected'", Reason.NOT_CONNECTED),
        ("DELETE FROM salesloft_cadences", Reason.CADENCE_UNAVAILABLE),
        ("UPDATE salesloft_users SET active = false", Reason.OWNER_UNAVAILABLE),
    ],
)
async def test_what_can_be_done_no_more_says_why(scene: Scene, changes: str, reason: Reason) -> None:
    added = await add(scene, wanted())
    await scene.take(scene.decision((await scene.asked())[0]))
    await scene.execute(changes)
    await scene.execute("UPDATE organizations SET decision_version = decision_version + 1")
    assert await look(scene, added.enrollment_id) is reason


async def test_an_approver_changes_step_and_sender(scene: Scene) -> None:
    added = await add(scene, wanted())
    changes = {"start_step_id": 78, "sender_user_id": 13, "start_date": None}
    assert await scene.take(scene.decision((await scene.asked())[0], changes=changes)) == 1
    found = await look(scene, added.enrollment_id)
    assert isinstance(found, Renewed)
    assert found.differences == []
    assert (found.action.start_step.id, found.action.sender.user_id) == (78, 13)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(OutcomeType.CHURNED, "withdrawn"), (OutcomeType.RENEWED, "requested")],
)
async def test_the_end_of_the_customer_ends_it(scene: Scene, outcome: OutcomeType, state: str) -> None:
    await add(scene, wanted())
    scene.later(hours=1)
    await scene.end(scene.outcome(outcome))
    assert (await scene.states())["sth-9"][0] == state


async def test_who_is_erased_leaves_no_word_behind(scene: Scene) -> None:
    added = await add(scene, wanted(replace(ADDITION, custom_fields={"Dog": "Rex"}), note="Ann likes dogs"))
    await scene.take(scene.decision((await scene.asked())[0]))
    scene.later(minutes=1)
    await scene.snapshots(erased_stakeholders=["sth-9"])
    assert (await scene.states())["sth-9"][0] == "withdrawn"
    rows = await scene.rows("SELECT e.request::text, a.* FROM enrollments e JOIN additions a ON a.enrollment_id = e.id")
    told = " ".join(str(value) for row in rows for value in row)
    for word in ("Ann", "ann@acme.example", "Dog", "Rex"):
        assert word not in told
    async with scene.database.connection() as connection:
        stored = await additions.read(connection, "org-1", added.enrollment_id)
    assert stored is not None
    assert stored.note is None
    assert stored.asked_by.user_id == "usr-3"


async def test_nor_does_what_was_asked_of_them_later(scene: Scene) -> None:
    added = await add(scene, wanted())
    asked = Steering(
        id=uuid4(),
        enrollment_id=added.enrollment_id,
        action=SteeringAction.REMOVE,
        asked_by="usr-3",
        note="asked in the chat: remove Ann",
    )
    async with scene.database.transaction() as connection:
        assert await steering.add(connection, "org-1", asked, scene.now)
    await scene.snapshots(erased_stakeholders=["sth-9"])
    async with scene.database.connection() as connection:
        assert await steering.read(connection, "org-1", asked.id) == replace(asked, note="")


async def test_what_a_person_asked_for_has_no_goal_that_could_be_reached(scene: Scene) -> None:
    await add(scene, wanted())
    await scene.publish_for(TriggerType.RENEWAL_WINDOW, cadence_id=457)
    await scene.decide(scene.trigger())
    await scene.execute("UPDATE enrollments SET state = 'enrolled', membership_id = gen_random_uuid()")
    async with scene.database.connection() as connection:
        assert (await cadences.goals(connection, "org-1")).keys() == {457}

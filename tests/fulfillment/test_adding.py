"""Who was asked for by hand, at the moment of being added: the gates again, and the limits that others count by."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from enrollment.additions import Addition
from enrollment.mappings import Policy
from enrollment.policies import Cap, Counted
from schemas.vocabulary import RequesterKind
from storage.additions import Asker
from storage.steering import Steering, SteeringAction
from tests.fulfillment.stage import Stage, publish
from tests.fulfillment.steps import ANN, known, person
from workflows.adding import WantedAddition, add_to_cadence
from workflows.arbitration import resume
from workflows.field_mapping import parse_field_mapping, publish_field_mapping
from workflows.steering import steer
from workflows.suppressions import suppress


async def approved(stage: Stage, **said: Any) -> UUID:
    """Somebody asked for by hand, and approved."""
    wanted = WantedAddition(
        id=uuid4(),
        addition=Addition(stakeholder_id="sth-1", cadence_id=stage.cadence["id"], **said),
        asked_by=Asker(RequesterKind.USER, "usr-3"),
        note="so",
        correlation_id="journey-1",
    )
    async with stage.database.transaction() as connection:
        await add_to_cadence(connection, stage.organization_id, wanted, stage.memory, stage.clock.now())
    (row,) = await stage.fetch("SELECT request_digest FROM enrollments WHERE id = $1", wanted.id)
    await stage.approve(wanted.id, row["request_digest"])
    return wanted.id


async def test_it_is_carried_out_as_it_was_approved(stage: Stage) -> None:
    await known(stage)
    sender = stage.team["users"][2]["id"]
    enrollment_id = await approved(stage, sender_user_id=sender, custom_fields={"Offer": "10 %"})
    async with stage.working():
        await stage.reaches(enrollment_id, "enrolled")
    (added,) = await stage.writes("cadence_memberships")
    assert (added["body"]["user_id"], added["body"]["cadence_id"]) == (sender, stage.cadence["id"])
    (told,) = await stage.writes("people")
    assert told["body"]["custom_fields"]["Offer"] == "10 %"


async def test_who_may_be_contacted_no_more_is_not_added(stage: Stage) -> None:
    await known(stage)
    enrollment_id = await approved(stage)
    async with stage.database.transaction() as connection:
        await suppress(
            connection, stage.organization_id, ["ann@acme.example"], note=None, by="usr-1", now=stage.clock.now()
        )
    async with stage.working():
        await stage.reaches(enrollment_id, "blocked")
    assert await stage.state(enrollment_id) == ("blocked", "suppressed")
    assert not await stage.writes("cadence_memberships")


async def test_whom_salesloft_restricts_is_not_added(stage: Stage) -> None:
    await person(stage, ANN["email"], do_not_contact=True)
    await known(stage)
    enrollment_id = await approved(stage)
    async with stage.working():
        await stage.reaches(enrollment_id, "blocked")
    assert await stage.state(enrollment_id) == ("blocked", "do_not_contact")
    assert not await stage.writes("cadence_memberships")


async def test_a_changed_address_goes_to_the_approver_again(stage: Stage) -> None:
    await known(stage)
    enrollment_id = await approved(stage)
    stage.clock.ahead += timedelta(minutes=1)
    await known(stage, ANN | {"email": "ann.lee@acme.example"})
    async with stage.working():
        await stage.reaches(enrollment_id, "requested")
        assert await stage.state(enrollment_id) == ("requested", "fact_changed")
        stage.clock.ahead += timedelta(minutes=1)
        (row,) = await stage.fetch("SELECT request, request_digest FROM enrollments WHERE id = $1", enrollment_id)
        assert [one["field"] for one in orjson.loads(row["request"])["changed_since"]] == ["stakeholder.email"]
        await stage.approve(enrollment_id, row["request_digest"])
        await stage.reaches(enrollment_id, "enrolled")


async def test_what_was_approved_of_the_fields_stays_when_somebody_is_added_back(stage: Stage) -> None:
    """The organization's own mapping of the field gives way to it then as it did before."""
    await stage.simulator.switch(stage.team_id, processing_seconds=0.0)
    fields = parse_field_mapping(b'{"custom_fields": {"Offer": "customer.name"}}')
    async with stage.database.transaction() as connection:
        await publish_field_mapping(connection, stage.organization_id, fields, by=None, now=stage.clock.now())
    await known(stage)
    enrollment_id = await approved(stage, custom_fields={"Offer": "10 %"})
    asked = Steering(
        id=uuid4(),
        enrollment_id=enrollment_id,
        action=SteeringAction.CHANGE_SENDER,
        asked_by="usr-1",
        note="Kim is away",
        sender_user_id=stage.team["users"][2]["id"],
    )
    async with stage.working():
        await stage.reaches(enrollment_id, "enrolled")
        await stage.advance(3)
        async with stage.database.transaction() as connection:
            await steer(connection, stage.organization_id, asked, stage.memory, stage.clock.now())
        await stage.reaches(enrollment_id, "paused")
        async with stage.database.transaction() as connection:
            await resume(connection, limit=1, now=stage.clock.now())
        await stage.reaches(enrollment_id, "enrolled")
    (linked,) = await stage.fetch("SELECT person_id FROM stakeholder_people")
    shown = await stage.salesloft("GET", f"/people/{linked['person_id']}")
    assert shown["custom_fields"]["Offer"] == "10 %"


@pytest.mark.parametrize("per", [Counted.STAKEHOLDER, Counted.ACCOUNT, Counted.MAPPING])
async def test_it_counts_for_the_caps_of_others_but_of_no_mapping(stage: Stage, per: Counted) -> None:
    await publish(
        stage,
        stage.cadence["id"],
        "capped",
        policy=Policy(caps=(Cap(per=per, at_most=1, within_hours=24),)),
    )
    await known(stage)
    enrollment_id = await approved(stage)
    async with stage.working():
        await stage.reaches(enrollment_id, "enrolled")
    counted = {row["counted"] for row in await stage.fetch("SELECT counted FROM limit_locks")}
    assert counted == (set() if per is Counted.MAPPING else {per.value})

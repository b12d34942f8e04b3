"""Enrolling, against the simulator over sockets: its journal of accepted writes is the judge."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.fulfillment.stage import Stage, publish, until
from tests.fulfillment.steps import MEMBERSHIPS, end, hits, is_hit, person


async def test_an_approved_enrollment_becomes_one_membership(stage: Stage) -> None:
    async with stage.working():
        enrollment_id = await stage.approved()
        await stage.reaches(enrollment_id, "enrolled")
    (made,) = await stage.writes("cadence_memberships")
    assert made["body"]["user_id"] == stage.team["users"][1]["id"]
    assert made["body"]["step_id"] == stage.cadence["steps"][0]["id"]
    assert made["body"]["cadence_id"] == stage.cadence["id"]
    assert [state for state, _ in await stage.history(enrollment_id)] == [
        "requested", "approved", "scheduled", "enrolling", "enrolled",
    ]  # fmt: skip
    row = await stage.fetchrow("SELECT * FROM salesloft_memberships")
    assert row["salesloft_membership_id"] == made["ids"][0]
    assert row["enrollment_id"] == enrollment_id
    assert row["current_step"] == 1
    events = await stage.fetch("SELECT payload FROM outbox WHERE type LIKE '%enrollment-changed%' ORDER BY position")
    assert f'"salesloft_membership_id":{made["ids"][0]}' in bytes(events[-1]["payload"]).decode()


async def test_nothing_that_could_overrule_a_person_is_ever_sent(stage: Stage) -> None:
    async with stage.working():
        enrollment_id = await stage.approved({"title": None, "phone": None, "name": "Ludwig van Beethoven"})
        await stage.reaches(enrollment_id, "enrolled")
    (sent,) = await stage.writes("people")
    assert (sent["body"]["first_name"], sent["body"]["last_name"]) == ("Ludwig", "van Beethoven")
    assert not {"do_not_contact", "contact_restrictions", "title", "phone"} & sent["body"].keys()
    assert all(value not in ("", None) for value in sent["body"].values())


async def test_a_changed_person_takes_two_calls_and_an_unchanged_fresh_one_takes_one(stage: Stage) -> None:
    async def calls() -> int:
        return int((await stage.simulator.usage(stage.team_id))["requests"])

    ann = {"id": "sth-ann", "email": "ann@acme.example"}
    async with stage.working():
        await stage.reaches(await stage.approved(ann), "enrolled")  # the account is seen for the first time
        await publish(stage, stage.team["cadences"][1]["id"], "default")
        # One mapping more would be a second enrollment of the trigger; the first one is switched off instead.
        await stage.execute("UPDATE salesloft_cadence_mappings SET status = 'retired' WHERE id = $1", stage.mapping.id)
        await stage.execute("UPDATE organizations SET decision_version = decision_version + 1")
        before = await calls()
        await stage.reaches(await stage.approved(ann), "enrolled")
        assert await calls() - before == 1
        before = await calls()
        await stage.reaches(await stage.approved({"id": "sth-bob", "email": "bob@acme.example"}), "enrolled")
        assert await calls() - before == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "hang_after_write", "seconds": 5.0},
        {"kind": "status_after_write", "status": 500},
        {"kind": "reset_after_write"},
        {"kind": "reset_mid_body"},
        {"kind": "hang", "seconds": 5.0},
        {"kind": "status", "status": 502},
        {"kind": "reset"},
        {"kind": "status", "status": 429},
        {"kind": "html_404"},
    ],
    ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}",
)
async def test_a_bad_answer_makes_neither_none_nor_two(stage: Stage, fault: dict[str, Any]) -> None:
    await stage.simulator.add_fault(team_id=stage.team_id, method="POST", path=MEMBERSHIPS, count=1, **fault)
    async with stage.working():
        enrollment_id = await stage.approved()
        if fault["kind"] == "html_404":
            await stage.reaches(enrollment_id, "failed")
        elif fault.get("status") == 429:
            await stage.reaches(enrollment_id, "scheduled")
            await until(lambda: _waits_for(stage, enrollment_id, "throttled"))
            row = await stage.fetchrow("SELECT expected_at FROM enrollments WHERE id = $1", enrollment_id)
            assert timedelta() < row["expected_at"] - stage.clock.now() <= timedelta(seconds=62)
            await stage.advance(62)
            await stage.reaches(enrollment_id, "enrolled")
        else:
            await stage.reaches(enrollment_id, "enrolled")
    assert await hits(stage) == [1]
    assert len(await stage.writes("cadence_memberships")) == (0 if fault["kind"] == "html_404" else 1)
    # What took effect is never called again, though Salesloft would refuse it; what had no effect is called once more.
    asked = (await stage.simulator.usage(stage.team_id))["by_endpoint"]["POST cadence_memberships"]
    took_effect = fault["kind"].endswith("_after_write") or fault["kind"] in {"reset_mid_body", "html_404"}
    assert asked == (1 if took_effect else 2)


async def _waits_for(stage: Stage, enrollment_id: UUID, reason: str) -> bool:
    return (await stage.state(enrollment_id))[1] == reason


async def test_a_person_put_on_the_cadence_by_hand_is_already_enrolled(stage: Stage) -> None:
    person_id = await person(stage, "ann@acme.example")
    by_hand = {"person_id": person_id, "cadence_id": stage.cadence["id"], "user_id": stage.team["users"][1]["id"]}
    await stage.salesloft("POST", "/cadence_memberships", by_hand)
    await stage.advance(10)
    async with stage.working():
        enrollment_id = await stage.approved({"email": "ann@acme.example"})
        await stage.reaches(enrollment_id, "failed")
    assert await stage.state(enrollment_id) == ("failed", "already_enrolled")
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_an_old_membership_is_history_and_its_record_is_used_again(stage: Stage) -> None:
    person_id = await person(stage, "ann@acme.example")
    by_hand = {"person_id": person_id, "cadence_id": stage.cadence["id"], "user_id": stage.team["users"][1]["id"]}
    old = await stage.salesloft("POST", "/cadence_memberships", by_hand)
    await stage.advance(10)
    await stage.salesloft("DELETE", f"/cadence_memberships/{old['id']}")
    await stage.advance(10)
    await stage.simulator.add_fault(team_id=stage.team_id, method="POST", path=MEMBERSHIPS, count=1, kind="reset")
    async with stage.working():
        enrollment_id = await stage.approved({"email": "ann@acme.example"})
        await stage.reaches(enrollment_id, "enrolled")
    assert "unknown" in [state for state, _ in await stage.history(enrollment_id)]
    made = await stage.writes("cadence_memberships")
    assert [one["ids"][0] for one in made] == [old["id"], old["id"]]
    row = await stage.fetchrow("SELECT added_at, salesloft_membership_id FROM salesloft_memberships")
    assert row["salesloft_membership_id"] == old["id"]
    assert row["added_at"] > stage.clock.now() - timedelta(seconds=8)


async def test_two_stakeholders_of_one_person_take_one_place_on_the_cadence(stage: Stage) -> None:
    async with stage.working():
        first = await stage.approved({"id": "sth-1", "email": "ann@acme.example"})
        second = await stage.approved({"id": "sth-2", "email": "Ann@acme.example"})
        await stage.settled()
    states = {await stage.state(first), await stage.state(second)}
    assert states == {("enrolled", None), ("failed", "already_enrolled")}
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_an_address_that_several_people_share_names_nobody(stage: Stage) -> None:
    await stage.simulator.switch(stage.team_id, intentional_duplicates=True)
    for _ in range(2):
        await stage.salesloft("POST", "/people", {"email_address": "office@acme.example"})
    async with stage.working():
        enrollment_id = await stage.approved({"email": "office@acme.example"})
        await stage.reaches(enrollment_id, "failed")
    assert await stage.state(enrollment_id) == ("failed", "ambiguous_person")
    assert not await stage.writes("cadence_memberships")


async def test_a_linked_person_keeps_its_record_when_the_address_changes(stage: Stage) -> None:
    async with stage.working():
        await stage.reaches(await stage.approved({"id": "sth-1", "email": "ann@acme.example"}), "enrolled")
        await publish(stage, stage.team["cadences"][1]["id"], "other")
        await stage.execute("UPDATE salesloft_cadence_mappings SET status = 'retired' WHERE id = $1", stage.mapping.id)
        await stage.execute("UPDATE organizations SET decision_version = decision_version + 1")
        await stage.reaches(await stage.approved({"id": "sth-1", "email": "ann.lee@acme.example"}), "enrolled")
    people = await stage.writes("people")
    assert len({one["ids"][0] for one in people}) == 1
    assert people[-1]["body"]["upsert_key"] == "id"


async def test_a_changed_fact_goes_back_to_the_approver(stage: Stage) -> None:
    enrollment_id = await stage.approved({"id": "sth-1", "email": "ann@acme.example"})
    before = await stage.fetchrow("SELECT request_digest FROM enrollments")
    await stage.execute(
        "UPDATE directory_stakeholders SET data = jsonb_set(data::jsonb, '{email}', '\"new@acme.example\"')"
    )
    async with stage.working():
        await stage.reaches(enrollment_id, "requested")
        assert ("stale", "fact_changed") in await stage.history(enrollment_id)
        row = await stage.fetchrow("SELECT request_digest, request FROM enrollments")
        assert row["request_digest"] != before["request_digest"]
        assert not await stage.writes("people")
        await stage.approve(enrollment_id, row["request_digest"])
        await stage.reaches(enrollment_id, "enrolled")
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_an_approval_that_ran_out_is_asked_again(stage: Stage) -> None:
    enrollment_id = await stage.approved()
    await stage.execute("UPDATE enrollments SET execute_by = $1", stage.clock.now() - timedelta(seconds=1))
    async with stage.working():
        await stage.reaches(enrollment_id, "requested")
    assert ("stale", "execute_by_passed") in await stage.history(enrollment_id)
    assert not await stage.writes("people")


async def test_an_end_before_the_work_begins_withdraws_it(stage: Stage) -> None:
    enrollment_id = await stage.approved()
    await end(stage, enrollment_id, "renewed")
    async with stage.working():
        await stage.settled()
    assert await stage.state(enrollment_id) == ("withdrawn", "renewed")
    assert not await stage.writes("people")


async def test_an_end_while_the_person_is_upserted_withdraws_the_call(stage: Stage) -> None:
    await stage.simulator.add_fault(team_id=stage.team_id, path="/v2/person_upserts", kind="latency", milliseconds=600)
    async with stage.working():
        enrollment_id = await stage.approved()
        await is_hit(stage)
        await end(stage, enrollment_id, "renewed")
        await stage.settled()
    assert await stage.state(enrollment_id) == ("withdrawn", "renewed")
    assert not await stage.writes("cadence_memberships")


@pytest.mark.parametrize("kind", ["latency", "hang_after_write"])
async def test_an_end_while_the_membership_is_made_takes_the_person_off_again(stage: Stage, kind: str) -> None:
    shape = {"milliseconds": 600} if kind == "latency" else {"seconds": 5.0}
    await stage.simulator.switch(stage.team_id, processing_seconds=0.2)
    await stage.simulator.add_fault(team_id=stage.team_id, method="POST", path=MEMBERSHIPS, kind=kind, count=1, **shape)
    async with stage.working():
        enrollment_id = await stage.approved()
        await is_hit(stage)
        await end(stage, enrollment_id, "renewed")
        await stage.settled()
    assert await stage.state(enrollment_id) == ("exited", "renewed")
    assert "enrolled" in [state for state, _ in await stage.history(enrollment_id)]
    (made,) = await stage.writes("cadence_memberships")
    (removed,) = await stage.writes("cadence_memberships", "DELETE")
    assert made["ids"] == removed["ids"]


async def test_an_end_in_doubt_withdraws_what_was_never_made(stage: Stage) -> None:
    await stage.simulator.add_fault(
        team_id=stage.team_id, method="POST", path=MEMBERSHIPS, kind="hang", count=1, seconds=5.0
    )
    async with stage.working():
        enrollment_id = await stage.approved()
        await is_hit(stage)
        await end(stage, enrollment_id, "renewed")
        await stage.settled()
    assert await stage.state(enrollment_id) == ("withdrawn", "renewed")
    assert not await stage.writes("cadence_memberships")

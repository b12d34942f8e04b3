"""Failed enrollments over HTTP: why they failed, and trying them again, down to what Salesloft is told."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from fulfillment.handlers import all_handlers
from fulfillment.resuming import ADDED_JUST_NOW
from sandbox.salesloft.server import SimulatorClient
from schemas.vocabulary import Reason
from storage import commands
from storage.commands import Claim
from storage.pool import Database
from tests.web.acting import CALM, Acting, acting, refused
from tests.web.stage import Api, running_api
from workflows.suppressions import suppress

WHY = {"note": "it was mended there"}
REFUSED: dict[str, Any] = {"method": "POST", "path": "/v2/cadence_memberships", "kind": "status", "status": 422}


@pytest.fixture
async def desk(simulator: SimulatorClient, database: Database, migrated: str) -> Any:
    async with running_api(simulator, database, migrated, **CALM) as api:
        yield await acting(api)


async def failed(desk: Acting, stakeholder_id: str = "sth-1") -> str:
    """Somebody is approved, and Salesloft refuses to add them, once."""
    await desk.api.simulator.add_fault(team_id=desk.api.team["team_id"], count=1, **REFUSED)
    enrollment_id = str((await desk.add(stakeholder_id, claims={"role": "admin"})).json()["enrollment_id"])
    await desk.approve(enrollment_id)
    await desk.carry_out()
    assert await state(desk, enrollment_id) == ("failed", "add_refused")
    return enrollment_id


async def state(desk: Acting, enrollment_id: str) -> tuple[str, str | None]:
    (row,) = await desk.api.fetch("SELECT state, reason FROM enrollments WHERE id = $1", UUID(enrollment_id))
    return row["state"], row["reason"]


def path(enrollment_id: object) -> str:
    return f"/api/salesloft/enrollments/{enrollment_id}/retry"


async def test_what_failed_is_told_with_what_to_do_and_is_tried_again(desk: Acting) -> None:
    enrollment_id = await failed(desk)
    (told,) = (await desk.call("GET", "/api/salesloft/failures", role="viewer")).json()["items"]
    assert (told["enrollment"]["id"], told["can_be_retried"]) == (enrollment_id, True)
    assert "Have it retried" in told["what_can_be_done"]
    answer = await desk.call("POST", path(enrollment_id), WHY)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/salesloft/enrollments/{enrollment_id}"
    assert (answer.json()["enrollment_id"], answer.json()["held_by"]) == (enrollment_id, None)
    assert await state(desk, enrollment_id) == ("scheduled", "retried")
    await desk.carry_out()
    assert await state(desk, enrollment_id) == ("enrolled", None)
    assert len(await desk.writes()) == 1
    assert (await desk.call("GET", "/api/salesloft/failures")).json()["items"] == []
    noted = await desk.api.fetch(
        "SELECT actor, detail ->> 'action' AS action FROM audit_entries WHERE action = 'enrollment.steered'"
    )
    assert [tuple(one) for one in noted] == [("usr-1", "retry")]
    told = (await desk.call("GET", f"/api/salesloft/enrollments/{enrollment_id}")).json()
    assert [(one["asked_by"], one["note"]) for one in told["retries"]] == [("usr-1", "it was mended there")]
    assert told["asked"] == []


async def test_an_approval_that_has_run_out_goes_back_to_its_approver(desk: Acting) -> None:
    enrollment_id = await failed(desk)
    desk.api.pass_time(days=60)
    assert (await desk.call("POST", path(enrollment_id), WHY)).status_code == 202
    await _carry_out_at_our_time(desk)
    assert await state(desk, enrollment_id) == ("requested", "execute_by_passed")
    assert not await desk.writes()


async def test_whoever_may_not_be_contacted_any_more_is_not(desk: Acting) -> None:
    enrollment_id = await failed(desk)
    async with desk.api.database.transaction() as connection:
        await suppress(
            connection,
            desk.api.organization_id,
            ["1@acme.example"],
            note=None,
            by="usr-1",
            now=desk.api.clock.now(),
        )
    assert (await desk.call("POST", path(enrollment_id), WHY)).status_code == 202
    await desk.carry_out()
    assert await state(desk, enrollment_id) == ("blocked", "suppressed")
    assert not await desk.writes()
    (told,) = (await desk.call("GET", "/api/salesloft/failures")).json()["items"]
    assert told["can_be_retried"] is False
    refused(await desk.call("POST", path(enrollment_id), WHY), 409, "not_possible_now")


@pytest.mark.parametrize("on_cadence", [True, False])
async def test_nobody_is_put_through_a_cadence_twice(desk: Acting, on_cadence: bool) -> None:
    enrollment_id = await failed(desk)
    async with desk.api.database.connection() as connection:
        await connection.execute(
            "INSERT INTO salesloft_memberships (id, organization_id, stakeholder_id, salesloft_person_id, cadence_id,"
            " status, added_at, salesloft_membership_id, currently_on_cadence, salesloft_updated_at, created_at)"
            " VALUES ($1, $2, 'sth-1', 9, $3, 'completed', $4, 1, $5, $4, $4)",
            uuid4(),
            desk.api.organization_id,
            desk.cadence["id"],
            desk.api.clock.now(),
            on_cadence,
        )
    problem = refused(await desk.call("POST", path(enrollment_id), WHY), 409, "not_possible_now")
    assert "twice" in problem["detail"]
    await desk.carry_out()
    assert await state(desk, enrollment_id) == ("failed", "add_refused")
    assert not await desk.writes()


async def test_who_may_have_it_retried(desk: Acting) -> None:
    enrollment_id = await failed(desk, "sth-2")
    refused(await desk.call("POST", path(enrollment_id), WHY, role="viewer"), 403, "role_required")
    refused(await desk.call("POST", path(enrollment_id), WHY), 403, "customer_of_another")
    another = {"role": "admin", "organization_id": "org-other"}
    refused(await desk.call("POST", path(enrollment_id), WHY, **another), 404, "enrollment_unknown")
    refused(await desk.call("POST", path(uuid4()), WHY, role="admin"), 404, "enrollment_unknown")
    refused(await desk.call("POST", path(enrollment_id), {}, role="admin"), 422, "invalid_request")
    tried = await desk.call("POST", f"{path(enrollment_id)}?dry_run=true", WHY, role="manager")
    assert (tried.status_code, tried.json()["dry_run"]) == (200, True)
    assert await state(desk, enrollment_id) == ("failed", "add_refused")
    assert (await desk.call("POST", path(enrollment_id), WHY, sub="usr-2")).status_code == 202
    refused(await desk.call("POST", path(enrollment_id), WHY, sub="usr-2"), 409, "not_possible_now")


async def test_under_a_key_it_is_retried_once(desk: Acting) -> None:
    enrollment_id = await failed(desk)
    first = await desk.call("POST", path(enrollment_id), WHY, key="k-1")
    async with desk.api.database.connection() as connection:
        # The answer was never kept, as if the process had died before.
        await connection.execute("UPDATE idempotent_requests SET status = NULL, sealed = NULL, leased_until = now()")
    second = await desk.call("POST", path(enrollment_id), WHY, key="k-1")
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert len(await desk.api.fetch("SELECT FROM commands WHERE state = 'pending' AND kind = 'enroll'")) == 1


NOT_OFF: dict[str, Any] = {"method": "DELETE", "path": "/v2/cadence_memberships", "kind": "status", "status": 403}


def stay(membership_id: object, what: str = "") -> str:
    return f"/api/salesloft/cadence-memberships/{membership_id}{what}"


async def refused_pause(desk: Acting, stakeholder_id: str = "sth-1") -> str:
    """Somebody is to be paused, and Salesloft refuses to take them off, once."""
    membership_id = await desk.enrolled(stakeholder_id)
    await desk.api.simulator.add_fault(team_id=desk.api.team["team_id"], count=1, **NOT_OFF)
    assert (await desk.call("PUT", stay(membership_id, "/pause"), {"note": "on holiday"})).status_code == 202
    await tried(desk)
    return membership_id


async def tried(desk: Acting) -> int:
    """Carry out what is due, without waiting for what was put off; answers how much that was."""
    await desk.api.advance(15)
    handlers = all_handlers(desk.bench, chance=lambda: 0.5)
    claim = Claim(holder=uuid4().hex, kinds=list(handlers), lease_s=60.0, organization_limit=8)
    async with desk.api.database.connection() as connection:
        claimed = await commands.claim(connection, claim, limit=8, now=desk.api.clock.now())
    for command in claimed:
        await handlers[command.kind].carry_out(command)
    return len(claimed)


async def test_a_pause_that_is_refused_is_told_and_tried_again_at_once(desk: Acting) -> None:
    membership_id = await refused_pause(desk)
    (told,) = (await desk.call("GET", "/api/salesloft/failures/steering", role="viewer")).json()["items"]
    assert (told["doing"], told["membership_id"], told["can_be_retried"]) == ("take_off", membership_id, True)
    assert (await desk.call("GET", stay(membership_id))).json()["can_be_retried"] is True
    enrollment = (await desk.call("GET", f"/api/salesloft/enrollments/{told['enrollment_id']}")).json()
    assert told["stakeholder_name"] == enrollment["enrollment"]["stakeholder_name"] is not None
    assert (enrollment["can_be_retried"], "pause" in str(enrollment["available_actions"])) == (True, False)
    assert await tried(desk) == 0
    answer = await desk.call("POST", stay(membership_id, "/retry"), WHY, key="k-1")
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == stay(membership_id)
    assert await tried(desk) == 1
    assert await desk.states() == ["paused"]
    again = await desk.call("POST", stay(membership_id, "/retry"), WHY, key="k-1")
    assert again.json() == answer.json()
    refused(await desk.call("POST", stay(membership_id, "/retry"), WHY), 409, "not_possible_now")
    assert (await desk.call("GET", "/api/salesloft/failures/steering")).json()["items"] == []
    noted = await desk.api.fetch("SELECT FROM audit_entries WHERE detail ->> 'action' = 'retry'")
    assert len(noted) == 1


async def test_a_removal_that_is_refused_is_tried_again(desk: Acting) -> None:
    membership_id = await desk.enrolled("sth-1")
    await desk.api.simulator.add_fault(team_id=desk.api.team["team_id"], count=1, **NOT_OFF)
    assert (await desk.call("DELETE", stay(membership_id))).status_code == 202
    assert await tried(desk) == 1
    (told,) = (await desk.call("GET", "/api/salesloft/failures/steering")).json()["items"]
    assert (told["doing"], told["can_be_retried"]) == ("remove", True)
    assert (await desk.call("POST", stay(membership_id, "/retry"), WHY)).status_code == 202
    assert await tried(desk) == 1
    assert await desk.states() == ["removed"]


async def test_what_salesloft_has_put_off_is_no_failure_and_is_not_hurried(desk: Acting) -> None:
    membership_id = await desk.enrolled("sth-1")
    await desk.api.simulator.add_fault(team_id=desk.api.team["team_id"], **NOT_OFF | {"status": 429})
    await desk.call("PUT", stay(membership_id, "/pause"), {"note": "on holiday"})
    assert await tried(desk) == 1
    assert (await desk.call("GET", "/api/salesloft/failures/steering")).json()["items"] == []
    assert (await desk.call("GET", stay(membership_id))).json()["can_be_retried"] is False
    refused(await desk.call("POST", stay(membership_id, "/retry"), WHY), 409, "not_possible_now")


@pytest.mark.parametrize(
    ("error", "is_failure"),
    [
        *((one.value, False) for one in Reason),
        *((one, False) for one in (ADDED_JUST_NOW, "a call is open", "outcome unknown")),
        ("DELETE /cadence_memberships/1 answered 403: not yours", True),
        (None, False),
    ],
)
async def test_what_waits_is_told_from_what_fails(shared_api: Api, error: str | None, is_failure: bool) -> None:
    command = orjson.dumps({"state": "pending", "kind": "resume", "last_error": error}).decode()
    (row,) = await shared_api.fetch("SELECT has_failed(jsonb_populate_record(NULL::commands, $1)) AS it", command)
    assert row["it"] is is_failure


async def test_what_is_held_is_no_failure(desk: Acting) -> None:
    membership_id = await desk.enrolled("sth-1")
    await desk.call("PUT", stay(membership_id, "/pause"), {"note": "on holiday"})
    assert (await desk.call("GET", "/api/salesloft/failures/steering")).json()["items"] == []
    refused(await desk.call("POST", stay(membership_id, "/retry"), WHY), 409, "not_possible_now")
    assert (await desk.call("GET", stay(membership_id))).json()["can_be_retried"] is False


async def test_who_may_not_be_added_back_any_more_is_not_retried_onto_the_cadence(desk: Acting) -> None:
    membership_id = await refused_pause(desk)
    moved = {"note": "next", "confirm": True}
    assert (await desk.call("PUT", stay(membership_id, "/skip"), moved)).status_code == 202
    assert (await desk.call("PUT", stay(membership_id, "/resume"), moved)).status_code == 202
    async with desk.api.database.transaction() as connection:
        organization_id, now = desk.api.organization_id, desk.api.clock.now()
        await suppress(connection, organization_id, ["1@acme.example"], note=None, by="usr-1", now=now)
    assert (await desk.call("POST", stay(membership_id, "/retry"), WHY)).status_code == 202
    await desk.carry_out()
    await desk.carry_out()
    assert await desk.states() == ["removed"]
    assert len(await desk.writes()) == 1


async def test_adding_back_that_was_refused_is_over_and_says_so(desk: Acting) -> None:
    membership_id = await desk.enrolled("sth-1")
    await desk.call("PUT", stay(membership_id, "/pause"), {"note": "on holiday"})
    await desk.carry_out()
    await desk.api.simulator.add_fault(team_id=desk.api.team["team_id"], count=1, **REFUSED)
    back = {"note": "she is back", "confirm": True}
    assert (await desk.call("PUT", stay(membership_id, "/resume"), back)).status_code == 202
    await desk.carry_out()
    assert await desk.states() == ["removed"]
    (told,) = (await desk.call("GET", "/api/salesloft/failures/steering")).json()["items"]
    assert (told["doing"], told["state"], told["can_be_retried"]) == ("add_back", "removed", False)
    assert "added by hand" in told["what_can_be_done"]
    refused(await desk.call("POST", stay(membership_id, "/retry"), WHY), 409, "not_possible_now")


async def test_who_may_have_a_stay_retried(desk: Acting) -> None:
    membership_id = await refused_pause(desk)
    path_ = stay(membership_id, "/retry")
    refused(await desk.call("POST", path_, WHY, role="viewer"), 403, "role_required")
    refused(await desk.call("POST", path_, WHY, sub="usr-2"), 403, "customer_of_another")
    another = {"role": "admin", "organization_id": "org-other"}
    refused(await desk.call("POST", path_, WHY, **another), 404, "membership_unknown")
    listed = await desk.call("GET", "/api/salesloft/failures/steering", **another)
    assert listed.json()["items"] == []
    dry = await desk.call("POST", f"{path_}?dry_run=true", WHY)
    assert (dry.status_code, dry.json()["dry_run"]) == (200, True)
    assert await tried(desk) == 0


async def _carry_out_at_our_time(desk: Acting) -> None:
    """Salesloft's clock may stand still: nobody is to be added."""
    await desk.api.simulator.advance((desk.api.clock.now() - await desk.api.simulator.now()).total_seconds())
    await desk.carry_out()

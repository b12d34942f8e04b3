"""Failed enrollments over HTTP: why they failed, and trying them again, down to what Salesloft is told."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database
from tests.web.acting import CALM, Acting, acting, refused
from tests.web.stage import running_api
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


async def _carry_out_at_our_time(desk: Acting) -> None:
    """Salesloft's clock may stand still: nobody is to be added."""
    await desk.api.simulator.advance((desk.api.clock.now() - await desk.api.simulator.now()).total_seconds())
    await desk.carry_out()

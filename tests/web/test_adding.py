"""Asking for somebody by hand over HTTP, up to their being on the cadence at Salesloft."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database
from tests.web.acting import CALM, Acting, acting, refused
from tests.web.stage import running_api
from workflows.suppressions import suppress


@pytest.fixture
async def desk(simulator: SimulatorClient, database: Database, migrated: str) -> Any:
    async with running_api(simulator, database, migrated, **CALM) as api:
        yield await acting(api)


async def test_somebody_is_asked_for_approved_and_added(desk: Acting) -> None:
    steps = (await desk.api.fetch("SELECT steps FROM salesloft_cadences WHERE cadence_id = $1", desk.cadence["id"]))[0]
    assert steps
    answer = await desk.add(custom_fields={"Offer": "10 %"})
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert answer.headers["location"] == f"/api/salesloft/enrollments/{told['enrollment_id']}"
    assert told["state"] == "requested"
    assert told["request_digest"].startswith("sha256:")
    assert all(one["passed"] and one["says"] for one in told["gates"])
    assert not await desk.writes("people")
    await desk.approve(told["enrollment_id"])
    await desk.carry_out()
    assert await desk.states() == ["enrolled"]
    (added,) = await desk.writes()
    assert added["body"]["cadence_id"] == desk.cadence["id"]
    assert added["body"]["user_id"] == desk.api.team["users"][1]["id"]
    (upserted,) = await desk.writes("people")
    assert upserted["body"]["custom_fields"]["Offer"] == "10 %"


async def test_a_dry_run_says_what_would_come_of_it_and_writes_nothing(desk: Acting) -> None:
    answer = await desk.add(query="?dry_run=true", key="k-1")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["would"], told["reason_code"]) == ("request", None)
    assert told["request"]["stakeholder"]["email"] == "1@acme.example"
    assert told["request"]["requested_by"] == {"kind": "user", "user_id": "usr-1"}
    assert "location" not in answer.headers
    async with desk.api.database.transaction() as connection:
        await suppress(
            connection, desk.api.organization_id, ["1@acme.example"], note=None, by="usr-9", now=desk.api.clock.now()
        )
    told = (await desk.add(query="?dry_run=true", key="k-1")).json()
    assert (told["would"], told["reason_code"], told["request"]) == ("refuse", "suppressed", None)
    assert [one["gate"] for one in told["gates"] if not one["passed"]] == ["suppression"]
    for table in ("enrollments", "additions", "idempotent_requests"):
        assert not await desk.api.fetch(f"SELECT FROM {table}")  # named here


async def test_a_refusal_names_everything_that_speaks_against_it(desk: Acting) -> None:
    assert (await desk.add()).status_code == 202
    async with desk.api.database.transaction() as connection:
        await suppress(
            connection, desk.api.organization_id, ["acme.example"], note=None, by="usr-9", now=desk.api.clock.now()
        )
    problem = refused(await desk.add(), 409, "suppressed")
    assert [one["reason_code"] for one in problem["errors"]] == ["suppressed", "already_requested"]
    assert "never contacted" in problem["detail"]
    assert len(await desk.states()) == 1


async def test_who_may_ask(desk: Acting) -> None:
    refused(await desk.add(claims={"role": "viewer"}), 403, "role_required")
    refused(await desk.add("sth-2"), 403, "customer_of_another")
    for role in ("manager", "admin"):
        answer = await desk.add("sth-2", query="?dry_run=true", claims={"role": role})
        assert answer.json()["would"] == "request"
    assert (await desk.add("sth-2", claims={"sub": "usr-2"})).status_code == 202
    refused(await desk.add(claims={"organization_id": "org-other", "role": "admin"}), 404, "stakeholder_unknown")
    refused(await desk.add("sth-3"), 404, "stakeholder_unknown")
    refused(await desk.add(cadence_id=987654321), 404, "cadence_unknown")
    answer = await desk.api.http.post("/api/salesloft/cadences/1/add", json={})
    refused(answer, 401, "caller_unknown")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"note": " "}, "body.note"),
        ({"note": "a\u0000b"}, "body.note"),
        ({"start_date": "2020-01-01"}, "body.start_date"),
        ({"start_date": "soon"}, "body.start_date"),
        ({"start_step_id": 1}, "body.start_step_id"),
        ({"custom_fields": {"": "x"}}, "body.custom_fields"),
        ({"custom_fields": {"a": "x\u0000"}}, "body.custom_fields"),
        ({"colour": "red"}, "body.colour"),
    ],
)
async def test_what_is_wrong_is_named(desk: Acting, changes: dict[str, Any], field: str) -> None:
    problem = refused(await desk.add(**changes), 422, "invalid_request")
    assert problem["errors"][0]["field"].startswith(field)
    assert not await desk.states()


async def test_why_there_is_an_enrollment_can_be_asked(desk: Acting) -> None:
    enrollment_id = (await desk.add(start_step_id=None)).json()["enrollment_id"]
    path = f"/api/salesloft/enrollments/{enrollment_id}/addition"
    answer = await desk.call("GET", path, role="viewer")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["asked_by"] == {"kind": "user", "user_id": "usr-1"}
    assert told["note"] == "she asked for it"
    assert told["asked_for"]["cadence_id"] == desk.cadence["id"]
    assert {one["gate"] for one in told["gates"]} >= {"consent", "suppression", "stops", "exclusivity"}
    refused(await desk.call("GET", path, organization_id="org-other"), 404, "addition_unknown")
    refused(await desk.call("GET", f"/api/salesloft/enrollments/{uuid4()}/addition"), 404, "addition_unknown")


async def test_asked_under_a_key_it_is_asked_once(desk: Acting) -> None:
    first = await desk.add(key="k-1")
    again = await desk.add(key="k-1")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await desk.states()) == 1


async def test_a_crash_before_the_answer_makes_no_second_enrollment(desk: Acting) -> None:
    first = await desk.add(key="k-1")
    # The effect is there, and whoever had it never told.
    await _execute(desk, "UPDATE idempotent_requests SET status = NULL, sealed = NULL, leased_until = now()")
    again = await desk.add(key="k-1")
    assert (again.status_code, again.json()) == (202, first.json())
    assert "idempotency-replayed" not in again.headers
    assert len(await desk.states()) == 1
    await desk.approve(str(UUID(first.json()["enrollment_id"])))


async def _execute(desk: Acting, query: str) -> None:
    async with desk.api.database.connection() as connection:
        await connection.execute(query)


async def test_whoever_decides_sees_what_the_asker_said_and_what_the_others_are_called(desk: Acting) -> None:
    asked = (await desk.add()).json()["enrollment_id"]
    told = (await desk.call("GET", f"/api/salesloft/approvals/{asked}")).json()["approval"]
    assert (told["note"], told["names"]) == ("she asked for it", {})
    considered = '[{"stakeholder_id": "sth-2", "outcome": "skip", "reason": "opted_out"}, {"stakeholder_id": "sth-0"}]'
    async with desk.api.database.transaction() as connection:
        await connection.execute(
            "UPDATE enrollments SET request = jsonb_set(request::jsonb, '{considered}', $1::text::jsonb)::json",
            considered,
        )
    told = (await desk.call("GET", f"/api/salesloft/approvals/{asked}")).json()["approval"]
    assert told["names"] == {"sth-2": "Ann Lee"}

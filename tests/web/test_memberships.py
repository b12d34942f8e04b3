"""Steering who is on a cadence over HTTP, down to what Salesloft is told."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from enrollment.capabilities import CAPABILITIES
from enrollment.decide import StepFacts
from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database
from tests.web.acting import CALM, Acting, acting, refused
from tests.web.stage import running_api

STAYS = "/api/salesloft/cadence-memberships"
WHY = {"note": "on holiday"}
MOVES: dict[str, dict[str, Any]] = {
    "resume": {},
    "skip": {},
    "restart": {"step_id": 1},
    "sender": {"sender_user_id": 1},
}


@pytest.fixture
async def desk(simulator: SimulatorClient, database: Database, migrated: str) -> Any:
    async with running_api(simulator, database, migrated, **CALM) as api:
        yield await acting(api)


async def steps(desk: Acting) -> tuple[StepFacts, ...]:
    async with desk.api.database.transaction() as connection:
        facts = await desk.memory.facts(connection, [desk.api.organization_id], desk.api.clock.now())
    return facts[desk.api.organization_id].cadences[desk.cadence["id"]].steps


async def test_a_pause_and_its_end(desk: Acting) -> None:
    stay = await desk.enrolled()
    until = (desk.api.clock.now() + timedelta(days=2)).isoformat()
    answer = await desk.call("PUT", f"{STAYS}/{stay}/pause", WHY | {"until": until})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{STAYS}/{stay}"
    told = answer.json()
    assert (told["action"], told["support"], told["state"]) == ("pause", "emulated", "enrolled")
    assert (told["membership_id"], told["held_by"], told["dry_run"]) == (stay, "requested_by_person", False)
    assert "Salesloft has no pause" in told["does"]
    await desk.carry_out()
    assert await desk.states() == ["paused"]
    assert len(await desk.writes(method="DELETE")) == 1
    (row,) = await desk.api.fetch("SELECT action, asked_by, note, until FROM steerings")
    assert tuple(row)[:3] == ("pause", "usr-1", "on holiday")
    assert row["until"].isoformat() == until
    answer = await desk.call("PUT", f"{STAYS}/{stay}/resume", {"note": "back", "confirm": True})
    assert answer.status_code == 202, answer.text
    assert answer.json()["held_by"] is None
    await desk.carry_out()
    assert await desk.states() == ["enrolled"]
    assert len(await desk.writes()) == 2


async def test_a_step_is_skipped_and_begun_again_and_another_one_sends(desk: Acting) -> None:
    stay = await desk.enrolled()
    first, *later = await steps(desk)
    # Salesloft sends e-mails by itself, and goes on; here nobody does what a person has to do.
    place = next(place for place, step in enumerate(later) if step.type != "email")
    still, after = later[place].id, later[place + 1].id
    other = desk.api.team["users"][2]["id"]
    for what, body in (
        ("restart", {"step_id": still}),
        ("sender", {"sender_user_id": other}),
        ("skip", {}),
    ):
        await desk.carry_out()
        answer = await desk.call("PUT", f"{STAYS}/{stay}/{what}", WHY | {"confirm": True} | body)
        assert answer.status_code == 202, answer.text
        for _ in range(3):
            await desk.carry_out()
        assert await desk.states() == ["enrolled"]
    added = [one["body"] for one in await desk.writes()]
    assert [one["step_id"] for one in added] == [first.id, still, still, after]
    assert [one["user_id"] == other for one in added] == [False, False, True, True]


async def moving(desk: Acting) -> str | None:
    """What is being done to the one enrollment, as it is told."""
    (told,) = (await desk.call("GET", "/api/salesloft/enrollments")).json()["items"]
    what: str | None = told["moving"]
    return what


async def test_what_is_being_done_is_told_until_it_is_done_and_not_while_something_else_holds_them(
    desk: Acting,
) -> None:
    stay = await desk.enrolled()
    first, *_ = await steps(desk)
    sender = {"sender_user_id": desk.api.team["users"][2]["id"]}
    for what, body, told in (
        ("skip", {}, "skip"),
        ("restart", {"step_id": first.id}, "restart"),
        ("sender", sender, "change_sender"),
    ):
        assert await moving(desk) is None
        await desk.call("PUT", f"{STAYS}/{stay}/{what}", WHY | {"confirm": True} | body)
        assert await moving(desk) == told
        for _ in range(3):
            await desk.carry_out()
        assert await desk.states() == ["enrolled"]
    await desk.call("PUT", f"{STAYS}/{stay}/skip", WHY | {"confirm": True})
    await desk.call("PUT", f"{STAYS}/{stay}/pause", WHY)
    assert await moving(desk) is None
    await desk.call("PUT", f"{STAYS}/{stay}/resume", WHY | {"confirm": True})
    assert await moving(desk) == "skip"


async def test_somebody_is_removed(desk: Acting) -> None:
    stay = await desk.enrolled()
    answer = await desk.call("DELETE", f"{STAYS}/{stay}")
    assert answer.status_code == 202, answer.text
    assert answer.json()["support"] == "native"
    await desk.carry_out()
    assert await desk.states() == ["removed"]
    (row,) = await desk.api.fetch("SELECT note FROM steerings")
    assert row["note"] == "no reason was given"
    problem = refused(await desk.call("DELETE", f"{STAYS}/{stay}?note=again"), 409, "not_possible_now")
    assert "over" in problem["detail"]


@pytest.mark.parametrize("what", MOVES)
async def test_what_adds_somebody_back_wants_to_be_confirmed(desk: Acting, what: str) -> None:
    stay = await desk.enrolled()
    body = WHY | MOVES[what]
    problem = refused(await desk.call("PUT", f"{STAYS}/{stay}/{what}", body), 422, "confirmation_required")
    action = {"sender": "change_sender"}.get(what, what)
    assert next(one.does for one in CAPABILITIES if one.action == action) in problem["detail"]
    assert not await desk.api.fetch("SELECT FROM steerings")


async def test_a_dry_run_notes_nothing(desk: Acting) -> None:
    stay = await desk.enrolled()
    answer = await desk.call("PUT", f"{STAYS}/{stay}/skip?dry_run=true", WHY)
    assert answer.status_code == 200, answer.text
    assert answer.json()["dry_run"] is True
    assert "location" not in answer.headers
    body = WHY | {"step_id": 1}
    refused(await desk.call("PUT", f"{STAYS}/{stay}/restart?dry_run=true", body), 422, "invalid_terms")
    for table in ("steerings", "pauses"):
        assert not await desk.api.fetch(f"SELECT FROM {table}")
    assert not await desk.api.fetch("SELECT FROM commands WHERE state = 'pending'")


async def test_what_is_wrong_with_it_is_said(desk: Acting) -> None:
    stay = await desk.enrolled()
    past = (desk.api.clock.now() - timedelta(minutes=1)).isoformat()
    refused(await desk.call("PUT", f"{STAYS}/{stay}/pause", WHY | {"until": past}), 422, "invalid_terms")
    refused(await desk.call("PUT", f"{STAYS}/{stay}/pause", {"note": " "}), 422, "invalid_request")
    refused(
        await desk.call("PUT", f"{STAYS}/{stay}/pause", WHY | {"until": "2027-01-01T00:00:00"}), 422, "invalid_request"
    )
    sure = WHY | {"confirm": True}
    refused(await desk.call("PUT", f"{STAYS}/{stay}/restart", sure | {"step_id": 1}), 422, "invalid_terms")
    refused(await desk.call("PUT", f"{STAYS}/{stay}/sender", sure | {"sender_user_id": 1}), 422, "invalid_terms")
    problem = refused(await desk.call("PUT", f"{STAYS}/{stay}/resume", sure), 409, "not_possible_now")
    assert "nobody has paused it" in problem["detail"]


async def test_who_may_steer(desk: Acting) -> None:
    stay = await desk.enrolled("sth-2")
    path = f"{STAYS}/{stay}/pause"
    refused(await desk.call("PUT", path, WHY, role="viewer"), 403, "role_required")
    refused(await desk.call("PUT", path, WHY), 403, "customer_of_another")
    refused(await desk.call("DELETE", f"{STAYS}/{stay}"), 403, "customer_of_another")
    for organization_id in ("org-other", desk.api.organization_id):
        claims = {"role": "admin", "organization_id": organization_id}
        of = stay if organization_id == "org-other" else str(uuid4())
        refused(await desk.call("PUT", f"{STAYS}/{of}/pause", WHY, **claims), 404, "membership_unknown")
        refused(await desk.call("DELETE", f"{STAYS}/{of}", **claims), 404, "membership_unknown")
        path_of = f"/api/salesloft/enrollments/{of}/withdraw"
        refused(await desk.call("PUT", path_of, WHY, **claims), 404, "enrollment_unknown")
    assert not await desk.api.fetch("SELECT FROM steerings")
    for claims in ({"sub": "usr-2"}, {"role": "manager"}, {"role": "admin"}):
        assert (await desk.call("PUT", path, WHY, **claims)).status_code == 202


async def test_what_is_asked_for_is_withdrawn(desk: Acting) -> None:
    asked = (await desk.add()).json()["enrollment_id"]
    path = f"/api/salesloft/enrollments/{asked}/withdraw"
    refused(await desk.call("PUT", path, WHY, sub="usr-2"), 403, "customer_of_another")
    answer = await desk.call("PUT", path, WHY)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/salesloft/enrollments/{asked}"
    assert (answer.json()["action"], answer.json()["state"]) == ("withdraw", "requested")
    assert await desk.states() == ["withdrawn"]
    types = [row["type"] for row in await desk.api.fetch("SELECT type FROM outbox ORDER BY position")]
    assert "ai.cscx.salesloft.approval-withdrawn.v1" in types
    await desk.enrolled()
    (row,) = await desk.api.fetch("SELECT id FROM enrollments WHERE state = 'enrolled'")
    problem = refused(
        await desk.call("PUT", f"/api/salesloft/enrollments/{row['id']}/withdraw", WHY), 409, "on_cadence"
    )
    assert "remove the membership" in problem["detail"]


async def test_of_what_was_made_in_salesloft_it_is_said_that_nothing_is_done(desk: Acting) -> None:
    stay = uuid4()
    async with desk.api.database.connection() as connection:
        await connection.execute(
            "INSERT INTO salesloft_memberships (id, organization_id, stakeholder_id, salesloft_person_id, cadence_id,"
            " status, added_at, salesloft_membership_id, currently_on_cadence, salesloft_updated_at, created_at)"
            " VALUES ($1, $2, 'sth-1', 9, $3, 'active', $4, 1, true, $4, $4)",
            stay,
            desk.api.organization_id,
            desk.cadence["id"],
            desk.api.clock.now(),
        )
    for answer in (
        await desk.call("PUT", f"{STAYS}/{stay}/pause", WHY),
        await desk.call("DELETE", f"{STAYS}/{stay}"),
    ):
        problem = refused(answer, 409, "made_in_salesloft")
        assert "Change it in Salesloft" in problem["detail"]
    refused(await desk.call("PUT", f"{STAYS}/{stay}/pause", WHY, sub="usr-2"), 403, "customer_of_another")


async def test_under_a_key_a_step_is_skipped_once(desk: Acting) -> None:
    stay = await desk.enrolled()
    body = WHY | {"confirm": True}
    first = await desk.call("PUT", f"{STAYS}/{stay}/skip", body, key="k-1")
    async with desk.api.database.connection() as connection:
        # The answer was never kept, as if the process had died before.
        await connection.execute("UPDATE idempotent_requests SET status = NULL, sealed = NULL, leased_until = now()")
    second = await desk.call("PUT", f"{STAYS}/{stay}/skip", body, key="k-1")
    third = await desk.call("PUT", f"{STAYS}/{stay}/skip", body, key="k-1")
    assert first.status_code == second.status_code == third.status_code == 202
    assert first.json() == second.json() == third.json()
    assert "idempotency-replayed" in third.headers
    (row,) = await desk.api.fetch("SELECT skips FROM pauses")
    assert row["skips"] == 1
    assert len(await desk.api.fetch("SELECT FROM steerings")) == 1
    assert UUID(first.json()["id"])


async def test_everybody_may_ask_what_can_be_done(desk: Acting) -> None:
    answer = await desk.call("GET", "/api/salesloft/capabilities", role="viewer")
    assert answer.status_code == 200, answer.text
    told = {one["action"]: one for one in answer.json()}
    assert len(told) == len(CAPABILITIES)
    assert told["pause"]["support"] == "emulated"
    assert told["edit_steps"] == {
        "action": "edit_steps",
        "support": "unsupported",
        "does": CAPABILITIES[-1].does,
        "adds_back": False,
    }

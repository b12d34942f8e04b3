"""Nobody who said no is enrolled, wherever and whenever the no is found."""

from typing import Any

import pytest

from tests.fulfillment.stage import Stage
from tests.fulfillment.steps import erase, is_hit, person

ANN = {"id": "sth-1", "email": "ann@acme.example"}
TWIN = {"id": "sth-2", "email": " ANN@acme.example", "contact_preferences": {"email": "blocked"}}


async def _known_account(stage: Stage, account_id: int) -> None:
    """The customer's domain has an account that was read long ago, so that none is made for it."""
    await stage.execute(
        "INSERT INTO salesloft_accounts VALUES ($1, $2, 'acme.example', false, '2000-01-01', '2000-01-01')",
        stage.organization_id,
        account_id,
    )


async def _refused(stage: Stage, reason: str) -> None:
    async with stage.working():
        enrollment_id = await stage.approved(ANN)
        await stage.settled()
    assert await stage.state(enrollment_id) == ("blocked", reason)
    assert not await stage.writes("cadence_memberships")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"do_not_contact": True}, "do_not_contact"),
        ({"contact_restrictions": ["call", "email"]}, "contact_restricted"),
    ],
)
async def test_what_the_persons_record_says(stage: Stage, fields: dict[str, Any], reason: str) -> None:
    await person(stage, "ann@acme.example", **fields)
    await _refused(stage, reason)


async def test_a_restriction_of_calls_alone_does_not_stop_a_cadence(stage: Stage) -> None:
    await person(stage, "ann@acme.example", contact_restrictions=["call"])
    async with stage.working():
        await stage.reaches(await stage.approved(ANN), "enrolled")


@pytest.mark.parametrize("domain", ["acme.example", "holding.example"])
async def test_what_the_account_says_stops_everybody_in_it(stage: Stage, domain: str) -> None:
    """Both the account of the customer's domain, and another that Salesloft has put the person into."""
    account = (
        await stage.salesloft("POST", "/account_upserts", {"upsert_key": "domain", "name": "Acme", "domain": domain})
    )["account"]
    await stage.salesloft(
        "PUT", f"/accounts/{account['id']}", {"name": "Acme", "domain": domain, "do_not_contact": True}
    )
    if domain == "holding.example":
        await _known_account(stage, account["id"])
    await _refused(stage, "do_not_contact")


async def test_a_bounced_address_is_not_written_to(stage: Stage) -> None:
    async with stage.working():
        await stage.reaches(await stage.approved(ANN), "enrolled")
    await stage.execute("UPDATE enrollments SET state = 'removed'")
    enrollment_id = await stage.approved(ANN)
    await stage.execute("UPDATE salesloft_people SET bouncing = true")
    async with stage.working():
        await stage.settled()
    assert await stage.state(enrollment_id) == ("blocked", "bounced")
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_a_no_of_the_directory_that_comes_while_salesloft_is_asked(stage: Stage) -> None:
    await stage.simulator.add_fault(team_id=stage.team_id, path="/v2/person_upserts", kind="latency", milliseconds=600)
    async with stage.working():
        enrollment_id = await stage.approved(ANN)
        await is_hit(stage)
        blocked = '{"email": "blocked"}'
        await stage.execute(
            "UPDATE directory_stakeholders SET data = jsonb_set(data::jsonb, '{contact_preferences}', $1)", blocked
        )
        await stage.settled()
    assert await stage.state(enrollment_id) == ("blocked", "opted_out")
    assert not await stage.writes("cadence_memberships")


async def test_whoever_has_opted_out_as_another_stakeholder_is_not_written_to(stage: Stage) -> None:
    """Two customers name the same mailbox: it is one person who said no."""
    await stage.trigger("cus-2", [TWIN], "epi-2")
    await _refused(stage, "opted_out")


async def test_whoever_opts_out_as_another_stakeholder_while_salesloft_is_asked(stage: Stage) -> None:
    await stage.simulator.add_fault(team_id=stage.team_id, path="/v2/person_upserts", kind="latency", milliseconds=600)
    async with stage.working():
        enrollment_id = await stage.approved(ANN)
        await is_hit(stage)
        await stage.trigger("cus-2", [TWIN], "epi-2")
        await stage.settled()
    assert await stage.state(enrollment_id) == ("blocked", "opted_out")
    assert not await stage.writes("cadence_memberships")


async def test_whoever_has_opted_out_by_another_address_is_the_same_person(stage: Stage) -> None:
    person_id = await person(stage, "ann@acme.example")
    await stage.trigger("cus-2", [TWIN | {"email": "ann@before.example"}], "epi-2")
    await stage.execute(
        "INSERT INTO stakeholder_people (organization_id, stakeholder_id, person_id, linked_by, linked_at)"
        " VALUES ($1, 'sth-2', $2, 'upsert', now())",
        stage.organization_id,
        person_id,
    )
    await _refused(stage, "opted_out")


async def test_of_whom_is_erased_while_salesloft_is_asked_nothing_is_written_down_again(stage: Stage) -> None:
    await stage.simulator.add_fault(team_id=stage.team_id, path="/v2/person_upserts", kind="latency", milliseconds=600)
    async with stage.working():
        enrollment_id = await stage.approved(ANN)
        await is_hit(stage)
        await erase(stage, ANN["id"])
        await stage.settled()
    assert await stage.state(enrollment_id) == ("blocked", "erased")
    assert not await stage.writes("cadence_memberships")
    assert not await stage.fetch("SELECT FROM salesloft_people WHERE email IS NOT NULL")
    assert not await stage.fetch("SELECT FROM stakeholder_people")


async def test_an_opt_out_that_salesloft_knows_first_stops_a_person_whom_we_hold_fresh(stage: Stage) -> None:
    """The held record says yes and is fresh, so no upsert is made; Salesloft itself refuses."""
    async with stage.working():
        first = await stage.approved(ANN)
        await stage.reaches(first, "enrolled")
        person_id = (await stage.fetchrow("SELECT person_id FROM salesloft_people"))["person_id"]
        await stage.simulator.act(stage.team_id, "opt_out", person_id=person_id)
        await stage.execute("UPDATE enrollments SET state = 'removed'")
        second = await stage.approved(ANN)
        await stage.reaches(second, "blocked")
    assert await stage.state(second) == ("blocked", "do_not_contact")
    assert len(await stage.writes("cadence_memberships")) == 1


async def test_an_account_that_cannot_be_read_leaves_consent_unknown(stage: Stage) -> None:
    account = (
        await stage.salesloft(
            "POST", "/account_upserts", {"upsert_key": "domain", "name": "H", "domain": "holding.example"}
        )
    )["account"]
    await person(stage, "ann@acme.example", account_id=account["id"])
    await _known_account(stage, account["id"])
    fault = {"team_id": stage.team_id, "method": "GET", "path": "/v2/accounts/", "kind": "status", "status": 404}
    await stage.simulator.add_fault(**fault, body={"error": "Not found"})
    async with stage.working():
        enrollment_id = await stage.approved(ANN)
        await is_hit(stage)
        await stage.reaches(enrollment_id, "scheduled")
        assert (await stage.state(enrollment_id))[1] == "consent_unknown"
        assert not await stage.writes("cadence_memberships")
        await stage.simulator.clear_faults(stage.team_id)
        await stage.advance(301)
        await stage.reaches(enrollment_id, "enrolled")

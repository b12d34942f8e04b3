"""Telling Salesloft of a person, against the simulator: accounts, owners, shared addresses, and what each costs."""

from typing import Any

from enrollment.mappings import FixedUser, Sender
from tests.fulfillment.stage import Stage, publish
from tests.fulfillment.steps import person
from workflows.field_mapping import parse_field_mapping, publish_field_mapping


async def calls(stage: Stage) -> dict[str, int]:
    return dict((await stage.simulator.usage(stage.team_id))["by_endpoint"])


def since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """How often what was asked in between."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}


async def enrolled(stage: Stage, stakeholder: dict[str, Any] | None = None) -> dict[str, int]:
    """What it costs to enroll somebody."""
    before = await calls(stage)
    async with stage.working():
        await stage.reaches(await stage.approved(stakeholder), "enrolled")
    return since(before, await calls(stage))


async def another_cadence(stage: Stage, sender: Sender | None = None) -> None:
    """The next trigger leads to another cadence, so that the same person can be enrolled again."""
    await stage.execute("UPDATE salesloft_cadence_mappings SET status = 'retired'")
    used = {row["cadence_id"] for row in await stage.fetch("SELECT cadence_id FROM enrollments")}
    cadence = next(
        one for one in stage.team["cadences"] if one["team_cadence"] and not one["draft"] and one["id"] not in used
    )
    await publish(stage, cadence["id"], f"group-{cadence['id']}", sender)


async def test_the_first_of_an_account_costs_one_call_more_and_the_next_none(stage: Stage) -> None:
    first = await enrolled(stage, {"email": "ann@acme.example"})
    # The first call of a process asks for Salesloft's time too, unless another has told it.
    first.pop("GET me", None)
    assert first == {"POST accounts": 1, "POST person_upserts": 1, "POST cadence_memberships": 1}
    second = await enrolled(stage, {"email": "bob@acme.example"})
    assert second == {"POST person_upserts": 1, "POST cadence_memberships": 1}
    (account,) = await stage.salesloft("GET", "/accounts")
    assert (account["name"], account["domain"]) == ("Acme", "acme.example")
    people = await stage.salesloft("GET", "/people")
    assert {one["account"]["id"] for one in people} == {account["id"]}


async def test_an_account_that_salesloft_has_is_found_and_stays_as_it_is(stage: Stage) -> None:
    theirs = {"name": "ACME Holding (EMEA)", "domain": "https://www.acme.example/"}
    account = await stage.salesloft("POST", "/accounts", theirs)
    # Salesloft compares domains as they were given; this one counts as taken.
    await stage.salesloft("PUT", f"/accounts/{account['id']}", {**theirs, "domain": "acme.example"})
    cost = await enrolled(stage, {"email": "ann@acme.example"})
    assert cost["GET accounts"] == 1
    (found,) = await stage.salesloft("GET", "/accounts")
    assert (found["id"], found["name"]) == (account["id"], "ACME Holding (EMEA)")
    assert [one["method"] for one in await stage.writes("accounts")] == ["POST"]
    assert not [one for one in await stage.simulator.writes(stage.team_id) if one["resource"] == "account_upserts"]
    (one,) = await stage.salesloft("GET", "/people")
    assert one["account"]["id"] == account["id"]


async def test_an_account_that_has_gone_is_made_again(stage: Stage) -> None:
    # As we know it, the domain has an account that somebody has deleted since.
    await stage.execute(
        "INSERT INTO salesloft_accounts VALUES ($1, 7, 'acme.example', false, now(), $2)",
        stage.organization_id, stage.clock.now(),
    )  # fmt: skip
    await enrolled(stage, {"email": "bob@acme.example"})
    (made,) = await stage.salesloft("GET", "/accounts")
    (bob,) = await stage.salesloft("GET", "/people")
    assert bob["account"]["id"] == made["id"]
    assert [row["account_id"] for row in await stage.fetch("SELECT account_id FROM salesloft_accounts")] == [made["id"]]


async def test_an_account_that_a_salesperson_chose_for_a_person_stays(stage: Stage) -> None:
    parent = await stage.salesloft("POST", "/accounts", {"name": "Parent", "domain": "parent.example"})
    await enrolled(stage, {"id": "sth-1", "email": "ann@acme.example"})
    (ann,) = await stage.salesloft("GET", "/people")
    await stage.salesloft("PUT", f"/people/{ann['id']}", {"account_id": parent["id"]})
    await stage.execute("UPDATE salesloft_people SET account_id = $1", parent["id"])
    await another_cadence(stage)
    await enrolled(stage, {"id": "sth-1", "email": "ann@acme.example", "title": "CTO"})
    (ann,) = await stage.salesloft("GET", "/people")
    assert (ann["title"], ann["account"]["id"]) == ("CTO", parent["id"])


async def test_the_owner_is_matched_by_address_and_one_who_has_left_is_not_insisted_on(stage: Stage) -> None:
    owner = stage.team["users"][1]
    await enrolled(stage, {"id": "sth-1", "email": "ann@acme.example"})
    (sent,) = await stage.writes("people")
    assert sent["body"]["owner_id"] == owner["id"]
    # As we know the users, another one has the address now, whom Salesloft has no more.
    await stage.execute("UPDATE salesloft_users SET email = NULL WHERE user_id = $1", owner["id"])
    await stage.execute(
        "INSERT INTO salesloft_users (organization_id, user_id, email, active, refreshed_at)"
        " VALUES ($1, 7, $2, true, now()), ($1, $3, 'stand-in@cscx.example', true, now())"
        " ON CONFLICT (organization_id, user_id) DO UPDATE SET email = excluded.email",
        stage.organization_id, owner["email"].lower(), stage.team["users"][2]["id"],
    )  # fmt: skip
    await another_cadence(stage, FixedUser(user_id=stage.team["users"][2]["id"]))
    cost = await enrolled(stage, {"id": "sth-1", "email": "ann@acme.example"})
    assert cost == {"POST person_upserts": 2, "POST cadence_memberships": 1}
    (ann,) = await stage.salesloft("GET", "/people")
    assert ann["owner"]["id"] == owner["id"]


async def test_one_person_has_one_record_whatever_case_the_address_is_in(stage: Stage) -> None:
    person_id = await person(stage, "Ann.Lee@Acme.example", first_name="Anna")
    await enrolled(stage, {"id": "sth-1", "email": "ANN.LEE@acme.EXAMPLE", "name": "Ann Lee"})
    (ann,) = await stage.salesloft("GET", "/people")
    assert (ann["id"], ann["first_name"]) == (person_id, "Ann")


async def test_a_link_by_an_address_that_several_have_is_not_trusted(stage: Stage) -> None:
    await stage.simulator.switch(stage.team_id, intentional_duplicates=True)
    ids = [
        int((await stage.salesloft("POST", "/people", {"email_address": "office@acme.example"}))["id"])
        for _ in range(2)
    ]
    enrollment_id = await stage.approved({"id": "sth-1", "email": "Office@acme.example"})
    # The stream of people has linked the stakeholder to the first that it met.
    await stage.execute(
        "INSERT INTO stakeholder_people VALUES ($1, 'sth-1', $2, 'email', now())", stage.organization_id, min(ids)
    )
    await stage.execute(
        "INSERT INTO salesloft_people (organization_id, person_id, email, do_not_contact, contact_restrictions,"
        " bouncing, salesloft_updated_at, read_at)"
        " VALUES ($1, $2, 'office@acme.example', false, '{}', false, now(), $3)",
        stage.organization_id, min(ids), stage.clock.now(),
    )  # fmt: skip
    async with stage.working():
        await stage.reaches(enrollment_id, "failed")
    assert await stage.state(enrollment_id) == ("failed", "ambiguous_person")
    assert not await stage.writes("cadence_memberships")
    assert len(await stage.writes("people")) == 2


async def test_stakeholders_who_are_one_person_do_not_take_turns_in_being_told(stage: Stage) -> None:
    await enrolled(stage, {"id": "sth-1", "email": "ann@acme.example", "name": "Ann Lee"})
    await another_cadence(stage)
    await enrolled(stage, {"id": "sth-2", "email": "ann@acme.example", "name": "Office"})
    await another_cadence(stage)
    assert await enrolled(stage, {"id": "sth-1", "email": "ann@acme.example", "name": "Ann Lee"}) == {
        "POST cadence_memberships": 1
    }


async def test_what_an_organization_maps_is_sent_and_nothing_that_overrules_a_person(stage: Stage) -> None:
    mapping = parse_field_mapping(
        '{"fields": {"first_name": "stakeholder.first_name", "last_name": "stakeholder.last_name"},'
        ' "custom_fields": {"CSCX id": "stakeholder.id", "Tier": "customer.tier"}}'
    )
    async with stage.database.transaction() as connection:
        await publish_field_mapping(connection, stage.organization_id, mapping, by=None, now=stage.clock.now())
    preferences = {"contact_preferences": {"email": "allowed", "phone": "blocked"}}
    await enrolled(stage, {"id": "sth-1", "email": "ann@acme.example", "title": "CTO", **preferences})
    (sent,) = await stage.writes("people")
    assert sent["body"].keys() == {
        *("upsert_key", "email_address", "first_name", "last_name", "custom_fields", "account_id", "owner_id")
    }
    assert sent["body"]["custom_fields"] == {"CSCX id": "sth-1"}

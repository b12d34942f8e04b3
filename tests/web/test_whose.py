"""Whose a customer is, what is of a user's own customers, and what users are called."""

from typing import Any

import pytest

from tests.pages.beside import somebody
from tests.web.acting import Acting, acting
from tests.web.stage import Api


@pytest.fixture
async def desk(api: Api) -> Acting:
    return await acting(api)


async def see(desk: Acting, path: str, **claims: Any) -> Any:
    answer = await desk.call("GET", f"/api/salesloft{path}", **claims)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_customers_are_listed_by_who_looks_after_them(desk: Acting) -> None:
    for name, owner in (("Zoe", "usr-5"), ("Abe", "usr-5"), ("Eve", "usr-6")):
        await somebody(desk, name, owner=owner)
    mine = await see(desk, "/customers?owner=me", role="csm", sub="usr-5")
    assert [one["name"] for one in mine["items"]] == ["Abe's company", "Zoe's company"]
    assert {one["owner_user_id"] for one in mine["items"]} == {"usr-5"}
    theirs = await see(desk, "/customers?owner=usr-6", role="viewer")
    assert [one["name"] for one in theirs["items"]] == ["Eve's company"]
    # A page of one's own goes on for whoever it was given to alone.
    first = await see(desk, "/customers?owner=me&limit=1", role="csm", sub="usr-5")
    after = f"/customers?owner=me&limit=1&cursor={first['next_cursor']}"
    assert [one["name"] for one in (await see(desk, after, role="csm", sub="usr-5"))["items"]] == ["Zoe's company"]
    refused = await desk.call("GET", f"/api/salesloft{after}", role="csm", sub="usr-6")
    assert refused.status_code == 400


async def test_it_is_told_how_many_people_of_a_customer_are_on_a_cadence(desk: Acting) -> None:
    await desk.enrolled()
    await desk.add("sth-2", claims={"role": "admin"})
    counted = {one["id"]: one["people_on_cadence"] for one in (await see(desk, "/customers"))["items"]}
    assert counted == {"cus-1": 1, "cus-2": 0}


async def test_enrollments_are_listed_by_whose_customers_and_by_who_requested_them(desk: Acting) -> None:
    await desk.add("sth-1", claims={"role": "admin"})
    await desk.add("sth-2", claims={"role": "admin"})
    mine = await see(desk, "/enrollments?owner=me", role="csm", sub="usr-2")
    assert [one["customer_id"] for one in mine["items"]] == ["cus-2"]
    assert len((await see(desk, "/enrollments?requested_by=person"))["items"]) == 2
    assert (await see(desk, "/enrollments?requested_by=trigger"))["items"] == []


async def test_what_somebody_was_on_last_is_told_once_they_are_on_it_no_more(desk: Acting) -> None:
    membership_id = await desk.enrolled()
    assert (await see(desk, "/people/sth-1"))["stakeholder"]["last_ended"] is None
    removed = await desk.call("DELETE", f"/api/salesloft/cadence-memberships/{membership_id}?note=enough", role="admin")
    assert removed.status_code == 202, removed.text
    await desk.carry_out()
    seen = await see(desk, "/people/sth-1")
    assert (seen["owner_user_id"], seen["stakeholder"]["enrollments"]) == ("usr-1", [])
    ended = seen["stakeholder"]["last_ended"]
    assert (ended["state"], ended["reason"]) == ("removed", "requested_by_person")
    assert ended["cadence"] == {"id": desk.cadence["id"], "name": desk.cadence["name"]}
    (of_customer,) = (await see(desk, "/customers/cus-1"))["stakeholders"]
    assert of_customer["last_ended"] == ended


async def test_users_are_called_as_they_approved_or_as_salesloft_knows_them(desk: Acting) -> None:
    await desk.enrolled()
    await desk.api.fetch(
        "UPDATE enrollments SET decision = jsonb_set(decision::jsonb, '{decided_by,name}', '\"Mia Svensson\"')::json"
    )
    # Of another customer's owner with that id Salesloft knows the address no more.
    await somebody(desk, "Olga Stone", owner="usr-1", owner_email="former@left.example")
    named = (await see(desk, "/users?id=usr-9&id=usr-1&id=usr-nobody"))["users"]
    owner = desk.api.team["users"][1]["name"]
    assert named == [{"id": "usr-1", "name": owner}, {"id": "usr-9", "name": "Mia Svensson"}]

"""People and customers by name: parts of words, in whichever order, and nobody else's."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.pages.beside import somebody
from tests.web.acting import Acting, acting, refused
from tests.web.stage import Api

NAMES = ("Ann Lee", "Anna-Lena Öz", "Bo_b 100%", "bob Lee", "Zoë O'Neil \\ Sons", "李 明")


@pytest.fixture
async def desk(api: Api) -> Acting:
    found = await acting(api)
    for name in NAMES:
        await somebody(found, name)
    return found


async def found(desk: Acting, what: str, **query: Any) -> list[str]:
    asked = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
    answer = await desk.call("GET", f"/api/salesloft/{what}?{asked}", role="viewer")
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("ann", ["Ann Lee", "Ann Lee", "Ann Lee", "Anna-Lena Öz"]),
        ("LEE bo", ["bob Lee"]),
        ("öZ", ["Anna-Lena Öz"]),
        ("%", ["Bo_b 100%"]),
        ("_", ["Bo_b 100%"]),
        ("\\", ["Zoë O'Neil \\ Sons"]),
        ("o'neil", ["Zoë O'Neil \\ Sons"]),
        ("明", ["李 明"]),
        (" 1@Acme.example ", ["Ann Lee"]),
        ("1@acme", []),
        ("ann nobody", []),
    ],
)
async def test_a_person_is_found_by_parts_of_the_name_or_by_the_whole_address(
    desk: Acting, q: str, names: list[str]
) -> None:
    assert await found(desk, "people", q=q) == names


async def test_customers_are_found_by_parts_of_their_name(desk: Acting) -> None:
    assert await found(desk, "customers", q="COMPANY lee") == ["Ann Lee's company", "bob Lee's company"]
    assert await found(desk, "customers", q="acme") == ["Acme", "Acme"]
    assert len(await found(desk, "customers")) == len(NAMES) + 2


async def test_all_are_listed_a_page_at_a_time(desk: Acting) -> None:
    ids: list[str] = []
    cursor = ""
    while True:
        answer = await desk.call(
            "GET", f"/api/salesloft/people?limit=3&cursor={cursor}" if cursor else "/api/salesloft/people?limit=3"
        )
        page = answer.json()
        ids += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert len(ids) == len(set(ids)) == len(NAMES) + 2
    refused(await desk.call("GET", f"/api/salesloft/people?q=ann&cursor={cursor}"), 400, "cursor_refused")


async def test_it_is_told_where_they_are_and_on_which_cadence(desk: Acting) -> None:
    await desk.enrolled()
    answer = await desk.call("GET", "/api/salesloft/people?q=1@acme.example")
    (one,) = answer.json()["items"]
    assert (one["id"], one["customer_id"], one["customer_name"], one["left"]) == ("sth-1", "cus-1", "Acme", False)
    assert [on["id"] for on in one["cadences"]] == [desk.cadence["id"]]


async def test_whoever_has_left_is_said_to_and_whoever_is_erased_is_not_found(desk: Acting) -> None:
    async with desk.api.database.transaction() as connection:
        await connection.execute(
            "UPDATE directory_stakeholders SET left_at = listed_at + interval '1 second' WHERE stakeholder_id = 'sth-1'"
        )
        await connection.execute(
            "UPDATE directory_stakeholders SET data = NULL, email = NULL WHERE stakeholder_id = 'sth-2'"
        )
    answer = await desk.call("GET", "/api/salesloft/people?q=ann lee")
    assert answer.status_code == 200
    assert {one["id"]: one["left"] for one in answer.json()["items"] if one["id"] in {"sth-1", "sth-2"}} == {
        "sth-1": True
    }


async def test_what_no_name_can_hold_is_refused_and_a_name_may_be_long(desk: Acting) -> None:
    await somebody(desk, "Ann " + "é" * 1900)
    (name,) = await found(desk, "people", q="éé")
    assert name == "Ann " + "é" * 146
    refused(await desk.call("GET", "/api/salesloft/people?q=%00"), 422, "cannot_be_kept")
    refused(await desk.call("GET", f"/api/salesloft/people?q={'a' * 201}"), 422, "invalid_request")

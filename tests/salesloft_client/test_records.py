"""Records as Salesloft really sends them, and requests that cannot carry what must not be sent."""

import logging
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from pydantic import ValidationError

from salesloft_client import (
    ACTIVITY_HISTORIES,
    EMAILS,
    MEMBERSHIPS,
    AccountUpsert,
    BusinessClock,
    CursorPosition,
    MalformedResponse,
    NewMembership,
    PersonUpsert,
    SalesloftError,
    Unprocessable,
    Wire,
    every_page,
)
from tests.salesloft_client.scripted import KEY, Asked, Reply, ScriptedServer, client_of, in_turn, json_reply

NOW = datetime(2026, 2, 1, tzinfo=UTC)
CLOCK = BusinessClock(now=lambda: NOW)
CHANGED = "2026-01-22T01:22:45.587713-05:00"


def listed(*rows: dict[str, Any], next_page: int | None = None) -> Reply:
    return json_reply({"data": rows, "metadata": {"paging": {"per_page": 100, "next_page": next_page}}})


async def test_a_person_with_what_drifts(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(
        json_reply(
            {
                "data": {
                    "id": "436664215",
                    "updated_at": CHANGED,
                    "email_address": "pat@example.com",
                    "contact_restrictions": ["email"],
                    "tags": None,
                    "custom_fields": [],
                    "account": {"id": 5, "_href": "https://api.salesloft.com/v2/accounts/5"},
                    "crm_id": 17,
                    "hot_lead": {"new": "field"},
                }
            }
        )
    )
    person = await client_of(server.url, shared).person(436664215)
    assert person.id == 436664215
    assert person.updated_at == datetime(2026, 1, 22, 6, 22, 45, 587713, tzinfo=UTC)
    assert person.contact_restrictions == ("email",)
    assert person.do_not_contact is None, "not said is not false"
    assert person.tags == ()
    assert person.custom_fields == {}
    assert person.crm_id == "17"
    assert person.account is not None
    assert person.account.href == "https://api.salesloft.com/v2/accounts/5"
    assert server.asked[0].path == "/v2/people/436664215"


async def test_ids_are_64_bits_and_roles_have_words(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(
        json_reply({"data": [{"id": 2**62, "role": {"id": "Admin"}}, {"id": 2, "role": {"id": 881}}], "metadata": {}})
    )
    users = await client_of(server.url, shared).users(search="pat")
    assert [user.id for user in users.rows] == [2**62, 2]
    assert [user.role.id for user in users.rows if user.role] == ["Admin", "881"]
    assert users.paging is None
    assert server.asked[0].query == [("search", "pat")], "users are paged only if a page is asked for"


async def test_user_relationships_may_be_an_array(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(
        listed(
            {"id": 1, "updated_at": CHANGED, "user_relationships": [], "do_not_contact": True},
            {"id": 2, "updated_at": CHANGED, "user_relationships": {"owner": 3}},
        )
    )
    page = await client_of(server.url, shared).accounts(ids=[1, 2])
    assert [account.user_relationships for account in page.rows] == [{}, {"owner": 3}]
    assert page.rows[0].do_not_contact is True


async def test_one_unreadable_field_does_not_hold_up_the_page(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(
        listed(
            {"id": 1, "updated_at": CHANGED, "counts": {"views": "many"}, "status": "sent"},
            {"id": 2, "updated_at": CHANGED, "counts": {"views": 3}},
        )
    )
    client = client_of(server.url, shared, clock=CLOCK)
    with structlog.testing.capture_logs() as logs:
        batches = [batch async for batch in client.changes(EMAILS, CursorPosition(updated_at=NOW - timedelta(days=30)))]
    first, second = batches[0].rows
    assert (first.counts, first.status) == (None, "sent")
    assert second.counts is not None
    assert second.counts.views == 3
    assert logs == [
        {
            "event": "salesloft_fields_unreadable",
            "log_level": "warning",
            "record": "Email",
            "fields": ["counts"],
            "path": "/activities/emails",
        }
    ]


async def test_a_record_without_its_id_is_an_error(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(listed({"id": "pat@example.com", "updated_at": CHANGED}))
    with pytest.raises(MalformedResponse) as caught:
        await client_of(server.url, shared).people()
    assert "pat@example.com" not in "".join(traceback.format_exception(caught.value))


async def test_lists_send_arrays_in_brackets(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(listed())
    client = client_of(server.url, shared)
    await client.people(email_addresses=["a@example.com", "b+c@example.com"])
    await client.memberships(person_ids=[1], cadence_ids=[2], currently_on_cadence=True)
    paging = [("page", "1"), ("per_page", "100")]
    assert server.asked[0].query == [
        ("email_addresses[]", "a@example.com"),
        ("email_addresses[]", "b+c@example.com"),
        *paging,
    ]
    assert server.asked[1].query == [
        ("person_id[]", "1"),
        ("cadence_id[]", "2"),
        ("currently_on_cadence", "true"),
        *paging,
    ]


async def test_pages_are_turned_to_the_last(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(listed({"id": 1}, next_page=2), listed({"id": 2}))
    client = client_of(server.url, shared)
    found = [row.id async for page in every_page(lambda number: client.cadences(page=number)) for row in page.rows]
    assert found == [1, 2]
    assert [dict(asked.query)["page"] for asked in server.asked] == ["1", "2"]


async def test_changes_are_read_by_the_cursor(server: ScriptedServer, shared: Wire) -> None:
    rows = [{"id": f"sent_email-{n}", "updated_at": f"2026-01-01T00:00:00.{n:06d}Z"} for n in range(250)]

    def script(asked: Asked) -> Reply:
        query = dict(asked.query)
        found = [row for row in rows if row["updated_at"] >= query["updated_at[gte]"]]
        return json_reply({"data": found[:100], "metadata": {"paging": {"next_page": 2 if len(found) > 100 else None}}})

    server.script = script
    client = client_of(server.url, shared, clock=CLOCK)
    since = CursorPosition(updated_at=datetime(2026, 1, 1, tzinfo=UTC))
    batches = [
        batch
        async for batch in client.changes(ACTIVITY_HISTORIES, since, where={"resource_id[]": [7], "pinned": False})
    ]
    assert [row.id for batch in batches for row in batch.rows] == [row["id"] for row in rows]
    assert len(server.asked) == 3
    assert batches[-1].position.seen == {"sent_email-249"}
    query = dict(server.asked[0].query)
    assert query["sort_by"] == "updated_at"
    assert query["updated_at[lte]"] == "2026-01-31T23:58:00.000000Z"
    assert (query["resource_id[]"], query["pinned"]) == ("7", "false")


async def test_a_cycle_without_changes_costs_one_page(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(listed())
    client = client_of(server.url, shared, clock=CLOCK)
    assert [batch async for batch in client.changes(MEMBERSHIPS, CursorPosition(updated_at=NOW - timedelta(1)))] == []
    assert len(server.asked) == 1


# Writes


async def test_an_upsert_sends_only_what_it_has(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(
        json_reply({"data": {"upsert_type": "update", "person": {"id": 164510523, "updated_at": CHANGED}}}, 201)
    )
    upsert = PersonUpsert(
        upsert_key="email_address",
        email_address=" pat@example.com ",
        first_name="",
        last_name="  ",
        title=None,
        tags=(),
        custom_fields={"Tier": "Gold", "Empty": " "},
    )
    result = await client_of(server.url, shared).upsert_person(upsert)
    assert (result.upsert_type, result.person.id) == ("update", 164510523)
    assert server.asked[0].path == "/v2/person_upserts"
    assert server.asked[0].json == {
        "upsert_key": "email_address",
        "email_address": "pat@example.com",
        "custom_fields": {"Tier": "Gold"},
    }


@pytest.mark.parametrize(
    "values",
    [
        {"upsert_key": "email_address", "email_address": "a@example.com", "do_not_contact": False},
        {"upsert_key": "email_address", "email_address": "a@example.com", "contact_restrictions": []},
        {"upsert_key": "email_address"},
        {"upsert_key": "email_address", "email_address": " "},
        {"upsert_key": "id", "email_address": "a@example.com"},
        {"upsert_key": "email_address", "email_address": "a@example.com", "id": 1},
        {"upsert_key": "crm_id", "id": 1},
    ],
)
def test_an_upsert_cannot_be_built_wrong(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        PersonUpsert.model_validate(values)
    assert "a@example.com" not in str(caught.value)


def test_an_account_needs_name_and_domain() -> None:
    assert AccountUpsert(upsert_key="domain", name="Acme", domain="acme.example").body() == (
        b'{"domain":"acme.example","name":"Acme","upsert_key":"domain"}'
    )
    with pytest.raises(ValidationError):
        AccountUpsert(upsert_key="domain", name=" ", domain="acme.example")
    with pytest.raises(ValidationError):
        AccountUpsert(upsert_key="id", name="Acme", domain="acme.example")


def test_a_membership_has_a_sender() -> None:
    with pytest.raises(ValidationError):
        NewMembership.model_validate({"person_id": 1, "cadence_id": 2})
    assert NewMembership(person_id=1, cadence_id=2, user_id=3, step_id=4).body() == (
        b'{"cadence_id":2,"person_id":1,"step_id":4,"user_id":3}'
    )


# Refused fields


@pytest.mark.parametrize(
    ("errors", "named"),
    [
        ({"cadence_id": ["is already in progress for this person"]}, "already_on_cadence"),
        ({"cadence_id": ["person is already on it"]}, "already_on_cadence"),
        ({"person_id": ["has contact restrictions"]}, "has_contact_restrictions"),
        ({"user_id": ["is not owned by the provided user and is not a team cadence"]}, "cadence_not_available"),
        ({"cadence_id": ["is archived"]}, "cadence_not_available"),
        ({"step_id": ["is not in the cadence"]}, "step_not_in_cadence"),
        ({"email_address": ["has already been taken"]}, "email_address_taken"),
        ({"email_address": ["is already taken"]}, "email_address_taken"),
        ({"base": ["no"]}, None),
    ],
)
async def test_a_422_is_told_by_field(
    server: ScriptedServer, shared: Wire, errors: dict[str, list[str]], named: str | None
) -> None:
    server.script = in_turn(json_reply({"errors": errors}, 422))
    with pytest.raises(Unprocessable) as caught:
        await client_of(server.url, shared).create_membership(NewMembership(person_id=1, cadence_id=2, user_id=3))
    assert caught.value.errors == errors
    names = [
        "already_on_cadence",
        "has_contact_restrictions",
        "cadence_not_available",
        "step_not_in_cadence",
        "email_address_taken",
    ]
    assert [name for name in names if getattr(caught.value, name)] == ([named] if named else [])


# What must not show


@pytest.mark.parametrize(
    "reply",
    [
        json_reply({"error": f"Bearer {KEY} of pat@example.com is wrong"}, 401),
        json_reply({"error": "pat@example.com is hidden"}, 403),
        json_reply({"errors": {"email_address": ["pat@example.com is already taken"]}}, 422),
        json_reply({"error": "pat@example.com"}, 500),
        Reply(200, b"pat@example.com"),
        listed({"id": "pat@example.com"}),
    ],
)
async def test_no_address_and_no_key_in_errors_and_logs(
    server: ScriptedServer, shared: Wire, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = in_turn(reply)
    caplog.set_level(logging.DEBUG)
    client, addresses = client_of(server.url, shared), ["pat@example.com"]
    with structlog.testing.capture_logs() as logs, pytest.raises(SalesloftError) as caught:
        await client.people(email_addresses=addresses)
    shown = [
        *traceback.format_exception(caught.value),
        repr(caught.value),
        repr(vars(caught.value)),
        caplog.text,
        repr(logs),
    ]
    assert "HTTP Request" in caplog.text, "httpx logs each request"
    assert "GET /people" in str(caught.value)
    for text in shown:
        assert "pat@example.com" not in text
        assert "pat%40example.com" not in text
        assert KEY not in text


async def test_a_records_repr_is_its_id(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(listed({"id": 1, "updated_at": CHANGED, "email_address": "pat@example.com"}))
    page = await client_of(server.url, shared).people()
    assert repr(page) == "Page(rows=(Person(id=1),))"
    assert repr(PersonUpsert(upsert_key="email_address", email_address="pat@example.com")) == "PersonUpsert()"

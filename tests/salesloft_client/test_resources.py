"""Bulk jobs, webhook subscriptions, exports, which have manners of their own; and lists, which end at page 100."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import ValidationError

from salesloft_client import (
    CursorSettings,
    NewSubscription,
    OutcomeUnknown,
    Page,
    PersonUpsert,
    SalesloftClient,
    Wire,
    every_page,
)
from salesloft_client.jobs import MOST_ROWS
from tests.salesloft_client.doubles import FAILED
from tests.salesloft_client.scripted import Reply, ScriptedServer, client_of, in_turn, json_reply

TOKEN = "0123456789abcdef-secret"
SUBSCRIBE = NewSubscription(event_type="person_updated", callback_url="https://cscx.example/hook", callback_token=TOKEN)
SUBSCRIPTION = {
    "id": 5,
    "tenant_id": 9,
    "event_type": "person_updated",
    "enabled": True,
    "callback_url": "https://cscx.example/hook",
    "callback_token": TOKEN,
}


def upserts(count: int) -> list[PersonUpsert]:
    return [
        PersonUpsert(upsert_key="email_address", email_address=f"p{number}@example.com", first_name="")
        for number in range(count)
    ]


async def test_a_bulk_job_from_its_start_to_its_results(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(
        json_reply({"data": {"id": 211, "state": "open", "ready_to_execute": False, "scopes": [], "total": 0}}),
        json_reply({"data": {"records": 2}}, 201),
        json_reply({"data": {"id": 211, "state": "executing"}}),
        json_reply({"data": {"id": "211", "state": "done", "total": 2, "processed": 2, "errors": 1}}),
        json_reply({"data": [{"id": 1, "status": "success", "record": {"email_address": "p0@example.com"}}]}),
        json_reply({"data": [{"id": 7, "status": "error", "error": "is taken", "record": None, "resource": []}]}),
        json_reply({"data": []}),
    )
    client = client_of(server.url, shared)
    job = await client.create_bulk_job(name="people")
    assert (await client.fill_bulk_job(job.id, upserts(2))).records == 2
    assert (await client.execute_bulk_job(job.id)).state == "executing"
    assert (await client.bulk_job(job.id)).errors == 1
    results = [row async for row in client.every_bulk_job_result(job.id)]
    assert [(row.id, row.status, row.error) for row in results] == [(1, "success", None), (7, "error", "is taken")]
    assert "p0@example.com" not in repr(results)
    made, filled, executed, _, *pages = server.asked
    assert (made.method, made.path, made.json) == ("POST", "/v2/bulk_jobs", {"type": "person/upsert", "name": "people"})
    assert (filled.method, filled.path) == ("POST", "/v2/bulk_jobs/211/job_data")
    assert filled.json["data"][1] == {"upsert_key": "email_address", "email_address": "p1@example.com"}
    assert (executed.method, executed.path, executed.json) == ("PUT", "/v2/bulk_jobs/211", {"ready_to_execute": True})
    assert [dict(asked.query).get("id[gt]") for asked in pages] == [None, "1", "7"]
    assert all("page" not in dict(asked.query) for asked in pages)


async def test_bulk_jobs_are_listed_and_cancelled(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(
        json_reply({"data": [{"id": 3, "state": "open"}]}), json_reply({"data": [{"id": 1}]}), Reply(204)
    )
    client = client_of(server.url, shared)
    assert [job.state for job in (await client.bulk_jobs(states=["open", "executing"], after_id=2)).rows] == ["open"]
    assert [row.status for row in (await client.bulk_job_data(3, statuses=["pending"])).rows] == [None]
    await client.cancel_bulk_job(3)
    listed, data, cancelled = server.asked
    assert listed.query == [("state[]", "open"), ("state[]", "executing"), ("id[gt]", "2"), ("per_page", "100")]
    assert (data.path, data.query[0]) == ("/v2/bulk_jobs/3/job_data", ("status[]", "pending"))
    assert (cancelled.method, cancelled.path) == ("DELETE", "/v2/bulk_jobs/3")


@pytest.mark.parametrize("count", [0, MOST_ROWS + 1])
async def test_a_call_takes_five_thousand_rows(server: ScriptedServer, shared: Wire, count: int) -> None:
    with pytest.raises(ValueError, match="5000"):
        await client_of(server.url, shared).fill_bulk_job(1, upserts(1) * count)
    assert not server.asked


@pytest.mark.parametrize(
    "write",
    [
        lambda client: client.create_bulk_job(),
        lambda client: client.fill_bulk_job(1, upserts(1)),
        lambda client: client.execute_bulk_job(1),
        lambda client: client.cancel_bulk_job(1),
        lambda client: client.create_webhook_subscription(SUBSCRIBE),
        lambda client: client.disable_webhook_subscription(1),
        lambda client: client.delete_webhook_subscription(1),
    ],
)
async def test_no_write_is_repeated_when_it_may_have_taken_effect(
    server: ScriptedServer, shared: Wire, write: Callable[[SalesloftClient], Awaitable[Any]]
) -> None:
    server.script = in_turn(FAILED)
    with pytest.raises(OutcomeUnknown):
        await write(client_of(server.url, shared))
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [{"data": SUBSCRIPTION}, SUBSCRIPTION])
async def test_a_subscription_comes_with_an_envelope_or_without(
    server: ScriptedServer, shared: Wire, answer: dict[str, Any]
) -> None:
    server.script = in_turn(json_reply(answer, 201))
    made = await client_of(server.url, shared).create_webhook_subscription(SUBSCRIBE)
    assert (made.id, made.tenant_id, made.callback_token) == (5, "9", TOKEN)
    assert server.asked[0].json == {
        "event_type": "person_updated",
        "callback_url": "https://cscx.example/hook",
        "callback_token": TOKEN,
    }
    for shown in (repr(made), str(made), repr(SUBSCRIBE), str(SUBSCRIBE)):
        assert TOKEN not in shown


@pytest.mark.parametrize("answer", [b"[]", b"7", b'{"enabled":true}', b"<html>"])
async def test_a_subscription_that_cannot_be_read_may_exist(
    server: ScriptedServer, shared: Wire, answer: bytes
) -> None:
    server.script = in_turn(Reply(200, answer))
    with pytest.raises(OutcomeUnknown):
        await client_of(server.url, shared).create_webhook_subscription(SUBSCRIBE)


async def test_subscriptions_are_listed_switched_and_deleted(server: ScriptedServer, shared: Wire) -> None:
    server.script = in_turn(
        json_reply({"data": [SUBSCRIPTION]}),
        json_reply({"data": SUBSCRIPTION}),
        json_reply({"data": {**SUBSCRIPTION, "enabled": False}}),
        json_reply({"data": SUBSCRIPTION}),
        Reply(204),
    )
    client = client_of(server.url, shared)
    listed = await client.webhook_subscriptions(enabled=True)
    assert (listed.rows[0].event_type, listed.paging) == ("person_updated", None)
    assert (await client.webhook_subscription(5)).id == 5
    assert (await client.disable_webhook_subscription(5)).enabled is False
    assert (await client.enable_webhook_subscription(5)).enabled is True
    await client.delete_webhook_subscription(5)
    assert [(asked.method, asked.path) for asked in server.asked] == [
        ("GET", "/v2/webhook_subscriptions"),
        *[(method, "/v2/webhook_subscriptions/5") for method in ("GET", "PUT", "PUT", "DELETE")],
    ]
    assert [asked.json for asked in server.asked[2:4]] == [{"enabled": False}, {"enabled": True}]


def test_a_secret_of_a_subscription_is_long_enough_and_not_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        NewSubscription(event_type="person_updated", callback_url="https://cscx.example", callback_token="short-one")
    assert "short-one" not in str(caught.value)


async def test_an_export_has_steps_without_ids(server: ScriptedServer, shared: Wire) -> None:
    step = {"enabled": True, "name": "Intro", "type": "Email", "type_settings": {"email_template": {"subject": "Hi"}}}
    group = {"day": 1, "automated": True, "automated_settings": [], "reference_id": "1", "steps": [step], "new": 1}
    content = {"settings": {"name": "VP outbound"}, "sharing_settings": None, "step_groups": [group, {"day": 3}]}
    server.script = in_turn(json_reply({"data": {"cadence_content": content}}))
    export = (await client_of(server.url, shared).cadence_export(654913)).cadence_content
    assert export.settings == {"name": "VP outbound"}
    assert export.sharing_settings == {}
    assert [(one.day, one.reference_id, len(one.steps)) for one in export.step_groups] == [(1, 1, 1), (3, None, 0)]
    assert export.step_groups[0].steps[0].type == "Email"
    assert server.asked[0].path == "/v2/cadence_exports/654913"


async def test_activity_is_listed_by_person(server: ScriptedServer, shared: Wire) -> None:
    row = {"id": 1, "updated_at": "2026-01-22T01:22:45.587713-05:00"}
    server.script = in_turn(json_reply({"data": [row], "metadata": {"paging": {"next_page": 2}}}))
    client = client_of(server.url, shared)
    assert (await client.emails(person_ids=[1, 2], cadence_ids=[3])).next_page == 2
    assert (await client.calls(person_ids=[1])).rows[0].id == 1
    assert (await client.activity_histories(types=["dnc_event"], resource_type="person", resource_ids=[1])).rows
    emails, calls, histories = server.asked
    assert (emails.path, emails.query[:3]) == (
        "/v2/activities/emails",
        [("person_id[]", "1"), ("person_id[]", "2"), ("cadence_id[]", "3")],
    )
    assert (calls.path, calls.query[0]) == ("/v2/activities/calls", ("person_id[]", "1"))
    assert (histories.path, histories.query[:3]) == (
        "/v2/activity_histories",
        [("type[]", "dnc_event"), ("resource_type", "person"), ("resource_id[]", "1")],
    )


# Never past page 100


LISTS: list[Callable[[SalesloftClient, int], Awaitable[Page[Any]]]] = [
    lambda client, page: client.cadences(page=page),
    lambda client, page: client.steps(page=page),
    lambda client, page: client.people(page=page),
    lambda client, page: client.accounts(page=page),
    lambda client, page: client.memberships(page=page),
    lambda client, page: client.actions(page=page),
    lambda client, page: client.emails(page=page),
    lambda client, page: client.calls(page=page),
    lambda client, page: client.activity_histories(page=page),
]


@pytest.mark.parametrize("fetch", LISTS)
async def test_no_list_goes_past_page_100(
    server: ScriptedServer, shared: Wire, fetch: Callable[[SalesloftClient, int], Awaitable[Page[Any]]]
) -> None:
    client = client_of(server.url, shared)
    for beyond in (101, 0):
        with pytest.raises(ValueError, match="100"):
            await fetch(client, beyond)
    assert not server.asked


async def test_turning_pages_ends_at_page_100(server: ScriptedServer, shared: Wire) -> None:
    server.script = lambda asked: json_reply(
        {"data": [], "metadata": {"paging": {"next_page": int(dict(asked.query)["page"]) + 1}}}
    )
    client = client_of(server.url, shared)
    pages = [page async for page in every_page(lambda number: client.people(page=number), deepest_page=1000)]
    assert len(pages) == len(server.asked) == 100
    assert pages[-1].next_page == 101, "there is more, and who reads can tell"


def test_a_cursor_may_not_be_told_to_go_past_page_100() -> None:
    with pytest.raises(ValueError, match="100"):
        CursorSettings(deepest_page=101)

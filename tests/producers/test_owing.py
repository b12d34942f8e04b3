"""What could not be taken in is read again until it is, and then nothing is owed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from storage import attention, sync
from storage.sync import SyncStream
from telemetry.metrics import POLL_OWED
from tests.producers.poller_stage import QUICK, Stage, running, until
from workflows.credentials import ApiKey

SetStage = Callable[..., Awaitable[Stage]]

EMAILS = "/v2/activities/emails"
HISTORIES = "/v2/activity_histories"


async def lively(new_stage: SetStage) -> Stage:
    """One stakeholder on a cadence who reads all, after a week of which nothing was read."""
    stage = await new_stage(view=1.0, click=0.8, reply=0.0, bounce=0.0, opt_out=0.0)
    await stage.add_people(1)
    await stage.know(0)
    await stage.put_on_cadence(0)
    await stage.live(days=7)
    return stage


@pytest.fixture
async def stage(new_stage: SetStage) -> Stage:
    return await lively(new_stage)


async def some(stage: Stage, path: str, number: int = 1) -> list[Any]:
    """The ids of the team's oldest records of a list."""
    rows = await stage.salesloft("GET", f"{path.removeprefix('/v2')}?sort_by=updated_at&sort_direction=ASC")
    return [row["id"] for row in rows[:number]]


async def spoil(stage: Stage, path: str, records: list[Any], **fields: Any) -> None:
    await stage.simulator.add_fault(
        kind="spoil", team_id=stage.team_id, path=path, records=records, fields=fields, method="GET"
    )


async def owed(stage: Stage) -> list[tuple[str, str, int]]:
    rows = await stage.fetch(
        "SELECT stream, record_id, attempts FROM owed_records WHERE organization_id = $1 ORDER BY stream, record_id",
        stage.organization_id,
    )
    return [(row["stream"], row["record_id"], row["attempts"]) for row in rows]


async def cycles(stage: Stage, stream: str) -> list[Any]:
    return await stage.fetch(
        "SELECT cycle, scanned, emitted, owed FROM sync_ledger WHERE organization_id = $1 AND stream = $2"
        " AND ended_at IS NOT NULL ORDER BY cycle",
        stage.organization_id,
        stream,
    )


async def asked(stage: Stage, path: str) -> int:
    """How often the team's Salesloft was asked for a list."""
    endpoints = (await stage.simulator.usage(stage.team_id))["by_endpoint"]
    return int(endpoints.get(f"GET {path.removeprefix('/v2/')}", 0))


async def again(stage: Stage, **options: Any) -> None:
    """A cycle, after the first pause of what is owed."""
    await stage.advance(minutes=20)
    await stage.poll(stage.poller(replace(QUICK, turn=replace(QUICK.turn, **options))))


async def assert_all_is_told(stage: Stage) -> None:
    ids = [event["id"] for event in await stage.told()]
    assert len(ids) == len(set(ids))
    assert set(ids) == await stage.expected(stage.links(0))
    assert await owed(stage) == []
    assert await stage.owed() == 0


async def test_a_counter_that_cannot_be_is_owed_until_it_can_be(stage: Stage) -> None:
    (email,) = await some(stage, EMAILS)
    await spoil(stage, EMAILS, [email], counts={"views": -1})
    await stage.poll()
    told = [event["data"]["salesloft"]["source_id"] for event in await stage.told()]
    assert str(email) not in told
    assert await owed(stage) == [("emails", str(email), 1)]
    await again(stage)
    assert await owed(stage) == [("emails", str(email), 2)]
    # It still is, though this cycle does not read it: it waits for longer by now.
    await stage.poll()
    assert await owed(stage) == [("emails", str(email), 2)]
    assert [row["owed"] for row in await cycles(stage, "emails")] == [1, 1, 1]
    await stage.simulator.clear_faults(stage.team_id)
    await stage.advance(minutes=20)
    await again(stage)
    await assert_all_is_told(stage)
    last = (await cycles(stage, "emails"))[-1]
    assert (last["scanned"], last["owed"]) == (1, 0)
    assert last["emitted"] == sum(event["data"]["salesloft"]["source_id"] == str(email) for event in await stage.told())


async def test_checkpoint_metric_and_attention_say_the_same(stage: Stage) -> None:
    emails = await some(stage, EMAILS, 2)
    await spoil(stage, EMAILS, emails, counts={"replies": -1})
    await stage.poll()
    await again(stage)
    checkpoints = [
        event["data"]
        for event in await stage.told("cscx.salesloft.operations.v1")
        if event["headers"]["ce_type"] == "ai.cscx.salesloft.sync-checkpoint.v1"
    ]
    assert [one["owed"] for one in checkpoints if one["stream"] == "emails"] == [2, 2]
    assert POLL_OWED.labels("emails")._value.get() == 2
    async with stage.database.connection() as connection:
        (matter,) = await attention.owing(connection, now=stage.clock.now(), limit=10)
    assert matter.subject == "emails"
    assert matter.detail.startswith("2 records of emails")
    await stage.simulator.clear_faults(stage.team_id)
    await stage.advance(minutes=20)
    await again(stage)
    assert POLL_OWED.labels("emails")._value.get() == 0
    async with stage.database.connection() as connection:
        assert await attention.owing(connection, now=stage.clock.now(), limit=10) == []
    await assert_all_is_told(stage)


@pytest.mark.parametrize(
    ("path", "stream", "fields"),
    [
        (HISTORIES, "histories", {"static_data": {"cadence_id": "none"}}),
        (HISTORIES, "histories", {"updated_at": "never"}),
        (EMAILS, "emails", {"updated_at": None}),
    ],
    ids=["no ids filter", "no ids filter and no instant", "no instant"],
)
async def test_a_record_that_cannot_be_read_is_found_again(
    stage: Stage, path: str, stream: str, fields: dict[str, Any]
) -> None:
    records = await some(stage, path, 200)
    record = next(one for one in records if stream == "emails" or str(one).startswith("completed_action"))
    await spoil(stage, path, [record], **fields)
    await stage.poll()
    assert await owed(stage) == [(stream, str(record), 1)]
    before = await asked(stage, path)
    await again(stage)
    assert await owed(stage) == [(stream, str(record), 2)]
    # The cursor's call and one for the record.
    assert await asked(stage, path) - before == 2
    await stage.simulator.clear_faults(stage.team_id)
    await stage.advance(minutes=20)
    await again(stage)
    await assert_all_is_told(stage)


async def test_what_has_no_id_is_found_on_the_page_that_it_was_on(stage: Stage) -> None:
    (email,) = await some(stage, EMAILS)
    await spoil(stage, EMAILS, [email], id=None)
    await stage.poll()
    ((stream, name, attempts),) = await owed(stage)
    assert (stream, name[0], attempts) == ("emails", "@", 1)
    await again(stage)
    assert await owed(stage) == [("emails", name, 2)]
    assert await stage.owed() == 1
    await stage.simulator.clear_faults(stage.team_id)
    await stage.advance(minutes=20)
    await again(stage)
    await assert_all_is_told(stage)


async def test_what_has_changed_meanwhile_is_settled_by_the_cursor(stage: Stage) -> None:
    (email,) = await some(stage, EMAILS)
    await spoil(stage, EMAILS, [email], counts={"clicks": 10**9})
    await stage.poll()
    await stage.simulator.clear_faults(stage.team_id)
    await stage.simulator.act(stage.team_id, "view", email_id=email)
    await stage.poll()
    await assert_all_is_told(stage)


@pytest.mark.parametrize("path", [EMAILS, HISTORIES])
async def test_what_salesloft_no_longer_has_is_owed_no_more(stage: Stage, path: str) -> None:
    records = await some(stage, path, 200)
    record = next(one for one in records if path == EMAILS or str(one).startswith("completed_action"))
    broken = {"counts": {"views": -1}} if path == EMAILS else {"static_data": {"cadence_id": "none"}}
    await spoil(stage, path, [record], **broken)
    await stage.poll()
    assert len(await owed(stage)) == 1
    await stage.simulator.clear_faults(stage.team_id)
    await stage.simulator.add_fault(kind="omit", team_id=stage.team_id, path=path, records=[record])
    await again(stage)
    assert await owed(stage) == []
    assert await stage.owed() == 0
    assert str(record) not in {event["data"]["salesloft"]["source_id"] for event in await stage.told()}
    await stage.simulator.clear_faults(stage.team_id)


async def owes(stage: Stage, number: int, stream: str = "emails") -> None:
    """So many records are owed that Salesloft has no longer."""
    await stage.execute(
        "INSERT INTO owed_records (organization_id, stream, record_id, units, changed_at, since, reason, due_at)"
        " SELECT $1, $2, (900000000 + n)::text, 1, $3, $3, 'broken', '-infinity' FROM generate_series(1, $4) AS n",
        stage.organization_id,
        stream,
        stage.clock.now(),
        number,
    )


async def test_thousands_cost_no_more_calls_than_are_allowed(stage: Stage) -> None:
    await stage.poll()
    await owes(stage, 1000)
    before = await asked(stage, EMAILS)
    await again(stage, owed_calls=3)
    assert await asked(stage, EMAILS) - before == 1 + 3
    assert len(await owed(stage)) == 700
    assert await stage.owed() == 700
    await again(stage)
    assert await owed(stage) == []


async def test_looking_for_what_salesloft_stumbles_over_costs_no_more_calls_than_are_allowed(stage: Stage) -> None:
    await stage.poll()
    await owes(stage, 100)
    # The cursor's call succeeds, and none that follows: each would be halved until it is of one record.
    await stage.simulator.add_fault(kind="status", status=422, team_id=stage.team_id, path=EMAILS, skip=1)
    before = await asked(stage, EMAILS)
    await again(stage, owed_calls=3)
    assert await asked(stage, EMAILS) - before == 1 + 3


async def test_a_record_that_salesloft_stumbles_over_holds_up_neither_the_cycle_nor_the_others(stage: Stage) -> None:
    (email,) = await some(stage, EMAILS)
    await spoil(stage, EMAILS, [email], counts={"views": -1})
    await stage.poll()
    await stage.simulator.clear_faults(stage.team_id)
    await owes(stage, 3)
    # The cursor's call succeeds, and every one that follows it does not.
    await stage.simulator.add_fault(kind="status", status=422, team_id=stage.team_id, path=EMAILS, skip=1)
    await again(stage)
    assert {attempts for _, _, attempts in await owed(stage)} == {2}
    assert len(await owed(stage)) == 4
    assert len(await cycles(stage, "histories")) == 2
    await stage.simulator.clear_faults(stage.team_id)
    # Of four, the call for the first two fails, and the one for the first of those.
    await stage.advance(minutes=20)
    await stage.simulator.add_fault(kind="status", status=422, team_id=stage.team_id, path=EMAILS, skip=1, count=3)
    await again(stage)
    assert [attempts for _, _, attempts in await owed(stage)] == [3]
    await stage.simulator.clear_faults(stage.team_id)
    await stage.advance(hours=3)
    await again(stage)
    await assert_all_is_told(stage)


async def test_a_reader_that_is_killed_amid_them_is_followed_by_one_that_goes_on(stage: Stage) -> None:
    (email,) = await some(stage, EMAILS)
    await spoil(stage, EMAILS, [email], counts={"views": -1})
    await stage.poll()
    await stage.simulator.clear_faults(stage.team_id)
    await owes(stage, 150)
    await stage.advance(minutes=20)
    await stage.be_quiet()
    await stage.make_due()
    await stage.simulator.add_fault(kind="hang", seconds=60.0, team_id=stage.team_id, path=EMAILS, skip=2)
    reader = asyncio.create_task(stage.poller().run())

    async def is_amid_them() -> bool:
        return len(await owed(stage)) == 51

    await until(is_amid_them)
    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    assert (await cycles(stage, "emails"))[-1]["cycle"] == 1
    await stage.simulator.clear_faults(stage.team_id)
    await stage.poll()
    # One cycle, that the second has ended: what the first had done in it is not done again.
    assert [row["cycle"] for row in await cycles(stage, "emails")] == [1, 2]
    await assert_all_is_told(stage)


async def test_another_organization_is_not_late(new_stage: SetStage) -> None:
    troubled, healthy = await lively(new_stage), await lively(new_stage)
    await troubled.poll()
    await owes(troubled, 3000)
    await troubled.simulator.add_fault(kind="hang", seconds=60.0, team_id=troubled.team_id, path=EMAILS)
    await healthy.simulator.act(healthy.team_id, "opt_out", person_id=healthy.people[0]["id"])
    await healthy.advance(minutes=30)
    await healthy.make_due()
    async with running(healthy.poller()):
        await until(healthy.is_read)
        assert not await troubled.is_read()
    await assert_all_is_told(healthy)
    await troubled.simulator.clear_faults(troubled.team_id)


async def test_a_debt_of_a_hinted_record_is_its_streams(stage: Stage) -> None:
    await stage.poll()
    (email,) = await some(stage, EMAILS)
    await spoil(stage, EMAILS, [email], counts={"views": -1})
    await stage.simulator.act(stage.team_id, "view", email_id=email)
    await stage.execute(
        "INSERT INTO webhook_hints (organization_id, stream, record_id) VALUES ($1, $2, $3)",
        stage.organization_id,
        SyncStream.EMAILS,
        email,
    )

    async def is_met() -> bool:
        return await owed(stage) == [("emails", str(email), 1)]

    async with running(stage.poller()):
        await until(is_met)
        await until(lambda: is_closed(stage))
    (ledger,) = await cycles(stage, "webhooks")
    assert (ledger["scanned"], ledger["owed"]) == (1, 0)
    await stage.simulator.clear_faults(stage.team_id)
    await stage.poll()
    await assert_all_is_told(stage)


async def is_closed(stage: Stage) -> bool:
    return len(await cycles(stage, "webhooks")) == 1


async def test_another_teams_records_are_owed_by_nobody(stage: Stage) -> None:
    await stage.poll()
    await owes(stage, 5)
    other = await stage.simulator.team("Another team")
    await stage.sessions.connect(stage.organization_id, ApiKey(other["api_key"]), by="usr-1")
    assert await owed(stage) == []


async def test_what_the_database_refuses_is_asked_for_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the people's page one row carries what no text column takes."""
    added = (await stage.add_people(1))[0]
    await stage.salesloft("PUT", f"/people/{added['id']}", {"email_address": "nul@contacts.example"})
    monkeypatch.setattr(
        "workflows.activity_people.normalised_email",
        lambda email: "\0" if email and email.startswith("nul@") else email,
    )
    await stage.advance(minutes=10)
    await stage.poll()
    assert await owed(stage) == [("people", str(added["id"]), 1)]
    await again(stage)
    assert await owed(stage) == [("people", str(added["id"]), 2)]
    monkeypatch.undo()
    await stage.advance(minutes=20)
    await again(stage)
    await assert_all_is_told(stage)


async def test_who_has_an_organization_read_now_has_its_debts_read_now(stage: Stage) -> None:
    (email,) = await some(stage, EMAILS)
    await spoil(stage, EMAILS, [email], counts={"views": -1})
    await stage.poll()
    await stage.simulator.clear_faults(stage.team_id)
    await stage.execute("UPDATE owed_records SET due_at = $1", stage.clock.now() + timedelta(days=1))
    await stage.poll()
    assert len(await owed(stage)) == 1
    async with stage.database.transaction() as connection:
        await sync.read_again(connection, stage.organization_id, since=stage.clock.now(), now=stage.clock.now())
    await stage.poll()
    await assert_all_is_told(stage)

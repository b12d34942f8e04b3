"""Telling Salesloft of everybody: what is new and nothing else, in one job, and on from there after a crash."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from fulfillment.profiles import profile_of
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from storage import people as kept_people
from storage.people_syncs import PeopleSync
from tests.fulfillment.stage import Stage, running, until
from tests.fulfillment.steps import erase, is_hit
from workflows.people_sync import Begun, begin_people_sync, read_people_sync

ACME = {"id": "cus-1", "name": "Acme", "domain": "acme.example"}


async def listed(stage: Stage, *stakeholders: dict[str, Any], customer: dict[str, Any] | None = None) -> None:
    """The directory has these people."""
    acme = customer or {**ACME, "owner": {"email": stage.team["users"][1]["email"]}}
    now = stage.clock.now()
    await stage.execute(
        "INSERT INTO directory_customers (organization_id, customer_id, data, as_of, as_of_offset, from_directory)"
        " VALUES ($1, $2, $3, $4, 0, true)"
        " ON CONFLICT (organization_id, customer_id) DO UPDATE SET data = excluded.data",
        stage.organization_id, acme["id"], orjson.dumps(acme).decode(), now,
    )  # fmt: skip
    await stage.execute(
        "INSERT INTO directory_stakeholders (organization_id, stakeholder_id, customer_id, email, data, as_of,"
        " as_of_offset, from_directory)"
        " SELECT $1, d ->> 'id', $2, lower(d ->> 'email'), d, $3, 0, true FROM unnest($4::text[]::json[]) AS d"
        " ON CONFLICT (organization_id, stakeholder_id) DO UPDATE SET data = excluded.data, email = excluded.email",
        stage.organization_id, acme["id"], now, [orjson.dumps(one).decode() for one in stakeholders],
    )  # fmt: skip


def somebody(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"sth-{number:05}",
        "given_name": f"Given{number}",
        "family_name": "Lee",
        "email": f"person{number}@acme.example",
        **fields,
    }


async def begun(stage: Stage) -> Begun:
    async with stage.database.transaction() as connection:
        return await begin_people_sync(
            connection, stage.organization_id, by="lea", correlation_id=str(uuid4()), now=stage.clock.now()
        )


async def reading(stage: Stage, sync_id: UUID) -> PeopleSync:
    async with stage.database.connection() as connection:
        return await read_people_sync(connection, sync_id)


async def ended(stage: Stage, sync_id: UUID) -> PeopleSync:
    async def over() -> bool:
        return (await reading(stage, sync_id)).ended_at is not None

    await until(over)
    return await reading(stage, sync_id)


async def synced(stage: Stage) -> PeopleSync:
    """A whole sync."""
    sync = await begun(stage)
    async with stage.working():
        return await ended(stage, sync.sync_id)


async def requests(stage: Stage) -> int:
    return int((await stage.simulator.usage(stage.team_id))["requests"])


@pytest.fixture
async def quick(stage: Stage) -> Stage:
    await stage.simulator.switch(stage.team_id, bulk_rows_per_second=10_000)
    return stage


async def test_who_is_new_or_changed_is_told_and_nobody_else(quick: Stage) -> None:
    await listed(quick, *(somebody(number) for number in range(5)))
    first = await synced(quick)
    assert (first.state, first.compared, first.unchanged, first.to_send, first.succeeded) == ("done", 5, 0, 5, 5)
    people = await quick.salesloft("GET", "/people")
    assert {one["email_address"] for one in people} == {f"person{number}@acme.example" for number in range(5)}
    (account,) = await quick.salesloft("GET", "/accounts")
    assert {one["account"]["id"] for one in people} == {account["id"]}
    assert {one["owner"]["id"] for one in people} == {quick.team["users"][1]["id"]}
    before = await requests(quick)
    again = await synced(quick)
    assert (again.unchanged, again.to_send, await requests(quick)) == (5, 0, before)
    # A changed address is sent by the person's id, and makes no second one.
    await listed(quick, somebody(3, email="new@acme.example"))
    changed = await synced(quick)
    assert (changed.unchanged, changed.succeeded) == (4, 1)
    people = await quick.salesloft("GET", "/people")
    assert len(people) == 5
    assert "new@acme.example" in {one["email_address"] for one in people}


async def test_ten_thousand_unchanged_people_cost_no_call(quick: Stage) -> None:
    everybody = [somebody(number) for number in range(10_000)]
    await listed(quick, *everybody, customer=ACME)
    acme = CustomerSnapshot.model_validate(ACME)
    digests = [profile_of(StakeholderSnapshot.model_validate(one), acme).digest for one in everybody]
    await quick.execute(
        "INSERT INTO stakeholder_people (organization_id, stakeholder_id, person_id, linked_by, linked_at, sent_digest)"
        " SELECT $1, s.id, s.place, 'upsert', now(), s.digest"
        " FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS s (id, digest, place)",
        quick.organization_id, [one["id"] for one in everybody], digests,
    )  # fmt: skip
    before = await requests(quick)
    sync = await synced(quick)
    assert (sync.state, sync.compared, sync.unchanged, sync.to_send) == ("done", 10_000, 10_000, 0)
    assert await requests(quick) == before


async def test_who_may_not_be_contacted_is_left_out_and_a_restriction_is_never_sent(quick: Stage) -> None:
    person_id = int((await quick.salesloft("POST", "/people", {"email_address": "person4@acme.example"}))["id"])
    await quick.execute(
        "INSERT INTO salesloft_people (organization_id, person_id, email, do_not_contact, contact_restrictions,"
        " bouncing, salesloft_updated_at, read_at)"
        " VALUES ($1, $2, 'person4@acme.example', true, '{}', false, now(), now())",
        quick.organization_id, person_id,
    )  # fmt: skip
    await quick.execute(
        "INSERT INTO stakeholder_people VALUES ($1, 'sth-00004', $2, 'email', now())", quick.organization_id, person_id
    )
    await listed(
        quick,
        somebody(0, contact_preferences={"email": "blocked"}),
        somebody(1, email=None),
        somebody(2, email="not an address"),
        somebody(3, contact_preferences={"email": "allowed", "phone": "blocked"}, title="  ", phone=None),
        somebody(4),
        somebody(5),
    )
    await quick.execute("UPDATE directory_stakeholders SET left_at = now() WHERE stakeholder_id = 'sth-00005'")
    sync = await synced(quick)
    assert sync.left_out == {
        "opted_out": 1, "no_email": 1, "invalid_email": 1, "do_not_contact": 1, "stakeholder_left": 1
    }  # fmt: skip
    (row,) = [one["body"] for one in await quick.writes("people", "BULK")]
    assert row.keys() == {
        *("upsert_key", "email_address", "first_name", "last_name", "person_company_name", "owner_id", "account_id")
    }


async def test_an_address_that_several_share_is_nobodys_and_is_not_sent_again(quick: Stage) -> None:
    await quick.simulator.switch(quick.team_id, intentional_duplicates=True)
    for _ in range(2):
        await quick.salesloft("POST", "/people", {"email_address": "person0@acme.example"})
    await listed(quick, somebody(0), somebody(1))
    sync = await synced(quick)
    assert (sync.succeeded, sync.refused) == (1, {"ambiguous_person": 1})
    before = await requests(quick)
    again = await synced(quick)
    assert (again.left_out, again.unchanged, await requests(quick)) == ({"ambiguous_person": 1}, 1, before)
    await quick.advance(25 * 3600)
    assert (await synced(quick)).refused == {"ambiguous_person": 1}


async def test_a_person_whom_salesloft_has_deleted_is_made_by_the_next_sync(quick: Stage) -> None:
    await listed(quick, somebody(0), somebody(1))
    await synced(quick)
    # As if the person had gone: the link is to one whom Salesloft does not have.
    await quick.execute("UPDATE stakeholder_people SET person_id = 7 WHERE stakeholder_id = 'sth-00000'")
    await listed(quick, somebody(0, title="CTO"))
    assert (await synced(quick)).refused == {"person_gone": 1}
    assert (await synced(quick)).succeeded == 1
    people = await quick.salesloft("GET", "/people")
    assert sorted(one["title"] or "" for one in people) == ["", "CTO"]


CALLS = [
    ("POST", "/v2/bulk_jobs"), ("POST", "/v2/bulk_jobs/"), ("PUT", "/v2/bulk_jobs/"), ("GET", "/v2/bulk_jobs/"),
    ("POST", "/v2/accounts"),
]  # fmt: skip


@pytest.mark.parametrize("method_and_path", CALLS, ids=" ".join)
async def test_a_worker_that_dies_at_a_call_is_followed_by_one_that_goes_on(
    quick: Stage, method_and_path: tuple[str, str]
) -> None:
    method, path = method_and_path
    await listed(quick, *(somebody(number) for number in range(3)))
    # The call takes effect, and whoever made it hears nothing more.
    kind = "hang_after_write" if method != "GET" else "hang"
    await quick.simulator.add_fault(team_id=quick.team_id, method=method, path=path, kind=kind, count=1, seconds=20.0)
    sync = await begun(quick)
    doomed = quick.worker(drain_s=0.0)
    async with running(doomed):
        await is_hit(quick)
    assert (await reading(quick, sync.sync_id)).ended_at is None
    await quick.execute("UPDATE commands SET leased_until = now() WHERE holder IS NOT NULL")
    async with quick.working():
        done = await ended(quick, sync.sync_id)
    assert (done.state, done.succeeded, done.refused) == ("done", 3, {})
    people = await quick.salesloft("GET", "/people")
    assert len(people) == 3
    started = [one for one in await quick.writes("bulk_jobs", "PUT") if one["body"].get("ready_to_execute")]
    assert len(started) == 1


async def test_of_whom_is_erased_while_the_job_runs_nothing_is_written_down_again(quick: Stage) -> None:
    await listed(quick, somebody(0), somebody(1))
    await quick.simulator.add_fault(
        team_id=quick.team_id, method="GET", path="/v2/bulk_jobs", kind="latency", milliseconds=600, count=1
    )
    sync = await begun(quick)
    async with quick.working():
        await is_hit(quick)
        await erase(quick, "sth-00000")
        await ended(quick, sync.sync_id)
    assert [row["email"] for row in await quick.fetch("SELECT email FROM salesloft_people")] == ["person1@acme.example"]
    assert [row["stakeholder_id"] for row in await quick.fetch("SELECT stakeholder_id FROM stakeholder_people")] == [
        "sth-00001"
    ]


async def test_an_erasure_waits_until_what_came_of_the_job_is_written_down(
    quick: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would find nothing to delete yet, and what is written down after it would stay."""
    await listed(quick, somebody(0))
    erasing: list[asyncio.Task[None]] = []
    keep_people = kept_people.keep_people

    async def is_over_or_waits() -> bool:
        waiting = await quick.fetch(
            "SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
        return bool(waiting) or erasing[0].done()

    async def while_somebody_erases(*arguments: Any, **named: Any) -> None:
        erasing.append(asyncio.create_task(erase(quick, "sth-00000")))
        await until(is_over_or_waits)
        await keep_people(*arguments, **named)

    monkeypatch.setattr(kept_people, "keep_people", while_somebody_erases)
    await synced(quick)
    await asyncio.gather(*erasing)
    assert [row["email"] for row in await quick.fetch("SELECT email FROM salesloft_people")] == [None]


async def test_an_organization_has_one_sync_at_a_time(quick: Stage) -> None:
    first, second = await begun(quick), await begun(quick)
    assert (second.sync_id, second.joined) == (first.sync_id, True)
    async with quick.working():
        await ended(quick, first.sync_id)
    assert (await begun(quick)).joined is False

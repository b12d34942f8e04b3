"""Whose activity is told to whom: links by address, links that come later, people who are shared, and the erased."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from storage import people
from tests.producers.poller_stage import Stage, until
from workflows.memory import OrganizationMemory
from workflows.snapshots import Erasure, take_snapshots

SetStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def stage(new_stage: SetStage) -> Stage:
    """Three people on a cadence; the directory knows the first."""
    stage = await new_stage(view=1.0, click=0.8, reply=0.0, bounce=0.0, opt_out=0.0)
    await stage.add_people(3)
    await stage.know(0)
    for number in range(3):
        await stage.put_on_cadence(number)
    return stage


async def told_ids(stage: Stage) -> set[str]:
    told = Counter(event["id"] for event in await stage.told())
    assert max(told.values(), default=1) == 1
    return set(told)


async def test_strangers_leave_nothing_but_an_id_and_a_digest(stage: Stage) -> None:
    await stage.live(days=5)
    await stage.poll()
    strangers = {person["id"] for person in stage.people[1:]}
    for table, column in (
        ("salesloft_people", "person_id"),
        ("salesloft_emails", "person_id"),
        ("activity_units", "person_id"),
        ("salesloft_memberships", "salesloft_person_id"),
    ):
        rows = await stage.fetch(f"SELECT DISTINCT {column} AS person_id FROM {table}")  # noqa: S608  # names of ours
        assert {row["person_id"] for row in rows} == {stage.people[0]["id"]}, table
    kept = await stage.fetch("SELECT person_id, email_digest FROM unlinked_people")
    assert {row["person_id"] for row in kept} == strangers
    assert all(len(row["email_digest"]) == 32 for row in kept)


async def test_a_stakeholder_who_comes_later_is_told_all_of_it_once(stage: Stage) -> None:
    await stage.live(days=7)
    await stage.poll()
    await stage.know(1)
    await stage.poll()
    assert await told_ids(stage) == await stage.expected(stage.links(0, 1))
    scanned = "SELECT coalesce(sum(scanned), 0)::int AS scanned FROM sync_ledger WHERE stream = 'backfill'"
    once = (await stage.fetch(scanned))[0]["scanned"]
    assert once > 0
    await stage.live(days=7)
    await stage.poll()
    assert await told_ids(stage) == await stage.expected(stage.links(0, 1))
    assert (await stage.fetch(scanned))[0]["scanned"] == once
    assert not await stage.fetch("SELECT FROM unlinked_people WHERE person_id = $1", stage.people[1]["id"])
    assert await stage.owed() == 0


async def test_a_shared_person_is_told_to_everybody_who_is_it(stage: Stage) -> None:
    await stage.know(0, stakeholder_id="sth-twin")
    await stage.live(days=7)
    await stage.poll()
    await stage.know(0, stakeholder_id="sth-late")
    person_id = stage.people[0]["id"]
    await stage.execute(
        "INSERT INTO stakeholder_people (organization_id, stakeholder_id, person_id, linked_by, linked_at)"
        " VALUES ($1, 'sth-late', $2, 'upsert', now())",
        stage.organization_id,
        person_id,
    )
    await stage.live(days=7)
    await stage.poll()
    assert await told_ids(stage) == await stage.expected({person_id: ["sth-0", "sth-twin", "sth-late"]})
    published = await stage.told("cscx.salesloft.engagement.v1")
    newest = {event["data"]["stakeholder_id"]: event["data"]["counts"] for event in published}
    assert newest["sth-0"] == newest["sth-twin"] == newest["sth-late"]


async def test_who_comes_later_and_shares_a_known_person_is_told_all_of_it_though_the_person_does_not_change(
    stage: Stage,
) -> None:
    await stage.live(days=7)
    await stage.poll()
    before = (await stage.simulator.usage(stage.team_id))["by_endpoint"]
    await stage.know(0, stakeholder_id="sth-twin")
    await stage.poll()
    after = (await stage.simulator.usage(stage.team_id))["by_endpoint"]
    assert await told_ids(stage) == await stage.expected({stage.people[0]["id"]: ["sth-0", "sth-twin"]})
    # Who has the address is known: only the stream itself asks about people.
    assert after["GET people"] - before["GET people"] == 1


async def test_activity_in_an_enrollments_cadence_is_its_stakeholders_alone(stage: Stage) -> None:
    await stage.know(0, stakeholder_id="sth-twin")
    enrollment_id = await stage.enroll(0, "Quarterly review")
    await stage.live(days=7)
    await stage.poll()
    events = await stage.told()
    review = stage.cadence("Quarterly review")["id"]
    mine = [event for event in events if event["data"]["salesloft"]["cadence_id"] == review]
    others = [event for event in events if event["data"]["salesloft"]["cadence_id"] not in {review, None}]
    assert {event["data"]["stakeholder_id"] for event in mine} == {"sth-0"}
    assert {event["data"]["enrollment_id"] for event in mine} == {str(enrollment_id)}
    assert {event["headers"]["ce_correlationid"] for event in mine} == {"corr-0"}
    assert {event["data"]["stakeholder_id"] for event in others} == {"sth-0", "sth-twin"}
    assert {event["data"]["enrollment_id"] for event in others} == {None}


async def test_the_erased_hear_nothing_more(stage: Stage) -> None:
    await stage.live(days=3)
    await stage.poll()
    before = await told_ids(stage)
    await stage.execute("UPDATE directory_stakeholders SET erased_at = now(), data = NULL, email = NULL")
    await stage.live(days=11)
    await stage.poll()
    assert await told_ids(stage) == before
    assert len(await stage.expected(stage.links(0))) > len(before)


async def test_an_erasure_waits_until_what_salesloft_says_of_somebody_is_written_down(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would find no address to delete yet, and one that is written down after it would stay."""
    erasing: list[asyncio.Task[None]] = []
    keep_people = people.keep_people

    async def is_over_or_waits() -> bool:
        waiting = await stage.fetch(
            "SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
        return bool(waiting) or erasing[0].done()

    async def erase() -> None:
        async with stage.database.transaction() as connection:
            now = stage.clock.now()
            erasure = Erasure(key=(stage.organization_id, "sth-0"), as_of=now, offset=2, event_id="null/1")
            await take_snapshots(
                connection,
                customers=[],
                stakeholders=[],
                erased_customers=[],
                erased_stakeholders=[erasure],
                memory=OrganizationMemory(),
                now=now,
            )

    async def while_somebody_erases(*arguments: Any, **named: Any) -> None:
        erasing.append(asyncio.create_task(erase()))
        await until(is_over_or_waits)
        await keep_people(*arguments, **named)

    monkeypatch.setattr(people, "keep_people", while_somebody_erases)
    await stage.poll(within_s=60)
    await asyncio.gather(*erasing)
    assert not await stage.fetch("SELECT FROM salesloft_people WHERE email IS NOT NULL")


async def test_consent_is_kept_as_salesloft_has_it(stage: Stage) -> None:
    person_id = stage.people[0]["id"]
    await stage.advance(hours=1)
    await stage.poll()
    consent = "SELECT do_not_contact, contact_restrictions, read_at FROM salesloft_people WHERE person_id = $1"
    assert (await stage.fetch(consent, person_id))[0]["do_not_contact"] is False
    await stage.simulator.act(stage.team_id, "opt_out", person_id=person_id)
    await stage.advance(minutes=10)
    await stage.poll()
    row = (await stage.fetch(consent, person_id))[0]
    assert row["do_not_contact"] is True
    assert row["read_at"] == stage.clock.now()
    unsubscribed = [e for e in await stage.told() if e["headers"]["ce_type"].endswith("unsubscribed.v1")]
    assert [event["data"]["stakeholder_id"] for event in unsubscribed] == ["sth-0"]


async def test_engagement_is_published_with_what_it_is_made_of(stage: Stage) -> None:
    await stage.live(days=4)
    await stage.poll()
    await stage.live(days=4)
    await stage.poll()
    events = [event for event in await stage.told() if event["data"]["stakeholder_id"] == "sth-0"]
    published = await stage.told("cscx.salesloft.engagement.v1")
    assert [int(event["headers"]["ce_sequence"]) for event in published] == list(range(1, len(published) + 1))
    last = published[-1]["data"]
    kinds = Counter(event["headers"]["ce_type"].split(".")[3] for event in events)
    assert last["counts"] == {
        "sent": kinds["email-sent"],
        "opened": kinds["email-opened"],
        "clicked": kinds["email-clicked"],
        "replied": kinds["email-replied"],
        "bounced": kinds["email-bounced"],
        "calls": kinds["call-logged"],
    }
    assert last["score"] == sum(part["points"] for part in last["score_parts"])
    stay = (await stage.fetch("SELECT currently_on_cadence, current_step FROM salesloft_memberships"))[0]
    welcome = stage.cadence("Welcome")
    active = [{"id": welcome["id"], "name": "Welcome", "step": stay["current_step"], "steps": len(welcome["steps"])}]
    assert last["active_cadences"] == (active if stay["currently_on_cadence"] else [])

"""A person was deleted, and that is noticed before anybody has read what that person did until then."""

from collections.abc import Awaitable, Callable

import pytest

from storage import reconciliations, webhooks
from storage.sync import SyncStream
from tests.producers.poller_stage import Stage, running, until

SetStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def stage(new_stage: SetStage) -> Stage:
    """A stakeholder on a cadence, of whom everything is read until then."""
    stage = await new_stage(view=1.0, click=0.8, reply=0.0, bounce=0.0, opt_out=0.0)
    await stage.add_people(2)
    await stage.know(0)
    for number in range(2):
        await stage.put_on_cadence(number)
    await stage.poll()
    return stage


async def heard_of_the_deletion(stage: Stage, person_id: int) -> None:
    async with stage.database.transaction() as connection:
        await webhooks.hint(connection, stage.organization_id, SyncStream.PEOPLE, person_id, deleted=True)

    async def is_settled() -> bool:
        return not await stage.fetch("SELECT FROM webhook_hints WHERE organization_id = $1", stage.organization_id)

    async with running(stage.poller()):
        await until(is_settled)


async def noticed_by_the_poll(stage: Stage, person_id: int) -> None:
    """What deletes the person takes them off their cadence, and the memberships are read before the e-mails."""
    await stage.be_quiet()
    await stage.make_due()
    await link_has_ended(stage, person_id)


async def noticed_at_night(stage: Stage, person_id: int) -> None:
    """The comparison with what Salesloft has comes to a stakeholder's person before any stream is due."""
    await stage.execute("UPDATE sync_streams SET next_cycle_at = '2100-01-01 00:00:00+00'")
    async with stage.database.transaction() as connection:
        assert await reconciliations.ask(connection, stage.organization_id, stage.clock.now())
    await link_has_ended(stage, person_id)


async def noticed_by_what_was_owed(stage: Stage, person_id: int) -> None:
    """The person's record could not be read once, and is looked for in vain, before the e-mails are read."""
    await stage.be_quiet()
    await stage.make_due()
    await stage.execute(
        "INSERT INTO owed_records (organization_id, stream, record_id, units, changed_at, since, reason, due_at)"
        " VALUES ($1, 'people', $2, 1, $3, $3, 'broken', '-infinity')",
        stage.organization_id,
        str(person_id),
        stage.clock.now(),
    )
    await link_has_ended(stage, person_id)


async def link_has_ended(stage: Stage, *people: int) -> None:
    async def are_missed() -> bool:
        query = "SELECT FROM webhook_hints WHERE organization_id = $1 AND record_id = ANY ($2) AND deleted"
        return len(await stage.fetch(query, stage.organization_id, people)) == len(people)

    async def are_nobody() -> bool:
        return not await stage.fetch("SELECT FROM stakeholder_people WHERE person_id = ANY ($1)", people)

    async with running(stage.poller()):
        await until(are_missed)
        await stage.advance(minutes=11)
        await until(are_nobody)


@pytest.mark.parametrize(
    "noticed", [heard_of_the_deletion, noticed_by_the_poll, noticed_at_night, noticed_by_what_was_owed]
)
async def test_what_the_person_did_until_then_is_told(
    stage: Stage, noticed: Callable[[Stage, int], Awaitable[None]]
) -> None:
    before = len(await stage.told("cscx.salesloft.enrollment.v1"))
    await stage.live(days=3)
    person_id = stage.people[0]["id"]
    await stage.salesloft("DELETE", f"/people/{person_id}")
    await noticed(stage, person_id)
    await stage.poll()
    told = {event["id"] for event in await stage.told()}
    expected = await stage.expected(stage.links(0))
    assert len(expected) > 3
    assert told == expected
    ended = [event["data"]["to"] for event in (await stage.told("cscx.salesloft.enrollment.v1"))[before:]]
    assert ended == ["removed"]
    assert not await stage.fetch("SELECT FROM stakeholder_people WHERE person_id = $1", person_id)


async def test_strangers_are_forgotten_without_a_call_for_what_they_did(stage: Stage) -> None:
    person_id = stage.people[1]["id"]
    await stage.salesloft("DELETE", f"/people/{person_id}")
    before = (await stage.simulator.usage(stage.team_id))["by_endpoint"]
    await heard_of_the_deletion(stage, person_id)
    after = (await stage.simulator.usage(stage.team_id))["by_endpoint"]
    asked = {path: count - before.get(path, 0) for path, count in after.items() if count != before.get(path, 0)}
    assert asked == {"GET people": 1}
    assert not await stage.fetch("SELECT FROM unlinked_people WHERE person_id = $1", person_id)


async def test_whom_the_poll_misses_are_read_about_together(stage: Stage) -> None:
    await stage.know(1)
    await stage.poll()
    gone = [person["id"] for person in stage.people]
    for person_id in gone:
        await stage.salesloft("DELETE", f"/people/{person_id}")
        # Longer than the cursors wait, and each time the reader begins anew.
        await stage.advance(minutes=3)
        await stage.make_due()
        async with running(stage.poller()):
            await until(stage.is_read)
    assert len(await stage.fetch("SELECT FROM stakeholder_people WHERE person_id = ANY ($1)", gone)) == 2
    before = (await stage.simulator.usage(stage.team_id))["by_endpoint"]
    await link_has_ended(stage, *gone)
    after = (await stage.simulator.usage(stage.team_id))["by_endpoint"]
    assert after["GET people"] - before["GET people"] == 1


async def test_who_is_missed_is_read_about_at_once_where_a_webhook_tells_of_the_deletion(stage: Stage) -> None:
    person_id = stage.people[0]["id"]
    await stage.salesloft("DELETE", f"/people/{person_id}")
    await stage.be_quiet()
    await stage.make_due()
    await stage.poll()
    assert await stage.fetch("SELECT FROM stakeholder_people WHERE person_id = $1", person_id)
    await heard_of_the_deletion(stage, person_id)
    assert not await stage.fetch("SELECT FROM stakeholder_people WHERE person_id = $1", person_id)


async def test_that_somebody_is_gone_is_asked_about_once_though_memberships_say_it_too(stage: Stage) -> None:
    person_id = stage.people[0]["id"]
    await stage.salesloft("DELETE", f"/people/{person_id}")
    await stage.be_quiet()
    before = (await stage.simulator.usage(stage.team_id))["by_endpoint"]["GET people"]
    await heard_of_the_deletion(stage, person_id)
    assert (await stage.simulator.usage(stage.team_id))["by_endpoint"]["GET people"] - before == 1

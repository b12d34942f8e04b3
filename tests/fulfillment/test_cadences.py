"""Cadences as people see them: read from the simulator, kept, shown with their age when Salesloft is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from storage import connections
from storage.pool import Database, DatabaseOptions
from tests.fulfillment.stage import Stage, until
from workflows.catalogue import refresh_soon
from workflows.discovery import CadenceCatalogue, CadenceUnknown, describe_cadence, discover_cadences


async def discovered(stage: Stage) -> CadenceCatalogue:
    async with stage.database.connection() as connection:
        return await discover_cadences(connection, stage.organization_id, stage.clock.now())


async def hint(stage: Stage) -> None:
    async with stage.database.transaction() as connection:
        await refresh_soon(connection, stage.organization_id, correlation_id="corr", now=stage.clock.now())


async def version(stage: Stage) -> int:
    row = await stage.fetchrow("SELECT decision_version FROM organizations")
    return int(row["decision_version"])


@asynccontextmanager
async def refreshed(stage: Stage) -> AsyncIterator[None]:
    """More than a minute later a hint comes, and what it hints at is read."""
    await stage.advance(61)
    await hint(stage)
    async with stage.working():
        yield
        await stage.settled()


async def test_a_cadence_shows_what_salesloft_has_of_it(stage: Stage) -> None:
    wanted = next(one for one in stage.team["cadences"] if one["name"] == "Renewal 90")
    shown = await stage.salesloft("GET", f"/cadences/{wanted['id']}")
    async with refreshed(stage):
        pass
    catalogue = await discovered(stage)
    assert {one.id for one in catalogue.cadences} == {one["id"] for one in stage.team["cadences"]}
    assert [one.name.lower() for one in catalogue.cadences] == sorted(one.name.lower() for one in catalogue.cadences)
    renewal = next(one for one in catalogue.cadences if one.id == wanted["id"])
    assert (renewal.state, renewal.people_addable, renewal.not_addable) == ("active", True, None)
    assert renewal.tags == tuple(shown["tags"])
    assert renewal.owner is not None
    owner = next(one for one in stage.team["users"] if one["id"] == shown["owner"]["id"])
    assert (renewal.owner.user_id, renewal.owner.name, renewal.owner.email) == (
        owner["id"], owner["name"], owner["email"].lower()
    )  # fmt: skip
    assert [step.id for day in renewal.days for step in day.steps] == [step["id"] for step in wanted["steps"]]
    assert [day.day for day in renewal.days] == sorted({step["day"] for step in wanted["steps"]})
    assert renewal.duration_business_days == max(step["day"] for step in wanted["steps"])
    assert sum(renewal.step_types.values()) == renewal.step_count == len(wanted["steps"])
    draft = next(one for one in catalogue.cadences if one.name.endswith("(draft)"))
    assert (draft.people_addable, draft.not_addable) == (False, "draft")


async def test_an_owner_who_was_deactivated_is_shown_as_such(stage: Stage) -> None:
    shown = await stage.salesloft("GET", f"/cadences/{stage.cadence['id']}")
    gone = shown["owner"]["id"]
    await stage.salesloft("PUT", f"/users/{gone}", {"active": False})
    async with refreshed(stage):
        pass
    cadence = next(one for one in (await discovered(stage)).cadences if one.id == stage.cadence["id"])
    assert cadence.owner is not None
    assert (cadence.owner.user_id, cadence.owner.active) == (gone, False)
    assert cadence.owner.name is not None


async def test_every_figure_says_who_counted_and_when(stage: Stage) -> None:
    before = stage.clock.now()
    async with stage.working():
        await stage.reaches(await stage.approved(), "enrolled")
        await stage.reaches(await stage.approved(), "enrolled")
    async with refreshed(stage):
        pass
    cadence = next(one for one in (await discovered(stage)).cadences if one.id == stage.cadence["id"])
    people = {figure.name: figure for figure in cadence.people}
    told = await stage.salesloft("GET", f"/cadences/{cadence.id}")
    assert (people["people_ever"].numerator, people["people_ever"].source) == (
        told["counts"]["cadence_people"], "salesloft"
    )  # fmt: skip
    assert (people["people_known_now"].numerator, people["people_known_now"].source) == (2, "cscx")
    # Nobody has read the memberships' stream to its end yet, and the figure says so.
    assert people["people_known_now"].as_of is None
    success = {figure.name: figure for figure in cadence.success}
    stats = await stage.salesloft("GET", f"/cadence_stats/{cadence.id}")
    reply_rate = success["email_reply_rate"]
    assert (reply_rate.numerator, reply_rate.denominator) == (stats["replied_count"], stats["sent_emails_count"])
    assert reply_rate.source == "salesloft"
    assert reply_rate.as_of is not None
    assert reply_rate.as_of > before
    goals = success["goal_rate"]
    assert (goals.value, goals.numerator, goals.denominator, goals.source) == (0.0, 0, 2, "cscx")
    # There is nothing to divide by, and no rate is made up.
    assert (success["reply_rate"].value, success["reply_rate"].denominator) == (None, 0)


async def test_where_salesloft_is_away_the_copy_is_shown_with_its_age(stage: Stage) -> None:
    async with refreshed(stage):
        pass
    read = await discovered(stage)
    assert (read.connected, read.stale, read.refreshing, read.refresh_error) == (True, False, False, None)
    await stage.simulator.add_fault(team_id=stage.team_id, path="/v2/cadences", kind="status", status=503)
    await stage.advance(7 * 3600)
    await hint(stage)
    async with stage.working(call_s=0.3):

        async def failed() -> bool:
            return (await discovered(stage)).refresh_error is not None

        await until(failed)
        away = await discovered(stage)
        assert (away.stale, away.refreshing) == (True, True)
        assert away.age is not None
        assert timedelta(hours=7) <= away.age < timedelta(hours=7, minutes=1)
        assert [(one.id, one.days) for one in away.cadences] == [(one.id, one.days) for one in read.cadences]
        await stage.simulator.clear_faults(stage.team_id)
        await stage.settled()
    back = await discovered(stage)
    assert (back.stale, back.refreshing, back.refresh_error) == (False, False, None)


async def test_only_what_decisions_rest_on_has_them_made_again(stage: Stage) -> None:
    async with refreshed(stage):
        pass
    before = await version(stage)
    async with refreshed(stage):
        pass
    assert await version(stage) == before
    await stage.simulator.call("POST", f"teams/{stage.team_id}/cadences/{stage.cadence['id']}/archive")
    async with refreshed(stage):
        pass
    assert await version(stage) == before + 1
    archived = next(one for one in (await discovered(stage)).cadences if one.id == stage.cadence["id"])
    assert (archived.people_addable, archived.not_addable) == (False, "archived")


async def test_however_many_hints_come_one_reading_waits(stage: Stage) -> None:
    for _ in range(5):
        await hint(stage)
    (command,) = await stage.fetch("SELECT due_at FROM commands WHERE kind = 'refresh_cadences'")
    (read,) = await stage.fetch("SELECT read_at FROM salesloft_catalogues")
    assert command["due_at"] == read["read_at"] + timedelta(minutes=1)


async def test_a_team_without_cadences_is_not_read_over_and_over(stage: Stage) -> None:
    await stage.execute("DELETE FROM salesloft_cadences")
    await stage.execute("UPDATE salesloft_connections SET connected_at = connected_at - interval '10 days'")
    async with stage.database.transaction() as connection:
        now = stage.clock.now()
        before = now - timedelta(hours=6)
        assert await connections.stale_catalogues(connection, before=before, hinted_before=before, limit=9) == []
        before = now + timedelta(hours=1)
        assert await connections.stale_catalogues(connection, before=before, hinted_before=before, limit=9) == [
            stage.organization_id
        ]


@pytest.mark.parametrize("kind", ["html_404", "status"])
async def test_counts_that_cannot_be_read_hold_up_nothing(stage: Stage, kind: str) -> None:
    await stage.simulator.add_fault(team_id=stage.team_id, path="/v2/cadence_stats", kind=kind, status=500)
    await stage.advance(61)
    await hint(stage)
    async with stage.working(call_s=0.3):
        await stage.settled()
    (command,) = await stage.fetch("SELECT outcome FROM commands WHERE kind = 'refresh_cadences'")
    assert command["outcome"] == "unchanged"
    assert not any(
        figure.name.startswith("email_") for one in (await discovered(stage)).cadences for figure in one.success
    )


async def test_a_description_is_our_own_note(stage: Stage) -> None:
    cadence_id = stage.cadence["id"]

    async def described(text: str, cadence: int = cadence_id) -> str | None:
        async with stage.database.transaction() as connection:
            now = stage.clock.now()
            await describe_cadence(connection, stage.organization_id, cadence, text, by="lea", now=now)
        found = next(one for one in (await discovered(stage)).cadences if one.id == cadence_id)
        return found.description

    assert await described("  For renewals.  ") == "For renewals."
    assert await described(" ") is None
    with pytest.raises(CadenceUnknown):
        await described("nobody's", 7)


async def test_the_api_sees_its_own_organizations_cadences_alone(stage: Stage) -> None:
    everything, now = await discovered(stage), stage.clock.now()
    async with Database.connected(DatabaseOptions(dsn=stage.dsn, role="cscx_salesloft_api")) as api:
        async with api.organization_transaction(stage.organization_id) as connection:
            own = await discover_cadences(connection, stage.organization_id, now)
            await describe_cadence(connection, stage.organization_id, stage.cadence["id"], "x", by=None, now=now)
        async with api.organization_transaction("another") as connection:
            others = await discover_cadences(connection, stage.organization_id, now)
    assert [one.id for one in own.cadences] == [one.id for one in everything.cadences]
    assert (others.cadences, others.read_at) == ((), None)

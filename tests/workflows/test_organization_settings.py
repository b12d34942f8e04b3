"""Settings in their versions: what counts from a change on, what stays as it was, and two who change at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from enrollment.mappings import Policy
from enrollment.organization_settings import SettingsInvalid
from enrollment.working_time import WorkingTime
from schemas.vocabulary import TriggerType
from storage import audit, organization_settings, organizations
from storage.stored_evaluations import About
from tests.workflows.scene import ANN, Scene
from workflows.explaining import explain_evaluations
from workflows.field_mapping import DEFAULT_FIELDS, publish_field_mapping
from workflows.organization_settings import ChosenSettings, SettingsMoved, change_settings, read_settings

RENEWAL = TriggerType.RENEWAL_WINDOW
NIGHT = {"begins": "18:00", "ends": "08:00"}


async def _set(scene: Scene, *, by: str = "usr-1", expected: int | None = None, **changes: Any) -> ChosenSettings:
    async with scene.database.transaction() as connection:
        return await change_settings(
            connection, scene.organization_id, changes, by=by, now=scene.now, expected=expected
        )


async def _read(scene: Scene, organization_id: str = "org-1") -> ChosenSettings:
    async with scene.database.connection() as connection:
        return await read_settings(connection, organization_id)


async def _decision_version(scene: Scene) -> int:
    async with scene.database.connection() as connection:
        return (await organizations.decision_versions(connection, ["org-1"]))["org-1"]


async def test_every_change_is_a_version_with_who_made_it(scene: Scene) -> None:
    assert (await _read(scene)).version == 1
    await _set(scene, time_zone="Europe/Berlin")
    scene.later(hours=1)
    changed = await _set(scene, by="usr-2", quiet_hours=NIGHT, poll_interval_minutes=15)
    assert (changed.version, await _read(scene)) == (3, changed)
    # Another setting's version leaves these as they are.
    async with scene.database.transaction() as connection:
        await publish_field_mapping(connection, "org-1", DEFAULT_FIELDS, by="usr-3", now=scene.now)
    assert (await _read(scene)).settings == changed.settings
    assert (await _read(scene, "org-2")).version == 1
    async with scene.database.connection() as connection:
        found = await organization_settings.history(connection, "org-1")
        noted = [one.entry for one in await audit.latest(connection, "org-1", action="settings.changed", limit=9)]
    assert [(one.version, one.changed_by) for one in found] == [(2, "usr-1"), (3, "usr-2"), (4, "usr-3")]
    assert found[1].changed_at == scene.now
    assert [(one.subject, one.actor, one.detail["names"]) for one in reversed(noted)] == [
        ("settings/2", "usr-1", "time_zone"),
        ("settings/3", "usr-2", "poll_interval_minutes quiet_hours"),
        ("settings/4", "usr-3", "person_fields"),
    ]


async def test_what_changes_nothing_is_no_version_and_what_is_refused_changes_nothing(scene: Scene) -> None:
    await _set(scene, time_zone="Europe/Berlin")
    before = await _decision_version(scene)
    assert (await _set(scene, time_zone="Europe/Berlin", quiet_hours=None)).version == 2
    with pytest.raises(SettingsInvalid):
        await _set(scene, time_zone="Asia/Tokyo", poll_interval_minutes=1)
    assert (await _read(scene)).settings.time_zone == "Europe/Berlin"
    assert await _decision_version(scene) == before
    # How often Salesloft is read is nothing that decisions rest on.
    await _set(scene, poll_interval_minutes=15)
    assert await _decision_version(scene) == before


async def test_two_who_change_at_once_lose_nothing_of_each_other(scene: Scene) -> None:
    await asyncio.gather(
        _set(scene, time_zone="Europe/Berlin"),
        _set(scene, quiet_hours=NIGHT),
        _set(scene, working_days=["monday"]),
        _set(scene, poll_interval_minutes=15),
    )
    chosen = await _read(scene)
    assert chosen.version == 5
    assert chosen.settings.time_zone == "Europe/Berlin"
    assert chosen.settings.working_days == ("monday",)
    assert chosen.settings.quiet_hours is not None
    assert chosen.settings.poll_interval_minutes == 15
    async with scene.database.connection() as connection:
        assert [one.version for one in await organization_settings.history(connection, "org-1")] == [2, 3, 4, 5]


async def test_whoever_looked_at_an_older_version_is_told_so(scene: Scene) -> None:
    outcomes = await asyncio.gather(
        _set(scene, expected=1, time_zone="Europe/Berlin"),
        _set(scene, expected=1, time_zone="Asia/Tokyo"),
        return_exceptions=True,
    )
    refused = [one for one in outcomes if isinstance(one, SettingsMoved)]
    assert [str(one) for one in refused] == ["the settings of org-1 are in version 2: look at them again"]
    assert (await _read(scene)).version == 2


async def test_working_time_counts_for_mappings_that_say_nothing_of_it(scene: Scene) -> None:
    (silent,) = await scene.publish_for(RENEWAL)
    own = WorkingTime(days=("sunday",))
    (speaking,) = await scene.publish_for(TriggerType.AT_RISK, policy=Policy(working_time=own))
    await _set(scene, quiet_hours=NIGHT, working_days=["tuesday"])
    async with scene.database.connection() as connection:
        facts = (await organizations.read_facts(connection, ["org-1"]))["org-1"]
    rules = {one.id: one.policy.working_time for one in facts.mappings.all()}
    assert rules[speaking.id] == own
    assert rules[silent.id] == (await _read(scene)).settings.working_time


async def test_what_was_asked_for_stays_as_it_was_and_what_is_approved_waits_for_working_time(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    (asked,) = await scene.requested(ANN)
    await _set(scene, quiet_hours=NIGHT, working_days=["tuesday"], time_zone="UTC")
    # 23 November 2026 is a Monday. The question is the same, so that its approval counts.
    assert await scene.take(scene.decision(asked)) == 1
    (row,) = await scene.rows("SELECT state, start_on, request_digest FROM enrollments")
    assert (row["state"], row["start_on"], row["request_digest"]) == (
        "scheduled",
        asked.action.start_date,
        asked.request_digest,
    )
    due = await scene.value("SELECT due_at FROM commands WHERE kind = 'enroll'")
    assert due == datetime(2026, 11, 24, 8, tzinfo=UTC)


async def test_what_is_decided_after_the_change_rests_on_it_and_old_decisions_on_what_was(scene: Scene) -> None:
    await scene.publish_for(RENEWAL)
    await scene.requested(ANN)
    await _set(scene, working_days=["thursday"])
    await scene.decide(scene.trigger(contract_id="con-6"))
    first, second = await scene.asked()
    assert first.action.start_date == scene.now.date()
    assert second.action.start_date == scene.now.date() + timedelta(days=3)
    async with scene.database.reading() as connection:
        explained = await explain_evaluations(connection, "org-1", About(), limit=10)
    assert [one.is_same for one in explained] == [True, True]

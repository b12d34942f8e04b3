"""Reading and changing an organization's settings: every change is a version, with who made it and when.

SettingsMoved   the settings are not any more what the change was made of
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from enrollment.organization_settings import DECIDED_BY, OrganizationSettings
from storage import organization_settings, organizations
from storage.pool import Connection
from workflows.audit import Action, Done, note

__all__ = ["ChosenSettings", "SettingsMoved", "change_settings", "read_settings"]


class SettingsMoved(Exception):
    """Somebody else has changed the settings since; the message says in which version they are."""


@dataclass(frozen=True, slots=True)
class ChosenSettings:
    """The settings as they stand, and their version: 1 where nothing was ever chosen."""

    version: int
    settings: OrganizationSettings


async def read_settings(connection: Connection, organization_id: str) -> ChosenSettings:
    """An organization's settings; those of an unknown one are what counts where nothing is chosen."""
    stored = await organization_settings.read(connection, organization_id)
    if stored is None:
        return ChosenSettings(1, OrganizationSettings())
    return ChosenSettings(stored.version, OrganizationSettings.of(stored.chosen))


async def change_settings(
    connection: Connection,
    organization_id: str,
    changes: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
    expected: int | None = None,
) -> ChosenSettings:
    """Change settings, by name and as their JSON is; null chooses nothing. What changes nothing makes no version.

    What is decided from the commit on rests on them, and what was deferred is decided again; what was asked for or
    approved stays as it is, its start date included, and waits for working time as it is now. `expected` is the
    version that the change was made of. Raises SettingsInvalid and SettingsMoved.
    """
    await organizations.ensure(connection, [organization_id], now)
    # Two changes cannot cross: the second is made of what the first has left.
    await organizations.lock(connection, organization_id)
    before = await read_settings(connection, organization_id)
    if expected is not None and expected != before.version:
        raise SettingsMoved(f"the settings of {organization_id} are in version {before.version}: look at them again")
    after = before.settings.changed(changes)
    was, is_ = before.settings.model_dump(mode="json"), after.model_dump(mode="json")
    moved = {name: value for name, value in is_.items() if value != was[name]}
    if not moved:
        return before
    version = await organizations.change_settings(connection, organization_id, moved, by=by, now=now)
    if DECIDED_BY & moved.keys():
        await organizations.advance_decision_version(connection, organization_id, now)
    detail = {"names": " ".join(sorted(moved))}
    await note(
        connection, Done(organization_id, Action.SETTINGS_CHANGED, f"settings/{version}", by=by, detail=detail), now=now
    )
    return ChosenSettings(version, after)

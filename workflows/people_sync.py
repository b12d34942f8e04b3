"""Telling Salesloft of everybody at an organization: begun here, carried out by `fulfillment/`, followed by anybody."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from storage import commands, organizations, people_syncs
from storage.commands import NewCommand
from storage.people_syncs import PeopleSync
from storage.pool import Connection
from workflows.audit import Action, Done, note
from workflows.commands import CommandKind

__all__ = ["Begun", "begin_people_sync", "read_people_sync"]


@dataclass(frozen=True, slots=True)
class Begun:
    """The sync that is under way; `joined` is true of one that somebody began before."""

    sync_id: UUID
    joined: bool


async def begin_people_sync(
    connection: Connection, organization_id: str, *, by: str | None, correlation_id: str, now: datetime
) -> Begun:
    """Have Salesloft told of every stakeholder of whom it was told something else before, or nothing.

    An organization has one sync at a time: where one is under way, that one is answered.
    """
    await organizations.ensure(connection, [organization_id], now)
    sync_id = uuid4()
    if not await people_syncs.begin(connection, organization_id, sync_id, by=by, now=now):
        running = await people_syncs.running(connection, organization_id)
        # It may have ended in between; then there is room for this one.
        return (
            Begun(running, joined=True)
            if running is not None
            else await begin_people_sync(connection, organization_id, by=by, correlation_id=correlation_id, now=now)
        )
    command = NewCommand(
        organization_id=organization_id,
        kind=CommandKind.SYNC_PEOPLE,
        subject="people",
        correlation_id=correlation_id,
        due_at=now,
        payload={"sync_id": str(sync_id)},
    )
    await commands.add(connection, [command], now)
    done = Done(organization_id, Action.PEOPLE_SYNC_BEGUN, f"people_sync/{sync_id}", by=by)
    await note(connection, done, now=now)
    return Begun(sync_id, joined=False)


async def read_people_sync(connection: Connection, sync_id: UUID) -> PeopleSync:
    """How far a sync has come, also after its end. Raises KeyError where there is none of this id."""
    sync = await people_syncs.read(connection, sync_id)
    if sync is None:
        raise KeyError(f"there is no people sync {sync_id}")
    return sync

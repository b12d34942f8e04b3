"""An organization leaves: who is on a cadence is taken off, the connection ends, and what was kept of it is deleted.

From the moment it is asked for, nothing that the bus says of the organization is taken. Its customers are erased as the
directory would erase them: what is pending is withdrawn, memberships that we started are removed, readers of the
engagement topic are told. Once no removal waits any more, the connection is ended and every row of the organization is
deleted but the audit log, which holds ids and digests. Where the team's credential is not accepted any more, or a
removal is refused for a week, somebody stays on a cadence; how many is told.

StillLeaving   the organization cannot come back before it has left
"""

from datetime import datetime, timedelta

from storage import connections, departures, organizations
from storage.departures import Departure, Subject
from storage.pool import Connection
from workflows.audit import Action, Done, note
from workflows.commands import add_disconnect
from workflows.memory import OrganizationMemory
from workflows.snapshots import Erasure, take_snapshots

__all__ = ["StillLeaving", "ask_to_leave", "come_back", "go_on"]

# Longer than Salesloft is away or the team's budget is used up; what is refused until then will not be done.
_PATIENCE = timedelta(days=7)
_A_MOMENT = timedelta(microseconds=1)


class StillLeaving(Exception):
    """What has begun is carried through first."""


async def ask_to_leave(
    connection: Connection, organization_id: str, *, by: str, reason: str, now: datetime
) -> Departure:
    """Have an organization leave from this commit on; to ask again changes nothing."""
    await organizations.ensure(connection, [organization_id], now)
    begun = await departures.begin(connection, organization_id, by=by, now=now)
    if begun is None:
        known = await departures.read(connection, organization_id)
        if known is None:
            raise AssertionError("whoever leaves already has a departure")
        return known
    subject = f"organization/{organization_id}"
    await note(connection, Done(organization_id, Action.LEAVING, subject, by=by, digested=reason), now=now)
    return begun


async def come_back(connection: Connection, organization_id: str, *, by: str, now: datetime) -> bool:
    """Let an organization that has left be heard again, as one that was never here; false where it is here.

    Raises StillLeaving.
    """
    if not await departures.end(connection, organization_id):
        if await departures.read(connection, organization_id) is not None:
            raise StillLeaving(f"{organization_id} is still leaving")
        return False
    subject = f"organization/{organization_id}"
    await note(connection, Done(organization_id, Action.CAME_BACK, subject, by=by), now=now)
    return True


async def go_on(
    connection: Connection, leaving: Departure, memory: OrganizationMemory, now: datetime, *, people: int, rows: int
) -> int:
    """Do the next piece of a departure: so many customers, or so many rows; answers how much was done.

    0 while something else has to happen first, or when the organization has left.
    """
    organization_id = leaving.organization_id
    erased = await _erase(connection, leaving, memory, now, limit=people)
    if erased:
        return erased
    if leaving.left_behind is None and not await _is_let_go(connection, leaving, now):
        return 0
    behind = leaving.left_behind
    if behind is None:
        behind = (await departures.count(connection, organization_id)).on_cadence
    forgotten = await departures.forget(connection, organization_id, left_behind=behind, at_most=rows)
    if not forgotten:
        await departures.leave(connection, organization_id, now)
        detail = {"left_behind": behind, "rows": leaving.rows_deleted}
        await note(
            connection, Done(organization_id, Action.LEFT, f"organization/{organization_id}", detail=detail), now=now
        )
    return forgotten


async def _erase(
    connection: Connection, leaving: Departure, memory: OrganizationMemory, now: datetime, *, limit: int
) -> int:
    customers = await departures.customers(connection, leaving.organization_id, limit=limit)
    # With a customer go those who are known to be there.
    strays = [] if customers else await departures.stakeholders(connection, leaving.organization_id, limit=limit)
    if customers or strays:
        await take_snapshots(
            connection,
            customers=(),
            stakeholders=(),
            erased_customers=[_erasure(leaving, one, now) for one in customers],
            erased_stakeholders=[_erasure(leaving, one, now) for one in strays],
            memory=memory,
            now=now,
        )
    return len(customers) + len(strays)


def _erasure(leaving: Departure, whom: Subject, now: datetime) -> Erasure:
    """Newer than all that is known, whatever the clock of who told it said."""
    return Erasure(
        key=(leaving.organization_id, whom.id),
        as_of=max(now, whom.as_of + _A_MOMENT),
        offset=whom.offset,
        event_id=f"departure/{leaving.organization_id}",
    )


async def _is_let_go(connection: Connection, leaving: Departure, now: datetime) -> bool:
    """Whether nothing is to be done at Salesloft any more; what can be brought nearer to that is."""
    organization_id = leaving.organization_id
    connected = await connections.read(connection, organization_id)
    match connected.status if connected is not None else "disconnected":
        case "connected":
            waiting = (await departures.count(connection, organization_id)).commands
            if (not waiting or now - leaving.asked_at > _PATIENCE) and not await departures.is_disconnecting(
                connection, organization_id
            ):
                await add_disconnect(connection, organization_id, by=leaving.asked_by, now=now)
            return False
        case "needs_reauthorization":
            # Salesloft accepts its credential no more, so there is nothing to be ended there.
            await connections.disconnect(connection, organization_id, now=now)
    return True

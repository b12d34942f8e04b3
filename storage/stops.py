"""Stops: who has switched off what, why and until when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from enrollment.stops import Stop, StopScope
from storage.pool import Connection
from storage.queries import queries

__all__ = ["NewStop", "StandingStop", "add", "end", "standing", "stops_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStop:
    """A stop to be; without an `ends_at` it lasts until somebody starts again."""

    id: UUID
    organization_id: str
    scope: StopScope
    subject: str
    reason: str
    pauses_active: bool
    stopped_by: str
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingStop:
    """A stop that is not over, as people read it."""

    id: UUID
    scope: StopScope
    subject: str
    reason: str
    pauses_active: bool
    stopped_by: str
    stopped_at: datetime
    ends_at: datetime | None


async def stops_of(connection: Connection, organization_ids: Collection[str]) -> dict[str, list[Stop]]:
    """All stops of organizations, those that are over too."""
    found: dict[str, list[Stop]] = {}
    for row in await queries.read_stops(connection, organization_ids=list(organization_ids)):
        stop = Stop(StopScope(row["scope"]), row["subject"], row["stopped_at"], row["over_at"])
        found.setdefault(row["organization_id"], []).append(stop)
    return found


async def standing(connection: Connection, organization_id: str, now: datetime) -> list[StandingStop]:
    """An organization's stops that are not over, oldest first."""
    rows = await queries.list_stops(connection, organization_id=organization_id, now=now)
    return [
        StandingStop(
            id=UUID(int=row["id"].int),
            scope=StopScope(row["scope"]),
            subject=row["subject"],
            reason=row["reason"],
            pauses_active=row["pauses_active"],
            stopped_by=row["stopped_by"],
            stopped_at=row["stopped_at"],
            ends_at=row["ends_at"],
        )
        for row in rows
    ]


async def add(connection: Connection, stop: NewStop, now: datetime) -> None:
    """Stop something from now on."""
    await queries.add_stop(
        connection,
        id=stop.id,
        organization_id=stop.organization_id,
        scope=stop.scope,
        subject=stop.subject,
        reason=stop.reason,
        pauses_active=stop.pauses_active,
        stopped_by=stop.stopped_by,
        now=now,
        ends_at=stop.ends_at,
    )


async def end(connection: Connection, organization_id: str, stop_id: UUID, *, by: str, now: datetime) -> bool:
    """Start again; False where there is no such stop that still stands."""
    ended: UUID | None = await queries.end_stop(
        connection, organization_id=organization_id, id=stop_id, started_by=by, now=now
    )
    return ended is not None

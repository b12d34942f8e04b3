"""Mappings that are run over those whom their trigger has come for before, how far they are, and those events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "EventBefore",
    "NewRun",
    "OpenRun",
    "RunOutcome",
    "RunRecord",
    "add",
    "advance",
    "cancel",
    "due_runs",
    "end",
    "list_runs",
    "newest_events",
    "next_run",
    "put_off",
    "run_of",
]

RunOutcome = Literal["complete", "cap_reached", "mapping_changed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be, over the events that came `since` then; it asks for `at_most` so many."""

    id: UUID
    organization_id: str
    mapping_id: UUID
    mapping_version: int
    since: datetime
    at_most: int
    reason: str
    started_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that is not over. The customers up to `after_customer` were looked at."""

    id: UUID
    organization_id: str
    mapping_id: UUID
    mapping_version: int
    since: datetime
    at_most: int
    after_customer: str
    requested: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as people read it: how many customers it has looked at, how many stakeholders it has asked for."""

    id: UUID
    mapping_id: UUID
    mapping_version: int
    since: datetime
    at_most: int
    reason: str
    started_by: str
    started_at: datetime
    customers: int
    requested: int
    ended_at: datetime | None
    outcome: RunOutcome | None
    cancelled_by: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBefore:
    """An event of a customer that was decided before; `data` is its JSON as it came."""

    customer_id: str
    event_id: str
    event_type: str
    correlation_id: str
    event_source: str
    event_time: datetime
    data: bytes


async def add(connection: Connection, run: NewRun, now: datetime) -> bool:
    """Begin a run; False where one of the mapping is open."""
    added: UUID | None = await queries.add_mapping_run(
        connection,
        id=run.id,
        organization_id=run.organization_id,
        mapping_id=run.mapping_id,
        mapping_version=run.mapping_version,
        since=run.since,
        at_most=run.at_most,
        reason=run.reason,
        started_by=run.started_by,
        now=now,
    )
    return added is not None


async def next_run(connection: Connection, now: datetime, run_id: UUID | None = None) -> OpenRun | None:
    """The run that waits longest, or that one, if one is due; kept from whoever would cancel it until the commit."""
    rows = await queries.next_mapping_run(connection, now=now, id=run_id)
    if not rows:
        return None
    return OpenRun(**{**rows[0], "id": plain_uuid(rows[0]["id"]), "mapping_id": plain_uuid(rows[0]["mapping_id"])})


async def due_runs(connection: Connection, now: datetime, *, limit: int) -> list[UUID]:
    """The runs that are due, longest first. Nothing is locked."""
    return [plain_uuid(row["id"]) for row in await queries.due_mapping_runs(connection, now=now, at_most=limit)]


async def advance(
    connection: Connection, run_id: UUID, *, after_customer: str, customers: int, requested: int, now: datetime
) -> None:
    """It has looked at so many more customers up to one, and asked for so many more stakeholders."""
    await queries.advance_mapping_run(
        connection, id=run_id, after_customer=after_customer, customers=customers, requested=requested, now=now
    )


async def put_off(connection: Connection, run_id: UUID, *, due_at: datetime, error: str | None = None) -> None:
    """It is looked at again then; `error` is what went wrong with it."""
    await queries.put_off_mapping_run(connection, id=run_id, due_at=due_at, error=error)


async def end(connection: Connection, run_id: UUID, outcome: RunOutcome, now: datetime) -> None:
    """It is over."""
    await queries.end_mapping_run(connection, id=run_id, outcome=outcome, now=now)


async def cancel(connection: Connection, organization_id: str, run_id: UUID, *, by: str, now: datetime) -> bool:
    """Have it end where it is; False where there is no such run that is open."""
    cancelled: UUID | None = await queries.cancel_mapping_run(
        connection, organization_id=organization_id, id=run_id, cancelled_by=by, now=now
    )
    return cancelled is not None


async def list_runs(connection: Connection, organization_id: str, *, limit: int) -> list[RunRecord]:
    """An organization's newest runs, newest first."""
    return await _records(connection, organization_id, None, limit)


async def run_of(connection: Connection, organization_id: str, run_id: UUID) -> RunRecord | None:
    """One of an organization's runs."""
    found = await _records(connection, organization_id, run_id, 1)
    return found[0] if found else None


async def _records(connection: Connection, organization_id: str, run_id: UUID | None, limit: int) -> list[RunRecord]:
    rows = await queries.list_mapping_runs(connection, organization_id=organization_id, id=run_id, at_most=limit)
    return [
        RunRecord(**{**row, "id": plain_uuid(row["id"]), "mapping_id": plain_uuid(row["mapping_id"])}) for row in rows
    ]


async def newest_events(
    connection: Connection, organization_id: str, event_type: str, *, since: datetime, customer_ids: Sequence[str]
) -> dict[str, EventBefore]:
    """The newest event of that type of each of the customers that had one since then."""
    rows = await queries.newest_events(
        connection,
        organization_id=organization_id,
        event_type=event_type,
        since=since,
        customer_ids=list(customer_ids),
    )
    return {
        row["customer_id"]: EventBefore(
            **{**row, "data": row["data"].encode(), "event_time": datetime.fromisoformat(row["event_time"])}
        )
        for row in rows
    }

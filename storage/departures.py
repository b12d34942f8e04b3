"""Organizations that leave: that they do, how far it is, and what of them is still to be forgotten."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "Departure",
    "Subject",
    "WhatLeaves",
    "among",
    "begin",
    "count",
    "customers",
    "end",
    "forget",
    "is_disconnecting",
    "leave",
    "read",
    "stakeholders",
    "under_way",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Who asked for it and when; `left_at` is None while it is under way.

    `left_behind` is how many were on a cadence and could not be taken off, None until rows are deleted.
    """

    organization_id: str
    asked_by: str
    asked_at: datetime
    left_behind: int | None
    rows_deleted: int
    left_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatLeaves:
    """How much of an organization there is; `commands` are those for somebody at Salesloft that wait."""

    customers: int
    stakeholders: int
    on_cadence: int
    commands: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A customer or a stakeholder who is to be erased, and how new what is known of them is."""

    id: str
    as_of: datetime
    offset: int


async def begin(connection: Connection, organization_id: str, *, by: str, now: datetime) -> Departure | None:
    """The organization leaves from this commit on; None if it does so already, or has left."""
    rows = await queries.begin_departure(connection, organization_id=organization_id, asked_by=by, now=now)
    return _departure(rows)


async def read(connection: Connection, organization_id: str) -> Departure | None:
    """An organization's departure, None where it is here."""
    return _departure(await queries.read_departure(connection, organization_id=organization_id))


async def among(connection: Connection, organization_ids: Collection[str]) -> set[str]:
    """Which of them leave or have left."""
    rows = await queries.departures_among(connection, organization_ids=list(organization_ids))
    return {row["organization_id"] for row in rows}


async def under_way(connection: Connection, *, limit: int) -> list[Departure]:
    """Who leaves, the first to ask first."""
    return [Departure(**row) for row in await queries.departures_under_way(connection, limit=limit)]


async def count(connection: Connection, organization_id: str) -> WhatLeaves:
    """How much of an organization there is."""
    (row,) = await queries.count_what_leaves(connection, organization_id=organization_id)
    return WhatLeaves(**row)


async def customers(connection: Connection, organization_id: str, *, limit: int) -> list[Subject]:
    """Customers who are not erased yet."""
    rows = await queries.customers_to_forget(connection, organization_id=organization_id, limit=limit)
    return [Subject(*row.values()) for row in rows]


async def stakeholders(connection: Connection, organization_id: str, *, limit: int) -> list[Subject]:
    """Stakeholders who are not erased yet."""
    rows = await queries.stakeholders_to_forget(connection, organization_id=organization_id, limit=limit)
    return [Subject(*row.values()) for row in rows]


async def is_disconnecting(connection: Connection, organization_id: str) -> bool:
    """Whether a command to end the connection waits."""
    told: bool = await queries.has_open_disconnect(connection, organization_id=organization_id)
    return told


async def forget(connection: Connection, organization_id: str, *, left_behind: int, at_most: int) -> int:
    """Delete up to so many rows of an organization that leaves, and answer how many; 0 when there are no more.

    Whoever is writing something of it at this moment is waited for.
    """
    await queries.be_alone_with_organization(connection, organization_id=organization_id)
    rows: int = await queries.forget_organization(connection, organization_id=organization_id, at_most=at_most)
    await queries.note_forgotten(connection, organization_id=organization_id, rows=rows, left_behind=left_behind)
    return rows


async def leave(connection: Connection, organization_id: str, now: datetime) -> None:
    """It has left."""
    await queries.leave(connection, organization_id=organization_id, now=now)


async def end(connection: Connection, organization_id: str) -> bool:
    """An organization that has left comes back; false where it has not left."""
    return await queries.end_absence(connection, organization_id=organization_id) is not None


def _departure(rows: list[Any]) -> Departure | None:
    return Departure(**rows[0]) if rows else None

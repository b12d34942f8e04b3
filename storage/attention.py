"""What people should look at and were not told of yet."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.vocabulary import AttentionKind
from storage.pool import Connection
from storage.queries import queries

__all__ = ["Matter", "add", "expiring", "failing", "owing", "prune", "rising", "undone"]


class Matter(NamedTuple):
    """Something to look at; told of once for each `since` of its subject. `due_at` is None where no clock runs."""

    organization_id: str
    kind: AttentionKind
    subject: str
    since: datetime
    detail: str
    due_at: datetime | None = None


async def expiring(connection: Connection, *, now: datetime, within: timedelta, limit: int) -> list[Matter]:
    """Requests that expire within that time, and of whose own time no more than a quarter is left."""
    rows = await queries.expiring_requests(connection, now=now, soon=now + within, at_most=limit)
    return [
        Matter(
            row["organization_id"],
            AttentionKind.APPROVAL_EXPIRING,
            str(row["id"]),
            row["expires_at"],
            "nobody has answered this approval request, and it expires soon",
            row["expires_at"],
        )
        for row in rows
    ]


async def failing(connection: Connection, *, now: datetime, silent_for: timedelta, limit: int) -> list[Matter]:
    """Connections that have been broken for a day, or of which a stream was not read for so long."""
    rows = await queries.failing_connections(connection, now=now, silent_since=now - silent_for, at_most=limit)
    return [
        Matter(
            row["organization_id"],
            AttentionKind.CONNECTION_FAILING,
            str(row["team_id"]),
            row["since"],
            f"the connection to Salesloft has needed to be authorized again since {row['broken_at']:%Y-%m-%d %H:%M} UTC"
            if row["status"] == "needs_reauthorization"
            else f"Salesloft's activity has not been read to its end since {row['broken_at']:%Y-%m-%d %H:%M} UTC",
        )
        for row in rows
    ]


async def rising(connection: Connection, *, now: datetime, at_least: int, limit: int) -> list[Matter]:
    """Organizations with so many failed enrollments in the last hour, and more than twice those of the hour before."""
    rows = await queries.rising_failures(connection, now=now, at_least=at_least, at_most=limit)
    return [
        Matter(
            row["organization_id"],
            AttentionKind.FAILURES_RISING,
            row["organization_id"],
            now,
            f"{row['latest']} enrollments failed within the last hour, {row['before']} in the hour before",
        )
        for row in rows
    ]


async def owing(connection: Connection, *, now: datetime, limit: int) -> list[Matter]:
    """Streams of which two cycles in a row ended owing records that could not be taken in; once a day."""
    rows = await queries.owing_streams(connection, now=now, at_most=limit)
    return [
        Matter(
            row["organization_id"],
            AttentionKind.SYNC_OWES,
            row["stream"],
            row["since"],
            f"{row['owed']} records of {row['stream']} could not be taken in in the last cycle, {row['owed_before']} in"
            " the one before: they are read again, ever more rarely, and the log names them (salesloft_record_owed)",
        )
        for row in rows
    ]


async def undone(connection: Connection, *, asked_before: datetime, limit: int) -> list[Matter]:
    """Removals asked for before an instant that have failed ever since: the person is on the cadence still."""
    rows = await queries.undone_removals(connection, asked_before=asked_before, at_most=limit)
    return [
        Matter(
            row["organization_id"],
            AttentionKind.FAILURES_RISING,
            str(row["enrollment_id"]),
            row["since"],
            f"the person should be off the cadence since {row['since']:%Y-%m-%d %H:%M} UTC, and Salesloft has not taken"
            f" them off, which is tried again: {row['last_error']}",
        )
        for row in rows
    ]


async def add(connection: Connection, matters: Sequence[Matter], now: datetime) -> None:
    """Note that people are told of these."""
    await queries.add_attention(
        connection,
        organization_ids=[one.organization_id for one in matters],
        kinds=[one.kind.value for one in matters],
        subjects=[one.subject for one in matters],
        sinces=[one.since for one in matters],
        now=now,
    )


async def prune(connection: Connection, *, told_before: datetime, limit: int) -> int:
    """Forget up to `limit` that were told before a business instant; returns how many."""
    forgotten: int = await queries.prune_attention(connection, told_before=told_before, at_most=limit)
    return forgotten

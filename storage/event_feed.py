"""The outbox read by position, for those who look on: what was committed, in the order of positions, and nothing twice.

A position is given out before its transaction commits, so a later one may be seen first. Whoever reads on from a
position stays below every transaction that may still hold an earlier one: an insert takes a lock on the table before
it gets a position and keeps it to its end, so what was given out is settled once everybody who had that lock then is
through.
"""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = ["FeedRow", "between", "given_out", "oldest", "writers"]


class FeedRow(NamedTuple):
    """A message; `key` is its record key, and `payload` None of a tombstone."""

    position: int
    event_id: UUID
    type: str
    key: str
    payload: bytes | None


async def given_out(connection: Connection) -> int:
    """How far positions were given out, 0 before the first. Read it before `writers`."""
    position: int = await queries.outbox_given_out(connection)
    return position


async def writers(connection: Connection) -> frozenset[str]:
    """The transactions that may hold a position which they have not committed."""
    return frozenset(row["writer"] for row in await queries.outbox_writers(connection))


async def oldest(connection: Connection) -> int | None:
    """The oldest position that is kept; None where nothing is."""
    position: int | None = await queries.outbox_oldest(connection)
    return position


async def between(
    connection: Connection,
    *,
    after: int,
    until: int,
    topics: Collection[str],
    types: Collection[str],
    organization_ids: Collection[str],
    limit: int,
) -> list[FeedRow]:
    """Up to `limit` messages of some organizations, beyond a position and up to another, in their order."""
    rows = await queries.outbox_between(
        connection,
        after=after,
        until=until,
        topics=list(topics),
        types=list(types),
        organization_ids=list(organization_ids),
        at_most=limit,
    )
    return [
        FeedRow(row["position"], plain_uuid(row["id"]), row["type"], row["aggregateid"], row["payload"]) for row in rows
    ]

"""Marks of messages taken, so that a message's effect happens once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from storage.pool import Connection
from storage.queries import queries

__all__ = ["InboxKey", "InboxMark", "mark", "marked_digests", "unmark"]


class InboxKey(NamedTuple):
    """What identifies a message to one consumer group. A tuple, for each record's is hashed several times."""

    topic: str
    source: str
    event_id: str


@dataclass(frozen=True, slots=True)
class InboxMark:
    """A message, and the digest of its data: the same id with other data is another message in disguise."""

    key: InboxKey
    data_digest: bytes


async def mark(connection: Connection, consumer_group: str, marks: Sequence[InboxMark]) -> set[InboxKey]:
    """Mark messages and return the keys that were marked before. A batch names a key once."""
    rows = await queries.mark_inbox(
        connection,
        consumer_group=consumer_group,
        marks=[(m.key.topic, m.key.source, m.key.event_id, m.data_digest) for m in marks],
    )
    return {marks[row["place"] - 1].key for row in rows}


async def marked_digests(
    connection: Connection, consumer_group: str, keys: Sequence[InboxKey]
) -> dict[InboxKey, bytes]:
    """The digests under which messages were marked before."""
    rows = await queries.read_inbox(
        connection,
        consumer_group=consumer_group,
        topics=[key.topic for key in keys],
        sources=[key.source for key in keys],
        event_ids=[key.event_id for key in keys],
    )
    return {InboxKey(row["topic"], row["source"], row["event_id"]): row["data_digest"] for row in rows}


async def unmark(connection: Connection, consumer_group: str, keys: Sequence[InboxKey]) -> None:
    """Take marks back: a dead letter leaves none, so that its redrive is taken."""
    await queries.unmark_inbox(
        connection,
        consumer_group=consumer_group,
        topics=[key.topic for key in keys],
        sources=[key.source for key in keys],
        event_ids=[key.event_id for key in keys],
    )

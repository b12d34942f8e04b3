"""Up to which business instant the partitions of a topic have been read, applied effects included."""

from collections.abc import Mapping
from datetime import datetime

from storage.pool import Connection
from storage.queries import queries

__all__ = ["read_through", "record_read_through"]


async def record_read_through(connection: Connection, instants: Mapping[tuple[str, int], datetime]) -> None:
    """Keep, by (topic, partition), the instant up to which what it held then is applied; never an earlier one."""
    await queries.record_read_through(
        connection,
        topics=[topic for topic, _ in instants],
        partitions=[partition for _, partition in instants],
        instants=list(instants.values()),
    )


async def read_through(connection: Connection, topic: str, partitions: int) -> datetime | None:
    """The instant up to which all of a topic has been read; None until each of its partitions has been."""
    row = await queries.read_through(connection, topic=topic, partitions=partitions)
    instant: datetime | None = row["read_through"]
    return instant

"""The relay's side of the outbox: leases on lanes, rows that wait, marks of what Kafka has, pruning, and the hint.

Leases are in real time, by the database's `clock_timestamp()`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from storage.outbox import LANES
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "OUTBOX_CHANNEL",
    "Backlog",
    "OutboxKey",
    "OutboxRow",
    "backlog",
    "fair_share",
    "give_lanes_back",
    "living_relays",
    "mark_sent",
    "prune",
    "renew_lanes",
    "sign_off",
    "take_lanes",
    "unsent",
]

OUTBOX_CHANNEL = "cscx_outbox"

OutboxKey = tuple[str, bytes | None]
"""A topic and a record key: what order is kept for."""


class OutboxRow(NamedTuple):
    """What is needed to publish a message; `headers` as `storage.outbox.pack_headers` left them."""

    lane: int
    position: int
    topic: str
    key: bytes | None
    headers: bytes
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many rows wait (counted up to a bound), and the age of the oldest in seconds, 0 where none waits."""

    rows: int
    oldest_seconds: float


def fair_share(holder: str, living: Sequence[str]) -> int:
    """How many lanes a relay should hold beside the others: shares differ by one at most and sum up to all lanes.

    `living` holds `holder` and is sorted, so that every relay computes the same shares.
    """
    share, rest = divmod(LANES, len(living))
    return share + (living.index(holder) < rest)


async def renew_lanes(connection: Connection, *, holder: str, lease_seconds: float) -> set[int]:
    """Prolong a relay's leases, say that it lives, and return the lanes that are still its own."""
    await queries.announce_relay(connection, holder=holder, lease_seconds=lease_seconds)
    return {row["lane"] for row in await queries.renew_lanes(connection, holder=holder, lease_seconds=lease_seconds)}


async def living_relays(connection: Connection) -> list[str]:
    """The holders whose announcement has not run out, sorted."""
    return [row["holder"] for row in await queries.living_relays(connection)]


async def take_lanes(connection: Connection, *, holder: str, wanted: int, lease_seconds: float) -> set[int]:
    """Lease up to `wanted` lanes that are free or whose lease ran out, and return them."""
    rows = await queries.take_lanes(connection, holder=holder, wanted=wanted, lease_seconds=lease_seconds)
    return {row["lane"] for row in rows}


async def give_lanes_back(connection: Connection, *, holder: str, lanes: Collection[int]) -> None:
    """End leases early. The caller has nothing of these lanes in flight."""
    await queries.give_lanes_back(connection, holder=holder, lanes=sorted(lanes))


async def sign_off(connection: Connection, *, holder: str) -> None:
    """Give every lane back and be no longer counted."""
    await queries.give_lanes_back(connection, holder=holder, lanes=list(range(LANES)))
    await queries.forget_relays(connection, holder=holder)


async def unsent(
    connection: Connection,
    *,
    lanes: Collection[int],
    rows_per_lane: int,
    max_bytes: int,
    stopped_keys: Collection[OutboxKey],
    absent_topics: Collection[str],
) -> list[OutboxRow]:
    """What waits in the lanes, without what stands still; each key's rows from its oldest on, in order.

    Needs a transaction. It reads from the start every time: rows become visible in the order of commits, and behind a
    cursor a key's older row could appear after its younger one was read.
    """
    await queries.read_queues_in_order(connection)
    records = await queries.unsent_of_lanes(
        connection,
        lanes=sorted(lanes),
        rows_per_lane=rows_per_lane,
        max_bytes=max_bytes,
        stopped_topics=[topic for topic, _ in stopped_keys],
        stopped_keys=[key or b"" for _, key in stopped_keys],
        absent_topics=list(absent_topics),
    )
    return [OutboxRow._make(record) for record in records]


async def mark_sent(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Note that Kafka has acknowledged these rows. Needs a transaction."""
    await queries.read_queues_in_order(connection)
    await queries.mark_sent(connection, lanes=[row.lane for row in rows], positions=[row.position for row in rows])


async def backlog(connection: Connection, *, lanes: Collection[int], count_at_most: int) -> Backlog:
    """What waits in some lanes. Needs a transaction."""
    await queries.read_queues_in_order(connection)
    row = await queries.outbox_backlog(connection, lanes=sorted(lanes), count_at_most=count_at_most)
    return Backlog(row["rows"], row["oldest_seconds"])


async def prune(connection: Connection, *, written_before: datetime, limit: int) -> int:
    """Delete up to `limit` rows that were written before an instant of real time and are sent; returns how many.

    Needs a transaction. Call it again as long as it returns `limit`.
    """
    await queries.read_queues_in_order(connection)
    deleted: int = await queries.prune_outbox(connection, written_before=written_before, at_most=limit)
    return deleted

"""Where the reading of each organization's streams stands: cursor, cycle, ledger, and who reads.

An organization has one reader at a time, for all of its streams. Leases and pauses are real time, by the database's
`clock_timestamp()`; cycles are business time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from activity.ledger import Ledger
from storage.errors import ConcurrentChange
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "SYNC_CHANNEL",
    "ClosedLedger",
    "LeaseLost",
    "OrganizationLease",
    "Position",
    "StreamProgress",
    "StreamState",
    "SyncStream",
    "add_to_ledger",
    "begin_cycle",
    "claim",
    "close_ledger",
    "end_cycle",
    "hasten",
    "hold",
    "move_cursor",
    "open_ledger",
    "open_streams",
    "position_at",
    "postpone",
    "progress",
    "read_again",
    "release",
]

SYNC_CHANNEL = "cscx_sync"
"""Where a commit that makes a stream due is heard."""


class LeaseLost(ConcurrentChange):
    """Another reader has taken the organization over: whatever this transaction did must not be kept."""


class SyncStream(StrEnum):
    """The streams, in the order of a cycle: activity is told to people who are known, in memberships that are known."""

    PEOPLE = "people"
    ACCOUNTS = "accounts"
    MEMBERSHIPS = "memberships"
    EMAILS = "emails"
    CALLS = "calls"
    HISTORIES = "histories"


@dataclass(frozen=True, slots=True)
class Position:
    """Everything before `at` has been read, and of that instant the rows `ids`."""

    at: datetime
    ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """A stream as it stood when its organization was claimed.

    `due` says whether it is to be read now; `open_cycle` is the cycle that began and has not ended, to go on with.
    """

    stream: SyncStream
    position: Position | None
    open_cycle: int | None
    next_cycle_at: datetime
    due: bool
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationLease:
    """An organization that is held; `lease_s` is real seconds from the claim or from the last `hold`."""

    organization_id: str
    team_id: int
    holder: str
    lease_s: float
    streams: dict[SyncStream, StreamState]

    @property
    def due(self) -> list[SyncStream]:
        """The streams to be read now."""
        return [state.stream for state in self.streams.values() if state.due]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamProgress:
    """What a stream's cycle has looked at so far and told of, whether it is through, and what the stream still owes."""

    stream: SyncStream
    scanned: int
    emitted: int
    owed: int
    is_read: bool


@dataclass(frozen=True, slots=True)
class ClosedLedger:
    """What a cycle came to."""

    started_at: datetime
    ledger: Ledger


async def open_streams(connection: Connection, now: datetime) -> None:
    """Give every connected organization its streams, due at once where they are new."""
    await queries.open_streams(connection, streams=list(SyncStream), now=now)


async def claim(
    connection: Connection, *, holder: str, lease_s: float, limit: int, now: datetime
) -> list[OrganizationLease]:
    """Take up to `limit` organizations that have a stream due; who was served longest ago comes first."""
    rows = await queries.claim_organizations(connection, holder=holder, lease_s=lease_s, limit=limit, now=now)
    claimed: dict[str, OrganizationLease] = {}
    for row in rows:
        lease = claimed.setdefault(
            row["organization_id"],
            OrganizationLease(
                organization_id=row["organization_id"],
                team_id=row["team_id"],
                holder=holder,
                lease_s=lease_s,
                streams={},
            ),
        )
        stream = SyncStream(row["stream"])
        lease.streams[stream] = StreamState(
            stream=stream,
            position=_position(row),
            open_cycle=row["cycle"] if row["amid_cycle"] else None,
            next_cycle_at=row["next_cycle_at"],
            due=row["due"],
            failures=row["failures"],
        )
    return list(claimed.values())


async def hold(connection: Connection, lease: OrganizationLease) -> None:
    """Begin another lease. Locks the organization's reading until the commit.

    Raises LeaseLost where another reader has it.
    """
    held = await queries.hold_organization(
        connection, organization_id=lease.organization_id, holder=lease.holder, lease_s=lease.lease_s
    )
    if held is None:
        raise LeaseLost(f"the reading of organization {lease.organization_id} is no longer held")


async def release(connection: Connection, lease: OrganizationLease) -> None:
    """Give the organization back, where it is still ours."""
    await queries.release_organization(connection, organization_id=lease.organization_id, holder=lease.holder)


async def open_ledger(connection: Connection, organization_id: str, stream: str, now: datetime) -> int:
    """Begin an empty ledger; answers the number of its cycle."""
    cycle: int = await queries.open_ledger(connection, organization_id=organization_id, stream=stream, now=now)
    return cycle


async def begin_cycle(
    connection: Connection, organization_id: str, stream: SyncStream, now: datetime
) -> tuple[int, Position | None]:
    """Begin the stream's next cycle with an empty ledger; answers its number, and from where it is to be read."""
    cycle = await open_ledger(connection, organization_id, stream, now)
    rows = await queries.begin_cycle(connection, organization_id=organization_id, stream=stream, cycle=cycle, now=now)
    return cycle, _position(rows[0])


async def read_again(connection: Connection, organization_id: str, *, since: datetime, now: datetime) -> int:
    """Have every stream read now, and from `since` on once more; answers how many there are, none if not connected.

    What is owed is read again now, too, however long it was to wait.
    """
    rows = await queries.read_again(connection, organization_id=organization_id, since=since, now=now)
    if rows:
        await queries.hasten_owed(connection, organization_id=organization_id, now=now)
        await queries.notify_sync(connection, organization_id=organization_id)
    return len(rows)


async def progress(connection: Connection, organization_id: str, *, asked_at: datetime) -> list[StreamProgress]:
    """How far the streams are that were to be read again at `asked_at`."""
    rows = await queries.read_progress(connection, organization_id=organization_id, asked_at=asked_at)
    return [
        StreamProgress(
            stream=SyncStream(row["stream"]),
            scanned=row["scanned"] if row["has_begun"] else 0,
            emitted=row["emitted"] if row["has_begun"] else 0,
            owed=row["owed"],
            is_read=row["is_read"] is True,
        )
        for row in rows
    ]


def _position(row: Any) -> Position | None:
    return None if row["position_at"] is None else Position(row["position_at"], frozenset(row["position_ids"]))


async def move_cursor(connection: Connection, organization_id: str, stream: SyncStream, position: Position) -> None:
    """Note how far the stream has been read."""
    await queries.advance_stream(
        connection,
        organization_id=organization_id,
        stream=stream,
        position_at=position.at,
        position_ids=sorted(position.ids),
    )


async def position_at(connection: Connection, organization_id: str, stream: SyncStream) -> datetime | None:
    """The `updated_at` of the last row that the stream's cursor has come to, None where it has not begun."""
    at: datetime | None = await queries.read_position(connection, organization_id=organization_id, stream=stream)
    return at


async def add_to_ledger(connection: Connection, organization_id: str, stream: str, cycle: int, ledger: Ledger) -> None:
    """Add to the ledger of a cycle all but what is owed, which is kept record by record."""
    await queries.add_to_ledger(
        connection,
        organization_id=organization_id,
        stream=stream,
        cycle=cycle,
        scanned=ledger.scanned,
        emitted=ledger.emitted,
        deduplicated=ledger.deduplicated,
        out_of_scope=ledger.out_of_scope,
        fallen=ledger.fallen,
    )


async def close_ledger(
    connection: Connection, organization_id: str, stream: str, cycle: int, *, watermark: datetime | None, now: datetime
) -> ClosedLedger:
    """End a ledger and answer it; `watermark` is how far Salesloft's records were read.

    It owes all that its stream owes now. What was read beside the streams' cycles is owed by theirs.
    """
    rows = await queries.close_ledger(
        connection, organization_id=organization_id, stream=stream, cycle=cycle, watermark=watermark, now=now
    )
    row = rows[0]
    return ClosedLedger(
        row["started_at"],
        Ledger(
            scanned=row["scanned"],
            emitted=row["emitted"],
            deduplicated=row["deduplicated"],
            out_of_scope=row["out_of_scope"],
            fallen=row["fallen"],
            owed=row["owed"],
        ),
    )


async def end_cycle(
    connection: Connection, organization_id: str, stream: SyncStream, *, next_cycle_at: datetime, now: datetime
) -> None:
    """The stream has been read to its end; the next cycle begins at `next_cycle_at`."""
    await queries.end_cycle(
        connection, organization_id=organization_id, stream=stream, next_cycle_at=next_cycle_at, now=now
    )


async def postpone(
    connection: Connection,
    organization_id: str,
    streams: Collection[SyncStream],
    *,
    until: datetime | None = None,
    pause_s: float = 0.0,
    failures: int = 0,
) -> None:
    """Have streams go on `until` an instant (business time), or after `pause_s` real seconds, or both."""
    await queries.postpone_streams(
        connection,
        organization_id=organization_id,
        streams=list(streams),
        next_cycle_at=until,
        pause_s=pause_s,
        failures=failures,
    )


async def hasten(connection: Connection, organization_id: str, streams: Sequence[SyncStream], at: datetime) -> None:
    """Have streams read at `at` (business time) at the latest, and hint the readers."""
    for stream in streams:
        await queries.hasten_stream(connection, organization_id=organization_id, stream=stream, at=at)
    await queries.notify_sync(connection, organization_id=organization_id)

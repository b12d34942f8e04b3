"""Where each organization's nightly comparison with Salesloft stands. Its ledger's stream is `reconcile`.

Pauses after a failure are real time, everything else is business time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from storage.pool import Connection
from storage.queries import queries
from storage.sync import Position, SyncStream

__all__ = [
    "HELD_MEMBERSHIPS",
    "HELD_PEOPLE",
    "PARTS",
    "STREAM",
    "HeldStay",
    "Reconciliation",
    "ReconciliationProgress",
    "advance",
    "ask",
    "begin",
    "begin_part",
    "due",
    "end",
    "held",
    "held_stays",
    "open_all",
    "progress",
    "put_off",
    "stale",
]

STREAM: Final = "reconcile"
HELD_MEMBERSHIPS: Final = "held memberships"
HELD_PEOPLE: Final = "held people"
PARTS: Final = (HELD_MEMBERSHIPS, HELD_PEOPLE, *(stream.value for stream in SyncStream))
"""What is compared, in this order: what we hold, by its ids, then the streams, by what has changed lately.

Memberships come before people: who is told of the end of a membership is known by its person.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """A comparison that is due; `part` is None where it has not begun. `read_to` is set for a stream's part."""

    part: str | None
    cycle: int | None
    started_at: datetime | None
    after_id: int
    position: Position | None
    read_to: datetime | None
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationProgress:
    """How far a comparison is. `part` is None before it begins and after its end."""

    part: str | None
    scanned: int
    holes: int
    deletions: int
    is_through: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldStay:
    """A stay that we hold as on its cadence."""

    stakeholder_id: str | None
    person_id: int
    cadence_id: int
    added_at: datetime
    salesloft_membership_id: int
    step_id: int | None
    updated_at: datetime


async def open_all(connection: Connection, *, first_at: datetime, spread: timedelta) -> None:
    """Give every connected organization that has none its first comparison, within `spread` after an instant."""
    await queries.open_reconciliations(connection, first_at=first_at, spread_s=spread.total_seconds())


async def due(connection: Connection, organization_id: str, now: datetime) -> Reconciliation | None:
    """The organization's comparison, if there is something to do for it now."""
    rows = await queries.due_reconciliation(connection, organization_id=organization_id, now=now)
    if not rows:
        return None
    row = rows[0]
    at = row["position_at"]
    return Reconciliation(
        part=row["part"],
        cycle=row["cycle"],
        started_at=row["started_at"],
        after_id=row["after_id"],
        position=None if at is None else Position(at, frozenset(row["position_ids"])),
        read_to=row["read_to"],
        failures=row["failures"],
    )


async def begin(connection: Connection, organization_id: str, *, cycle: int, now: datetime) -> None:
    """Begin with the first part."""
    await queries.begin_reconciliation(connection, organization_id=organization_id, cycle=cycle, part=PARTS[0], now=now)


async def begin_part(connection: Connection, organization_id: str, part: str) -> datetime | None:
    """Begin another part; of a stream this answers how far it is read again, None if it never was."""
    rows = await queries.begin_part(connection, organization_id=organization_id, part=part)
    read_to: datetime | None = rows[0]["read_to"]
    return read_to


async def advance(
    connection: Connection,
    organization_id: str,
    *,
    after_id: int = 0,
    position: Position | None = None,
    holes: int = 0,
    deletions: int = 0,
) -> None:
    """Note how far the part is, and what was found there."""
    await queries.advance_reconciliation(
        connection,
        organization_id=organization_id,
        after_id=after_id,
        position_at=None if position is None else position.at,
        position_ids=[] if position is None else sorted(position.ids),
        holes=holes,
        deletions=deletions,
    )


async def end(
    connection: Connection, organization_id: str, *, next_at: datetime, spread: timedelta, now: datetime
) -> tuple[int, int]:
    """End it, and have the next one begin within `spread` after `next_at`; answers the holes and deletions found."""
    rows = await queries.end_reconciliation(
        connection, organization_id=organization_id, next_at=next_at, spread_s=spread.total_seconds(), now=now
    )
    return rows[0]["holes"], rows[0]["deletions"]


async def put_off(
    connection: Connection, organization_id: str, *, until: datetime | None = None, pause_s: float = 0.0
) -> None:
    """Have it go on `until` an instant (business time) at the earliest, or after `pause_s` real seconds, or both."""
    await queries.put_off_reconciliation(connection, organization_id=organization_id, until=until, pause_s=pause_s)


async def ask(connection: Connection, organization_id: str, now: datetime) -> bool:
    """Have it done now, and wake the readers; answers whether the organization is connected."""
    if not await queries.ask_reconciliation(connection, organization_id=organization_id, now=now):
        return False
    await queries.notify_sync(connection, organization_id=organization_id)
    return True


async def progress(connection: Connection, organization_id: str, *, asked_at: datetime) -> ReconciliationProgress:
    """How far the comparison is that was asked for at `asked_at`."""
    rows = await queries.reconciliation_progress(connection, organization_id=organization_id, asked_at=asked_at)
    row = rows[0] if rows else None
    if row is None or not row["has_begun"]:
        return ReconciliationProgress(part=None, scanned=0, holes=0, deletions=0, is_through=False)
    return ReconciliationProgress(
        part=row["part"],
        scanned=row["scanned"],
        holes=row["holes"],
        deletions=row["deletions"],
        is_through=row["is_through"],
    )


async def held(connection: Connection, organization_id: str, part: str, *, after_id: int, limit: int) -> list[int]:
    """The next ids of what we hold: Salesloft's memberships on a cadence, or people who are somebody's."""
    query = queries.held_memberships if part == HELD_MEMBERSHIPS else queries.held_people
    rows = await query(connection, organization_id=organization_id, after_id=after_id, limit=limit)
    return [row["id"] for row in rows]


async def stale(
    connection: Connection, organization_id: str, stream: SyncStream, shown: Sequence[tuple[int, datetime]]
) -> int:
    """How many of some people or accounts, given with their `updated_at`, we hold as they were before; else 0."""
    counting = {
        SyncStream.PEOPLE: queries.count_stale_people,
        SyncStream.ACCOUNTS: queries.count_stale_accounts,
    }.get(stream)
    if counting is None or not shown:
        return 0
    number: int = await counting(
        connection,
        organization_id=organization_id,
        ids=[record_id for record_id, _ in shown],
        updated_at=[updated_at for _, updated_at in shown],
    )
    return number


async def held_stays(connection: Connection, organization_id: str, membership_ids: Collection[int]) -> list[HeldStay]:
    """The stays of some of Salesloft's memberships that we hold as on their cadence. Nothing is locked."""
    rows = await queries.held_stays(connection, organization_id=organization_id, membership_ids=list(membership_ids))
    return [
        HeldStay(
            stakeholder_id=row["stakeholder_id"],
            person_id=row["salesloft_person_id"],
            cadence_id=row["cadence_id"],
            added_at=row["added_at"],
            salesloft_membership_id=row["salesloft_membership_id"],
            step_id=row["step_id"],
            updated_at=row["salesloft_updated_at"],
        )
        for row in rows
    ]

"""Records of Salesloft's that could not be taken in, kept until they are or until Salesloft no longer has them.

A record without a readable id goes by the instant from which its page was read. After each reading that fails the next
one is later: a quarter of an hour (business time), twice that, and so on up to a day.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from activity.ledger import Debt
from storage.pool import Connection
from storage.queries import queries
from storage.sync import SyncStream

__all__ = ["OwedRecord", "among", "count", "due", "nameless", "note", "put_off", "settle", "settle_due"]


@dataclass(frozen=True, slots=True)
class OwedRecord:
    """A record to be read again; read from `changed_at` on, a cursor comes to it at once."""

    record_id: str
    changed_at: datetime


def nameless(since: datetime) -> str:
    """What records without a readable id go by, of a page that was read from that instant on."""
    return f"@{since.isoformat()}"


async def note(
    connection: Connection, organization_id: str, stream: SyncStream, debts: Sequence[Debt], now: datetime
) -> None:
    """Keep that these could not be taken in, once more where they are kept already."""
    last = {debt.record_id: debt for debt in debts}
    await queries.note_owed(
        connection,
        organization_id=organization_id,
        stream=stream,
        now=now,
        record_ids=list(last),
        units=[debt.units for debt in last.values()],
        changed_at=[debt.changed_at for debt in last.values()],
        reasons=[debt.reason for debt in last.values()],
    )


async def put_off(
    connection: Connection,
    organization_id: str,
    stream: SyncStream,
    record_ids: Collection[str],
    *,
    reason: str,
    now: datetime,
) -> None:
    """Salesloft did not answer what these are."""
    await queries.put_off_owed(
        connection,
        organization_id=organization_id,
        stream=stream,
        record_ids=list(record_ids),
        reason=reason,
        now=now,
    )


async def settle(connection: Connection, organization_id: str, stream: SyncStream, record_ids: Collection[str]) -> None:
    """These were taken in, or Salesloft no longer has them."""
    await queries.settle_owed(connection, organization_id=organization_id, stream=stream, record_ids=list(record_ids))


async def settle_due(
    connection: Connection, organization_id: str, stream: SyncStream, record_ids: Collection[str], now: datetime
) -> None:
    """The same for those of them that are still due: what was refused in this very transaction stays."""
    await queries.settle_due_owed(
        connection, organization_id=organization_id, stream=stream, record_ids=list(record_ids), now=now
    )


async def due(
    connection: Connection, organization_id: str, stream: SyncStream, *, without_id: bool, limit: int, now: datetime
) -> list[OwedRecord]:
    """Records to be read again: those without a readable id, or those with one."""
    rows = await queries.due_owed(
        connection, organization_id=organization_id, stream=stream, nameless=without_id, limit=limit, now=now
    )
    return [OwedRecord(row["record_id"], row["changed_at"]) for row in rows]


async def among(
    connection: Connection, organization_id: str, stream: SyncStream, record_ids: Collection[str]
) -> set[str]:
    """Those of some records that are owed."""
    rows = await queries.owed_among(
        connection, organization_id=organization_id, stream=stream, record_ids=list(record_ids)
    )
    return {row["record_id"] for row in rows}


async def count(connection: Connection, stream: SyncStream) -> int:
    """How many units are owed of a stream, all organizations together."""
    units: int = await queries.count_owed(connection, stream=stream)
    return units

"""What people look at of an organization's connection and of the reading of its streams. Nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.pool import Connection
from storage.queries import queries
from storage.rows import rows_as

__all__ = ["ConnectionLook", "LedgerLook", "StreamLook", "connection_of", "ledger", "streams"]

LedgerPlace = tuple[datetime | None, str | None, int | None]


@dataclass(slots=True)
class ConnectionLook:
    """A connection, without what it is connected by; `expires_at` is the access token's end where it has one."""

    team_id: int
    team_name: str | None
    status: str
    status_reason: str | None
    status_since: datetime
    credential_kind: str
    expires_at: datetime | None
    scopes: Sequence[str] | None
    connected_at: datetime
    connected_by: str | None
    webhooks_ensured_at: datetime | None
    cadences_read_at: datetime | None


@dataclass(slots=True)
class StreamLook:
    """Where a stream's reading stands, and what its present cycle came to; counts are None before the first."""

    stream: str
    cycle: int
    cycle_started_at: datetime | None
    cycle_ended_at: datetime | None
    next_cycle_at: datetime
    position_at: datetime | None
    failures: int
    read_again_since: datetime | None
    is_held: bool | None
    scanned: int | None
    emitted: int | None
    deduplicated: int | None
    out_of_scope: int | None
    fallen: int | None
    owed: int | None


@dataclass(slots=True)
class LedgerLook:
    """What a cycle came to; `ended_at` is None of one that goes on."""

    stream: str
    cycle: int
    started_at: datetime
    ended_at: datetime | None
    watermark: datetime | None
    scanned: int
    emitted: int
    deduplicated: int
    out_of_scope: int
    fallen: int
    owed: int


async def connection_of(connection: Connection, organization_id: str) -> ConnectionLook | None:
    """How an organization is connected; None where it never was."""
    found = rows_as(ConnectionLook, await queries.look_at_connection(connection, organization_id=organization_id))
    return found[0] if found else None


async def streams(connection: Connection, organization_id: str) -> list[StreamLook]:
    """Where the reading of an organization's streams stands, by name."""
    return rows_as(StreamLook, await queries.look_at_streams(connection, organization_id=organization_id))


async def ledger(
    connection: Connection, organization_id: str, *, stream: str | None, before: LedgerPlace, limit: int
) -> list[LedgerLook]:
    """What an organization's cycles came to, the latest first."""
    before_at, before_stream, before_cycle = before
    rows = await queries.look_at_ledger(
        connection,
        organization_id=organization_id,
        stream=stream,
        before_at=before_at,
        before_stream=before_stream,
        before_cycle=before_cycle,
        at_most=limit,
    )
    return rows_as(LedgerLook, rows)

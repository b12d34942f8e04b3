"""The audit log: what was done, noted in the transaction that does it, and sealed into a chain after its commit."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "Chain",
    "Entry",
    "NewEntry",
    "Sealed",
    "Value",
    "add",
    "advance_chain",
    "chains",
    "hash_at",
    "latest",
    "lock_chains",
    "open_chains",
    "organizations_to_seal",
    "organizations_with_chains",
    "seal",
    "sealed_after",
    "unsealed",
]

Value = str | int | bool | None
"""What a detail may be: what reads the same from every JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What is noted; `actor` None is the service by itself, `digest` stands for what is not kept."""

    id: UUID
    organization_id: str
    action: str
    subject: str
    actor: str | None
    way: str
    correlation_id: str | None
    digest: str | None
    detail: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(NewEntry):
    """What was noted: `done_at` by business time, `recorded_at` by the database's own clock."""

    done_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An entry's place in its chain; `sequence` and `hash` are None until it is sealed."""

    sequence: int | None
    hash: bytes | None
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """How far an organization's chain is: its last entry's `sequence` (0 before the first) and `hash`."""

    organization_id: str
    sequence: int
    hash: bytes


async def add(connection: Connection, entries: Sequence[NewEntry], now: datetime) -> None:
    """Note what the caller's transaction does, in this order."""
    await queries.note_audit(
        connection,
        now=now,
        ids=[one.id for one in entries],
        organization_ids=[one.organization_id for one in entries],
        actions=[one.action for one in entries],
        subjects=[one.subject for one in entries],
        actors=[one.actor for one in entries],
        ways=[one.way for one in entries],
        correlation_ids=[one.correlation_id for one in entries],
        digests=[one.digest for one in entries],
        details=[orjson.dumps(dict(one.detail)).decode() for one in entries],
    )


async def organizations_to_seal(connection: Connection, *, limit: int) -> list[str]:
    """Organizations with entries that wait for their seals."""
    rows = await queries.organizations_to_seal(connection, at_most=limit)
    return [row["organization_id"] for row in rows]


async def open_chains(connection: Connection, beginnings: Mapping[str, bytes]) -> None:
    """Begin chains, each with the hash that its first entry follows; those that have begun stay."""
    await queries.open_audit_chains(connection, organization_ids=list(beginnings), hashes=list(beginnings.values()))


async def lock_chains(connection: Connection, organization_ids: Collection[str]) -> list[Chain]:
    """Be the only one who seals for these organizations until the commit; without those that somebody else has."""
    rows = await queries.lock_audit_chains(connection, organization_ids=list(organization_ids))
    return [_chain(row) for row in rows]


async def unsealed(connection: Connection, organization_id: str, *, limit: int) -> list[Entry]:
    """An organization's entries that wait for their seals, in the order in which they were noted."""
    rows = await queries.unsealed_audit(connection, organization_id=organization_id, at_most=limit)
    return [_entry(row) for row in rows]


async def seal(connection: Connection, seals: Sequence[tuple[UUID, int, bytes]]) -> None:
    """Give entries, by their ids, their sequences and hashes."""
    ids, sequences, hashes = zip(*seals, strict=True)
    await queries.seal_audit(connection, ids=list(ids), sequences=list(sequences), hashes=list(hashes))


async def advance_chain(connection: Connection, organization_id: str, *, sequence: int, hash_: bytes) -> None:
    """Say how far a chain is. The caller has locked it."""
    await queries.advance_audit_chain(connection, organization_id=organization_id, sequence=sequence, hash=hash_)


async def chains(connection: Connection, organization_id: str | None = None) -> list[Chain]:
    """How far the chains are, of all organizations where none is named."""
    return [_chain(row) for row in await queries.read_audit_chains(connection, organization_id=organization_id)]


async def organizations_with_chains(connection: Connection) -> list[str]:
    """Every organization that has sealed entries, or is said to have."""
    return [row["organization_id"] for row in await queries.audit_organizations(connection)]


async def sealed_after(
    connection: Connection, organization_id: str, sequence: int, *, page: int = 5000
) -> AsyncIterator[list[Sealed]]:
    """An organization's sealed entries after a place in its chain, page by page, in the chain's order."""
    while True:
        rows = await queries.read_audit(connection, organization_id=organization_id, after=sequence, at_most=page)
        if rows:
            yield [_sealed(row) for row in rows]
            sequence = rows[-1]["sequence"]
        if len(rows) < page:
            return


async def latest(
    connection: Connection,
    organization_id: str,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    before: tuple[datetime | None, UUID | None] = (None, None),
    limit: int,
) -> list[Sealed]:
    """An organization's last entries, the newest first, sealed or not; before the one that was noted then, of this id.

    Their order is that of the clock, not of the chain.
    """
    rows = await queries.latest_audit(
        connection,
        organization_id=organization_id,
        actor=actor,
        action=action,
        subject=subject,
        before_at=before[0],
        before_id=before[1],
        at_most=limit,
    )
    return [_sealed(row) for row in rows]


async def hash_at(connection: Connection, organization_id: str, sequence: int) -> bytes | None:
    """The hash of an entry, None where the chain has none at that place."""
    found: bytes | None = await queries.audit_hash(connection, organization_id=organization_id, sequence=sequence)
    return found


def _chain(row: Any) -> Chain:
    return Chain(organization_id=row["organization_id"], sequence=row["sequence"], hash=row["hash"])


def _sealed(row: Any) -> Sealed:
    return Sealed(sequence=row["sequence"], hash=row["hash"], entry=_entry(row))


def _entry(row: Any) -> Entry:
    return Entry(
        id=plain_uuid(row["id"]),
        organization_id=row["organization_id"],
        done_at=row["done_at"],
        recorded_at=row["recorded_at"],
        action=row["action"],
        subject=row["subject"],
        actor=row["actor"],
        way=row["way"],
        correlation_id=row["correlation_id"],
        digest=row["digest"],
        detail=orjson.loads(row["detail"]),
    )

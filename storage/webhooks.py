"""Deliveries of Salesloft's webhooks: where they arrive, and the hints that they leave for who reads its records."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.pool import Connection
from storage.queries import queries
from storage.sync import SyncStream

__all__ = [
    "Hint",
    "Receiver",
    "ensured",
    "hint",
    "hint_catalogue",
    "hints",
    "make_receiver",
    "put_off_hints",
    "read_receiver",
    "receiver_of",
    "reseal_receiver",
    "settle_hints",
    "take_catalogue_hint",
    "unensured",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """An organization's end of the deliveries; `secret` is the callback token, encrypted under the key of that id."""

    organization_id: str
    receiver_id: UUID
    secret: bytes = field(repr=False)
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A record of which a delivery has told, `told` times so far; `deleted` where the last one said that it is gone."""

    stream: SyncStream
    record_id: int
    told: int
    deleted: bool
    attempts: int


async def read_receiver(connection: Connection, receiver_id: UUID) -> Receiver | None:
    """The receiver of that id, where its organization is connected or waits to be again."""
    return _receiver(await queries.read_receiver(connection, receiver_id=receiver_id))


async def receiver_of(connection: Connection, organization_id: str) -> Receiver | None:
    """An organization's receiver."""
    return _receiver(await queries.receiver_of(connection, organization_id=organization_id))


async def make_receiver(connection: Connection, receiver: Receiver) -> Receiver:
    """Give an organization a receiver; answers the one that it has, which may be somebody else's making."""
    rows = await queries.make_receiver(
        connection,
        organization_id=receiver.organization_id,
        receiver_id=receiver.receiver_id,
        secret=receiver.secret,
        key_id=receiver.key_id,
    )
    return _receiver(rows) or receiver


async def reseal_receiver(connection: Connection, organization_id: str, *, secret: bytes, key_id: str) -> None:
    """Store the same callback token under another key."""
    await queries.reseal_receiver(connection, organization_id=organization_id, secret=secret, key_id=key_id)


async def ensured(connection: Connection, organization_id: str, *, callback_url: str, now: datetime) -> None:
    """Salesloft delivers to that address."""
    await queries.webhooks_ensured(connection, organization_id=organization_id, callback_url=callback_url, now=now)


async def unensured(connection: Connection, *, address: str, before: datetime, limit: int) -> list[str]:
    """Connected organizations whose deliveries were never ensured, or before an instant, or to another address.

    Those are left out for whom a command waits already. They are locked, others' locks passed over.
    """
    rows = await queries.unensured_webhooks(connection, address=address, before=before, limit=limit)
    return [row["organization_id"] for row in rows]


async def hint(
    connection: Connection, organization_id: str, stream: SyncStream, record_id: int, *, deleted: bool
) -> None:
    """A record has changed, or is gone: have it read soon, and wake the readers."""
    await queries.add_hint(
        connection, organization_id=organization_id, stream=stream, record_id=record_id, deleted=deleted
    )
    await queries.notify_sync(connection, organization_id=organization_id)


async def hint_catalogue(connection: Connection, organization_id: str) -> None:
    """A cadence, a step or a user has changed: have the team's catalogue read again."""
    await queries.hint_catalogue(connection, organization_id=organization_id)


async def take_catalogue_hint(connection: Connection, organization_id: str) -> None:
    """The catalogue is going to be read: what is told of it from now on is news."""
    await queries.take_catalogue_hint(connection, organization_id=organization_id)


async def hints(connection: Connection, organization_id: str, *, limit: int, now: datetime) -> list[Hint]:
    """The records to be read, at most `limit` of each stream."""
    rows = await queries.read_hints(connection, organization_id=organization_id, limit=limit, now=now)
    return [
        Hint(
            stream=SyncStream(row["stream"]),
            record_id=row["record_id"],
            told=row["told"],
            deleted=row["deleted"],
            attempts=row["attempts"],
        )
        for row in rows
    ]


async def settle_hints(connection: Connection, organization_id: str, settled: Sequence[Hint]) -> None:
    """These records have been read; what a delivery has told of them since stays."""
    await queries.settle_hints(
        connection,
        organization_id=organization_id,
        streams=[one.stream for one in settled],
        record_ids=[one.record_id for one in settled],
        told=[one.told for one in settled],
    )


async def put_off_hints(
    connection: Connection,
    organization_id: str,
    streams: Collection[SyncStream],
    *,
    until: datetime | None = None,
    pause_s: float = 0.0,
) -> None:
    """Have records read `until` an instant (business time) later, or after `pause_s` real seconds, or both."""
    await queries.put_off_hints(
        connection, organization_id=organization_id, streams=list(streams), until=until, pause_s=pause_s
    )


def _receiver(rows: Sequence[Any]) -> Receiver | None:
    if not rows:
        return None
    row = rows[0]
    return Receiver(
        organization_id=row["organization_id"],
        receiver_id=UUID(bytes=row["receiver_id"].bytes),
        secret=row["secret"],
        key_id=row["key_id"],
    )

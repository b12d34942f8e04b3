"""Messages that leave: written in the transaction of what they tell about, published by the relay.

`add` is called after the rows that a message tells about are locked, so that a key's positions follow its changes.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from schemas.topics import ALL_TOPICS
from storage.errors import RecordRefused
from storage.pool import Connection
from storage.queries import queries

__all__ = ["LANES", "MAX_MESSAGE_BYTES", "OutboxMessage", "add", "lane_of", "pack_headers", "unpack_headers"]

LANES = 16
# What the record's own framing may take, and the batch's around it.
_FRAMING_BYTES = 48 * 1024
_LIMITS = {topic.name: topic.max_message_bytes - _FRAMING_BYTES for topic in ALL_TOPICS}
MAX_MESSAGE_BYTES = min(_LIMITS.values())
"""What every topic takes; a dead-letter topic takes more, for its records carry an original whole."""


@dataclass(slots=True)
class OutboxMessage:
    """One record to be: `key` and `headers` as Kafka will carry them, `payload` None for a tombstone.

    `aggregate_type` and `aggregate_id` name what it tells about, for tools that route by them.
    """

    id: UUID
    aggregate_type: str
    aggregate_id: str
    type: str
    topic: str
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    payload: bytes | None


def lane_of(topic: str, key: bytes | None) -> int:
    """The lane of a topic's key: all of a key's messages share one, and a lane has one relay at a time."""
    return zlib.crc32(key or b"", zlib.crc32(topic.encode())) % LANES


def pack_headers(headers: Sequence[tuple[str, bytes]]) -> bytes:
    """Headers as JSON; their bytes as latin-1 text, which holds any byte. A foreign record's may be null."""
    return orjson.dumps([(name, None if value is None else value.decode("latin-1")) for name, value in headers])


def unpack_headers(packed: bytes) -> list[tuple[str, bytes]]:
    """What `pack_headers` packed."""
    # Typed as Kafka's client types them, which does not say that a value may be null.
    headers: list[tuple[str, Any]] = [
        (name, None if value is None else value.encode("latin-1")) for name, value in orjson.loads(packed)
    ]
    return headers


async def add(connection: Connection, messages: Sequence[OutboxMessage]) -> None:
    """Store messages in the order given and hint the relays.

    Raises RecordRefused for a message that Kafka would not take, while whoever made it can still be told.
    """
    if not messages:
        return
    headers = [pack_headers(message.headers) for message in messages]
    for message, packed in zip(messages, headers, strict=True):
        size = len(packed) + len(message.payload or b"") + len(message.key or b"")
        limit = _LIMITS.get(message.topic, MAX_MESSAGE_BYTES)
        if size > limit:
            raise RecordRefused(f"a {message.type} of {size} bytes is larger than {message.topic} takes ({limit})")
    await queries.add_to_outbox(
        connection,
        messages=[
            (m.id, m.aggregate_type, m.aggregate_id, m.type, m.topic, m.key, lane_of(m.topic, m.key), packed, m.payload)
            for m, packed in zip(messages, headers, strict=True)
        ],
    )
    await queries.notify_outbox(connection)

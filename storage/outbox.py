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

__all__ = ["LANES", "MAX_MESSAGE_BYTES", "OutboxMessage", "add", "fits", "lane_of", "pack_headers", "unpack_headers"]

LANES = 16
# What the record's own framing may take, and the batch's around it.
_FRAMING_BYTES = 48 * 1024
_LIMITS = {topic.name: topic.max_message_bytes - _FRAMING_BYTES for topic in ALL_TOPICS}
MAX_MESSAGE_BYTES = min(_LIMITS.values())
"""What every topic takes; a dead-letter topic takes more, for its records carry an original whole."""


@dataclass(slots=True)
class OutboxMessage:
    """One record to be: `key` as Kafka will carry it, `payload` None for a tombstone.

    A header's value is text, of which Kafka gets the UTF-8, or a foreign record's bytes, which may be null.
    `aggregate_type` and `aggregate_id` name what it tells about, for tools that route by them.
    """

    id: UUID
    aggregate_type: str
    aggregate_id: str
    type: str
    topic: str
    key: bytes | None
    headers: Sequence[tuple[str, str | bytes | None]]
    payload: bytes | None


def lane_of(topic: str, key: bytes | None) -> int:
    """The lane of a topic's key: all of a key's messages share one, and a lane has one relay at a time."""
    return zlib.crc32(key or b"", zlib.crc32(topic.encode())) % LANES


def pack_headers(headers: Sequence[tuple[str, str | bytes | None]]) -> bytes:
    """Headers as JSON: a text as it is, bytes as a list of one text in latin-1, which holds any byte."""
    return orjson.dumps(headers, default=_latin_1)


def _latin_1(value: Any) -> list[str]:
    if isinstance(value, bytes):
        return [value.decode("latin-1")]
    raise TypeError(f"a header is text or bytes, not {type(value).__name__}")


def unpack_headers(packed: bytes) -> list[tuple[str, bytes]]:
    """What `pack_headers` packed, as Kafka's client takes it."""
    return [
        (name, value.encode() if type(value) is str else value and value[0].encode("latin-1"))
        for name, value in orjson.loads(packed)
    ]


def fits(
    topic: str, key: bytes | None, headers: Sequence[tuple[str, str | bytes | None]], payload: bytes | None
) -> bool:
    """Whether a topic takes such a message."""
    return _size(key, pack_headers(headers), payload) <= _LIMITS.get(topic, MAX_MESSAGE_BYTES)


async def add(connection: Connection, messages: Sequence[OutboxMessage]) -> None:
    """Store messages in the order given and hint the relays.

    Raises RecordRefused for a message that Kafka would not take, while whoever made it can still be told.
    """
    if not messages:
        return
    rows = []
    for message in messages:
        topic, key, payload = message.topic, message.key, message.payload
        packed = pack_headers(message.headers)
        size = _size(key, packed, payload)
        if size > _LIMITS.get(topic, MAX_MESSAGE_BYTES):
            limit = _LIMITS.get(topic, MAX_MESSAGE_BYTES)
            raise RecordRefused(f"a {message.type} of {size} bytes is larger than {topic} takes ({limit})")
        row = (message.id, message.aggregate_type, message.aggregate_id, message.type, topic, key, lane_of(topic, key))
        rows.append((*row, packed, payload))
    await queries.add_to_outbox(connection, messages=rows)
    await queries.notify_outbox(connection)


def _size(key: bytes | None, packed: bytes, payload: bytes | None) -> int:
    return len(packed) + len(payload or b"") + len(key or b"")

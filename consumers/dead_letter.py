"""Dead letters: the original record byte for byte, and behind its headers a block that says where it came from and why.

The block always begins with `x-dlq-original-topic` and is always last, so that the original can be cut out exactly.
A replayed record carries the part of the block that names its origin, and its replay's headers; when it fails again the
origin is that of its first failure.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from consumers.incoming import Fault, Record
from schemas.topics import dead_letter_topic
from storage.outbox import OutboxMessage
from telemetry.redaction import redact_text

__all__ = [
    "MAX_REPLAYS",
    "Origin",
    "Replay",
    "dead_letter",
    "error_code",
    "named_organization",
    "origin_of",
    "replay_count",
    "replayed_headers",
    "split_headers",
]

MAX_REPLAYS: Final = 3

Headers = Sequence[tuple[str, bytes]]

_NAMESPACE: Final = UUID("3f0a2a52-3f0c-5c7e-9d0f-6f2a9f7d1c11")
_FIRST: Final = "x-dlq-original-topic"
_ORIGIN: Final = (
    _FIRST,
    "x-dlq-original-partition",
    "x-dlq-original-offset",
    "x-dlq-original-timestamp",
    "x-dlq-consumer-group",
)
_REPLAY: Final = ("x-replay-count", "x-replay-id", "x-replay-requested-by")
_MESSAGE_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record was when it failed first. `timestamp` in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    group: str

    def headers(self) -> list[tuple[str, bytes]]:
        """As text, and as tools that know Spring Kafka read it."""
        topic, group = self.topic.encode(), self.group.encode()
        return [
            (_FIRST, topic),
            ("x-dlq-original-partition", b"%d" % self.partition),
            ("x-dlq-original-offset", b"%d" % self.offset),
            ("x-dlq-original-timestamp", b"%d" % self.timestamp),
            ("x-dlq-consumer-group", group),
            ("kafka_dlt-original-topic", topic),
            ("kafka_dlt-original-partition", struct.pack(">i", self.partition)),
            ("kafka_dlt-original-offset", struct.pack(">q", self.offset)),
            ("kafka_dlt-original-timestamp", struct.pack(">q", self.timestamp)),
            ("kafka_dlt-original-consumer-group", group),
        ]


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay of a dead letter: which by number, by whose plan."""

    count: int
    plan_id: str
    requested_by: str

    def headers(self) -> list[tuple[str, bytes]]:
        values = (b"%d" % self.count, self.plan_id.encode(), self.requested_by.encode())
        return list(zip(_REPLAY, values, strict=True))


def split_headers(headers: Headers) -> tuple[list[tuple[str, bytes]], dict[str, bytes]]:
    """The original headers, and the block behind them; without a block the second is empty.

    A block without a whole origin is not one of ours: those headers are the original's own.
    """
    starts = [place for place, (name, _) in enumerate(headers) if name == _FIRST]
    if not starts:
        return list(headers), {}
    block = dict(headers[starts[-1] :])
    if _origin(block) is None:
        return list(headers), {}
    return list(headers[: starts[-1]]), block


def dead_letter(fault: Fault, *, group: str) -> OutboxMessage:
    """The outbox row of a record that failed. Its id comes from the record's place: made again it is the same."""
    record = fault.record
    original, block = split_headers(record.headers)
    # Only a replay brings a block that is ours; any other sender's headers are part of the original.
    first = _origin(block) if "x-replay-id" in block else None
    if first is None:
        original, block = list(record.headers), {}
        first = Origin(record.topic, record.partition, record.offset, record.timestamp, group)
    message = _cut(redact_text(fault.message))
    attempts = fault.attempts + _number(block, "x-dlq-attempts")
    headers = [
        *original,
        *first.headers(),
        ("x-dlq-stage", fault.stage.encode()),
        ("x-dlq-error-code", fault.code.encode()),
        ("x-dlq-error-message", message),
        ("kafka_dlt-exception-fqcn", fault.kind.encode()),
        ("kafka_dlt-exception-message", message),
        ("x-dlq-attempts", b"%d" % attempts),
        *((name, block[name]) for name in _REPLAY if name in block),
    ]
    place = f"{record.topic}/{record.partition}/{record.offset}"
    return OutboxMessage(
        id=uuid5(_NAMESPACE, f"{group}/{place}"),
        aggregate_type="dead_letter",
        aggregate_id=place,
        type=fault.code,
        topic=dead_letter_topic(record.topic, group),
        key=record.key,
        headers=headers,
        payload=record.value,
    )


def replayed_headers(dead: Headers, replay: Replay) -> list[tuple[str, bytes]]:
    """The headers with which a dead letter goes back: the original's, its origin, its tries so far and the replay.

    ValueError for a record that is no dead letter.
    """
    original, block = split_headers(dead)
    origin = _origin(block)
    if origin is None:
        raise ValueError("the record carries no origin: it is not a dead letter")
    tries = [("x-dlq-attempts", block["x-dlq-attempts"])] if "x-dlq-attempts" in block else []
    return [*original, *origin.headers(), *tries, *replay.headers()]


def origin_of(dead: Headers) -> Origin | None:
    """Where a dead letter failed first; None for a record that is no dead letter."""
    return _origin(split_headers(dead)[1])


def replay_count(dead: Headers) -> int:
    """How often the record was replayed before it came here."""
    return _number(split_headers(dead)[1], "x-replay-count")


def error_code(dead: Headers) -> str:
    """The code under which the record failed last; `unknown` where it says none."""
    return split_headers(dead)[1].get("x-dlq-error-code", b"unknown").decode(errors="replace")


def named_organization(record: Record) -> str | None:
    """The organization that a record's key names, whatever else is wrong with the record."""
    if not record.key:
        return None
    try:
        return record.key.partition(b":")[0].decode() or None
    except UnicodeDecodeError:
        return None


def _origin(block: Mapping[str, bytes]) -> Origin | None:
    try:
        topic, partition, offset, timestamp, group = (block[name].decode() for name in _ORIGIN)
        return Origin(topic, int(partition), int(offset), int(timestamp), group)
    except (KeyError, ValueError, AttributeError):
        return None


def _number(block: Mapping[str, bytes], name: str) -> int:
    text = block.get(name) or b""
    return int(text) if text.isdigit() else 0


def _cut(text: str) -> bytes:
    """At most a kilobyte, and whole characters."""
    return text.encode(errors="replace")[:_MESSAGE_BYTES].decode(errors="ignore").encode()

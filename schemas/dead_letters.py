"""The headers of a dead letter: the original's, and behind them a block that says where it came from and why.

The block always begins with `x-dlq-original-topic` and is always last, so that the original can be cut out exactly.
A replayed record carries the part of the block that names its origin, and its replay's headers; when it fails again the
origin is that of its first failure.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = [
    "ID_REUSED",
    "MAX_REPLAYS",
    "REPLAY_HEADERS",
    "Headers",
    "Origin",
    "Replay",
    "error_code",
    "header_number",
    "origin_in",
    "origin_of",
    "replay_count",
    "replayed_headers",
    "split_headers",
]

MAX_REPLAYS: Final = 3

ID_REUSED: Final = "id_reused"
"""The reason of a record whose source and id were taken before with other data."""

Headers = Sequence[tuple[str, bytes]]

_INT32, _INT64 = 2**31, 2**63
_MOST_DIGITS: Final = 9
_FIRST: Final = "x-dlq-original-topic"
_ORIGIN: Final = (
    _FIRST,
    "x-dlq-original-partition",
    "x-dlq-original-offset",
    "x-dlq-original-timestamp",
    "x-dlq-consumer-group",
)
REPLAY_HEADERS: Final = ("x-replay-count", "x-replay-id", "x-replay-requested-by")


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
        return list(zip(REPLAY_HEADERS, values, strict=True))


def split_headers(headers: Headers) -> tuple[list[tuple[str, bytes]], dict[str, bytes]]:
    """The original headers, and the block behind them; without a block the second is empty.

    A block without a whole origin is not one of ours: those headers are the original's own.
    """
    starts = [place for place, (name, _) in enumerate(headers) if name == _FIRST]
    if not starts:
        return list(headers), {}
    block = dict(headers[starts[-1] :])
    if origin_in(block) is None:
        return list(headers), {}
    return list(headers[: starts[-1]]), block


def replayed_headers(dead: Headers, replay: Replay) -> list[tuple[str, bytes]]:
    """The headers with which a dead letter goes back: the original's, its origin, its tries so far and the replay.

    ValueError for a record that is no dead letter.
    """
    original, block = split_headers(dead)
    origin = origin_in(block)
    if origin is None:
        raise ValueError("the record carries no origin: it is not a dead letter")
    tries = [("x-dlq-attempts", block["x-dlq-attempts"])] if "x-dlq-attempts" in block else []
    return [*original, *origin.headers(), *tries, *replay.headers()]


def origin_of(dead: Headers) -> Origin | None:
    """Where a dead letter failed first; None for a record that is no dead letter."""
    return origin_in(split_headers(dead)[1])


def replay_count(dead: Headers) -> int:
    """How often the record was replayed before it came here."""
    return header_number(split_headers(dead)[1], "x-replay-count")


def error_code(dead: Headers) -> str:
    """The code under which the record failed last; `unknown` where it says none."""
    return split_headers(dead)[1].get("x-dlq-error-code", b"unknown").decode(errors="replace")


def origin_in(block: Mapping[str, bytes]) -> Origin | None:
    """The origin that a block names; None where it names none, or not whole, or numbers that no record has."""
    try:
        topic, partition, offset, timestamp, group = (block[name].decode() for name in _ORIGIN)
        origin = Origin(topic, int(partition), int(offset), int(timestamp), group)
    except (KeyError, ValueError, AttributeError):
        return None
    is_place = 0 <= origin.partition < _INT32 and 0 <= origin.offset < _INT64
    return origin if is_place and -_INT64 <= origin.timestamp < _INT64 else None


def header_number(block: Mapping[str, bytes], name: str) -> int:
    """A whole number in a block; 0 where there is none, or one that nothing of ours has counted to."""
    text = block.get(name) or b""
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else 0

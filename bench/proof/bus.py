"""Kafka as a stranger sees it: through librdkafka, which shares no code with the service."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from schemas.topics import GROUP, TOPICS, Direction

__all__ = ["Bus", "BusUnavailable", "Lag", "ReadRecord"]

T = TypeVar("T")

_REQUEST_SECONDS = 10.0
# A request that has run out says so itself, a little later.
_ANSWER_SECONDS = _REQUEST_SECONDS + 5.0
_READ_SECONDS = 300.0
_TRIES = 6
_BETWEEN_TRIES_SECONDS = 0.5
_AT_ONCE = 2000
_CONSUMED = tuple(topic for topic in TOPICS if topic.direction is not Direction.OUT)


class BusUnavailable(Exception):
    """The broker does not answer."""


@dataclass(frozen=True, slots=True)
class Lag:
    """Sums over all partitions that the service consumes: what it has committed, and where the topics end."""

    committed: int
    end: int

    @property
    def records(self) -> int:
        """How many records are not committed yet."""
        return self.end - self.committed


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A record as it stands in a topic; `timestamp` in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None

    def header(self, name: str) -> str | None:
        """A header's text, the last of that name; None where there is none."""
        found = None
        for known, value in self.headers:
            if known == name and value is not None:
                found = value.decode(errors="replace")
        return found


class Bus:
    """Reads topics and a group's offsets. Every method raises BusUnavailable where the broker does not answer."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self._admin = _admin(bootstrap_servers)

    async def lag(self) -> Lag:
        """Where the service's group stands. A partition that it has committed nothing of counts from its start."""
        for _ in range(_TRIES - 1):
            try:
                return await _in_a_thread(self._lag)
            except BusUnavailable:
                # Partitions may still look for their leader; and a client that has seen its broker die may wait for
                # the dead one's answer, so another one asks.
                await asyncio.sleep(_BETWEEN_TRIES_SECONDS)
                self._admin = _admin(self.bootstrap_servers)
        return await _in_a_thread(self._lag)

    def _lag(self) -> Lag:
        partitions = [TopicPartition(topic.name, number) for topic in _CONSUMED for number in range(topic.partitions)]
        ends = self._admin.list_offsets(
            {partition: OffsetSpec.latest() for partition in partitions},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=_REQUEST_SECONDS,
        )
        asked = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(GROUP, partitions)], request_timeout=_REQUEST_SECONDS
        )
        committed = asked[GROUP].result(_ANSWER_SECONDS).topic_partitions
        return Lag(
            committed=sum(max(0, partition.offset) for partition in committed),
            end=sum(future.result(_ANSWER_SECONDS).offset for future in ends.values()),
        )

    async def read(self, topics: Iterable[str]) -> list[ReadRecord]:
        """Everything that some topics hold at this moment, in each partition's order."""
        return await _in_a_thread(lambda: self._read(list(topics)))

    def _read(self, topics: Sequence[str]) -> list[ReadRecord]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": "proof",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        try:
            left: dict[tuple[str, int], int] = {}
            for topic, metadata in consumer.list_topics(timeout=_REQUEST_SECONDS).topics.items():
                if topic not in topics:
                    continue
                for number in metadata.partitions:
                    low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_REQUEST_SECONDS)
                    if high > low:
                        left[topic, number] = high
            consumer.assign([TopicPartition(topic, number, 0) for topic, number in left])
            return _read_to(consumer, left)
        finally:
            consumer.close()


def _admin(bootstrap_servers: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0, "reconnect.backoff.max.ms": 500})


def _read_to(consumer: Consumer, left: dict[tuple[str, int], int]) -> list[ReadRecord]:
    found: list[ReadRecord] = []
    deadline = monotonic() + _READ_SECONDS
    while left:
        if monotonic() > deadline:
            raise BusUnavailable(f"{len(left)} partitions could not be read to their end within {_READ_SECONDS:g} s")
        for message in consumer.consume(_AT_ONCE, timeout=0.2):
            if message.error() is not None:
                raise BusUnavailable(str(message.error()))
            record = _record(message)
            found.append(record)
            place = (record.topic, record.partition)
            # A log that was cleaned may end before its high watermark; no part of the proof lasts until a cleaning.
            if place in left and record.offset + 1 >= left[place]:
                del left[place]
    return found


def _record(message: Any) -> ReadRecord:
    headers: Sequence[tuple[str, bytes | None]] = message.headers() or ()
    return ReadRecord(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp=message.timestamp()[1],
        key=message.key(),
        headers=tuple(headers),
        value=message.value(),
    )


async def _in_a_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except (KafkaException, TimeoutError) as error:
        raise BusUnavailable(str(error) or type(error).__name__) from error

"""Kafka as the measurements use it: librdkafka publishes and reads, so that it takes little of what is measured."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from bench.measure.figures import NotMeasurable, Sample
from bench.measure.load import EventRecord

__all__ = ["Positions", "Reader", "TakenRecord", "create_topics", "end_positions", "publish", "reading", "sending"]

_PARTITIONS = 12
_SECONDS = 60.0
_LEADER_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_AT_ONCE = 2000
_KEPT = 500

Positions = dict[int, int]


class TakenRecord(NamedTuple):
    """A record as it was read; `timestamp` is Kafka's, in seconds since 1970."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp: float

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        return len(self.key) + len(self.value) + sum(len(name) + len(text) for name, text in self.headers)


def create_topics(bootstrap_servers: str, *names: str) -> None:
    """Topics of twelve partitions for what is compared with, where they are not there yet."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    known = admin.list_topics(timeout=_SECONDS).topics
    missing = [NewTopic(name, _PARTITIONS, 1) for name in names if name not in known]
    for made in (admin.create_topics(missing) if missing else {}).values():
        made.result(_SECONDS)


def end_positions(bootstrap_servers: str, topic: str) -> Positions:
    """Where the next record of each partition will be."""
    with _consumer(bootstrap_servers) as consumer:
        partitions = consumer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        return {number: _end(consumer, TopicPartition(topic, number)) for number in partitions}


def _end(consumer: Consumer, place: TopicPartition) -> int:
    late = time.monotonic() + _LEADER_SECONDS
    while True:
        try:
            _, end = consumer.get_watermark_offsets(place, timeout=_SECONDS)
        except KafkaException:
            # A partition that was made just now has no leader for a moment.
            if time.monotonic() > late:
                raise
            time.sleep(_LOOK_SECONDS)
            consumer.list_topics(place.topic, timeout=_SECONDS)
        else:
            return int(end)


@contextmanager
def sending(bootstrap_servers: str) -> Iterator[Callable[[str, EventRecord], None]]:
    """Sends single records at once; all have arrived when the block ends."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "acks": "all", "linger.ms": 0})

    def send(topic: str, record: EventRecord) -> None:
        producer.produce(topic, record.value, key=record.key, headers=list(record.headers))
        producer.poll(0)

    yield send
    if producer.flush(_SECONDS):
        raise NotMeasurable("Kafka did not take what was sent")


def publish(bootstrap_servers: str, topic: str, records: Iterable[EventRecord]) -> int:
    """Send everything, partitioned as Java's client does it; returns the bytes of all values."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "partitioner": "murmur2_random",
            "acks": "all",
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    refused: list[KafkaError] = []

    def heard(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            refused.append(error)

    sent = 0
    for record in records:
        producer.produce(topic, record.value, key=record.key, headers=list(record.headers), on_delivery=heard)
        producer.poll(0)
        sent += len(record.value)
    if producer.flush(_SECONDS) or refused:
        raise NotMeasurable(f"Kafka did not take the load: {refused[:1] or 'no answer'}")
    return sent


class Reader(threading.Thread):
    """Reads a topic from given positions, as a downstream service would, and counts. The first records are kept.

    It runs beside what is measured, and reads many at a time without looking into them.
    """

    def __init__(self, bootstrap_servers: str, topic: str, positions: Positions, *, keep: int = _KEPT) -> None:
        super().__init__(name=f"read {topic}", daemon=True)
        self.samples: list[Sample] = []
        self.kept: list[TakenRecord] = []
        self.keys: set[bytes] = set()
        self.records = 0
        self._bootstrap_servers = bootstrap_servers
        self._places = [TopicPartition(topic, partition, offset) for partition, offset in positions.items()]
        self._keep = keep
        self._stopping = threading.Event()
        self._failed: KafkaException | None = None

    def run(self) -> None:
        try:
            with _consumer(self._bootstrap_servers) as consumer:
                consumer.assign(self._places)
                while not self._stopping.is_set():
                    self._take(consumer.consume(_AT_ONCE, _LOOK_SECONDS))
        except KafkaException as error:
            self._failed = error

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
            self.keys.add(_bytes(message.key()))
            if len(self.kept) < self._keep:
                self.kept.append(_taken(message))
        if messages:
            self.records += len(messages)
            self.samples.append(Sample(time.monotonic(), self.records))

    def check(self) -> None:
        """Raise what stopped it."""
        if self._failed is not None:
            raise NotMeasurable(f"the topic could not be read: {self._failed}") from self._failed

    def stop(self) -> None:
        self._stopping.set()


@contextmanager
def reading(bootstrap_servers: str, topic: str, positions: Positions, *, keep: int = _KEPT) -> Iterator[Reader]:
    """A reader for the length of a block."""
    reader = Reader(bootstrap_servers, topic, positions, keep=keep)
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()
        reader.join(_SECONDS)


@contextmanager
def _consumer(bootstrap_servers: str) -> Iterator[Consumer]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "bench-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
    )
    try:
        yield consumer
    finally:
        consumer.close()


def _taken(message: Message) -> TakenRecord:
    headers: Any = message.headers() or []
    return TakenRecord(
        _bytes(message.key()),
        _bytes(message.value()),
        [(name, _bytes(text)) for name, text in headers],
        message.timestamp()[1] / 1000,
    )


def _bytes(given: Any) -> bytes:
    return b"" if given is None else bytes(given)

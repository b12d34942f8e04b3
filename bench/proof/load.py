"""The load: a generated stream, sent by librdkafka, and where each broken record of it came to lie."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import KafkaException, Producer

from sandbox.generator import GeneratedRecord, Stream, StreamPlan, generate
from sandbox.population import Organization
from schemas.registry import LIFECYCLE_TYPES

__all__ = ["BEGINNING", "TRIGGER_TOPICS", "Load", "NotDelivered", "Place", "stream_with"]

BEGINNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday morning: when the first story may begin."""
SPAN = timedelta(days=3)
"""All of the stream has happened when the business clock starts."""
TRIGGER_TOPICS = frozenset(event_type.topic.name for event_type in LIFECYCLE_TYPES.values())

_FLUSH_SECONDS = 180.0
# Of a hundred events of the generator, so many are lifecycle events that ask for a decision.
_TRIGGERS_PER_EVENT = 0.29


class NotDelivered(Exception):
    """Kafka did not take a record within three minutes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record came to lie; `timestamp` in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int


def stream_with(lifecycle_events: int, organizations: Sequence[Organization], *, seed: int) -> Stream:
    """A stream with at least so many good lifecycle events, a tenth repeated, and broken records: 1 % of all."""
    events = round(lifecycle_events / _TRIGGERS_PER_EVENT)
    while True:
        stream = generate(
            StreamPlan(
                organizations=tuple(organizations),
                events=events,
                start=BEGINNING,
                span=SPAN,
                seed=seed,
                duplicates=0.1,
                malformed=0.01,
                structured=0.1,
            )
        )
        found = sum(1 for record in stream.records if record.kind == "good" and record.topic in TRIGGER_TOPICS)
        if found >= lifecycle_events:
            return stream
        events += max(50, round((lifecycle_events - found) / _TRIGGERS_PER_EVENT))


class Load:
    """Sends a stream piece by piece, in its order."""

    def __init__(self, bootstrap_servers: str, stream: Stream) -> None:
        self.stream = stream
        self.sent = 0
        self.broken: dict[str, Place] = {}
        self._errors: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "queue.buffering.max.messages": 500_000,
                # A broker that is killed or frozen for a while must cost us nothing.
                "delivery.timeout.ms": int(_FLUSH_SECONDS * 1000),
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )

    @property
    def left(self) -> int:
        """How many records have not been handed over yet."""
        return len(self.stream.records) - self.sent

    @property
    def under_way(self) -> int:
        """How many records wait for Kafka to take them."""
        return len(self._producer)

    async def publish(self, records: int) -> None:
        """Send so many more; returns when Kafka has them all. Raises NotDelivered."""
        await asyncio.to_thread(self._publish, records)

    def _publish(self, records: int) -> None:
        piece = self.stream.records[self.sent : self.sent + records]
        self.sent += len(piece)
        for record in piece:
            self._produce(record)
        try:
            waiting = self._producer.flush(_FLUSH_SECONDS)
        except KafkaException as error:
            raise NotDelivered(str(error)) from error
        if waiting or self._errors:
            raise NotDelivered(f"{waiting} records wait; {self._errors[:3]}")

    def _produce(self, record: GeneratedRecord) -> None:
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    on_delivery=self._heard(record),
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def _heard(self, record: GeneratedRecord) -> Callable[[Any, Any], None]:
        def heard(error: Any, message: Any) -> None:
            if error is not None:
                self._errors.append(str(error))
            elif record.kind == "malformed":
                self.broken[record.id] = Place(
                    message.topic(), message.partition(), message.offset(), message.timestamp()[1]
                )

        return heard

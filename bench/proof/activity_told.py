"""What the service has told so far, read on from Kafka by librdkafka as it comes."""

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from time import monotonic
from typing import Any
from uuid import UUID

import orjson
from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.proof.bus import BusUnavailable
from schemas.topics import ACTIVITY, ENROLLMENT, OPERATIONS

__all__ = ["Checkpoint", "Told"]

_TOPICS = (ACTIVITY.name, ENROLLMENT.name, OPERATIONS.name)
_CHECKPOINT = "ai.cscx.salesloft.sync-checkpoint.v1"
_REQUEST_SECONDS = 10.0
_TO_THE_END_SECONDS = 120.0
_AT_ONCE = 5000
_TRIES = 6
_BETWEEN_TRIES_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The ledger of a cycle that has ended."""

    stream: str
    cycle: int
    started_at: datetime
    emitted: int
    owed: int


@dataclass(slots=True)
class Told:
    """Events by organization: `ids` with a digest of what each said, the `different` ones that said two things.

    `again` counts events that came more than once, `by_type` those that came first.
    """

    bootstrap_servers: str
    ids: dict[str, dict[UUID, bytes]] = field(default_factory=dict)
    different: list[UUID] = field(default_factory=list)
    again: int = 0
    by_type: Counter[str] = field(default_factory=Counter)
    checkpoints: dict[str, list[Checkpoint]] = field(default_factory=dict)
    _seen_checkpoints: set[bytes] = field(default_factory=set)
    _consumer: Consumer | None = None
    _next: dict[tuple[str, int], int] = field(default_factory=dict)

    async def read_on(self) -> None:
        """Take in everything that the topics hold at this moment. Raises BusUnavailable."""
        for _ in range(_TRIES - 1):
            try:
                await asyncio.to_thread(self._read_on)
            except KafkaException:
                # A partition may still look for its leader. Nothing is lost by asking again: the places are kept.
                await asyncio.sleep(_BETWEEN_TRIES_SECONDS)
            else:
                return
        try:
            await asyncio.to_thread(self._read_on)
        except KafkaException as error:
            raise BusUnavailable(str(error)) from error

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()

    def is_read(self, organization_id: str, streams: Collection[str], since: datetime) -> bool:
        """Whether every stream has been through a cycle that began then or later."""
        done = {one.stream for one in self.checkpoints.get(organization_id, ()) if one.started_at >= since}
        return done.issuperset(streams)

    def _read_on(self) -> None:
        consumer = self._consumer or self._begin()
        left = set()
        for place in self._next:
            _, high = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_REQUEST_SECONDS)
            if high > self._next[place]:
                left.add((place, high))
        deadline = monotonic() + _TO_THE_END_SECONDS
        while any(self._next[place] < high for place, high in left):
            if monotonic() > deadline:
                raise BusUnavailable(f"topics could not be read to their end within {_TO_THE_END_SECONDS:g} s")
            for message in consumer.consume(_AT_ONCE, timeout=0.2):
                if message.error() is not None:
                    raise BusUnavailable(str(message.error()))
                self._take(message)

    def _begin(self) -> Consumer:
        consumer = self._consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": "proof-activity",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        known = consumer.list_topics(timeout=_REQUEST_SECONDS).topics
        self._next = {(name, number): 0 for name in _TOPICS for number in known[name].partitions}
        consumer.assign([TopicPartition(name, number, 0) for name, number in self._next])
        return consumer

    def _take(self, message: Any) -> None:
        self._next[message.topic(), message.partition()] = message.offset() + 1
        headers = dict(message.headers() or ())
        event_type, organization_id = headers["ce_type"].decode(), headers["ce_organizationid"].decode()
        if message.topic() != OPERATIONS.name:
            self._take_event(organization_id, event_type, UUID(headers["ce_id"].decode()), message)
        elif event_type == _CHECKPOINT and headers["ce_id"] not in self._seen_checkpoints:
            self._seen_checkpoints.add(headers["ce_id"])
            data = orjson.loads(message.value())
            self.checkpoints.setdefault(organization_id, []).append(
                Checkpoint(
                    stream=data["stream"],
                    cycle=data["cycle"],
                    started_at=datetime.fromisoformat(data["started_at"]),
                    emitted=data["emitted"],
                    owed=data["owed"],
                )
            )

    def _take_event(self, organization_id: str, event_type: str, event_id: UUID, message: Any) -> None:
        said = blake2b(message.key() + b"\0" + message.value(), digest_size=16).digest()
        before = self.ids.setdefault(organization_id, {}).setdefault(event_id, said)
        if before is said:
            self.by_type[event_type.removeprefix("ai.cscx.salesloft.").removesuffix(".v1")] += 1
            return
        self.again += 1
        if before != said:
            self.different.append(event_id)

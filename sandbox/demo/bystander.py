"""An independent reader of everything that the service publishes, from the start of every topic."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from sandbox.defects import MARK
from sandbox.demo.claims import BusEvidence
from schemas.registry import ACTIVITY_TYPES, APPROVAL_REQUESTED, ENROLLMENT_CHANGED
from schemas.topics import ALL_TOPICS, ENROLLMENT_DECISION, TOPICS, Direction, dead_letter_topic

__all__ = ["Bystander"]

_POLL_MS = 50
_DEADLINE_SECONDS = 20.0

_OUT = tuple(topic.name for topic in TOPICS if topic.direction is Direction.OUT)
_DEAD = {dead_letter_topic(topic.name): topic.name for topic in TOPICS if topic.direction is not Direction.OUT}
_WATCHED = (*_OUT, *_DEAD, ENROLLMENT_DECISION.name)
_PARTITIONS = {topic.name: topic.partitions for topic in ALL_TOPICS}
_KIND_OF_TYPE = {registered.name: kind.value for kind, registered in ACTIVITY_TYPES.items()}


class Bystander:
    """Keeps what it read, by id. Delivery is at least once, so the same event id is one event."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.published: dict[str, str] = {}
        self.requests: dict[str, tuple[str, str]] = {}
        self.changes: dict[tuple[str, int], str] = {}
        self.memberships: dict[tuple[str, int], int] = {}
        self.decisions: set[str] = set()
        self.activity: dict[str, str] = {}
        self.dead_letters: dict[str, str] = {}
        self.records = 0
        self._bootstrap_servers = bootstrap_servers
        self._consumer: AIOKafkaConsumer | None = None

    async def watch(self) -> None:
        """Read until cancelled. Raises KafkaError or TimeoutError where Kafka is away."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False
        )
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                await consumer.start()
            consumer.assign([TopicPartition(name, number) for name in _WATCHED for number in range(_PARTITIONS[name])])
            self._consumer = consumer
            while True:
                for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                    for record in records:
                        self.read(record.topic, record.headers, record.value)
        finally:
            self._consumer = None
            async with asyncio.timeout(_DEADLINE_SECONDS):
                await consumer.stop()

    async def has_caught_up(self) -> bool:
        """Whether everything that the topics hold now has been read."""
        consumer = self._consumer
        if consumer is None:
            return False
        async with asyncio.timeout(_DEADLINE_SECONDS):
            ends = await consumer.end_offsets(list(consumer.assignment()))
            for place, end in ends.items():
                if end and await consumer.position(place) < end:
                    return False
        return True

    def read(self, topic: str, headers: Sequence[tuple[str, bytes]], value: bytes | None) -> None:
        """Keep one record."""
        self.records += 1
        told = {name: raw.decode(errors="replace") for name, raw in headers if raw is not None}
        if topic in _DEAD:
            self._bury(told)
            return
        event_id, kind = told.get("ce_id", ""), told.get("ce_type", "")
        if topic == ENROLLMENT_DECISION.name:
            self.decisions.add(event_id)
            return
        self.published[event_id] = topic
        if kind in _KIND_OF_TYPE:
            self.activity[event_id] = _KIND_OF_TYPE[kind]
        elif kind == APPROVAL_REQUESTED.name:
            asked = orjson.loads(value or b"{}")
            self.requests[event_id] = (asked["enrollment_id"], asked["request_digest"])
        elif kind == ENROLLMENT_CHANGED.name:
            self._change(orjson.loads(value or b"{}"), told)

    def _bury(self, told: dict[str, str]) -> None:
        place = "/".join(told.get(f"x-dlq-original-{part}", "?") for part in ("topic", "partition", "offset"))
        self.dead_letters[told.get(MARK) or place] = told.get("x-dlq-error-code", "unknown")

    def _change(self, change: dict[str, Any], told: dict[str, str]) -> None:
        enrollment_id, sequence = change["enrollment_id"], told.get("ce_sequence")
        if enrollment_id is None or sequence is None:
            return
        self.changes[enrollment_id, int(sequence)] = change["to"]
        membership = change["membership"]
        if change["to"] == "enrolled" and membership is not None:
            self.memberships[enrollment_id, int(sequence)] = membership["salesloft_membership_id"]

    def evidence(self) -> BusEvidence:
        """All that was found so far."""
        return BusEvidence(
            published=self.published,
            requests=self.requests,
            changes=self.changes,
            memberships=self.memberships,
            decisions=self.decisions,
            activity=self.activity,
            dead_letters=self.dead_letters,
        )

    def dead_letters_by_code(self) -> Counter[str]:
        return Counter(self.dead_letters.values())

    def activity_by_kind(self) -> Counter[str]:
        return Counter(self.activity.values())

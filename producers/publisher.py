"""Kafka's side of the relay: rows to record batches, one batch of a partition at a time, and what became of each.

An idempotent producer numbers its batches per partition. One batch that is refused leaves a gap in the numbers, so
every later one of its partition would be refused too (or taken, where the broker knows nothing of this producer yet):
after any failure the producer is spent, and a new one takes its place.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache, lru_cache
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    ClusterAuthorizationFailedError,
    DuplicateSequenceNumber,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTopicError,
    KafkaError,
    LeaderNotAvailableError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import TopicPartition

from storage.outbox import unpack_headers
from storage.relay import OutboxKey, OutboxRow
from telemetry.traces import MessagingTraces

__all__ = ["Failure", "FailureScope", "Publisher", "PublisherOptions", "PublisherUnavailable", "Report"]

_log = structlog.get_logger(__name__)

_TOPIC_ERRORS = (InvalidTopicError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError)
_PRODUCER_ERRORS = (
    ClusterAuthorizationFailedError,
    DuplicateSequenceNumber,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)


class PublisherUnavailable(Exception):
    """No producer could be started: the bus is away, or refuses us."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublisherOptions:
    """How to reach Kafka. Times in seconds.

    `batch_bytes` bounds one record batch; a larger record is a batch of its own. `security` is handed to the client
    as it is (`security_protocol`, `ssl_context`, `sasl_mechanism`, ...).
    """

    bootstrap_servers: str
    client_id: str = "cscx-salesloft-relay"
    batch_bytes: int = 256 * 1024
    request_timeout: float = 10.0
    start_timeout: float = 10.0
    close_timeout: float = 5.0
    security: Mapping[str, Any] = field(default_factory=dict)


class FailureScope(Enum):
    """Whom a failure stops."""

    RECORDS = auto()
    """The broker refused these records, one of them or all, and would again."""
    TOPIC = auto()
    """The topic is absent or closed to us."""
    PARTITION = auto()
    """No leader, no answer in time, or a trouble of the producer's own. What was sent may be there, or may come yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Rows that are not known to be published; `error` is the class of what Kafka or its client said.

    Of a partition's failure `keys` are those of all its rows, acknowledged ones not excepted.
    """

    scope: FailureScope
    topic: str
    partition: int | None
    keys: frozenset[OutboxKey]
    rows: int
    first_position: int
    error: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Rows that Kafka has, with all replicas in sync."""

    topic: str
    partition: int
    rows: list[OutboxRow]


@dataclass(frozen=True, slots=True)
class Held:
    """Keys whose partition was not to be tried."""

    topic: str
    partition: int
    keys: frozenset[OutboxKey]


@dataclass(slots=True)
class Report:
    """What became of a publication. Rows not named were not tried: an older one of their partition failed."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    is_producer_spent: bool = False


@lru_cache(maxsize=32_768)
def _hash(key: bytes) -> int:
    """Kafka's own hash of a key, as the Java client computes it. A customer's events come in rows, and it is slow."""
    return int(murmur2(key)) & 0x7FFFFFFF


class Publisher:
    """A producer that is replaced when it is spent. Not for concurrent use."""

    def __init__(self, options: PublisherOptions) -> None:
        self._options = options
        self._producer: AIOKafkaProducer | None = None
        self._traces = MessagingTraces.configured()

    async def open(self) -> None:
        """Have a producer. Raises PublisherUnavailable; where one is there nothing happens."""
        if self._producer is not None:
            return
        options = self._options
        producer = AIOKafkaProducer(
            bootstrap_servers=options.bootstrap_servers,
            client_id=options.client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=options.batch_bytes,
            request_timeout_ms=int(options.request_timeout * 1000),
            metadata_max_age_ms=60_000,
            **options.security,
        )
        try:
            async with asyncio.timeout(options.start_timeout):
                await producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await _discard(producer, options.close_timeout)
            raise PublisherUnavailable(type(error).__name__) from error
        except BaseException:
            await _discard(producer, options.close_timeout)
            raise
        self._producer = producer

    async def close(self) -> None:
        """Drop the producer. What is in flight then has an unknown fate, and is not sent by it any more."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _discard(producer, self._options.close_timeout)

    async def publish(
        self,
        rows: Sequence[OutboxRow],
        *,
        goes_alone: Callable[[OutboxKey], bool],
        patience: Callable[[str, int], float],
    ) -> Report:
        """Publish rows, of each key in the order given, and say what became of them. Needs `open`.

        A row whose key `goes_alone` is a batch by itself. `patience` is how many seconds a topic's partition has to
        take its rows, 0 where it is not to be tried now; such rows are reported as held. When a batch failed the
        producer is dropped before this returns: what it still held must not reach Kafka behind what the next one sends.
        """
        producer = self._producer
        if producer is None:
            raise PublisherUnavailable("not opened")
        report = Report()
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._learn_topics(producer, {row.topic for row in rows})
            tasks += [
                asyncio.create_task(self._traced(send, report), name=f"publish to {send.topic}")
                for send in _sends(producer, rows, goes_alone, patience, report)
            ]
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await self.close()
            raise
        if report.is_producer_spent:
            await self.close()
        return report

    async def _traced(self, send: "_PartitionSend", report: Report) -> None:
        with self._traces.sending(send.topic, send.headers()):
            await send.run(report)

    async def _learn_topics(self, producer: AIOKafkaProducer, topics: Iterable[str]) -> None:
        """Ask once for topics not known yet; by itself the producer asks again and again, and holds up the others."""
        client = producer.client
        unknown = [topic for topic in topics if not client.cluster.partitions_for_topic(topic)]
        if unknown:
            for topic in unknown:
                client.add_topic(topic)
            try:
                async with asyncio.timeout(self._options.request_timeout):
                    await client.force_metadata_update()
            except TimeoutError as error:
                raise PublisherUnavailable("no answer about topics") from error


class _PartitionSend:
    """The rows of one partition: one batch after another's acknowledgement, up to the first that fails."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        place: TopicPartition,
        rows: Sequence[OutboxRow],
        goes_alone: Callable[[OutboxKey], bool],
        seconds: float,
    ) -> None:
        self.topic: str = place.topic
        self._producer = producer
        self._partition: int = place.partition
        self._rows = rows
        self._goes_alone = goes_alone
        self._seconds = seconds

    def headers(self) -> Iterator[list[tuple[str, bytes]]]:
        """Each row's headers, unpacked when they are asked for."""
        return (unpack_headers(row.headers) for row in self._rows)

    async def run(self, report: Report) -> None:
        batch_rows: list[OutboxRow] = []
        try:
            async with asyncio.timeout(self._seconds):
                for batch, batch_rows in self._batches():
                    # The first await ends when the sender has room for the batch, the second with the broker's answer.
                    await (await self._producer.send_batch(batch, self.topic, partition=self._partition))
                    report.acknowledged.append(Acknowledged(self.topic, self._partition, batch_rows))
        except (KafkaError, TimeoutError) as error:
            report.is_producer_spent = True
            scope = _scope(error)
            failed = batch_rows if scope is FailureScope.RECORDS else self._rows
            report.failures.append(_failure(scope, self.topic, self._partition, failed, error))

    def _batches(self) -> Iterator[tuple[BatchBuilder, list[OutboxRow]]]:
        """Full batches of the rows that go together, then those that go alone: a key is wholly in one of the two."""
        alone: list[OutboxRow] = []
        batch, taken = self._producer.create_batch(), list[OutboxRow]()
        for row in self._rows:
            if self._goes_alone((row.topic, row.key)):
                alone.append(row)
                continue
            if not _append(batch, row):
                yield batch, taken
                batch, taken = self._producer.create_batch(), []
                _append(batch, row)
            taken.append(row)
        if taken:
            yield batch, taken
        for row in alone:
            batch = self._producer.create_batch()
            _append(batch, row)
            yield batch, [row]


def _append(batch: BatchBuilder, row: OutboxRow) -> bool:
    """Whether there was room. The first record of a batch always finds it."""
    appended = batch.append(timestamp=None, key=row.key, value=row.payload, headers=unpack_headers(row.headers))
    return appended is not None


def _scope(error: Exception) -> FailureScope:
    if isinstance(error, _TOPIC_ERRORS):
        return FailureScope.TOPIC
    if isinstance(error, BrokerResponseError) and not error.retriable and not isinstance(error, _PRODUCER_ERRORS):
        return FailureScope.RECORDS
    return FailureScope.PARTITION


def _keys(rows: Iterable[OutboxRow]) -> frozenset[OutboxKey]:
    return frozenset((row.topic, row.key) for row in rows)


def _failure(
    scope: FailureScope, topic: str, partition: int | None, rows: Sequence[OutboxRow], error: Exception
) -> Failure:
    return Failure(
        scope=scope,
        topic=topic,
        partition=partition,
        keys=_keys(rows),
        rows=len(rows),
        first_position=rows[0].position,
        error=type(error).__name__,
    )


def _sends(
    producer: AIOKafkaProducer,
    rows: Sequence[OutboxRow],
    goes_alone: Callable[[OutboxKey], bool],
    patience: Callable[[str, int], float],
    report: Report,
) -> Iterator[_PartitionSend]:
    """Rows by partition. Of those whose topic or leader is away, or that are not to be tried now, the report tells."""
    partitions_of = cache(producer.client.cluster.partitions_for_topic)
    absent: dict[str, list[OutboxRow]] = defaultdict(list)
    queues: dict[TopicPartition, list[OutboxRow]] = defaultdict(list)
    anywhere = random.randrange(2**31)  # noqa: S311 - spreads rows without a key, nothing secret
    for row in rows:
        partitions = partitions_of(row.topic)
        if partitions:
            hashed = anywhere if row.key is None else _hash(row.key)
            queues[TopicPartition(row.topic, hashed % len(partitions))].append(row)
        else:
            absent[row.topic].append(row)
    for topic, missed in absent.items():
        report.failures.append(_failure(FailureScope.TOPIC, topic, None, missed, UnknownTopicOrPartitionError()))
    for place, queue in queues.items():
        seconds = patience(place.topic, place.partition)
        if seconds <= 0:
            report.held.append(Held(place.topic, place.partition, _keys(queue)))
        elif producer.client.cluster.leader_for_partition(place) in {None, -1}:
            leaderless = LeaderNotAvailableError()
            report.failures.append(_failure(FailureScope.PARTITION, place.topic, place.partition, queue, leaderless))
        else:
            yield _PartitionSend(producer, place, queue, goes_alone, seconds)


async def _discard(producer: AIOKafkaProducer, seconds: float) -> None:
    """End a producer that may hold batches which must not be sent any more.

    `stop` would send them first, and wait for ever for a broker that is away; merely abandoned, its sender would
    reconnect and send them once the broker is back, behind what a newer producer has sent by then. The client has no
    public way to drop them.
    """
    sender = producer._sender.sender_task  # noqa: SLF001 - see above
    try:
        async with asyncio.timeout(seconds):
            while sender is not None and not sender.done():
                # Cancelled once it still waits for its requests, cancelled twice it does not.
                sender.cancel()
                await asyncio.wait([sender], timeout=0.05)
            await producer.client.close()
    except TimeoutError:
        _log.warning("relay_producer_not_closed", seconds=seconds)
    # What `stop` notes first, so that nobody is told of a producer left open.
    producer._closed = True  # noqa: SLF001

"""Sends dead letters back: look, plan, carry out, cancel.

A plan names offset ranges, so what fails meanwhile is no part of it. Each chunk is published and acknowledged before
the plan's progress is stored: after a crash a chunk is published again, and the inbox takes what succeeds only once. A
dead letter is never deleted; which of them went back is known from the plans.

RedriveError            a redrive that cannot be done as it was asked for
├── UnknownTopicError   not a topic that we consume, or one without a topic of dead letters
├── NoSuchPlanError     no plan has that id
├── BusAwayError        Kafka cannot be read or does not acknowledge; the same again later goes on
└── PlanNotOpenError    the plan is done, cancelled, or carried out by another process at this moment
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from consumers.dead_letter import named_organization
from schemas.dead_letters import (
    MAX_REPLAYS,
    Origin,
    Replay,
    error_code,
    origin_of,
    replay_count,
    replayed_headers,
)
from schemas.topics import GROUP, TOPICS, Direction, dead_letter_topic, parking_topic
from storage import dead_letters, organizations, redrive
from storage.dead_letters import LetterOrigin
from storage.pool import Connection, Database
from storage.redrive import OffsetRange, RedrivePlan
from workflows.audit import Action, Done, note
from workflows.clock import Clock

__all__ = [
    "BusAwayError",
    "DeadLetterCount",
    "NoSuchPlanError",
    "PlanNotOpenError",
    "Redrive",
    "RedriveError",
    "UnknownTopicError",
]

_log = structlog.get_logger(__name__)

_CONSUMED: Final = tuple(topic.name for topic in TOPICS if topic.direction is not Direction.OUT)
_CHUNK: Final = 500
_DEADLINE_SECONDS: Final = 60.0
_MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024


class RedriveError(Exception):
    """A redrive that cannot be done as it was asked for."""


class UnknownTopicError(RedriveError):
    """Not a topic that this service consumes, or one without a topic of dead letters."""


class NoSuchPlanError(RedriveError):
    """No plan has that id."""


class BusAwayError(RedriveError):
    """Kafka cannot be read or does not acknowledge; what was acknowledged is stored, the same again goes on."""


class PlanNotOpenError(RedriveError):
    """The plan is done, cancelled, or carried out by another process at this moment."""


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """Dead letters of one topic, code and organization. `waiting` were not sent back yet; `oldest` is one of those."""

    topic: str
    code: str
    organization_id: str | None
    waiting: int
    redriven: int
    oldest: datetime | None


class Redrive:
    """Works on the dead letters of one consumer group's topics."""

    def __init__(
        self,
        *,
        bootstrap_servers: str,
        database: Database,
        clock: Clock,
        group: str = GROUP,
        topics: Iterable[str] = _CONSUMED,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._database = database
        self._clock = clock
        self._group = group
        self._topics = tuple(topics)

    async def count(self) -> list[DeadLetterCount]:
        """Count what lies in the dead-letter topics, by topic, code and organization."""
        counts: list[DeadLetterCount] = []
        with _kafka_translated():
            async with self._reader() as reader:
                for topic in self._topics:
                    with suppress(UnknownTopicError):
                        counts += await self._count_topic(reader, topic)
        return counts

    async def plan(self, topic: str, *, error_codes: Sequence[str] | None, requested_by: str) -> RedrivePlan:
        """Keep a plan for the dead letters that `topic` has now and that were not sent back before; by code, or all."""
        dead = self._dead_letters_of(topic)
        with _kafka_translated():
            async with self._reader() as reader:
                ranges, counts = await self._survey(reader, dead, error_codes)
        plan_id = uuid4()
        async with self._database.transaction() as connection:
            await redrive.add_plan(
                connection,
                plan_id=plan_id,
                topic=dead,
                error_codes=error_codes,
                ranges=ranges,
                counts=counts,
                requested_by=requested_by,
                now=self._clock.now(),
            )
        return await self.read(plan_id)

    async def read(self, plan_id: UUID) -> RedrivePlan:
        """The plan as it stands. Raises NoSuchPlanError."""
        async with self._database.connection() as connection:
            plan = await redrive.read_plan(connection, plan_id)
        if plan is None:
            raise NoSuchPlanError(f"there is no plan {plan_id}")
        return plan

    async def cancel(self, plan_id: UUID) -> RedrivePlan:
        """Carry out no more of a plan. Raises PlanNotOpenError for one that is over."""
        plan = await self.read(plan_id)
        async with self._database.transaction() as connection:
            if not await redrive.cancel(connection, plan_id, self._clock.now()):
                raise PlanNotOpenError(f"plan {plan_id} is {plan.state}")
        return await self.read(plan_id)

    async def execute(self, plan_id: UUID, *, advanced: Callable[[int], None] = lambda _: None) -> RedrivePlan:
        """Carry a plan out, or go on where it was broken off; `advanced` is told of each chunk's dead letters.

        Ends early, without an error, when the plan is cancelled meanwhile: the answer says so. Raises PlanNotOpenError
        and BusAwayError; after the latter it may be called again.
        """
        plan = await self.read(plan_id)
        async with self._database.connection() as guard, redrive.exclusively(guard, plan_id) as mine:
            async with self._database.transaction() as connection:
                if not mine or not await redrive.begin(connection, plan_id, self._clock.now()):
                    state = plan.state if mine else "carried out by another process"
                    raise PlanNotOpenError(f"plan {plan_id} is {state}")
            # Told apart here: whatever leaves the block of a connection is taken for the database's.
            with _kafka_translated():
                async with self._reader() as reader, self._publisher() as publisher:
                    await self._carry_out(plan, reader, publisher, advanced)
        return await self.read(plan_id)

    async def _carry_out(
        self, plan: RedrivePlan, reader: "_Reader", publisher: AIOKafkaProducer, advanced: Callable[[int], None]
    ) -> None:
        others = [other for other in await self._plans(plan.topic) if other.id != plan.id]
        left = [
            OffsetRange(r.partition, max(r.first_offset, plan.progress.get(r.partition, 0)), r.next_offset)
            for r in plan.ranges
        ]
        async for records in reader.scan(plan.topic, left):
            named = [record for record in records if plan.names(error_code(record.headers))]
            chosen = await self._unsent(plan.topic, others, named)
            parked = await self._publish(plan, chosen, publisher)
            async with self._database.transaction() as connection:
                goes_on = await redrive.advance(
                    connection,
                    plan.id,
                    partition=records[-1].partition,
                    next_offset=records[-1].offset + 1,
                    redriven=len(chosen) - parked,
                    parked=parked,
                    now=self._clock.now(),
                )
                await dead_letters.settle_by_origin(
                    connection,
                    plan.id,
                    group=self._group,
                    topic=self._topic_of(plan.topic),
                    origins=list(filter(None, map(_place_of, chosen))),
                )
                await _note(connection, plan, chosen, self._clock.now())
            advanced(len(chosen))
            if not goes_on:
                return
        async with self._database.transaction() as connection:
            await redrive.finish(connection, plan.id, self._clock.now())

    async def _publish(self, plan: RedrivePlan, records: Sequence[Any], publisher: AIOKafkaProducer) -> int:
        """Send the originals back and what had its replays to the parking topic; answers how many were parked."""
        topic = self._topic_of(plan.topic)
        parking = parking_topic(topic, self._group)
        parked = 0
        async with asyncio.timeout(_DEADLINE_SECONDS):
            partitions: set[int] = await publisher.partitions_for(topic)
            sent = []
            for record in records:
                origin = origin_of(record.headers)
                count = replay_count(record.headers) + 1
                if origin is None or count > MAX_REPLAYS:
                    parked += 1
                    sent.append(
                        await publisher.send(parking, record.value, key=record.key, headers=list(record.headers))
                    )
                    continue
                replay = Replay(count, str(plan.id), plan.requested_by)
                sent.append(
                    await publisher.send(
                        topic,
                        record.value,
                        key=record.key,
                        headers=replayed_headers(record.headers, replay),
                        partition=origin.partition if origin.partition in partitions else None,
                        timestamp_ms=_time_of(record, origin),
                    )
                )
            await asyncio.gather(*sent)
        _log.info(
            "dead_letters_sent_back", topic=topic, plan=str(plan.id), redriven=len(records) - parked, parked=parked
        )
        return parked

    async def _count_topic(self, reader: "_Reader", topic: str) -> list[DeadLetterCount]:
        dead = dead_letter_topic(topic, self._group)
        ranges = await reader.ranges(dead)
        plans = await self._plans(dead)
        waiting: Counter[tuple[str, str | None]] = Counter()
        redriven: Counter[tuple[str, str | None]] = Counter()
        oldest: dict[tuple[str, str | None], int] = {}
        async for records in reader.scan(dead, ranges):
            unsent = {record.offset for record in await self._unsent(dead, plans, records)}
            for record in records:
                group = (error_code(record.headers), named_organization(record))
                if record.offset not in unsent:
                    redriven[group] += 1
                else:
                    waiting[group] += 1
                    oldest[group] = min(oldest.get(group, record.timestamp), record.timestamp)
        return [
            DeadLetterCount(topic, code, organization, waiting[group], redriven[group], _instant(oldest.get(group)))
            for group in sorted(waiting.keys() | redriven.keys(), key=lambda g: (g[0], g[1] or ""))
            for code, organization in (group,)
        ]

    def _dead_letters_of(self, topic: str) -> str:
        if topic not in self._topics:
            raise UnknownTopicError(f"{topic} is not consumed; one of {', '.join(self._topics)} is meant")
        return dead_letter_topic(topic, self._group)

    def _topic_of(self, dead: str) -> str:
        """It follows from where a letter lies, not from its headers: nobody can aim a replay elsewhere."""
        return next(name for name in self._topics if dead_letter_topic(name, self._group) == dead)

    async def _survey(
        self, reader: "_Reader", dead: str, error_codes: Sequence[str] | None
    ) -> tuple[tuple[OffsetRange, ...], Counter[str]]:
        """What lies in a topic now, and by code how much of it is asked for and did not go back before."""
        ranges, earlier = await reader.ranges(dead), await self._plans(dead)
        counts: Counter[str] = Counter()
        async for records in reader.scan(dead, ranges):
            asked = [one for one in records if error_codes is None or error_code(one.headers) in error_codes]
            counts.update(error_code(one.headers) for one in await self._unsent(dead, earlier, asked))
        return ranges, counts

    async def _unsent(self, dead: str, plans: Iterable[RedrivePlan], records: Sequence[Any]) -> list[Any]:
        """The dead letters that neither a plan nor their own organization has sent back."""
        left = [one for one in records if not _was_sent(plans, one, error_code(one.headers))]
        origins = set(filter(None, map(_place_of, left)))
        async with self._database.connection() as connection:
            sent = await dead_letters.sent_back(
                connection, group=self._group, topic=self._topic_of(dead), origins=origins
            )
        return [one for one in left if _place_of(one) not in sent]

    async def _plans(self, dead: str) -> list[RedrivePlan]:
        async with self._database.connection() as connection:
            return await redrive.read_plans(connection, dead)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator["_Reader"]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap_servers)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await admin.start()
            await consumer.start()
            yield _Reader(admin, consumer)
        finally:
            await consumer.stop()
            await admin.close()

    @asynccontextmanager
    async def _publisher(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            acks="all",
            enable_idempotence=True,
            max_request_size=_MAX_REQUEST_BYTES,
            linger_ms=5,
        )
        await producer.start()
        try:
            yield producer
        finally:
            # Everything that counts was acknowledged before; what is left in a failing producer may be given up.
            try:
                async with asyncio.timeout(_DEADLINE_SECONDS):
                    await producer.stop()
            except TimeoutError:
                _log.warning("producer_not_closed")


@contextmanager
def _kafka_translated() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        raise BusAwayError(f"Kafka is away: {type(error).__name__}") from error


class _Reader:
    """Reads topics from an offset to an offset, without a group."""

    def __init__(self, admin: Any, consumer: Any) -> None:
        self._admin = admin
        self._consumer = consumer

    async def ranges(self, topic: str) -> tuple[OffsetRange, ...]:
        """All that lies in a topic now. Raises UnknownTopicError where it does not exist."""
        async with asyncio.timeout(_DEADLINE_SECONDS):
            (described,) = await self._admin.describe_topics([topic])
            if described["error_code"]:
                raise UnknownTopicError(f"topic {topic} does not exist")
            partitions = [TopicPartition(topic, p["partition"]) for p in described["partitions"]]
            self._consumer.assign(partitions)
            firsts = await self._consumer.beginning_offsets(partitions)
            ends = await self._consumer.end_offsets(partitions)
        return tuple(OffsetRange(p.partition, firsts[p], ends[p]) for p in sorted(partitions) if firsts[p] < ends[p])

    async def scan(self, topic: str, ranges: Iterable[OffsetRange]) -> AsyncIterator[Sequence[Any]]:
        """The records of the ranges, each partition in its order, in chunks of one partition."""
        for wanted in ranges:
            if wanted.first_offset >= wanted.next_offset:
                continue
            partition = TopicPartition(topic, wanted.partition)
            self._consumer.assign([partition])
            self._consumer.seek(partition, wanted.first_offset)
            while await self._consumer.position(partition) < wanted.next_offset:
                taken = await self._consumer.getmany(partition, timeout_ms=500, max_records=_CHUNK)
                records = [record for record in taken.get(partition, ()) if record.offset < wanted.next_offset]
                if records:
                    yield records


async def _note(connection: Connection, plan: RedrivePlan, records: Sequence[Any], now: datetime) -> None:
    """What went back is noted for each organization that the records name, as far as there is one of that name."""
    named = (named_organization(record) for record in records)
    # Postgres takes no zero byte, and no organization has one.
    counts = Counter(name for name in named if name is not None and "\0" not in name)
    known = await organizations.decision_versions(connection, counts) if counts else {}
    await note(
        connection,
        *(
            Done(
                organization_id,
                Action.DEAD_LETTERS_SENT_BACK,
                f"redrive/{plan.id}",
                by=plan.requested_by,
                detail={"topic": plan.topic, "records": counts[organization_id]},
            )
            for organization_id in sorted(known)
        ),
        now=now,
    )


def _was_sent(plans: Iterable[RedrivePlan], record: Any, code: str) -> bool:
    return any(plan.has_sent(record.partition, record.offset, code) for plan in plans)


def _place_of(record: Any) -> LetterOrigin | None:
    """By what it is known where it is kept for its organization; None where it is not kept."""
    organization_id, origin = named_organization(record), origin_of(record.headers)
    if organization_id is None or "\0" in organization_id or origin is None:
        return None
    return organization_id, origin.partition, origin.offset, replay_count(record.headers)


def _time_of(record: Any, origin: Origin) -> int | None:
    """A tombstone's time may be its record's, so it keeps it. An event has its own.

    Its record is as old as its replay, for Kafka deletes by that time: an old one could be gone before it is read.
    """
    if record.value is not None:
        return None
    # Kafka takes none from the future, and who forged one would stop the whole redrive.
    failed_at: int = record.timestamp
    return max(0, min(origin.timestamp, failed_at))


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)

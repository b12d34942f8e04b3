"""Topics of a test's own on the shared broker, and a loop over them with a handler that counts."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import asyncpg
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from consumers.breaker import BreakerOptions
from consumers.incoming import Fault, Incoming, Sound, read
from consumers.loop import ConsumeLoop, LoopOptions, Refusal
from consumers.settling import RetryOptions
from schemas.topics import DIRECTORY_CUSTOMER
from storage.inbox import InboxKey
from storage.pool import Connection, Database, DatabaseOptions
from telemetry.health import Health

Condition = Callable[[], Awaitable[bool]]


async def eventually(condition: Condition, *, seconds: float = 90.0) -> None:
    """Wait until something holds; fail when it does not within a bound that no healthy machine needs."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


class SteppedClock:
    """Business time that stands still until it is moved."""

    speed = 1.0

    def __init__(self) -> None:
        self.instant = datetime(2026, 11, 23, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant


@dataclass
class Recorder:
    """A handler that writes each record's id and place into a table, and does what a test tells it besides."""

    topics: tuple[str, ...]
    name: str = "recorder"
    batches: list[int] = field(default_factory=list)
    refuse: Callable[[Incoming], str | None] = lambda _: None
    before: Callable[[Connection, Sequence[Incoming]], Awaitable[None]] | None = None

    async def apply(self, connection: Connection, batch: Sequence[Incoming]) -> Sequence[Refusal]:
        self.batches.append(len(batch))
        if self.before is not None:
            await self.before(connection, batch)
        refusals = [
            Refusal(i, "decide", code, "told by the test") for i in batch if (code := self.refuse(i)) is not None
        ]
        refused = {refusal.incoming for refusal in refusals}
        taken = [i for i in batch if i not in refused]
        await connection.executemany(
            "INSERT INTO effects (event_id, subject, partition, record_offset) VALUES ($1, $2, $3, $4)",
            [(i.envelope.id if i.envelope else "", i.subject_id, i.partition, i.offset) for i in taken],
        )
        return refusals


def record_of(event_id: str, *, organization: str = "org-1", customer: str = "cus-7", **data: Any) -> dict[str, Any]:
    """A customer snapshot as a producer sends it, in binary mode."""
    body = {"organization_id": organization, "id": customer, "name": "Acme"} | data
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": "/cscx/test",
        "ce_type": "ai.cscx.directory.customer.v1",
        "ce_time": "2026-11-23T09:00:00.000000Z",
    }
    return {
        "key": f"{organization}:{customer}".encode(),
        "value": orjson.dumps(body),
        "headers": [(name, value.encode()) for name, value in headers.items()],
    }


def reads_as_customers(record: Any) -> Sound | Fault:
    """Read a test's own topic as if it were the directory's; the rest of the record keeps its topic."""
    found = read(replace(record, topic=DIRECTORY_CUSTOMER.name))
    if isinstance(found, Fault):
        return replace(found, record=record)
    key = found.mark.key
    mark = replace(
        found.mark, key=InboxKey(record.topic, key.source, key.event_id.replace(DIRECTORY_CUSTOMER.name, record.topic))
    )
    return Sound(record, replace(found.incoming, topic=record.topic), mark)


class _NoText(str):
    """A name whose bytes are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


class Bus:
    """The broker, seen from a test."""

    def __init__(self, bootstrap_servers: str, admin: AIOKafkaAdminClient, producer: AIOKafkaProducer) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.admin = admin
        self.producer = producer
        self.made: list[str] = []

    async def topic(self, *, partitions: int = 1, **config: str) -> str:
        return await self.named_topic(f"test.{uuid.uuid4().hex}", partitions=partitions, **config)

    async def named_topic(self, name: str, *, partitions: int = 1, **config: str) -> str:
        await self.admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
        self.made.append(name)
        return name

    async def send(self, topic: str, *records: dict[str, Any], partition: int | None = 0) -> None:
        sent = [await self.producer.send(topic, partition=partition, **record) for record in records]
        await asyncio.gather(*sent)

    async def send_under_a_name_that_is_no_text(self, topic: str) -> None:
        """A record whose header has a name that is not UTF-8, as librdkafka would send it."""
        batch = self.producer.create_batch()
        # The client's own builder takes text alone; its twin in Python takes what can be encoded.
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 16_384)
        unreadable = record_of("unreadable") | {"headers": [(_NoText("name"), b"value")]}
        batch._builder.append(0, 0, unreadable["key"], unreadable["value"], unreadable["headers"])
        batch._relative_offset = 1
        await (await self.producer.send_batch(batch, topic, partition=0))

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        offsets = await self.admin.list_consumer_group_offsets(group)
        return {p.partition: o.offset for p, o in offsets.items() if p.topic == topic and o.offset >= 0}

    async def delete_records(self, topic: str, partition: int, *, before: int) -> None:
        await self.admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=before)})

    async def records(self, topic: str) -> list[Any]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            (described,) = await self.admin.describe_topics([topic])
            partitions = [TopicPartition(topic, p["partition"]) for p in described["partitions"]]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            found: list[Any] = []
            while any([await consumer.position(p) < ends[p] for p in partitions]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
            return found
        finally:
            await consumer.stop()


@pytest.fixture
async def bus(kafka: str) -> AsyncIterator[Bus]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5)
    await admin.start()
    await producer.start()
    bus = Bus(kafka, admin, producer)
    try:
        yield bus
    finally:
        await producer.stop()
        if bus.made:
            await admin.delete_topics(bus.made)
        await admin.close()


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    owner = await asyncpg.connect(migrated)
    await owner.execute(
        "CREATE TABLE effects (event_id text, subject text, partition int, record_offset bigint, "
        "position bigint GENERATED ALWAYS AS IDENTITY)"
    )
    await owner.execute("GRANT ALL ON effects TO cscx_salesloft_worker")
    await owner.close()
    options = DatabaseOptions(dsn=migrated, connect_timeout=2.0, statement_timeout=10.0)
    async with Database.connected(options) as database:
        yield database


@dataclass
class Running:
    """A loop at work, and how to look at what it did."""

    loop: ConsumeLoop
    task: "asyncio.Task[None]"
    handler: Recorder
    health: Health
    clock: SteppedClock
    group: str


class RunLoop(Protocol):
    def __call__(
        self,
        handler: Recorder,
        *,
        group: str | None = ...,
        instance: str = ...,
        breaker: BreakerOptions | None = ...,
        **options: Any,
    ) -> Any: ...


@pytest.fixture
def run_loop(bus: Bus, database: Database) -> RunLoop:
    @asynccontextmanager
    async def run(
        handler: Recorder,
        *,
        group: str | None = None,
        instance: str = "one",
        breaker: BreakerOptions | None = None,
        **options: Any,
    ) -> AsyncIterator[Running]:
        named = group or f"group-{uuid.uuid4().hex}"
        health, clock = Health(), SteppedClock()
        settings: dict[str, Any] = {
            "poll_seconds": 0.05,
            "watch_seconds": 0.05,
            "heartbeat_interval_ms": 100,
            "session_timeout_ms": 6000,
            "retry": RetryOptions(first_pause=0.01, longest_pause=0.1),
        } | options
        loop = ConsumeLoop(
            handler=handler,
            database=database,
            options=LoopOptions(bootstrap_servers=bus.bootstrap_servers, instance=instance, group=named, **settings),
            health=health,
            clock=clock,
            breaker=breaker,
            reader=reads_as_customers,
        )
        task = asyncio.create_task(loop.run())
        try:
            yield Running(loop, task, handler, health, clock, named)
            loop.stop()
            async with asyncio.timeout(30):
                await task
        finally:
            if task.done():
                # The loop's own failure tells more than what a test missed because of it.
                task.result()
            task.cancel()
            await asyncio.wait([task])

    return run


@pytest.fixture
def effects(database: Database) -> Callable[[], Awaitable[list[Any]]]:
    async def read_effects() -> list[Any]:
        async with database.connection() as connection:
            return list(await connection.fetch("SELECT * FROM effects ORDER BY position"))

    return read_effects


@pytest.fixture
def outbox(database: Database) -> Callable[[], Awaitable[list[Any]]]:
    async def read_outbox() -> list[Any]:
        async with database.connection() as connection:
            return list(await connection.fetch("SELECT * FROM outbox ORDER BY position"))

    return read_outbox

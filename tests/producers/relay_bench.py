"""A database with an outbox, topics of a test's own, relays that can be started and stopped, and what reached Kafka."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from producers.outbox_relay import OutboxRelay, RelayOptions
from producers.publisher import PublisherOptions
from producers.standstill import Backoff
from storage import outbox
from storage.outbox import OutboxMessage
from storage.pool import Database

DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class Record:
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def id(self) -> uuid.UUID:
        return uuid.UUID(dict(self.headers)["ce_id"].decode())


def message(topic: str, key: bytes | None, payload: bytes | None) -> OutboxMessage:
    event_id = uuid.uuid4()
    return OutboxMessage(
        id=event_id,
        aggregate_type="enrollment",
        aggregate_id="1",
        type="ai.cscx.test.v1",
        topic=topic,
        key=key,
        headers=[("ce_id", str(event_id).encode()), ("ce_subject", "Jürgen".encode()), ("x-any", b"\x00\xff")],
        payload=payload,
    )


@dataclass(frozen=True, slots=True)
class RelayBench:
    database: Database
    dsn: str
    bootstrap_servers: str

    async def topic(self, partitions: int = 3, **settings: str) -> str:
        name = f"relay-{uuid.uuid4().hex}"
        await self.create_topic(name, partitions, **settings)
        return name

    async def create_topic(self, name: str, partitions: int, **settings: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await admin.start()
        try:
            configuration = {setting.replace("_", "."): value for setting, value in settings.items()}
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configuration)])
        finally:
            await admin.close()

    async def write(self, messages: Sequence[OutboxMessage]) -> None:
        async with self.database.transaction() as connection:
            await outbox.add(connection, messages)

    async def unsent(self) -> int:
        async with self.database.connection() as connection:
            count: int = await connection.fetchval("SELECT count(*) FROM outbox_unsent")
            return count

    async def holders(self) -> dict[str, int]:
        """How many lanes each holder has."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT holder, count(*) FROM outbox_lanes WHERE leased_until > clock_timestamp() GROUP BY holder"
            )
            return {row["holder"]: row["count"] for row in rows}

    async def until_sent(self, remaining: int = 0) -> None:
        await until(self.unsent, remaining)

    async def until_held(self, lanes: dict[str, int]) -> None:
        await until(self.holders, lanes)

    async def records(self, topic: str) -> list[Record]:
        """All that the topic holds now, each partition in order."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap_servers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with asyncio.timeout(DEADLINE):
                places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
                while not places:
                    await consumer._client.force_metadata_update()
                    consumer._client.add_topic(topic)
                    places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
                consumer.assign(places)
                ends = await consumer.end_offsets(places)
                found: list[Record] = []
                for place, end in ends.items():
                    while await consumer.position(place) < end:
                        found += [
                            Record(record.partition, record.key, record.value, tuple(record.headers))
                            for record in (await consumer.getmany(place, timeout_ms=500)).get(place, ())
                        ]
                return found
        finally:
            await consumer.stop()

    def relay(self, holder: str = "a", **options: object) -> OutboxRelay:
        """A relay with the patience of a test."""
        settings: dict[str, object] = {
            "lease": 5.0,
            "renew": 0.2,
            "send": 3.0,
            "backoff": Backoff(first_seconds=0.2, longest_seconds=0.5),
            "neighbour_backoff": Backoff(first_seconds=0.05, longest_seconds=0.5),
            **options,
        }
        publisher = PublisherOptions(bootstrap_servers=self.bootstrap_servers, start_timeout=3.0)
        return OutboxRelay(
            self.database,
            self.dsn,
            RelayOptions(publisher=publisher, holder=holder, **settings),  # type: ignore[arg-type]  # a test's own mixture
        )

    @contextlib.asynccontextmanager
    async def running(self, relay: OutboxRelay) -> AsyncIterator[OutboxRelay]:
        """The relay at work, stopped in order when the block ends."""
        task = asyncio.create_task(relay.run())
        try:
            yield relay
        finally:
            relay.stop()
            async with asyncio.timeout(DEADLINE):
                await task


def first_values(records: Sequence[Record], key: bytes) -> list[bytes | None]:
    """A key's values in the order of their first arrival: what was sent again comes after what it repeats."""
    seen: dict[uuid.UUID, bytes | None] = {}
    for record in records:
        if record.key == key:
            seen.setdefault(record.id, record.value)
    return list(seen.values())


def numbered(topic: str, keys: Sequence[bytes], numbers: Sequence[int]) -> list[OutboxMessage]:
    """One message of every key for each number."""
    return [message(topic, key, str(number).encode()) for number in numbers for key in keys]


async def until(read: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Return when what is read from outside, where nothing signals, is as wanted."""
    async with asyncio.timeout(DEADLINE):
        while await read() != wanted:  # noqa: ASYNC110 - a table and a metric have no event to wait for
            await asyncio.sleep(0.01)


async def until_true(condition: Callable[[], bool]) -> None:
    async def read() -> bool:
        return condition()

    await until(read, wanted=True)

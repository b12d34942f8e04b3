"""A program: consumes events, inserts them into one table a batch at a time, and produces given bytes for each.

Nothing is decoded, looked up or decided. It is meant to be as fast as this can be done with the same libraries: one
batch is inserted while the one before is produced, rows go by binary COPY into a table without an index, whole record
batches go to a partition, and a record keeps its partition, so that no key is hashed. It takes its plan as JSON in its
only argument, and stays when it is done until it is ended.
"""

import asyncio
import base64
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

__all__ = ["main"]

_BATCH = 2000
_POLL_MS = 200
_FETCH_WAIT_MS = 50
_BATCH_BYTES = 256 * 1024
_GROUP = "bench-floor"
_TABLE = "bench_floor"
_COLUMNS = ("partition", "position", "key", "headers", "value")

Taken = Mapping[TopicPartition, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Output:
    topic: str
    value: bytes
    headers: list[tuple[str, bytes]]


async def _run(plan: dict[str, Any]) -> None:
    outputs = [
        _Output(
            one["topic"],
            base64.b64decode(one["value"]),
            [(name, base64.b64decode(text)) for name, text in one["headers"]],
        )
        for one in plan["outputs"]
    ]
    connection = await asyncpg.connect(plan["dsn"])
    await connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_TABLE}"
        " (partition int NOT NULL, position bigint NOT NULL, key bytea, headers bytea, value bytea)"
    )
    consumer = AIOKafkaConsumer(
        bootstrap_servers=plan["bootstrap_servers"],
        group_id=_GROUP,
        enable_auto_commit=False,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=plan["bootstrap_servers"],
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=_BATCH_BYTES,
    )
    await consumer.start()
    await producer.start()
    places = {TopicPartition(plan["topic"], int(number)): offset for number, offset in plan["positions"].items()}
    consumer.assign(list(places))
    for place, offset in places.items():
        consumer.seek(place, offset)
    inserted: asyncio.Queue[Taken] = asyncio.Queue(maxsize=1)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_take(consumer, connection, inserted, plan["events"]), name="take")
        tasks.create_task(_send(consumer, producer, inserted, outputs, plan["events"]), name="send")
    await asyncio.Event().wait()


async def _take(consumer: AIOKafkaConsumer, connection: Any, inserted: "asyncio.Queue[Taken]", events: int) -> None:
    count = 0
    while count < events:
        taken: Taken = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_BATCH)
        rows = [
            (record.partition, record.offset, record.key, orjson.dumps(_texts(record.headers)), record.value)
            for records in taken.values()
            for record in records
        ]
        if rows:
            async with connection.transaction():
                await connection.copy_records_to_table(_TABLE, records=rows, columns=_COLUMNS)
            count += len(rows)
            await inserted.put(taken)


def _texts(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, str]]:
    return [(name, text.decode()) for name, text in headers]


async def _send(
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    inserted: "asyncio.Queue[Taken]",
    outputs: Sequence[_Output],
    events: int,
) -> None:
    count = 0
    while count < events:
        taken = await inserted.get()
        await asyncio.gather(
            *(
                _produce(producer, output, place.partition, records)
                for output in outputs
                for place, records in taken.items()
            )
        )
        await consumer.commit({place: records[-1].offset + 1 for place, records in taken.items()})
        count += sum(map(len, taken.values()))


async def _produce(producer: AIOKafkaProducer, output: _Output, partition: int, records: Sequence[Any]) -> None:
    batch = producer.create_batch()
    sent = []
    for record in records:
        if not batch.append(timestamp=None, key=record.key, value=output.value, headers=output.headers):
            sent.append(await producer.send_batch(batch, output.topic, partition=partition))
            batch = producer.create_batch()
            batch.append(timestamp=None, key=record.key, value=output.value, headers=output.headers)
    sent.append(await producer.send_batch(batch, output.topic, partition=partition))
    await asyncio.gather(*sent)


def main() -> None:
    """Run the plan that the command line holds."""
    uvloop.run(_run(orjson.loads(sys.argv[1])))


if __name__ == "__main__":
    main()

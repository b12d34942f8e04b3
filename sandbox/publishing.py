"""Sends generated records to Kafka: at once, or each at its own business time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sandbox.generator import GeneratedRecord
from workflows.clock import Clock

__all__ = ["Advance", "NotPublished", "producer", "publish", "publish_on_time"]

START_SECONDS = 20.0
SEND_SECONDS = 60.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.02
AT_ONCE = 1000

Advance = Callable[[int], None]


class NotPublished(Exception):
    """Kafka did not take the records within a minute; some of them may be there."""


def _ignore(_records: int) -> None:
    """Nobody counts."""


@asynccontextmanager
async def producer(bootstrap_servers: str) -> AsyncIterator[AIOKafkaProducer]:
    """An idempotent producer for the length of a block. Raises NotPublished where no broker answers."""
    made = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, enable_idempotence=True, linger_ms=2, max_request_size=4 * 1024 * 1024
    )
    try:
        try:
            async with asyncio.timeout(START_SECONDS):
                await made.start()
        except (KafkaError, OSError, TimeoutError) as error:
            raise NotPublished(f"no Kafka answers at {bootstrap_servers}: {type(error).__name__}") from error
        yield made
    finally:
        async with asyncio.timeout(STOP_SECONDS):
            await made.stop()


async def publish(bootstrap_servers: str, records: Sequence[GeneratedRecord], advance: Advance = _ignore) -> None:
    """Send everything in its order as fast as Kafka takes it; `advance` hears how many more have arrived."""
    async with producer(bootstrap_servers) as sender:
        for start in range(0, len(records), AT_ONCE):
            await _send(sender, records[start : start + AT_ONCE])
            advance(len(records[start : start + AT_ONCE]))


async def publish_on_time(
    bootstrap_servers: str, records: Sequence[GeneratedRecord], clock: Clock, advance: Advance = _ignore
) -> None:
    """Send each record once the business clock has come to its `publish_at`."""
    async with producer(bootstrap_servers) as sender:
        next_one = 0
        while next_one < len(records):
            now, end = clock.now(), next_one
            while end < len(records) and records[end].publish_at <= now:
                end += 1
            if end == next_one:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            await _send(sender, records[next_one:end])
            advance(end - next_one)
            next_one = end


async def _send(sender: AIOKafkaProducer, records: Sequence[GeneratedRecord]) -> None:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            arrivals: list[Awaitable[Any]] = [
                await sender.send(record.topic, record.value, key=record.key, headers=list(record.headers))
                for record in records
            ]
            await asyncio.gather(*arrivals)
    except (KafkaError, TimeoutError) as error:
        raise NotPublished(f"Kafka did not take the records: {type(error).__name__}") from error

"""A consumer that hangs while its broker is fine, as after the broker's death, makes room for a new one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from tests.consumers.conftest import Bus, Recorder, RunLoop, eventually, record_of

Rows = Callable[[], Awaitable[list[Any]]]


async def test_a_consumer_that_sees_nothing_any_more_is_replaced(
    bus: Bus, run_loop: RunLoop, effects: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await bus.topic()
    await bus.send(topic, record_of("a"))
    getmany, end_offsets = AIOKafkaConsumer.getmany, AIOKafkaConsumer.end_offsets
    hung: set[Any] = set()
    hangs = asyncio.Event()

    async def hanging_getmany(self: Any, **options: Any) -> Any:
        if self not in hung:
            return await getmany(self, **options)
        hangs.set()
        await asyncio.sleep(options["timeout_ms"] / 1000)
        return {}

    async def hanging_end_offsets(self: Any, partitions: Any) -> Any:
        if self in hung:
            await asyncio.Event().wait()
        return await end_offsets(self, partitions)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", hanging_getmany)
    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", hanging_end_offsets)

    async def taken(*expected: str) -> bool:
        return [row["event_id"] for row in await effects()] == list(expected)

    # A request's own time is long over when it is known that nothing comes.
    async with run_loop(Recorder((topic,)), request_timeout_ms=2000, lost_after=0.5) as running:
        await eventually(lambda: taken("a"))
        hung.add(running.loop._membership._consumer)
        await hangs.wait()
        await bus.send(topic, record_of("b"))
        await eventually(lambda: taken("a", "b"))
        assert running.loop._membership._consumer not in hung

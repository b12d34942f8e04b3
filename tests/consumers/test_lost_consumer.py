"""A consumer that hangs while its broker is fine, as after the broker's death, makes room for a new one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError

from consumers.incoming import Incoming
from consumers.membership import Membership
from storage.pool import Connection
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


async def test_a_consumer_to_whom_nothing_comes_of_what_is_there_is_replaced(
    bus: Bus, run_loop: RunLoop, effects: Rows
) -> None:
    """As where aiokafka's task that fetches is over: it takes a request that was cancelled for its own cancellation."""
    topic = await bus.topic()
    await bus.send(topic, record_of("a"))

    async def taken(*expected: str) -> bool:
        return [row["event_id"] for row in await effects()] == list(expected)

    async with run_loop(Recorder((topic,)), lost_after=0.5) as running:
        await eventually(lambda: taken("a"))
        first: Any = running.loop._membership._consumer
        first._fetcher._fetch_task.cancel()
        await asyncio.wait([first._fetcher._fetch_task])
        # One request may be under way.
        await bus.send(topic, record_of("b"))
        await eventually(lambda: taken("a", "b"))
        await bus.send(topic, record_of("c"))
        await eventually(lambda: taken("a", "b", "c"))
        assert running.loop._membership._consumer is not first


async def test_a_consumer_whose_batch_takes_long_is_not_replaced(
    bus: Bus, run_loop: RunLoop, effects: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await bus.topic()
    entered, leave, turns = asyncio.Event(), asyncio.Event(), 0
    watched = Membership._watched

    async def hold(connection: Connection, batch: Sequence[Incoming]) -> None:
        entered.set()
        await leave.wait()

    def counted(self: Membership) -> str | None:
        nonlocal turns
        turns += 1
        return watched(self)

    async def watched_for_long() -> bool:
        return turns > 100

    async def taken() -> bool:
        return len(await effects()) == 1

    monkeypatch.setattr(Membership, "_watched", counted)
    await bus.send(topic, record_of("a"))
    async with run_loop(Recorder((topic,), before=hold), watch_seconds=0.01, lost_after=0.2) as running:
        await entered.wait()
        first, turns = running.loop._membership, 0
        await eventually(watched_for_long)
        leave.set()
        await eventually(taken)
        assert running.loop._membership is first


async def test_a_client_that_cancels_itself_while_it_is_closed_takes_nobody_along(
    bus: Bus, run_loop: RunLoop, effects: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where its connection ends while a task of its own has not yet begun: it cancels the task and waits for it."""
    topic = await bus.topic()
    await bus.send(topic, record_of("a"))
    getmany, stop = AIOKafkaConsumer.getmany, AIOKafkaConsumer.stop
    lost: set[Any] = set()

    async def losing_getmany(self: Any, **options: Any) -> Any:
        if self in lost:
            raise KafkaConnectionError
        return await getmany(self, **options)

    async def cancelled_stop(self: Any) -> None:
        await stop(self)
        if self in lost:
            raise asyncio.CancelledError

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", losing_getmany)
    monkeypatch.setattr(AIOKafkaConsumer, "stop", cancelled_stop)

    async def taken(*expected: str) -> bool:
        return [row["event_id"] for row in await effects()] == list(expected)

    async with run_loop(Recorder((topic,))) as running:
        await eventually(lambda: taken("a"))
        lost.add(running.loop._membership._consumer)
        await bus.send(topic, record_of("b"))
        await eventually(lambda: taken("a", "b"))

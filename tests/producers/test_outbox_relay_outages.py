"""The relay while its neighbours are taken away."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from sandbox.stack import KafkaServer, PostgresServer
from telemetry.metrics import REGISTRY
from tests.producers.relay_bench import DEADLINE, RelayBench, first_values, numbered, until_true

KEYS = [f"org-{number % 3}:cus-{number}".encode() for number in range(50)]


def failures(topic: str) -> float:
    labels = {"messaging_destination_name": topic, "error_type": "TimeoutError"}
    return REGISTRY.get_sample_value("cscx_salesloft_outbox_failures_total", labels) or 0.0


async def published(topic: str) -> None:
    def count() -> float:
        labels = {"messaging_destination_name": topic}
        return REGISTRY.get_sample_value("messaging_client_sent_messages_total", labels) or 0.0

    await until_true(lambda: count() > 0)


async def assert_all_arrived_in_order(relay_bench: RelayBench, topic: str, count: int) -> None:
    records = await relay_bench.records(topic)
    for key in KEYS:
        assert first_values(records, key) == [str(number).encode() for number in range(count)]


async def test_a_broker_killed_amid_a_backlog_loses_nothing_and_keeps_order(
    relay_bench: RelayBench, kafka_server: KafkaServer
) -> None:
    topic = await relay_bench.topic()
    await relay_bench.write(numbered(topic, KEYS, range(40)))
    async with relay_bench.running(relay_bench.relay(rows_per_round=48, send=1.0)):
        await published(topic)
        try:
            await kafka_server.kill()
            assert await relay_bench.unsent() > 0
            await relay_bench.write(numbered(topic, KEYS, range(40, 50)))
        finally:
            await kafka_server.start()
        await relay_bench.until_sent()
    await assert_all_arrived_in_order(relay_bench, topic, 50)


async def test_no_answer_in_time_means_the_same_rows_again_by_another_producer(
    relay_bench: RelayBench, kafka_server: KafkaServer
) -> None:
    topic = await relay_bench.topic()
    relay = relay_bench.relay(send=1.0, lease=30.0)
    async with relay_bench.running(relay):
        await relay_bench.write(numbered(topic, KEYS, [0]))
        await relay_bench.until_sent()
        first = relay._publisher._producer
        await kafka_server.pause()
        try:
            await relay_bench.write(numbered(topic, KEYS, [1]))
            await until_true(lambda: failures(topic) > 0)
            assert await relay_bench.unsent() == len(KEYS)
            assert first is not None
            assert first._sender.sender_task.done()
        finally:
            await kafka_server.resume()
        await relay_bench.until_sent()
        assert relay._publisher._producer is not first
    await assert_all_arrived_in_order(relay_bench, topic, 2)


async def test_a_producer_that_cancels_itself_is_a_broker_that_is_away(
    relay_bench: RelayBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await relay_bench.topic()
    start, starts = AIOKafkaProducer.start, 0

    async def cancelled_start(self: Any) -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise asyncio.CancelledError
        await start(self)

    monkeypatch.setattr(AIOKafkaProducer, "start", cancelled_start)
    async with relay_bench.running(relay_bench.relay()):
        await relay_bench.write(numbered(topic, KEYS, [0]))
        await relay_bench.until_sent()
    assert starts == 2
    await assert_all_arrived_in_order(relay_bench, topic, 1)


async def test_a_relay_stops_while_the_broker_is_away(relay_bench: RelayBench, kafka_server: KafkaServer) -> None:
    topic = await relay_bench.topic()
    relay = relay_bench.relay(send=1.0)
    task = asyncio.create_task(relay.run())
    await relay_bench.write(numbered(topic, KEYS, [0]))
    await relay_bench.until_sent()
    await kafka_server.pause()
    try:
        await relay_bench.write(numbered(topic, KEYS, [1]))
        await until_true(lambda: failures(topic) > 0)
        relay.stop()
        async with asyncio.timeout(DEADLINE):
            await task
        assert await relay_bench.holders() == {}
        assert await relay_bench.unsent() == len(KEYS)
    finally:
        await kafka_server.resume()


async def test_a_relay_outlives_its_database(relay_bench: RelayBench, postgres_server: PostgresServer) -> None:
    topic = await relay_bench.topic()
    async with relay_bench.running(relay_bench.relay(rows_per_round=48)):
        await relay_bench.write(numbered(topic, KEYS, range(20)))
        await published(topic)
        await postgres_server.restart()
        await relay_bench.write(numbered(topic, KEYS, range(20, 25)))
        await relay_bench.until_sent()
    await assert_all_arrived_in_order(relay_bench, topic, 25)

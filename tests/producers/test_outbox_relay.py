"""The relay against a real broker and a real database."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.partitioner import DefaultPartitioner

from producers.outbox_relay import RelayOptions
from producers.publisher import PublisherOptions
from storage import outbox, relay
from storage.pool import Connection
from telemetry.metrics import REGISTRY
from tests.producers.relay_bench import RelayBench, first_values, message, numbered, until_true

KEYS = [f"org-{number % 3}:cus-{number}".encode() for number in range(20)]


def failures(topic: str, error: str) -> float:
    labels = {"messaging_destination_name": topic, "error_type": error}
    return REGISTRY.get_sample_value("cscx_salesloft_outbox_failures_total", labels) or 0.0


async def alter(relay_bench: RelayBench, topic: str, setting: str, value: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=relay_bench.bootstrap_servers)
    await admin.start()
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={setting: value})])
    await admin.close()


async def test_a_row_arrives_as_it_was_stored(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic(partitions=12)
    stored = [message(topic, key, b'{"a": 1}') for key in KEYS] + [message(topic, KEYS[0], None)]
    await relay_bench.write(stored)
    async with relay_bench.running(relay_bench.relay()):
        await relay_bench.until_sent()
    records = await relay_bench.records(topic)
    assert {record.id: (record.key, record.value, record.headers) for record in records} == {
        stored.id: (stored.key, stored.payload, tuple(stored.headers)) for stored in stored
    }
    choose = DefaultPartitioner()
    assert all(record.partition == choose(record.key, list(range(12)), []) for record in records)


async def test_a_key_keeps_its_order_while_relays_come_and_go(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic()
    first, second = relay_bench.relay("a", rows_per_round=64), relay_bench.relay("b", rows_per_round=64)
    written = 0

    async def write_until(held: asyncio.Task[None]) -> None:
        nonlocal written
        while not held.done() or written % 10:
            await relay_bench.write(numbered(topic, KEYS, [written]))
            written += 1
        await held

    async with relay_bench.running(second):
        await relay_bench.until_held({"b": 16})
        async with relay_bench.running(first):
            await write_until(asyncio.create_task(relay_bench.until_held({"a": 8, "b": 8})))
            await write_until(asyncio.create_task(asyncio.sleep(0.3)))
        await write_until(asyncio.create_task(relay_bench.until_held({"b": 16})))
        await relay_bench.until_sent()
    records = await relay_bench.records(topic)
    assert written > 10
    assert len(records) == written * len(KEYS)
    for key in KEYS:
        assert first_values(records, key) == [str(number).encode() for number in range(written)]


async def test_a_row_committed_late_is_not_overtaken_in_its_key(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic(partitions=1)
    async with relay_bench.running(relay_bench.relay()):
        async with relay_bench.database.transaction() as late:
            await outbox.add(late, [message(topic, b"slow", b"1")])
            await relay_bench.write([message(topic, b"quick", b"1")])
            await relay_bench.until_sent()
        await relay_bench.write([message(topic, b"slow", b"2")])
        await relay_bench.until_sent()
    assert first_values(await relay_bench.records(topic), b"slow") == [b"1", b"2"]


async def test_lanes_of_a_dead_relay_are_taken_over_when_its_lease_ends(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic()
    began = time.monotonic()
    async with relay_bench.database.connection() as connection:
        await relay.renew_lanes(connection, holder="dead", lease_seconds=2.0)
        assert len(await relay.take_lanes(connection, holder="dead", wanted=16, lease_seconds=2.0)) == 16
    await relay_bench.write(numbered(topic, KEYS, [1]))
    async with relay_bench.running(relay_bench.relay()):
        await relay_bench.until_sent()
        assert time.monotonic() - began >= 2.0
        await relay_bench.until_held({"a": 16})


async def test_a_stopped_relay_gives_its_lanes_back(relay_bench: RelayBench) -> None:
    async with relay_bench.running(relay_bench.relay(lease=600.0)) as running:
        await relay_bench.until_held({"a": 16})
        async with asyncio.timeout(30):
            await running.ready.wait()
    assert await relay_bench.holders() == {}


async def test_a_relay_that_dies_before_the_mark_leaves_rows_that_are_sent_again(
    relay_bench: RelayBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await relay_bench.topic()
    stored = numbered(topic, KEYS, [1, 2])

    async def dies(_connection: Connection, _rows: object) -> None:
        raise ZeroDivisionError

    await relay_bench.write(stored)
    with monkeypatch.context() as patched:
        patched.setattr(relay, "mark_sent", dies)
        with pytest.raises(ExceptionGroup):
            await relay_bench.relay("a", lease=4.0).run()
    assert await relay_bench.unsent() == len(stored)
    assert len(await relay_bench.records(topic)) == len(stored)
    async with relay_bench.running(relay_bench.relay("b")):
        await relay_bench.until_sent()
    records = await relay_bench.records(topic)
    assert sorted(record.id for record in records) == sorted([row.id for row in stored] * 2)
    for key in KEYS:
        assert first_values(records, key) == [b"1", b"2"]


async def test_a_row_too_large_stops_its_key_alone(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic(partitions=1, max_message_bytes="20000")
    poison = [message(topic, b"poison", value) for value in (b"1", b"2" * 30_000, b"3")]
    before = numbered(topic, KEYS, [1])
    await relay_bench.write(before + poison + numbered(topic, KEYS, [2]))
    async with relay_bench.running(relay_bench.relay()):
        await relay_bench.until_sent(remaining=2)
        await relay_bench.write(numbered(topic, KEYS, [3]))
        await relay_bench.until_sent(remaining=2)
        records = await relay_bench.records(topic)
        for key in KEYS:
            assert first_values(records, key) == [b"1", b"2", b"3"]
        assert first_values(records, b"poison") == [b"1"]
        assert failures(topic, "MessageSizeTooLargeError") >= 1
        await alter(relay_bench, topic, "max.message.bytes", "100000")
        await relay_bench.until_sent()
    assert first_values(await relay_bench.records(topic), b"poison") == [row.payload for row in poison]


async def test_partitions_that_answer_too_late_hold_up_the_others_once(
    relay_bench: RelayBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, slow = await relay_bench.topic(), await relay_bench.topic(partitions=2)
    answers, sends = asyncio.Event(), AIOKafkaProducer.send_batch

    async def send_batch(producer: AIOKafkaProducer, batch: object, to: str, *, partition: int) -> object:
        if to == slow:
            await answers.wait()
        return await sends(producer, batch, to, partition=partition)

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", send_batch)
    async with relay_bench.running(relay_bench.relay(send=3.0, probe=1.0, rows_per_round=32)):
        await relay_bench.write(numbered(slow, KEYS, [1, 2]) + numbered(topic, KEYS, [1]))
        for number in (2, 3, 4):
            await relay_bench.write(numbered(topic, KEYS, [number]))
            await relay_bench.until_sent(remaining=40)
        assert failures(slow, "TimeoutError") >= 1
        answers.set()
        await relay_bench.until_sent()
    for name, last in ((topic, 4), (slow, 2)):
        records = await relay_bench.records(name)
        for key in KEYS:
            assert first_values(records, key) == [str(number).encode() for number in range(1, last + 1)]


async def test_partitions_that_do_not_answer_and_fill_a_round_hold_up_nobody_else(
    relay_bench: RelayBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, silent = await relay_bench.topic(), await relay_bench.topic(partitions=2)
    answers, sends = asyncio.Event(), AIOKafkaProducer.send_batch

    async def send_batch(producer: AIOKafkaProducer, batch: object, to: str, *, partition: int) -> object:
        if to == silent:
            await answers.wait()
        return await sends(producer, batch, to, partition=partition)

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", send_batch)
    lane = outbox.lane_of(topic, KEYS[0])
    others = [key for key in (f"cus-{number}".encode() for number in range(100)) if outbox.lane_of(silent, key) == lane]
    await relay_bench.write(numbered(silent, others, [1, 2]))
    await relay_bench.write(numbered(topic, KEYS[:1], [1]))
    async with relay_bench.running(relay_bench.relay(send=1.0, probe=0.5, rows_per_round=32)):
        for number in (2, 3):
            await relay_bench.until_sent(remaining=len(others) * 2)
            await relay_bench.write(numbered(topic, KEYS[:1], [number]))
        await relay_bench.until_sent(remaining=len(others) * 2)
        answers.set()
        await relay_bench.until_sent()
    for name, keys, last in ((topic, KEYS[:1], 3), (silent, others, 2)):
        records = await relay_bench.records(name)
        for key in keys:
            assert first_values(records, key) == [str(number).encode() for number in range(1, last + 1)]


async def test_an_absent_topic_holds_up_nobody_else(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic()
    absent = f"{topic}-absent"
    await relay_bench.write(numbered(absent, KEYS, [1, 2]) + numbered(topic, KEYS, [1]))
    async with relay_bench.running(relay_bench.relay(rows_per_round=32)):
        await relay_bench.until_sent(remaining=40)
        assert failures(absent, "UnknownTopicOrPartitionError") >= 1
        await relay_bench.create_topic(absent, 2)
        await relay_bench.until_sent()
    records = await relay_bench.records(absent)
    for key in KEYS:
        assert first_values(records, key) == [b"1", b"2"]


async def test_a_commit_is_heard_of_long_before_the_next_poll(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic()
    async with relay_bench.running(relay_bench.relay(poll=3600.0)):
        for number in range(3):
            await relay_bench.write(numbered(topic, KEYS, [number]))
            await relay_bench.until_sent()


async def test_a_lost_hint_costs_no_more_than_a_poll(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic()
    async with relay_bench.running(relay_bench.relay()):
        await relay_bench.write(numbered(topic, KEYS, [1]))
        await relay_bench.until_sent()
        async with relay_bench.database.transaction() as connection:
            # What notify_outbox would say is not said.
            await connection.execute(
                "WITH stored AS (INSERT INTO outbox (id, aggregatetype, aggregateid, type, topic, key, lane, headers)"
                " VALUES (gen_random_uuid(), 'e', '1', 't', $1, 'silent', $2, '[]') RETURNING lane, position)"
                " INSERT INTO outbox_unsent SELECT * FROM stored",
                topic,
                outbox.lane_of(topic, b"silent"),
            )
        await relay_bench.until_sent()


async def test_rows_are_pruned_when_they_are_sent_and_old(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic()
    await relay_bench.write(numbered(topic, KEYS, [1]))
    async with relay_bench.running(relay_bench.relay()):
        await relay_bench.until_sent()
    await relay_bench.write([message(topic, b"unsent", b"1")])
    now = datetime.now(UTC)
    async with relay_bench.database.transaction() as connection:
        assert await relay.prune(connection, written_before=now - timedelta(days=1), limit=100) == 0
        assert await relay.prune(connection, written_before=now + timedelta(days=1), limit=15) == 15
        assert await relay.prune(connection, written_before=now + timedelta(days=1), limit=15) == 5
        assert await connection.fetchval("SELECT array_agg(key) FROM outbox") == [b"unsent"]


async def test_what_waits_is_measured(relay_bench: RelayBench) -> None:
    topic = await relay_bench.topic()
    absent = f"{topic}-absent"
    await relay_bench.write(numbered(absent, KEYS, [1]))
    async with relay_bench.running(relay_bench.relay(measure=0.05)):
        await until_true(lambda: REGISTRY.get_sample_value("cscx_salesloft_outbox_backlog_rows") == len(KEYS))
        await until_true(lambda: (REGISTRY.get_sample_value("cscx_salesloft_outbox_oldest_age_seconds") or 0) > 0)


def test_a_lease_that_ends_before_a_send_is_refused() -> None:
    with pytest.raises(ValueError, match="lease"):
        RelayOptions(publisher=PublisherOptions(bootstrap_servers=""), lease=5.0, send=5.0)


@pytest.mark.parametrize(("relays", "shares"), [(1, [16]), (3, [6, 5, 5]), (16, [1] * 16), (18, [1] * 16 + [0] * 2)])
def test_lanes_are_shared_evenly(relays: int, shares: list[int]) -> None:
    living = [f"relay-{number:02}" for number in range(relays)]
    assert [relay.fair_share(holder, living) for holder in living] == shares

"""The servers of the local stack answer, come back after a restart or a kill, and keep what they were given."""

import asyncio
import uuid

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from sandbox.stack import KafkaServer, PostgresServer, Server, StackError
from sandbox.stack.kafka import KafkaProcess
from sandbox.stack.postgres import OWNER, PostgresProcess

ANSWER_SECONDS = 30.0


async def make_topic(bootstrap_servers: str) -> str:
    name = f"test.{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    return name


async def produce(bootstrap_servers: str, topic: str, value: bytes) -> None:
    async with asyncio.timeout(ANSWER_SECONDS):
        async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all") as producer:
            await producer.send_and_wait(topic, value)


async def consume(bootstrap_servers: str, topic: str) -> bytes | None:
    async with asyncio.timeout(ANSWER_SECONDS):
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=bootstrap_servers, group_id=uuid.uuid4().hex, auto_offset_reset="earliest"
        ) as consumer:
            record = await consumer.getone()
            value: bytes | None = record.value
            return value


async def test_kafka_takes_a_group_at_once(kafka: str) -> None:
    topic = await make_topic(kafka)
    await produce(kafka, topic, b"renewal")
    assert await consume(kafka, topic) == b"renewal"


async def test_a_topic_that_nobody_declared_is_an_error(kafka: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, request_timeout_ms=1500) as producer:
        with pytest.raises(KafkaError):
            await producer.send_and_wait(f"undeclared.{uuid.uuid4().hex}", b"")


async def test_postgres_gives_an_empty_database_to_an_owner_who_may_make_roles(postgres: str) -> None:
    connection = await asyncpg.connect(postgres)
    try:
        assert await connection.fetchval("select current_user") == OWNER
        assert await connection.fetchval("select rolcreaterole from pg_roles where rolname = current_user")
        assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
        assert await connection.fetchval("show max_connections") == "200"
    finally:
        await connection.close()


async def test_a_wrong_password_is_refused(postgres: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres, password="guessed")


async def test_a_database_is_copied_from_a_template_and_dropped_under_its_sessions(
    postgres_server: PostgresServer,
) -> None:
    template, copy = f"template_{uuid.uuid4().hex}", f"copy_{uuid.uuid4().hex}"
    original = await asyncpg.connect(await postgres_server.create_database(template))
    await original.execute("create table mapping (id int)")
    await original.close()
    session = await asyncpg.connect(await postgres_server.create_database(copy, template=template))
    assert await session.fetchval("select count(*) from mapping") == 0
    await postgres_server.drop_database(copy)
    await postgres_server.drop_database(template)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await session.fetchval("select 1")
    await session.close(timeout=5)


@pytest.mark.parametrize("name", ['x"; drop database postgres; --', "", "Upper", "a" * 64])
async def test_a_name_that_would_need_quoting_is_refused(postgres_server: PostgresServer, name: str) -> None:
    with pytest.raises(StackError, match="no name for a database"):
        await postgres_server.create_database(name)


@pytest.mark.parametrize("deed", ["restart", "kill"])
async def test_kafka_keeps_port_and_records(kafka_server: KafkaServer, deed: str) -> None:
    before = kafka_server.bootstrap_servers
    topic = await make_topic(before)
    await produce(before, topic, b"kept")
    await _treat(kafka_server, deed)
    assert kafka_server.bootstrap_servers == before
    assert await consume(before, topic) == b"kept"


@pytest.mark.parametrize("deed", ["restart", "kill"])
async def test_postgres_keeps_port_and_rows(postgres_server: PostgresServer, postgres: str, deed: str) -> None:
    session = await asyncpg.connect(postgres)
    await session.execute("create table kept as select 1 as one")
    await _treat(postgres_server, deed)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await session.fetchval("select 1")
    await session.close(timeout=5)
    again = await asyncpg.connect(postgres)
    assert await again.fetchval("select one from kept") == 1
    await again.close()


async def test_who_is_paused_stands_still_from_then_on(
    kafka_server: KafkaServer, postgres_server: PostgresServer
) -> None:
    for server in (kafka_server, postgres_server):
        if not isinstance(server, KafkaProcess | PostgresProcess):
            pytest.skip("only of a process of ours can be seen whether it stands still")
        process = psutil.Process(server.pid)
        for _ in range(20):
            await server.pause()
            try:
                assert process.status() == psutil.STATUS_STOPPED
            finally:
                await server.resume()


async def test_a_paused_postgres_answers_nobody_and_then_runs_on(
    postgres_server: PostgresServer, postgres: str
) -> None:
    session = await asyncpg.connect(postgres)
    await postgres_server.pause()
    try:
        answer = asyncio.create_task(session.fetchval("select 1"))
        with pytest.raises(TimeoutError):
            await asyncpg.connect(postgres, timeout=0.5)
        assert not answer.done()
    finally:
        await postgres_server.resume()
    assert await answer == 1
    await session.close()


async def test_a_paused_kafka_answers_nobody_and_then_runs_on(kafka_server: KafkaServer) -> None:
    topic = await make_topic(kafka_server.bootstrap_servers)
    async with AIOKafkaProducer(bootstrap_servers=kafka_server.bootstrap_servers) as producer:
        await producer.send_and_wait(topic, b"before")
        await kafka_server.pause()
        try:
            record = await producer.send(topic, b"after")
            done, _ = await asyncio.wait([record], timeout=0.5)
            assert not done
        finally:
            await kafka_server.resume()
        await asyncio.wait_for(record, ANSWER_SECONDS)


async def _treat(server: Server, deed: str) -> None:
    if deed == "restart":
        await server.restart()
    else:
        await server.kill()
        await server.start()

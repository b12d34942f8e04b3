"""A bus and a database: those that settings name, else Docker's if asked for, else child processes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from rich.console import Console

from sandbox.stack.docker import PostgresContainer, kafka_container, postgres_container
from sandbox.stack.errors import ServerFailedError, StackError
from sandbox.stack.kafka import GivenKafka, KafkaServer, kafka_process
from sandbox.stack.options import StackOptions, StackSource
from sandbox.stack.postgres import GivenPostgres, PostgresProcess, PostgresServer, postgres_process
from sandbox.stack.servers import Server

__all__ = ["LocalStack", "local_kafka", "local_postgres", "local_stack", "until_one_ends"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStack:
    """A bus and a database that answer."""

    kafka: KafkaServer
    postgres: PostgresServer


async def until_one_ends(servers: Mapping[str, Server]) -> NoReturn:
    """Run until one of `servers`, by name, ends by itself, which raises `ServerFailedError`."""
    waits = {
        asyncio.create_task(server.wait(), name=f"wait for the end of {name}"): name for name, server in servers.items()
    }
    try:
        ended, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    raise ServerFailedError(f"{' and '.join(sorted(waits[wait] for wait in ended))} ended unbidden")


@contextlib.asynccontextmanager
async def local_kafka(options: StackOptions, console: Console | None = None) -> AsyncIterator[KafkaServer]:
    """A bus that answers, stopped at the block's end unless settings named it. Raises `StackError`.

    `console` shows the progress of what is fetched.
    """
    if options.kafka_bootstrap_servers is not None:
        yield GivenKafka(options.kafka_bootstrap_servers)
    elif options.source is StackSource.DOCKER:
        async with kafka_container() as container:
            yield container
    else:
        async with kafka_process(options, console) as process:
            yield process


@contextlib.asynccontextmanager
async def local_postgres(options: StackOptions) -> AsyncIterator[PostgresServer]:
    """A database server that answers, stopped at the block's end unless settings named it. Raises `StackError`."""
    async with contextlib.AsyncExitStack() as exits:
        postgres: GivenPostgres | PostgresContainer | PostgresProcess
        if options.database_url is not None:
            postgres = GivenPostgres(options.database_url)
        elif options.source is StackSource.DOCKER:
            postgres = await exits.enter_async_context(postgres_container(options))
        else:
            postgres = await exits.enter_async_context(postgres_process(options))
        exits.push_async_callback(postgres.let_go)
        yield postgres


@contextlib.asynccontextmanager
async def local_stack(options: StackOptions, console: Console | None = None) -> AsyncIterator[LocalStack]:
    """Both, started at the same time. Raises `StackError`, and leaves nothing running then."""
    async with contextlib.AsyncExitStack() as exits:
        try:
            async with asyncio.TaskGroup() as tasks:
                kafka = tasks.create_task(exits.enter_async_context(local_kafka(options, console)), name="start Kafka")
                postgres = tasks.create_task(exits.enter_async_context(local_postgres(options)), name="start Postgres")
        except* StackError as failures:
            first: BaseException = failures
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None
        yield LocalStack(kafka=kafka.result(), postgres=postgres.result())

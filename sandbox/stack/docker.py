"""Both servers as containers, through `testcontainers`, for a machine that has a Docker engine.

The containers end with the process that started them: testcontainers' own reaper sees to it.
"""

import asyncio
import contextlib
import importlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Self

from sandbox.stack.errors import NothingToStartError, ServerFailedError
from sandbox.stack.kafka import KAFKA_VERSION
from sandbox.stack.options import StackOptions
from sandbox.stack.postgres import DATABASE, OWNER, DatabaseAdministration
from sandbox.stack.readiness import takes_groups, takes_sessions, until_ready
from sandbox.stack.servers import free_port

__all__ = ["KafkaContainer", "PostgresContainer", "kafka_container", "postgres_container"]

KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
POSTGRES_IMAGE = "postgres:18"
# The first start pulls an image.
START_SECONDS = 300.0
ANSWER_SECONDS = 60.0
DEED_SECONDS = 60.0


class Container(ABC):
    """A container whose port on this machine is fixed, so that clients find it again after a restart."""

    name: str

    def __init__(self, container: Any) -> None:
        self._container = container

    async def start(self) -> None:
        await self._do("start")
        await self._until_it_answers()

    async def stop(self) -> None:
        await self._do("stop")

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def kill(self) -> None:
        await self._do("kill")

    async def pause(self) -> None:
        await self._do("pause")

    async def resume(self) -> None:
        await self._do("unpause")

    async def wait(self) -> None:
        """Never returns: the engine's blocking wait could not be taken back."""
        await asyncio.Event().wait()

    async def __aenter__(self) -> Self:
        await self._call(self._container.start, seconds=START_SECONDS)
        try:
            await self._until_it_answers()
        except BaseException:
            await self._call(self._container.stop, seconds=DEED_SECONDS)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._call(self._container.stop, seconds=DEED_SECONDS)

    async def _do(self, deed: str) -> None:
        await self._call(getattr(self._container.get_wrapped_container(), deed), seconds=DEED_SECONDS)

    async def _call(self, blocking: Callable[[], object], *, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.to_thread(blocking)
        except Exception as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ServerFailedError(f"Docker did not do what {self.name} needs: {reason}") from error

    async def _until_it_answers(self) -> None:
        await until_ready(
            self._answers,
            name=self.name,
            seconds=ANSWER_SECONDS,
            is_running=lambda: True,
            last_words=lambda: "see `docker logs`",
        )

    @abstractmethod
    async def _answers(self) -> bool:
        """Whether the server in it takes what it is there for."""


class KafkaContainer(Container):
    """Apache's own image, one node."""

    name = "Kafka"

    def __init__(self, container: Any, *, port: int) -> None:
        super().__init__(container)
        self._port = port

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def _answers(self) -> bool:
        return await takes_groups(self.bootstrap_servers)


class PostgresContainer(DatabaseAdministration, Container):
    """PostgreSQL's own image."""

    name = "Postgres"

    def __init__(self, container: Any, *, port: int, password: str) -> None:
        DatabaseAdministration.__init__(self)
        Container.__init__(self, container)
        self._port = port
        self._password = password

    @property
    def owner_dsn(self) -> str:
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{self._port}/{DATABASE}"

    async def _answers(self) -> bool:
        return await takes_sessions(self.owner_dsn)


@contextlib.asynccontextmanager
async def kafka_container() -> AsyncIterator[KafkaContainer]:
    """A broker in a container for as long as the block lasts."""
    port = free_port()
    listeners = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "BROKER://0.0.0.0:9092,CONTROLLER://localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"BROKER://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "500",
        "KAFKA_HEAP_OPTS": "-Xmx512m",
    }
    container = await asyncio.to_thread(_container, KAFKA_IMAGE, listeners, inside=9092, outside=port)
    async with KafkaContainer(container, port=port) as kafka:
        yield kafka


@contextlib.asynccontextmanager
async def postgres_container(options: StackOptions) -> AsyncIterator[PostgresContainer]:
    """A database server in a container for as long as the block lasts."""
    port, password = free_port(), secrets.token_urlsafe(24)
    account = {"POSTGRES_USER": OWNER, "POSTGRES_PASSWORD": password, "POSTGRES_DB": DATABASE}
    container = await asyncio.to_thread(_container, POSTGRES_IMAGE, account, inside=5432, outside=port)
    off = "" if options.fsync else " -c fsync=off -c full_page_writes=off"
    container.with_command(f"postgres -c max_connections=200 -c max_wal_size=1GB{off}")
    async with PostgresContainer(container, port=port, password=password) as postgres:
        yield postgres


def _container(image: str, environment: Mapping[str, str], *, inside: int, outside: int) -> Any:
    """Describe a container; nothing runs yet, but the engine is asked whether it is there."""
    try:
        testcontainers = importlib.import_module("testcontainers.core.container")
    except ImportError as error:
        raise NothingToStartError(
            "CSCX_SALESLOFT_STACK=docker needs the package 'testcontainers': pip install 'cscx-salesloft[development]'"
        ) from error
    docker_errors = importlib.import_module("docker.errors")
    try:
        container = testcontainers.DockerContainer(image)
    except docker_errors.DockerException as error:
        raise NothingToStartError(
            "CSCX_SALESLOFT_STACK=docker needs a Docker engine, and none answers: start it, or unset the variable"
        ) from error
    return container.with_envs(**environment).with_bind_ports(inside, outside)

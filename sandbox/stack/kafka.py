"""Apache Kafka as a child process: one node that is broker and controller (KRaft)."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console

from sandbox.stack.downloads import JarCache
from sandbox.stack.errors import ServerFailedError
from sandbox.stack.java import find_java
from sandbox.stack.options import StackOptions
from sandbox.stack.processes import GuardedProcess, guarded_process
from sandbox.stack.readiness import last_words, takes_groups, until_ready
from sandbox.stack.servers import GivenServer, Server, free_port, is_free

__all__ = ["GivenKafka", "KafkaProcess", "KafkaServer", "kafka_process"]

START_SECONDS = 60.0
STOP_SECONDS = 30.0
KILL_SECONDS = 15.0
PORT_ATTEMPTS = 3
KAFKA_VERSION = "4.1.1"

# C1 alone and a small heap: up in less than half the time, and a laptop has other things to do.
JVM = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)

# Replication 1, because there is one node; auto-creation off, so that a topic nobody declared is an error; no initial
# rebalance delay and short sessions allowed, because nobody wants to wait on a laptop. After `kill -9` the controller
# refuses the broker's new life until the old one's session has ended: two seconds instead of nine.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=BROKER://127.0.0.1:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
log.dirs={logs}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
"""


class KafkaServer(Server, Protocol):
    """A bus to work with."""

    @property
    def bootstrap_servers(self) -> str:
        """Comma-separated `host:port`, as every Kafka client takes it."""


class GivenKafka(GivenServer):
    """The bus that settings named."""

    def __init__(self, bootstrap_servers: str) -> None:
        super().__init__(name="Kafka")
        self._bootstrap_servers = bootstrap_servers

    @property
    def bootstrap_servers(self) -> str:
        return self._bootstrap_servers


class KafkaProcess:
    """A broker of our own; `kafka_process` makes one."""

    def __init__(self, process: GuardedProcess, *, folder: Path, java: Path, jars: Sequence[Path], cache: Path) -> None:
        self._process = process
        self._folder = folder
        self._java = java
        self._classpath = os.pathsep.join(map(str, jars))
        self._template = cache / f"formatted-{KAFKA_VERSION}"
        self._log = folder / "kafka.log"
        self._port = 0

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid

    async def open(self) -> None:
        """The first start: choose ports (the folder's last ones if they are free), format the folder, start."""
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._configure()
            if not (self._folder / "data" / "meta.properties").exists():
                await self._format()
            try:
                return await self.start()
            except ServerFailedError:
                # A damaged template must not spoil the next start too.
                shutil.rmtree(self._template, ignore_errors=True)
                # Another process may have taken a port between our look and Kafka's.
                if is_free(self._port) or attempt == PORT_ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def start(self) -> None:
        await self._run("kafka.Kafka", str(self._properties))
        await until_ready(
            lambda: takes_groups(self.bootstrap_servers),
            name="Kafka",
            seconds=START_SECONDS,
            is_running=lambda: self._process.is_running,
            last_words=lambda: last_words(self._log),
        )

    async def stop(self) -> None:
        await self._process.end(signal.SIGTERM, seconds=STOP_SECONDS)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def kill(self) -> None:
        await self._process.end(signal.SIGKILL, seconds=KILL_SECONDS)

    async def pause(self) -> None:
        await self._process.freeze()

    async def resume(self) -> None:
        await self._process.thaw()

    async def wait(self) -> None:
        await self._process.wait()

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _configure(self) -> None:
        remembered = self._folder / "ports.json"
        ports: list[int] = json.loads(remembered.read_text()) if remembered.exists() else []
        if not ports or not all(map(is_free, ports)):
            ports = [free_port(), free_port()]
            remembered.write_text(json.dumps(ports))
        self._port, controller_port = ports
        self._properties.write_text(
            PROPERTIES.format(port=self._port, controller_port=controller_port, logs=self._folder / "data")
        )

    async def _format(self) -> None:
        """Make the data folder: a copy of the first one that was made here, because making one costs a whole JVM.

        The controller's port in the copy is another stack's; the one node of the quorum puts it right by itself.
        """
        data = self._folder / "data"
        if not self._template.exists():
            cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            await self._run(
                "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster_id, "-c", str(self._properties)
            )
            if await self._process.wait() != 0:
                raise ServerFailedError(f"Kafka's folder {data} could not be formatted: {last_words(self._log)}")
            await asyncio.to_thread(self._keep_as_template, data)
        else:
            await asyncio.to_thread(shutil.copytree, self._template, data, dirs_exist_ok=True)

    def _keep_as_template(self, data: Path) -> None:
        # A cache that cannot be written, or another stack that was quicker: the next start formats again, or copies.
        with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=self._template.parent) as draft:
            shutil.copytree(data, Path(draft) / "data").rename(self._template)

    async def _run(self, main_class: str, *arguments: str) -> None:
        command = [str(self._java), *JVM, "-cp", self._classpath, main_class, *arguments]
        await self._process.spawn(command, log=self._log, environment=dict(os.environ))


@contextlib.asynccontextmanager
async def kafka_process(options: StackOptions, console: Console | None = None) -> AsyncIterator[KafkaProcess]:
    """A broker for as long as the block lasts.

    Raises `NothingToStartError`, `FetchError` or `ServerFailedError`.
    """
    java = await find_java()
    jars = await asyncio.to_thread(JarCache(options.cache).ready, console)
    folder = None
    if options.data is not None:
        folder = (options.data / "kafka").absolute()
        folder.mkdir(parents=True, exist_ok=True)
    async with guarded_process(
        name="Kafka",
        folder=folder,
        temporary=options.temporary,
        # What is thrown away need not be closed in order.
        stop_signal=signal.SIGKILL if folder is None else signal.SIGTERM,
        grace=STOP_SECONDS,
    ) as process:
        kafka = KafkaProcess(process, folder=await process.folder(), java=java, jars=jars, cache=options.cache)
        await kafka.open()
        yield kafka

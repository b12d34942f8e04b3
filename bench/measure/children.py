"""The processes that are measured: started as their operator would start them, and always stopped."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import httpx
from cryptography.fernet import Fernet

from bench.measure.figures import NotMeasurable
from sandbox.stack import KafkaServer, free_port

__all__ = ["SERVICE", "Child", "running_child", "running_service", "seconds_to_ready", "service_environment"]

SERVICE: tuple[str, ...] = (str(Path(sys.executable).with_name("cscx-salesloft")), "run")
_STOP_SECONDS = 30.0
_START_SECONDS = 60.0
_LOOK_SECONDS = 0.01
_ENCRYPTION_KEY = Fernet.generate_key().decode()


class Child:
    """A process of this run; its standard error is in `log`."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log
        self.started_at = monotonic()

    @property
    def pid(self) -> int:
        return self._process.pid

    def check(self) -> None:
        """Raise NotMeasurable with its last words if it has ended."""
        if self._process.returncode is not None:
            raise NotMeasurable(f"a measured process ended with {self._process.returncode}:\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-2000:]

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


@asynccontextmanager
async def running_child(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """A child process for the length of a block."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            env={**_inherited(), **(environment or {})},
        )
    child = Child(process, log)
    try:
        yield child
    finally:
        await asyncio.shield(child.stop())


def _inherited() -> dict[str, str]:
    """Our environment, but for what keeps Python from the bytecode that an installed package has beside it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def service_environment(kafka: KafkaServer, dsn: str, **settings: object) -> dict[str, str]:
    """The service's settings; further ones by their names without prefix, in lower case."""
    told = {
        "kafka_bootstrap_servers": kafka.bootstrap_servers,
        "database_url": dsn,
        "encryption_keys": f"bench:{_ENCRYPTION_KEY}",
        "address_key": "an address key of the measurements",
        "instance": "bench",
        "http_port": free_port(),
        "log_level": "warning",
        **settings,
    }
    return {f"CSCX_SALESLOFT_{name.upper()}": str(value) for name, value in told.items()}


@asynccontextmanager
async def running_service(
    environment: Mapping[str, str], *roles: str, log: Path, command: Sequence[str] = SERVICE
) -> AsyncIterator[Child]:
    """The service with some roles, or all of them, for the length of a block."""
    async with running_child([*command, *roles], log=log, environment=environment) as child:
        yield child


async def seconds_to_ready(child: Child, environment: Mapping[str, str]) -> float:
    """From the service's start to its first answer that it is ready."""
    url = f"http://127.0.0.1:{environment['CSCX_SALESLOFT_HTTP_PORT']}/health/ready"
    async with httpx.AsyncClient(timeout=5.0) as client, asyncio.timeout(_START_SECONDS):
        while True:
            child.check()
            try:
                if (await client.get(url)).status_code == 200:
                    return monotonic() - child.started_at
            except httpx.TransportError:
                pass
            await asyncio.sleep(_LOOK_SECONDS)

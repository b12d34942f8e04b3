"""The service as a child process of its own, which can be killed like a process on a machine that loses its power."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from sandbox.stack.processes import GuardedProcess, guarded_process

__all__ = ["ServiceProcess", "running_service"]

_COMMAND = str(Path(sys.executable).with_name("cscx-salesloft"))
_READY_SECONDS = 60.0
_STOP_SECONDS = 40.0
_KILL_SECONDS = 15.0
_LAST_LINES = 5


class ServiceProcess:
    """All roles in one process. `log` keeps what every life of it wrote."""

    def __init__(self, process: GuardedProcess, environment: Mapping[str, str], *, log: Path, health: str) -> None:
        self._process = process
        self._environment = environment
        self._health = health
        self.log = log
        self.lives = 0

    @property
    def is_running(self) -> bool:
        return self._process.is_running

    @property
    def pid(self) -> int:
        """Of its present life. RuntimeError where it never lived."""
        if self._process.pid is None:
            raise RuntimeError("the service was not started")
        return self._process.pid

    async def start(self) -> None:
        """Start it; returns when the process exists, which is long before it is ready."""
        self.lives += 1
        await self._process.spawn([_COMMAND, "run"], log=self.log, environment=self._environment)

    async def until_ready(self) -> None:
        """Return when every part says that it can do its work. RuntimeError where it ends before."""
        async with asyncio.timeout(_READY_SECONDS), httpx.AsyncClient(timeout=2.0) as http:
            while True:
                if not self.is_running:
                    raise RuntimeError(f"the service ended at its start: {self.last_words()}")
                try:
                    if (await http.get(self._health)).is_success:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.05)

    def freeze(self) -> None:
        """Let it stand still where it is, until it is thawed or killed."""
        self._process.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send(signal.SIGCONT)

    async def kill(self) -> None:
        """Kill -9; returns when the process is gone."""
        await self._process.end(signal.SIGKILL, seconds=_KILL_SECONDS)

    async def stop(self) -> int | None:
        """Ask it to stop and return its exit code."""
        await self._process.end(signal.SIGTERM, seconds=_STOP_SECONDS)
        return self._process.exit_code

    async def command(self, *arguments: str) -> str:
        """Run one of its commands beside it, and return what it prints. RuntimeError where it fails."""
        process = await asyncio.create_subprocess_exec(
            _COMMAND,
            *arguments,
            env={**self._environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}: {told.decode()[-2000:]}")
        return told.decode()

    def last_words(self) -> str:
        """How it ended, where it has, and the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        # None: its guardian ended before it, and took it along.
        ended = [] if self.is_running else [f"exit code {self._process.exit_code}"]
        return " | ".join([*ended, *lines[-_LAST_LINES:]])


@asynccontextmanager
async def running_service(environment: Mapping[str, str], *, log: Path, health: str) -> AsyncIterator[ServiceProcess]:
    """A service that is not started yet; whatever runs at the block's end is killed, and so it is if we are."""
    async with guarded_process(
        name="the service", folder=None, stop_signal=signal.SIGKILL, grace=_KILL_SECONDS
    ) as process:
        yield ServiceProcess(process, environment, log=log, health=health)

"""What a bus and a database of the local stack offer, wherever they come from."""

import asyncio
import socket
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from sandbox.stack.errors import NotOursError

__all__ = ["GivenServer", "Server", "database_dsn", "free_port", "is_free"]


class Server(Protocol):
    """A server that can be treated badly, for a test of what survives it. Port and data stay what they were.

    Every method returns when what it names has happened, and raises `NotOursError` where settings named the server,
    `ServerFailedError` where it does not come (back) within its deadline.
    """

    async def start(self) -> None:
        """Start it; returns once it answers."""

    async def stop(self) -> None:
        """Shut it down in order; returns once its processes are gone."""

    async def restart(self) -> None:
        """Stop and start."""

    async def kill(self) -> None:
        """Take it away as a power cut would; returns once its processes are gone. `start` brings it back."""

    async def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""

    async def resume(self) -> None:
        """Let a frozen server run on."""

    async def wait(self) -> None:
        """Return when the server has ended; for ever where that cannot be known."""


class GivenServer:
    """A server that settings named: used, and otherwise left alone."""

    def __init__(self, *, name: str) -> None:
        self._name = name

    async def start(self) -> None:
        raise self._refusal("start")

    async def stop(self) -> None:
        raise self._refusal("stop")

    async def restart(self) -> None:
        raise self._refusal("restart")

    async def kill(self) -> None:
        raise self._refusal("kill")

    async def pause(self) -> None:
        raise self._refusal("pause")

    async def resume(self) -> None:
        raise self._refusal("resume")

    async def wait(self) -> None:
        await asyncio.Event().wait()

    def _refusal(self, deed: str) -> NotOursError:
        return NotOursError(f"{self._name} was given by settings, so it is not ours to {deed}")


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on now; another process may still take it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket() as probe:
        # As the servers do it: a port whose old connections are still in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def database_dsn(dsn: str, database: str) -> str:
    """The same server, user and password as in `dsn`, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))

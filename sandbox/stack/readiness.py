"""Waits for a server to answer, and says why it did not."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from sandbox.stack.errors import ServerFailedError

__all__ = ["last_words", "takes_groups", "takes_sessions", "until_ready"]

PROBE_INTERVAL_SECONDS = 0.05
CONNECT_SECONDS = 5.0


async def until_ready(
    probe: Callable[[], Awaitable[bool]],
    *,
    name: str,
    seconds: float,
    is_running: Callable[[], bool],
    last_words: Callable[[], str],
) -> None:
    """Return once `probe` says True. Raises `ServerFailedError` when the server ends first, or after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while not await probe():
                if not is_running():
                    raise ServerFailedError(f"{name} ended at its start: {last_words()}")
                await asyncio.sleep(PROBE_INTERVAL_SECONDS)
    except TimeoutError as error:
        raise ServerFailedError(f"{name} did not answer within {seconds:g} s: {last_words()}") from error


async def takes_groups(bootstrap_servers: str) -> bool:
    """Whether a consumer group can be joined: the port opens earlier, and its first join would fail."""
    host, _, port = bootstrap_servers.partition(":")
    try:
        # aiokafka would write a warning for every try.
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=5000)
    try:
        await admin.start()
        await admin.list_consumer_group_offsets("readiness")
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()
    return True


async def takes_sessions(dsn: str) -> bool:
    """Whether the database accepts a connection; False while it starts or recovers."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
        return False
    await connection.close(timeout=CONNECT_SECONDS)
    return True


def last_words(log: Path) -> str:
    """The line of a server's log that most likely tells why it ended."""
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        lines = []
    told = [line for line in lines if any(word in line for word in ("FATAL", "ERROR", "error:", "Exception"))]
    return (told or lines or ["it wrote no log"])[-1]

"""LISTEN on a connection of its own: a commit elsewhere is heard at once. Hints may be lost; a poll is the truth."""

import asyncio
from collections.abc import Callable

import asyncpg

from storage.errors import StorageUnavailable, translated

__all__ = ["hear", "hear_told"]


async def hear(
    dsn: str, channel: str, hint: Callable[[], None], *, check_s: float = 30.0, timeout_s: float = 5.0
) -> None:
    """Call `hint` at every NOTIFY of a channel, and once when listening begins. Runs until it is cancelled.

    The connection is tried every `check_s` real seconds, because one that died in silence hears nothing. Raises
    StorageUnavailable when it is lost; call it again then.
    """
    await _listen(dsn, channel, lambda _: hint(), begun=hint, check_s=check_s, timeout_s=timeout_s)


async def hear_told(
    dsn: str,
    channel: str,
    told: Callable[[str], None],
    *,
    begun: Callable[[], None],
    check_s: float = 30.0,
    timeout_s: float = 5.0,
) -> None:
    """The same with what each NOTIFY tells; `begun` is called when listening begins."""
    await _listen(dsn, channel, told, begun=begun, check_s=check_s, timeout_s=timeout_s)


async def _listen(
    dsn: str,
    channel: str,
    told: Callable[[str], None],
    *,
    begun: Callable[[], None],
    check_s: float,
    timeout_s: float,
) -> None:
    with translated():
        connection = await asyncpg.connect(dsn, timeout=timeout_s, command_timeout=timeout_s)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(channel, lambda *heard: told(str(heard[-1])))
            begun()
            while not lost.is_set():
                try:
                    async with asyncio.timeout(check_s):
                        await lost.wait()
                except TimeoutError:
                    await connection.fetchval("SELECT 1")
        finally:
            connection.terminate()
    raise StorageUnavailable("the connection that listens was closed")

"""All parts or none: what becomes of a process one of whose parts is over."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from service.supervisor import PartEnded, supervise
from telemetry.health import Health


class Working:
    """A part that works until it is stopped, or does something else."""

    def __init__(self, name: str, otherwise: Callable[[], Awaitable[None]] | None = None) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self.ready.set()
        self.has_ended = False
        self._stopping = asyncio.Event()
        self._otherwise = otherwise or self._stopping.wait

    async def run(self) -> None:
        await self._otherwise()
        self.has_ended = True

    def stop(self) -> None:
        self._stopping.set()


async def supervised(*parts: Working) -> None:
    async with asyncio.timeout(30):
        await supervise(parts, health=Health(), stop_seconds=10, stuck_seconds=20)


async def returns() -> None:
    await asyncio.sleep(0)


async def cancels_itself() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("unasked", [returns, cancels_itself])
async def test_a_part_that_ends_unasked_ends_the_process_and_is_named(unasked: Callable[[], Awaitable[None]]) -> None:
    other = Working("other")
    with pytest.raises(PartEnded, match="the part over has ended, and nobody asked it to"):
        await supervised(Working("over", unasked), other)
    assert other.has_ended


async def test_a_signal_stops_all_in_order() -> None:
    one, other = Working("one"), Working("other")
    asyncio.get_running_loop().call_later(0, os.kill, os.getpid(), signal.SIGTERM)
    await supervised(one, other)
    assert one.has_ended
    assert other.has_ended

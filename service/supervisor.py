"""Runs the parts of a process: all of them or none, stopped in order, and ended from outside its loop when stuck."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

import structlog

from telemetry.health import Health, PartState, Progress, dump_stacks

__all__ = ["EXIT_STUCK", "Part", "PartEnded", "supervise"]

_log = structlog.get_logger(__name__)

EXIT_STUCK = 70
"""The exit code of a process that made no progress; its stacks are on standard error."""
_CHECK_EVERY = 1.0


class Part(Protocol):
    """A background part of the process: started once, stopped once.

    `run` works until `stop` was called, finishes what is under way within a bound of its own and returns; an exception
    that it raises is a defect, and the process ends. `stop` returns at once. `ready` is set while it can do its work.
    """

    name: str
    ready: asyncio.Event

    async def run(self) -> None: ...

    def stop(self) -> None: ...


class PartEnded(Exception):
    """A part was over before anybody asked it to stop, without saying why."""


async def supervise(parts: Sequence[Part], *, health: Health, stop_seconds: float, stuck_seconds: float) -> None:
    """Run parts until a signal asks to stop, or one of them fails, which ends them all and is raised.

    One that ends unasked is stopped with all others in order, and PartEnded names it.

    On SIGTERM or SIGINT every part is told to stop and has `stop_seconds` to finish; what is left then is cut. A second
    signal cuts at once. Work that waits without progress for too long ends the process with EXIT_STUCK.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    running: list[asyncio.Task[None]] = []

    def asked_to_stop() -> None:
        if stopping.is_set():
            for task in running:
                task.cancel()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop)
    heart = health.progress("event loop", stuck_after=stuck_seconds)
    heart.work_waits(monotonic())
    threading.Thread(target=_watch, args=(health, loop), name="watchdog", daemon=True).start()
    try:
        async with asyncio.TaskGroup() as group:
            announcers = [group.create_task(_announce(part, health), name=f"{part.name} ready") for part in parts]
            running += [group.create_task(part.run(), name=part.name) for part in parts]
            others = [
                group.create_task(_beat(heart), name="heartbeat"),
                group.create_task(_until(stopping), name="signals"),
            ]
            await asyncio.wait([others[1], *running], return_when=asyncio.FIRST_COMPLETED)
            unasked = [] if stopping.is_set() else [task.get_name() for task in running if task.done()]
            _log.info("stopping", parts=[part.name for part in parts])
            for part in parts:
                part.stop()
            _, late = await asyncio.wait(running, timeout=stop_seconds)
            for task in late:
                _log.warning("part_cut", part=task.get_name())
            for task in (*late, *others, *announcers):
                task.cancel()
        if unasked:
            raise PartEnded(f"the part {', '.join(unasked)} has ended, and nobody asked it to")
    finally:
        health.drop("event loop")
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _announce(part: Part, health: Health) -> None:
    """A part is ready when it says so; what becomes of it afterwards it reports itself."""
    health.set(part.name, PartState.STARTING, monotonic())
    await part.ready.wait()
    health.set(part.name, PartState.READY, monotonic())


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _beat(heart: Progress) -> None:
    while True:
        heart.advanced(monotonic())
        await asyncio.sleep(_CHECK_EVERY)


def _watch(health: Health, loop: asyncio.AbstractEventLoop) -> None:
    """In a thread of its own: a loop that hangs cannot tell of itself."""
    tick = threading.Event()
    while not tick.wait(_CHECK_EVERY):
        if loop.is_closed():
            return
        now = monotonic()
        stuck = health.stuck(now)
        if stuck:
            print(f"no progress: {', '.join(stuck)}", file=sys.stderr, flush=True)  # noqa: T201 - the logger may be what hangs
            dump_stacks(sys.stderr, loop)
            os._exit(EXIT_STUCK)

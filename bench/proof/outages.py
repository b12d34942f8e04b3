"""Parts `broker` and `database`: a neighbour is killed and started again, and frozen for a while, amid the work."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from enum import StrEnum
from time import monotonic

from bench.proof.books import BooksUnavailable, Standing
from bench.proof.bus import BusUnavailable
from bench.proof.findings import Findings
from bench.proof.moments import Moment, Sample, reach, sample
from bench.proof.staging import Scale, Stage, Task, judge, staged
from sandbox.stack import Server

__all__ = ["broker", "database"]

_MOMENT_SECONDS = 240.0
_AGAIN = {Scale.SMALL: 1, Scale.FULL: 3}
# Longer than a publication may take, so that nobody knows what became of what was on its way.
_FROZEN_SECONDS = {Scale.SMALL: 6.0, Scale.FULL: 15.0}
_DOWN_SECONDS = 2.0
_ON_SECONDS = 120.0
_LOOK_SECONDS = 0.1


class _Deed(StrEnum):
    KILL = "killed and started again"
    FREEZE = "frozen and let go on"


Standstill = Callable[[], Awaitable[tuple[bool, str]]]
"""Looks at what must stand still while a server is away: whether it did, and what was seen."""


async def broker(task: Task) -> Findings:
    """Kafka goes away. Meanwhile the outbox has to wait, and nothing may be marked as sent."""
    async with staged(task) as stage:

        async def standing() -> Standing:
            return await stage.world.books.standing(await stage.world.simulator.now())

        async def standstill() -> tuple[bool, str]:
            # What Kafka acknowledged just before may still be marked.
            await asyncio.sleep(_DOWN_SECONDS)
            first = await standing()
            await asyncio.sleep(_DOWN_SECONDS)
            second = await standing()
            holds = second.unsent > 0 and second.sent == first.sent
            return holds, f"{second.unsent} rows wait, {second.sent - first.sent} were marked as sent"

        return await _outages(stage, stage.world.kafka, "Kafka", standstill)


async def database(task: Task) -> Findings:
    """Postgres goes away. Meanwhile no record may be acknowledged to Kafka."""
    async with staged(task) as stage:

        async def standstill() -> tuple[bool, str]:
            # A batch whose transaction was through may still be acknowledged.
            await asyncio.sleep(_DOWN_SECONDS)
            first = await stage.bus.lag()
            await asyncio.sleep(_DOWN_SECONDS)
            second = await stage.bus.lag()
            holds = second.records > 0 and second.committed == first.committed
            return holds, f"{second.records} records wait, {second.committed - first.committed} were committed"

        return await _outages(stage, stage.world.postgres, "Postgres", standstill)


async def _outages(stage: Stage, server: Server, name: str, standstill: Standstill) -> Findings:
    deeds = (_Deed.KILL, _Deed.FREEZE) * _AGAIN[stage.task.scale]
    service, findings = stage.world.service, stage.findings
    records = await stage.publish_share(len(deeds) + 1)
    await service.start()
    for number, deed in enumerate(deeds, 1):
        stage.task.say(f"outage {number} of {len(deeds)}: {name} {deed}; {stage.load.left} records to come")
        try:
            await reach(stage.world, Moment.CONSUMING, stage.chance, records=records, seconds=_MOMENT_SECONDS)
        except TimeoutError:
            findings.holds(f"Outage {number} falls amid work.", condition=False, told="the moment never came")
            break
        before = await sample(stage.world)
        began = monotonic()
        held, told = await _do(deed, server, standstill, stage)
        findings.holds(f"While {name} was {deed} ({number}), work waited and nothing was acknowledged.", held, told)
        seconds = monotonic() - began
        back = await _seconds_until_progress(stage, before)
        findings.holds(
            f"After that ({number}) it went on by itself.",
            back is not None,
            f"{seconds:.0f} s away, {back} s until progress; {before.lag.records} records in flight before",
        )
        records = await stage.publish_share(len(deeds) + 1)
    await stage.load.publish(stage.load.left)
    return await judge(stage)


async def _do(deed: _Deed, server: Server, standstill: Standstill, stage: Stage) -> tuple[bool, str]:
    if deed is _Deed.KILL:
        await server.kill()
        try:
            return await standstill()
        finally:
            await server.start()
    until = monotonic() + _FROZEN_SECONDS[stage.task.scale]
    await server.pause()
    try:
        seen = await standstill()
        await asyncio.sleep(until - monotonic())
        return seen
    finally:
        await server.resume()


async def _seconds_until_progress(stage: Stage, before: Sample) -> float | None:
    began = monotonic()
    while monotonic() - began < _ON_SECONDS:
        with contextlib.suppress(BusUnavailable, BooksUnavailable):
            now = await sample(stage.world)
            if now.progress > before.progress and now.lag.committed > before.lag.committed:
                return round(monotonic() - began, 1)
        await asyncio.sleep(_LOOK_SECONDS)
    return None

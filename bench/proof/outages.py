"""Parts `broker` and `database`: a neighbour is killed and started again, and frozen for a while, amid the work."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from bench.proof.books import BooksUnavailable
from bench.proof.bus import BusUnavailable
from bench.proof.findings import Findings
from bench.proof.moments import Moment, reach, sample
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


@dataclass(frozen=True, slots=True)
class _Seen:
    """What waits for the neighbour that is away, and what was done with its help."""

    waiting: int
    done: int


_Look = Callable[[], Awaitable[_Seen]]


async def broker(task: Task) -> Findings:
    """Kafka goes away. Meanwhile the outbox has to wait, and nothing may be marked as sent."""
    async with staged(task) as stage:

        async def look() -> _Seen:
            standing = await stage.world.books.standing(await stage.world.simulator.now())
            # Where the relay had nothing in hand at that moment, the load's own records wait.
            return _Seen(standing.unsent + stage.load.under_way, standing.sent)

        return await _outages(stage, stage.world.kafka, "Kafka", look)


async def database(task: Task) -> Findings:
    """Postgres goes away. Meanwhile no record may be acknowledged to Kafka."""
    async with staged(task) as stage:

        async def look() -> _Seen:
            lag = await stage.bus.lag()
            return _Seen(lag.records, lag.committed)

        return await _outages(stage, stage.world.postgres, "Postgres", look)


async def _outages(stage: Stage, server: Server, name: str, look: _Look) -> Findings:
    deeds = (_Deed.KILL, _Deed.FREEZE) * _AGAIN[stage.task.scale]
    service, findings = stage.world.service, stage.findings
    await service.start()
    await service.until_ready()
    records = len(stage.load.stream.records) // (len(deeds) + 1)
    for number, deed in enumerate(deeds, 1):
        stage.task.say(f"outage {number} of {len(deeds)}: {name} {deed}; {stage.load.left} records to come")
        start = await sample(stage.world)
        publishing = asyncio.create_task(stage.publish_steadily(records), name="publish")
        try:
            await reach(
                stage.world, Moment.CONSUMING, stage.chance, start=start, records=records, seconds=_MOMENT_SECONDS
            )
        except TimeoutError:
            findings.holds(f"Outage {number} falls amid work.", condition=False, told="the moment never came")
            await publishing
            break
        began = monotonic()
        away = await _do(deed, server, look, stage)
        waited = f"{away.last.waiting} waited, {away.last.done - away.first.done} were done"
        findings.holds(f"While {name} was {deed} ({number}), work waited for it.", away.last.waiting > 0, waited)
        findings.holds(f"Nothing was acknowledged meanwhile ({number}).", away.last.done == away.first.done, waited)
        seconds = monotonic() - began
        back = await _seconds_until_progress(look, away.last)
        told = f"{seconds:.0f} s away, {back} s until it got on"
        findings.holds(f"Then ({number}) it went on by itself.", back is not None, told)
        await publishing
    await stage.load.publish(stage.load.left)
    return await judge(stage)


@dataclass(frozen=True, slots=True)
class _Away:
    """Two looks while a server was away."""

    first: _Seen
    last: _Seen


async def _do(deed: _Deed, server: Server, look: _Look, stage: Stage) -> _Away:
    if deed is _Deed.KILL:
        await server.kill()
        try:
            return await _watch(look)
        finally:
            await server.start()
    until = monotonic() + _FROZEN_SECONDS[stage.task.scale]
    await server.pause()
    try:
        away = await _watch(look)
        await asyncio.sleep(until - monotonic())
        return away
    finally:
        await server.resume()


async def _watch(look: _Look) -> _Away:
    # What was acknowledged just before may still be noted.
    await asyncio.sleep(_DOWN_SECONDS)
    first = await look()
    await asyncio.sleep(_DOWN_SECONDS)
    return _Away(first, await look())


async def _seconds_until_progress(look: _Look, last: _Seen) -> float | None:
    began = monotonic()
    while monotonic() - began < _ON_SECONDS:
        with contextlib.suppress(BusUnavailable, BooksUnavailable):
            if (await look()).done > last.done:
                return round(monotonic() - began, 1)
        await asyncio.sleep(_LOOK_SECONDS)
    return None

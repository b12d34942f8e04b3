"""Part `outages`: a neighbour is killed and started again, and frozen for a while, amid the work."""

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

__all__ = ["outages"]

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


@dataclass(frozen=True, slots=True)
class _Neighbour:
    name: str
    server: Server
    look: _Look


async def outages(task: Task) -> Findings:
    """Kafka and Postgres go away in turn, amid one load.

    While Kafka is away the outbox has to wait, and nothing may be marked as sent. While Postgres is, no record may be
    acknowledged to Kafka.
    """
    async with staged(task) as stage:
        world = stage.world

        async def look_without_kafka() -> _Seen:
            standing = await world.books.standing(await world.simulator.now())
            # Where the relay had nothing in hand at that moment, the load's own records wait.
            return _Seen(standing.unsent + stage.load.under_way, standing.sent)

        async def look_without_postgres() -> _Seen:
            lag = await stage.bus.lag()
            return _Seen(lag.records, lag.committed)

        kafka = _Neighbour("Kafka", world.kafka, look_without_kafka)
        postgres = _Neighbour("Postgres", world.postgres, look_without_postgres)
        turns = [(neighbour, deed) for deed in _Deed for neighbour in (kafka, postgres)] * _AGAIN[task.scale]
        await world.service.start()
        await world.service.until_ready()
        records = len(stage.load.stream.records) // (len(turns) + 1)
        for number, (neighbour, deed) in enumerate(turns, 1):
            task.say(f"outage {number} of {len(turns)}: {neighbour.name} {deed}; {stage.load.left} records to come")
            if not await _outage(stage, number, neighbour, deed, records):
                break
        await stage.load.publish(stage.load.left)
        return await judge(stage)


async def _outage(stage: Stage, number: int, neighbour: _Neighbour, deed: _Deed, records: int) -> bool:
    """One outage amid so many records that keep coming; answers whether the moment for it came."""
    findings, look = stage.findings, neighbour.look
    start = await sample(stage.world)
    publishing = asyncio.create_task(stage.publish_steadily(records), name="publish")
    try:
        await reach(stage.world, Moment.CONSUMING, stage.chance, start=start, records=records, seconds=_MOMENT_SECONDS)
    except TimeoutError:
        findings.holds(f"Outage {number} falls amid work.", condition=False, told="the moment never came")
        await publishing
        return False
    began = monotonic()
    away = await _do(deed, neighbour.server, look, stage)
    waited = f"{away.last.waiting} waited, {away.last.done - away.first.done} were done"
    findings.holds(f"While {neighbour.name} was {deed} ({number}), work waited for it.", away.last.waiting > 0, waited)
    findings.holds(f"Nothing was acknowledged meanwhile ({number}).", away.last.done == away.first.done, waited)
    seconds = monotonic() - began
    back = await _seconds_until_progress(look, away.last)
    findings.holds(
        f"Then ({number}) it went on by itself.", back is not None, f"{seconds:.0f} s away, {back} s until it got on"
    )
    await publishing
    return True


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

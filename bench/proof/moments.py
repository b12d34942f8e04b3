"""Moments amid work, so that a cut falls where it hurts and not into a pause."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from bench.proof.books import BooksUnavailable, Standing
from bench.proof.bus import BusUnavailable, Lag
from bench.proof.journal import Place
from bench.proof.world import World

__all__ = ["Moment", "Sample", "catch", "reach", "sample", "settle", "unrecorded_memberships"]

_LOOK_SECONDS = 0.03
_QUIET_LOOKS = 4
_QUIET_PAUSE = 0.5


class Moment(StrEnum):
    """When to cut."""

    CONSUMING = "while records are taken in"
    PUBLISHING = "while the outbox is published"
    CALLING = "between a Salesloft call and its record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How far the work is, and what is in flight.

    Of the memberships `made` at Salesloft those `unrecorded` stand there and nowhere else.
    """

    lag: Lag
    standing: Standing
    made: int
    unrecorded: int

    @property
    def in_flight(self) -> int:
        """Records not committed, rows not sent, commands in somebody's hands."""
        return self.lag.records + self.standing.unsent + self.standing.held

    @property
    def is_at_rest(self) -> bool:
        """Nothing is in flight, and nothing is due."""
        standing = self.standing
        return not (self.in_flight or standing.due or standing.calls_open or standing.woken)

    @property
    def progress(self) -> int:
        """Grows with everything that is done."""
        return self.lag.committed + self.standing.sent + self.standing.done


async def sample(world: World) -> Sample:
    """Look at everything once. Raises BusUnavailable or BooksUnavailable."""
    return Sample(
        lag=await world.bus.lag(),
        standing=await world.books.standing(await world.simulator.now()),
        unrecorded=await unrecorded_memberships(world),
        made=await _memberships_made(world),
    )


async def _memberships_made(world: World) -> int:
    await world.journal.read_on()
    return sum(world.journal.made.values())


async def unrecorded_memberships(world: World) -> int:
    """How many memberships stand at Salesloft, made by a call that nobody has recorded."""
    intended = {_place(row) for row in await world.books.rows("intended")}
    if not intended:
        return 0
    recorded = {_place(row): int(row["number"]) for row in await world.books.rows("enrolled_counts")}
    await world.journal.read_on()
    return sum(1 for place in intended if world.journal.made[place] > recorded.get(place, 0))


def _place(row: Mapping[str, Any]) -> Place:
    return row["organization_id"], row["person_id"], row["cadence_id"]


async def reach(world: World, moment: Moment, chance: Random, *, start: Sample, records: int, seconds: float) -> None:
    """Return amid such work, some of which was begun since `start`: after a random share of `records`, or in a call.

    Raises TimeoutError where it does not come about.
    """
    async with asyncio.timeout(seconds):
        share = chance.uniform(0.05, 0.4) * records
        while not await _is(world, moment, start, share):  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(_LOOK_SECONDS)


async def catch(world: World, moment: Moment, chance: Random, *, start: Sample, records: int, seconds: float) -> None:
    """As `reach`, but return with the service frozen there, so that the moment is not over before it is killed."""
    async with asyncio.timeout(seconds):
        share = chance.uniform(0.05, 0.4) * records
        while not (  # noqa: ASYNC110 - it happens in other processes
            await _is(world, moment, start, share) and await _is_when_frozen(world, moment, start, share)
        ):
            await asyncio.sleep(_LOOK_SECONDS)


async def _is_when_frozen(world: World, moment: Moment, start: Sample, share: float) -> bool:
    """Whether it still is that moment once the service stands still; if not, it goes on."""
    world.service.freeze()
    caught = False
    try:
        caught = await _is(world, moment, start, share)
    finally:
        if not caught:
            world.service.thaw()
    return caught


async def _is(world: World, moment: Moment, start: Sample, share: float) -> bool:
    match moment:
        case Moment.CONSUMING:
            lag = await world.bus.lag()
            return lag.records > 0 and lag.committed - start.lag.committed >= share
        case Moment.PUBLISHING:
            standing = await world.books.standing(await world.simulator.now())
            return standing.unsent > 0 and standing.sent > start.standing.sent
        case Moment.CALLING:
            return await unrecorded_memberships(world) > 0 and await _memberships_made(world) > start.made


async def settle(world: World, *, seconds: float) -> None:
    """Return when nothing waits any more, then let business time stand still and wait for what that leaves.

    Nothing is waited for once the service has ended. Raises TimeoutError with what still waited.
    """
    last: Sample | str | None = None
    try:
        async with asyncio.timeout(seconds):
            for freeze in (True, False):
                quiet, before = 0, -1
                while quiet < _QUIET_LOOKS and world.service.is_running:
                    await asyncio.sleep(_QUIET_PAUSE)
                    try:
                        last = await sample(world)
                    except (BusUnavailable, BooksUnavailable) as error:
                        last, quiet = f"{type(error).__name__}: {error}", 0
                        continue
                    at_rest = last.is_at_rest
                    # While time runs on, life goes on: what counts then is that no work of the load is left.
                    quiet = quiet + 1 if at_rest and (freeze or last.progress == before) else 0
                    before = last.progress
                if freeze:
                    await world.simulator.run_at(0)
    except TimeoutError as error:
        raise TimeoutError(f"after {seconds:g} s work still waits: {last}") from error

"""When everything has come to rest, so that what each side knows can be compared.

The clock is stopped, so that nothing new happens at Salesloft. What happened last is still to be noticed: the service
reads up to two minutes before now, at each interval. So the clock is put forward by intervals, until one ends at a
moment before which nothing happened for longer than that, and the cycle that begins then is waited for.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from sandbox.demo.books import Books, Standing
from sandbox.demo.bystander import Bystander
from sandbox.demo.options import DemoError
from sandbox.salesloft.server import SimulatorClient
from schemas.topics import GROUP, TOPICS, Direction
from workflows.clock import Clock

__all__ = ["Lag", "Rest", "come_to_rest"]

_LOOK_SECONDS: Final = 0.25
_LOOKS: Final = 3
_MOST_INTERVALS: Final = 60
_KAFKA_SECONDS: Final = 20.0
# The service stops reading two minutes before now; what happened later would only be told by the next cycle.
_QUIET: Final = timedelta(minutes=3)
_CONSUMED = tuple(
    TopicPartition(topic.name, number)
    for topic in TOPICS
    if topic.direction is not Direction.OUT
    for number in range(topic.partitions)
)


class Lag:
    """How many records the service has not committed yet, by what the broker says."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(_KAFKA_SECONDS):
            await self._consumer.start()
            await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        async with asyncio.timeout(_KAFKA_SECONDS):
            await self._consumer.stop()
            await self._admin.close()

    async def read(self) -> int:
        async with asyncio.timeout(_KAFKA_SECONDS):
            ends = await self._consumer.end_offsets(list(_CONSUMED))
            committed = await self._admin.list_consumer_group_offsets(GROUP)
        done = {place: max(found.offset, 0) for place, found in committed.items()}
        return sum(end - done.get(place, 0) for place, end in ends.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Who is asked whether anything still moves; `tell` hears what does."""

    books: Books
    bystander: Bystander
    lag: Lag
    clock: Clock
    tell: Callable[[str], None]

    async def what_moves(self) -> tuple[str, Standing]:
        """What still moves, in words, empty if nothing does; and what the books say."""
        standing = await self.books.standing(self.clock.now())
        waits = {
            "records to consume": await self.lag.read(),
            "events to publish": standing.unsent,
            "commands": standing.due_commands,
            "triggers to decide again": standing.woken,
            "enrollments under way": standing.under_way,
        }
        told = ", ".join(f"{count} {what}" for what, count in waits.items() if count)
        if not told and not await self.bystander.has_caught_up():
            told = "published records to read"
        return told, standing

    async def until_caught_up(self, deadline: float) -> None:
        """Return at the first look at which nothing moves, though more may come; at the deadline in any case."""
        while monotonic() < deadline and (moving := (await self.what_moves())[0]):
            self.tell(moving)
            await asyncio.sleep(_LOOK_SECONDS)

    async def until_still(self, deadline: float) -> None:
        """Return when nothing has moved for some looks in a row. DemoError at the deadline (monotonic seconds)."""
        still, before = 0, (-1, -1, -1)
        while True:
            moving, standing = await self.what_moves()
            now = (standing.taken, standing.units, self.bystander.records)
            still = still + 1 if not moving and now == before else 0
            before = now
            self.tell(moving or "nothing moves")
            if still >= _LOOKS:
                return
            if monotonic() > deadline:
                raise DemoError(f"it did not come to rest in time; still there: {moving or 'new records all the time'}")
            await asyncio.sleep(_LOOK_SECONDS)


async def come_to_rest(rest: Rest, simulator: SimulatorClient, team_ids: Sequence[int], *, deadline: float) -> datetime:
    """Stop the clock and return, at a business instant, once everything before it is known everywhere.

    Raises DemoError at the deadline (monotonic seconds).
    """
    await simulator.run_at(0)
    await rest.until_still(deadline)
    for _ in range(_MOST_INTERVALS):
        now = await simulator.now()
        due = await rest.books.next_cycle_at()
        # The service's clock may have run ahead of the one it follows, so a cycle may be due later than an interval.
        now = await simulator.advance(max((due - now).total_seconds(), 0.0) + 1)
        await rest.until_still(deadline)
        if await _was_quiet(simulator, team_ids, now) and await _has_read(rest, now, deadline):
            await rest.until_still(deadline)
            return now
    raise DemoError("Salesloft never was quiet for three minutes")


async def _has_read(rest: Rest, since: datetime, deadline: float) -> bool:
    """Wait for a cycle of every stream; False where one has none before the clock goes on."""
    while await rest.books.streams_behind(since):
        rest.tell("Salesloft is read once more")
        if await rest.books.streams_not_due(since, rest.clock.now()):
            return False
        if monotonic() > deadline:
            raise DemoError("the service did not read all of Salesloft's streams in time")
        await asyncio.sleep(_LOOK_SECONDS)
    return True


async def _was_quiet(simulator: SimulatorClient, team_ids: Sequence[int], now: datetime) -> bool:
    for team_id in team_ids:
        life = await simulator.life(team_id)
        if life and datetime.fromisoformat(life[-1]["at"]) > now - _QUIET:
            return False
    return True

"""The one consume loop: Kafka to Postgres in batches, committed to Kafka only after Postgres.

Each handler has a loop of its own. The loop outlives its consumers: what Kafka does to one of them ends in a new one,
and what Postgres does is waited for.
"""

import asyncio
import random
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

import structlog
from aiokafka.errors import KafkaError

from consumers.breaker import Breaker, BreakerOptions
from consumers.incoming import Fault, Incoming, Sound, read
from consumers.membership import Membership
from consumers.options import LoopOptions
from consumers.present import Present
from consumers.settling import Handler, Refusal, Settler
from consumers.watching import Watcher
from storage.pool import Database
from telemetry.health import Health, PartState
from workflows.clock import Clock

__all__ = ["BreakerOptions", "ConsumeLoop", "Handler", "Incoming", "LoopOptions", "Part", "Refusal"]

_log = structlog.get_logger(__name__)
_LONGEST_PAUSE = 10.0


class Part(Protocol):
    """A background part of the process: started once, stopped once.

    `run` works until it is cancelled or `stop` was called, finishes what is under way within a bound of its own and
    returns; an exception that it raises is a defect, and the process ends. `stop` returns at once, may be called often
    and before `run`. `ready` is set while the part can do its work.
    """

    name: str
    ready: asyncio.Event

    async def run(self) -> None: ...

    def stop(self) -> None: ...


class ConsumeLoop:
    """Feeds one handler, but not with what is said of who has left.

    A `Part`: survives the loss of Kafka and of Postgres, and stops in order.
    """

    def __init__(
        self,
        *,
        handler: Handler,
        database: Database,
        options: LoopOptions,
        health: Health,
        clock: Clock,
        breaker: BreakerOptions | None = None,
        reader: Callable[[Any], Sound | Fault] = read,
        rng: random.Random | None = None,
    ) -> None:
        self.name = f"consume {handler.name}"
        self.ready = asyncio.Event()
        self._handler = Present(handler)
        self._database = database
        self._options = options
        self._health = health
        self._clock = clock
        self._reader = reader
        self._random = rng or random.Random()  # noqa: S311 - spreads retries, hides nothing
        self._breaker = Breaker(breaker or BreakerOptions())
        self._stopping = asyncio.Event()
        self._membership: Membership | None = None

    def stop(self) -> None:
        """End after the batch under way."""
        self._stopping.set()

    def reset_breaker(self, *topics: str) -> None:
        """A person looked at the dead letters of these topics, or of all: go on with them."""
        self._breaker.reset(topics)
        if self._membership is not None:
            self._membership.release("breaker", topics or self._handler.topics)

    async def run(self) -> None:
        """Consume until stopped. Raises only for defects; Kafka's faults begin a new consumer after a pause."""
        losses = 0
        self._health.set(self.name, PartState.STARTING, monotonic())
        try:
            while not self._stopping.is_set():
                membership = self._membership = self._new_membership()
                try:
                    await membership.run(self._settler(membership), self._watcher(membership))
                except* (KafkaError, OSError) as lost:
                    losses = 1 if membership.positions.epoch else losses + 1
                    self._report_loss(lost.exceptions[0])
                if not self._stopping.is_set():
                    await self._wait(min(_LONGEST_PAUSE, self._options.retry.first_pause * 2 ** min(losses, 30)))
        finally:
            self.ready.clear()
            self._health.drop(self.name)

    def _new_membership(self) -> Membership:
        return Membership(
            part=self.name,
            handler=self._handler,
            options=self._options,
            breaker=self._breaker,
            health=self._health,
            ready=self.ready,
            stopping=self._stopping,
            reader=self._reader,
        )

    def _settler(self, membership: Membership) -> Settler:
        return Settler(
            handler=self._handler,
            database=self._database,
            group=self._options.group,
            breaker=self._breaker,
            clock=self._clock,
            retry=self._options.retry,
            pause=membership.pause_settling,
            held_up=membership.held_up,
            rng=self._random,
        )

    def _watcher(self, membership: Membership) -> Watcher:
        return Watcher(
            part=self.name,
            positions=membership.positions,
            database=self._database,
            health=self._health,
            clock=self._clock,
            options=self._options,
        )

    def _report_loss(self, error: BaseException) -> None:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self.ready.clear()
        reason = type(error).__name__
        _log.warning("consumer_lost", handler=self._handler.name, reason=reason, error=str(error))
        self._health.set(self.name, PartState.DOWN, monotonic(), detail=f"kafka: {reason}")

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds * (0.5 + self._random.random() / 2)):
                await self._stopping.wait()
        except TimeoutError:
            pass

"""Claims stored commands and has their handlers carry them out.

What keeps the promises:

* A command is held under a lease, and what its handler records is fenced by it: the statement that finishes or releases
  a command raises LeaseLost where another worker has taken over, and the transaction around it is gone.
* No organization has more than its share of the places, over all workers, so that a failing one cannot fill them.
* Hints are hints. The poll finds what a lost one told of, retries whose pause is over, and leases that ran out.
"""

import asyncio
import contextlib
import random
import secrets
import socket
from collections.abc import Callable, Mapping

import structlog

from fulfillment.carrying import Handler, Outcome, Parked, Workbench
from salesloft_client import SalesloftError
from storage import commands, hints
from storage.commands import COMMANDS_CHANNEL, Claim, Claimed, LeaseLost
from storage.errors import ConcurrentChange, RecordRefused, StorageUnavailable
from telemetry.metrics import COMMAND_DURATION, COMMAND_OLDEST_AGE, COMMANDS

__all__ = ["CommandWorker"]

_log = structlog.get_logger(__name__)

_LISTENED_AGAIN_AFTER_S = 1.0


class CommandWorker:
    """One worker: `run` works until `stop` is called, then carries out what it holds, within a bound, and returns.

    A database that is away is waited for. `ready` is set after the first claim.
    """

    name = "command_worker"

    def __init__(
        self,
        bench: Workbench,
        dsn: str,
        handlers: Mapping[str, Handler],
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`dsn` is for the connection that listens, which is none of the pool's. `chance` draws from [0, 1)."""
        self.ready = asyncio.Event()
        self._bench = bench
        self._dsn = dsn
        self._handlers = handlers
        self._chance = chance
        # A worker that starts again is another one: what the one before still has in flight is not its own.
        self._claim = Claim(
            holder=f"{socket.gethostname()}-{secrets.token_hex(6)}",
            kinds=sorted(handlers),
            lease_s=bench.options.lease_s,
            organization_limit=bench.options.organization_limit,
        )
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped."""
        beside = [
            asyncio.create_task(self._listen(), name="command worker: listen"),
            asyncio.create_task(self._measure(), name="command worker: measure"),
        ]
        try:
            await self._work()
            if self._running:
                await asyncio.wait(self._running, timeout=self._bench.options.drain_s)
        finally:
            # A command that is cut off here is found by its lease's end, like a killed worker's.
            for task in (*beside, *self._running):
                task.cancel()
            await asyncio.gather(*beside, *self._running, return_exceptions=True)

    async def _work(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                claimed = await self._claimed()
            except ConcurrentChange:
                # Two claims met at one subject; begun again, this one sees what the other has taken.
                await asyncio.sleep(0.01 * self._chance())
                continue
            except StorageUnavailable as error:
                failures += 1
                pause_s = self._bench.options.backoff.pause_s(failures, self._chance())
                _log.warning("commands_not_claimed", error=str(error), pause_s=round(pause_s, 2))
                await self._idle(min(pause_s, 5.0))
                continue
            failures = 0
            self.ready.set()
            for command in claimed:
                task = asyncio.create_task(self._carry_out(command), name=f"command {command.kind} {command.id}")
                self._running.add(task)
                task.add_done_callback(self._ended)
            if not claimed:
                await self._idle(self._bench.options.poll_s * (1 - self._chance() / 2))

    async def _claimed(self) -> list[Claimed]:
        free = self._bench.options.concurrency - len(self._running)
        if free <= 0:
            return []
        async with self._bench.database.connection() as connection:
            return await commands.claim(connection, self._claim, limit=free, now=self._bench.clock.now())

    async def _carry_out(self, command: Claimed) -> None:
        outcome = Outcome.RETRIED
        try:
            outcome = await self._handlers[command.kind].carry_out(command)
        except Parked:
            outcome = Outcome.PARKED
        except LeaseLost as lost:
            _log.warning("command_taken_over", error=str(lost))
        except (SalesloftError, StorageUnavailable, ConcurrentChange) as error:
            await self._give_back(command, error)
        except RecordRefused as error:
            _log.exception("command_refused_by_storage", command_id=str(command.id), kind=command.kind)
            await self._give_back(command, error)
        finally:
            COMMANDS.labels(command.kind, outcome.value).inc()
            if outcome in {Outcome.DONE, Outcome.REFUSED}:
                waited = self._bench.clock.now() - command.due_at
                COMMAND_DURATION.labels(command.kind).observe(waited.total_seconds())

    async def _give_back(self, command: Claimed, error: Exception) -> None:
        """Try again after a pause. Where even this fails, the lease's end gives the command back."""
        pause_s = self._bench.options.backoff.pause_s(command.attempts, self._chance())
        _log.info("command_given_back", command_id=str(command.id), kind=command.kind, error=str(error))
        with contextlib.suppress(StorageUnavailable, ConcurrentChange):
            async with self._bench.database.connection() as connection:
                await commands.release(connection, command, error=str(error), pause_s=pause_s)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("command_failed", task=task.get_name(), exc_info=error)

    async def _listen(self) -> None:
        while True:
            try:
                await hints.hear(self._dsn, COMMANDS_CHANNEL, self._wake.set)
            except StorageUnavailable as error:
                _log.warning("command_hints_not_heard", error=str(error))
            await asyncio.sleep(_LISTENED_AGAIN_AFTER_S * (1 - self._chance() / 2))

    async def _measure(self) -> None:
        while True:
            with contextlib.suppress(StorageUnavailable, ConcurrentChange):
                async with self._bench.database.connection() as connection:
                    oldest = await commands.oldest_due(connection, self._bench.clock.now())
                for kind in self._handlers:
                    COMMAND_OLDEST_AGE.labels(kind).set(oldest.get(kind, 0))
            await asyncio.sleep(self._bench.options.measure_s)

    async def _idle(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

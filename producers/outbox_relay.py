"""Publishes the outbox to Kafka: in order per key, at least once, under the event ids that were stored with the rows.

A relay leases lanes of the outbox and shares them evenly with the other relays. For its lanes it goes in rounds: read
what waits, publish it, mark what Kafka acknowledged. Each is a step of its own, and no transaction is open while Kafka
is asked.

What keeps the promises:

* A key's rows share a lane and a lane has one relay at a time. A publication ends, or is cut off together with its
  producer, before the lease does; a lane is given back between two rounds.
* A row is marked after its acknowledgement, never before. A relay that dies in between leaves rows that the next one
  publishes again, under the same event ids.
* Of a partition a batch leaves only after the one before it was acknowledged, and a round ends before the next begins.
  A key whose row failed stands still for a while and then begins again at that row; the other keys go on.
* No answer means unknown: the producer is dropped with all that it holds, and its rows are published again by another.
"""

import asyncio
import contextlib
import random
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import structlog

from producers.lane_leases import LaneLeases, LeaseOptions, bounded_transaction
from producers.publisher import Failure, FailureScope, Publisher, PublisherOptions, PublisherUnavailable, Report
from producers.standstill import Backoff, Standstill
from storage import hints, relay
from storage.errors import ConcurrentChange, StorageUnavailable
from storage.outbox import lane_of
from storage.pool import Database
from storage.relay import OutboxRow
from telemetry.metrics import OUTBOX_BACKLOG, OUTBOX_FAILURES, OUTBOX_OLDEST_AGE, PUBLISHED

__all__ = ["OutboxRelay", "RelayOptions"]

_log = structlog.get_logger(__name__)

# Between the last moment of a publication and the end of the lease: to cut the producer off.
_TO_CUT_OFF = 0.5
_LISTENED_AGAIN_AFTER = 1.0
_COUNTED_AT_MOST = 100_000


def _new_holder() -> str:
    return f"{socket.gethostname()}-{secrets.token_hex(6)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RelayOptions:
    """How a relay works. Times in seconds, of real time.

    `holder` names it among those that share the lanes: another one after each start, for what an earlier process still
    has in flight is not this one's. `lease` is how long the lanes of a relay that died stay silent; it is longer than
    `send` and than two times `renew`. `probe` is what a partition that failed gets instead of `send`. Without a hint
    the outbox is read every `poll`, shortened by up to half at random. `gather` is how long rows may come together
    after a round that found few, so that a storm of hints is not a storm of rounds.
    """

    publisher: PublisherOptions
    holder: str = field(default_factory=_new_holder)
    lease: float = 30.0
    renew: float = 3.0
    send: float = 10.0
    probe: float = 1.0
    statement: float = 10.0
    poll: float = 0.25
    gather: float = 0.004
    measure: float = 5.0
    rows_per_round: int = 2_000
    bytes_per_round: int = 4 * 1024 * 1024
    backoff: Backoff = field(default_factory=Backoff)
    neighbour_backoff: Backoff = field(default_factory=lambda: Backoff(first_seconds=0.1, longest_seconds=5.0))

    def __post_init__(self) -> None:
        if self.lease <= self.send or self.lease <= 2 * self.renew:
            raise ValueError("a lease must be longer than a send and than the time between two renewals, twice")


@dataclass(frozen=True, slots=True)
class _Pause:
    """Between two rounds, in seconds: `rest` in any case, then `idle` at most, which a hint ends."""

    rest: float
    idle: float


class OutboxRelay:
    """One relay: `run` works until `stop` is called, then ends its round, gives its lanes back and returns.

    A neighbour that is away is waited for. `ready` is set once lanes were asked for and a producer was started.
    """

    name = "outbox_relay"

    def __init__(
        self,
        database: Database,
        dsn: str,
        options: RelayOptions,
        *,
        randomness: Callable[[], float] = random.random,
    ) -> None:
        """`dsn` is for the connection that listens, which is none of the pool's."""
        self.ready = asyncio.Event()
        self._database = database
        self._dsn = dsn
        self._options = options
        self._randomness = randomness
        self._publisher = Publisher(options.publisher)
        self._standstill = Standstill(options.backoff, randomness)
        self._leases = LaneLeases(
            database,
            LeaseOptions(
                holder=options.holder,
                length=options.lease,
                renew_every=options.renew,
                statement=options.statement,
            ),
            self._lanes_changed,
        )
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        # Kafka has these and the table may not know yet. They are marked before anything is read, or they would be
        # published again; so there is never more than one round of them.
        self._acknowledged: list[OutboxRow] = []

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(self._leases.hold(), name="outbox relay: hold lanes"),
                    tasks.create_task(self._hear_hints(), name="outbox relay: hear hints"),
                    tasks.create_task(self._measure(), name="outbox relay: measure"),
                ]
                await self._relay()
                for task in beside:
                    task.cancel()
        finally:
            await self._publisher.close()
        # Not reached when cancelled amid a round: what is on its way then may still arrive, and the lease's end keeps
        # the next holder behind it.
        with contextlib.suppress(StorageUnavailable, ConcurrentChange):
            await self._mark()
            await self._leases.give_back()

    async def _relay(self) -> None:
        failed_rounds = 0
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                async with self._leases.round() as lanes:
                    pause = await self._round(lanes)
            except (StorageUnavailable, ConcurrentChange, PublisherUnavailable, asyncio.CancelledError) as error:
                if _is_a_wish(error):
                    raise
                failed_rounds += 1
                seconds = self._options.neighbour_backoff.seconds(failed_rounds, self._randomness)
                _log.warning("outbox_relay_waits", error=f"{type(error).__name__}: {error}", seconds=round(seconds, 2))
                pause = _Pause(rest=seconds, idle=0)
            else:
                failed_rounds = 0
            await self._wait(pause)

    async def _round(self, lanes: frozenset[int]) -> _Pause:
        """Read, publish, mark. Raises PublisherUnavailable where Kafka took nothing."""
        options = self._options
        await self._mark()
        await self._publisher.open()
        if self._leases.asked.is_set():
            self.ready.set()
        if not lanes:
            return _Pause(rest=0, idle=options.poll)
        rows_per_lane = -(-options.rows_per_round // len(lanes))
        rows = await self._read(lanes, rows_per_lane)
        seconds = min(options.send, self._leases.remaining() - _TO_CUT_OFF)
        if not rows and self._standstill.is_any_aside:
            self._standstill.take_up_again()
            return _Pause(rest=0, idle=0)
        if not rows or seconds <= 0:
            return _Pause(rest=0, idle=options.poll * (1 - self._randomness() / 2))
        report = await self._publish(rows, seconds)
        await self._mark()
        if not report.acknowledged:
            self._raise_where_kafka_is_away(report)
        if report.failures or len(rows) >= rows_per_lane:
            return _Pause(rest=0, idle=0)
        return _Pause(rest=options.gather, idle=options.poll)

    async def _publish(self, rows: list[OutboxRow], seconds: float) -> Report:
        standstill = self._standstill
        began = monotonic()

        def patience(topic: str, partition: int) -> float:
            if standstill.is_partition_stopped(topic, partition, began) or standstill.is_aside(topic, partition):
                return 0
            return min(seconds, self._options.probe) if standstill.partition_failures(topic, partition) else seconds

        report = await self._publisher.publish(rows, goes_alone=standstill.is_suspect, patience=patience)
        for batch in report.acknowledged:
            self._acknowledged += batch.rows
            PUBLISHED.labels(batch.topic).inc(len(batch.rows))
            if standstill.is_any:
                standstill.published(batch.topic, batch.partition, [(row.topic, row.key) for row in batch.rows])
        for held in report.held:
            if standstill.is_aside(held.topic, held.partition):
                standstill.set_aside(held.topic, held.partition, held.keys)
            else:
                standstill.stop_partition(held.topic, held.partition, held.keys, monotonic())
        for failure in report.failures:
            self._note_failure(failure, others_went_through=bool(report.acknowledged))
        if report.acknowledged:
            standstill.take_up_again()
        return report

    def _note_failure(self, failure: Failure, *, others_went_through: bool) -> None:
        OUTBOX_FAILURES.labels(failure.topic, failure.error).inc()
        now = monotonic()
        match failure:
            case Failure(scope=FailureScope.TOPIC):
                self._standstill.stop_topic(failure.topic, now)
            case Failure(scope=FailureScope.RECORDS, rows=1):
                self._standstill.stop_keys(failure.keys, now)
            case Failure(scope=FailureScope.RECORDS):
                self._standstill.suspect(failure.keys)
            case Failure(scope=FailureScope.PARTITION, partition=int(partition)) if others_went_through:
                self._standstill.stop_partition(failure.topic, partition, failure.keys, now)
            case Failure(scope=FailureScope.PARTITION, partition=int(partition)):
                self._standstill.set_aside(failure.topic, partition, failure.keys)
        _log.error(
            "outbox_rows_not_published",
            topic=failure.topic,
            partition=failure.partition,
            error=failure.error,
            scope=failure.scope.name.lower(),
            rows=failure.rows,
            first_position=failure.first_position,
        )

    @staticmethod
    def _raise_where_kafka_is_away(report: Report) -> None:
        """Where no partition took anything the trouble is likely Kafka's as a whole, and no key's wait grows by it."""
        for failure in report.failures:
            if failure.scope is FailureScope.PARTITION:
                raise PublisherUnavailable(failure.error)

    async def _read(self, lanes: frozenset[int], rows_per_lane: int) -> list[OutboxRow]:
        now = monotonic()
        async with bounded_transaction(self._database, self._options.statement) as connection:
            return await relay.unsent(
                connection,
                lanes=lanes,
                rows_per_lane=rows_per_lane,
                max_bytes=self._options.bytes_per_round,
                stopped_keys=self._standstill.stopped_keys(now),
                absent_topics=self._standstill.stopped_topics(now),
            )

    async def _mark(self) -> None:
        if self._acknowledged:
            async with bounded_transaction(self._database, self._options.statement) as connection:
                await relay.mark_sent(connection, self._acknowledged)
            self._acknowledged.clear()

    async def _wait(self, pause: _Pause) -> None:
        await _set_within(self._stopping, pause.rest)
        await _set_within(self._wake, pause.idle)

    # --- Beside the rounds ----------------------------------------------------------------------------------------

    def _lanes_changed(self, lanes: frozenset[int]) -> None:
        self._standstill.keep_only(lambda key: lane_of(*key) in lanes)
        self._wake.set()

    async def _hear_hints(self) -> None:
        """Be woken by commits. Hints may be lost, and the poll finds what they told of."""
        while True:
            try:
                await hints.hear(self._dsn, relay.OUTBOX_CHANNEL, self._wake.set)
            except StorageUnavailable as error:
                _log.warning("outbox_hints_not_heard", error=str(error))
            await asyncio.sleep(_LISTENED_AGAIN_AFTER * (1 - self._randomness() / 2))

    async def _measure(self) -> None:
        while True:
            with contextlib.suppress(StorageUnavailable, ConcurrentChange):
                async with bounded_transaction(self._database, self._options.statement) as connection:
                    backlog = await relay.backlog(connection, lanes=self._leases.lanes, count_at_most=_COUNTED_AT_MOST)
                OUTBOX_BACKLOG.set(backlog.rows)
                OUTBOX_OLDEST_AGE.set(backlog.oldest_seconds)
            await asyncio.sleep(self._options.measure)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set or the time is over."""
    if seconds > 0 and not event.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()


def _is_a_wish(error: BaseException) -> bool:
    """Whether somebody cancels this task. Kafka's client cancels tasks of its own, and waits for them in ours."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0)

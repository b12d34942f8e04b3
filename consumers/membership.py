"""One aiokafka consumer's life in its group, from its start to its stop or loss.

It has three tasks. The *taker* polls and decodes, at most one batch ahead of the *settler*, which runs the transactions
and commits; the *watcher* measures lag and progress. What is not obvious:

- The taker is the only one that awaits `getmany`, itself and without a deadline: a cancelled `getmany` leaves aiokafka
  believing for ever that somebody polls. Between its return and the bookkeeping there is no await, so what was taken is
  known to belong to the assignment that is current.
- A batch that waits is not paused for at once, because aiokafka throws fetched records away when a partition is paused.
  Only when it waits for longer than `pause_after` are all partitions paused and polled in vain, which keeps us a member
  for as long as the database is away.
- On revoke the batch under way may finish within `drain_seconds`, in the settler, which commits it; the callback only
  waits for that to be over. What goes on longer is still right: its commit to Kafka is left out because the epoch
  moved, and the next owner finds its marks in the inbox.
- There is no reset policy. Where nothing was ever committed we begin at the log's start. Where the committed position
  is outside the log (retention was faster than we, or the topic was made anew) records are lost, or offsets mean other
  records: the partition is held with an error, a metric and a health detail until a person has looked. They go on by
  setting `outside_log` to `earliest` for one start, or by moving the group's offset with Kafka's own tool.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any
from zlib import crc32

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from consumers.breaker import Breaker
from consumers.incoming import Fault, Record, Sound
from consumers.options import LoopOptions
from consumers.positions import Hold, Positions
from consumers.settling import Abandoned, Handler, Settlement, Settler
from consumers.watching import Watcher
from telemetry import metrics
from telemetry.health import Health, PartState

__all__ = ["Membership"]

_log = structlog.get_logger(__name__)

_UNTIL_TAKEN = 60.0
"""Seconds for which the client asks for no more while we have not taken what it has: longer than we ever wait."""
_LITTLE = 0.02
"""The same, where partitions are read one at a time."""


class _Batch:
    """What came out of the client in one epoch, decoded."""

    __slots__ = ("entries", "epoch", "next_offsets", "taken_at")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.taken_at = monotonic()
        self.entries: list[Sound | Fault] = []
        self.next_offsets: dict[TopicPartition, int] = {}

    def parts(self, most: int) -> list[list[Sound | Fault]]:
        """The entries in up to so many parts; a partition, by its number, is wholly in one."""
        parts: list[list[Sound | Fault]] = [[] for _ in range(most)]
        for entry in self.entries:
            parts[entry.record.partition % most].append(entry)
        return [part for part in parts if part]

    def drop(self, partition: TopicPartition) -> None:
        """Leave a partition's records to a later batch."""
        if self.next_offsets.pop(partition, None) is not None:
            self.entries = [e for e in self.entries if (e.record.topic, e.record.partition) != partition]


def _all_of(settled: Iterable[Settlement | BaseException]) -> Settlement:
    """What the parts of a batch came to together; raises what any of them raised."""
    together = Settlement()
    for one in settled:
        if isinstance(one, BaseException):
            raise one
        together.withheld |= one.withheld
    return together


def _instance_id(instance: str, handler: Handler) -> str:
    """The static member's name, which stays the same as long as its topics do.

    A static member that comes back is given its former assignment without a look at its subscription: under the same
    name, a new release would never be assigned the topics that it added, and break on those that it dropped.
    """
    return f"{instance}-{handler.name}-{crc32(','.join(sorted(handler.topics)).encode()):08x}"


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is not typed
    """A member of the group that takes records, settles them and commits."""

    def __init__(
        self,
        *,
        part: str,
        handler: Handler,
        options: LoopOptions,
        breaker: Breaker,
        health: Health,
        ready: asyncio.Event,
        stopping: asyncio.Event,
        reader: Callable[[Any], Sound | Fault],
    ) -> None:
        """Needs the running loop. `stopping` ends it in order, `ready` is set while it has partitions to serve."""
        self.positions = Positions()
        self._part = part
        self._handler = handler
        self._options = options
        self._breaker = breaker
        self._health = health
        self._ready = ready
        self._stopping = stopping
        self._reader = reader
        self._consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=options.bootstrap_servers,
            client_id=f"{options.instance}-{handler.name}",
            group_id=options.group,
            group_instance_id=_instance_id(options.instance, handler),
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=options.fetch_max_wait_ms,
            fetch_max_bytes=options.fetch_max_bytes,
            max_partition_fetch_bytes=options.max_partition_fetch_bytes,
            session_timeout_ms=options.session_timeout_ms,
            heartbeat_interval_ms=options.heartbeat_interval_ms,
            rebalance_timeout_ms=options.rebalance_timeout_ms,
            request_timeout_ms=options.request_timeout_ms,
        )
        self._waiting: _Batch | None = None
        self._paused = False
        self._away: str | None = None
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._give_up = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    # --- Its life -----------------------------------------------------------------------------------------------------

    async def run(self, settler: Settler, watcher: Watcher) -> None:
        """Until `stopping` is set, then in order. Raises KafkaError, in a group, when the consumer is lost."""
        try:
            async with asyncio.TaskGroup() as tasks:
                life = tasks.create_task(self._live(settler, watcher), name=self._part)
                stopper = tasks.create_task(self._stop_in_order(life), name=f"{self._part}: stop")
                life.add_done_callback(lambda _: stopper.cancel())
        finally:
            for partition in self.positions.partitions:
                self._forget(partition)
            self.positions.revoked()
            await self._close()

    async def _live(self, settler: Settler, watcher: Watcher) -> None:
        self._consumer.subscribe(list(self._handler.topics), listener=self)
        await self._consumer.start()
        self._let_client_ask_after(_UNTIL_TAKEN)
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(self._take(), name=f"{self._part}: take")
            watching = tasks.create_task(
                watcher.run(self._consumer, self._watched, self._is_idle), name=f"{self._part}: watch"
            )
            await self._settle(settler)
            # Its consumer ends with it, so the poll that is cancelled here leaves nothing behind.
            taking.cancel()
            watching.cancel()

    async def _stop_in_order(self, life: "asyncio.Task[None]") -> None:
        await self._stopping.wait()
        self._give_up.set()
        self._changed.set()
        if self.positions.epoch:
            await asyncio.wait({life}, timeout=self._options.drain_seconds)
        life.cancel()

    async def _close(self) -> None:
        # In a task of its own: the client waits for tasks that it cancels, and where one of them has not begun by then,
        # that would pass for somebody's wish to cancel us.
        closing = asyncio.create_task(self._consumer.stop(), name=f"{self._part}: close")
        try:
            _, late = await asyncio.wait({closing}, timeout=self._options.drain_seconds)
        finally:
            closing.cancel()
        error = TimeoutError() if late else None if closing.cancelled() else closing.exception()
        if isinstance(error, KafkaError | OSError | TimeoutError):
            _log.warning("consumer_not_closed", handler=self._handler.name, error=type(error).__name__)
        elif error is not None:
            raise error

    def _let_client_ask_after(self, seconds: float) -> None:
        """Have the client ask for more while there is what we have not taken, once that has lain for so long.

        Of its own accord it does so after a tenth of a second, and a broker answers with whole batches of a producer's,
        up to 1 MB for each partition that has none yet. There is no public way to say so.
        """
        self._consumer._fetcher._prefetch_backoff = seconds  # noqa: SLF001 - see above

    # --- Taking -------------------------------------------------------------------------------------------------------

    async def _take(self) -> None:
        poll_ms = int(self._options.poll_seconds * 1000)
        while not self._stopping.is_set():
            if self._waiting is not None and not self._paused:
                await self._wait_for_room()
                continue
            if self._waiting is None and self._paused:
                self._paused = False
                self._consumer.resume(*(self.positions.partitions - self.positions.holds().keys()))
            try:
                taken = await self._consumer.getmany(timeout_ms=poll_ms, max_records=self._options.max_batch)
            except NoOffsetForPartitionError:
                await self._begin_where_nothing_is_committed()
            except OffsetOutOfRangeError as error:
                await self._meet_outside_log(error.args[0])
            except UnicodeDecodeError:
                await self._go_round_the_unreadable()
            else:
                if taken:
                    self._offer(taken)

    async def _wait_for_room(self) -> None:
        self._room.clear()
        try:
            async with asyncio.timeout(self._options.pause_after):
                await self._room.wait()
        except TimeoutError:
            self._paused = True
            self._consumer.pause(*self.positions.partitions)

    def _offer(self, taken: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Decode what came and put it before the settler. Without an await, see above."""
        if not self.positions.is_taking:
            if not self.positions.partitions:
                raise KafkaError("records came before their assignment")
            return
        batch = self._waiting = self._waiting or _Batch(self.positions.epoch)
        reader = self._reader
        for partition, records in taken.items():
            next_offset = records[-1].offset + 1
            self.positions.take(partition, records[0].offset, next_offset)
            batch.next_offsets[partition] = next_offset
            batch.entries += [reader(record) for record in records]
        self._changed.set()

    async def _begin_where_nothing_is_committed(self) -> None:
        epoch = self.positions.epoch
        async with asyncio.timeout(self._options.commit_seconds):
            new = [p for p in self.positions.not_begun() if await self._consumer.committed(p) is None]
            starts = await self._consumer.beginning_offsets(new) if new else {}
        if epoch == self.positions.epoch:
            for partition, start in starts.items():
                self._consumer.seek(partition, start)

    async def _meet_outside_log(self, outside: Mapping[TopicPartition, int]) -> None:
        epoch = self.positions.epoch
        for partition, offset in outside.items():
            async with asyncio.timeout(self._options.commit_seconds):
                start = (await self._consumer.beginning_offsets([partition]))[partition]
            if epoch != self.positions.epoch or partition not in self.positions.partitions:
                return
            _log.error(
                "position_outside_log", topic=partition.topic, partition=partition.partition, position=offset,
                log_start=start, answer=self._options.outside_log,
            )  # fmt: skip
            if self._options.outside_log == "earliest":
                self._consumer.seek(partition, start)
                self.positions.restart(partition, start)
            else:
                detail = f"position {offset} is outside the log, which starts at {start}: records are lost"
                self._hold(partition, Hold("outside_log", detail), at=None)

    async def _go_round_the_unreadable(self) -> None:
        """A header's name is no text, and the client cannot hand its record over: hold that partition alone.

        The poll that met it has lost whatever else it had taken, so every partition is read again from where it stood,
        one at a time. Meanwhile the client may ask for more beside what was not taken: else what came of one partition
        would keep it from asking for the one that is read.
        """
        self._let_client_ask_after(_LITTLE)
        try:
            await self._take_one_by_one()
        finally:
            self._let_client_ask_after(_UNTIL_TAKEN)

    async def _take_one_by_one(self) -> None:
        epoch = self.positions.epoch
        served = self.positions.partitions - self.positions.holds().keys()
        at_a_time = max(1, self._options.max_batch // max(1, len(served)))
        for partition in served:
            await self._read_again(partition)
        for partition in served:
            if epoch != self.positions.epoch or self._stopping.is_set():
                return
            try:
                await self._take_of(partition, at_a_time)
            except UnicodeDecodeError:
                await self._take_up_to_the_unreadable(partition, epoch)

    async def _take_up_to_the_unreadable(self, partition: TopicPartition, epoch: int) -> None:
        unreadable = await self._read_again(partition)
        try:
            while epoch == self.positions.epoch and not self._stopping.is_set():
                await self._take_of(partition, 1)
                unreadable = self.positions.taken_to(partition) or unreadable
        except UnicodeDecodeError:
            self._set_aside(partition, Hold("unreadable", f"offset {unreadable} has a header whose name is not UTF-8"))

    async def _take_of(self, partition: TopicPartition, most: int) -> None:
        poll_ms = int(self._options.poll_seconds * 1000)
        if taken := await self._consumer.getmany(partition, timeout_ms=poll_ms, max_records=most):
            self._offer(taken)

    async def _read_again(self, partition: TopicPartition) -> int:
        """Send the client back to what it has not handed over yet, and answer its offset."""
        next_offset = self.positions.taken_to(partition)
        if next_offset is None:
            async with asyncio.timeout(self._options.commit_seconds):
                next_offset = await self._consumer.committed(partition)
                if next_offset is None:
                    next_offset = (await self._consumer.beginning_offsets([partition]))[partition]
        self._consumer.seek(partition, next_offset)
        return int(next_offset)

    # --- Settling -----------------------------------------------------------------------------------------------------

    async def _settle(self, settler: Settler) -> None:
        while (batch := await self._next()) is not None:
            self._idle.clear()
            try:
                metrics.BATCH_RECORDS.observe(len(batch.entries))
                parts = batch.parts(self._options.transactions)
                # What one part has brought into the database stays there where another is abandoned: it is marked.
                settled = await asyncio.gather(*map(settler.settle, parts), return_exceptions=True)
                self._settled(batch, _all_of(settled))
                await self._commit()
            except Abandoned:
                _log.info("batch_abandoned", handler=self._handler.name, records=len(batch.entries))
            finally:
                self._idle.set()

    async def _next(self) -> _Batch | None:
        while not self._stopping.is_set():
            batch = self._waiting
            if batch is not None:
                self._waiting = None
                self._room.set()
                return batch
            self._changed.clear()
            await self._changed.wait()
            if self._waiting is None:
                await self._commit()
        return None

    def _settled(self, batch: _Batch, settlement: Settlement) -> None:
        took = monotonic() - batch.taken_at
        for topic in {partition.topic for partition in batch.next_offsets}:
            metrics.BATCH_DURATION.labels(topic).observe(took)
        if batch.epoch != self.positions.epoch:
            return
        withheld = settlement.withheld
        self.positions.apply(batch.epoch, {p: o for p, o in batch.next_offsets.items() if p not in withheld})
        for partition, (offset, hold) in withheld.items():
            self._consumer.seek(partition, offset)
            self._hold(partition, hold, at=offset)

    async def _commit(self) -> None:
        """Tell Kafka the next offsets. What it does not take now is told again when the watcher turns."""
        epoch, next_offsets = self.positions.epoch, self.positions.committable()
        if not next_offsets:
            return
        try:
            async with asyncio.timeout(self._options.commit_seconds):
                await self._consumer.commit(next_offsets)
        except (CommitFailedError, IllegalStateError):
            _log.info("commit_of_lost_assignment", handler=self._handler.name)
        except (KafkaError, TimeoutError) as error:
            _log.warning("commit_failed", handler=self._handler.name, error=type(error).__name__)
        else:
            self.positions.commit(epoch, next_offsets)

    async def pause_settling(self, seconds: float) -> None:
        """Wait, unless the partitions are wanted back: then `Abandoned`."""
        try:
            async with asyncio.timeout(seconds):
                await self._give_up.wait()
        except TimeoutError:
            return
        raise Abandoned

    def held_up(self, by: str | None) -> None:
        """The settler cannot go on because of a neighbour, or can again."""
        if by != self._away:
            self._away = by
            self._report()

    # --- Holding ------------------------------------------------------------------------------------------------------

    def release(self, cause: str, topics: Iterable[str]) -> None:
        """Go on with what was held for this cause."""
        wanted = set(topics)
        held = [p for p, hold in self.positions.holds().items() if hold.cause == cause and p.topic in wanted]
        for partition in self.positions.release(held):
            metrics.CONSUMER_HELD.labels(partition.topic, cause).dec()
            if not self._paused:
                self._consumer.resume(partition)
        self._report()

    def _hold(self, partition: TopicPartition, hold: Hold, *, at: int | None) -> None:
        """Hold a partition, and leave what waits of it to a later batch."""
        self._set_aside(partition, hold, at=at)
        if self._waiting is not None:
            self._waiting.drop(partition)

    def _set_aside(self, partition: TopicPartition, hold: Hold, *, at: int | None = None) -> None:
        self._consumer.pause(partition)
        self.positions.hold(partition, hold, at=at)
        metrics.CONSUMER_HELD.labels(partition.topic, hold.cause).inc()
        _log.error(
            "partition_held", topic=partition.topic, partition=partition.partition, cause=hold.cause, detail=hold.detail
        )
        self._report()

    def _forget(self, partition: TopicPartition) -> None:
        hold = self.positions.hold_of(partition)
        if hold is not None:
            metrics.CONSUMER_HELD.labels(partition.topic, hold.cause).dec()
        metrics.forget_partition(partition.topic, partition.partition)
        self._health.drop(f"{partition.topic}/{partition.partition}")

    # --- What the watcher and health are told -------------------------------------------------------------------------

    def _watched(self) -> str | None:
        """The watcher turns: commit what may have been passed over, and tell it what is away."""
        self._changed.set()
        return self._away

    def _is_idle(self) -> bool:
        return self._idle.is_set() and self._waiting is None and not self._paused

    def _report(self) -> None:
        holds = self.positions.holds()
        now = monotonic()
        if self._away is not None:
            self._ready.clear()
            self._health.set(self._part, PartState.DOWN, now, detail=f"{self._away} is away")
        elif holds:
            self._ready.set()
            told = "; ".join(
                sorted({f"{p.topic}/{p.partition}: {hold.cause}, {hold.detail}" for p, hold in holds.items()})[:5]
            )
            state = PartState.DOWN if len(holds) == len(self.positions.partitions) else PartState.DEGRADED
            self._health.set(self._part, state, now, detail=f"{len(holds)} partitions wait for a person: {told}")
        else:
            self._ready.set()
            self._health.set(self._part, PartState.READY, now)

    # --- What the group does to us ------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - each rebalance takes all
        """Finish and commit what is under way, within the bound."""
        self.positions.revoking()
        self._waiting = None
        self._room.set()
        self._give_up.set()
        try:
            async with asyncio.timeout(self._options.drain_seconds):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("drain_unfinished", handler=self._handler.name)
        for partition in self.positions.partitions:
            self._forget(partition)
        self.positions.revoked()
        if not self._stopping.is_set():
            self._give_up.clear()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        partitions = list(assigned)
        self.positions.assigned(partitions)
        if self._paused:
            self._consumer.pause(*partitions)
        for partition in partitions:
            if partition.topic in self._breaker.stopped:
                self._hold(partition, Hold("breaker", "records of several organizations failed in a row"), at=None)
        _log.info("partitions_assigned", handler=self._handler.name, partitions=len(partitions))
        self._report()

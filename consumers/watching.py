"""Measures a consumer beside its work: lag, whether it moves, and up to which instant it has read."""

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError

from consumers.options import LoopOptions
from consumers.positions import Positions
from storage import progress
from storage.errors import StorageError
from storage.pool import Database
from telemetry import metrics
from telemetry.health import Health, Progress
from workflows.clock import Clock

__all__ = ["Watcher"]

_log = structlog.get_logger(__name__)


class Watcher:
    """Compares each partition's end with its committed position, once every `watch_seconds`.

    It asks Kafka itself rather than what the last fetch told: a consumer whose fetches hang would otherwise see an end
    that stands as still as it does.
    """

    def __init__(
        self, *, part: str, positions: Positions, database: Database, health: Health, clock: Clock, options: LoopOptions
    ) -> None:
        self._part = part
        self._positions = positions
        self._database = database
        self._health = health
        self._clock = clock
        self._options = options
        self._epoch = 0
        self._progress: dict[TopicPartition, Progress] = {}
        self._committed: dict[TopicPartition, int | None] = {}
        self._still_since: dict[TopicPartition, float] = {}
        self._moved_at = monotonic()

    async def run(self, consumer: Any, turned: Callable[[], str | None], is_idle: Callable[[], bool]) -> None:
        """Until cancelled. `turned` is called after each measurement and answers which neighbour is away, if one is.

        Raises KafkaTimeoutError where nothing could be measured for `lost_after`: either the broker is away, and a new
        consumer waits for it as well as this one, or it is back and this consumer does not notice. So it does where for
        as long nothing moved of what is there, and the consumer has nothing to do (`is_idle`): aiokafka's task that
        fetches can end without a word, and then nothing comes for ever.
        """
        seen_at = monotonic()
        while True:
            instant = self._clock.now()
            epoch = self._positions.epoch
            try:
                async with asyncio.timeout(self._options.request_timeout_ms / 1000):
                    ends = await self._measure(consumer)
            except (KafkaError, TimeoutError) as error:
                if epoch == self._positions.epoch:
                    _log.warning("lag_unknown", part=self._part, error=type(error).__name__)
                self._excuse("kafka")
                if epoch == self._positions.epoch and monotonic() - seen_at > self._options.lost_after:
                    blind = f"nothing could be measured for {monotonic() - seen_at:.0f} s"
                    raise KafkaTimeoutError(blind) from error
            else:
                seen_at = monotonic()
                if epoch == self._positions.epoch:
                    self._compare(ends, turned())
                    still = monotonic() - self._moved_at
                    if still > self._options.lost_after and is_idle():
                        raise KafkaTimeoutError(f"of what is there nothing came for {still:.0f} s")
                    if self._options.track_progress:
                        self._positions.aim(instant, ends)
                        await self._record_read_through()
            await asyncio.sleep(self._options.watch_seconds)

    async def _measure(self, consumer: Any) -> Mapping[TopicPartition, int]:
        partitions = list(self._positions.partitions)
        if not partitions:
            return {}
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        for partition in partitions:
            if self._positions.hold_of(partition) is None:
                # Nothing may come between the answer and its use: the position is then that of the moment.
                position = await consumer.position(partition)
                self._positions.pass_over(partition, position)
        return ends

    def _compare(self, ends: Mapping[TopicPartition, int], away: str | None) -> None:
        now = monotonic()
        if self._epoch != self._positions.epoch:
            self._epoch = self._positions.epoch
            stuck_after = self._options.stuck_after
            self._progress = {
                p: self._health.progress(f"{p.topic}/{p.partition}", stuck_after=stuck_after)
                for p in self._positions.partitions
            }
            self._committed = {}
            self._still_since = {}
            self._moved_at = now
        waiting: list[Progress] = []
        has_moved = False
        for partition, end in ends.items():
            position = self._positions.committed_to(partition)
            progress_of = self._progress[partition]
            if position is not None and position != self._committed.get(partition):
                self._committed[partition] = position
                self._still_since[partition] = now
                progress_of.advanced(now)
                has_moved = True
            at = position if position is not None else self._positions.applied_to(partition)
            lag = max(0, end - at) if at is not None else 0
            if lag == 0 or self._positions.hold_of(partition) is not None:
                progress_of.nothing_waits()
                self._still_since[partition] = now
            else:
                progress_of.work_waits(now)
                waiting.append(progress_of)
            labels = (partition.topic, str(partition.partition))
            metrics.CONSUMER_LAG.labels(*labels).set(lag)
            metrics.CONSUMER_COMMITTED_AGE.labels(*labels).set(now - self._still_since.setdefault(partition, now))
        # The client hands out what it has fetched as it comes: behind a backlog a partition may wait for long.
        excuse = away or ("the partitions before it" if has_moved else None)
        if excuse is not None or not waiting:
            self._moved_at = now
        if excuse is not None:
            for progress_of in waiting:
                progress_of.held_up(excuse, now)

    def _excuse(self, neighbour: str) -> None:
        now = monotonic()
        for progress_of in self._progress.values():
            progress_of.held_up(neighbour, now)

    async def _record_read_through(self) -> None:
        reached = self._positions.read_through()
        if not reached:
            return
        try:
            async with self._database.transaction() as connection:
                instants = {(p.topic, p.partition): instant for p, instant in reached.items()}
                await progress.record_read_through(connection, instants)
        except StorageError as error:
            # The next turn aims anew, and a later instant says more than this one would have.
            _log.info("read_through_not_kept", part=self._part, error=str(error))

"""A batch's way into the database: one transaction when all goes well, and as few as find the record that does not.

What may go wrong, and what becomes of it:

- the database is away or too slow: the same work again after a pause, for ever, and nothing is put aside;
- another transaction was faster: again, a few times, after a short random pause;
- the database refuses the data, or the handler fails: the work is halved until the record is alone, and that record
  becomes a dead letter. Halves are settled in their order, so a key's records stay in order;
- a topic's records fail in a long row across organizations: that topic is withheld, and the rest goes on.
"""

import asyncio
import random
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Literal, Protocol

import structlog
from aiokafka import TopicPartition

from consumers.attention import attention
from consumers.breaker import Alarm, Breaker, Judgement, Verdict
from consumers.dead_letter import dead_letter, named_organization
from consumers.incoming import Fault, Incoming, Sound
from consumers.kept_letters import kept_letter
from consumers.positions import Hold
from schemas.dead_letters import ID_REUSED
from storage import dead_letters, inbox, outbox
from storage.errors import ConcurrentChange, RecordRefused, StorageUnavailable
from storage.inbox import InboxKey
from storage.pool import Connection, Database
from telemetry import metrics
from telemetry.traces import MessagingTraces
from workflows.clock import Clock

__all__ = ["Abandoned", "Handler", "Refusal", "RetryOptions", "Settlement", "Settler"]

_log = structlog.get_logger(__name__)

Entry = Sound | Fault


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """A record that its handler cannot take, for a reason that lies in the record; its batch-mates go through."""

    incoming: Incoming
    stage: Literal["validate", "decide", "apply"]
    code: str
    message: str


class Handler(Protocol):
    """What is done with the records of some topics.

    `name` stands in the group instance id, in logs and in health.
    """

    name: str
    topics: tuple[str, ...]

    async def apply(self, connection: Connection, batch: Sequence[Incoming]) -> Sequence[Refusal]:
        """Write the effect of the batch inside the caller's transaction and answer the records that are refused.

        The records are new (not marked before) and in offset order within a partition. May raise anything: the
        transaction is rolled back, and `apply` is called again with all of the batch or with a part of it. So it keeps
        nothing of a batch outside the transaction, and waits for nothing but the database.
        """
        ...


class Abandoned(Exception):
    """The partitions are being given back while the database is away: the batch is the next owner's."""


class _TopicsStopped(Exception):
    def __init__(self, judgement: Judgement) -> None:
        self.judgement = judgement


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryOptions:
    """Pauses in seconds. `conflict_tries` counts the transactions that are begun for the same work."""

    conflict_tries: int = 5
    conflict_pause: float = 0.02
    first_pause: float = 0.1
    longest_pause: float = 10.0


@dataclass(slots=True)
class Settlement:
    """What a batch came to: nothing of the withheld is in the database from the given offset on."""

    withheld: dict[TopicPartition, tuple[int, Hold]] = field(default_factory=dict)


@dataclass(slots=True)
class _Sorted:
    """The entries of one transaction, told apart before it."""

    firsts: dict[InboxKey, Sound] = field(default_factory=dict)
    repeats: list[Sound] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "_Sorted":
        told = cls()
        firsts = told.firsts
        for entry in entries:
            if isinstance(entry, Fault):
                told.faults.append(entry)
            elif firsts.setdefault(entry.mark.key, entry) is not entry:
                told.repeats.append(entry)
        return told


class Settler:
    """Settles the batches of one consumer, some parts of a batch at a time."""

    def __init__(
        self,
        *,
        handler: Handler,
        database: Database,
        group: str,
        breaker: Breaker,
        clock: Clock,
        retry: RetryOptions,
        pause: Callable[[float], Awaitable[None]],
        held_up: Callable[[str | None], None],
        rng: random.Random,
    ) -> None:
        """`pause` waits so many seconds or raises `Abandoned`; `held_up` is told what is away, None when it is back."""
        self._handler = handler
        self._database = database
        self._group = group
        self._breaker = breaker
        self._clock = clock
        self._retry = retry
        self._pause = pause
        self._held_up = held_up
        self._random = rng
        # From a judgement until it is accepted: two transactions that fail at a time must both be counted.
        self._judging = asyncio.Lock()
        self._traces = MessagingTraces.configured()

    async def settle(self, entries: list[Entry]) -> Settlement:
        """Bring all of a batch into the database, or say what had to be withheld. Raises nothing but `Abandoned`."""
        settlement = Settlement()
        waiting = [entries] if entries else []
        tries = outages = 0
        while waiting:
            piece = waiting[-1]
            try:
                with self._traces.processing(self._handler.name, self._group, (entry.record for entry in piece)):
                    await self._transact(piece)
            except StorageUnavailable as error:
                outages += 1
                await self._wait_out(error, outages)
                continue
            except _TopicsStopped as stop:
                self._withhold_topics(stop.judgement, waiting, settlement)
                waiting = [left for part in waiting if (left := _without(part, stop.judgement.stopped))]
                continue
            except ConcurrentChange as error:
                blamed: Exception = error
                code = "conflict_persists"
                tries += 1
                metrics.DATABASE_RETRIES.labels("deadlock").inc()
                if tries < self._retry.conflict_tries:
                    await self._pause(self._retry.conflict_pause * tries * (0.5 + self._random.random()))
                    continue
            except RecordRefused as error:
                blamed, code = error, "refused_by_storage"
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is about one of its records
                blamed, code = error, "handler_failed"
            else:
                waiting.pop()
                tries = outages = 0
                self._held_up(None)
                continue
            waiting.pop()
            self._divide(piece, blamed, code, max(1, tries), waiting, settlement)
            tries = 0
        return settlement

    async def _wait_out(self, error: StorageUnavailable, outages: int) -> None:
        self._held_up("postgres")
        metrics.DATABASE_RETRIES.labels("connection").inc()
        longest = min(self._retry.longest_pause, self._retry.first_pause * 2 ** min(outages - 1, 30))
        if outages == 1 or longest == self._retry.longest_pause:
            _log.warning("database_away", handler=self._handler.name, error=str(error), attempt=outages)
        await self._pause(longest * (0.5 + self._random.random() / 2))

    def _divide(
        self,
        piece: list[Entry],
        blamed: Exception,
        code: str,
        tries: int,
        waiting: list[list[Entry]],
        settlement: Settlement,
    ) -> None:
        """Put the halves in the place of a piece that failed, the earlier one on top, or name the culprit."""
        if len(piece) > 1:
            middle = len(piece) // 2
            waiting += [piece[middle:], piece[:middle]]
            return
        (entry,) = piece
        if isinstance(entry, Sound):
            kind = f"{type(blamed).__module__}.{type(blamed).__qualname__}"
            _log.error(
                "record_failed", handler=self._handler.name, topic=entry.incoming.topic, code=code,
                partition=entry.incoming.partition, offset=entry.incoming.offset, exc_info=blamed,
            )  # fmt: skip
            waiting.append([Fault(entry.record, "apply", code, _explain(blamed), kind, tries)])
            return
        # Its dead letter cannot be written, for example because Kafka would not take one so large: it stays.
        record = entry.record
        partition = TopicPartition(record.topic, record.partition)
        hold = Hold(
            "dead_letter_refused", f"the dead letter of offset {record.offset} cannot be written: {_explain(blamed)}"
        )
        settlement.withheld[partition] = (record.offset, hold)
        waiting[:] = [left for part in waiting if (left := [e for e in part if _partition(e) != partition])]

    def _withhold_topics(
        self, judgement: Judgement, waiting: Sequence[Sequence[Entry]], settlement: Settlement
    ) -> None:
        self._breaker.stop(judgement.stopped)
        for topic in sorted(judgement.stopped):
            _log.error("topic_stopped", handler=self._handler.name, topic=topic)
        # The last part waits first, so its records are the earliest of each partition.
        for part in reversed(waiting):
            for entry in part:
                if entry.record.topic in judgement.stopped:
                    hold = Hold("breaker", "records of several organizations failed in a row")
                    settlement.withheld.setdefault(_partition(entry), (entry.record.offset, hold))

    async def _transact(self, entries: list[Entry]) -> None:
        told = _Sorted.of(entries)
        marks = [sound.mark for sound in told.firsts.values()]
        judgement: Judgement | None = None
        async with AsyncExitStack() as judging:
            async with self._database.transaction() as connection:
                marked = await inbox.mark(connection, self._group, marks) if marks else set()
                fresh = list(told.firsts.values())
                known: Mapping[InboxKey, bytes] = {}
                if marked:
                    known = await inbox.marked_digests(connection, self._group, list(marked))
                    fresh = [sound for sound in fresh if sound.mark.key not in marked]
                reused = _reused(told, known)
                refused = await self._apply(connection, fresh)
                faults = [*told.faults, *reused, *refused]
                if faults:
                    await judging.enter_async_context(self._judging)
                    judgement = self._judge(entries, faults)
                    await self._put_aside(connection, told, faults, refused, judgement)
            if judgement is None:
                self._breaker.sound({entry.record.topic for entry in entries})
            else:
                self._breaker.accept(judgement)
        self._count(entries, fresh, faults)

    async def _apply(self, connection: Connection, fresh: list[Sound]) -> list[Fault]:
        if not fresh:
            return []
        refusals = await self._handler.apply(connection, [sound.incoming for sound in fresh])
        if not refusals:
            return []
        records = {sound.incoming: sound.record for sound in fresh}
        return [
            Fault(
                records[refusal.incoming],
                refusal.stage,
                refusal.code,
                refusal.message,
                f"{self._handler.name}.{refusal.code}",
            )
            for refusal in refusals
        ]

    def _judge(self, entries: Sequence[Entry], faults: Sequence[Fault]) -> Judgement:
        failed = {id(fault.record) for fault in faults}
        judgement = self._breaker.judge(
            Verdict(entry.record.topic, failed=True, organization=named_organization(entry.record))
            if id(entry.record) in failed
            else Verdict(entry.record.topic, failed=False)
            for entry in entries
        )
        if judgement.stopped:
            raise _TopicsStopped(judgement)
        return judgement

    async def _put_aside(
        self,
        connection: Connection,
        told: _Sorted,
        faults: Sequence[Fault],
        refused: Sequence[Fault],
        judgement: Judgement,
    ) -> None:
        """Write the dead letters; none of them leaves a mark, so that its replay is taken."""
        if refused:
            records = {id(fault.record) for fault in refused}
            keys = [key for key, sound in told.firsts.items() if id(sound.record) in records]
            await inbox.unmark(connection, self._group, keys)
        letters = [dead_letter(fault, group=self._group) for fault in faults]
        kept = [kept_letter(fault, letter, group=self._group) for fault, letter in zip(faults, letters, strict=True)]
        now = self._clock.now()
        for alarm in judgement.alarms:
            _warn(self._handler.name, alarm)
            letters += attention(alarm, now)
        await outbox.add(connection, letters)
        await dead_letters.keep(connection, [one for one in kept if one is not None], now)

    def _count(self, entries: Sequence[Entry], fresh: Sequence[Sound], faults: Sequence[Fault]) -> None:
        taken = Counter(entry.record.topic for entry in entries)
        failed = Counter(fault.record.topic for fault in faults)
        applied = Counter(sound.incoming.topic for sound in fresh)
        refused = {id(fault.record) for fault in faults}
        if refused:
            applied -= Counter(sound.incoming.topic for sound in fresh if id(sound.record) in refused)
        for topic, records in taken.items():
            counted = metrics.CONSUMED.labels
            counted(topic, "processed").inc(applied[topic])
            if failed[topic]:
                counted(topic, "dead_lettered").inc(failed[topic])
            if repeated := records - applied[topic] - failed[topic]:
                counted(topic, "duplicate").inc(repeated)
        for fault in faults:
            metrics.DEAD_LETTERS.labels(fault.record.topic, fault.stage, fault.code).inc()


def _reused(told: _Sorted, known: Mapping[InboxKey, bytes]) -> list[Fault]:
    """The records whose id was taken before with other data: another message in disguise."""
    suspects = [told.firsts[key] for key in known] + told.repeats
    return [
        Fault(
            sound.record,
            "validate",
            ID_REUSED,
            "this source and id were taken before with other data",
            "consumers.settling.IdReused",
        )
        for sound in suspects
        if known.get(sound.mark.key, told.firsts[sound.mark.key].mark.data_digest) != sound.mark.data_digest
    ]


def _partition(entry: Entry) -> TopicPartition:
    return TopicPartition(entry.record.topic, entry.record.partition)


def _without(entries: Sequence[Entry], topics: frozenset[str]) -> list[Entry]:
    return [entry for entry in entries if entry.record.topic not in topics]


def _warn(handler: str, alarm: Alarm) -> None:
    _log.error(
        "organization_fails",
        handler=handler,
        topic=alarm.topic,
        organizations=alarm.organizations,
        failures=alarm.failures,
    )


def _explain(error: Exception) -> str:
    """Storage's own sentences hold no values; of any other exception only the kind and the place can be told."""
    if isinstance(error, RecordRefused | ConcurrentChange):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return f"{type(error).__qualname__}{place}"

"""What happens, as it is committed: one reader of the outbox for all of a process's streams.

The reader follows positions and stays below every transaction that may still hold an earlier one
(`storage/event_feed.py`), so a stream gets everything in one order and nothing is passed over. A commit's hint wakes
it, and a jittered poll finds what no hint told of. A stream begins at the end of a round: what was committed until
then can be read, what comes after is told. Each stream has a bound on what waits for it; one that does not keep up is
ended, and resumes where it came to.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import structlog

from schemas import topics
from schemas.registry import (
    ACTIVITY_TYPES,
    APPROVAL_REQUESTED,
    APPROVAL_WITHDRAWN,
    ATTENTION_NEEDED,
    CONNECTION_NEEDS_REAUTHORIZATION,
    ENGAGEMENT,
    ENROLLMENT_CHANGED,
    MAPPING_PUBLISHED,
)
from storage import event_feed, hints
from storage.errors import StorageError
from storage.event_feed import FeedRow
from storage.pool import Connection, Database
from storage.relay import OUTBOX_CHANNEL
from telemetry.metrics import EVENT_STREAMS, EVENT_STREAMS_ENDED
from web.problems import Problem

__all__ = ["EventFeed", "FeedOptions", "Subscription", "Told", "Wanted"]

_log = structlog.get_logger(__name__)

_NAMES = {
    ENROLLMENT_CHANGED.name: "enrollment",
    **{type_.name: "activity" for type_ in ACTIVITY_TYPES.values()},
    ENGAGEMENT.name: "engagement",
    APPROVAL_REQUESTED.name: "approval",
    APPROVAL_WITHDRAWN.name: "approval",
    MAPPING_PUBLISHED.name: "mapping",
    ATTENTION_NEEDED.name: "attention",
    CONNECTION_NEEDS_REAUTHORIZATION.name: "attention",
}
_SOURCES = (
    topics.ENROLLMENT,
    topics.ACTIVITY,
    topics.ENGAGEMENT,
    topics.APPROVAL_REQUEST,
    topics.OPERATIONS,
)
_TOPICS = [topic.name for topic in _SOURCES]
_TYPES = sorted(_NAMES)
_ROWS = 500
_WINDOW = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """How a process looks on. Times in seconds of real time, sizes in bytes.

    Without a hint the outbox is read every `poll`, shortened by up to half at random; `gather` is how long rows may
    come together, `settle` how often open transactions are asked after. A stream has up to `events` and `size` waiting
    for it, and resumes from up to `resume` positions ago.
    """

    poll: float = 0.5
    gather: float = 0.02
    settle: float = 0.01
    pause: float = 1.0
    streams: int = 500
    events: int = 1000
    size: int = 1024 * 1024
    resume: int = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a stream is about: an organization, and of it maybe a customer or a stakeholder alone."""

    organization_id: str
    customer_id: str | None = None
    stakeholder_id: str | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether not all of the organization is wanted."""
        return self.customer_id is not None or self.stakeholder_id is not None


class Told(NamedTuple):
    """An event of a stream: its name, and its data as JSON."""

    position: int
    name: str
    data: bytes


class Subscription:
    """One stream's part: what waits for it, up to a bound, and why it ended."""

    def __init__(self, wanted: Wanted, options: FeedOptions) -> None:
        self.wanted = wanted
        self.ended = asyncio.Event()
        self.why_ended = ""
        self.begins_after: int | None = None
        self._options = options
        self._waiting: deque[Told] = deque()
        self._size = 0
        self._woken = asyncio.Event()

    def begin(self, position: int) -> None:
        """What stands behind a position is told from now on."""
        self.begins_after = position
        self._woken.set()

    def give(self, told: Told) -> None:
        """One more event; the stream ends where too many wait."""
        if self.ended.is_set():
            return
        if len(self._waiting) >= self._options.events or self._size + len(told.data) > self._options.size:
            _log.warning("event_stream_too_slow", organization_id=self.wanted.organization_id)
            self.end("too_slow")
            return
        self._waiting.append(told)
        self._size += len(told.data)
        self._woken.set()

    def end(self, why: str) -> None:
        """The first reason counts; what waits is dropped, for whoever resumes gets it again."""
        if not self.ended.is_set():
            self.why_ended = why
            EVENT_STREAMS_ENDED.labels(why).inc()
            self._waiting.clear()
            self.ended.set()
            self._woken.set()

    def take(self) -> Told | None:
        """The next event that waits."""
        if not self._waiting:
            return None
        told = self._waiting.popleft()
        self._size -= len(told.data)
        return told

    async def wait(self, seconds: float) -> bool:
        """Whether something may have come within that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True


class EventFeed:
    """The reader. `run` is for as long as there may be streams; without any it asks nothing."""

    def __init__(
        self,
        database: Database,
        dsn: str,
        options: FeedOptions | None = None,
        *,
        randomness: Callable[[], float] = random.random,
    ) -> None:
        """`database` acts as the worker, for the outbox is no organization's; `dsn` is for what listens."""
        self.options = options or FeedOptions()
        self.rounds = 0
        self._database = database
        self._dsn = dsn
        self._randomness = randomness
        self._position: int | None = None
        self._joining: list[Subscription] = []
        self._following: dict[str, set[Subscription]] = {}
        self._open = 0
        self._anybody = asyncio.Event()
        self._wake = asyncio.Event()

    @contextlib.contextmanager
    def subscribed(self, wanted: Wanted) -> Iterator[Subscription]:
        """A stream's part, for the length of a block. Raises Problem, 503, where there are too many streams."""
        if self._open >= self.options.streams:
            raise Problem(503, "too_many_streams", "Too many streams are open here.", headers={"retry-after": "5"})
        subscription = Subscription(wanted, self.options)
        self._open += 1
        EVENT_STREAMS.inc()
        self._joining.append(subscription)
        self._anybody.set()
        self._wake.set()
        try:
            yield subscription
        finally:
            self._open -= 1
            EVENT_STREAMS.dec()
            self._forget(subscription)

    def _forget(self, subscription: Subscription) -> None:
        if subscription in self._joining:
            self._joining.remove(subscription)
        of_organization = self._following.get(subscription.wanted.organization_id, set())
        of_organization.discard(subscription)
        if not of_organization:
            self._following.pop(subscription.wanted.organization_id, None)
        if self._open == 0:
            self._anybody.clear()

    async def run(self) -> None:
        """Read and deal out until cancelled. A database that is away is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear_hints(), name="event feed: hear hints")
            tasks.create_task(self._follow(), name="event feed: follow")

    async def resumable(self, last: int, position: int) -> bool:
        """Whether everything that followed `last` is still there to be told, up to a position."""
        if not position - self.options.resume <= last <= position:
            return False
        async with self._database.connection() as connection:
            oldest = await event_feed.oldest(connection)
        return last == position or (oldest is not None and oldest <= last + 1)

    async def missed(self, wanted: Wanted, *, after: int, until: int) -> AsyncGenerator[Told, None]:
        """What a stream that was away has not been told."""
        while after < until:
            window = min(until, after + _WINDOW)
            async with self._database.connection() as connection:
                rows = await self._between(connection, after, window, [wanted.organization_id])
            for row in rows:
                if (told := _Dealt(row)).is_for(wanted):
                    yield told.told
            after = rows[-1].position if len(rows) == _ROWS else window

    async def _follow(self) -> None:
        while True:
            await self._anybody.wait()
            try:
                await self._round()
            except StorageError as error:
                _log.warning("event_feed_waits", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(self.options.pause * (1 - self._randomness() / 2))
                continue
            await asyncio.sleep(self.options.gather)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.options.poll * (1 - self._randomness() / 2)):
                    await self._wake.wait()

    async def _round(self) -> None:
        """Read up to what was given out, once nobody can hold a part of it any more, and let in who has come."""
        self._wake.clear()
        joining = list(self._joining)
        async with self._database.connection() as connection:
            until = await event_feed.given_out(connection)
            open_ = await event_feed.writers(connection)
            while open_:
                await asyncio.sleep(self.options.settle)
                open_ &= await event_feed.writers(connection)
            await self._deal_out(connection, until)
        for subscription in joining:
            if subscription in self._joining:
                self._joining.remove(subscription)
                self._following.setdefault(subscription.wanted.organization_id, set()).add(subscription)
                subscription.begin(until)
        self.rounds += 1

    async def _deal_out(self, connection: Connection, until: int) -> None:
        while self._following and self._position is not None and self._position < until:
            rows = await self._between(connection, self._position, until, sorted(self._following))
            for row in rows:
                dealt = _Dealt(row)
                for subscription in list(self._following.get(dealt.organization_id, ())):
                    if dealt.is_for(subscription.wanted):
                        subscription.give(dealt.told)
            self._position = rows[-1].position if len(rows) == _ROWS else until
        self._position = until

    async def _between(
        self, connection: Connection, after: int, until: int, organization_ids: list[str]
    ) -> list[FeedRow]:
        return await event_feed.between(
            connection,
            after=after,
            until=until,
            topics=_TOPICS,
            types=_TYPES,
            organization_ids=organization_ids,
            limit=_ROWS,
        )

    async def _hear_hints(self) -> None:
        """Be woken by commits. Hints may be lost, and the poll finds what they told of."""
        while True:
            try:
                await hints.hear(self._dsn, OUTBOX_CHANNEL, self._wake.set)
            except StorageError as error:
                _log.warning("event_feed_hints_not_heard", error=str(error))
            await asyncio.sleep(self.options.pause * (1 - self._randomness() / 2))


class _Dealt:
    """A row on its way to streams; its data is read once, and only where somebody wants a part."""

    def __init__(self, row: FeedRow) -> None:
        organization_id, _, self._subject_id = row.key.partition(":")
        self.organization_id = organization_id
        self._row = row
        self._told: Told | None = None
        self._data: dict[str, Any] | None = None

    @property
    def told(self) -> Told:
        """As it is told: the type and id that it has on the bus, and its data; of a tombstone whom it is of."""
        if self._told is None:
            row = self._row
            document: dict[str, Any] = {"type": row.type, "id": row.event_id}
            if row.payload is None:
                document |= {"stakeholder_id": self._subject_id, "data": None}
            else:
                document["data"] = orjson.Fragment(row.payload)
            self._told = Told(row.position, _NAMES[row.type], orjson.dumps(document))
        return self._told

    def is_for(self, wanted: Wanted) -> bool:
        """Whether it is of what a stream wants; an organization's own matters are of no customer."""
        if self.organization_id != wanted.organization_id:
            return False
        if not wanted.is_narrow:
            return True
        data = self._read()
        stakeholder_id = data.get("stakeholder_id") or (data.get("stakeholder") or {}).get("id")
        return wanted.customer_id in {None, data.get("customer_id")} and wanted.stakeholder_id in {None, stakeholder_id}

    def _read(self) -> dict[str, Any]:
        if self._data is None:
            payload = self._row.payload
            self._data = orjson.loads(payload) if payload is not None else {"stakeholder_id": self._subject_id}
        return self._data

"""One turn through an organization's streams: those that are due, in their order, until the turn's time is over.

Salesloft is asked outside of any transaction. Each page is taken in by one transaction, which moves the cursor with it:
a turn that ends anywhere, by its time, by an error or by a crash, is gone on with where it was left.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final, cast

import structlog

from activity.ledger import Ledger
from producers.standstill import Backoff
from producers.streams.hinted import Hinted
from producers.streams.owing import Owing
from producers.streams.pages import Page, Pages
from producers.streams.readers import StreamReader
from producers.streams.reconciling import ReconcileOptions, Reconciling
from salesloft_client import Batch, CursorPosition, Lane, RetryClass, SalesloftClient, SalesloftError
from storage import activity_links, owed, sync
from storage.activity_links import Backfill
from storage.pool import Connection, Database
from storage.sync import OrganizationLease, Position, StreamState, SyncStream
from telemetry.metrics import POLL_CYCLE_DURATION, POLL_EMITTED, POLL_OWED, POLL_PAGES, POLL_ROWS
from workflows.activity import Reading
from workflows.activity_people import AddressDigests, people_of_new_stakeholders, share_people
from workflows.checkpoint import close_cycle
from workflows.clock import Clock

__all__ = ["Turn", "TurnOptions", "TurnPorts"]

_log = structlog.get_logger(__name__)

_START: Final = CursorPosition(updated_at=datetime(1970, 1, 1, tzinfo=UTC))
_PEOPLE_A_PAGE: Final = 100
_BACKFILL: Final = "backfill"


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnOptions:
    """How an organization is read.

    `interval` is from one cycle to the next, shortened by up to `spread` (0 to 1) at random, and `settle` how long
    before now reading stops: business time. `turn_s` is how long one organization is read until another one has its
    turn, `call_s` the time of one call: real seconds. `backfill_links` is how many links' records are read once more
    in one turn. `owed_calls` is how many calls a stream's owed records may cost in a cycle, `owed_call_s` the time of
    one.
    """

    interval: timedelta = timedelta(minutes=30)
    spread: float = 0.1
    settle: timedelta = timedelta(minutes=2)
    turn_s: float = 20.0
    call_s: float = 20.0
    backfill_links: int = 50
    owed_calls: int = 20
    owed_call_s: float = 5.0
    backoff: Backoff = field(default_factory=lambda: Backoff(first_seconds=2.0, longest_seconds=300.0))
    reconcile: ReconcileOptions = field(default_factory=ReconcileOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPorts:
    """What a turn works with. `database` is used for short transactions, never while Salesloft is asked."""

    database: Database
    clock: Clock
    readers: dict[SyncStream, StreamReader]
    digests: AddressDigests
    randomness: Callable[[], float]
    stopping: asyncio.Event


class Turn:
    """One organization's turn. `run` raises Salesloft's errors that concern the whole team, and storage's."""

    def __init__(
        self, lease: OrganizationLease, client: SalesloftClient, ports: TurnPorts, options: TurnOptions
    ) -> None:
        self._lease = lease
        self._organization_id = lease.organization_id
        self._client = client.using(lane=Lane.POLL, time_budget_s=options.call_s)
        self._ports = ports
        self._options = options
        self._pages = Pages(ports.database, lease, ports.randomness)
        self._ends = monotonic() + options.turn_s
        self._next_cycle_at = self._slot()
        self._hinted = Hinted(
            lease=lease,
            client=self._client,
            database=ports.database,
            pages=self._pages,
            readers=ports.readers,
            clock=ports.clock,
            backoff=options.backoff,
        )
        self._owing = Owing(
            lease=lease,
            client=self._client.using(time_budget_s=min(options.call_s, options.owed_call_s)),
            pages=self._pages,
            clock=ports.clock,
            settle=options.settle,
            calls=options.owed_calls,
            is_over=self._is_over,
        )
        self._reconciling = Reconciling(
            lease=lease,
            client=self._client.using(lane=Lane.BACKFILL),
            pages=self._pages,
            readers=ports.readers,
            clock=ports.clock,
            options=options.reconcile,
            backoff=options.backoff,
            is_over=self._is_over,
            randomness=ports.randomness,
        )

    async def run(self) -> None:
        """Read what was hinted at, then what is due, a page at least, and at last what is compared once a night.

        A stream that Salesloft refuses is put off, and the others go on.
        """
        await self._hinted.read()
        has_read = False
        for stream, reader in self._ports.readers.items():
            state = self._lease.streams.get(stream)
            if state is not None and state.due:
                if has_read and self._is_over():
                    return
                has_read = True
                await self._try(state, self._cycle(state, reader))
            if stream is SyncStream.ACCOUNTS:
                await self._find_people()
                await self._read_once_more()
        await self._reconciling.run()

    def _slot(self) -> datetime:
        """When the organization's next cycle begins: with the streams that wait for theirs, if some do."""
        now, options = self._ports.clock.now(), self._options
        waiting = [s.next_cycle_at for s in self._lease.streams.values() if not s.due and s.next_cycle_at > now]
        fresh = now + options.interval * (1 - options.spread * self._ports.randomness())
        return min([*waiting, fresh])

    def _is_over(self) -> bool:
        return monotonic() > self._ends or self._ports.stopping.is_set()

    async def _try(self, state: StreamState, cycle: Coroutine[Any, Any, None]) -> None:
        try:
            await cycle
        except SalesloftError as error:
            if error.retry_class is not RetryClass.PERMANENT:
                raise
            failures = state.failures + 1
            pause_s = self._options.backoff.seconds(failures, self._ports.randomness)
            _log.error(
                "salesloft_stream_refused",
                organization_id=self._organization_id,
                stream=state.stream,
                error=repr(error),
                failures=failures,
            )
            async with self._ports.database.transaction() as connection:
                await sync.postpone(connection, self._organization_id, [state.stream], pause_s=pause_s, failures=1)

    async def _cycle(self, state: StreamState, reader: StreamReader) -> None:
        """Read one stream from where it stands to its end, as far as the turn's time goes."""
        stream, began = state.stream, monotonic()
        cycle, position = state.open_cycle, state.position
        if cycle is None:
            cycle, position = await self._begin(stream)
        since = _cursor(position, reader)
        async with self._changes(self._client, reader, since) as batches:
            async for batch in batches:
                page = Page(
                    source=stream,
                    stream=stream,
                    cycle=cycle,
                    rows=batch.rows,
                    unreadable=batch.unreadable,
                    unreadable_ids=batch.unreadable_ids,
                    since=_START.updated_at if position is None else position.at,
                    apply=reader.apply,
                )
                position = Position(batch.position.updated_at, frozenset(map(str, batch.position.seen)))
                await self._take_in(page, self._reading(), position)
                if self._is_over():
                    return
        await self._owing.read(stream, reader, cycle)
        await self._end(stream, reader, cycle, None if position is None else position.at)
        self._lease.streams[stream] = replace(state, due=False)
        POLL_PAGES.labels(stream).inc()
        POLL_CYCLE_DURATION.labels(stream).observe(monotonic() - began)

    def _changes(
        self,
        client: SalesloftClient,
        reader: StreamReader,
        since: CursorPosition,
        where: Mapping[str, Sequence[int]] | None = None,
    ) -> "aclosing[AsyncGenerator[Batch[Any]]]":
        filters: dict[str, Any] = {**reader.where, **(where or {})}
        changes = client.changes(reader.source, since, where=filters, settle=self._options.settle)
        # It is a generator, and one that is left before its end is closed at once and not by the garbage collector.
        return aclosing(cast("AsyncGenerator[Batch[Any]]", changes))

    def _reading(self, newly_linked: frozenset[str] = frozenset()) -> Reading:
        return Reading(
            organization_id=self._organization_id, noticed_at=self._ports.clock.now(), newly_linked=newly_linked
        )

    async def _take_in(self, page: Page, reading: Reading, position: Position | None) -> None:
        async def move(connection: Connection, _ledger: Ledger) -> None:
            if position is not None:
                await sync.move_cursor(connection, self._organization_id, SyncStream(page.stream), position)

        ledger = await self._pages.take_in(page, reading, move)
        POLL_PAGES.labels(page.stream).inc()
        POLL_ROWS.labels(page.stream).inc(len(page.rows))
        POLL_EMITTED.labels(page.stream).inc(ledger.emitted)

    async def _begin(self, stream: SyncStream) -> tuple[int, Position | None]:
        return await self._pages.within(
            lambda connection: sync.begin_cycle(connection, self._organization_id, stream, self._ports.clock.now())
        )

    async def _end(self, stream: SyncStream, reader: StreamReader, cycle: int, watermark: datetime | None) -> None:
        finish = reader.finish
        if finish is not None:
            await self._pages.within(lambda connection: finish(connection, self._reading()))

        async def end(connection: Connection) -> int:
            now = self._ports.clock.now()
            await sync.end_cycle(connection, self._organization_id, stream, next_cycle_at=self._next_cycle_at, now=now)
            await self._close(connection, stream, cycle, watermark, now)
            return await owed.count(connection, stream)

        POLL_OWED.labels(stream).set(await self._pages.within(end))

    async def _close(
        self, connection: Connection, stream: str, cycle: int, watermark: datetime | None, now: datetime
    ) -> None:
        await close_cycle(
            connection,
            self._organization_id,
            team_id=self._lease.team_id,
            stream=stream,
            cycle=cycle,
            watermark=watermark,
            now=now,
        )

    async def _find_people(self) -> None:
        """Link stakeholders who came later to those who have their address: strangers are read once more for that."""
        reader = self._ports.readers[SyncStream.PEOPLE]
        await self._pages.within(lambda connection: share_people(connection, self._reading()))
        async with self._ports.database.connection() as connection:
            found = await people_of_new_stakeholders(
                connection, self._organization_id, self._ports.digests, limit=_PEOPLE_A_PAGE
            )
        if not found:
            return
        page = await self._client.people(ids=found)
        reading = self._reading()

        async def take_in(connection: Connection) -> None:
            await reader.apply(connection, reading, page.rows)
            gone = set(found) - {row.id for row in page.rows}
            await activity_links.forget_strangers(connection, self._organization_id, gone)

        await self._pages.within(take_in)

    async def _read_once_more(self) -> None:
        """Read the records of newly linked people from the start, on behalf of the stakeholders who they are."""
        while not self._is_over():
            async with self._ports.database.connection() as connection:
                links = await activity_links.backfills(
                    connection, self._organization_id, limit=self._options.backfill_links
                )
            if not links:
                return
            await self._backfill(links)

    async def _backfill(self, links: Sequence[Backfill]) -> None:
        client = self._client.using(lane=Lane.BACKFILL)
        people = sorted({link.person_id for link in links})
        reading = self._reading(frozenset(link.stakeholder_id for link in links))
        cycle = await self._pages.within(
            lambda connection: sync.open_ledger(connection, self._organization_id, _BACKFILL, reading.noticed_at)
        )
        for stream, reader in self._ports.readers.items():
            if reader.by_person is None:
                continue
            async with self._changes(client, reader, _START, {reader.by_person: people}) as batches:
                async for batch in batches:
                    page = Page(
                        source=stream,
                        stream=_BACKFILL,
                        cycle=cycle,
                        rows=batch.rows,
                        unreadable=batch.unreadable,
                        apply=reader.apply,
                    )
                    await self._take_in(page, reading, None)

        async def finish(connection: Connection) -> None:
            await activity_links.finish_backfills(connection, self._organization_id, links)
            await self._close(connection, _BACKFILL, cycle, None, self._ports.clock.now())

        await self._pages.within(finish)


def _cursor(position: Position | None, reader: StreamReader) -> CursorPosition:
    if position is None:
        return _START
    return CursorPosition(updated_at=position.at, seen=frozenset(map(reader.id_of, position.ids)))

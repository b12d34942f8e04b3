"""The nightly comparison of what we hold with what Salesloft has: what is gone there, and what the cursors passed over.

No cursor tells of a deletion: what is gone is on no page. So what we hold is asked for by its ids, a hundred in a call:
the memberships that we hold as on a cadence, and the people who are somebody's. Read by cursor it would be all that the
team ever had, of which ours is a part. What is absent is asked for once more by itself, and only a plain "not found"
counts; and where nothing is found of a whole page, that is not believed, for it is rather our sight that is lost.

A cursor passes over what is committed later than it waits. That carries an `updated_at` of these days, so the last
two days of each stream are read again by cursor, ascending and from page 1: one call for a hundred changed records,
where by their ids all that we hold would have to be asked for. They are read as far as the stream's own cursor had
come; what is after it, and what is owed, is not passed over and will be read in its time. Nothing is told twice.

All of it is paid from the backfill lane, a page at a time, and each page is one transaction: where a reader ends, the
next one goes on.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

import structlog

from activity.ledger import Ledger
from producers.standstill import Backoff
from producers.streams import by_ids
from producers.streams.by_ids import NotNarrowed
from producers.streams.pages import Page, Pages
from producers.streams.readers import StreamReader
from salesloft_client import Batch, CursorPosition, NotFound, RetryClass, SalesloftClient, SalesloftError, Throttled
from storage import activity_links, owed, reconciliations, sync
from storage.errors import StorageError
from storage.pool import Connection
from storage.reconciliations import HELD_MEMBERSHIPS, HELD_PEOPLE, PARTS, STREAM, Reconciliation
from storage.sync import OrganizationLease, Position, SyncStream
from telemetry.metrics import POLL_EMITTED, POLL_PAGES, POLL_ROWS, RECONCILE_FOUND
from workflows.activity import Reading, record_name
from workflows.activity_vanished import end_vanished
from workflows.checkpoint import close_cycle
from workflows.clock import Clock

__all__ = ["ReconcileOptions", "Reconciling"]

_log = structlog.get_logger(__name__)

_NOT_BELIEVED_FROM: Final = 10
_ASKED_SINGLY: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileOptions:
    """When and what is compared, in business time.

    Each night from `hour` (UTC) on, every organization at another moment within `spread`; of the streams what has
    changed within `window` before.
    """

    hour: int = 2
    spread: timedelta = timedelta(hours=3)
    window: timedelta = timedelta(days=2)

    def next_night(self, now: datetime) -> datetime:
        """When the next night's comparisons begin."""
        tonight = now.replace(hour=self.hour, minute=0, second=0, microsecond=0)
        return tonight if tonight > now else tonight + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Found:
    """Held records as Salesloft has them: those to take in, and those that it does not have any more."""

    rows: Sequence[Any]
    gone: frozenset[int]
    after_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """One organization's comparison. `client` is of the backfill lane; `is_over` says whether the turn's time is.

    `settle` is how long before now (business time) a cursor stops.
    """

    lease: OrganizationLease
    client: SalesloftClient
    pages: Pages
    readers: dict[SyncStream, StreamReader]
    clock: Clock
    options: ReconcileOptions
    backoff: Backoff
    is_over: Callable[[], bool]
    randomness: Callable[[], float] = field(repr=False)

    async def run(self) -> None:
        """Go on with the comparison where it is due, a page at least, until it is through or the time is over.

        What Salesloft refuses is passed over; a failure puts off this and nothing else. Raises what concerns the
        credential, and storage's errors.
        """
        now = self.clock.now()
        state = await self.pages.within(lambda connection: reconciliations.due(connection, self._organization_id, now))
        if state is None:
            return
        try:
            await self._go_on(state)
        except SalesloftError as error:
            if error.retry_class is RetryClass.REAUTHORIZE:
                raise
            await self._put_off(state, error.retry_at if isinstance(error, Throttled) else None, repr(error))
        except StorageError:
            raise
        except Exception as error:
            with contextlib.suppress(StorageError):
                await self._put_off(state, None, repr(error))
            raise

    @property
    def _organization_id(self) -> str:
        return self.lease.organization_id

    async def _put_off(self, state: Reconciliation, until: datetime | None, error: str) -> None:
        pause_s = self.backoff.seconds(state.failures + 1, self.randomness)
        _log.warning("salesloft_reconcile_put_off", organization_id=self._organization_id, error=error)
        await self.pages.within(
            lambda connection: reconciliations.put_off(
                connection, self._organization_id, until=until, pause_s=0.0 if until is not None else pause_s
            )
        )

    async def _go_on(self, state: Reconciliation) -> None:
        part, cycle = state.part, state.cycle
        if part is None or cycle is None:
            part, now = PARTS[0], self.clock.now()
            cycle = await self._begin(now)
            state = replace(state, part=part, cycle=cycle, started_at=now, after_id=0, position=None)
        for at in range(PARTS.index(part), len(PARTS)):
            if at > PARTS.index(part):
                state = await self._begin_part(state, PARTS[at])
            if not await self._compare(state, cycle):
                return
        await self._end(cycle)

    async def _begin(self, now: datetime) -> int:
        async def begin(connection: Connection) -> int:
            cycle = await sync.open_ledger(connection, self._organization_id, STREAM, now)
            await reconciliations.begin(connection, self._organization_id, cycle=cycle, now=now)
            return cycle

        return await self.pages.within(begin)

    async def _begin_part(self, state: Reconciliation, part: str) -> Reconciliation:
        read_to = await self.pages.within(
            lambda connection: reconciliations.begin_part(connection, self._organization_id, part)
        )
        return replace(state, part=part, after_id=0, position=None, read_to=read_to)

    async def _compare(self, state: Reconciliation, cycle: int) -> bool:
        """Compare what is left of a part; answers whether it is through."""
        part = cast("str", state.part)
        try:
            if part in (HELD_MEMBERSHIPS, HELD_PEOPLE):
                return await self._compare_held(part, state.after_id, cycle)
            return await self._compare_stream(SyncStream(part), state, cycle)
        except NotNarrowed:
            _log.error("salesloft_reconcile_part_passed_over", organization_id=self._organization_id, part=part)
        except SalesloftError as error:
            if error.retry_class is not RetryClass.PERMANENT:
                raise
            # The stream's own cycle meets the same refusal, and tells of it.
            _log.warning("salesloft_reconcile_refused", organization_id=self._organization_id, part=part)
        return True

    # --- What we hold, by its ids -----------------------------------------------------------------------------------

    async def _compare_held(self, part: str, after_id: int, cycle: int) -> bool:
        stream = SyncStream.MEMBERSHIPS if part == HELD_MEMBERSHIPS else SyncStream.PEOPLE
        reader = self.readers[stream]
        while True:
            since = after_id
            ids = await self.pages.within(
                lambda connection: reconciliations.held(
                    connection,
                    self._organization_id,
                    part,
                    after_id=since,  # noqa: B023  # it is awaited within the loop
                    limit=by_ids.AT_A_TIME,
                )
            )
            if not ids:
                return True
            found = await self._look_for(stream, reader, ids)
            await self._take_in_held(stream, reader, found, cycle)
            after_id = found.after_id
            if self.is_over():
                return False

    async def _look_for(self, stream: SyncStream, reader: StreamReader, ids: Sequence[int]) -> _Found:
        batches = await by_ids.fetch(self.client, stream, reader, ids)
        rows = [row for batch in batches for row in batch.rows]
        missing = sorted(set(ids).difference(row.id for row in rows))
        if any(batch.unreadable for batch in batches):
            # What nobody can read may be among them.
            return _Found(rows, frozenset(), ids[-1])
        if len(missing) == len(ids) >= _NOT_BELIEVED_FROM:
            _log.error("salesloft_reconcile_not_believed", organization_id=self._organization_id, stream=stream)
            RECONCILE_FOUND.labels("not_believed", stream).inc(len(missing))
            return _Found(rows, frozenset(), ids[-1])
        show = self.client.membership if stream is SyncStream.MEMBERSHIPS else self.client.person
        gone = {one for one in missing[:_ASKED_SINGLY] if await _is_gone(show, one)}
        after_id = missing[_ASKED_SINGLY - 1] if len(missing) > _ASKED_SINGLY else ids[-1]
        return _Found([row for row in rows if row.id <= after_id], frozenset(gone), after_id)

    async def _take_in_held(self, stream: SyncStream, reader: StreamReader, found: _Found, cycle: int) -> None:
        """Take in what is there and end what is not; of the former what the cursor has yet to come to is left to it."""
        read_to = await self.pages.within(
            lambda connection: sync.position_at(connection, self._organization_id, stream)
        )
        rows = await self._passed_over(stream, found.rows, read_to)
        of_nobody = {row.id for row in rows if stream is SyncStream.MEMBERSHIPS and not row.currently_on_cadence}
        reading = self._reading()

        async def forget(connection: Connection) -> int:
            if stream is SyncStream.MEMBERSHIPS:
                ended = await end_vanished(connection, reading, found.gone | of_nobody)
                await sync.add_to_ledger(connection, self._organization_id, STREAM, cycle, ended)
                return ended.scanned
            if found.gone and reader.miss is not None:
                await reader.miss(connection, reading, found.gone)
            return len(found.gone)

        await self._take_in(_page(stream, reader, cycle, rows), reading, forget, after_id=found.after_id)
        if stream is SyncStream.MEMBERSHIPS and reader.finish is not None:
            finish = reader.finish
            await self.pages.within(lambda connection: finish(connection, reading))

    # --- What the cursors have passed over --------------------------------------------------------------------------

    async def _compare_stream(self, stream: SyncStream, state: Reconciliation, cycle: int) -> bool:
        reader, read_to, began = self.readers[stream], state.read_to, state.started_at
        if read_to is None or began is None:
            return True
        since = CursorPosition(updated_at=began - self.options.window)
        if state.position is not None:
            seen = frozenset(map(reader.id_of, state.position.ids))
            since = CursorPosition(updated_at=state.position.at, seen=seen)
        behind = self.clock.now() - read_to
        changes = self.client.changes(reader.source, since, where=dict(reader.where), settle=behind)
        async with aclosing(cast("AsyncGenerator[Batch[Any]]", changes)) as batches:
            async for batch in batches:
                rows = await self._passed_over(stream, batch.rows, read_to)
                position = Position(batch.position.updated_at, frozenset(map(str, batch.position.seen)))
                await self._take_in(_page(stream, reader, cycle, rows), self._reading(), _nothing, position=position)
                if self.is_over():
                    return False
        return True

    async def _passed_over(self, stream: SyncStream, rows: Sequence[Any], read_to: datetime | None) -> list[Any]:
        """Those of some rows that a cursor that stands at `read_to` has come past, and that are not owed."""
        behind = [row for row in rows if read_to is not None and row.updated_at < read_to]
        if not behind:
            return []
        owing = await self.pages.within(
            lambda connection: owed.among(
                connection, self._organization_id, stream, {record_name(row) for row in behind}
            )
        )
        return [row for row in behind if record_name(row) not in owing]

    async def _take_in(
        self,
        page: Page,
        reading: Reading,
        forget: Callable[[Connection], Awaitable[int]],
        *,
        after_id: int = 0,
        position: Position | None = None,
    ) -> None:
        """Take a page in, and move on with it. `forget` takes in what is gone, and answers how much that is."""
        organization_id = self._organization_id
        shown = [(row.id, row.updated_at) for row in page.rows]
        stale = await self.pages.within(
            lambda connection: reconciliations.stale(connection, organization_id, page.source, shown)
        )
        found = (0, 0)

        async def move(connection: Connection, ledger: Ledger) -> None:
            nonlocal found
            holes = stale + ledger.emitted
            if holes and await activity_links.backfills(connection, organization_id, limit=1):
                # Of people who were linked a moment ago nothing was passed over: they wait to be read from the start.
                holes = 0
            found = (holes, await forget(connection))
            await reconciliations.advance(
                connection,
                organization_id,
                after_id=after_id,
                position=position,
                holes=found[0],
                deletions=found[1],
            )

        ledger = await self.pages.take_in(page, reading, move)
        POLL_PAGES.labels(STREAM).inc()
        POLL_ROWS.labels(STREAM).inc(len(page.rows))
        POLL_EMITTED.labels(STREAM).inc(ledger.emitted)
        for kind, number in zip(("hole", "deletion"), found, strict=True):
            if number:
                RECONCILE_FOUND.labels(kind, page.source).inc(number)
                _log.warning(
                    "salesloft_reconcile_found",
                    organization_id=organization_id,
                    found=kind,
                    stream=page.source,
                    number=number,
                )

    async def _end(self, cycle: int) -> None:
        async def end(connection: Connection) -> tuple[int, int]:
            now = self.clock.now()
            await close_cycle(
                connection,
                self._organization_id,
                team_id=self.lease.team_id,
                stream=STREAM,
                cycle=cycle,
                watermark=None,
                now=now,
            )
            next_at = self.options.next_night(now)
            return await reconciliations.end(
                connection, self._organization_id, next_at=next_at, spread=self.options.spread, now=now
            )

        holes, deletions = await self.pages.within(end)
        _log.info("salesloft_reconciled", organization_id=self._organization_id, holes=holes, deletions=deletions)

    def _reading(self) -> Reading:
        return Reading(organization_id=self._organization_id, noticed_at=self.clock.now())


async def _is_gone(show: Callable[[int], Awaitable[Any]], record_id: int) -> bool:
    try:
        await show(record_id)
    except NotFound:
        return True
    return False


async def _nothing(_connection: Connection) -> int:
    return 0


def _page(stream: SyncStream, reader: StreamReader, cycle: int, rows: Sequence[Any]) -> Page:
    return Page(source=stream, stream=STREAM, cycle=cycle, rows=rows, unreadable=0, apply=reader.apply)

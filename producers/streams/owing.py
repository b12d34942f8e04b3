"""Records that could not be taken in, read again within the cycle of their stream, until they are or are no more.

They are asked for by their ids, a hundred in a call. Entries of the activity feed cannot be (Salesloft's list of them
has no such filter), and what has no readable id cannot be either: for those the page is read again that begins at the
instant at which they changed. A record that has changed since is not there any more, and is ahead of the cursor.

What one record costs is one call now and then, for its pauses grow; what thousands cost is bounded by `calls`.
"""

from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog

from activity.ledger import Ledger
from producers.streams import by_ids
from producers.streams.by_ids import NotNarrowed
from producers.streams.pages import Move, Page, Pages
from producers.streams.readers import StreamReader
from salesloft_client import Batch, CursorPosition, RetryClass, SalesloftClient, SalesloftError
from storage import owed
from storage.owed import OwedRecord
from storage.pool import Connection
from storage.sync import OrganizationLease, SyncStream
from telemetry.metrics import POLL_EMITTED, POLL_PAGES, POLL_ROWS
from workflows.activity import Reading, record_name
from workflows.clock import Clock

__all__ = ["Owing"]

_log = structlog.get_logger(__name__)

_OF_THE_TEAM = (RetryClass.THROTTLED, RetryClass.REAUTHORIZE)


@dataclass(slots=True)
class _Calls:
    """What may still be asked: the calls that are left, and whether time is left after the first."""

    left: int
    is_over: Callable[[], bool]
    made: int = 0

    def may_go_on(self) -> bool:
        return self.made < self.left and (self.made == 0 or not self.is_over())


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """Reads one organization's owed records. `calls` is how many a stream may cost in a turn.

    `settle` is how long before now (business time) a cursor stops. `is_over` says whether the turn's time is.
    """

    lease: OrganizationLease
    client: SalesloftClient
    pages: Pages
    clock: Clock
    settle: timedelta
    calls: int
    is_over: Callable[[], bool]

    async def read(self, stream: SyncStream, reader: StreamReader, cycle: int) -> None:
        """Read what is due, as far as calls and time go, into that cycle's ledger; the rest is left to the next one.

        A call that fails is the records' failure and puts them off: the stream's own have just succeeded. Raises
        Salesloft's errors that concern the whole team, and storage's.
        """
        calls = _Calls(self.calls, self.is_over)
        if reader.has_ids:
            await self._read_by_ids(stream, reader, cycle, calls)
        await self._read_by_instants(stream, reader, cycle, calls, without_id=True)
        if not reader.has_ids:
            await self._read_by_instants(stream, reader, cycle, calls, without_id=False)

    async def _read_by_ids(self, stream: SyncStream, reader: StreamReader, cycle: int, calls: _Calls) -> None:
        due = [one.record_id for one in await self._due(stream, without_id=False)]
        waiting = deque(due[first : first + by_ids.AT_A_TIME] for first in range(0, len(due), by_ids.AT_A_TIME))
        while waiting and calls.may_go_on():
            asked = waiting.popleft()
            calls.made += 1
            try:
                found = await by_ids.fetch(self.client, stream, reader, [reader.id_of(one) for one in asked])
            except NotNarrowed:
                await self._put_off(stream, asked, "the list was not narrowed to the record's id")
                return
            except SalesloftError as error:
                self._refuse_the_teams(error)
                if len(asked) > 1:
                    # One record may be what Salesloft itself stumbles over: the others are asked for without it.
                    half = len(asked) // 2
                    waiting.extendleft((asked[half:], asked[:half]))
                else:
                    await self._put_off(stream, asked, f"Salesloft does not answer: {type(error).__name__}")
                continue
            await self._settle_by_ids(stream, reader, cycle, asked, found)

    async def _settle_by_ids(
        self, stream: SyncStream, reader: StreamReader, cycle: int, asked: Sequence[str], found: Sequence[Batch[Any]]
    ) -> None:
        page = _page(stream, reader, cycle, found)
        missing = set(asked).difference(record_name(row) for row in page.rows)
        reading = self._reading()

        async def settle(connection: Connection, _ledger: Ledger) -> None:
            if page.unreadable:
                # What the answer had and nobody could read is among these.
                reason = "the record cannot be read"
                await owed.put_off(
                    connection, reading.organization_id, stream, missing, reason=reason, now=reading.noticed_at
                )
                return
            await owed.settle(connection, reading.organization_id, stream, missing)
            if missing and reader.miss is not None:
                await reader.miss(connection, reading, {int(one) for one in missing})

        await self._take_in(page, reading, settle, 1)
        if missing and not page.unreadable:
            _log.info("salesloft_owed_records_gone", stream=stream, record_ids=sorted(missing))

    async def _read_by_instants(
        self, stream: SyncStream, reader: StreamReader, cycle: int, calls: _Calls, *, without_id: bool
    ) -> None:
        due = sorted(await self._due(stream, without_id=without_id), key=lambda one: one.changed_at)
        while due and calls.may_go_on():
            since = due[0].changed_at
            read_to = self.clock.now() - self.settle
            if since > read_to:
                return
            try:
                found, is_whole = await self._from(reader, CursorPosition(updated_at=since))
            except SalesloftError as error:
                self._refuse_the_teams(error)
                here = [one.record_id for one in due if one.changed_at == since]
                await self._put_off(stream, here, f"Salesloft does not answer: {type(error).__name__}")
                due = [one for one in due if one.changed_at > since]
                calls.made += 1
                continue
            calls.made += max(1, len(found))
            end = None if is_whole else found[-1].position.updated_at
            met = [one for one in due if _is_met(one.changed_at, since, end, read_to)]
            await self._settle_by_instant(stream, reader, cycle, met, found)
            due = [one for one in due if one not in met]

    async def _from(self, reader: StreamReader, since: CursorPosition) -> tuple[list[Batch[Any]], bool]:
        """The page that begins at an instant, or all that one instant fills, and whether nothing follows."""
        found: list[Batch[Any]] = []
        changes = self.client.changes(reader.source, since, where=dict(reader.where), settle=self.settle)
        async with aclosing(cast("AsyncGenerator[Batch[Any]]", changes)) as batches:
            async for batch in batches:
                found.append(batch)
                if batch.position.updated_at > since.updated_at:
                    return found, False
        return found, True

    async def _settle_by_instant(
        self,
        stream: SyncStream,
        reader: StreamReader,
        cycle: int,
        met: Sequence[OwedRecord],
        found: Sequence[Batch[Any]],
    ) -> None:
        page = _page(stream, reader, cycle, found, since=met[0].changed_at)
        reading = self._reading()

        async def settle(connection: Connection, _ledger: Ledger) -> None:
            names = [one.record_id for one in met]
            await owed.settle_due(connection, reading.organization_id, stream, names, reading.noticed_at)

        await self._take_in(page, reading, settle, len(found))

    async def _due(self, stream: SyncStream, *, without_id: bool) -> list[OwedRecord]:
        limit = self.calls * by_ids.AT_A_TIME
        return await self.pages.within(
            lambda connection: owed.due(
                connection,
                self.lease.organization_id,
                stream,
                without_id=without_id,
                limit=limit,
                now=self.clock.now(),
            )
        )

    async def _put_off(self, stream: SyncStream, record_ids: Sequence[str], reason: str) -> None:
        _log.warning("salesloft_owed_records_put_off", stream=stream, records=len(record_ids), reason=reason)
        await self.pages.within(
            lambda connection: owed.put_off(
                connection, self.lease.organization_id, stream, record_ids, reason=reason, now=self.clock.now()
            )
        )

    def _refuse_the_teams(self, error: SalesloftError) -> None:
        if error.retry_class in _OF_THE_TEAM:
            raise error

    def _reading(self) -> Reading:
        return Reading(organization_id=self.lease.organization_id, noticed_at=self.clock.now())

    async def _take_in(self, page: Page, reading: Reading, settle: Move, calls: int) -> None:
        ledger = await self.pages.take_in(page, reading, settle)
        POLL_PAGES.labels(page.stream).inc(calls)
        POLL_ROWS.labels(page.stream).inc(len(page.rows))
        POLL_EMITTED.labels(page.stream).inc(ledger.emitted)


def _is_met(changed_at: datetime, since: datetime, end: datetime | None, read_to: datetime) -> bool:
    """Whether a reading from `since` has come past a record: to an `end` before which it read all, or to its limit."""
    if end is None:
        return changed_at <= read_to
    return changed_at == since or changed_at < end


def _page(
    stream: SyncStream,
    reader: StreamReader,
    cycle: int,
    found: Sequence[Batch[Any]],
    since: datetime | None = None,
) -> Page:
    return Page(
        source=stream,
        stream=stream,
        cycle=cycle,
        rows=[row for batch in found for row in batch.rows],
        unreadable=sum(batch.unreadable for batch in found),
        unreadable_ids=[one for batch in found for one in batch.unreadable_ids],
        since=since,
        apply=reader.apply,
    )

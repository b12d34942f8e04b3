"""Records that a webhook has told of, read by their ids: sooner than the cursor comes to them, and beside it.

No cursor moves. When one comes to the same records, it finds them as old as they are kept, and nothing is told twice.

Who was deleted is nobody's any more, and what the cursors find of them afterwards is told to nobody. So what they did
that no cursor has come to yet is read first; whoever else notices that a person is gone leaves a hint of it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import structlog

from activity.ledger import Ledger
from producers.standstill import Backoff
from producers.streams import by_ids
from producers.streams.by_ids import NotNarrowed
from producers.streams.pages import Move, Page, Pages
from producers.streams.readers import StreamReader
from salesloft_client import Batch, RetryClass, SalesloftClient, SalesloftError, Throttled
from storage import activity_links, sync, webhooks
from storage.pool import Connection, Database
from storage.sync import OrganizationLease, SyncStream
from storage.webhooks import Hint
from telemetry.metrics import POLL_EMITTED, POLL_PAGES, POLL_ROWS
from workflows.activity import Reading
from workflows.checkpoint import close_cycle
from workflows.clock import Clock

__all__ = ["Hinted"]

_log = structlog.get_logger(__name__)

_LEDGER: Final = "webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hinted:
    """Reads one organization's hinted records. `database` is never used while Salesloft is asked."""

    lease: OrganizationLease
    client: SalesloftClient
    database: Database
    pages: Pages
    readers: dict[SyncStream, StreamReader]
    clock: Clock
    backoff: Backoff

    async def read(self) -> None:
        """Read what is hinted, up to a hundred records of each stream; more is left to the next turn.

        Raises Salesloft's errors that concern the whole team, and then the hints wait for a while; and storage's.
        """
        organization_id = self.lease.organization_id
        async with self.database.connection() as connection:
            found = await webhooks.hints(connection, organization_id, limit=by_ids.AT_A_TIME, now=self.clock.now())
        if not found:
            return
        reading = Reading(organization_id=organization_id, noticed_at=self.clock.now())
        cycle = await self.pages.within(
            lambda connection: sync.open_ledger(connection, organization_id, _LEDGER, reading.noticed_at)
        )
        # In the order of a cycle: activity is told to people who are known, in memberships that are known.
        for stream, reader in self.readers.items():
            hinted = [hint for hint in found if hint.stream is stream]
            if hinted:
                await self._read(stream, reader, hinted, reading, cycle)
        await self.pages.within(lambda connection: self._close(connection, cycle))

    async def _read(
        self, stream: SyncStream, reader: StreamReader, hinted: list[Hint], reading: Reading, cycle: int
    ) -> None:
        told_to_be_gone = {hint.record_id for hint in hinted if hint.deleted}
        try:
            batches = await self._fetched(stream, reader, hinted)
            gone = told_to_be_gone - {row.id for batch in batches for row in batch.rows}
            if gone and stream is SyncStream.PEOPLE:
                await self._read_last(gone, reading, cycle)
        except SalesloftError as error:
            if error.retry_class is not RetryClass.PERMANENT:
                await self._put_off(stream, hinted, error)
                raise
            # The stream's own cycle meets the same refusal, and tells of it.
            _log.warning("salesloft_hints_refused", organization_id=reading.organization_id, stream=stream)
            batches, gone = [], told_to_be_gone

        async def settle(connection: Connection, _ledger: Ledger) -> None:
            if gone and reader.forget is not None:
                await reader.forget(connection, reading, gone)
            await webhooks.settle_hints(connection, reading.organization_id, hinted)

        page = Page(
            source=stream,
            stream=_LEDGER,
            cycle=cycle,
            rows=[row for batch in batches for row in batch.rows],
            unreadable=sum(batch.unreadable for batch in batches),
            apply=reader.apply,
        )
        await self._take_in(page, reading, settle, len(batches))

    async def _read_last(self, gone: Collection[int], reading: Reading, cycle: int) -> None:
        """Read what people who were deleted did since the cursors came past; raises Salesloft's errors."""
        async with self.database.connection() as connection:
            people = await activity_links.linked_people(connection, reading.organization_id, gone)
        if not people:
            return
        # Memberships say that their person was deleted, and that ends the link: they come last.
        for stream, reader in reversed(self.readers.items()):
            if reader.by_person is None:
                continue
            state = self.lease.streams.get(stream)
            position = None if state is None else state.position
            batches = await by_ids.fetch_of_people(
                self.client, reader, people, None if position is None else position.at
            )
            page = Page(
                source=stream,
                stream=_LEDGER,
                cycle=cycle,
                rows=[row for batch in batches for row in batch.rows],
                unreadable=sum(batch.unreadable for batch in batches),
                apply=reader.apply,
            )
            await self._take_in(page, reading, _nothing, len(batches))

    async def _take_in(self, page: Page, reading: Reading, settle: Move, calls: int) -> None:
        ledger = await self.pages.take_in(page, reading, settle)
        POLL_PAGES.labels(_LEDGER).inc(calls)
        POLL_ROWS.labels(_LEDGER).inc(len(page.rows))
        POLL_EMITTED.labels(_LEDGER).inc(ledger.emitted)

    async def _fetched(self, stream: SyncStream, reader: StreamReader, hinted: list[Hint]) -> list[Batch[Any]]:
        try:
            return await by_ids.fetch(self.client, stream, reader, {hint.record_id for hint in hinted})
        except NotNarrowed:
            return []

    async def _put_off(self, stream: SyncStream, hinted: list[Hint], error: SalesloftError) -> None:
        pause_s = self.backoff.seconds(1 + max(hint.attempts for hint in hinted), lambda: 0.5)
        until = error.retry_at if isinstance(error, Throttled) else None
        async with self.database.transaction() as connection:
            await webhooks.put_off_hints(
                connection, self.lease.organization_id, list(SyncStream), until=until, pause_s=pause_s
            )
        _log.info("salesloft_hints_put_off", stream=stream, error=repr(error), pause_s=round(pause_s, 2))

    async def _close(self, connection: Connection, cycle: int) -> None:
        await close_cycle(
            connection,
            self.lease.organization_id,
            team_id=self.lease.team_id,
            stream=_LEDGER,
            cycle=cycle,
            watermark=None,
            now=self.clock.now(),
        )


async def _nothing(_connection: Connection, _ledger: Ledger) -> None:
    """No cursor moves."""

"""Records that a webhook has told of, read by their ids: sooner than the cursor comes to them, and beside it.

No cursor moves. When one comes to the same records, it finds them as old as they are kept, and nothing is told twice.
"""

from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import structlog

from producers.standstill import Backoff
from producers.streams.pages import Page, Pages
from producers.streams.readers import StreamReader
from salesloft_client import Batch, CursorPosition, RetryClass, SalesloftClient, SalesloftError, Throttled
from storage import sync, webhooks
from storage.pool import Connection, Database
from storage.sync import OrganizationLease, SyncStream
from storage.webhooks import Hint
from telemetry.metrics import POLL_EMITTED, POLL_PAGES, POLL_ROWS
from workflows.activity import Reading
from workflows.checkpoint import close_cycle
from workflows.clock import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Hinted"]

_log = structlog.get_logger(__name__)

_LEDGER: Final = "webhooks"
_AT_A_TIME: Final = 100
_EVER: Final = CursorPosition(updated_at=datetime(1970, 1, 1, tzinfo=UTC))
# What was told of has just changed: also what is a little ahead of our clock is read.
_SETTLE: Final = timedelta(minutes=-5)


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
            found = await webhooks.hints(connection, organization_id, limit=_AT_A_TIME, now=self.clock.now())
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
        try:
            batches = await self._fetched(stream, reader, hinted)
        except SalesloftError as error:
            if error.retry_class is not RetryClass.PERMANENT:
                await self._put_off(stream, hinted, error)
                raise
            # The stream's own cycle meets the same refusal, and tells of it.
            _log.warning("salesloft_hints_refused", organization_id=reading.organization_id, stream=stream)
            batches = []
        gone = {hint.record_id for hint in hinted if hint.deleted} - {row.id for batch in batches for row in batch.rows}

        async def settle(connection: Connection) -> None:
            if gone and reader.forget is not None:
                await reader.forget(connection, reading, gone)
            await webhooks.settle_hints(connection, reading.organization_id, hinted)

        page = Page(
            stream=_LEDGER,
            cycle=cycle,
            rows=[row for batch in batches for row in batch.rows],
            unreadable=sum(batch.unreadable for batch in batches),
            apply=reader.apply,
        )
        ledger = await self.pages.take_in(page, reading, settle)
        POLL_PAGES.labels(_LEDGER).inc(len(batches))
        POLL_ROWS.labels(_LEDGER).inc(len(page.rows))
        POLL_EMITTED.labels(_LEDGER).inc(ledger.emitted)

    async def _fetched(self, stream: SyncStream, reader: StreamReader, hinted: list[Hint]) -> list[Batch[Any]]:
        asked = {hint.record_id for hint in hinted}
        where: dict[str, Any] = {**reader.where, "ids[]": sorted(asked)}
        changes = self.client.changes(reader.source, _EVER, where=where, settle=_SETTLE)
        found: list[Batch[Any]] = []
        async with aclosing(cast("AsyncGenerator[Batch[Any]]", changes)) as batches:
            async for batch in batches:
                if not asked.issuperset(row.id for row in batch.rows):
                    # Salesloft ignores a filter that it does not know without a word, and answers with everything.
                    _log.error("salesloft_ids_not_filtered", stream=stream)
                    return []
                found.append(batch)
        return found

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

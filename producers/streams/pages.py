"""One page of records, taken in within one transaction that also moves the cursor and the ledger.

What cannot be taken in is kept there as owed, by whichever way it was read, and what was owed and is taken in now is
not any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from activity.ledger import Debt, Ledger, total
from producers.streams.readers import Apply
from salesloft_client.cursor import RecordId
from storage import owed as owed_records
from storage import sync
from storage.errors import ConcurrentChange, RecordRefused, translated
from storage.pool import Connection, Database
from storage.sync import LeaseLost, OrganizationLease, SyncStream
from workflows.activity import Reading, owed, record_name

__all__ = ["Move", "Page", "Pages"]

T = TypeVar("T")

Move = Callable[[Connection, Ledger], Awaitable[None]]
"""Moves, within the caller's transaction, what has to move with a page, whose ledger it is told."""

_ATTEMPTS: Final = 6
_FIRST_PAUSE_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of `source`, and the ledger that counts them: a stream's name and the number of its cycle.

    `unreadable` are records that Salesloft's answer had besides, and that nobody could make sense of; `unreadable_ids`
    name those of them that have an id. Where the page was read by cursor, `since` is the instant from which; read
    otherwise, what is unreadable is left to the cursor, which comes to it as well.
    """

    source: SyncStream
    stream: str
    cycle: int
    rows: Sequence[Any]
    unreadable: int
    apply: Apply
    unreadable_ids: Sequence[RecordId] = ()
    since: datetime | None = None

    def unread(self) -> list[Debt]:
        """What nobody could make sense of, as it is kept."""
        if self.since is None or not self.unreadable:
            return []
        debts = [
            Debt(record_id=str(one), changed_at=self.since, reason="the record cannot be read")
            for one in self.unreadable_ids
        ]
        without_id = self.unreadable - len(debts)
        if without_id:
            reason = f"{without_id} records of the page that begins then have no id that can be read"
            name = owed_records.nameless(self.since)
            debts.append(Debt(record_id=name, changed_at=self.since, reason=reason, units=without_id))
        return debts


class Pages:
    """Takes pages in, under the lease of their organization."""

    def __init__(self, database: Database, lease: OrganizationLease, randomness: Callable[[], float]) -> None:
        self._database = database
        self._lease = lease
        self._randomness = randomness

    async def take_in(self, page: Page, reading: Reading, move: Move) -> Ledger:
        """Take a page in, `move` what has to move with it, and answer its ledger.

        A row that the database refuses is owed, and holds up no other. Raises LeaseLost, ConcurrentChange where the
        transaction lost too often, or StorageUnavailable.
        """
        try:
            return await self.within(lambda connection: self._take_in(connection, page, reading, move, page.apply))
        except RecordRefused:
            one_by_one = _one_by_one(page)
            return await self.within(lambda connection: self._take_in(connection, page, reading, move, one_by_one))

    async def within(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Work in a transaction that is kept only while the organization is ours; begun again where it lost a race."""
        for attempt in range(1, _ATTEMPTS):
            try:
                return await self._once(work)
            except LeaseLost:
                raise
            except ConcurrentChange:
                await asyncio.sleep(_FIRST_PAUSE_S * 2**attempt * self._randomness())
        return await self._once(work)

    async def _once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._database.transaction() as connection:
            await sync.hold(connection, self._lease)
            return await work(connection)

    async def _take_in(
        self,
        connection: Connection,
        page: Page,
        reading: Reading,
        move: Move,
        apply: Apply,
    ) -> Ledger:
        ledger = total([await apply(connection, reading, page.rows), *[Ledger.of_failure(shown=1)] * page.unreadable])
        await self._keep_owed(connection, page, reading, [*ledger.debts, *page.unread()])
        await sync.add_to_ledger(connection, reading.organization_id, page.stream, page.cycle, ledger)
        await move(connection, ledger)
        return ledger

    async def _keep_owed(self, connection: Connection, page: Page, reading: Reading, debts: Sequence[Debt]) -> None:
        organization_id = reading.organization_id
        if debts:
            await owed_records.note(connection, organization_id, page.source, debts, reading.noticed_at)
        taken_in = {record_name(row) for row in page.rows}.difference(debt.record_id for debt in debts)
        if taken_in:
            await owed_records.settle(connection, organization_id, page.source, taken_in)


def _one_by_one(page: Page) -> Apply:
    """The same for each row within a savepoint, so that the refused ones can be told from the rest."""

    async def apply(connection: Connection, reading: Reading, rows: Sequence[Any]) -> Ledger:
        ledger = Ledger()
        for row in rows:
            try:
                with translated():
                    async with connection.transaction():
                        ledger += await page.apply(connection, reading, [row])
            except RecordRefused as error:
                ledger += owed(page.source, row, error)
        return ledger

    return apply

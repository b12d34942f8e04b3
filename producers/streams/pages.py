"""One page of records, taken in within one transaction that also moves the cursor and the ledger."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from activity.ledger import Ledger, total
from producers.streams.readers import Apply
from storage import sync
from storage.errors import ConcurrentChange, RecordRefused, translated
from storage.pool import Connection, Database
from storage.sync import LeaseLost, OrganizationLease
from workflows.activity import Reading, owed

__all__ = ["Page", "Pages"]

T = TypeVar("T")

_ATTEMPTS: Final = 6
_FIRST_PAUSE_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of one stream, and the ledger that counts them: a stream's name and the number of its cycle.

    `unreadable` are records that Salesloft's answer had besides, and that nobody could make sense of.
    """

    stream: str
    cycle: int
    rows: Sequence[Any]
    unreadable: int
    apply: Apply


class Pages:
    """Takes pages in, under the lease of their organization."""

    def __init__(self, database: Database, lease: OrganizationLease, randomness: Callable[[], float]) -> None:
        self._database = database
        self._lease = lease
        self._randomness = randomness

    async def take_in(self, page: Page, reading: Reading, move: Callable[[Connection], Awaitable[None]]) -> Ledger:
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
        move: Callable[[Connection], Awaitable[None]],
        apply: Apply,
    ) -> Ledger:
        ledger = total([await apply(connection, reading, page.rows), *[Ledger.of_failure(shown=1)] * page.unreadable])
        await sync.add_to_ledger(connection, reading.organization_id, page.stream, page.cycle, ledger)
        await move(connection)
        return ledger


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
                ledger += owed(page.stream, row.id, error)
        return ledger

    return apply

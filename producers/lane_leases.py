"""A relay's leases on lanes: renewed in time, shared evenly with the other relays, given back between two rounds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import structlog

from storage import relay
from storage.errors import ConcurrentChange, StorageUnavailable
from storage.pool import Connection, Database

__all__ = ["LaneLeases", "LeaseOptions", "bounded_connection", "bounded_transaction"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseOptions:
    """Times in seconds, of real time. `length` is how long the lanes of a relay that died stay silent."""

    holder: str
    length: float
    renew_every: float
    statement: float


@asynccontextmanager
async def bounded_connection(database: Database, seconds: float) -> AsyncIterator[Connection]:
    """A connection for some statements that take no longer than this together. Raises StorageUnavailable otherwise."""
    try:
        async with asyncio.timeout(seconds), database.connection() as connection:
            yield connection
    except TimeoutError as error:
        raise StorageUnavailable(f"no answer within {seconds} s") from error


@asynccontextmanager
async def bounded_transaction(database: Database, seconds: float) -> AsyncIterator[Connection]:
    """A transaction that takes no longer than this. Raises StorageUnavailable otherwise."""
    try:
        async with asyncio.timeout(seconds), database.transaction() as connection:
            yield connection
    except TimeoutError as error:
        raise StorageUnavailable(f"no answer within {seconds} s") from error


class LaneLeases:
    """What one relay holds. `round` is entered for the length of a round; lanes leave only when none is going on."""

    def __init__(self, database: Database, options: LeaseOptions, on_change: Callable[[frozenset[int]], None]) -> None:
        """`on_change` hears of the lanes that are held from then on; it does not block and does not raise."""
        self._database = database
        self._options = options
        self._on_change = on_change
        self._round = asyncio.Lock()
        self._until = 0.0
        self.lanes: frozenset[int] = frozenset()
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def round(self) -> AsyncIterator[frozenset[int]]:
        """The lanes that stay ours until the block ends, as long as `remaining` is above zero."""
        async with self._round:
            yield self.lanes if self.remaining() > 0 else frozenset()

    def remaining(self) -> float:
        """Seconds for which all leases hold, counted from before the last renewal was asked for: never too many."""
        return self._until - monotonic()

    async def hold(self) -> None:
        """Renew and share until cancelled; a database that is away is asked again."""
        while True:
            try:
                await self._renew()
            except (StorageUnavailable, ConcurrentChange) as error:
                _log.warning("outbox_leases_not_renewed", error=str(error), remaining=round(self.remaining(), 2))
            else:
                self.asked.set()
            await asyncio.sleep(self._options.renew_every)

    async def give_back(self) -> None:
        """Be no longer one of those who share. Called when no round will follow."""
        options = self._options
        self._until = 0.0
        self._assign(frozenset())
        async with bounded_connection(self._database, options.statement) as connection:
            await relay.sign_off(connection, holder=options.holder)

    async def _renew(self) -> None:
        options = self._options
        asked_at = monotonic()
        async with bounded_connection(self._database, options.statement) as connection:
            kept = await relay.renew_lanes(connection, holder=options.holder, lease_seconds=options.length)
            living = sorted({options.holder, *await relay.living_relays(connection)})
        share = relay.fair_share(options.holder, living)
        surplus = set(sorted(kept)[share:])
        if surplus or not self.lanes <= kept:
            # Only what ran out can have been lost. A round that still has such a lane in hand must not take the renewal
            # of the others for its own: the new end is set when that round is over.
            async with self._round:
                self._assign(frozenset(kept - surplus))
        taken: set[int] = set()
        if surplus or len(kept) < share:
            async with bounded_connection(self._database, options.statement) as connection:
                if surplus:
                    await relay.give_lanes_back(connection, holder=options.holder, lanes=surplus)
                if len(kept) < share:
                    taken = await relay.take_lanes(
                        connection, holder=options.holder, wanted=share - len(kept), lease_seconds=options.length
                    )
        self._until = asked_at + options.length
        self._assign(frozenset(kept - surplus | taken))

    def _assign(self, lanes: frozenset[int]) -> None:
        if lanes != self.lanes:
            _log.info("outbox_lanes_changed", lanes=sorted(lanes), holder=self._options.holder)
            self.lanes = lanes
            self._on_change(lanes)

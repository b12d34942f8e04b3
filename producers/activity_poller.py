"""Reads what happened at Salesloft, one organization's streams after another's, and many organizations at a time.

An organization that is due is claimed under a lease, so that it has one reader across all processes. Whoever was
served longest ago goes first, and nobody has longer than a turn: a slow team delays nobody but itself. A team that
fails waits by itself, longer each time; one that is throttled waits for its next minute.

What is due is looked for every second or so, and at once after a hint. Business time may run faster than real time: a
cycle that takes longer than its interval is followed by the next one.
"""

import asyncio
import contextlib
import random
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from producers.standstill import Backoff
from producers.streams.readers import readers
from producers.streams.turn import Turn, TurnOptions, TurnPorts
from salesloft_client import RetryClass, SalesloftError, Throttled
from storage import hints, reconciliations, sync
from storage.errors import ConcurrentChange, StorageError, StorageUnavailable
from storage.pool import Database
from storage.sync import SYNC_CHANNEL, LeaseLost, OrganizationLease
from workflows.activity_people import AddressDigests
from workflows.clock import Clock
from workflows.organization_settings import read_settings
from workflows.session import NotConnected, Session, Sessions

__all__ = ["ActivityPoller", "PollerOptions"]

_log = structlog.get_logger(__name__)

_LISTENED_AGAIN_AFTER_S = 1.0


def _new_holder() -> str:
    return f"{socket.gethostname()}-{secrets.token_hex(6)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PollerOptions:
    """How a poller works. Times in seconds, of real time, but for those of `turn` that say otherwise.

    `address_key` keys the digests of strangers' addresses: with another one, people passed over before are not found by
    later stakeholders. `organizations` are read at a time. `lease_s` is longer than a call and a page's transaction
    together; so long an organization stays unread when its reader dies. Without a hint what is due is looked for every
    `poll_s`, shortened by up to half at random.
    """

    address_key: bytes = field(repr=False)
    holder: str = field(default_factory=_new_holder)
    organizations: int = 16
    lease_s: float = 90.0
    poll_s: float = 1.0
    turn: TurnOptions = field(default_factory=TurnOptions)
    neighbour_backoff: Backoff = field(default_factory=lambda: Backoff(first_seconds=0.1, longest_seconds=5.0))

    def __post_init__(self) -> None:
        if self.lease_s <= 2 * self.turn.call_s:
            raise ValueError("a lease must be longer than a call and a page's transaction")
        if not self.address_key:
            raise ValueError("the key of the address digests is empty")


class ActivityPoller:
    """One poller: `run` works until `stop` is called, then ends its pages, gives its organizations back and returns.

    A database that is away is waited for. `ready` is set once it was asked what is due.
    """

    name = "activity_poller"

    def __init__(
        self,
        database: Database,
        dsn: str,
        sessions: Sessions,
        clock: Clock,
        options: PollerOptions,
        *,
        randomness: Callable[[], float] = random.random,
    ) -> None:
        """`dsn` is for the connection that listens, which is none of the pool's."""
        self.ready = asyncio.Event()
        self._database = database
        self._dsn = dsn
        self._sessions = sessions
        self._clock = clock
        self._options = options
        self._randomness = randomness
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._turns: set[asyncio.Task[None]] = set()
        self._claims = 0
        digests = AddressDigests(options.address_key)
        self._ports = TurnPorts(
            database=database,
            clock=clock,
            readers=readers(digests),
            digests=digests,
            randomness=randomness,
            stopping=self._stopping,
        )

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._hear_hints(), name="activity poller: hear hints")
            await self._poll(tasks)
            listening.cancel()

    async def _poll(self, tasks: asyncio.TaskGroup) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                leases = await self._claim()
            except (StorageUnavailable, ConcurrentChange) as error:
                failures += 1
                seconds = self._options.neighbour_backoff.seconds(failures, self._randomness)
                _log.warning(
                    "activity_poller_waits", error=f"{type(error).__name__}: {error}", seconds=round(seconds, 2)
                )
                await _set_within(self._stopping, seconds)
                continue
            failures = 0
            self.ready.set()
            for lease in leases:
                turn = tasks.create_task(self._turn(lease), name=f"activity poller: {lease.organization_id}")
                self._turns.add(turn)
                turn.add_done_callback(self._turn_ended)
            await _set_within(self._wake, self._options.poll_s * (1 - self._randomness() / 2))

    def _turn_ended(self, turn: asyncio.Task[None]) -> None:
        if len(self._turns) >= self._options.organizations:
            # Somebody may have been waiting for the place.
            self._wake.set()
        self._turns.discard(turn)

    async def _claim(self) -> list[OrganizationLease]:
        places = self._options.organizations - len(self._turns)
        if places <= 0:
            return []
        now = self._clock.now()
        self._claims += 1
        # Each claim is another holder: a turn that has outlived its lease must not pass for this poller's next one.
        holder = f"{self._options.holder}-{self._claims}"
        async with self._database.transaction() as connection:
            await sync.open_streams(connection, now)
            reconcile = self._options.turn.reconcile
            first_at = reconcile.next_night(now)
            await reconciliations.open_all(connection, first_at=first_at, spread=reconcile.spread)
            return await sync.claim(connection, holder=holder, lease_s=self._options.lease_s, limit=places, now=now)

    async def _turn(self, lease: OrganizationLease) -> None:
        """One organization's turn; whatever goes wrong in it is its own."""
        with contextlib.suppress(LeaseLost):
            try:
                await self._read(lease)
            except StorageError as error:
                _log.warning("activity_turn_broken_off", organization_id=lease.organization_id, error=repr(error))
            except Exception:  # noqa: BLE001  # a defect that one team's records show must not stop all the others
                _log.exception("activity_turn_failed", organization_id=lease.organization_id)
                await self._put_off(lease)
        with contextlib.suppress(StorageError):
            async with self._database.transaction() as connection:
                await sync.release(connection, lease)

    async def _read(self, lease: OrganizationLease) -> None:
        try:
            session = await self._sessions.of(lease.organization_id)
        except NotConnected:
            return
        try:
            options = await self._options_of(lease.organization_id)
            await Turn(lease, session.client, self._ports, options).run()
        except Throttled as error:
            async with self._database.transaction() as connection:
                await sync.postpone(connection, lease.organization_id, lease.due, until=error.retry_at)
        except SalesloftError as error:
            await self._failed(lease, session, error)

    async def _options_of(self, organization_id: str) -> TurnOptions:
        """With the interval that the organization has chosen."""
        async with self._database.connection() as connection:
            interval = (await read_settings(connection, organization_id)).settings.poll_interval
        return self._options.turn if interval is None else replace(self._options.turn, interval=interval)

    async def _failed(self, lease: OrganizationLease, session: Session, error: SalesloftError) -> None:
        _log.warning("activity_turn_failed", organization_id=lease.organization_id, error=repr(error))
        if error.retry_class is RetryClass.REAUTHORIZE:
            await self._sessions.rejected(session, type(error).__name__)
        await self._put_off(lease)

    async def _put_off(self, lease: OrganizationLease) -> None:
        failures = 1 + max((state.failures for state in lease.streams.values() if state.due), default=0)
        pause_s = self._options.turn.backoff.seconds(failures, self._randomness)
        with contextlib.suppress(StorageError):
            async with self._database.transaction() as connection:
                await sync.postpone(connection, lease.organization_id, lease.due, pause_s=pause_s, failures=1)

    async def _hear_hints(self) -> None:
        """Be woken by commits. Hints may be lost, and the poll finds what they told of."""
        while True:
            try:
                await hints.hear(self._dsn, SYNC_CHANNEL, self._wake.set)
            except StorageUnavailable as error:
                _log.warning("sync_hints_not_heard", error=str(error))
            await asyncio.sleep(_LISTENED_AGAIN_AFTER_S * (1 - self._randomness() / 2))


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()

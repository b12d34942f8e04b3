"""Timed work: what no event asks for. Business time says what is due, real time how often it is looked at.

Any number of replicas may run these. A duty's transaction begins by taking its turn, and where another replica has it
there is nothing to do.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import structlog

from enrollment.states import Happening
from schemas.topics import ENROLLMENT_DECISION
from schemas.vocabulary import EnrollmentState
from storage import (
    attention,
    connections,
    dead_letters,
    departures,
    directory,
    enrollments,
    evaluations,
    figures,
    holds,
    idempotency,
    relay,
    turns,
    webhooks,
)
from storage.errors import ConcurrentChange, StorageUnavailable
from storage.pool import Connection, Database
from workflows.arbitration import resume
from workflows.attention import AttentionOptions, call_attention
from workflows.audit_chain import seal_entries
from workflows.clock import Clock
from workflows.commands import add_ensure_webhooks, add_refresh_cadences
from workflows.departures import go_on
from workflows.figures import publish_figures
from workflows.mapping_runs import advance_run, advance_runs_apart
from workflows.memory import OrganizationMemory
from workflows.request import decide_again, hold_back_and_decide
from workflows.transitions import Change, transition
from workflows.webhooks import CallbackAddress

__all__ = ["TimerOptions", "Timers"]

_log = structlog.get_logger(__name__)
_DEPARTURES_AT_ONCE = 10
_DAYS_FIGURED_LATE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerOptions:
    """`tick_s` and `prune_every_s` are real seconds between two looks, each shortened by up to half at random.

    Catalogues are read again at `catalogue_age`, and where they are said to have changed after `catalogue_rest`,
    business time; the retentions are real time but for those of commands and attention, which are business time.
    Webhooks are ensured where `callback` says how we are reached, after connecting and each `webhooks_age`, business
    time. `batch`, `prune_batch` and `run_batch` are how much is done in one transaction. What cannot be decided again
    for a fault of ours is put off by `put_off`, business time.
    """

    tick_s: float = 1.0
    prune_every_s: float = 60.0
    batch: int = 200
    prune_batch: int = 5000
    run_batch: int = 50
    put_off: timedelta = timedelta(hours=1)
    catalogue_age: timedelta = timedelta(hours=6)
    catalogue_rest: timedelta = timedelta(minutes=1)
    callback: CallbackAddress | None = None
    webhooks_age: timedelta = timedelta(days=1)
    inbox_retention: timedelta = timedelta(days=21)
    outbox_retention: timedelta = timedelta(days=3)
    command_retention: timedelta = timedelta(days=30)
    key_retention: timedelta = timedelta(days=1)
    attention_retention: timedelta = timedelta(days=180)
    letter_retention: timedelta = timedelta(days=90)
    attention: AttentionOptions = field(default_factory=AttentionOptions)


@dataclass(frozen=True, slots=True)
class _Duty:
    """`work` does one batch in the transaction that it is handed, and answers how much it was.

    `apart` does a batch that failed piece by piece, so that one piece does not hold up the others.
    """

    name: str
    every_s: float
    batch: int
    work: Callable[[Connection, datetime], Awaitable[int]]
    apart: Callable[[datetime], Awaitable[None]] | None = None


class Timers:
    """Does each duty over and over, until `stop` is called. A database that is away is waited for.

    A duty that fails for a fault of ours is logged and tried again in its time; the others go on. `ready` is set when
    each duty has been looked at once.
    """

    name = "timers"

    def __init__(
        self,
        database: Database,
        memory: OrganizationMemory,
        clock: Clock,
        options: TimerOptions | None = None,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` draws from [0, 1)."""
        self.ready = asyncio.Event()
        self._database = database
        self._memory = memory
        self._clock = clock
        self._options = options or TimerOptions()
        self._chance = chance
        self._stopping = asyncio.Event()
        tick_s, prune_s = self._options.tick_s, self._options.prune_every_s
        batch, prune_batch = self._options.batch, self._options.prune_batch
        run_batch = self._options.run_batch
        self._duties = (
            _Duty("expire requests", tick_s, batch, self._expire),
            _Duty("decide deferrals again", tick_s, batch, self._decide_again, self._decide_again_apart),
            _Duty("hold back", tick_s, batch, self._hold_back),
            _Duty("resume", tick_s, batch, self._resume),
            _Duty("run mappings", tick_s, run_batch, self._run_mappings, self._run_mappings_apart),
            _Duty("refresh cadences", tick_s, batch, self._refresh_cadences),
            _Duty("ensure webhooks", tick_s, batch, self._ensure_webhooks),
            _Duty("seal audit", tick_s, batch, self._seal_audit),
            _Duty("carry on departures", tick_s, 1, self._depart),
            _Duty("call attention", prune_s, batch, self._call_attention),
            _Duty("publish figures", prune_s, 1, self._publish_figures),
            _Duty("prune inbox", prune_s, prune_batch, self._prune_inbox),
            _Duty("prune outbox", prune_s, prune_batch, self._prune_outbox),
            _Duty("prune commands", prune_s, prune_batch, self._prune_commands),
            _Duty("prune attention", prune_s, prune_batch, self._prune_attention),
            _Duty("prune dead letters", prune_s, prune_batch, self._prune_letters),
            _Duty("prune idempotency keys", prune_s, prune_batch, self._prune_keys),
        )
        self._unseen = {duty.name for duty in self._duties}

    def stop(self) -> None:
        """Begin no other batch."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped."""
        async with asyncio.TaskGroup() as tasks:
            for duty in self._duties:
                tasks.create_task(self._repeat(duty), name=f"timers: {duty.name}")

    async def _repeat(self, duty: _Duty) -> None:
        while not self._stopping.is_set():
            more = False
            try:
                more = await self._do(duty)
            except (StorageUnavailable, ConcurrentChange) as error:
                _log.warning("duty_put_off", duty=duty.name, error=str(error))
            except Exception:  # noqa: BLE001 - one duty's fault must not end the others
                _log.exception("duty_failed", duty=duty.name)
            self._unseen.discard(duty.name)
            if not self._unseen:
                self.ready.set()
            if not more:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(duty.every_s * (1 - self._chance() / 2)):
                        await self._stopping.wait()

    async def _do(self, duty: _Duty) -> bool:
        """Whether a whole batch was done, so that there may be more."""
        try:
            return await self._once(duty)
        except (StorageUnavailable, ConcurrentChange):
            raise
        except Exception:
            if duty.apart is None:
                raise
            _log.exception("duty_done_apart", duty=duty.name)
            await duty.apart(self._clock.now())
            return False

    async def _once(self, duty: _Duty) -> bool:
        async with self._database.transaction() as connection:
            if not await turns.try_turn(connection, duty.name):
                return False
            return await duty.work(connection, self._clock.now()) >= duty.batch

    async def _expire(self, connection: Connection, now: datetime) -> int:
        found = await enrollments.expirable(
            connection,
            topic=ENROLLMENT_DECISION.name,
            partitions=ENROLLMENT_DECISION.partitions,
            limit=self._options.batch,
        )
        await directory.lock_customers(connection, {customer for customer, _ in found})
        locked = await enrollments.lock(connection, [enrollment_id for _, enrollment_id in found])
        expired = [
            Change(enrollment=enrollment, happening=Happening.EXPIRE)
            for enrollment in locked.values()
            # A decision, or a renewed request, may have come between the look and the lock.
            if enrollment.state is EnrollmentState.REQUESTED and enrollment.expires_at < now
        ]
        await transition(connection, expired, now)
        return len(found)

    async def _decide_again(self, connection: Connection, now: datetime) -> int:
        customers = await evaluations.customers_to_decide_again(connection, now=now, limit=self._options.batch)
        if customers:
            await decide_again(connection, customers, self._memory, now)
        return len(customers)

    async def _decide_again_apart(self, now: datetime) -> None:
        async with self._database.connection() as connection:
            customers = await evaluations.customers_to_decide_again(connection, now=now, limit=self._options.batch)
        for customer in customers:
            try:
                async with self._database.transaction() as connection:
                    await decide_again(connection, [customer], self._memory, now)
            except (StorageUnavailable, ConcurrentChange):
                raise
            except Exception:  # noqa: BLE001 - whatever it is, it is one customer's
                _log.exception("deferral_put_off", organization_id=customer[0], customer_id=customer[1])
                async with self._database.transaction() as connection:
                    await evaluations.put_off(connection, customer, until=now + self._options.put_off)

    async def _hold_back(self, connection: Connection, now: datetime) -> int:
        customers = await holds.customers_to_hold_back(connection, now=now, limit=self._options.batch)
        if customers:
            await hold_back_and_decide(connection, customers, self._memory, now)
        return len(customers)

    async def _resume(self, connection: Connection, now: datetime) -> int:
        return await resume(connection, limit=self._options.batch, now=now)

    async def _run_mappings(self, connection: Connection, now: datetime) -> int:
        """One run a transaction: a page holds many customers."""
        batch = self._options.run_batch
        return batch if await advance_run(connection, self._memory, now, limit=batch) else 0

    async def _run_mappings_apart(self, now: datetime) -> None:
        options = self._options
        await advance_runs_apart(self._database, self._memory, now, limit=options.run_batch, put_off=options.put_off)

    async def _seal_audit(self, connection: Connection, _: datetime) -> int:
        return await seal_entries(connection, limit=self._options.batch)

    async def _refresh_cadences(self, connection: Connection, now: datetime) -> int:
        stale = await connections.stale_catalogues(
            connection,
            before=now - self._options.catalogue_age,
            hinted_before=now - self._options.catalogue_rest,
            limit=self._options.batch,
        )
        for organization_id in stale:
            await webhooks.take_catalogue_hint(connection, organization_id)
            await add_refresh_cadences(connection, organization_id, correlation_id=str(uuid4()), now=now)
        return len(stale)

    async def _ensure_webhooks(self, connection: Connection, now: datetime) -> int:
        if self._options.callback is None:
            return 0
        unensured = await webhooks.unensured(
            connection,
            address=self._options.callback.prefix,
            before=now - self._options.webhooks_age,
            limit=self._options.batch,
        )
        for organization_id in unensured:
            await add_ensure_webhooks(connection, organization_id, correlation_id=str(uuid4()), now=now)
        return len(unensured)

    async def _depart(self, connection: Connection, now: datetime) -> int:
        """A piece of each departure that is under way."""
        people, rows = self._options.batch, self._options.prune_batch
        leaving = await departures.under_way(connection, limit=_DEPARTURES_AT_ONCE)
        done = [await go_on(connection, one, self._memory, now, people=people, rows=rows) for one in leaving]
        return sum(done)

    async def _call_attention(self, connection: Connection, now: datetime) -> int:
        return await call_attention(connection, self._options.attention, now, limit=self._options.batch)

    async def _publish_figures(self, connection: Connection, now: datetime) -> int:
        """Of yesterday, then of the days before in which nobody counted; a day of one organization at a time."""
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        for until in (today - timedelta(days=back) for back in range(_DAYS_FIGURED_LATE)):
            since = until - timedelta(days=1)
            found = await figures.without(connection, since, until, limit=1)
            for organization_id in found:
                await publish_figures(connection, organization_id, since, until, now)
                return 1
        return 0

    async def _prune_inbox(self, connection: Connection, _now: datetime) -> int:
        before = datetime.now(UTC) - self._options.inbox_retention
        return await turns.prune_inbox(connection, recorded_before=before, limit=self._options.prune_batch)

    async def _prune_outbox(self, connection: Connection, _now: datetime) -> int:
        before = datetime.now(UTC) - self._options.outbox_retention
        return await relay.prune(connection, written_before=before, limit=self._options.prune_batch)

    async def _prune_commands(self, connection: Connection, now: datetime) -> int:
        before = now - self._options.command_retention
        return await turns.prune_commands(connection, done_before=before, limit=self._options.prune_batch)

    async def _prune_attention(self, connection: Connection, now: datetime) -> int:
        before = now - self._options.attention_retention
        return await attention.prune(connection, told_before=before, limit=self._options.prune_batch)

    async def _prune_keys(self, connection: Connection, _now: datetime) -> int:
        before = datetime.now(UTC) - self._options.key_retention
        return await idempotency.prune(connection, began_before=before, limit=self._options.prune_batch)

    async def _prune_letters(self, connection: Connection, _now: datetime) -> int:
        before = datetime.now(UTC) - self._options.letter_retention
        return await dead_letters.prune(connection, kept_before=before, limit=self._options.prune_batch)

"""A team's budget shared by all processes, through a ledger that each of them asks once for many calls.

A process leases a slice of the minute for a lane and spends it without asking. When the slice is used up it settles
what it spent and leases the next one; when it falls idle it gives back what is left. Callers wait for the ledger for a
moment at most: while it does not answer they spend a share that is safe if every process does the same.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from aiolimiter import AsyncLimiter

from salesloft_client.budget import (
    BudgetLedger,
    BudgetSettings,
    Grants,
    Lane,
    LedgerUnavailable,
    Need,
    Reservation,
    Settlement,
    minute_of,
    minute_turn,
)
from salesloft_client.clock import BusinessClock
from salesloft_client.hooks import BudgetObserver, NothingObserved
from salesloft_client.minute_budget import throttled, turned

__all__ = ["SharedBudget", "SharingSettings"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingSettings:
    """Real seconds, but for a clock that runs faster: ``settle_s`` then shrinks with its minute.

    ``patience_s`` is how long a call waits for the ledger; ``settle_s`` how long what was spent may go unsettled and
    what is leased lie idle; ``slices`` how many leases a team's whole minute makes.
    """

    patience_s: float = 0.25
    settle_s: float = 3.0
    slices: int = 60


class _Slices:
    """What this process has leased and spent of the team's minute. Synchronous; time is an argument."""

    def __init__(self, settings: BudgetSettings) -> None:
        self._settings = settings
        self.window: datetime | None = None
        self.closed_until: datetime | None = None
        self.processes = settings.share_of
        self._on_its_way = 0
        self._begin(None)

    def _begin(self, window: datetime | None) -> None:
        self.window = window
        self._leased = dict.fromkeys(Lane, 0)
        self._used: set[Lane] = set()
        self._spent = dict.fromkeys(Lane, 0)
        self._released = 0
        self._unseen = 0
        self._own = 0
        self._remaining: int | None = None
        self._remaining_at: datetime | None = None
        self._is_told = True

    def turn(self, window: datetime) -> None:
        """Begin a later minute: leases and what was not settled were the earlier one's."""
        if self.window is None or window > self.window:
            self._begin(window)

    def closed(self, now: datetime) -> datetime | None:
        """Until when nobody may pass, if that is so."""
        return self.closed_until if self.closed_until is not None and now < self.closed_until else None

    def close(self, until: datetime) -> bool:
        """Let nobody pass before ``until``; whether that is news."""
        if self.closed_until is not None and until <= self.closed_until:
            return False
        self.closed_until = until
        return True

    def take(self, cost: int, lane: Lane) -> Reservation | None:
        """A reservation of what is leased; None if a lease has to be asked for."""
        self._used.add(lane)
        if self._remaining is not None and self._remaining - self._on_its_way < cost:
            # Another integration was faster than the ledger knew: what was leased is not there any more.
            self._released += self._leased[lane]
            self._leased[lane] = 0
        if self._leased[lane] < cost:
            return None
        self._leased[lane] -= cost
        self._on_its_way += cost
        return Reservation(cost=cost, lane=lane, window=self.window, leased=cost)

    def take_unleased(self, cost: int, lane: Lane, now: datetime) -> Reservation | datetime:
        """A reservation of this process's share, or when to ask again: the ledger does not answer."""
        settings, own = self._settings, self._own + self._on_its_way + cost
        fits = own <= (settings.limit - settings.reserve(lane)) // max(1, self.processes)
        if self._remaining is not None:
            fits = fits and self._remaining - self._on_its_way - cost >= settings.reserve(lane)
        if not fits:
            return minute_turn(now)
        self._on_its_way += cost
        return Reservation(cost=cost, lane=lane, window=self.window)

    def observed(self, reservation: Reservation, *, cost: int, remaining: int | None, now: datetime) -> None:
        self._on_its_way -= reservation.cost
        if reservation.window != self.window:
            return
        self._own += cost
        self._spent[reservation.lane] += cost
        self._released += reservation.leased
        if remaining is None:
            self._unseen += cost
        else:
            self._remaining, self._remaining_at, self._unseen = remaining, now, 0
            self._is_told = False

    def unused(self, reservation: Reservation) -> None:
        self._on_its_way -= reservation.cost
        if reservation.window == self.window:
            self._leased[reservation.lane] += reservation.leased

    @property
    def is_settled(self) -> bool:
        """Whether the ledger knows everything and nothing is leased."""
        return not any(self._spent.values()) and not self._released and not any(self._leased.values())

    def give_back_idle(self) -> None:
        """Release the leases of lanes that have not been used since this was last asked."""
        for lane in Lane:
            if lane not in self._used:
                self._released += self._leased[lane]
                self._leased[lane] = 0
        self._used.clear()

    def settlement(self, holder: str, needs: dict[Lane, Need], now: datetime) -> Settlement:
        """Everything that the ledger does not know yet, which from now on counts as told."""
        news = Settlement(
            holder=holder,
            now=now,
            window=self.window or minute_of(now),
            spent=self._spent,
            released=self._released,
            unseen=self._unseen,
            remaining=None if self._is_told else self._remaining,
            remaining_at=self._remaining_at,
            closed_until=self.closed(now),
            needs=needs,
        )
        self._spent = dict.fromkeys(Lane, 0)
        self._released = self._unseen = 0
        self._is_told = True
        return news

    def untold(self, news: Settlement) -> None:
        """The ledger did not take it in."""
        if news.window == self.window:
            self._released += news.released
            if self._remaining_at == news.remaining_at:
                self._unseen += news.unseen
            self._is_told = self._remaining is None
            for lane, cost in news.spent.items():
                self._spent[lane] += cost

    def granted(self, grants: Grants) -> None:
        self.turn(grants.window)
        self.processes = grants.processes
        if grants.closed_until is not None:
            self.close(grants.closed_until)
        if grants.window == self.window:
            for lane, grant in grants.lanes.items():
                if isinstance(grant, int):
                    self._leased[lane] += grant
                    # The ledger has heard this process's last word, and perhaps a later one.
                    self._remaining = None


@dataclass(slots=True, kw_only=True)
class SharedBudget:
    """A :class:`TeamBudget` of one team in one process, over the team's ledger. ``holder`` names the process."""

    ledger: BudgetLedger
    holder: str
    clock: BusinessClock = field(default_factory=BusinessClock)
    settings: BudgetSettings = field(default_factory=BudgetSettings)
    sharing: SharingSettings = field(default_factory=SharingSettings)
    observer: BudgetObserver = field(default_factory=NothingObserved)
    _slices: _Slices = field(init=False, repr=False)
    _waiting: dict[Lane, int] = field(init=False, repr=False)
    _denied: dict[Lane, datetime] = field(init=False, repr=False, default_factory=dict)
    _pace: dict[Lane, tuple[float, AsyncLimiter]] = field(init=False, repr=False, default_factory=dict)
    _settling: asyncio.Task[None] | None = field(init=False, repr=False, default=None)
    _timer: asyncio.TimerHandle | None = field(init=False, repr=False, default=None)
    _is_away: bool = field(init=False, repr=False, default=False)
    _away_is_logged: bool = field(init=False, repr=False, default=False)
    _ask_again_at: float = field(init=False, repr=False, default=0.0)

    def __post_init__(self) -> None:
        self._slices = _Slices(self.settings)
        self._waiting = dict.fromkeys(Lane, 0)

    async def acquire(self, *, cost: int, lane: Lane, within_s: float) -> Reservation:
        deadline = asyncio.get_running_loop().time() + within_s
        await self._paced(cost, lane, deadline=deadline)
        while True:
            now = self.clock.now()
            self._slices.turn(minute_of(now))
            answer: Reservation | datetime | None = self._slices.closed(now) or self._slices.take(cost, lane)
            if answer is None:
                answer = await self._leased(cost, lane)
            if isinstance(answer, Reservation):
                self._settle_soon()
                return answer
            if answer is not None:
                self.observer.on_wait(lane=lane.value, reason=self._reason(lane, now))
                await turned(self.clock, answer, within_s=self._left(deadline), lane=lane)

    async def _leased(self, cost: int, lane: Lane) -> Reservation | datetime | None:
        """Ask the ledger; None if the slices may hold enough now."""
        denied = self._denied.get(lane)
        if denied is not None and self.clock.now() < denied:
            return denied
        self._waiting[lane] += cost
        try:
            task = self._settle(f"lease for {lane.value} calls")
            if task is not None and not self._is_away:
                await asyncio.wait({task}, timeout=self.sharing.patience_s)
                # Who comes next need not wait as well; it is heard when the ledger answers again.
                self._is_away = self._is_away or not task.done()
        finally:
            self._waiting[lane] -= cost
        now = self.clock.now()
        self._slices.turn(minute_of(now))
        if (taken := self._slices.closed(now) or self._slices.take(cost, lane)) is not None:
            return taken
        if self._is_away:
            self.observer.on_lease(outcome="unavailable")
            return self._slices.take_unleased(cost, lane, now)
        return None

    def observed(self, reservation: Reservation, *, cost: int, remaining: int | None) -> None:
        now = self.clock.now()
        self._slices.turn(minute_of(now))
        self._slices.observed(reservation, cost=cost, remaining=remaining, now=now)
        self.observer.on_spent(lane=reservation.lane.value, cost=cost, remaining=remaining)
        self._settle_soon()

    def unused(self, reservation: Reservation) -> None:
        self._slices.unused(reservation)

    def exhausted(self, until: datetime) -> None:
        """Also told to the ledger, at once: the other processes must not find out by themselves."""
        if self._slices.close(until):
            self._settle("stop")

    def stopped(self, until: datetime) -> None:
        """Another process got a 429."""
        self._slices.close(until)

    async def close(self) -> None:
        """Give back what is leased and tell what was spent, as far as the ledger answers in a moment."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for _ in range(2):
            self._slices.give_back_idle()
        if (task := self._settle("last")) is not None:
            await asyncio.wait({task}, timeout=self.sharing.patience_s)

    def _reason(self, lane: Lane, now: datetime) -> str:
        if self._slices.closed(now) is not None:
            return "stopped"
        return "reserve" if self.settings.reserve(lane) else "budget"

    @staticmethod
    def _left(deadline: float) -> float:
        return deadline - asyncio.get_running_loop().time()

    async def _paced(self, cost: int, lane: Lane, *, deadline: float) -> None:
        """Wait for the lane's turn at its even pace, of which this process has its part."""
        if lane not in self.settings.paced:
            return
        # A minute of a clock that runs faster is shorter, and has the same share in it.
        rate = self.settings.per_second(lane) * max(1.0, self.clock.speed()) / max(1, self._slices.processes)
        known = self._pace.get(lane)
        if known is None or known[0] != rate:
            burst = max(1, self.settings.burst // max(1, self._slices.processes))
            known = self._pace[lane] = (rate, AsyncLimiter(burst, burst / rate))
        limiter = known[1]
        try:
            async with asyncio.timeout_at(deadline):
                await limiter.acquire(min(cost, limiter.max_rate))
        except TimeoutError as error:
            raise throttled(self.clock, self.clock.now() + timedelta(seconds=1), lane=lane) from error

    def _settle(self, why: str) -> asyncio.Task[None] | None:
        """The task that talks to the ledger, a new one if none runs; None while the ledger is left alone."""
        loop = asyncio.get_running_loop()
        if self._settling is None:
            if self._is_away and loop.time() < self._ask_again_at:
                return None
            self._settling = loop.create_task(self._talk(), name=f"salesloft budget: {why}")
            self._settling.add_done_callback(self._talked)
        return self._settling

    async def _talk(self) -> None:
        now = self.clock.now()
        self._slices.turn(minute_of(now))
        slice_ = max(1, self.settings.limit // self.sharing.slices)
        needs = {
            lane: Need(least=1, wanted=max(slice_, cost))
            for lane, cost in self._waiting.items()
            if cost > 0 and not (lane in self._denied and now < self._denied[lane])
        }
        news = self._slices.settlement(self.holder, needs, now)
        try:
            grants = await self.ledger.settle(news)
        except BaseException:
            self._slices.untold(news)
            raise
        self._slices.granted(grants)
        for lane, answer in grants.lanes.items():
            if isinstance(answer, int):
                self._denied.pop(lane, None)
                self.observer.on_lease(outcome="granted")
            else:
                self._denied[lane] = answer
                self.observer.on_lease(outcome="denied")

    def _talked(self, task: asyncio.Task[None]) -> None:
        self._settling = None
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._is_away = self._away_is_logged = False
            return
        self._is_away = True
        self._ask_again_at = asyncio.get_running_loop().time() + self.sharing.patience_s
        if self._away_is_logged:
            return
        self._away_is_logged = True
        if isinstance(error, LedgerUnavailable):
            _log.warning("salesloft_budget_ledger_away", holder=self.holder, error=str(error))
        else:
            _log.error("salesloft_budget_ledger_failed", holder=self.holder, exc_info=error)

    def _settle_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(
                self.sharing.settle_s / max(1.0, self.clock.speed()), self._settle_now
            )

    def _settle_now(self) -> None:
        self._timer = None
        self._slices.turn(minute_of(self.clock.now()))
        if self._slices.is_settled:
            return
        self._slices.give_back_idle()
        self._settle("settle")
        self._settle_soon()

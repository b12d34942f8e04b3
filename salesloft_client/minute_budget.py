"""A team's minute kept by one process: for a script, or where nothing is shared."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiolimiter import AsyncLimiter

from salesloft_client.budget import BudgetSettings, Lane, Reservation, minute_of, minute_turn
from salesloft_client.clock import BusinessClock
from salesloft_client.errors import Origin, Throttled

__all__ = ["MinuteBudget", "MinuteWindow", "throttled", "turned"]

_ORIGIN = Origin(method="budget", path="")


def throttled(clock: BusinessClock, retry_at: datetime, *, lane: Lane) -> Throttled:
    """Why a lane's call does not pass. Which call it is, the budget does not know."""
    return Throttled(
        f"the team's minute has no room left for {lane.value} calls",
        origin=_ORIGIN,
        retry_at=retry_at,
        retry_after_s=max(0.0, (retry_at - clock.now()).total_seconds()),
    )


async def turned(clock: BusinessClock, instant: datetime, *, within_s: float, lane: Lane) -> None:
    """Wait until ``instant``. Raises ``Throttled``, at once where the wait would not end within ``within_s``."""
    if clock.real_seconds_until(instant) > within_s or not await clock.wait_until(instant, within_s=within_s):
        raise throttled(clock, instant, lane=lane)


class MinuteWindow:
    """One team's clock minute: what may still be spent in it. Synchronous; time is an argument.

    The latest answer's remainder is believed, up or down: other integrations spend too, and Salesloft's minute may turn
    a little before or after ours. Cost that is on its way counts as spent. An answer to a request of an earlier minute
    says nothing about this one.
    """

    def __init__(self, settings: BudgetSettings) -> None:
        self._settings = settings
        self._window: datetime | None = None
        self._left = settings.limit
        self._on_its_way = 0
        self._closed_until: datetime | None = None

    def left(self, now: datetime) -> int:
        """What may be spent by the most urgent lane."""
        self._turn(now)
        return self._left - self._on_its_way

    def reserve(self, *, cost: int, lane: Lane, now: datetime) -> Reservation | datetime:
        """A reservation, or the instant from which to ask again."""
        self._turn(now)
        if self._closed_until is not None and now < self._closed_until:
            return self._closed_until
        if self._left - self._on_its_way - cost < self._settings.reserve(lane):
            return minute_turn(now)
        self._on_its_way += cost
        return Reservation(cost=cost, lane=lane, window=self._window)

    def observed(self, reservation: Reservation, *, cost: int, remaining: int | None) -> None:
        self._on_its_way -= reservation.cost
        if reservation.window == self._window:
            self._left = self._left - cost if remaining is None else remaining

    def unused(self, reservation: Reservation) -> None:
        self._on_its_way -= reservation.cost

    def exhausted(self, until: datetime) -> None:
        if self._closed_until is None or until > self._closed_until:
            self._closed_until = until

    def _turn(self, now: datetime) -> None:
        window = minute_of(now)
        if window != self._window:
            self._window = window
            self._left = self._settings.limit


@dataclass(slots=True)
class MinuteBudget:
    """A :class:`TeamBudget` for one process."""

    clock: BusinessClock = field(default_factory=BusinessClock)
    settings: BudgetSettings = field(default_factory=BudgetSettings)
    _window: MinuteWindow = field(init=False, repr=False)
    _pace: dict[Lane, AsyncLimiter] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._window = MinuteWindow(self.settings)
        self._pace = {lane: self._limiter(lane) for lane in self.settings.paced}

    def _limiter(self, lane: Lane) -> AsyncLimiter:
        return AsyncLimiter(self.settings.burst, self.settings.burst / self.settings.per_second(lane))

    async def acquire(self, *, cost: int, lane: Lane, within_s: float) -> Reservation:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while True:
            now = self.clock.now()
            answer = self._window.reserve(cost=cost, lane=lane, now=now)
            if isinstance(answer, Reservation):
                break
            await turned(self.clock, answer, within_s=deadline - loop.time(), lane=lane)
        if (limiter := self._pace.get(lane)) is not None:
            try:
                # The pace is real time, also under a clock that runs faster: slower than allowed, never faster.
                async with asyncio.timeout_at(deadline):
                    await limiter.acquire(min(cost, self.settings.burst))
            except BaseException as error:
                self._window.unused(answer)
                if isinstance(error, TimeoutError):
                    raise throttled(self.clock, self.clock.now() + timedelta(seconds=1), lane=lane) from error
                raise
        return answer

    def observed(self, reservation: Reservation, *, cost: int, remaining: int | None) -> None:
        self._window.observed(reservation, cost=cost, remaining=remaining)

    def unused(self, reservation: Reservation) -> None:
        self._window.unused(reservation)

    def exhausted(self, until: datetime) -> None:
        self._window.exhausted(until)

"""The team's cost budget: 600 a clock minute, shared with every other integration of the team.

Source: Salesloft docs, rate limits. A request costs 1; a list request beyond page 100 costs 3, 8, 10 or 30. Each
answer says in headers what it took and what is left of the minute. A 429 has no Retry-After, so the minute's turn is
awaited.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from aiolimiter import AsyncLimiter

from salesloft_client.clock import BusinessClock
from salesloft_client.errors import Origin, Throttled

__all__ = [
    "BudgetSettings",
    "Lane",
    "MinuteBudget",
    "MinuteWindow",
    "Reservation",
    "TeamBudget",
    "Unlimited",
    "cost_of_page",
    "minute_turn",
]

MINUTE = timedelta(minutes=1)
# Salesloft's clock and ours differ a little: nobody comes back in the very instant in which our minute turns.
TURN_MARGIN = timedelta(seconds=1)
_ORIGIN = Origin(method="budget", path="")


class Lane(Enum):
    """Who asks, most urgent first: a person who waits, an approved enrollment, the regular poll, a backfill."""

    INTERACTIVE = "interactive"
    ENROLLMENT = "enrollment"
    POLL = "poll"
    BACKFILL = "backfill"


def cost_of_page(page: int) -> int:
    """What a list request for this page costs (Salesloft docs: rate limits)."""
    for last_page, cost in ((100, 1), (150, 3), (250, 8), (500, 10)):
        if page <= last_page:
            return cost
    return 30


def minute_turn(now: datetime) -> datetime:
    """When a minute that is spent at ``now`` has surely turned: the next clock minute and a second."""
    return now.replace(second=0, microsecond=0) + MINUTE + TURN_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Cost set aside for one request that is about to leave, in the minute that starts at ``window``."""

    cost: int
    lane: Lane
    window: datetime | None = None


class TeamBudget(Protocol):
    """Lets a team's requests through. One for each team; shared by all of its callers.

    Each reservation is answered by exactly one of :meth:`observed` and :meth:`unused`; neither may block or raise.
    """

    async def acquire(self, *, cost: int, lane: Lane, within_s: float) -> Reservation:
        """Wait until ``cost`` may be spent, for at most ``within_s`` real seconds; else raise ``Throttled``."""
        ...

    def observed(self, reservation: Reservation, *, cost: int, remaining: int | None) -> None:
        """The request left. Its answer named this cost and remainder; without an answer ``remaining`` is None."""

    def unused(self, reservation: Reservation) -> None:
        """The request never left."""

    def exhausted(self, until: datetime) -> None:
        """Salesloft answered 429: nobody may pass before ``until`` (business time)."""


class Unlimited:
    """A :class:`TeamBudget` that lets everything through, for a test or a script of one caller."""

    async def acquire(self, *, cost: int, lane: Lane, within_s: float) -> Reservation:
        del within_s
        return Reservation(cost=cost, lane=lane)

    def observed(self, reservation: Reservation, *, cost: int, remaining: int | None) -> None:
        del reservation, cost, remaining

    def unused(self, reservation: Reservation) -> None:
        del reservation

    def exhausted(self, until: datetime) -> None:
        del until


# With 600 a minute: 60 approvals of 3 calls each and a person at the page always fit beside a poll and a backfill.
_KEPT = MappingProxyType({Lane.INTERACTIVE: 0.0, Lane.ENROLLMENT: 0.05, Lane.POLL: 0.35, Lane.BACKFILL: 0.5})


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSettings:
    """``limit``: cost a minute. ``kept``: for each lane, the share of the limit that it leaves to the lanes above it.

    ``paced`` lanes spread their share over the minute, in bursts of ``burst``.
    """

    limit: int = 600
    kept: Mapping[Lane, float] = field(default_factory=lambda: _KEPT)
    paced: frozenset[Lane] = frozenset({Lane.POLL, Lane.BACKFILL})
    burst: int = 10


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
        if self._left - self._on_its_way - cost < int(self._settings.kept[lane] * self._settings.limit):
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
        window = now.replace(second=0, microsecond=0)
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
        share = max(1.0, self.settings.limit * (1 - self.settings.kept[lane]))
        return AsyncLimiter(self.settings.burst, self.settings.burst * MINUTE.total_seconds() / share)

    async def acquire(self, *, cost: int, lane: Lane, within_s: float) -> Reservation:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while True:
            now = self.clock.now()
            answer = self._window.reserve(cost=cost, lane=lane, now=now)
            if isinstance(answer, Reservation):
                break
            await self._until(answer, within_s=deadline - loop.time(), lane=lane)
        if (limiter := self._pace.get(lane)) is not None:
            try:
                # The pace is real time, also under a clock that runs faster: slower than allowed, never faster.
                async with asyncio.timeout_at(deadline):
                    await limiter.acquire(min(cost, self.settings.burst))
            except BaseException as error:
                self._window.unused(answer)
                if isinstance(error, TimeoutError):
                    raise self._throttled(self.clock.now() + timedelta(seconds=1), lane=lane) from error
                raise
        return answer

    async def _until(self, instant: datetime, *, within_s: float, lane: Lane) -> None:
        if self.clock.real_seconds_until(instant) > within_s:
            raise self._throttled(instant, lane=lane)
        if not await self.clock.wait_until(instant, within_s=within_s):
            raise self._throttled(instant, lane=lane)

    def _throttled(self, retry_at: datetime, *, lane: Lane) -> Throttled:
        return Throttled(
            f"the team's minute has no room left for {lane.value} calls",
            origin=_ORIGIN,
            retry_at=retry_at,
            retry_after_s=max(0.0, (retry_at - self.clock.now()).total_seconds()),
        )

    def observed(self, reservation: Reservation, *, cost: int, remaining: int | None) -> None:
        self._window.observed(reservation, cost=cost, remaining=remaining)

    def unused(self, reservation: Reservation) -> None:
        self._window.unused(reservation)

    def exhausted(self, until: datetime) -> None:
        self._window.exhausted(until)

"""The team's cost budget: 600 a clock minute, shared with every other integration of the team.

Source: Salesloft docs, rate limits. A request costs 1; a list request beyond page 100 costs 3, 8, 10 or 30. Each
answer says in headers what it took and what is left of the minute. A 429 has no Retry-After, so the minute's turn is
awaited.

Here are the ports and what they speak of. :class:`~salesloft_client.minute_budget.MinuteBudget` keeps the minute of one
process; :class:`~salesloft_client.shared_budget.SharedBudget` shares one among processes by a :class:`BudgetLedger`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Protocol

__all__ = [
    "MINUTE",
    "TURN_MARGIN",
    "BudgetLedger",
    "BudgetSettings",
    "Grants",
    "Lane",
    "LedgerUnavailable",
    "Need",
    "Reservation",
    "Settlement",
    "TeamBudget",
    "Unlimited",
    "cost_of_page",
    "minute_of",
    "minute_turn",
]

MINUTE = timedelta(minutes=1)
# Salesloft's clock and ours differ a little: nobody comes back in the very instant in which our minute turns.
TURN_MARGIN = timedelta(seconds=1)


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


def minute_of(now: datetime) -> datetime:
    """The start of the clock minute that ``now`` is in."""
    return now.replace(second=0, microsecond=0)


def minute_turn(now: datetime) -> datetime:
    """When a minute that is spent at ``now`` has surely turned: the next clock minute and a second.

    In a minute's first second that is its second one: at Salesloft it may still be the minute before.
    """
    return minute_of(now - TURN_MARGIN) + MINUTE + TURN_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Cost set aside for one request that is about to leave, in the minute that starts at ``window``.

    ``leased`` is what of it a ledger has granted.
    """

    cost: int
    lane: Lane
    window: datetime | None = None
    leased: int = 0


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


# With 600 a minute: 60 approvals of 3 calls each and a person at the page always fit beside a poll and a backfill, also
# where several processes hold leases that they have not used up.
_KEPT = MappingProxyType({Lane.INTERACTIVE: 0.0, Lane.ENROLLMENT: 0.05, Lane.POLL: 0.4, Lane.BACKFILL: 0.5})


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSettings:
    """``limit``: cost a minute. ``kept``: for each lane, the share of the limit that it leaves to the lanes above it.

    ``paced`` lanes spread their share over the minute, in bursts of ``burst``. The rest is for a budget that processes
    share: ``margin`` is the share of the limit that nobody takes, for what is not known yet, and ``share_of`` how many
    processes there are taken to be while nobody says.
    """

    limit: int = 600
    kept: Mapping[Lane, float] = field(default_factory=lambda: _KEPT)
    paced: frozenset[Lane] = frozenset({Lane.POLL, Lane.BACKFILL})
    burst: int = 10
    margin: float = 0.02
    share_of: int = 4

    def reserve(self, lane: Lane) -> int:
        """Cost a minute that a lane leaves to the lanes above it."""
        return int(self.kept[lane] * self.limit)

    @property
    def withheld(self) -> int:
        """Cost a minute that nobody takes."""
        return int(self.margin * self.limit)

    def per_second(self, lane: Lane) -> float:
        """A lane's share of the minute, spread evenly."""
        return max(1.0, self.limit * (1 - self.kept[lane])) / MINUTE.total_seconds()


class LedgerUnavailable(Exception):
    """The ledger cannot be asked now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A lane's wish: at least ``least`` (or nothing), ``wanted`` if there is that much."""

    least: int
    wanted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What one process has done in the minute ``window`` since it last said so, and what it asks for at ``now``.

    ``spent`` is cost by lane as Salesloft told it; ``unseen`` is the part of it that ``remaining`` does not show yet.
    ``released`` is leased cost that was spent or is given back. ``remaining`` is Salesloft's last word, heard at
    ``remaining_at``. ``closed_until`` is set by a 429.
    """

    holder: str
    now: datetime
    window: datetime
    spent: Mapping[Lane, int] = field(default_factory=dict)
    released: int = 0
    unseen: int = 0
    remaining: int | None = None
    remaining_at: datetime | None = None
    closed_until: datetime | None = None
    needs: Mapping[Lane, Need] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """The ledger's answer, good in the minute ``window``: for each lane that asked, cost, or when to ask again.

    ``processes`` is how many share the team's minute.
    """

    window: datetime
    lanes: Mapping[Lane, int | datetime]
    processes: int
    closed_until: datetime | None


class BudgetLedger(Protocol):
    """Keeps one team's minute for all of its processes."""

    async def settle(self, settlement: Settlement) -> Grants:
        """Take in what was done and grant what there is room for, in one step that others see whole or not at all.

        Raises ``LedgerUnavailable``; then nothing was taken in, or nobody knows, and what was leased may be lost until
        the minute turns. Called by one task at a time, in a task that is never cancelled. It may be slow: nobody waits
        for it longer than a moment.
        """
        ...

"""A team's minute as all of its processes see it together: the ledger's arithmetic. Synchronous, without I/O.

Whoever keeps the ledger locks its :class:`TeamMinute`, calls :meth:`TeamMinute.settled`, and keeps the one that comes
back. What there is to grant:

* Salesloft's last word on what remains is the truth, for all of the team's integrations spend of it. From it goes what
  was leased and is not settled yet: an answer may have counted it already, so this errs on the safe side.
* The others are taken to go on as they did. An urgent lane leaves what they have taken since the last word, a paced one
  what they will take until the minute turns, though at most half of it: they must not starve the lane.
* What others are taken to spend is a guess, and only a call's answer corrects it. So where nothing of ours is out and
  no word came for a while, one call is granted that the guess would refuse.
* A lane leaves the lanes above it their reserve, as far as they have not spent it yet, and everybody a margin.
* In a minute's first second Salesloft may still be in the minute before: no more is granted than that one had left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Self

from salesloft_client.budget import (
    MINUTE,
    TURN_MARGIN,
    BudgetSettings,
    Grants,
    Lane,
    Need,
    Settlement,
    minute_of,
    minute_turn,
)

__all__ = ["TeamMinute"]

# Before that much of a minute has passed, what others took of it tells no rate.
_TELLING = timedelta(seconds=10)
# Whoever has had no word from Salesloft for that long does not know the minute any more.
_SILENCE = timedelta(seconds=10)
# When to ask again where there may be room before the minute turns.
_SOON = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMinute:
    """The clock minute that begins at ``window``, in business time.

    ``spent`` is settled cost by lane; ``held`` is leased and not settled. ``remaining`` is Salesloft's last word, heard
    at ``remaining_at``. ``others`` is what other integrations have surely spent, ``others_before`` what they took of
    the minute before, both as far as our calls have shown it. ``carried`` is what the minute before had left.
    ``holders`` are the processes that have settled in this minute, ``holders_before`` in the one before.
    """

    window: datetime
    limit: int
    spent: Mapping[Lane, int] = field(default_factory=dict)
    held: int = 0
    remaining: int | None = None
    remaining_at: datetime | None = None
    others: int = 0
    others_before: int = 0
    carried: int | None = None
    closed_until: datetime | None = None
    holders: frozenset[str] = frozenset()
    holders_before: frozenset[str] = frozenset()

    @classmethod
    def beginning(cls, now: datetime, settings: BudgetSettings) -> Self:
        """A team that nobody has called for yet."""
        return cls(window=minute_of(now), limit=settings.limit)

    @property
    def processes(self) -> int:
        """How many share the minute."""
        return max(len(self.holders), len(self.holders_before), 1)

    def at(self, now: datetime, settings: BudgetSettings) -> Self:
        """The minute that ``now`` is in: this one, or a new one."""
        window = minute_of(now)
        if window <= self.window:
            return self
        follows = window == self.window + MINUTE
        return type(self)(
            window=window,
            limit=settings.limit,
            others_before=ceil(self.others_a_second * MINUTE.total_seconds()) if follows else 0,
            carried=max(0, self.unleased) if follows else None,
            closed_until=self.closed_until,
            holders_before=self.holders if follows else frozenset(),
        )

    def left(self, now: datetime) -> int:
        """What the most urgent lane finds, before the margin."""
        left = self.unleased
        if self.carried is not None and now < self.window + TURN_MARGIN:
            left = min(left, self.carried)
        return max(0, left)

    def settled(self, settlement: Settlement, settings: BudgetSettings) -> "tuple[TeamMinute, Grants]":
        """The minute after a process has settled and leased, and what the process is told.

        A settlement of an earlier minute only asks: what it spent was another minute's.
        """
        now = max(settlement.now, settlement.window, self.window)
        minute: TeamMinute = self.at(now, settings)
        minute = replace(
            minute,
            closed_until=_later(minute.closed_until, settlement.closed_until),
            holders=minute.holders | {settlement.holder},
        )
        if settlement.window == minute.window:
            minute = _taken_in(minute, settlement)
        lanes: dict[Lane, int | datetime] = {}
        for lane in Lane:
            if (need := settlement.needs.get(lane)) is not None:
                granted = _granted(minute, lane, need, settings, now)
                if isinstance(granted, int):
                    minute = replace(minute, held=minute.held + granted)
                lanes[lane] = granted
        return minute, Grants(
            window=minute.window, lanes=lanes, processes=minute.processes, closed_until=minute.closed_until
        )

    @property
    def turns_at(self) -> datetime:
        """When the minute ends."""
        return self.window + MINUTE

    @property
    def unleased(self) -> int:
        """What Salesloft has left, without what is leased; below 0 where others were faster."""
        known = self.limit - sum(self.spent.values()) if self.remaining is None else self.remaining
        return known - self.held

    @property
    def others_a_second(self) -> float:
        """How fast other integrations spend, by this minute or the one before, whichever was faster."""
        before = self.others_before / MINUTE.total_seconds()
        if self.remaining_at is None:
            return before
        passed = self.remaining_at - self.window
        telling = passed if passed >= _TELLING else MINUTE
        most = self.limit / MINUTE.total_seconds()
        return max(before, min(most, self.others / telling.total_seconds()))


def _taken_in(minute: TeamMinute, settlement: Settlement) -> TeamMinute:
    remaining, remaining_at = minute.remaining, minute.remaining_at
    told = settlement.remaining_at
    if settlement.remaining is not None and told is not None and (remaining_at is None or told >= remaining_at):
        # A process settles in the order of its answers, so a word older than another's shows nothing more.
        remaining, remaining_at = settlement.remaining, told
    if remaining is not None:
        remaining = max(0, remaining - settlement.unseen)
    taken = replace(
        minute,
        spent={lane: minute.spent.get(lane, 0) + settlement.spent.get(lane, 0) for lane in Lane},
        held=max(0, minute.held - settlement.released),
        remaining=remaining,
        remaining_at=remaining_at,
    )
    if remaining is None or remaining_at is None or remaining_at < minute.window + TURN_MARGIN:
        return taken
    surely = minute.limit - remaining - sum(taken.spent.values()) - taken.held
    return replace(taken, others=max(minute.others, surely))


def _granted(minute: TeamMinute, lane: Lane, need: Need, settings: BudgetSettings, now: datetime) -> int | datetime:
    if minute.closed_until is not None and now < minute.closed_until:
        return minute.closed_until
    withheld = _reserve(minute, lane, settings) + settings.withheld
    left = minute.left(now)
    room = left - _others_to_come(minute, lane, settings, now) - withheld
    if room >= need.least:
        return min(need.wanted, room)
    silent = minute.remaining_at is None or now - minute.remaining_at >= _SILENCE
    if silent and minute.held == 0 and left - withheld >= need.least:
        return need.least
    if minute.carried is not None and now < minute.window + TURN_MARGIN:
        return minute.window + TURN_MARGIN
    turn = minute_turn(now)
    # Leases come back, and what is expected of others may not come.
    return min(now + _SOON, turn) if minute.unleased + minute.held - withheld >= need.least else turn


def _reserve(minute: TeamMinute, lane: Lane, settings: BudgetSettings) -> int:
    """What the lanes above have not spent yet of what is kept for them, and half of it in any case."""
    kept = settings.reserve(lane)
    above = sum(minute.spent.get(other, 0) for other in Lane if settings.reserve(other) < kept)
    return max(kept - above, kept // 2)


def _others_to_come(minute: TeamMinute, lane: Lane, settings: BudgetSettings, now: datetime) -> int:
    seen = minute.remaining_at or minute.window
    until = minute.window + MINUTE if lane in settings.paced else now
    coming = minute.others_a_second * max(0.0, (until - seen).total_seconds())
    return ceil(min(coming, minute.limit / 2) if lane in settings.paced else coming)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((instant for instant in (one, other) if instant is not None), default=None)

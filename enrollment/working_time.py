"""Working time: when people may be contacted, by the clock on their own wall.

Rules speak of local dates and times. Between two changes of a zone's offset the wall clock runs evenly, and there the
next allowed time is plain arithmetic; where the offset changes the rules are asked anew. So an hour that does not
exist is never waited for, and one that comes twice counts twice.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.vocabulary import Reason

__all__ = ["Blackout", "QuietHours", "Weekday", "WorkingTime", "first_moment", "next_allowed", "why_not"]

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)
# No zone changes its offset twice within it.
_LOOK = timedelta(hours=12)


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QuietHours(_Value):
    """From `begins`, included, to `ends`, excluded; over midnight where it ends before it begins."""

    begins: time
    ends: time

    @model_validator(mode="after")
    def _is_a_part_of_the_day(self) -> "QuietHours":
        if self.begins.tzinfo is not None or self.ends.tzinfo is not None:
            raise ValueError("quiet hours are told without a time zone: they are the stakeholder's own")
        if self.begins == self.ends:
            raise ValueError("quiet hours that end where they begin would be the whole day")
        return self


class Blackout(_Value):
    """Days on which nobody is contacted, both included; a year at most."""

    first: date = Field(ge=date(2000, 1, 1), lt=date(2200, 1, 1))
    last: date

    @model_validator(mode="after")
    def _is_in_order(self) -> "Blackout":
        if not timedelta() <= self.last - self.first <= timedelta(days=366):
            raise ValueError("a blackout ends on the day it begins or within a year of it")
        return self


class WorkingTime(_Value):
    """When a cadence may begin, in the stakeholder's time zone; every hour of every day where nothing is said."""

    quiet_hours: QuietHours | None = None
    days: tuple[Weekday, ...] = Field(_WEEKDAYS, min_length=1)
    blackouts: tuple[Blackout, ...] = Field((), max_length=200)


@lru_cache(maxsize=1024)
def first_moment(day: date, zone: tzinfo) -> datetime:
    """When a day begins there: after the gap where midnight falls into one."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def why_not(instant: datetime, rules: WorkingTime, zone: tzinfo) -> Reason | None:
    """Why nobody may be contacted at an instant: a blackout date, or else quiet hours or a day off; None if one may."""
    wall = instant.astimezone(zone).replace(tzinfo=None)
    if _blacked_out(wall.date(), rules):
        return Reason.BLACKOUT
    return None if _next_on_the_wall(wall, rules) == wall else Reason.QUIET_HOURS


def next_allowed(instant: datetime, rules: WorkingTime, zone: tzinfo) -> datetime:
    """The first instant from this one on at which somebody in that zone may be contacted, in UTC."""
    at = instant.astimezone(UTC)
    while True:
        wall = at.astimezone(zone).replace(tzinfo=None, fold=0)
        reached = at + (_next_on_the_wall(wall, rules) - wall)
        changes = _next_change(at, reached, zone)
        if changes is None:
            return reached
        at = changes


def _next_on_the_wall(wall: datetime, rules: WorkingTime) -> datetime:
    """The first allowed time from this one on by a clock that always runs evenly."""
    while True:
        day = wall.date()
        if _WEEKDAYS[day.weekday()] not in rules.days or _blacked_out(day, rules):
            wall = datetime.combine(day + _DAY, time())
            continue
        ends = _quiet_until(wall, rules.quiet_hours)
        if ends is None:
            return wall
        wall = ends


def _blacked_out(day: date, rules: WorkingTime) -> bool:
    return any(blackout.first <= day <= blackout.last for blackout in rules.blackouts)


def _quiet_until(wall: datetime, quiet: QuietHours | None) -> datetime | None:
    if quiet is None:
        return None
    now = wall.time()
    over_midnight = quiet.ends < quiet.begins
    if over_midnight and now >= quiet.begins:
        return datetime.combine(wall.date() + _DAY, quiet.ends)
    begun = over_midnight or quiet.begins <= now
    return datetime.combine(wall.date(), quiet.ends) if begun and now < quiet.ends else None


def _next_change(after: datetime, until: datetime, zone: tzinfo) -> datetime | None:
    """The first instant after one, up to another, at which the zone's offset is no longer what it was."""
    offset = after.astimezone(zone).utcoffset()
    before = after
    while before < until:
        then = min(before + _LOOK, until)
        if then.astimezone(zone).utcoffset() != offset:
            return _change_between(before, then, zone)
        before = then
    return None


def _change_between(before: datetime, then: datetime, zone: tzinfo) -> datetime:
    # Zones change at whole seconds.
    offset = before.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(-(-then.timestamp() // 1))
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)

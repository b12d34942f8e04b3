"""Instants are whole microseconds since 1970 in UTC, so that they compare, sort and add without time-zone objects.

Salesloft writes most timestamps with microseconds in the team's zone and a few (activity histories) with ``Z``.
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "add_business_days",
    "from_datetime",
    "parse",
    "render",
    "render_utc",
    "to_datetime",
    "working_moment",
]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SATURDAY = 5
_DAY_STARTS = 9
_DAY_ENDS = 17


def from_datetime(moment: datetime) -> int:
    """The instant of an aware datetime; a naive one is taken for UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def to_datetime(instant: int, zone: ZoneInfo | None = None) -> datetime:
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone if zone is not None else UTC)


def render(instant: int | None, zone: ZoneInfo) -> str | None:
    """``2026-01-22T01:22:45.587713-05:00``, or None where there is no instant."""
    return None if instant is None else to_datetime(instant, zone).isoformat(timespec="microseconds")


def render_utc(instant: int | None) -> str | None:
    """``2026-01-22T06:22:45.587713Z``, or None where there is no instant."""
    if instant is None:
        return None
    return (_EPOCH + timedelta(microseconds=instant)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> int:
    """The instant of an ISO 8601 text; raises ValueError for anything else."""
    return from_datetime(datetime.fromisoformat(text))


def add_business_days(instant: int, days: int, zone: ZoneInfo) -> int:
    """Midnight in the zone, that many business days after the instant's day; a weekend counts as its Monday."""
    day = to_datetime(instant, zone).date()
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    for _ in range(days):
        day += timedelta(days=1)
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
    return from_datetime(datetime.combine(day, time.min, zone))


def working_moment(instant: int, spread: float, zone: ZoneInfo) -> int:
    """An instant within working hours, not before the given one; spread (0 to 1) says where in the rest of the day."""
    local = to_datetime(instant, zone)
    if local.weekday() >= _SATURDAY or local.hour >= _DAY_ENDS:
        tomorrow = from_datetime(datetime.combine(local.date() + timedelta(days=1), time.min, zone))
        return working_moment(tomorrow, spread, zone)
    opens = from_datetime(datetime.combine(local.date(), time(_DAY_STARTS), zone))
    closes = from_datetime(datetime.combine(local.date(), time(_DAY_ENDS), zone))
    earliest = max(instant, opens)
    return earliest + int((closes - earliest) * spread)

"""Days and spans of time in English, relative to the caller's now. A phrase is read whole or not at all.

Where a phrase has two readings ("next Friday" on a Wednesday, "3/4") both are given, and somebody has to be asked. A
year that is not said is the next in which the day is still to come, or for what lies behind the last in which it was.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

__all__ = ["SPAN", "ahead", "behind", "number_of", "span_end"]

_MONTHS: Final = {
    name: number
    for number in range(1, 13)
    for name in (calendar.month_name[number].casefold(), calendar.month_abbr[number].casefold())
} | {"sept": 9}
_DAYS: Final = {
    name: number
    for number in range(7)
    for name in (calendar.day_name[number].casefold(), calendar.day_abbr[number].casefold())
} | {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
_NUMBERS: Final = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "  # noqa: SIM905
        "eighteen nineteen twenty".split(),
        start=1,
    )
} | {"a": 1, "an": 1, "thirty": 30, "sixty": 60, "ninety": 90, "forty-five": 45}
_ORDINALS: Final = {
    word: number
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(),  # noqa: SIM905
        start=1,
    )
}
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY: Final = "|".join(sorted(_DAYS, key=len, reverse=True))
_COUNT: Final = r"(?:\d{1,3}|" + "|".join(_NUMBERS) + r"|a couple(?: of)?|couple(?: of)?)"
SPAN: Final = (
    rf"(?:(?:another |the next )?{_COUNT}(?: more| full)? (?:day|week|fortnight|month|quarter|year)s?"
    r"|the (?:next|coming) (?:week|month|quarter|year))"
)
"""A pattern of a span of time, such as "two weeks"."""
_NTH: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"

Reader = Callable[[re.Match[str], date], Iterator[date]]


@dataclass(frozen=True, slots=True)
class _Phrase:
    pattern: re.Pattern[str]
    read: Reader


def number_of(word: str) -> int | None:
    """The number that a word says: 3, "3rd", "three", "third"."""
    digits = re.fullmatch(r"(\d{1,3})(?:st|nd|rd|th)?", word)
    return int(digits[1]) if digits else _NUMBERS.get(word, _ORDINALS.get(word))


def span_end(phrase: str, today: date) -> date | None:
    """The day on which a span that begins today is over: "two weeks" is today in two weeks."""
    found = re.fullmatch(
        rf"(?:for )?(?:another |the next )?(?P<count>{_COUNT})(?: more| full)? "
        r"(?P<unit>day|week|fortnight|month|quarter|year)s?",
        phrase,
    )
    if found is None:
        whole = re.fullmatch(r"(?:for )?the (?:next|coming) (week|month|quarter|year)", phrase)
        return None if whole is None else _later(today, 1, whole[1])
    count = 2 if "couple" in found["count"] else number_of(found["count"]) or 0
    return _later(today, count, found["unit"])


def ahead(phrase: str, now: datetime) -> tuple[date, ...]:
    """The days that a phrase may mean, seen from now; the earliest first, none where it says no day.

    A period's end ("the end of the month") is the first day after it, for what ends then may go on that day.
    """
    today, read = now.date(), re.sub(r"^(?:about|around|at least|on) |,", "", phrase).strip()
    for one in _AHEAD:
        found = one.pattern.fullmatch(read)
        if found is not None:
            return tuple(sorted(set(one.read(found, today))))
    end = span_end(re.sub(r"^in ", "", read), today) if read.startswith("in ") else _from_now(read, today)
    return () if end is None else (end,)


def behind(phrase: str, now: datetime) -> date | None:
    """The first day of a period that lies behind or has begun: "last 30 days", "this week", "yesterday"."""
    today, read = now.date(), re.sub(r"^(?:in|over|for|during|within|from) ", "", phrase)
    read = re.sub(r"^the ", "", read)
    begun = re.fullmatch(r"(?:this|so far this) (week|month|quarter|year)", read)
    if begun is not None:
        return _beginning(today, begun[1])
    if read in {"today", "yesterday"}:
        return today - timedelta(days=int(read == "yesterday"))
    back = re.fullmatch(
        rf"(?:last|past|previous|recent) (?:(?P<count>{_COUNT}) )?(?P<unit>day|week|fortnight|month|quarter|year)s?",
        read,
    )
    if back is not None:
        said = back["count"]
        count = 1 if said is None else 2 if "couple" in said else number_of(said) or 0
        return _later(today, -count, back["unit"])
    return _since(re.sub(r"^since (?:last )?", "", read), today) if read.startswith("since ") else None


def _since(read: str, today: date) -> date | None:
    if read in _DAYS:
        return today - timedelta(days=(today.weekday() - _DAYS[read]) % 7 or 7)
    if read == "yesterday":
        return today - timedelta(days=1)
    for one in _AHEAD:
        found = one.pattern.fullmatch(read)
        days = list(one.read(found, today)) if found is not None else []
        if days:
            return days[0] if days[0] <= today else _later(days[0], -1, "year") if len(days) == 1 else None
    return None


def _from_now(read: str, today: date) -> date | None:
    found = re.fullmatch(r"(.+) (?:from now|from today)", read)
    return None if found is None else span_end(found[1], today)


def _later(day: date, count: int, unit: str) -> date | None:
    """So many units later, the month's last day where it has no such one; None outside of the calendar."""
    months = count * {"month": 1, "quarter": 3, "year": 12}.get(unit, 0)
    days = count * {"day": 1, "week": 7, "fortnight": 14}.get(unit, 0)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(day.day, last)) + timedelta(days=days)
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        return None


def _beginning(today: date, unit: str) -> date:
    if unit == "week":
        return today - timedelta(days=today.weekday())
    month = {"month": today.month, "quarter": today.month - (today.month - 1) % 3, "year": 1}[unit]
    return date(today.year, month, 1)


def _after(today: date, unit: str, count: int = 1) -> Iterator[date]:
    end = _later(_beginning(today, unit), count, unit)
    if end is not None:
        yield end


def _dated(year: int | None, month: int, day: int, today: date) -> Iterator[date]:
    """That day, of the next year in which it exists and is still to come where no year is said."""
    if year is not None and year < 100:
        year += 2000
    for candidate in (year,) if year is not None else range(today.year, today.year + 9):
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year is not None or found > today:
            yield found
            return


def _month_and_day(found: re.Match[str], today: date) -> Iterator[date]:
    year = found.groupdict().get("year")
    yield from _dated(int(year) if year else None, _MONTHS[found["month"]], int(found["day"]), today)


def _day_of_month(found: re.Match[str], today: date) -> Iterator[date]:
    """Of "the 15th": of this month if it is to come, else of the first month that has it."""
    for ahead_by in range(13):
        month = _later(today.replace(day=1), ahead_by, "month")
        days = list(_dated(month.year, month.month, int(found["day"]), today)) if month is not None else []
        if days and days[0] > today:
            yield days[0]
            return


def _numeric(found: re.Match[str], today: date) -> Iterator[date]:
    """Day and month, or month and day, where both are possible and differ: both."""
    year = int(found["year"]) if found["year"] else None
    first, second = int(found["first"]), int(found["second"])
    yield from _dated(year, second, first, today) if second <= 12 else ()
    if found["sign"] != ".":
        yield from _dated(year, first, second, today) if first <= 12 else ()


def _weekday(found: re.Match[str], today: date) -> Iterator[date]:
    coming = today + timedelta(days=(_DAYS[found["weekday"]] - today.weekday()) % 7 or 7)
    is_of_this_week = coming.isocalendar()[:2] == today.isocalendar()[:2]
    if found["which"] == "next ":
        # Who says "next Friday" on a Wednesday may mean either; on a Saturday only one.
        yield coming
        if is_of_this_week:
            yield coming + timedelta(days=7)
    else:
        yield coming


def _weekday_after_next(found: re.Match[str], today: date) -> Iterator[date]:
    monday = _beginning(today, "week") + timedelta(days=7 * (2 if found["after"] else 1))
    yield monday + timedelta(days=_DAYS[found["weekday"]])


def _named_month(found: re.Match[str], today: date) -> Iterator[date]:
    year = int(found["year"]) if found["year"] else None
    part = {"early ": 1, "mid-": 15, "mid ": 15, "late ": 20}.get(found["part"] or "", 1)
    yield from _dated(year, _MONTHS[found["month"]], part, today)


def _end_of_named_month(found: re.Match[str], today: date) -> Iterator[date]:
    month, year = _MONTHS[found["month"]], int(found["year"]) if found["year"] else None
    if year is None and month == today.month:
        yield from _after(today, "month")
        return
    for first in _dated(year, month, 1, today):
        yield from _after(first, "month")


def _quarter(found: re.Match[str], today: date) -> Iterator[date]:
    year = int(found["year"]) if found["year"] else None
    yield from _dated(year, int(found["quarter"]) * 3 - 2, 1, today)


_AHEAD: Final = tuple(
    _Phrase(re.compile(pattern), read)
    for pattern, read in (
        (r"tomorrow(?: morning)?", lambda _, today: iter((today + timedelta(days=1),))),
        (r"(?:the )?day after tomorrow", lambda _, today: iter((today + timedelta(days=2),))),
        (rf"(?P<which>next |this |this coming |the coming |coming |the )?(?P<weekday>{_DAY})", _weekday),
        (rf"(?P<weekday>{_DAY}) (?P<after>after )?next(?: week)?", _weekday_after_next),
        (rf"next week(?P<after>)? (?:on )?(?P<weekday>{_DAY})", _weekday_after_next),
        (rf"(?:(?:{_DAY}) )?(?:the )?{_NTH}(?: of)? (?P<month>{_MONTH})(?: (?P<year>\d{{4}}))?", _month_and_day),
        (rf"(?:(?:{_DAY}) )?(?P<month>{_MONTH}) (?:the )?{_NTH}(?: (?P<year>\d{{4}}))?", _month_and_day),
        (r"(?:the )?(?P<day>\d{1,2})(?:st|nd|rd|th)(?: of the month)?", _day_of_month),
        (r"(?P<year>\d{4})-(?P<month_>\d{1,2})-(?P<day>\d{1,2})",
         lambda found, today: _dated(int(found["year"]), int(found["month_"]), int(found["day"]), today)),
        (r"(?P<first>\d{1,2})(?P<sign>[./])(?P<second>\d{1,2})(?:(?P=sign)(?P<year>\d{4}|\d\d)?)?", _numeric),
        (r"(?:the |beginning of |start of |the start of |the beginning of )?next (?P<unit>week|month|quarter|year)",
         lambda found, today: _after(today, found["unit"])),
        (r"(?:the )?(?:end|rest|remainder) of (?:the |this )?(?P<unit>week|month|quarter|year)",
         lambda found, today: _after(today, found["unit"])),
        (r"(?P<unit>week|month|quarter|year)(?:'s)?[ -]end", lambda found, today: _after(today, found["unit"])),
        (r"(?:the )?end of next (?P<unit>week|month|quarter|year)",
         lambda found, today: _after(today, found["unit"], 2)),
        (rf"(?:the )?end of (?P<month>{_MONTH})(?: (?P<year>\d{{4}}))?", _end_of_named_month),
        (rf"(?P<part>early |mid-|mid |late )?(?P<month>{_MONTH})(?: (?P<year>\d{{4}}))?", _named_month),
        (r"(?:the )?(?:new year(?: 's)?(?: day)?|next year)", lambda _, today: _dated(None, 1, 1, today)),
        (r"q(?P<quarter>[1-4])(?: (?P<year>\d{4}))?", _quarter),
        (r"after christmas", lambda _, today: _dated(None, 12, 26, today)),
        (r"christmas", lambda _, today: _dated(None, 12, 25, today)),
    )
)  # fmt: skip

"""Reading what has changed, by ``updated_at``, without a gap and without reading twice.

Salesloft's own guide reads ``updated_at[gt]`` ascending and turns pages. That loses rows that share a timestamp across
a page's end, rows behind one that changes (and so moves to the end) while pages are turned, and rows whose transaction
commits after later ones were read. Here instead:

* Rows are read ascending from ``updated_at[gte]`` of the last row seen, always from page 1, and those seen at that
  instant are dropped by id. One answer is one consistent view, so there is nothing between its rows.
* Reading stops ``settle`` before now. What may still be committed late is ahead of that, and will be read in its place.
  Below it rows only leave: a row that changes gets a later ``updated_at``, a deleted one is gone.
* Pages are turned only where a whole page has one timestamp. A row that leaves in the middle would pull an unread one
  onto a page that was read, so such a run of pages is read again until two readings agree: had the first of the two
  missed a row, the row that left would be missing from the second.
* No page beyond the hundredth is read, for its cost (Salesloft docs: rate limits). More rows than that at a single
  microsecond is :class:`~salesloft_client.errors.CursorStuck`.

:class:`ChangeCursor` is that as a state machine without I/O: it says what to ask and is fed the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, Self, TypeVar

import orjson

from salesloft_client.errors import CursorStuck, MalformedResponse, Origin

__all__ = [
    "DEEPEST_PAGE",
    "Batch",
    "ChangeCursor",
    "Changed",
    "CursorPosition",
    "CursorSettings",
    "PageRequest",
    "RecordId",
    "timestamp",
]

DEEPEST_PAGE = 100
"""The last page of a list that costs as much as the first."""
RecordId = int | str
_MICROSECOND = timedelta(microseconds=1)


class Changed(Protocol):
    """What a cursor needs of a row."""

    @property
    def id(self) -> RecordId: ...

    @property
    def updated_at(self) -> datetime: ...


R = TypeVar("R", bound=Changed)


def timestamp(instant: datetime) -> str:
    """``instant`` as Salesloft compares it: UTC with microseconds. Fewer digits have returned wrong rows."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorPosition:
    """How far a stream has been read: everything before ``updated_at``, and at that instant the rows ``seen``."""

    updated_at: datetime
    seen: frozenset[RecordId] = frozenset()

    def to_json(self) -> bytes:
        """For keeping; ids keep their type."""
        return orjson.dumps({"updated_at": timestamp(self.updated_at), "seen": sorted(self.seen, key=str)})

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """What :meth:`to_json` made. Raises ``ValueError`` for anything else."""
        try:
            kept = orjson.loads(text)
            return cls(updated_at=datetime.fromisoformat(kept["updated_at"]), seen=frozenset(kept["seen"]))
        except (KeyError, TypeError) as error:
            raise ValueError("not a cursor position") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorSettings:
    """``per_page``: 1 to 100. ``most_readings``: of one run of pages, before it is given up as not holding still."""

    per_page: int = 100
    deepest_page: int = DEEPEST_PAGE
    most_readings: int = 20

    def __post_init__(self) -> None:
        if not 1 <= self.per_page <= 100:
            raise ValueError("per_page is between 1 and 100: Salesloft clamps it silently")
        if not 1 <= self.deepest_page <= DEEPEST_PAGE:
            raise ValueError(f"deepest_page is between 1 and {DEEPEST_PAGE}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """What to ask next."""

    updated_from: datetime
    updated_to: datetime
    page: int
    per_page: int

    def query(self) -> tuple[tuple[str, str], ...]:
        """Sorting is always sent: activity histories would sort by ``occurred_at``."""
        return (
            ("updated_at[gte]", timestamp(self.updated_from)),
            ("updated_at[lte]", timestamp(self.updated_to)),
            ("sort_by", "updated_at"),
            ("sort_direction", "ASC"),
            ("per_page", str(self.per_page)),
            ("page", str(self.page)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Generic[R]):
    """Rows not seen before, oldest first, and the position to keep together with what is made of them.

    ``unreadable`` records of the page are among neither; ``unreadable_ids`` are those of them that can be named.
    """

    rows: tuple[R, ...]
    position: CursorPosition
    unreadable: int = 0
    unreadable_ids: tuple[RecordId, ...] = ()


@dataclass(slots=True)
class _Run:
    """Pages that are filled with one timestamp: the ids of the present reading and of the one before."""

    reading: set[RecordId] = field(default_factory=set)
    before: set[RecordId] | None = None
    page: int = 1
    readings: int = 1
    repeated: bool = False


class ChangeCursor(Generic[R]):
    """One pass from ``position`` to ``read_to``. Ask :attr:`request`, :meth:`feed` the answer, until it is None."""

    def __init__(
        self,
        position: CursorPosition,
        *,
        read_to: datetime,
        origin: Origin,
        settings: CursorSettings | None = None,
    ) -> None:
        self.position = position
        self._read_to = read_to
        self._origin = origin
        self._settings = settings or CursorSettings()
        self._run: _Run | None = None
        self._done = position.updated_at > read_to

    @property
    def request(self) -> PageRequest | None:
        """What to ask next, the same until it is fed; None once everything up to ``read_to`` has been read."""
        if self._done:
            return None
        return PageRequest(
            updated_from=self.position.updated_at,
            updated_to=self._read_to,
            page=1 if self._run is None else self._run.page,
            per_page=self._settings.per_page,
        )

    def feed(self, rows: Sequence[R], *, has_more: bool) -> Batch[R]:
        """Take the answer to :attr:`request`. ``has_more``: Salesloft names a next page.

        Raises ``MalformedResponse`` if the rows are not in the order that was asked for, and ``CursorStuck``.
        """
        self._check_order(rows)
        # Salesloft ignores a filter that it does not know without a word, so the limit is kept here as well.
        settled = [row for row in rows if row.updated_at <= self._read_to]
        has_more = has_more and len(settled) == len(rows)
        start = self.position.updated_at
        if self._run is None and (not has_more or (settled and settled[-1].updated_at > start)):
            return self._advance(settled, has_more=has_more)
        return self._turn_page(settled, has_more=has_more)

    def _check_order(self, rows: Sequence[R]) -> None:
        floor = self.position.updated_at
        for row in rows:
            if row.updated_at < floor:
                raise MalformedResponse("rows are not in the order asked for", origin=self._origin)
            floor = row.updated_at

    def _advance(self, rows: Sequence[R], *, has_more: bool) -> Batch[R]:
        """A page that reaches beyond its first instant, or the last one: the common case."""
        fresh = self._fresh(rows)
        self._done = not has_more
        if rows:
            last = rows[-1].updated_at
            seen = frozenset(row.id for row in rows if row.updated_at == last)
            self.position = CursorPosition(updated_at=last, seen=seen)
        return Batch(rows=fresh, position=self.position)

    def _turn_page(self, rows: Sequence[R], *, has_more: bool) -> Batch[R]:
        """A page within a run of one timestamp; rows beyond it are left to the reading that follows the run."""
        instant = self.position.updated_at
        run = self._run = self._run or _Run()
        tied = [row for row in rows if row.updated_at == instant]
        ids = {row.id for row in tied}
        run.repeated = run.repeated or len(ids) < len(tied) or not run.reading.isdisjoint(ids)
        run.reading |= ids
        fresh = self._fresh(tied)
        self.position = CursorPosition(updated_at=instant, seen=self.position.seen | ids)
        if has_more and len(tied) == len(rows):
            run.page += 1
            if run.page > self._settings.deepest_page:
                raise CursorStuck(
                    f"more rows at {timestamp(instant)} than {self._settings.deepest_page} pages hold",
                    origin=self._origin,
                    instant=instant,
                )
        else:
            self._end_reading(run, instant)
        return Batch(rows=fresh, position=self.position)

    def _end_reading(self, run: _Run, instant: datetime) -> None:
        # A row on two pages of one reading means that rows of one timestamp have no fixed order: others may be on none.
        if run.before == run.reading and not run.repeated:
            self._run = None
            self.position = CursorPosition(updated_at=instant + _MICROSECOND)
            self._done = self.position.updated_at > self._read_to
            return
        if run.readings == self._settings.most_readings:
            raise CursorStuck(
                f"the rows at {timestamp(instant)} differed in {run.readings} readings",
                origin=self._origin,
                instant=instant,
            )
        self._run = _Run(before=run.reading, readings=run.readings + 1)

    def _fresh(self, rows: Sequence[R]) -> tuple[R, ...]:
        start = self.position
        fresh: dict[RecordId, R] = {}
        for row in rows:
            if row.updated_at != start.updated_at or row.id not in start.seen:
                fresh[row.id] = row
        return tuple(fresh.values())

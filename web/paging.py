"""Long answers, a page at a time: an opaque cursor says behind what the next page begins, however much came in between.

A cursor names the last row that was told, not a count of rows, so nothing is told twice or passed over for what is
added meanwhile. It is good for the question that it was given for, and refused with another one: whom it is asked for
and by which filters is part of it. It is no secret and grants nothing, for what a caller may see is asked of the
caller's token.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Query

from schemas.fields import format_instant
from web.problems import Problem

__all__ = ["LARGEST_PAGE", "Paging", "paging"]

LARGEST_PAGE = 200
_DEFAULT_PAGE = 50
_READERS: dict[type, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    UUID: UUID,
    str: str,
    int: int,
}
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page a caller asks for. `limit` is how many rows it has at most."""

    limit: int
    cursor: str | None

    def after(self, question: Sequence[object], *kinds: type) -> tuple[Any, ...]:
        """The place that the page begins behind, a value of each kind; all None for the first page.

        `question` is what else was asked. Raises Problem, 400, for a cursor that was not given for it.
        """
        if self.cursor is None:
            return (None,) * len(kinds)
        try:
            asked, *values = orjson.loads(urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)))
            place = tuple(_READERS[kind](value) for kind, value in zip(kinds, values, strict=True))
        except (ValueError, TypeError, AttributeError):
            raise _refused("it is none that was given") from None
        if asked != _digest(question):
            raise _refused("it was given for other filters, or to somebody else")
        return place

    def cut(
        self, question: Sequence[object], rows: Sequence[R], place: Callable[[R], Sequence[object]]
    ) -> tuple[list[R], str | None]:
        """The page of rows of which one more than `limit` was asked for, and the cursor of the next page."""
        page = list(rows[: self.limit])
        if len(rows) <= self.limit:
            return page, None
        told = orjson.dumps([_digest(question), *map(_spelt, place(page[-1]))])
        return page, urlsafe_b64encode(told).decode().rstrip("=")


async def paging(
    limit: Annotated[
        int, Query(ge=1, le=LARGEST_PAGE, description="How many rows a page has at most.")
    ] = _DEFAULT_PAGE,
    cursor: Annotated[
        str | None, Query(max_length=2000, description="`next_cursor` of the page before, with the same filters.")
    ] = None,
) -> Paging:
    """A dependency: which page is asked for."""
    return Paging(limit, cursor)


def _digest(question: Sequence[object]) -> str:
    return sha256(orjson.dumps(list(question), default=str)).hexdigest()[:16]


def _spelt(value: object) -> str | int:
    if isinstance(value, datetime):
        return format_instant(value)
    return value if isinstance(value, int) else str(value)


def _refused(why: str) -> Problem:
    return Problem(400, "cursor_refused", f"The cursor cannot be used: {why}. Begin again without one.")

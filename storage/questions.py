"""What one answer rests on, asked in one round trip.

A round trip takes the API and Postgres longer than finding a row does. So several questions are asked as one statement,
in which each is a column: the list of its rows. Such a list says with each value what kind it is of, which for fifty
rows of many columns takes as long as the round trip does: those are asked for alone.
"""

import re
from dataclasses import fields
from functools import lru_cache
from typing import Any, Generic, TypeVar

from storage.pool import Connection
from storage.rows import made_by_place, rows_as

__all__ = ["Question", "answer"]

T = TypeVar("T")

_PLACE = re.compile(r"\$(\d+)")


class Question(Generic[T]):
    """A query with its values, and the dataclass that its rows are made into: see `rows_as`.

    Its `rows` are there once `answer` has asked it.
    """

    __slots__ = ("kind", "rows", "text", "values")

    rows: list[T]

    def __init__(self, kind: type[T], query: Any, **values: Any) -> None:
        self.kind = kind
        self.text, *self.values = query.asked(values)

    async def asked_of(self, connection: Connection) -> list[T]:
        """Its rows, asked for alone."""
        return rows_as(self.kind, await connection.fetch(self.text, *self.values))


async def answer(connection: Connection, *questions: Question[Any]) -> None:
    """Ask some questions at once, which see one state of the database whatever the transaction does."""
    text = _together(*[(question.kind, question.text, len(question.values)) for question in questions])
    answers = await connection.fetchrow(text, *[value for question in questions for value in question.values])
    for question, rows in zip(questions, answers or (), strict=True):
        question.rows = made_by_place(question.kind, rows)


@lru_cache(maxsize=512)
def _together(*parts: tuple[type[Any], str, int]) -> str:
    """One statement of several, each with its columns in the order of its fields, and so many values."""
    columns: list[str] = []
    before = 0
    for kind, text, values in parts:
        columns.append(_as_a_column(kind, text, before))
        before += values
    return f"SELECT {', '.join(columns)}"


def _as_a_column(kind: Any, text: str, before: int) -> str:
    row = ", ".join(f'a."{field.name}"' for field in fields(kind))
    numbered = _PLACE.sub(lambda place: f"${int(place[1]) + before}", text)
    return f"ARRAY(SELECT ROW({row}) FROM (\n{numbered}\n) AS a)"  # noqa: S608  # our own queries and fields

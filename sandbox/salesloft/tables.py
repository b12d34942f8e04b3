"""Rows of one resource of one team, found by id and kept in the order of their `updated_at`."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from random import Random
from typing import Generic, Literal, Protocol, TypeVar

__all__ = ["Change", "Stored", "Table"]

Change = Literal["created", "updated", "deleted", "completed"]

Key = TypeVar("Key", int, str)


class Stored(Protocol):
    """What a table needs of a row. `rendered` is the row's JSON until the row changes again."""

    created_at: int
    updated_at: int
    rendered: bytes | None


RowT = TypeVar("RowT", bound=Stored)


class Table(Generic[Key, RowT]):
    """A table with one index. Changes happen at the present, so an update moves a row near the index's end.

    `lag` is how long ago, in microseconds, the transaction of the next change has begun: its `updated_at` is from then,
    though nobody sees the row before now. `noted` is told of every change.
    """

    def __init__(self, lag: Callable[[], int], noted: Callable[[RowT, Change], None]) -> None:
        self._lag = lag
        self._noted = noted
        self._rows: dict[Key, RowT] = {}
        self._by_update: list[tuple[int, Key]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[RowT]:
        return iter(self._rows.values())

    def get(self, key: Key) -> RowT | None:
        return self._rows.get(key)

    def __getitem__(self, key: Key) -> RowT:
        return self._rows[key]

    def add(self, key: Key, row: RowT) -> None:
        lag = self._lag()
        row.created_at -= lag
        row.updated_at -= lag
        self._rows[key] = row
        insort(self._by_update, (row.updated_at, key))
        self._noted(row, "created")

    def touch(self, key: Key, instant: int) -> None:
        """Note that the row changed at the instant: its place in the index moves and its JSON is made anew."""
        row = self._rows[key]
        row.rendered = None
        lag = self._lag()
        stamp = max(instant - lag, row.updated_at + 1) if lag else instant
        if row.updated_at != stamp:
            del self._by_update[bisect_left(self._by_update, (row.updated_at, key))]
            row.updated_at = stamp
            insort(self._by_update, (stamp, key))
        self._noted(row, "updated")

    def remove(self, key: Key) -> None:
        row = self._rows.pop(key)
        del self._by_update[bisect_left(self._by_update, (row.updated_at, key))]
        self._noted(row, "deleted")

    def some(self, number: int, chance: Random) -> list[Key]:
        """The keys of that many rows, picked by chance, or of all if there are fewer."""
        return chance.sample([key for _, key in self._by_update], min(number, len(self._by_update)))

    def first_at_or_after(self, instant: int) -> int:
        """The index position of the first row whose `updated_at` is the instant or later."""
        return bisect_left(self._by_update, instant, key=lambda entry: entry[0])

    def first_after(self, instant: int) -> int:
        return bisect_right(self._by_update, instant, key=lambda entry: entry[0])

    def ascending(self, start: int, end: int) -> Iterator[RowT]:
        """Rows between two index positions, oldest change first, ids ascending where changes coincide."""
        rows = self._rows
        return (rows[self._by_update[position][1]] for position in range(start, end))

    def descending(self, start: int, end: int) -> Iterator[RowT]:
        rows = self._rows
        return (rows[self._by_update[position][1]] for position in range(end - 1, start - 1, -1))

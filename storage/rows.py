"""Rows as dataclasses whose fields their columns are.

Of these some fifty are made for a page, with up to forty fields. So they are made by place and are not frozen: with so
many fields a call by name takes some fifteen times as long, and a frozen one five times.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar, get_type_hints
from uuid import UUID

from storage.plain import plain_uuid

__all__ = ["made_by_place", "rows_as"]

T = TypeVar("T")


def rows_as(kind: type[T], rows: Iterable[Any]) -> list[T]:
    """Rows as a dataclass of two fields or more."""
    values, _ = _columns(kind)  # type: ignore[arg-type]  # every class can be hashed
    return made_by_place(kind, map(values, rows))


def made_by_place(kind: type[T], rows: Iterable[Sequence[Any]]) -> list[T]:
    """Rows whose columns stand in the order of the dataclass's fields."""
    _, ids = _columns(kind)  # type: ignore[arg-type]  # every class can be hashed
    made = [kind(*row) for row in rows]
    for name in ids:
        for one in made:
            if (value := getattr(one, name)) is not None:
                setattr(one, name, plain_uuid(value))
    return made


@cache
def _columns(kind: Any) -> tuple[Callable[[Any], tuple[Any, ...]], tuple[str, ...]]:
    """What reads a row's values in the fields' order, and which of them are ids."""
    names = [field.name for field in fields(kind)]
    types = get_type_hints(kind)
    return itemgetter(*names), tuple(name for name in names if types[name] in {UUID, UUID | None})

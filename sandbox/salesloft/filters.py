"""The kinds of list filters: ids, texts, flags and ranges of instants, with Salesloft's modifiers."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from sandbox.salesloft import instants
from sandbox.salesloft.answers import Refusal

__all__ = [
    "Filter",
    "Predicate",
    "flag_of",
    "flags",
    "instant_of",
    "named_values",
    "nullable_texts",
    "numbers",
    "ranges",
    "split",
    "texts",
    "whole_of",
]

RowT = TypeVar("RowT")
RowT_contra = TypeVar("RowT_contra", contravariant=True)
Predicate = Callable[[RowT], bool]

_TRUE = frozenset({"true", "1", "t", "yes"})
_FALSE = frozenset({"false", "0", "f", "no"})
_LEAST_PREFIX = 3


class Filter(Protocol[RowT_contra]):
    """Makes a predicate of one operator's values; None when the operator is not known, which ignores it."""

    def __call__(self, name: str, operator: str, values: list[str], /) -> Callable[[RowT_contra], bool] | None: ...


def split(values: Iterable[str]) -> list[str]:
    """The values of an array in any spelling: repeated, bracketed or joined with commas."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def whole_of(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise Refusal.invalid(name, "is invalid") from error


def flag_of(name: str, text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise Refusal.invalid(name, "must be true or false")


def instant_of(text: str) -> int:
    """A malformed timestamp is Salesloft's own mistake to make: a 500, not a 422."""
    try:
        return instants.parse(text)
    except ValueError as error:
        raise Refusal.broken() from error


def numbers(value: Callable[[RowT], Any]) -> Filter[RowT]:
    """Ids; a row may have several (then any counts). Takes `_is_null`, `_is_not_null` and `[_not_in]`."""

    def make(name: str, operator: str, values: list[str], /) -> Predicate[RowT] | None:
        parts = split(values)
        if "_is_null" in parts:
            return lambda row: not value(row)
        if "_is_not_null" in parts:
            return lambda row: bool(value(row))
        wanted = {whole_of(name, part) for part in parts}
        return _member(value, wanted, operator)

    return make


def texts(value: Callable[[RowT], Any]) -> Filter[RowT]:
    """Texts, compared exactly. Takes `_is_null`, `_is_not_null`, `[_not_in]` and `[_starts_with]`."""

    def make(name: str, operator: str, values: list[str], /) -> Predicate[RowT] | None:
        if operator == "_starts_with":
            prefixes = tuple(part.lower() for part in split(values))
            if any(len(prefix) < _LEAST_PREFIX for prefix in prefixes):
                raise Refusal.invalid(name, f"must be at least {_LEAST_PREFIX} characters")
            return lambda row: str(value(row) or "").lower().startswith(prefixes)
        parts = split(values)
        if "_is_null" in parts:
            return lambda row: not value(row)
        if "_is_not_null" in parts:
            return lambda row: bool(value(row))
        return _member(value, set(parts), operator)

    return make


def nullable_texts(value: Callable[[RowT], str | None]) -> Filter[RowT]:
    """Texts of which ``Null`` asks for the rows without one."""

    def make(name: str, operator: str, values: list[str], /) -> Predicate[RowT] | None:
        return texts(value)(name, operator, ["_is_null" if one == "Null" else one for one in values])

    return make


def named_values(value: Callable[[RowT], dict[str, Any]]) -> Filter[RowT]:
    """Custom fields: the name in the brackets counts with its case, the value without."""

    def make(_name: str, operator: str, values: list[str], /) -> Predicate[RowT] | None:
        wanted = {one.lower() for one in values}

        def has(row: RowT) -> bool:
            held = value(row).get(operator)
            return (held is None and "_is_null" in wanted) or (held is not None and str(held).lower() in wanted)

        return has

    return make


def flags(value: Callable[[RowT], bool]) -> Filter[RowT]:
    def make(name: str, operator: str, values: list[str], /) -> Predicate[RowT] | None:
        if operator:
            return None
        wanted = flag_of(name, values[-1])
        return lambda row: value(row) is wanted

    return make


def ranges(value: Callable[[RowT], int | None]) -> Filter[RowT]:
    """Instants with gt, gte, lt and lte, compared to the microsecond. A row without one is in no range."""

    def make(name: str, operator: str, values: list[str], /) -> Predicate[RowT] | None:
        parts = split(values)
        if "_is_null" in parts:
            return lambda row: value(row) is None
        if "_is_not_null" in parts:
            return lambda row: value(row) is not None
        if operator not in {"gt", "gte", "lt", "lte"}:
            return None
        bound = instant_of(values[-1])
        return _Range(value, operator, bound, name)

    return make


class _Range:
    """A comparison; the list asks it whether its index has already done the work."""

    def __init__(self, value: Callable[[Any], int | None], operator: str, bound: int, name: str) -> None:
        self._value = value
        self._operator = operator
        self._bound = bound
        self.is_range_of_updated_at = name == "updated_at"

    def __call__(self, row: Any) -> bool:
        actual = self._value(row)
        if actual is None:
            return False
        if self._operator == "gt":
            return actual > self._bound
        if self._operator == "gte":
            return actual >= self._bound
        if self._operator == "lt":
            return actual < self._bound
        return actual <= self._bound


def _member(value: Callable[[RowT], Any], wanted: set[Any], operator: str) -> Predicate[RowT] | None:
    def has(row: RowT) -> bool:
        actual = value(row)
        if isinstance(actual, list | tuple | set | frozenset):
            return any(one in wanted for one in actual)
        return actual in wanted

    if operator == "":
        return has
    if operator == "_not_in":
        return lambda row: not has(row)
    return None

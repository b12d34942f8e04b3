"""Lists: filters, sorting and paging, with the odd manners of the real ones.

A filter that is not known is ignored; a bad value is a 422, but a malformed timestamp a 500; `per_page` is clamped and
echoed; counts come only when asked for (Salesloft docs: filtering-paging-sorting).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any, Generic, Literal, TypeVar

import orjson

from sandbox.salesloft.answers import Answer, Refusal
from sandbox.salesloft.filters import Filter, Predicate, flag_of, instant_of
from sandbox.salesloft.parameters import Parameters
from sandbox.salesloft.records import Row
from sandbox.salesloft.switches import Switches
from sandbox.salesloft.tables import Table

__all__ = ["Listing", "Paging"]

RowT = TypeVar("RowT", bound=Row)
_MOST_COUNTED = 10_000
_RANGE_OPERATORS = ("gt", "gte", "lt", "lte")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which page is wanted. Numbers outside their range are clamped, as Salesloft does it."""

    page: int
    per_page: int
    counts: bool
    most_counted: int | None

    @classmethod
    def of(cls, parameters: Parameters) -> "Paging":
        return cls(
            page=max(_whole(parameters, "page", 1), 1),
            per_page=min(max(_whole(parameters, "per_page", 25), 1), 100),
            counts=_flag(parameters, "include_paging_counts"),
            most_counted=_MOST_COUNTED if _flag(parameters, "limit_paging_counts") else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[RowT]):
    """How one resource is listed. `identity` is the row's id, which settles the order of equal rows.

    A list that is never paged is read on by its filters; one that is paged when asked gives everything else at once.
    """

    identity: Callable[[RowT], int | str]
    filters: dict[str, Filter[RowT]]
    sorts: dict[str, Callable[[RowT], Any]]
    default_sort: str = "updated_at"
    default_direction: str = "DESC"
    paged: Literal["always", "when asked", "never"] = "always"
    ignored: frozenset[str] = field(
        default_factory=lambda: frozenset(
            {"page", "per_page", "sort_by", "sort_direction", "include_paging_counts", "limit_paging_counts"}
        )
    )

    def answer(
        self,
        table: Table[Any, RowT] | None,
        parameters: Parameters,
        render: Callable[[RowT], bytes],
        *,
        switches: Switches,
        candidates: Iterable[RowT] | None = None,
    ) -> Answer:
        """The page that is asked for.

        `candidates` are the rows that an index has already narrowed the table to, or those that are in no table.
        """
        predicates = self._predicates(parameters)
        sort_by = parameters.last("sort_by") or self.default_sort
        if sort_by not in self.sorts:
            raise Refusal.invalid("sort_by", f"must be one of: {', '.join(self.sorts)}")
        direction = (parameters.last("sort_direction") or self.default_direction).upper()
        if direction not in {"ASC", "DESC"}:
            raise Refusal.invalid("sort_direction", "must be one of: ASC, DESC")
        paging = Paging.of(parameters)
        if table is not None and candidates is None and sort_by == "updated_at":
            rows = self._from_index(table, parameters, predicates, direction)
        else:
            rows = self._sorted((table or ()) if candidates is None else candidates, predicates, sort_by, direction)
        metadata: dict[str, Any] = {"filtering": self._echo(parameters)}
        if self.paged == "never":
            page = list(islice(rows, paging.per_page))
        elif self.paged == "always" or parameters.last("page") is not None:
            page, metadata["paging"] = _cut(rows, paging, switches)
        else:
            page = list(rows)
        metadata["sorting"] = {
            "sort_by": sort_by,
            "sort_direction": "ASC NULLS FIRST" if direction == "ASC" else "DESC NULLS LAST",
        }
        body = b'{"metadata":%b,"data":[%b]}' % (orjson.dumps(metadata), b",".join(render(row) for row in page))
        return Answer(status=200, body=body)

    def _predicates(self, parameters: Parameters) -> list[Predicate[RowT]]:
        found: list[Predicate[RowT]] = []
        for name, by_operator in parameters.values.items():
            make = self.filters.get(name)
            if make is not None:
                found.extend(
                    predicate
                    for operator, values in by_operator.items()
                    if (predicate := make(name, operator, values)) is not None
                )
        return found

    def _from_index(
        self, table: Table[Any, RowT], parameters: Parameters, predicates: list[Predicate[RowT]], direction: str
    ) -> Iterator[RowT]:
        start, end = 0, len(table)
        if "updated_at" in self.filters:
            for operator, values in parameters.values.get("updated_at", {}).items():
                if operator not in _RANGE_OPERATORS:
                    continue
                bound = instant_of(values[-1])
                if operator in {"gt", "gte"}:
                    start = max(start, table.first_after(bound) if operator == "gt" else table.first_at_or_after(bound))
                else:
                    end = min(end, table.first_at_or_after(bound) if operator == "lt" else table.first_after(bound))
            predicates = [p for p in predicates if not getattr(p, "is_range_of_updated_at", False)]
        end = max(start, end)
        if not predicates:
            return _Slice(table, start, end, direction)
        rows = table.ascending(start, end) if direction == "ASC" else table.descending(start, end)
        return (row for row in rows if all(predicate(row) for predicate in predicates))

    def _sorted(
        self, rows: Iterable[RowT], predicates: list[Predicate[RowT]], sort_by: str, direction: str
    ) -> Iterator[RowT]:
        key = self.sorts[sort_by]

        def place(row: RowT) -> tuple[bool, Any, int | str]:
            value = key(row)
            return (False, 0, self.identity(row)) if value is None else (True, value, self.identity(row))

        kept = (row for row in rows if all(predicate(row) for predicate in predicates))
        return iter(sorted(kept, key=place, reverse=direction == "DESC"))

    def _echo(self, parameters: Parameters) -> dict[str, Any]:
        echo: dict[str, Any] = {}
        for name, by_operator in parameters.values.items():
            if name not in self.filters or name in self.ignored:
                continue
            operators = {operator: values[-1] for operator, values in by_operator.items() if operator}
            plain = by_operator.get("", [])
            echo[name] = operators or (plain if len(plain) > 1 else plain[0])
        return echo


class _Slice(Iterator[RowT]):
    """Rows between two index positions that can be entered anywhere, so that a deep page costs no more than a first."""

    def __init__(self, table: Table[Any, RowT], start: int, end: int, direction: str) -> None:
        self._table = table
        self._start = start
        self._end = end
        self._direction = direction
        self._rows: Iterator[RowT] | None = None

    def __len__(self) -> int:
        return self._end - self._start

    def between(self, first: int, last: int) -> list[RowT]:
        last = min(last, len(self))
        first = min(first, last)
        if self._direction == "ASC":
            return list(self._table.ascending(self._start + first, self._start + last))
        return list(self._table.descending(self._end - last, self._end - first))

    def __next__(self) -> RowT:
        if self._rows is None:
            self._rows = iter(self.between(0, len(self)))
        return next(self._rows)


def _cut(rows: Iterator[RowT], paging: Paging, switches: Switches) -> tuple[list[RowT], dict[str, Any]]:
    first = (paging.page - 1) * paging.per_page
    total: int | None = None
    if isinstance(rows, _Slice):
        page = rows.between(first, first + paging.per_page + 1)
        total = len(rows) if paging.counts else None
    elif paging.counts:
        everything = list(rows)
        page = everything[first : first + paging.per_page + 1]
        total = len(everything)
    else:
        page = list(islice(rows, first, first + paging.per_page + 1))
    metadata: dict[str, Any] = {
        "per_page": paging.per_page,
        "current_page": paging.page,
        "next_page": paging.page + 1 if len(page) > paging.per_page else None,
        "prev_page": paging.page - 1 if paging.page > 1 else None,
    }
    if total is not None:
        counted = total if paging.most_counted is None else min(total, paging.most_counted)
        metadata["total_pages"] = -(-counted // paging.per_page)
        metadata["total_count"] = counted
    page = page[: paging.per_page]
    if switches.tie_order == "shuffled":
        page = _shuffle_ties(page, paging.page)
    return page, metadata


def _shuffle_ties(page: list[RowT], number: int) -> list[RowT]:
    """Rows with the same `updated_at` in an order that differs from page to page, as a database may give them."""

    def place(row: RowT) -> bytes:
        return blake2b(f"{number}/{row.created_at}/{id(row)}".encode(), digest_size=8).digest()

    shuffled: list[RowT] = []
    run: list[RowT] = []
    for row in page:
        if run and run[-1].updated_at != row.updated_at:
            shuffled += sorted(run, key=place)
            run = []
        run.append(row)
    return shuffled + sorted(run, key=place)


def _whole(parameters: Parameters, name: str, default: int) -> int:
    text = parameters.last(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise Refusal.invalid(name, "is invalid") from error


def _flag(parameters: Parameters, name: str) -> bool:
    text = parameters.last(name)
    return False if text is None else flag_of(name, text)

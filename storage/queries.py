"""The named queries of `sql/queries/`."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter
from aiosql.types import SQLOperationType

__all__ = ["queries"]

_HEADING = re.compile(r"^-- name: (?=(\w+))", re.MULTILINE)
# Whether a value is given at all, as aiosql has numbered it: ":state::text IS NULL".
_IS_NOT_GIVEN = re.compile(r"\$(\d+)::\w+(?:\[\])? IS NULL")
# How long a page is at most, as aiosql has numbered it.
_LENGTH = re.compile(r"\bLIMIT \$(\d+)(?!\d)")
# A list of values, as aiosql has numbered it: ":ids::uuid[]".
_LIST = re.compile(r"\$(\d+)::(\w+)\[\]")
_METHODS = {
    SQLOperationType.SELECT: "fetch",
    SQLOperationType.SELECT_ONE: "fetchrow",
    SQLOperationType.SELECT_VALUE: "fetchval",
    SQLOperationType.INSERT_UPDATE_DELETE: "execute",
}


class _Queries:
    """Each query as a coroutine function of its name: `await queries.some_name(connection, parameter=...)`.

    Without a suffix to its name it answers the rows, with `^` one, with `$` a value, with `!` nothing of interest.
    aiosql reads them. It would hand rows out one by one, where a batch's thousands are wanted at once, and look through
    a connection's attributes before each query, which takes as long as some queries: so we ask them ourselves. A query
    is read when it is first asked for: all of them together take aiosql a tenth of a second.
    """

    def __init__(self) -> None:
        self._adapter = AsyncPGAdapter()  # type: ignore[no-untyped-call]  # aiosql types its loader, not its adapters
        self._texts: dict[str, str] = {}
        for file in files("sql").joinpath("queries").iterdir():
            _, *named = _HEADING.split(file.read_text(encoding="utf-8"))
            for name, text in zip(named[::2], named[1::2], strict=True):
                if name in self._texts:
                    raise ValueError(f"two queries have the name {name}")
                self._texts[name] = f"-- name: {text}"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._texts]

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name not in self._texts:
            raise AttributeError(f"no query in sql/queries has the name {name}")
        query = getattr(aiosql.from_str(self._texts[name], lambda: self._adapter, mandatory_parameters=False), name)
        asked = _Query(query.sql, tuple(self._adapter.var_sorted[name]), _METHODS[query.operation])
        setattr(self, name, asked)
        return asked


class _Query:
    """A query by its parameters' names; rows also by a cursor, which lasts as long as its transaction.

    Postgres plans a statement anew for its values until it finds that this is no use. Where a value may be left out,
    one text would have one plan for all that may be asked; so there is a text for each choice of what is given. Nor
    does it find a plan for all values as good as one that knows how short a page is, or that a list has one value and
    not ten; so a text says these as well.
    """

    def __init__(self, sql: str, parameters: tuple[str, ...], method: str) -> None:
        self._sql = sql
        self._parameters = parameters
        self._method = method
        self._optional = sorted({int(number) - 1 for number in _IS_NOT_GIVEN.findall(sql)})
        self._is_page = _ends_with_length(sql, len(parameters))
        self._lists = _lists(sql)
        self._texts: dict[tuple[object, ...], str] = {}

    async def __call__(self, connection: Any, **values: Any) -> Any:
        return await getattr(connection, self._method)(*self.asked(values))

    async def cursor(self, connection: Any, **values: Any) -> Any:
        return await connection.cursor(*self.asked(values))

    def asked(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """The text and the values that it leaves open."""
        given = [values[parameter] for parameter in self._parameters]
        length = int(given.pop()) if self._is_page else None
        of_one = frozenset(place for place in self._lists if given[place] is not None and len(given[place]) == 1)
        choice = (length, of_one, *[given[place] is None for place in self._optional])
        text = self._texts.get(choice)
        if text is None:
            text = _IS_NOT_GIVEN.sub(partial(_decided, given), self._sql)
            if length is not None:
                text = _LENGTH.sub(f"LIMIT {length}", text)
            text = self._texts[choice] = _LIST.sub(partial(_of_one, of_one), text)
        for place in of_one:
            (given[place],) = given[place]
        return text, *given


def _ends_with_length(sql: str, parameters: int) -> bool:
    """Whether the last value says how long a page is and nothing else, so that it can be left out."""
    return (lengths := _LENGTH.findall(sql)) == [str(parameters)] * len(_places(sql, parameters)) and bool(lengths)


def _lists(sql: str) -> tuple[int, ...]:
    """The places of the values that are lists, where every mention says of what."""
    mentioned = Counter(int(number) for number, _ in _LIST.findall(sql))
    return tuple(number - 1 for number, times in mentioned.items() if times == len(_places(sql, number)))


def _places(sql: str, number: int) -> list[str]:
    return re.findall(rf"\${number}(?!\d)", sql)


def _of_one(places: Collection[int], asked: re.Match[str]) -> str:
    """A list as it is, or its one value where it has but one."""
    return f"ARRAY[${asked[1]}::{asked[2]}]" if int(asked[1]) - 1 in places else asked[0]


def _decided(given: Sequence[Any], asked: re.Match[str]) -> str:
    """The same question with its answer, which a plan is made with."""
    return f"({asked[0]} OR TRUE)" if given[int(asked[1]) - 1] is None else f"({asked[0]} AND FALSE)"


# asyncpg's records are untyped; their columns get their types in the modules that read them.
queries: Any = _Queries()

"""The named queries of `sql/queries/`."""

import re
from collections.abc import Awaitable, Callable, Sequence
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
    one text would have one plan for all that may be asked; so there is a text for each choice of what is given.
    """

    def __init__(self, sql: str, parameters: tuple[str, ...], method: str) -> None:
        self._sql = sql
        self._parameters = parameters
        self._method = method
        self._optional = sorted({int(number) - 1 for number in _IS_NOT_GIVEN.findall(sql)})
        self._texts: dict[tuple[bool, ...], str] = {}

    async def __call__(self, connection: Any, **values: Any) -> Any:
        given = [values[parameter] for parameter in self._parameters]
        return await getattr(connection, self._method)(self._text(given), *given)

    async def cursor(self, connection: Any, **values: Any) -> Any:
        given = [values[parameter] for parameter in self._parameters]
        return await connection.cursor(self._text(given), *given)

    def _text(self, given: Sequence[Any]) -> str:
        if not self._optional:
            return self._sql
        absent = tuple(given[place] is None for place in self._optional)
        text = self._texts.get(absent)
        if text is None:
            text = self._texts[absent] = _IS_NOT_GIVEN.sub(partial(_decided, given), self._sql)
        return text


def _decided(given: Sequence[Any], asked: re.Match[str]) -> str:
    """The same question with its answer, which a plan is made with."""
    return f"({asked[0]} OR TRUE)" if given[int(asked[1]) - 1] is None else f"({asked[0]} AND FALSE)"


# asyncpg's records are untyped; their columns get their types in the modules that read them.
queries: Any = _Queries()

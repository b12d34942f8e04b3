"""The named queries of `sql/queries/`."""

import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter
from aiosql.types import SQLOperationType

__all__ = ["queries"]

_HEADING = re.compile(r"^-- name: (?=(\w+))", re.MULTILINE)


class _Queries:
    """Each query as a coroutine function of its name: `await queries.some_name(connection, parameter=...)`.

    Without a suffix to its name it answers the rows, with `$` a value, with `!` nothing of interest. aiosql hands rows
    out one by one from an async generator; a batch's thousands are wanted at once, so those we fetch ourselves. A query
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
        if query.operation is SQLOperationType.SELECT:
            query = _Select(query.sql, tuple(self._adapter.var_sorted[name]))
        setattr(self, name, query)
        return query  # type: ignore[no-any-return]


class _Select:
    """A query that answers rows: all of them at once, or by a cursor, which lasts as long as its transaction."""

    def __init__(self, sql: str, parameters: tuple[str, ...]) -> None:
        self._sql = sql
        self._parameters = parameters

    async def __call__(self, connection: Any, **values: Any) -> Any:
        return await connection.fetch(self._sql, *[values[parameter] for parameter in self._parameters])

    async def cursor(self, connection: Any, **values: Any) -> Any:
        return await connection.cursor(self._sql, *[values[parameter] for parameter in self._parameters])


# asyncpg's records are untyped; their columns get their types in the modules that read them.
queries: Any = _Queries()

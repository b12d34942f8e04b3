"""The named queries of `sql/queries/`, loaded once."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter
from aiosql.types import SQLOperationType

__all__ = ["queries"]


def _load() -> SimpleNamespace:
    """Each query as a coroutine function of its name: `await queries.some_name(connection, parameter=...)`.

    Without a suffix to its name it answers the rows, with `$` a value, with `!` nothing of interest. aiosql hands rows
    out one by one from an async generator; a batch's thousands are wanted at once, so those we fetch ourselves.
    """
    adapter = AsyncPGAdapter()  # type: ignore[no-untyped-call]  # aiosql types its loader, not its adapters
    loaded = aiosql.from_path(Path(str(files("sql"))) / "queries", lambda: adapter, mandatory_parameters=False)
    named: dict[str, Callable[..., Awaitable[Any]]] = {}
    for name in loaded.available_queries:
        query = getattr(loaded, name)
        if query.operation is SQLOperationType.SELECT:
            named[name] = _fetching(query.sql, tuple(adapter.var_sorted[name]))
        elif not name.endswith("_cursor"):
            named[name] = query
    return SimpleNamespace(**named)


def _fetching(sql: str, parameters: tuple[str, ...]) -> Callable[..., Awaitable[Any]]:
    async def fetch(connection: Any, **values: Any) -> Any:
        return await connection.fetch(sql, *[values[parameter] for parameter in parameters])

    return fetch


# asyncpg's records are untyped; their columns get their types in the modules that read them.
queries: Any = _load()

"""What the service has written down: its tables, read directly and with queries of the proof's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiosql
import asyncpg

__all__ = ["Books", "BooksUnavailable", "Standing"]

_queries: Any = aiosql.from_path(Path(__file__).with_name("books.sql"), "asyncpg", mandatory_parameters=False)
_CONNECT_SECONDS = 5.0
_STATEMENT_SECONDS = 60.0
_SOON = timedelta(minutes=10)
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)


class BooksUnavailable(Exception):
    """The database does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What waits and what was done.

    `sent` grows with each row that left the outbox, `done` with each command that was carried out. `held` commands are
    in somebody's hands, living or dead; `calls_open` are enrollments of which nobody knows yet what Salesloft did;
    `woken` triggers are to be decided again by now.
    """

    unsent: int
    sent: int
    held: int
    due: int
    done: int
    calls_open: int
    woken: int


class Books:
    """Reads as the owner, over a connection of its own for each look: the server may die between two."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def standing(self, now: datetime) -> Standing:
        """What waits at a business instant; a command counts as due some minutes ahead, for those who try again."""
        return Standing(**await self._ask("standing", now=now, soon=now + _SOON))

    async def rows(self, name: str) -> Sequence[Any]:
        """All rows of a query of books.sql."""
        found: Sequence[Any] = await self._ask(name)
        return found

    async def _ask(self, name: str, **parameters: Any) -> Any:
        try:
            connection = await asyncpg.connect(self._dsn, timeout=_CONNECT_SECONDS, command_timeout=_STATEMENT_SECONDS)
        except _AWAY as error:
            raise BooksUnavailable(str(error) or type(error).__name__) from error
        try:
            answer = getattr(_queries, name)(connection, **parameters)
            if hasattr(answer, "__aiter__"):
                return [row async for row in answer]
            return await answer
        except _AWAY as error:
            raise BooksUnavailable(str(error) or type(error).__name__) from error
        finally:
            connection.terminate()

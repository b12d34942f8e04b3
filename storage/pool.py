"""Connections to Postgres in one of the two roles, and transactions whose rollback cannot be interrupted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import asyncpg

from storage.errors import translated

__all__ = ["Connection", "Database", "DatabaseOptions", "Role"]

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection: TypeAlias = Any

Role = Literal["cscx_salesloft_worker", "cscx_salesloft_api"]
_ONE_ORGANIZATION: Role = "cscx_salesloft_api"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseOptions:
    """How to reach Postgres. Times in seconds.

    `statement_cache_size` is 0 behind a pooler that shares connections between transactions (pgbouncer).
    """

    dsn: str
    role: Role = "cscx_salesloft_worker"
    min_size: int = 1
    max_size: int = 10
    statement_cache_size: int = 256
    connect_timeout: float = 5.0
    statement_timeout: float = 30.0
    close_timeout: float = 5.0


class Database:
    """A pool of connections that act as one role."""

    def __init__(self, options: DatabaseOptions, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._options = options
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def connected(cls, options: DatabaseOptions) -> AsyncIterator["Database"]:
        """Open the pool for the length of a block.

        Raises StorageUnavailable where the database does not answer within `connect_timeout`.
        """
        with translated():
            pool = await asyncpg.create_pool(
                options.dsn,
                min_size=options.min_size,
                max_size=options.max_size,
                statement_cache_size=options.statement_cache_size,
                # However long one is: what several questions make together is longer than asyncpg keeps by itself.
                max_cacheable_statement_size=0,
                reset=_nothing_is_left if options.role == _ONE_ORGANIZATION else None,
                command_timeout=options.statement_timeout,
                timeout=options.connect_timeout,
                server_settings={
                    "role": options.role,
                    "application_name": "cscx-salesloft",
                    "jit": "off",
                    "TimeZone": "UTC",
                },
            )
        database = cls(options, pool)
        try:
            yield database
        finally:
            await database.close()

    async def close(self) -> None:
        """Close within the deadline; what is still open then is cut."""
        try:
            async with asyncio.timeout(self._options.close_timeout):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection, each statement a transaction of its own."""
        with translated():
            async with self._pool.acquire(timeout=self._options.connect_timeout) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises ConcurrentChange, RecordRefused or StorageUnavailable in place of asyncpg's errors; what the block
        itself raises passes through. Nothing that waits for a network other than the database's belongs inside.
        """
        async with self._transaction() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A transaction that sees one state from its first statement to its last, and cannot write."""
        async with self._transaction(isolation="repeatable_read", readonly=True) as connection:
            yield connection

    @asynccontextmanager
    async def organization_reading(self, organization_id: str) -> AsyncIterator[Connection]:
        """One state of this organization's rows alone, which cannot be changed; meant for the api role."""
        with translated():
            async with self._pool.acquire(timeout=self._options.connect_timeout) as connection:
                await connection.execute(_beginning(organization_id))
                async with _to_its_end(
                    connection,
                    commit=partial(connection.execute, "COMMIT"),
                    rollback=partial(connection.execute, "ROLLBACK"),
                ):
                    yield connection

    @asynccontextmanager
    async def _transaction(self, **options: Any) -> AsyncIterator[Connection]:
        with translated():
            async with self._pool.acquire(timeout=self._options.connect_timeout) as connection:
                transaction = connection.transaction(**options)
                await transaction.start()
                async with _to_its_end(connection, commit=transaction.commit, rollback=transaction.rollback):
                    yield connection

    @asynccontextmanager
    async def organization_transaction(self, organization_id: str) -> AsyncIterator[Connection]:
        """A transaction that sees this organization's rows alone; meant for the api role."""
        async with self.transaction() as connection:
            await connection.execute("SELECT set_config('cscx.organization_id', $1, true)", organization_id)
            yield connection


@asynccontextmanager
async def _to_its_end(
    connection: Connection, *, commit: Callable[[], Awaitable[object]], rollback: Callable[[], Awaitable[object]]
) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        # A cancelled rollback would hand a connection with an open transaction to the next user.
        if not connection.is_closed():
            await asyncio.shield(rollback())
        raise
    else:
        await commit()


@lru_cache(maxsize=4096)
def _beginning(organization_id: str) -> str:
    """What begins a transaction that reads of one organization, as one statement to send: it stands before every read.

    Such a statement takes no parameters; the id is told by its code points, whatever is in it. A SELECT that sets it
    would have to be planned each time, which takes Postgres as long as to begin and to commit.
    """
    told = "".join(f"\\+{ord(character):06x}" for character in organization_id)
    return f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL cscx.organization_id = U&'{told}'"


async def _nothing_is_left(_: object) -> None:
    """What the api role sets is its transaction's, and it takes no locks and listens to nothing beyond it.

    asyncpg's own way to make sure of that is another statement after each use.
    """

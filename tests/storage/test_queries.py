"""Every named query is one that the migrated schema understands, as the role that runs it."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aiosql
import pytest
from aiosql.adapters.asyncpg import AsyncPGAdapter

import sql
from sandbox.stack import PostgresServer
from storage.pool import Database, DatabaseOptions
from storage.queries import queries

ADAPTER = AsyncPGAdapter()  # type: ignore[no-untyped-call]  # aiosql types its loader, not its adapters
LOADED = aiosql.from_path(Path(next(iter(sql.__path__))) / "queries", lambda: ADAPTER, mandatory_parameters=False)
NAMES = sorted(name for name in LOADED.available_queries if not name.endswith("_cursor"))


@pytest.fixture(scope="module")
async def worker(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Database]:
    """One copy for all of them: preparing changes nothing."""
    name = f"queries_{uuid.uuid4().hex}"
    dsn = await postgres_server.create_database(name, template=migrated_template)
    async with Database.connected(DatabaseOptions(dsn=dsn)) as database:
        yield database
    await postgres_server.drop_database(name)


def test_every_query_is_loaded() -> None:
    assert len(NAMES) > 80
    assert set(NAMES) <= set(dir(queries))
    assert all(callable(getattr(queries, name)) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_it_prepares(worker: Database, name: str) -> None:
    async with worker.transaction() as connection:
        await connection.prepare(getattr(LOADED, name).sql)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_for(name: str) -> None:
    assert len(getattr(LOADED, name).__doc__ or "") > 10

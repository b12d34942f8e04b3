"""What goes wrong in a real database, told apart by what the caller should do."""

import asyncio

import asyncpg
import pytest

from sandbox.stack import PostgresServer
from storage.errors import ConcurrentChange, RecordRefused, StorageUnavailable
from storage.pool import Database, DatabaseOptions

ORGANIZATION = "INSERT INTO organizations (organization_id, created_at, updated_at) VALUES ($1, now(), now())"


async def test_a_unique_violation_is_a_lost_race(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(ORGANIZATION, "org-1")
    with pytest.raises(ConcurrentChange, match="organizations_pkey") as lost:
        async with database.transaction() as connection:
            await connection.execute(ORGANIZATION, "org-1")
    assert isinstance(lost.value.__cause__, asyncpg.UniqueViolationError)
    assert "org-1" not in str(lost.value)


async def test_a_deadlock_is_a_lost_race(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(ORGANIZATION, "org-1")
        await connection.execute(ORGANIZATION, "org-2")
    meeting = asyncio.Barrier(2)

    async def locking(first: str, second: str) -> bool:
        query = "SELECT FROM organizations WHERE organization_id = $1 FOR UPDATE"
        try:
            async with database.transaction() as connection:
                await connection.fetch(query, first)
                await meeting.wait()
                await connection.fetch(query, second)
        except ConcurrentChange:
            return False
        return True

    assert sorted(await asyncio.gather(locking("org-1", "org-2"), locking("org-2", "org-1"))) == [False, True]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO organizations (organization_id, created_at, updated_at) VALUES ('a:b', now(), now())",
        "INSERT INTO organizations (organization_id, created_at) VALUES ('a', now())",
        "INSERT INTO unlinked_people (organization_id, person_id) VALUES ('nobody', 1)",
        "SELECT 'x'::uuid",
        "SELECT 1 / 0",
        "SELECT '{\"a\": \"\\u0000\"}'::jsonb ->> 'a'",
    ],
)
async def test_a_value_that_cannot_be_is_refused_and_leaves_the_connection_usable(
    database: Database, statement: str
) -> None:
    with pytest.raises(RecordRefused):
        async with database.transaction() as connection:
            await connection.execute(statement)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM organizations") == 0


async def test_an_argument_that_cannot_be_sent_is_refused(database: Database) -> None:
    for argument in (2**70, "no number"):
        with pytest.raises(RecordRefused):
            async with database.transaction() as connection:
                await connection.fetchval("SELECT $1::bigint", argument)


async def test_what_the_block_raises_passes_through_and_undoes_everything(database: Database) -> None:
    with pytest.raises(LookupError):  # noqa: PT012  # what is asked is how the whole block ends
        async with database.transaction() as connection:
            await connection.execute(ORGANIZATION, "org-1")
            raise LookupError
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM organizations") == 0


async def test_a_statement_that_takes_too_long_is_the_databases_absence(migrated: str) -> None:
    async with Database.connected(DatabaseOptions(dsn=migrated, statement_timeout=0.2)) as database:
        with pytest.raises(StorageUnavailable):
            async with database.transaction() as connection:
                await connection.execute("SELECT pg_sleep(60)")
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_a_server_that_is_gone_is_absent_and_nothing_is_lost_when_it_is_back(
    database: Database, postgres_server: PostgresServer
) -> None:
    async with database.transaction() as connection:
        await connection.execute(ORGANIZATION, "org-1")
    try:
        with pytest.raises(StorageUnavailable):  # noqa: PT012  # what is asked is how the whole block ends
            async with database.transaction() as connection:
                await connection.execute(ORGANIZATION, "org-2")
                await postgres_server.kill()
                await connection.execute(ORGANIZATION, "org-3")
        with pytest.raises(StorageUnavailable):
            async with database.connection() as connection:
                await connection.fetchval("SELECT 1")
    finally:
        await postgres_server.start()
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT organization_id FROM organizations")
    assert [row["organization_id"] for row in rows] == ["org-1"]


async def test_a_database_that_is_not_there_is_absent(postgres_server: PostgresServer) -> None:
    dsn = postgres_server.owner_dsn.rpartition("/")[0] + "/nowhere"
    with pytest.raises(StorageUnavailable):
        async with Database.connected(DatabaseOptions(dsn=dsn)):
            pass


async def test_a_cancelled_transaction_is_rolled_back_and_its_connection_reused(migrated: str) -> None:
    async with Database.connected(DatabaseOptions(dsn=migrated, max_size=1)) as database:
        inside = asyncio.Event()

        async def work() -> None:
            async with database.transaction() as connection:
                await connection.execute(ORGANIZATION, "org-1")
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await inside.wait()
        task.cancel()
        await asyncio.wait([task])
        async with database.transaction() as connection:
            assert await connection.fetchval("SELECT count(*) FROM organizations") == 0

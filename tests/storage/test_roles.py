"""Three roles: the owner makes the schema, the worker works on all rows, the api role sees one organization's."""

# ruff: noqa: S608  # names of tables and columns are written here or come from the catalogue

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import asyncpg
import pytest

from storage.errors import StorageError
from storage.pool import Connection, Database, DatabaseOptions

# Tables that belong to the whole service; the api role has no business there.
SHARED = {
    *("inbox", "outbox", "outbox_unsent", "outbox_lanes", "outbox_relays", "consumer_progress", "redrive_plans"),
    "schema_migrations",
}
# What the api role may add to or read, and nothing else.
UNCHANGEABLE = {"audit_entries", "audit_chains", "dead_letters", "dead_letter_redrives"}
TABLES = """
    SELECT c.relname AS name, EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
    ) AS of_organization, c.relispartition AS is_partition
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1"""
VALUES = {
    "text": "'x'", "bigint": "7", "integer": "7", "smallint": "7", "boolean": "false", "date": "now()::date",
    "timestamp with time zone": "now()", "uuid": "gen_random_uuid()", "jsonb": "'{}'", "json": "'{}'",
    "bytea": "'\\x00'", "ARRAY": "'{}'",
}  # fmt: skip


@pytest.fixture
async def two_organizations(migrated: str) -> AsyncIterator[asyncpg.Connection]:
    """A row of org-1 and a row of org-2 in every table of an organization, made from the catalogue alone."""
    owner = await asyncpg.connect(migrated)
    # What a row means is not asked here: only whose it is.
    for row in await owner.fetch(
        "SELECT conrelid::regclass AS name, conname FROM pg_constraint "
        "WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace AND conrelid <> 0 AND conparentid = 0"
    ):
        await owner.execute(f'ALTER TABLE {row["name"]} DROP CONSTRAINT IF EXISTS "{row["conname"]}"')
    # A trigger that guards a meaning would answer before the policy that is asked about.
    await owner.execute("DROP TRIGGER published_mappings_stay ON salesloft_cadence_mappings")
    for table in await owner.fetch(TABLES):
        if table["of_organization"] and not table["is_partition"]:
            for organization in ("org-1", "org-2"):
                await owner.execute(await _insertion(owner, table["name"], organization))
    yield owner
    await owner.close()


async def _insertion(owner: asyncpg.Connection, table: str, organization: str) -> str:
    columns = await owner.fetch(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = $1 AND is_identity = 'NO'"
        " AND (is_nullable = 'NO' OR column_name = 'organization_id')",
        table,
    )
    values = {row["column_name"]: VALUES[row["data_type"]] for row in columns}
    number = organization[-1]
    values |= {name: number for name, value in values.items() if value == "7"}
    values["organization_id"] = f"'{organization}'"
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


@pytest.fixture
async def api(migrated: str) -> AsyncIterator[Database]:
    async with Database.connected(DatabaseOptions(dsn=migrated, role="cscx_salesloft_api")) as database:
        yield database


async def seen(connection: Connection, table: str) -> list[str]:
    return [row["organization_id"] for row in await connection.fetch(f"SELECT organization_id FROM {table} ORDER BY 1")]


async def of_organizations(owner: Any) -> list[str]:
    tables = [row["name"] for row in await owner.fetch(TABLES) if row["of_organization"] and not row["is_partition"]]
    assert len(tables) >= 25
    return tables


async def test_every_table_is_shared_or_an_organizations(two_organizations: Any) -> None:
    """A new table is either on the list of the shared or carries its organization."""
    for table in await two_organizations.fetch(TABLES):
        assert table["of_organization"] != (table["name"] in SHARED), table["name"]


async def test_without_an_organization_the_api_role_sees_nothing(two_organizations: Any, api: Database) -> None:
    for table in await of_organizations(two_organizations):
        assert await seen(two_organizations, table) == ["org-1", "org-2"], table
        async with api.transaction() as connection:
            assert await seen(connection, table) == [], table


async def test_with_an_organization_the_api_role_sees_its_own_alone(two_organizations: Any, api: Database) -> None:
    for table in await of_organizations(two_organizations):
        async with api.organization_transaction("org-1") as connection:
            assert await seen(connection, table) == ["org-1"], table
        async with api.transaction() as connection:
            assert await seen(connection, table) == [], f"{table} after the transaction"


async def test_the_api_role_changes_its_own_rows_alone(two_organizations: Any, api: Database) -> None:
    for table in await of_organizations(two_organizations):
        async with api.organization_transaction("org-1") as connection:
            if table not in UNCHANGEABLE:
                changed = await connection.execute(f"UPDATE {table} SET organization_id = organization_id")
                assert changed == "UPDATE 1", table
        with pytest.raises(StorageError, match="InsufficientPrivilege"):
            async with api.organization_transaction("org-1") as connection:
                await connection.execute(f"UPDATE {table} SET organization_id = 'org-2'")
        with pytest.raises(StorageError, match="InsufficientPrivilege"):
            async with api.organization_transaction("org-1") as connection:
                await connection.execute(await _insertion(two_organizations, table, "org-3"))
        with pytest.raises(StorageError, match="InsufficientPrivilege"):
            async with api.organization_transaction("org-1") as connection:
                await connection.execute(f"DELETE FROM {table}")


async def test_the_api_role_reaches_no_shared_table_and_no_partition(two_organizations: Any, api: Database) -> None:
    tables = await two_organizations.fetch(TABLES)
    closed = [row["name"] for row in tables if not row["of_organization"] or row["is_partition"]]
    assert len(closed) > len(SHARED)
    for table in closed:
        with pytest.raises(StorageError, match="InsufficientPrivilege"):
            async with api.organization_transaction("org-1") as connection:
                await connection.execute(f"SELECT FROM {table}")


async def test_the_worker_sees_all_organizations(two_organizations: Any, database: Database) -> None:
    for table in await of_organizations(two_organizations):
        async with database.transaction() as connection:
            assert await seen(connection, table) == ["org-1", "org-2"], table


SCHEMA_CHANGES = (
    "CREATE TABLE mine (x int)",
    "CREATE SCHEMA mine",
    "DROP TABLE enrollments",
    "TRUNCATE enrollments",
    "ALTER TABLE enrollments ADD COLUMN x int",
    "ALTER TABLE enrollments DISABLE ROW LEVEL SECURITY",
    "CREATE INDEX mine ON enrollments (state)",
    "DROP POLICY api ON enrollments",
    "CREATE ROLE mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "SELECT keep_organizations_apart('enrollments')",
)


@pytest.mark.parametrize("role", ["cscx_salesloft_worker", "cscx_salesloft_api"])
async def test_only_the_owner_changes_the_schema(migrated: str, role: Any) -> None:
    async with Database.connected(DatabaseOptions(dsn=migrated, role=role)) as database:
        for statement in SCHEMA_CHANGES:
            with pytest.raises(StorageError, match="InsufficientPrivilege"):
                async with database.transaction() as connection:
                    await connection.execute(statement)


@pytest.mark.parametrize("organization", ["org-1", "o'; DROP TABLE stops; --", "\\x27 ü 😀", "' || 'org-1"])
async def test_whatever_an_organization_is_called_it_reads_its_own(api: Database, organization: str) -> None:
    async with api.organization_reading(organization) as connection:
        assert await connection.fetchval("SELECT current_setting('cscx.organization_id')") == organization


async def test_a_reading_leaves_nothing_to_the_next_user_of_its_connection(migrated: str) -> None:
    one = DatabaseOptions(dsn=migrated, role="cscx_salesloft_api", max_size=1)
    async with Database.connected(one) as api:
        for failing in (False, True):
            with pytest.raises(ValueError, match="theirs") if failing else nullcontext():
                async with api.organization_reading("org-1") as connection:
                    assert await connection.fetchval("SHOW transaction_isolation") == "repeatable read"
                    assert await connection.fetchval("SHOW transaction_read_only") == "on"
                    if failing:
                        raise ValueError("theirs")
            async with api.connection() as connection:
                left = await connection.fetchrow(
                    "SELECT current_setting('cscx.organization_id'), current_setting('transaction_read_only')"
                )
                assert left is not None
                assert tuple(left) == ("", "off")

"""Migrations: several starters at once, there and back again."""

import asyncio
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import sql
from storage.migrate import MigrationFailed, migrate
from storage.pool import Database, DatabaseOptions

MIGRATIONS = sorted((Path(next(iter(sql.__path__))) / "migrations").glob("*.sql"))

# Everything that a schema consists of, spelt so that two of them can be compared.
PARTS = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "policies": "SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies",
    "protected": """
        SELECT relname, relrowsecurity, relforcerowsecurity, relacl::text, reloptions::text
        FROM pg_class WHERE relnamespace = 'public'::regnamespace""",
    "functions": "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "types": """
        SELECT t.typname, a.attname, format_type(a.atttypid, a.atttypmod)
        FROM pg_type t
        JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
        JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE t.typnamespace = 'public'::regnamespace""",
}


async def described(dsn: str) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return {name: sorted(map(repr, await connection.fetch(query))) for name, query in PARTS.items()}
    finally:
        await connection.close()


def sections(path: Path) -> tuple[str, str]:
    """The way up and the way down of a migration."""
    up, down = re.split(r"^-- migrate:down.*$", path.read_text(), flags=re.MULTILINE)
    return up, down


async def test_four_starters_at_once_apply_each_migration_once(postgres: str) -> None:
    applied = await asyncio.gather(*(migrate(postgres) for _ in range(4)))
    assert sorted(name for names in applied for name in names) == [path.name for path in MIGRATIONS]
    assert await migrate(postgres) == []


async def test_down_and_up_again_is_the_same_schema(migrated: str) -> None:
    before = await described(migrated)
    connection = await asyncpg.connect(migrated)
    try:
        for path in reversed(MIGRATIONS):
            await connection.execute(sections(path)[1])
        left = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'c')"
            " AND relname <> 'schema_migrations'"
        )
        assert left == []
        for path in MIGRATIONS:
            await connection.execute(sections(path)[0])
    finally:
        await connection.close()
    assert await described(migrated) == before


async def test_what_came_before_is_still_there_after_a_start(migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    await connection.execute(
        "INSERT INTO organizations (organization_id, created_at, updated_at) VALUES ('o', now(), now())"
    )
    await connection.close()
    assert await migrate(migrated) == []
    async with Database.connected(DatabaseOptions(dsn=migrated)) as database, database.connection() as worker:
        assert await worker.fetchval("SELECT count(*) FROM organizations") == 1


async def test_a_schema_of_somebody_else_is_refused_with_the_reason(postgres: str) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute("CREATE TABLE organizations (name text)")
    await connection.close()
    with pytest.raises(MigrationFailed, match="organizations"):
        await migrate(postgres)

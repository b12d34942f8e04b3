"""`sync`, as an operator types it."""

from typing import Any

from storage import sync
from storage.pool import Database
from tests.service.operating import Operator


async def test_an_organization_is_read_now(operator: Operator, database: Database, team: dict[str, Any]) -> None:
    code, told = await operator.types("sync", "--organization", "org-1")
    assert code == 1
    assert told.startswith("NotConnected")
    await operator.types("connections", "connect", "org-1", standard_input=f"{team['api_key']}\n")
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO sync_streams (organization_id, stream, next_cycle_at, cycle_started_at, cycle_ended_at)"
            " SELECT 'org-1', unnest($1::text[]), 'infinity', '2026-01-01', '2026-01-01'"
            " ON CONFLICT (organization_id, stream) DO UPDATE SET next_cycle_at = 'infinity'",
            list(sync.SyncStream),
        )
    code, told = await operator.types(
        "sync", "--organization", "org-1", "--since", "2026-01-05T00:00:00", "--wait", "0"
    )
    assert code == 0, told
    assert "not through yet: it goes on where a process with the role `poll` runs" in told
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT next_cycle_at, read_again_since FROM sync_streams")
    assert {str(row["read_again_since"]) for row in rows} == {"2026-01-05 00:00:00+00:00"}


async def test_an_organization_is_compared_now(operator: Operator, database: Database, team: dict[str, Any]) -> None:
    code, told = await operator.types("sync", "--organization", "org-1", "--reconcile")
    assert code == 1
    assert told.startswith("NotConnected")
    await operator.types("connections", "connect", "org-1", standard_input=f"{team['api_key']}\n")
    code, told = await operator.types("sync", "--organization", "org-1", "--reconcile", "--wait", "0")
    assert code == 0, told
    assert "not through yet: it goes on where a process with the role `poll` runs" in told
    async with database.transaction() as connection:
        (row,) = await connection.fetch("SELECT due_at = asked_at AS is_due FROM reconciliations")
        assert row["is_due"]
        await connection.execute(
            "UPDATE reconciliations SET started_at = '2126-01-01', ended_at = '2126-01-01', holes = 3, deletions = 4"
        )
    code, told = await operator.types("sync", "--organization", "org-1", "--reconcile", "--wait", "0")
    assert code == 0, told
    assert "compared" in told
    assert "goes on" not in told
    code, told = await operator.types("sync", "--organization", "org-1", "--reconcile", "--since", "2026-01-05")
    assert code == 2
    assert "leave --since out" in told

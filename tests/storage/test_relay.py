"""How the outbox's queue is taken from, whatever the planner has seen of it before."""

import asyncpg
import pytest

from storage import relay
from storage.pool import Connection, Database
from storage.relay import OutboxRow

_READ = """
SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'outbox_unsent'
"""


@pytest.mark.parametrize("looked_at", ["never", "short", "empty"])
async def test_marking_never_reads_the_whole_queue(database: Database, migrated: str, looked_at: str) -> None:
    """A plan made while the queue was short is kept while it grows, and its dead rows with it."""
    owner = await asyncpg.connect(migrated)
    try:
        if looked_at == "short":
            await owner.execute("INSERT INTO outbox_unsent SELECT 15, n FROM generate_series(30000, 30005) AS n")
            await owner.execute("VACUUM ANALYZE outbox_unsent")
        elif looked_at == "empty":
            # As a relay leaves it that keeps pace: pages full of what was, and nothing in them.
            await owner.execute("INSERT INTO outbox_unsent SELECT n % 16, n FROM generate_series(30000, 50000) AS n")
            await owner.execute("DELETE FROM outbox_unsent")
            await owner.execute("ANALYZE outbox_unsent")
        async with database.connection() as connection:
            for position in range(10):
                await owner.execute("INSERT INTO outbox_unsent VALUES (0, $1)", position)
                assert await read_to_mark(connection, [sent(0, position)]) <= 10
            await owner.execute("INSERT INTO outbox_unsent SELECT n % 16, n FROM generate_series(0, 20000) AS n")
            assert await read_to_mark(connection, [sent(n % 16, n) for n in range(100)]) <= 300
        assert await owner.fetchval("SELECT min(position) FROM outbox_unsent") == 100
    finally:
        await owner.close()


async def read_to_mark(connection: Connection, rows: list[OutboxRow]) -> int:
    """How many rows Postgres touched for it."""
    before = await connection.fetchval(_READ)
    async with connection.transaction():
        await relay.mark_sent(connection, rows)
        return int(await connection.fetchval(_READ) - before)


def sent(lane: int, position: int) -> OutboxRow:
    return OutboxRow(lane=lane, position=position, topic="t", key=None, headers=b"[]", payload=None)

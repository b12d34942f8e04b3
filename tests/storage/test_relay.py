"""How the outbox's queue is read and taken from, whatever the planner has seen of it before."""

from storage import relay
from storage.pool import Database
from storage.relay import OutboxRow


async def test_marking_never_reads_the_whole_queue(database: Database) -> None:
    """A plan made while the queue was short is kept while it grows, and its dead rows with it."""
    async with database.connection() as connection:
        for position in range(10):
            await connection.execute("INSERT INTO outbox_unsent VALUES (0, $1)", position)
            await connection.execute("ANALYZE outbox_unsent")
            async with connection.transaction():
                await relay.mark_sent(connection, [sent(position)])
        await connection.execute("INSERT INTO outbox_unsent SELECT n % 16, n FROM generate_series(100, 20000) AS n")
        async with connection.transaction():
            await relay.mark_sent(connection, [sent(position) for position in range(100, 200)])
            read = await connection.fetchval(
                "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'outbox_unsent'"
            )
        left = await connection.fetchval("SELECT count(*) FROM outbox_unsent WHERE position BETWEEN 100 AND 199")
    assert (read, left) == (0, 0)


def sent(position: int) -> OutboxRow:
    return OutboxRow(
        lane=position % 16 if position >= 100 else 0,
        position=position,
        topic="t",
        key=None,
        headers=b"[]",
        payload=None,
    )

"""Fixtures of what leaves for the bus."""

from collections.abc import AsyncIterator

import pytest

from storage.migrate import migrate
from storage.pool import Database, DatabaseOptions
from tests.producers.relay_bench import RelayBench


@pytest.fixture
async def relay_bench(kafka: str, postgres: str) -> AsyncIterator[RelayBench]:
    """An outbox of the test's own on the shared bus."""
    await migrate(postgres)
    async with Database.connected(DatabaseOptions(dsn=postgres)) as database:
        yield RelayBench(database=database, dsn=postgres, bootstrap_servers=kafka)

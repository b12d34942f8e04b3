"""Fixtures of the HTTP API."""

import uuid
from collections.abc import AsyncIterator

import pytest

from sandbox.salesloft.server import SimulatorClient
from sandbox.stack import PostgresServer
from storage.pool import Database, DatabaseOptions
from tests.web.stage import Api, running_api


@pytest.fixture
async def api(simulator: SimulatorClient, database: Database, migrated: str) -> AsyncIterator[Api]:
    """The API, with a team at Salesloft that is not connected yet."""
    async with running_api(simulator, database, migrated) as running:
        yield running


@pytest.fixture(scope="module")
async def shared_api(
    simulator: SimulatorClient, postgres_server: PostgresServer, migrated_template: str
) -> AsyncIterator[Api]:
    """The same for a module's tests, which leave nothing behind that another one minds."""
    name = f"web_{uuid.uuid4().hex}"
    dsn = await postgres_server.create_database(name, template=migrated_template)
    async with (
        Database.connected(DatabaseOptions(dsn=dsn)) as database,
        running_api(simulator, database, dsn) as running,
    ):
        yield running
    await postgres_server.drop_database(name)

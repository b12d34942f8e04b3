"""Fixtures of the HTTP API."""

from collections.abc import AsyncIterator

import pytest

from sandbox.salesloft.server import SimulatorClient
from storage.pool import Database
from tests.web.stage import Api, running_api


@pytest.fixture
async def api(simulator: SimulatorClient, database: Database, migrated: str) -> AsyncIterator[Api]:
    """The API, with a team at Salesloft that is not connected yet."""
    async with running_api(simulator, database, migrated) as running:
        yield running

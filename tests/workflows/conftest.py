"""A scene for each test."""

import pytest

from storage.pool import Database
from tests.workflows.scene import Scene


@pytest.fixture
async def scene(database: Database) -> Scene:
    return await Scene(database).set_up()

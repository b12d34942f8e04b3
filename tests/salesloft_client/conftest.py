from collections.abc import AsyncIterator

import pytest

from salesloft_client import Wire
from tests.salesloft_client.scripted import ScriptedServer, scripted_server, wire


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as scripted:
        yield scripted


@pytest.fixture
async def shared() -> AsyncIterator[Wire]:
    async with wire() as shared_wire:
        yield shared_wire

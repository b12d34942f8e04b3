"""The talk that chat and tools share. What understanding takes is imported when somebody first says something."""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, cast

from storage.pool import Database
from workflows.clock import Clock
from workflows.credentials import Keyring
from workflows.memory import OrganizationMemory

if TYPE_CHECKING:
    from web.talking.talk import Talk

__all__ = ["Talking"]


class Talking:
    """Begins to talk when it is asked to: a start does not wait for it."""

    def __init__(self, database: Database, memory: OrganizationMemory, clock: Clock, keyring: Keyring) -> None:
        self._database = database
        self._memory = memory
        self._clock = clock
        self._keyring = keyring
        self._begun: Talk | None = None

    async def begun(self) -> "Talk":
        """The one talk of this API."""
        if self._begun is None:
            module = await asyncio.to_thread(import_module, "web.talking.talk")
            if self._begun is None:
                talk = module.Talk(self._database, self._memory, self._clock, self._keyring)
                self._begun = cast("Talk", talk)
        return self._begun

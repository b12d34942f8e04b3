"""Hears of a 429 in another process, so that a team's callers stop in this one before they get their own."""

import asyncio

import structlog

from storage import hints
from storage.budget import STOP_CHANNEL
from storage.errors import StorageUnavailable
from workflows.budget import TeamBudgets

__all__ = ["BudgetStops"]

_log = structlog.get_logger(__name__)
_LISTENED_AGAIN_AFTER_S = 5.0


class BudgetStops:
    """A background part. What it does not hear, the next lease tells."""

    name = "budget stops"

    def __init__(self, dsn: str, budgets: TeamBudgets) -> None:
        """`dsn` is for the connection that listens, which is none of the pool's."""
        self._dsn = dsn
        self._budgets = budgets
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop listening."""
        self._stopping.set()

    async def run(self) -> None:
        """Listen until `stop`; a connection that is lost is made again."""
        listening = asyncio.create_task(self._listen(), name="budget stops: listen")
        stopping = asyncio.create_task(self._stopping.wait(), name="budget stops: stopping")
        try:
            await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                listening.result()
        finally:
            for task in (listening, stopping):
                task.cancel()
            await asyncio.gather(listening, stopping, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await hints.hear_told(self._dsn, STOP_CHANNEL, self._budgets.stopped, begun=self.ready.set)
            except StorageUnavailable as error:
                _log.warning("budget_stops_not_heard", error=str(error))
            await asyncio.sleep(_LISTENED_AGAIN_AFTER_S)

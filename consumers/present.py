"""Only of organizations that are here: what the bus says of one that leaves, or has left, is taken and let go."""

from collections.abc import Sequence

import structlog

from consumers.incoming import Incoming
from consumers.settling import Handler, Refusal
from storage import departures
from storage.pool import Connection

__all__ = ["Present"]

_log = structlog.get_logger(__name__)


class Present:
    """Around a handler, which hears nothing of who has left. Their records are marked as taken all the same."""

    def __init__(self, handler: Handler) -> None:
        self.name = handler.name
        self.topics = handler.topics
        self._handler = handler

    async def apply(self, connection: Connection, batch: Sequence[Incoming]) -> Sequence[Refusal]:
        """See `consumers.settling.Handler`."""
        gone = await departures.among(connection, {incoming.organization_id for incoming in batch})
        if not gone:
            return await self._handler.apply(connection, batch)
        here = [incoming for incoming in batch if incoming.organization_id not in gone]
        _log.info("records_of_the_departed", handler=self.name, records=len(batch) - len(here))
        return await self._handler.apply(connection, here) if here else ()

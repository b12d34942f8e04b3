"""A stream's records by their ids, or by whose they are, as many in one call as a page holds."""

from collections.abc import Collection
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import structlog

from producers.streams.readers import StreamReader
from salesloft_client import Batch, CursorPosition, SalesloftClient
from salesloft_client.cursor import RecordId
from storage.sync import SyncStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["AT_A_TIME", "NotNarrowed", "fetch", "fetch_of_people"]

_log = structlog.get_logger(__name__)

AT_A_TIME: Final = 100
"""How many ids one call asks for: what they name fits on one page."""
_EVER: Final = CursorPosition(updated_at=datetime(1970, 1, 1, tzinfo=UTC))
# What is asked for may have just changed: also what is a little ahead of our clock is read.
_SETTLE: Final = timedelta(minutes=-5)


class NotNarrowed(Exception):
    """Salesloft did not narrow its list to the ids: nothing of its answer says what is there and what is not."""


async def fetch(
    client: SalesloftClient, stream: SyncStream, reader: StreamReader, ids: Collection[RecordId]
) -> list[Batch[Any]]:
    """What Salesloft has of these records, up to a hundred. Raises Salesloft's errors, and NotNarrowed."""
    asked = set(ids)
    where: dict[str, Any] = {**reader.where, "ids[]": sorted(asked, key=str)}
    changes = client.changes(reader.source, _EVER, where=where, settle=_SETTLE)
    found: list[Batch[Any]] = []
    async with aclosing(cast("AsyncGenerator[Batch[Any]]", changes)) as batches:
        async for batch in batches:
            if not asked.issuperset(row.id for row in batch.rows):
                # Salesloft ignores a filter that it does not know without a word, and answers with everything.
                _log.error("salesloft_ids_not_filtered", stream=stream)
                raise NotNarrowed
            found.append(batch)
    return found


async def fetch_of_people(
    client: SalesloftClient, reader: StreamReader, people: Collection[int], since: datetime | None
) -> list[Batch[Any]]:
    """What some people's records of a stream show that has changed since then, up to now; all where it is None.

    The stream is one that tells whose its records are. Raises Salesloft's errors.
    """
    where: dict[str, Any] = {**reader.where, cast("str", reader.by_person): sorted(people)}
    position = _EVER if since is None else CursorPosition(updated_at=since)
    changes = client.changes(reader.source, position, where=where, settle=_SETTLE)
    async with aclosing(cast("AsyncGenerator[Batch[Any]]", changes)) as batches:
        return [batch async for batch in batches]

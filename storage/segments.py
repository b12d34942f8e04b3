"""The segments that an organization's customers are of, as they are written. Nothing here writes."""

from typing import Final

from storage.pool import Connection
from storage.queries import queries

__all__ = ["MOST_SEGMENTS", "has_segment", "list_segments"]

MOST_SEGMENTS: Final = 200


async def list_segments(connection: Connection, organization_id: str) -> list[str]:
    """The first of them by name, at most so many."""
    rows = await queries.list_segments(connection, organization_id=organization_id, at_most=MOST_SEGMENTS)
    return [row["segment"] for row in rows]


async def has_segment(connection: Connection, organization_id: str, segment: str) -> bool:
    """Whether some customer is of a segment; case and blanks count."""
    return bool(await queries.has_segment(connection, organization_id=organization_id, segment=segment))

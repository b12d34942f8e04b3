"""Duties that one replica does at a time, and the pruning that is among them."""

from datetime import datetime

from storage.pool import Connection
from storage.queries import queries

__all__ = ["prune_commands", "prune_inbox", "try_turn"]


async def try_turn(connection: Connection, duty: str) -> bool:
    """Be the one who does a duty until the transaction ends; false, at once, if somebody else is."""
    taken: bool = await queries.try_turn(connection, duty=duty)
    return taken


async def prune_inbox(connection: Connection, *, recorded_before: datetime, limit: int) -> int:
    """Delete up to `limit` marks made before an instant of real time; returns how many."""
    deleted: int = await queries.prune_inbox(connection, recorded_before=recorded_before, at_most=limit)
    return deleted


async def prune_commands(connection: Connection, *, done_before: datetime, limit: int) -> int:
    """Delete up to `limit` commands that were done before a business instant; returns how many."""
    deleted: int = await queries.prune_commands(connection, done_before=done_before, at_most=limit)
    return deleted

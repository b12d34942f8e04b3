"""Everything that is kept of an organization, row by row."""

from collections.abc import AsyncIterator
from typing import Final

from storage.pool import Connection
from storage.queries import queries

__all__ = ["exported_rows", "exported_tables"]

# What nobody may carry away, be it their own: what opens a team's Salesloft, and answers that are one caller's alone.
_NOT_EXPORTED: Final = frozenset({"idempotent_requests", "salesloft_authorizations", "limit_locks"})
_WITHHELD: Final = ("secret", "key_id", "nonce")
_PREFETCH: Final = 500


async def exported_tables(connection: Connection) -> list[str]:
    """The tables that an organization's export has rows of; `connection` acts as the api role."""
    rows = await queries.readable_tables(connection)
    return [row["name"] for row in rows if row["name"] not in _NOT_EXPORTED]


async def exported_rows(connection: Connection, table: str, organization_id: str) -> AsyncIterator[str]:
    """A table's rows of an organization, each as JSON; binary values in hexadecimal, without what is secret.

    `table` is one of `exported_tables`. The rows are read in the connection's transaction, a few at a time.
    """
    # A table's name cannot be a parameter; it comes from the catalogue.
    asked = f'SELECT (to_jsonb(t) - $2::text[])::text FROM "{table}" t WHERE organization_id = $1'  # noqa: S608
    async for row in connection.cursor(asked, organization_id, list(_WITHHELD), prefetch=_PREFETCH):
        yield row[0]

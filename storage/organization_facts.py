"""What decisions rest on of their organizations, kept once under a digest of what it says."""

from collections.abc import Collection, Sequence
from datetime import datetime

from storage.pool import Connection
from storage.queries import queries

__all__ = ["keep", "read"]


async def keep(connection: Connection, facts: Sequence[tuple[str, str, bytes]], now: datetime) -> set[tuple[str, str]]:
    """Store (organization, digest, JSON), and answer organization and digest of what is there for good already."""
    rows = await queries.keep_organization_facts(
        connection,
        organization_ids=[organization_id for organization_id, _, _ in facts],
        digests=[digest for _, digest, _ in facts],
        facts=[text.decode() for _, _, text in facts],
        now=now,
    )
    return {(row["organization_id"], row["digest"]) for row in rows}


async def read(connection: Connection, organization_id: str, digests: Collection[str]) -> dict[str, str]:
    """The JSON under each of some digests that is there."""
    rows = await queries.read_organization_facts(connection, organization_id=organization_id, digests=list(digests))
    return {row["digest"]: row["facts"] for row in rows}

"""What organizations have chosen, under each version of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from storage.pool import Connection
from storage.queries import queries

__all__ = ["StoredSettings", "history", "history_before", "is_embedding_origin", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSettings:
    """What was chosen, by name; `changed_at` and `changed_by` are None where nothing ever was."""

    version: int
    chosen: dict[str, Any]
    changed_at: datetime | None
    changed_by: str | None


async def read(connection: Connection, organization_id: str) -> StoredSettings | None:
    """An organization's settings as they stand, None of an unknown one."""
    rows = await queries.read_organization_settings(connection, organization_id=organization_id)
    if not rows:
        return None
    (row,) = rows
    # The zone has a column of its own, which is what decisions read.
    return _stored(row, orjson.loads(row["settings"]) | {"time_zone": row["time_zone"]})


async def history(connection: Connection, organization_id: str) -> list[StoredSettings]:
    """Every version that was made, the oldest first; version 1, in which nothing is chosen, is not among them."""
    rows = await queries.settings_history(connection, organization_id=organization_id)
    return [_stored(row, orjson.loads(row["settings"])) for row in rows]


async def history_before(
    connection: Connection, organization_id: str, before: int | None, *, limit: int
) -> list[StoredSettings]:
    """The latest versions that were made, the latest first; those before a version where one is given."""
    rows = await queries.settings_before(connection, organization_id=organization_id, before=before, limit=limit)
    return [_stored(row, orjson.loads(row["settings"])) for row in rows]


async def is_embedding_origin(connection: Connection, origin: str) -> bool:
    """Whether any organization has chosen an origin as one whose pages may embed ours."""
    return bool(await queries.is_embedding_origin(connection, origin=origin))


def _stored(row: Any, chosen: dict[str, Any]) -> StoredSettings:
    return StoredSettings(
        version=row["settings_version"], chosen=chosen, changed_at=row["changed_at"], changed_by=row["changed_by"]
    )

"""Mappings' versions: drafts and what was published, in what order, and who did what to them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from enrollment.criteria import Criteria
from enrollment.drafts import MappingDocument
from enrollment.mappings import Mapping
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "Change",
    "MappingChange",
    "MappingVersion",
    "Resident",
    "Status",
    "changes_of",
    "discard_draft",
    "latest_version",
    "list_versions",
    "note",
    "population",
    "publish_draft",
    "put_draft",
    "retire",
    "set_draft_status",
    "set_enabled",
    "set_priority",
    "versions_of",
]

Status = Literal["draft", "validated", "published", "retired"]
Change = Literal["drafted", "discarded", "published", "enabled", "disabled", "reordered", "retired"]

_CRITERIA: TypeAdapter[Criteria] = TypeAdapter(Criteria)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingVersion:
    """One version as it is stored; `parked` while another team is connected than the one it was published for."""

    document: MappingDocument
    id: UUID
    version: int
    status: Status
    cadence_name: str | None
    parked: bool
    created_at: datetime
    created_by: str | None
    published_at: datetime | None
    published_by: str | None

    @property
    def is_draft(self) -> bool:
        """Whether it may still change."""
        return self.status in {"draft", "validated"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingChange:
    """What somebody did to a mapping."""

    version: int
    change: Change
    detail: str | None
    changed_at: datetime
    changed_by: str | None


@dataclass(slots=True)
class Resident:
    """A stakeholder of the current population, as JSON; `tallies` are those of a known engagement."""

    stakeholder_id: str
    customer_id: str
    stakeholder: str
    customer: str
    engagement: str | None
    tallies: str | None


async def list_versions(connection: Connection, organization_id: str) -> list[MappingVersion]:
    """Drafts and published versions, in the order in which they are asked."""
    rows = await queries.list_mapping_versions(connection, organization_id=organization_id, id=None)
    return [_version(row) for row in rows]


async def versions_of(connection: Connection, organization_id: str, id_: UUID) -> list[MappingVersion]:
    """Every version of one mapping, the retired among them, the oldest first."""
    rows = await queries.list_mapping_versions(connection, organization_id=organization_id, id=id_)
    return sorted((_version(row) for row in rows), key=lambda one: one.version)


async def latest_version(connection: Connection, organization_id: str, id_: UUID) -> int:
    """The highest version of a mapping, 0 of a new one."""
    version: int | None = await queries.latest_mapping_version(connection, organization_id=organization_id, id=id_)
    return version or 0


async def put_draft(
    connection: Connection,
    organization_id: str,
    document: MappingDocument,
    *,
    id_: UUID,
    version: int,
    status: Literal["draft", "validated"],
    cadence_name: str | None,
    by: str | None,
    now: datetime,
) -> None:
    """Write a draft, in the place of the one of that version."""
    await queries.put_draft(
        connection,
        id=id_,
        version=version,
        organization_id=organization_id,
        status=status,
        trigger_type=document.trigger_type,
        segment=document.segment,
        purpose=document.its_purpose,
        cadence_id=document.cadence_id,
        cadence_name=cadence_name,
        start_step_id=document.start_step_id,
        sender=document.sender.model_dump_json(),
        stakeholder_criteria=_CRITERIA.dump_json(document.stakeholder_criteria, by_alias=True).decode(),
        customer_criteria=_CRITERIA.dump_json(document.customer_criteria, by_alias=True).decode(),
        policy=document.policy.model_dump_json(),
        priority=document.priority,
        exclusivity_group=document.exclusivity_group,
        enabled=document.enabled,
        created_at=now,
        created_by=by,
    )


async def set_draft_status(
    connection: Connection, organization_id: str, id_: UUID, status: Literal["draft", "validated"]
) -> None:
    """Whether something speaks against publishing a mapping's draft."""
    await queries.set_draft_status(connection, organization_id=organization_id, id=id_, status=status)


async def publish_draft(
    connection: Connection, organization_id: str, mapping: Mapping, *, cadence_name: str, by: str | None, now: datetime
) -> None:
    """A mapping's draft counts from now on, in the place of the version before."""
    await retire(connection, organization_id, mapping.id)
    await queries.publish_draft(
        connection, organization_id=organization_id, id=mapping.id, cadence_name=cadence_name, by=by, now=now
    )


async def retire(connection: Connection, organization_id: str, id_: UUID) -> None:
    """A mapping's published version counts no longer."""
    await queries.retire_mapping(connection, organization_id=organization_id, id=id_)


async def discard_draft(connection: Connection, organization_id: str, id_: UUID) -> None:
    """Nobody will publish this draft."""
    await queries.discard_draft(connection, organization_id=organization_id, id=id_)


async def set_enabled(connection: Connection, organization_id: str, id_: UUID, *, enabled: bool) -> None:
    """Whether the published version counts."""
    await queries.set_mapping_enabled(connection, organization_id=organization_id, id=id_, enabled=enabled)


async def set_priority(connection: Connection, organization_id: str, id_: UUID, priority: int) -> None:
    """Where the published version stands; lower is asked first."""
    await queries.set_mapping_priority(connection, organization_id=organization_id, id=id_, priority=priority)


async def note(
    connection: Connection,
    organization_id: str,
    id_: UUID,
    version: int,
    change: Change,
    *,
    by: str | None,
    now: datetime,
    detail: str | None = None,
) -> None:
    """Keep who did what to a mapping."""
    await queries.note_mapping_change(
        connection,
        organization_id=organization_id,
        mapping_id=id_,
        version=version,
        change=change,
        detail=detail,
        now=now,
        by=by,
    )


async def changes_of(connection: Connection, organization_id: str, id_: UUID) -> list[MappingChange]:
    """What was done to a mapping, the first first."""
    rows = await queries.list_mapping_changes(connection, organization_id=organization_id, mapping_id=id_)
    return [MappingChange(**dict(row)) for row in rows]


async def population(
    connection: Connection, organization_id: str, *, page: int = 1000
) -> AsyncIterator[list[Resident]]:
    """The stakeholders whom a trigger of their customer may concern, page by page, in the order of their ids."""
    after = ""
    while rows := await queries.page_population(connection, organization_id=organization_id, after=after, limit=page):
        yield [
            Resident(
                row["stakeholder_id"],
                row["customer_id"],
                row["stakeholder"],
                row["customer"],
                row["engagement"],
                row["tallies"],
            )
            for row in rows
        ]
        after = rows[-1]["stakeholder_id"]


_SAID = (
    "trigger_type",
    "segment",
    "purpose",
    "cadence_id",
    "start_step_id",
    "priority",
    "exclusivity_group",
    "enabled",
)


def _version(row: Any) -> MappingVersion:
    id_ = UUID(bytes=row["id"].bytes)  # asyncpg's own kind of UUID is not one that orjson knows
    said: dict[str, Any] = {name: row[name] for name in _SAID}
    for name in ("sender", "stakeholder_criteria", "customer_criteria", "policy"):
        said[name] = orjson.Fragment(row[name])
    return MappingVersion(
        document=MappingDocument.model_validate_json(orjson.dumps(said | {"id": id_})),
        id=id_,
        version=row["version"],
        status=row["status"],
        cadence_name=row["cadence_name"],
        parked=row["parked"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        published_at=row["published_at"],
        published_by=row["published_by"],
    )

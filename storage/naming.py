"""What people call that which elsewhere has an id alone. Nothing here writes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from schemas.vocabulary import TriggerType
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "EnrollmentNamed",
    "MappingNamed",
    "StepNamed",
    "cadences",
    "enrollments",
    "mappings",
    "senders",
    "stakeholders",
    "steps",
    "users",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentNamed:
    """Whom an enrollment is about, and which cadence; a name is None of somebody erased."""

    stakeholder_id: str
    name: str | None
    cadence_id: int
    cadence_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNamed:
    """What a mapping is of; `segment` is None of one for any."""

    mapping_id: UUID
    trigger_type: TriggerType
    segment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepNamed:
    """A step of a cadence; `number` is its place among them all, from 1."""

    number: int
    name: str | None
    type: str


async def enrollments(
    connection: Connection, organization_id: str, ids: Collection[UUID]
) -> dict[UUID, EnrollmentNamed]:
    """Some enrollments, by their ids."""
    rows = await queries.names_of_enrollments(connection, organization_id=organization_id, ids=list(ids))
    return {
        plain_uuid(row["id"]): EnrollmentNamed(
            stakeholder_id=row["stakeholder_id"],
            name=row["name"],
            cadence_id=row["cadence_id"],
            cadence_name=row["cadence_name"],
        )
        for row in rows
    }


async def mappings(connection: Connection, organization_id: str, ids: Collection[UUID]) -> dict[UUID, MappingNamed]:
    """Some mappings and runs of mappings, by their ids."""
    rows = await queries.names_of_mappings(connection, organization_id=organization_id, ids=list(ids))
    return {
        plain_uuid(row["id"]): MappingNamed(
            mapping_id=plain_uuid(row["mapping_id"]),
            trigger_type=TriggerType(row["trigger_type"]),
            segment=row["segment"],
        )
        for row in rows
    }


async def cadences(connection: Connection, organization_id: str, ids: Collection[int]) -> dict[int, str | None]:
    """Some cadences, by their ids."""
    rows = await queries.names_of_cadences(connection, organization_id=organization_id, ids=list(ids))
    return {row["cadence_id"]: row["name"] for row in rows}


async def steps(
    connection: Connection, organization_id: str, cadence_ids: Collection[int], ids: Collection[int]
) -> dict[int, StepNamed]:
    """Some steps of some cadences, by their ids; those that the cadence has no more are left out."""
    rows = await queries.names_of_steps(
        connection, organization_id=organization_id, cadence_ids=list(cadence_ids), ids=list(ids)
    )
    return {row["step_id"]: StepNamed(number=row["number"], name=row["name"], type=row["type"]) for row in rows}


async def senders(connection: Connection, organization_id: str, ids: Collection[int]) -> dict[int, str]:
    """What some of Salesloft's users are called, by their ids; those of whom it is not known are left out."""
    rows = await queries.names_of_senders(connection, organization_id=organization_id, ids=list(ids))
    return {row["user_id"]: row["name"] for row in rows}


async def stakeholders(
    connection: Connection, organization_id: str, stakeholder_ids: Collection[str]
) -> dict[str, str]:
    """What some stakeholders are called; those of whom it is not known are left out."""
    rows = await queries.names_of_stakeholders(
        connection, organization_id=organization_id, stakeholder_ids=list(stakeholder_ids)
    )
    return {row["stakeholder_id"]: row["name"] for row in rows}


async def users(connection: Connection, organization_id: str, user_ids: Iterable[str | None]) -> dict[str, str]:
    """What users of the platform are called, as far as any record says; the others are left out."""
    wanted = sorted({one for one in user_ids if one is not None})
    if not wanted:
        return {}
    rows = await queries.names_of_users(connection, organization_id=organization_id, user_ids=wanted)
    return {row["user_id"]: row["name"] for row in rows}

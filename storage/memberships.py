"""Memberships as Salesloft shows them, each stay of a person on a cadence a row, and whose enrollment made it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from storage.enrollments import Enrollment
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "KnownMembership",
    "MembershipRow",
    "end",
    "forget_intent",
    "has_been_on_cadence",
    "put",
    "read",
    "record_intent",
    "record_membership",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRow:
    """A membership as Salesloft answered it. `current_step` counts the cadence's steps from 1."""

    organization_id: str
    stakeholder_id: str | None
    person_id: int
    cadence_id: int
    cadence_name: str | None
    status: str
    current_step: int | None
    added_at: datetime
    salesloft_membership_id: int
    salesloft_state: str | None
    currently_on_cadence: bool
    user_id: int | None
    step_id: int | None
    enrollment_id: UUID | None
    salesloft_updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMembership:
    """A membership that is kept."""

    id: UUID
    organization_id: str
    stakeholder_id: str | None
    salesloft_person_id: int
    cadence_id: int
    current_step: int | None
    step_id: int | None
    added_at: datetime
    salesloft_membership_id: int
    salesloft_state: str | None
    currently_on_cadence: bool
    enrollment_id: UUID | None


async def put(connection: Connection, membership: MembershipRow, now: datetime) -> tuple[UUID, UUID | None]:
    """Keep a membership; answers our id of it and the enrollment that it belongs to, which is the first one given."""
    rows = await queries.put_membership(
        connection,
        id=uuid4(),
        organization_id=membership.organization_id,
        stakeholder_id=membership.stakeholder_id,
        salesloft_person_id=membership.person_id,
        cadence_id=membership.cadence_id,
        cadence_name=membership.cadence_name,
        status=membership.status,
        current_step=membership.current_step,
        added_at=membership.added_at,
        salesloft_membership_id=membership.salesloft_membership_id,
        salesloft_state=membership.salesloft_state,
        currently_on_cadence=membership.currently_on_cadence,
        salesloft_user_id=membership.user_id,
        step_id=membership.step_id,
        enrollment_id=membership.enrollment_id,
        salesloft_updated_at=membership.salesloft_updated_at,
        now=now,
    )
    row = rows[0]
    await queries.refresh_membership(
        connection,
        id=row["id"],
        status=membership.status,
        current_step=membership.current_step,
        salesloft_state=membership.salesloft_state,
        currently_on_cadence=membership.currently_on_cadence,
        salesloft_user_id=membership.user_id,
        step_id=membership.step_id,
        salesloft_updated_at=membership.salesloft_updated_at,
    )
    return plain_uuid(row["id"]), plain_uuid(row["enrollment_id"]) if row["enrollment_id"] is not None else None


async def read(connection: Connection, membership_id: UUID) -> KnownMembership | None:
    """A membership by our id of it."""
    rows = await queries.read_membership(connection, id=membership_id)
    if not rows:
        return None
    values = {name: rows[0][name] for name in KnownMembership.__dataclass_fields__}
    return KnownMembership(**values | {"id": plain_uuid(values["id"])})


async def end(connection: Connection, membership_id: UUID, *, status: str, salesloft_state: str | None) -> None:
    """The person is off the cadence."""
    await queries.end_membership(connection, id=membership_id, status=status, salesloft_state=salesloft_state)


async def record_intent(connection: Connection, enrollment_id: UUID, *, person_id: int, intended_at: datetime) -> bool:
    """Note, before the call, whom an enrollment is about to add, and since when a membership could be its own.

    `intended_at` is by Salesloft's clock. False where another enrollment has this person's place on the cadence.
    Raises ConcurrentChange where another one takes it in this very moment.
    """
    noted: UUID | None = await queries.record_intent(
        connection, enrollment_id=enrollment_id, person_id=person_id, intended_at=intended_at
    )
    return noted is not None


async def forget_intent(connection: Connection, enrollment_id: UUID) -> None:
    """No call of the enrollment is open, and none had an effect."""
    await queries.forget_intent(connection, enrollment_id=enrollment_id)


async def record_membership(connection: Connection, enrollment_id: UUID, membership_id: UUID) -> None:
    """The enrollment made this membership."""
    await queries.record_membership(connection, enrollment_id=enrollment_id, membership_id=membership_id)


async def has_been_on_cadence(connection: Connection, enrollment: Enrollment) -> bool:
    """Whether the stakeholder is on the enrollment's cadence, or came onto it since they were first asked for."""
    found: bool = await queries.has_been_on_cadence(connection, enrollment_id=enrollment.id)
    return found

"""Stays of people on cadences as Salesloft's records show them; each time a person is added is another one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from activity.memberships import MembershipSeen, MembershipStatus
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "EndedEnrollment",
    "KeptStay",
    "StayRow",
    "customers_of_stays",
    "ended_enrollments",
    "lock_stays",
    "put_stays",
    "stays_under_command",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StayRow:
    """A stay to be remembered; `salesloft_state`, `user_id` and `step_id` are None where this reading does not tell."""

    stakeholder_id: str | None
    person_id: int
    cadence_id: int
    status: MembershipStatus
    added_at: datetime
    completed_at: datetime | None
    salesloft_membership_id: int
    salesloft_state: str | None
    currently_on_cadence: bool
    user_id: int | None
    step_id: int | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStay:
    """A stay as it is remembered; `enrollment_id` is None where no enrollment made it."""

    id: UUID
    salesloft_membership_id: int
    added_at: datetime
    salesloft_state: str | None
    current_step: int | None
    enrollment_id: UUID | None
    cadence_id: int
    cadence_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedEnrollment:
    """An enrollment that is enrolled, and whose stay has ended at Salesloft."""

    enrollment_id: UUID
    customer_id: str
    stakeholder_id: str
    stay_id: UUID
    salesloft_membership_id: int
    person_id: int
    cadence_id: int
    step_id: int | None
    added_at: datetime
    status: MembershipStatus
    salesloft_state: str | None
    current_step: int | None
    updated_at: datetime


async def customers_of_stays(connection: Connection, organization_id: str, people: Collection[int]) -> set[str]:
    """The customers of the enrollments that made some people's stays."""
    rows = await queries.customers_of_stays(connection, organization_id=organization_id, person_ids=list(people))
    return {row["customer_id"] for row in rows}


async def lock_stays(
    connection: Connection, organization_id: str, membership_ids: Collection[int]
) -> dict[int, MembershipSeen]:
    """The newest stay of some of Salesloft's memberships. Every stay of theirs is locked until the commit."""
    rows = await queries.lock_stays(connection, organization_id=organization_id, membership_ids=list(membership_ids))
    return {
        row["salesloft_membership_id"]: MembershipSeen(
            added_at=row["added_at"],
            updated_at=row["salesloft_updated_at"],
            status=MembershipStatus(row["status"]),
        )
        for row in rows
    }


async def stays_under_command(
    connection: Connection, organization_id: str, people: Collection[int]
) -> set[tuple[int, int]]:
    """The person and cadence of each stay that a command of ours is at work on."""
    rows = await queries.stays_under_command(connection, organization_id=organization_id, person_ids=list(people))
    return {(row["salesloft_person_id"], row["cadence_id"]) for row in rows}


async def put_stays(
    connection: Connection, organization_id: str, stays: Sequence[StayRow], now: datetime
) -> list[KeptStay]:
    """Remember stays, each at most once in a call, and answer those that are new or changed."""
    rows = await queries.put_stays(
        connection,
        organization_id=organization_id,
        now=now,
        ids=[uuid4() for _ in stays],
        stakeholder_ids=[stay.stakeholder_id for stay in stays],
        person_ids=[stay.person_id for stay in stays],
        cadence_ids=[stay.cadence_id for stay in stays],
        statuses=[stay.status for stay in stays],
        added_at=[stay.added_at for stay in stays],
        completed_at=[stay.completed_at for stay in stays],
        membership_ids=[stay.salesloft_membership_id for stay in stays],
        salesloft_states=[stay.salesloft_state for stay in stays],
        on_cadence=[stay.currently_on_cadence for stay in stays],
        user_ids=[stay.user_id for stay in stays],
        step_ids=[stay.step_id for stay in stays],
        updated_at=[stay.updated_at for stay in stays],
    )
    return [
        KeptStay(
            id=UUID(bytes=row["id"].bytes),
            salesloft_membership_id=row["salesloft_membership_id"],
            added_at=row["added_at"],
            salesloft_state=row["salesloft_state"],
            current_step=row["current_step"],
            enrollment_id=row["enrollment_id"],
            cadence_id=row["cadence_id"],
            cadence_name=row["cadence_name"],
        )
        for row in rows
    ]


async def ended_enrollments(connection: Connection, organization_id: str) -> list[EndedEnrollment]:
    """Enrollments that Salesloft has ended by itself. Nothing is locked."""
    rows = await queries.ended_enrollments(connection, organization_id=organization_id)
    return [
        EndedEnrollment(
            enrollment_id=UUID(bytes=row["enrollment_id"].bytes),
            customer_id=row["customer_id"],
            stakeholder_id=row["stakeholder_id"],
            stay_id=UUID(bytes=row["id"].bytes),
            salesloft_membership_id=row["salesloft_membership_id"],
            person_id=row["salesloft_person_id"],
            cadence_id=row["cadence_id"],
            step_id=row["step_id"],
            added_at=row["added_at"],
            status=MembershipStatus(row["status"]),
            salesloft_state=row["salesloft_state"],
            current_step=row["current_step"],
            updated_at=row["salesloft_updated_at"],
        )
        for row in rows
    ]

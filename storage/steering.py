"""What people ask of enrollments, and how it is kept until it is carried out."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from schemas.vocabulary import RequesterKind
from storage.directory import StakeholderKey
from storage.enrollments import Enrollment
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries
from storage.rows import rows_as

__all__ = [
    "FailedSteering",
    "Listed",
    "Steering",
    "SteeringAction",
    "add",
    "change_sender",
    "customer_of",
    "failed",
    "keep_paused",
    "let_go",
    "list_enrollments",
    "list_of",
    "move_on",
    "read",
    "scrub",
    "try_again",
]


class SteeringAction(StrEnum):
    """What a person may ask of an enrollment that was approved."""

    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    RESTART = "restart"
    CHANGE_SENDER = "change_sender"
    REMOVE = "remove"
    RETRY = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """Something that a person asks, under an id of their own choosing.

    `until` is when a pause ends by itself, `step_id` where the cadence begins again, `sender_user_id` Salesloft's id of
    who is to send. The note is empty where the stakeholder was erased.
    """

    id: UUID
    enrollment_id: UUID
    action: SteeringAction
    asked_by_kind: RequesterKind = RequesterKind.USER
    asked_by: str
    note: str
    until: datetime | None = None
    step_id: int | None = None
    sender_user_id: int | None = None


@dataclass(slots=True)
class FailedSteering:
    """Something that was asked of a stay and that Salesloft refuses, or failed to do.

    `kind` is what was to be done there: `pause` takes off, `resume` adds back, `remove` takes off for good.
    """

    id: UUID
    kind: str
    enrollment_id: UUID
    customer_id: str
    stakeholder_id: str
    stakeholder_name: str | None
    membership_id: UUID | None
    cadence_id: int
    cadence_name: str | None
    state: str
    reason: str | None
    attempts: int
    last_error: str
    created_at: datetime
    can_be_retried: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An enrollment as people choose one to steer."""

    id: UUID
    customer_id: str
    stakeholder_id: str
    cadence_id: int
    cadence_name: str | None
    state: str
    reason: str | None
    updated_at: datetime
    paused_by: str | None
    paused_until: datetime | None


async def list_enrollments(
    connection: Connection,
    organization_id: str,
    *,
    customer_id: str | None = None,
    stakeholder_id: str | None = None,
    limit: int,
) -> list[Listed]:
    """An organization's enrollments, of a customer or a stakeholder where one is named; the open ones first."""
    rows = await queries.list_enrollments(
        connection,
        organization_id=organization_id,
        customer_id=customer_id,
        stakeholder_id=stakeholder_id,
        at_most=limit,
    )
    return [Listed(**{name: row[name] for name in Listed.__dataclass_fields__}) for row in rows]


async def add(connection: Connection, organization_id: str, asked: Steering, now: datetime) -> bool:
    """Note what is asked; False where something was asked under that id before."""
    added = await queries.add_steering(
        connection,
        organization_id=organization_id,
        id=asked.id,
        enrollment_id=asked.enrollment_id,
        action=asked.action.value,
        asked_by_kind=asked.asked_by_kind.value,
        asked_by=asked.asked_by,
        note=asked.note,
        until=asked.until,
        step_id=asked.step_id,
        sender_user_id=asked.sender_user_id,
        now=now,
    )
    return added is not None


async def read(connection: Connection, organization_id: str, steering_id: UUID) -> Steering | None:
    """What was asked under an id."""
    rows = await queries.read_steering(connection, organization_id=organization_id, id=steering_id)
    return _steering(rows[0], steering_id) if rows else None


async def list_of(connection: Connection, organization_id: str, enrollment_id: UUID) -> list[tuple[datetime, Steering]]:
    """What people have asked of an enrollment, with when, oldest first."""
    rows = await queries.list_steerings(connection, organization_id=organization_id, enrollment_id=enrollment_id)
    return [(row["asked_at"], _steering(row, row["id"])) for row in rows]


async def scrub(connection: Connection, stakeholders: Collection[StakeholderKey]) -> None:
    """Delete what people said of erased stakeholders."""
    await queries.scrub_steerings(
        connection,
        organization_ids=[organization_id for organization_id, _ in stakeholders],
        stakeholder_ids=[stakeholder_id for _, stakeholder_id in stakeholders],
    )


async def try_again(connection: Connection, enrollment_id: UUID, now: datetime) -> int:
    """Have what failed of an enrollment's tried again without a pause; answers how much that is."""
    hastened: int = await queries.try_again(connection, enrollment_id=enrollment_id, now=now)
    return hastened


async def failed(
    connection: Connection,
    organization_id: str,
    *,
    customer_id: str | None,
    stakeholder_id: str | None,
    before: tuple[datetime | None, UUID | None],
    limit: int,
    now: datetime,
) -> list[FailedSteering]:
    """What Salesloft refuses of what was asked of stays, and what it refused for good; the latest first."""
    rows = await queries.look_at_failed_steerings(
        connection,
        organization_id=organization_id,
        customer_id=customer_id,
        stakeholder_id=stakeholder_id,
        before_at=before[0],
        before_id=before[1],
        at_most=limit,
        now=now,
    )
    return rows_as(FailedSteering, rows)


async def customer_of(connection: Connection, organization_id: str, enrollment_id: UUID) -> str | None:
    """The customer of an enrollment, which never changes; None where the organization has no such enrollment."""
    found: str | None = await queries.customer_of_enrollment(
        connection, organization_id=organization_id, enrollment_id=enrollment_id
    )
    return found


async def keep_paused(connection: Connection, enrollment: Enrollment, asked: Steering, now: datetime) -> None:
    """Whoever asks pauses it, whatever else holds it."""
    await queries.keep_paused(
        connection,
        enrollment_id=enrollment.id,
        organization_id=enrollment.organization_id,
        asked_by_kind=asked.asked_by_kind.value,
        asked_by=asked.asked_by,
        until=asked.until,
        now=now,
    )


async def let_go(connection: Connection, enrollment_id: UUID) -> None:
    """Nobody pauses it any more."""
    await queries.let_go(connection, enrollment_id=enrollment_id)


async def move_on(
    connection: Connection,
    enrollment: Enrollment,
    asked: Steering,
    now: datetime,
    *,
    to_step_id: int | None,
    skips: int,
) -> None:
    """The cadence is to go on at a step, so many steps further, or where it stands."""
    await queries.move_on(
        connection,
        enrollment_id=enrollment.id,
        organization_id=enrollment.organization_id,
        moved_by_kind=asked.asked_by_kind.value,
        moved_by=asked.asked_by,
        to_step_id=to_step_id,
        skips=skips,
        now=now,
    )


async def change_sender(connection: Connection, enrollment_id: UUID, sender_user_id: int) -> None:
    """Somebody else is to send from the next time on that the person is added."""
    await queries.change_sender(connection, enrollment_id=enrollment_id, sender_user_id=sender_user_id)


def _steering(row: Any, steering_id: UUID) -> Steering:
    return Steering(
        id=plain_uuid(steering_id),
        enrollment_id=plain_uuid(row["enrollment_id"]),
        action=SteeringAction(row["action"]),
        asked_by_kind=RequesterKind(row["asked_by_kind"]),
        asked_by=row["asked_by"],
        note=row["note"],
        until=row["until"],
        step_id=row["step_id"],
        sender_user_id=row["sender_user_id"],
    )

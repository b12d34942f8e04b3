"""Where somebody stands with a cadence, for whoever wants to have something done about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from enrollment.capabilities import Standing
from schemas.vocabulary import EnrollmentState
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = ["Concerned", "of_enrollment", "of_membership"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """Whose it is, and how it stands.

    `enrollment_id` is None of a stay that was made in Salesloft, `customer_id` of one of somebody whom the directory
    does not know, and `membership_id` of an enrollment that has not made one yet.
    """

    enrollment_id: UUID | None
    membership_id: UUID | None
    customer_id: str | None
    standing: Standing


async def of_membership(
    connection: Connection, organization_id: str, membership_id: UUID, now: datetime
) -> Concerned | None:
    """A stay by our id of it; None where the organization has none such."""
    rows = await queries.read_standing_of_membership(
        connection, organization_id=organization_id, id=membership_id, now=now
    )
    return _concerned(rows[0]) if rows else None


async def of_enrollment(
    connection: Connection, organization_id: str, enrollment_id: UUID, now: datetime
) -> Concerned | None:
    """An enrollment; None where the organization has none such."""
    rows = await queries.read_standing_of_enrollment(
        connection, organization_id=organization_id, id=enrollment_id, now=now
    )
    return _concerned(rows[0]) if rows else None


def _concerned(row: Any) -> Concerned:
    state = EnrollmentState(row["state"]) if row["state"] is not None else None
    return Concerned(
        enrollment_id=plain_uuid(row["enrollment_id"]) if row["enrollment_id"] is not None else None,
        membership_id=plain_uuid(row["membership_id"]) if row["membership_id"] is not None else None,
        customer_id=row["customer_id"],
        standing=Standing(
            state=state,
            is_coming_back=row["is_coming_back"],
            is_paused_by_person=row["is_paused_by_person"],
            has_failed=row["has_failed"],
        ),
    )

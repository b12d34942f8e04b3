"""What has changed since a request was asked, looked at in the moment in which it is approved.

Nobody is put on a cadence before the bound facts were read again, which is when the start has come. Whoever approves
is told at once what that look would find, if it were now.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from schemas.approval import ApproverChanges
from schemas.vocabulary import Reason
from storage import enrollments
from storage.enrollments import Enrollment
from storage.pool import Connection
from workflows.memory import OrganizationMemory
from workflows.renewal import Renewed, look_again

__all__ = ["changed_meanwhile"]


async def changed_meanwhile(
    connection: Connection,
    organization_id: str,
    approved: Mapping[UUID, ApproverChanges | None],
    memory: OrganizationMemory,
    now: datetime,
) -> dict[UUID, Renewed | Reason]:
    """Of requests that are approved, each with what the approver changed, those that would be asked anew.

    A reason stands for one that could not be asked any more, and would be withdrawn for it. Nothing is locked: until
    the start has come everything may change once more.
    """
    organization = (await memory.facts(connection, [organization_id], now))[organization_id]
    found: dict[UUID, Renewed | Reason] = {}
    for enrollment in await _approved(connection, organization_id, approved):
        seen = await look_again(connection, enrollment, organization, now)
        # Without a connection nothing is known of the team: it waits, and is looked at once there is one.
        if seen is not Reason.NOT_CONNECTED and (isinstance(seen, Reason) or seen.differences):
            found[enrollment.id] = seen
    return found


async def _approved(
    connection: Connection, organization_id: str, approved: Mapping[UUID, ApproverChanges | None]
) -> Collection[Enrollment]:
    """Enrollments as they are approved: what the approver changed is part of what was agreed."""
    known = await enrollments.show(connection, organization_id, approved)
    return [_as_approved(one, approved[one.id] or ApproverChanges()) for one in known.values()]


def _as_approved(enrollment: Enrollment, changes: ApproverChanges) -> Enrollment:
    return replace(
        enrollment,
        start_on=changes.start_date or enrollment.start_on,
        start_step_id=changes.start_step_id or enrollment.start_step_id,
        sender_user_id=changes.sender_user_id or enrollment.sender_user_id,
    )

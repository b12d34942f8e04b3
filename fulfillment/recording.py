"""What Salesloft's answer makes of an enrollment whose call was made: enrolled, refused, or not known yet."""

from dataclasses import dataclass
from datetime import datetime

from activity.memberships import MembershipStatus, membership_status
from activity.records import MembershipRecord
from enrollment.decide import OrganizationFacts
from enrollment.states import CALL_OPEN, Happening
from salesloft_client import CadenceMembership, SalesloftClient
from schemas.vocabulary import Reason
from storage import memberships
from storage.enrollments import Enrollment
from storage.memberships import MembershipRow
from storage.pool import Connection
from workflows.commands import add_remove
from workflows.transitions import Change, MembershipFacts, transition

__all__ = ["Another", "Nothing", "Ours", "adopt", "find_membership"]


@dataclass(frozen=True, slots=True)
class Ours:
    """The call made this membership."""

    membership: CadenceMembership


@dataclass(frozen=True, slots=True)
class Another:
    """The person is on the cadence, and not by this call."""

    salesloft_membership_id: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """Salesloft shows no membership that this call could have made."""


async def find_membership(client: SalesloftClient, enrollment: Enrollment) -> Ours | Another | Nothing:
    """Read back what an enrollment's call has done. Raises Salesloft's errors.

    There may be several records of one person and cadence, for a reassignment leaves one behind; an older one is
    history. One that was added since the intent and is over already is the call's doing too: to add the person again
    would undo whatever took it off.
    """
    person_id, intended_at = enrollment.salesloft_person_id, enrollment.intended_at
    if person_id is None or intended_at is None:
        raise AssertionError("a call was begun without its intent")
    page = await client.memberships(person_ids=[person_id], cadence_ids=[enrollment.cadence_id])
    rows = [
        row
        for row in page.rows
        # A filter that Salesloft does not know is ignored in silence, so what came is looked at.
        if row.person is not None
        and row.person.id == person_id
        and row.cadence is not None
        and row.cadence.id == enrollment.cadence_id
    ]
    on_it = next((row for row in rows if row.currently_on_cadence), None)
    if on_it is not None:
        return Ours(on_it) if _made_by(enrollment, on_it, intended_at) else Another(on_it.id)
    over = next((row for row in rows if _made_by(enrollment, row, intended_at)), None)
    return Ours(over) if over is not None else Nothing()


def _made_by(enrollment: Enrollment, row: CadenceMembership, intended_at: datetime) -> bool:
    if row.added_at is None or row.added_at < intended_at:
        return False
    return row.user is None or row.user.id == enrollment.sends_user_id


async def adopt(
    connection: Connection,
    enrollment: Enrollment,
    membership: CadenceMembership,
    organization: OrganizationFacts | None,
    now: datetime,
) -> Enrollment:
    """Record the membership that a locked enrollment's call has made, and whatever waited for it.

    Where another enrollment made it first, this one fails as `already_enrolled`, and one that was to be resumed is
    removed. An end that came while the call was open becomes a command to take the person off again.
    """
    is_first = enrollment.state in CALL_OPEN
    row = _row(enrollment, membership, organization, now)
    membership_id, owner = await memberships.put(connection, row, now)
    if owner != enrollment.id:
        lost = Happening.FAIL if is_first else Happening.REMOVE
        change = Change(enrollment=enrollment, happening=lost, reason=Reason.ALREADY_ENROLLED.value)
        (failed,) = await transition(connection, [change], now)
        return failed
    await memberships.record_membership(connection, enrollment.id, membership_id)
    facts = MembershipFacts(
        id=membership_id,
        salesloft_membership_id=membership.id,
        salesloft_state=membership.current_state or "",
        current_step=row.current_step,
    )
    # What was answered at this moment stays, for the membership's own row moves on with Salesloft's.
    answered = {
        "step_id": membership.step.id if membership.step is not None else None,
        "user_id": membership.user.id if membership.user is not None else None,
    }
    made = Change(enrollment=enrollment, happening=Happening.ENROLL, membership=facts, detail=answered)
    if not is_first:
        reason = Reason.PAUSE_ENDED.value
        made = Change(enrollment=enrollment, happening=Happening.RESUME, reason=reason, membership=facts)
    (enrolled,) = await transition(connection, [made], now)
    return await _afterwards(connection, enrolled, row, facts, enrollment.pending_end, now)


async def _afterwards(
    connection: Connection,
    enrolled: Enrollment,
    row: MembershipRow,
    facts: MembershipFacts,
    pending_end: str | None,
    now: datetime,
) -> Enrollment:
    if not row.currently_on_cadence:
        completed = row.status == MembershipStatus.COMPLETED
        over = Change(
            enrollment=enrolled,
            happening=Happening.COMPLETE if completed else Happening.REMOVE,
            reason=pending_end,
            membership=facts,
        )
        (enrolled,) = await transition(connection, [over], now)
    elif pending_end is not None:
        await add_remove(connection, enrolled, happening=Happening.EXIT, reason=pending_end, now=now)
    return enrolled


def _row(
    enrollment: Enrollment, membership: CadenceMembership, organization: OrganizationFacts | None, now: datetime
) -> MembershipRow:
    state = membership.current_state or "processing"
    on_cadence = membership.currently_on_cadence is not False
    added_at = membership.added_at or now
    step_id = membership.step.id if membership.step is not None else enrollment.start_step_id
    record = MembershipRecord(
        id=membership.id,
        person_id=enrollment.salesloft_person_id or 0,
        cadence_id=enrollment.cadence_id,
        user_id=enrollment.sender_user_id,
        step_id=step_id,
        added_at=added_at,
        created_at=membership.created_at or added_at,
        updated_at=membership.updated_at,
        current_state=state,
        currently_on_cadence=on_cadence,
    )
    return MembershipRow(
        organization_id=enrollment.organization_id,
        stakeholder_id=enrollment.stakeholder_id,
        person_id=enrollment.salesloft_person_id or 0,
        cadence_id=enrollment.cadence_id,
        cadence_name=enrollment.cadence_name,
        status=membership_status(record).value,
        current_step=_place(step_id, enrollment.cadence_id, organization),
        added_at=added_at,
        salesloft_membership_id=membership.id,
        salesloft_state=state,
        currently_on_cadence=on_cadence,
        user_id=membership.user.id if membership.user is not None else enrollment.sender_user_id,
        step_id=step_id,
        enrollment_id=enrollment.id,
        salesloft_updated_at=membership.updated_at,
    )


def _place(step_id: int, cadence_id: int, organization: OrganizationFacts | None) -> int | None:
    """Which step of the cadence it is, from 1; None where the cadence no longer has it."""
    cadence = organization.cadences.get(cadence_id) if organization is not None else None
    if cadence is None:
        return None
    return next((place for place, step in enumerate(cadence.steps, 1) if step.id == step_id), None)

"""Take decisions on enrollments: the first that fits its question counts, the others are kept with why they did not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from enrollment.approval import Ignored, Question, judge
from enrollment.decide import OrganizationFacts, zone_of
from enrollment.states import Happening
from enrollment.working_time import first_moment, next_allowed, why_not
from schemas.approval import ApproverChanges, EnrollmentDecision
from schemas.directory import StakeholderSnapshot
from schemas.vocabulary import ActorKind, EnrollmentState, Reason
from storage import directory, enrollments
from storage.enrollments import ApprovedTerms, DecisionRow, Enrollment
from storage.pool import Connection
from workflows.audit import Action, Done, Way, note
from workflows.commands import add_enroll
from workflows.memory import OrganizationMemory
from workflows.transitions import Actor, Change, transition

__all__ = ["IncomingDecision", "judge_decision", "take_decisions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingDecision:
    """A decision as it arrived."""

    decision: EnrollmentDecision
    verdict: Literal["approved", "rejected"]
    event_id: str
    event_source: str


async def take_decisions(
    connection: Connection, incoming: Sequence[IncomingDecision], memory: OrganizationMemory, now: datetime
) -> int:
    """Judge decisions in their order, move the enrollments they fit, and return how many counted.

    An approved enrollment is scheduled at once: its command is stored here and carried out when its start has come.
    """
    organizations = await memory.facts(connection, {one.decision.organization_id for one in incoming}, now)
    await directory.lock_customers(
        connection, {(one.decision.organization_id, one.decision.customer_id) for one in incoming}
    )
    known = await enrollments.lock(connection, {one.decision.enrollment_id for one in incoming})
    kept: list[DecisionRow] = []
    decided: dict[object, _Counted] = {}
    for one in incoming:
        decision = one.decision
        enrollment = known.get(decision.enrollment_id)
        if enrollment is not None and not _own(enrollment, decision):
            enrollment = None
        organization = organizations[decision.organization_id]
        ignored = judge_decision(enrollment, one, organization)
        kept.append(_row(one, ignored))
        if ignored is None and enrollment is not None:
            decided[enrollment.id] = _Counted(enrollment, one, _terms(enrollment, one))
            state = EnrollmentState.APPROVED if one.verdict == "approved" else EnrollmentState.REJECTED
            known[enrollment.id] = replace(enrollment, state=state)
    await enrollments.add_decisions(connection, kept, now)
    if decided:
        await _carry(connection, list(decided.values()), organizations, now)
    return len(decided)


@dataclass(frozen=True, slots=True)
class _Counted:
    enrollment: Enrollment
    incoming: IncomingDecision
    terms: ApprovedTerms


def _own(enrollment: Enrollment, decision: EnrollmentDecision) -> bool:
    return (enrollment.organization_id, enrollment.customer_id) == (decision.organization_id, decision.customer_id)


def judge_decision(
    enrollment: Enrollment | None, one: IncomingDecision, organization: OrganizationFacts
) -> Ignored | None:
    """Why a decision does not count, None if it does; `enrollment` is None where its customer has no such one."""
    decision = one.decision
    question = None
    if enrollment is not None:
        question = Question(
            state=enrollment.state,
            request_digest=enrollment.request_digest,
            asked_again_at=enrollment.requested_at if enrollment.requested_at > enrollment.created_at else None,
            expires_at=enrollment.expires_at,
            requested_by_user=enrollment.requested_by_user,
        )
    ignored = judge(
        question,
        request_digest=decision.request_digest,
        decided_at=decision.decided_at,
        decided_by=decision.decided_by.user_id,
        self_approval_allowed=organization.self_approval_allowed,
    )
    if ignored is None and enrollment is not None and one.verdict == "approved" and decision.changes is not None:
        return _changes_refused(enrollment, decision, decision.changes, organization)
    return ignored


def _changes_refused(
    enrollment: Enrollment, decision: EnrollmentDecision, changes: ApproverChanges, organization: OrganizationFacts
) -> Ignored | None:
    """Changes are validated like a mapping: the step is the cadence's, the sender may use the cadence.

    No mapping fills custom fields yet. An approval that asks for some is not carried out without them.
    """
    if changes.custom_fields:
        return Ignored("changed_custom_fields_not_allowed")
    cadence = organization.cadences.get(enrollment.cadence_id)
    if changes.start_step_id is not None and (
        cadence is None or all(step.id != changes.start_step_id for step in cadence.steps)
    ):
        return Ignored("changed_step_not_in_cadence")
    if changes.sender_user_id is not None:
        if changes.sender_user_id not in organization.senders:
            return Ignored("changed_sender_unknown")
        if cadence is None or not (cadence.team_cadence or cadence.owner_user_id == changes.sender_user_id):
            return Ignored("changed_sender_not_allowed")
    # The day may be over when the decision arrives, and where the approver is it may still be the day before.
    earliest = decision.decided_at.date() - timedelta(days=1)
    if changes.start_date is not None and not earliest <= changes.start_date <= enrollment.execute_by.date():
        return Ignored("changed_start_date_out_of_range")
    return None


def _row(one: IncomingDecision, ignored: Ignored | None) -> DecisionRow:
    decision = one.decision
    return DecisionRow(
        organization_id=decision.organization_id,
        enrollment_id=decision.enrollment_id,
        event_id=one.event_id,
        event_source=one.event_source,
        verdict=one.verdict,
        request_digest=decision.request_digest,
        decided_by=decision.decided_by.user_id,
        decided_at=decision.decided_at,
        ignored_because=ignored.because if ignored is not None else None,
    )


def _terms(enrollment: Enrollment, one: IncomingDecision) -> ApprovedTerms:
    decision = one.decision
    changed = (decision.changes if one.verdict == "approved" else None) or ApproverChanges()
    return ApprovedTerms(
        enrollment.id,
        decision.model_dump_json(),
        changed.start_date or enrollment.start_on,
        changed.start_step_id or enrollment.start_step_id,
        changed.sender_user_id or enrollment.sender_user_id,
    )


async def _carry(
    connection: Connection, decided: Sequence[_Counted], organizations: dict[str, OrganizationFacts], now: datetime
) -> None:
    approved = [one for one in decided if one.incoming.verdict == "approved"]
    moved = await transition(
        connection,
        [
            Change(
                enrollment=one.enrollment,
                happening=Happening.APPROVE if one.incoming.verdict == "approved" else Happening.REJECT,
                actor=Actor(ActorKind.APPROVER, one.incoming.decision.decided_by.user_id),
                causation_id=one.incoming.event_id,
            )
            for one in decided
        ],
        now,
    )
    await enrollments.record_decisions(connection, [one.terms for one in decided])
    await note(connection, *map(_done, decided), now=now)
    if not approved:
        return
    states = {enrollment.id: enrollment for enrollment in moved}
    dues = await _dues(connection, approved, organizations, now)
    scheduled = await transition(
        connection,
        [
            Change(
                enrollment=states[one.enrollment.id],
                happening=Happening.SCHEDULE,
                reason=dues[one.enrollment.id].reason,
                expected_at=dues[one.enrollment.id].at,
                causation_id=one.incoming.event_id,
            )
            for one in approved
        ],
        now,
    )
    await add_enroll(connection, [(enrollment, dues[enrollment.id].at) for enrollment in scheduled], now)


def _done(one: _Counted) -> Done:
    decision = one.incoming.decision
    approved = one.incoming.verdict == "approved"
    return Done(
        decision.organization_id,
        Action.ENROLLMENT_APPROVED if approved else Action.ENROLLMENT_REJECTED,
        f"enrollment/{decision.enrollment_id}",
        by=decision.decided_by.user_id,
        digested=decision.reason,
        detail={"request_digest": decision.request_digest, "changed": approved and decision.changes is not None},
        way=Way.APPROVER,
        correlation_id=one.incoming.event_id,
    )


@dataclass(frozen=True, slots=True)
class _Due:
    """When approved work can begin; `reason` says what it waits for besides its date."""

    at: datetime
    reason: Reason | None


async def _dues(
    connection: Connection, approved: Sequence[_Counted], organizations: dict[str, OrganizationFacts], now: datetime
) -> dict[UUID, _Due]:
    """The first moment of each start date where the stakeholder is, or now if that is past; in working time."""
    keys = {one.enrollment.id: (one.enrollment.organization_id, one.enrollment.stakeholder_id) for one in approved}
    rows = await directory.read_stakeholders(connection, set(keys.values()))
    dues: dict[UUID, _Due] = {}
    for one in approved:
        organization = organizations[one.enrollment.organization_id]
        row = rows.get(keys[one.enrollment.id])
        data = row.data if row is not None else None
        stakeholder_zone = StakeholderSnapshot.model_validate_json(data).time_zone if data is not None else None
        where = zone_of(stakeholder_zone, organization.time_zone)
        at = max(now, first_moment(one.terms.start_on, where))
        mapping_id = one.enrollment.mapping_id
        published = organization.mappings.published(mapping_id) if mapping_id is not None else None
        rules = published.mapping.policy.working_time if published is not None else None
        dues[one.enrollment.id] = (
            _Due(at, None) if rules is None else _Due(next_allowed(at, rules, where), why_not(at, rules, where))
        )
    return dues

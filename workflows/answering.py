"""Decisions that people make with us: judged as far as can be told now, and published like the approval service's.

The decisions topic is where decisions are made: the consumer judges this one in its place among all others, and moves
the enrollment. So whoever decides first counts, here or there, and a decision that was published may yet come too late.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from uuid_utils.compat import uuid7

from schemas.approval import ApproverChanges, EnrollmentDecision, UserRef
from schemas.envelope import SOURCE
from schemas.registry import ENROLLMENT_APPROVED, ENROLLMENT_REJECTED
from schemas.topics import customer_key
from storage import directory, enrollments, outbox
from storage.enrollments import Enrollment
from storage.outbox import OutboxMessage
from storage.pool import Connection
from workflows.approve import IncomingDecision, judge_decision
from workflows.events import Origin, outgoing
from workflows.memory import OrganizationMemory

__all__ = ["ANOTHERS_CUSTOMER", "Answer", "Approver", "publish_answers"]

ANOTHERS_CUSTOMER = "customer_of_another"
"""Why an answer is refused, besides what makes a decision not count: somebody else looks after the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """Who decides. `own_customers_only` is of those who may decide about the customers alone that they own."""

    user_id: str
    name: str | None = None
    own_customers_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody decides about a request, which they name by the digest that they have seen."""

    enrollment_id: UUID
    request_digest: str
    verdict: Literal["approved", "rejected"]
    reason: str | None = None
    changes: ApproverChanges | None = None


async def publish_answers(
    connection: Connection,
    organization_id: str,
    approver: Approver,
    answers: Sequence[Answer],
    memory: OrganizationMemory,
    now: datetime,
) -> list[str | None]:
    """Publish the decisions that would count now; for each answer None, or why nothing is published of it.

    Of several answers about one request the first is taken.
    """
    facts = (await memory.facts(connection, [organization_id], now))[organization_id]
    known = await enrollments.show(connection, organization_id, {one.enrollment_id for one in answers})
    owners = await _owners(connection, known.values()) if approver.own_customers_only else {}
    refusals: list[str | None] = []
    messages: list[OutboxMessage] = []
    answered: set[UUID] = set()
    for answer in answers:
        enrollment = known.get(answer.enrollment_id)
        refusal: str | None = "unknown_enrollment"
        if enrollment is not None:
            decision = _decision(enrollment, answer, approver, now)
            if answer.enrollment_id in answered:
                refusal = "already_answered"
            elif approver.own_customers_only and owners.get(enrollment.customer_id) != approver.user_id:
                refusal = ANOTHERS_CUSTOMER
            else:
                ignored = judge_decision(enrollment, decision, facts)
                refusal = ignored.because if ignored is not None else None
            if refusal is None:
                answered.add(enrollment.id)
                messages.append(_message(enrollment, decision, now))
        refusals.append(refusal)
    if messages:
        await outbox.add(connection, messages)
    return refusals


async def _owners(connection: Connection, known: Collection[Enrollment]) -> dict[str, str | None]:
    """Who looks after the customers of some enrollments, by the customers' ids."""
    rows = await directory.read_customers(connection, {(one.organization_id, one.customer_id) for one in known})
    return {customer_id: row.owner_user_id for (_, customer_id), row in rows.items()}


def _decision(enrollment: Enrollment, answer: Answer, approver: Approver, now: datetime) -> IncomingDecision:
    return IncomingDecision(
        decision=EnrollmentDecision(
            organization_id=enrollment.organization_id,
            customer_id=enrollment.customer_id,
            enrollment_id=enrollment.id,
            request_digest=answer.request_digest,
            decided_by=UserRef(user_id=approver.user_id, name=approver.name),
            decided_at=now,
            reason=answer.reason,
            changes=answer.changes,
        ),
        verdict=answer.verdict,
        event_id=str(uuid7()),
        event_source=SOURCE,
    )


def _message(enrollment: Enrollment, incoming: IncomingDecision, now: datetime) -> OutboxMessage:
    event_type = ENROLLMENT_APPROVED if incoming.verdict == "approved" else ENROLLMENT_REJECTED
    return outgoing(
        event_type,
        id=UUID(incoming.event_id),
        organization_id=enrollment.organization_id,
        key=customer_key(enrollment.organization_id, enrollment.customer_id),
        subject=str(enrollment.id),
        data=event_type.serialize(incoming.decision),
        time=now,
        origin=Origin(enrollment.correlation_id),
    )

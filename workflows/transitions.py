"""Every change of an enrollment's state: a row in its history and an event on the bus, in the caller's transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from enrollment.states import Happening, Kept, after
from schemas.registry import APPROVAL_WITHDRAWN, ENROLLMENT_CHANGED
from schemas.topics import customer_key
from schemas.vocabulary import ActorKind, EnrollmentState, Purpose
from storage import enrollments, outbox
from storage.enrollments import Enrollment, HistoryRow, Move
from storage.outbox import OutboxMessage
from storage.pool import Connection
from workflows.events import Origin, dumps, outgoing

__all__ = ["SERVICE", "Actor", "Change", "MembershipFacts", "changed_event", "transition"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes an enrollment."""

    kind: ActorKind
    user_id: str | None = None


SERVICE = Actor(ActorKind.SERVICE)


@dataclass(frozen=True, slots=True)
class MembershipFacts:
    """The membership that an event tells about."""

    id: UUID
    salesloft_membership_id: int
    salesloft_state: str
    current_step: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that happens to an enrollment.

    `expected_at` says when work that now waits will be done; `detail` is kept in the history and never published. The
    event's id is random unless `event_id` gives one, as of a change that whoever reads it again tells again.
    """

    enrollment: Enrollment
    happening: Happening
    reason: str | None = None
    actor: Actor = SERVICE
    expected_at: datetime | None = None
    membership: MembershipFacts | None = None
    detail: dict[str, Any] | None = None
    causation_id: str | None = None
    event_id: UUID | None = None


async def transition(connection: Connection, changes: Iterable[Change], now: datetime) -> list[Enrollment]:
    """Make changes, each of another enrollment that the caller has locked, and return the enrollments as they are then.

    An end that comes while a call is open is kept: that enrollment is returned with its `pending_end`. A request that
    ends tells the approvers that its question needs no answer. Raises NotAllowed before anything is written.
    """
    moves: list[Move] = []
    history: list[HistoryRow] = []
    kept: list[tuple[UUID, str]] = []
    messages: list[OutboxMessage] = []
    results: list[Enrollment] = []
    for change in changes:
        enrollment = change.enrollment
        follows = after(enrollment.state, change.happening)
        if isinstance(follows, Kept):
            reason = change.reason or change.happening.value
            kept.append((enrollment.id, reason))
            results.append(replace(enrollment, pending_end=enrollment.pending_end or reason))
            continue
        moved = replace(
            enrollment,
            state=follows.to,
            sequence=enrollment.sequence + 1,
            reason=change.reason,
            expected_at=change.expected_at,
        )
        results.append(moved)
        moves.append(Move(moved.id, moved.state, moved.sequence, change.reason, change.expected_at))
        history.append(_history(enrollment, moved, change))
        messages.append(
            changed_event(
                organization_id=moved.organization_id,
                customer_id=moved.customer_id,
                stakeholder_id=moved.stakeholder_id,
                enrollment_id=moved.id,
                sequence=moved.sequence,
                from_state=enrollment.state,
                to_state=moved.state,
                reason=change.reason,
                actor=change.actor,
                cadence=(moved.cadence_id, moved.cadence_name, moved.purpose),
                membership=change.membership,
                expected_at=change.expected_at,
                now=now,
                origin=Origin(moved.correlation_id, change.causation_id),
                event_id=change.event_id,
            )
        )
        if change.happening is Happening.END and enrollment.state is EnrollmentState.REQUESTED:
            messages.append(_withdrawal(enrollment, change, now))
    if kept:
        await enrollments.keep_ends(connection, kept, now)
    if moves:
        await enrollments.move(connection, moves, now)
        await enrollments.add_history(connection, history, now)
        await outbox.add(connection, messages)
    return results


def _history(before: Enrollment, moved: Enrollment, change: Change) -> HistoryRow:
    return HistoryRow(
        enrollment_id=moved.id,
        sequence=moved.sequence,
        organization_id=moved.organization_id,
        from_state=before.state,
        to_state=moved.state,
        reason=change.reason,
        actor_kind=change.actor.kind,
        actor_user_id=change.actor.user_id,
        detail=orjson.dumps(change.detail).decode() if change.detail else None,
    )


def changed_event(
    *,
    organization_id: str,
    customer_id: str,
    stakeholder_id: str,
    enrollment_id: UUID | None,
    sequence: int | None,
    from_state: EnrollmentState | None,
    to_state: EnrollmentState,
    reason: str | None,
    actor: Actor,
    cadence: tuple[int, str | None, Purpose | None],
    membership: MembershipFacts | None,
    expected_at: datetime | None,
    now: datetime,
    origin: Origin,
    event_id: UUID | None = None,
) -> OutboxMessage:
    """The event of one change; `cadence` is its id, name and purpose. Its id is random unless it is given."""
    key = customer_key(organization_id, customer_id)
    cadence_id, cadence_name, purpose = cadence
    data: dict[str, Any] = {
        "organization_id": organization_id,
        "customer_id": customer_id,
        "stakeholder_id": stakeholder_id,
        "enrollment_id": enrollment_id,
        "from": from_state,
        "to": to_state,
        "reason": reason,
        "actor": {"kind": actor.kind, "user_id": actor.user_id},
        "changed_at": now,
        "cadence": {"id": cadence_id, "name": cadence_name, "purpose": purpose},
        "membership": membership,
        "expected_at": expected_at,
    }
    return outgoing(
        ENROLLMENT_CHANGED,
        id=event_id or uuid7(),
        organization_id=organization_id,
        key=key,
        subject=str(enrollment_id) if enrollment_id is not None else stakeholder_id,
        data=dumps(data),
        time=now,
        origin=origin,
        sequence=sequence,
    )


def _withdrawal(enrollment: Enrollment, change: Change, now: datetime) -> OutboxMessage:
    key = customer_key(enrollment.organization_id, enrollment.customer_id)
    data: dict[str, Any] = {
        "organization_id": enrollment.organization_id,
        "customer_id": enrollment.customer_id,
        "enrollment_id": enrollment.id,
        "request_digest": enrollment.request_digest,
        "reason": change.reason,
        "withdrawn_at": now,
    }
    return outgoing(
        APPROVAL_WITHDRAWN,
        id=uuid7(),
        organization_id=enrollment.organization_id,
        key=key,
        subject=str(enrollment.id),
        data=dumps(data),
        time=now,
        origin=Origin(enrollment.correlation_id, change.causation_id),
        sequence=enrollment.sequence + 1,
    )

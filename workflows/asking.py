"""The approval request: exactly what will happen, why, and what else was considered."""

from collections.abc import Mapping as Lookup
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from enrollment.decide import Action
from enrollment.mappings import Mapping, Policy
from schemas.directory import StakeholderSnapshot
from schemas.fields import format_instant
from schemas.registry import APPROVAL_REQUESTED
from schemas.topics import customer_key
from schemas.vocabulary import RequesterKind
from storage.directory import CustomerKey
from storage.outbox import OutboxMessage
from workflows.events import Origin, outgoing

__all__ = ["BY_TRIGGER", "Asked", "AskedBy", "Asking", "ask", "told_action"]


@dataclass(frozen=True, slots=True)
class AskedBy:
    """Who asks; `user_id` is None of a trigger."""

    kind: RequesterKind
    user_id: str | None


BY_TRIGGER = AskedBy(RequesterKind.TRIGGER, None)


@dataclass(slots=True, kw_only=True)
class Asking:
    """What is asked: do this for that stakeholder, by this mapping, because of that event or of a person.

    `mapping` is None where a person chose the cadence, who is `requested_by` then. `policy` says for how long it can be
    answered and done. `verdicts` and `considered` are as the request shows them; `changed_since` is set when a stale
    request is asked again.
    """

    enrollment_id: UUID
    customer: CustomerKey
    customer_name: str | None
    stakeholder: StakeholderSnapshot
    action: Action
    mapping: Mapping | None
    policy: Policy
    exclusivity_group: str
    digest: str
    event_type: str | None
    event_id: str | None
    business_key: str | None
    verdicts: Sequence[dict[str, Any]]
    considered: Sequence[dict[str, Any]]
    origin: Origin
    sequence: int
    requested_by: AskedBy = BY_TRIGGER
    custom_fields: Lookup[str, str] = field(default_factory=dict)
    changed_since: Sequence[dict[str, Any]] | None = field(default=None)


@dataclass(slots=True)
class Asked:
    """The request's JSON, its limits in time, and the message that carries it."""

    request: str
    expires_at: datetime
    execute_by: datetime
    message: OutboxMessage


def ask(asking: Asking, now: datetime) -> Asked:
    """Put the question: it can be answered until `expires_at`, and what is approved may be done until `execute_by`."""
    organization_id, customer_id = asking.customer
    mapping, stakeholder = asking.mapping, asking.stakeholder
    expires_at = now + asking.policy.expires_after
    execute_by = _execution_limit(asking, expires_at, now)
    request = orjson.dumps(
        {
            "organization_id": organization_id,
            "customer_id": customer_id,
            "enrollment_id": asking.enrollment_id,
            "request_digest": asking.digest,
            "requested_at": format_instant(now),
            "expires_at": format_instant(expires_at),
            "execute_by": format_instant(execute_by),
            "requested_by": {"kind": asking.requested_by.kind, "user_id": asking.requested_by.user_id},
            "customer": {"id": customer_id, "name": asking.customer_name},
            "stakeholder": {
                "id": stakeholder.id,
                "name": stakeholder.name,
                "email": stakeholder.email,
                "title": stakeholder.title,
                "role": stakeholder.role,
            },
            "action": told_action(asking.action, asking.mapping, asking.custom_fields),
            "why": {
                "event_type": asking.event_type,
                "event_id": asking.event_id,
                "business_key": asking.business_key,
                "exclusivity_group": asking.exclusivity_group,
                "mapping": {"id": mapping.id, "version": mapping.version} if mapping is not None else None,
                "verdicts": asking.verdicts,
            },
            "considered": asking.considered,
            "changed_since": asking.changed_since,
        }
    )
    message = outgoing(
        APPROVAL_REQUESTED,
        id=uuid7(),
        organization_id=organization_id,
        key=customer_key(organization_id, customer_id),
        subject=str(asking.enrollment_id),
        data=request,
        time=now,
        origin=asking.origin,
        sequence=asking.sequence,
    )
    return Asked(request.decode(), expires_at, execute_by, message)


def _execution_limit(asking: Asking, expires_at: datetime, now: datetime) -> datetime:
    """An approval is good for some days beyond its latest moment, or beyond the start where that is later."""
    policy = asking.policy
    ahead = max(0, (asking.action.start_date - now.date()).days)
    if asking.mapping is not None and policy.start_days_before_term_end is None:
        ahead = policy.start_offset_days
    return expires_at + timedelta(days=ahead + policy.execute_within_days)


def told_action(action: Action, mapping: Mapping | None, custom_fields: Lookup[str, str]) -> dict[str, Any]:
    """What would be done, as a request shows it."""
    cadence, step, sender = action.cadence, action.start_step, action.sender
    purpose = mapping.purpose if mapping is not None else None
    return {
        "cadence": {"id": cadence.id, "name": cadence.name, "purpose": purpose},
        "start_step": {"id": step.id, "name": step.name, "day": step.day, "type": step.type},
        "start_date": action.start_date,
        "custom_fields": custom_fields,
        "sender": {"user_id": sender.user_id, "email": sender.email, "name": sender.name},
    }

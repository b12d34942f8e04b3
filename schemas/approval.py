"""What is asked of an approver, what they answer, and the withdrawal of a question."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from schemas.fields import (
    BusinessKey,
    ChangeReason,
    Consumed,
    DecisionReason,
    Email,
    Id,
    Instant,
    Produced,
    SalesloftId,
    Text,
)
from schemas.vocabulary import CandidateOutcome, Purpose, RequesterKind

__all__ = [
    "ApprovalRequested",
    "ApprovalWithdrawn",
    "ApproverChanges",
    "CadenceRef",
    "ConsideredCandidate",
    "CustomerRef",
    "EnrollmentDecision",
    "FactChange",
    "MappingRef",
    "ProposedAction",
    "Requester",
    "SenderRef",
    "StakeholderRef",
    "StartStep",
    "UserRef",
    "Verdict",
    "Why",
]

_ENROLLMENT_ID: Final = "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77"
_DIGEST: Final = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

# A digest that is not ours is a decision that fits nothing, which the history says better than a malformed event would.
RequestDigest = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class UserRef(Consumed):
    user_id: Id
    name: Text | None = None


class ApproverChanges(Consumed):
    """What the approver wants otherwise; null leaves it as it was asked. Step and sender are Salesloft's ids."""

    start_date: date | None = None
    start_step_id: SalesloftId | None = None
    sender_user_id: SalesloftId | None = None
    custom_fields: dict[str, str] | None = None


class EnrollmentDecision(Consumed):
    """`ai.cscx.approvals.enrollment-{approved,rejected}.v1`, from the approval service and from our own page."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "customer_id": "cus-7",
                    "enrollment_id": _ENROLLMENT_ID,
                    "request_digest": _DIGEST,
                    "decided_by": {"user_id": "usr-4", "name": "Lea"},
                    "decided_at": "2026-11-23T09:00:00.000000Z",
                    "reason": None,
                    "changes": {"start_date": "2026-12-01", "start_step_id": None, "sender_user_id": None},
                }
            ]
        }
    )

    organization_id: Id
    customer_id: Id
    enrollment_id: UUID
    request_digest: RequestDigest
    decided_by: UserRef
    decided_at: Instant
    reason: Text | None = None
    changes: ApproverChanges | None = None


class Requester(Produced):
    kind: RequesterKind
    user_id: Id | None


class CustomerRef(Produced):
    id: Id
    name: Text | None


class StakeholderRef(Produced):
    id: Id
    name: Text | None
    email: Email
    title: Text | None
    role: Text | None


class CadenceRef(Produced):
    """A cadence by Salesloft's id; `purpose` is null where a person chose the cadence."""

    id: SalesloftId
    name: Text | None
    purpose: Purpose | None


class StartStep(Produced):
    """The step at which the person enters; `day` counts from 1."""

    id: SalesloftId
    name: Text | None
    day: int
    type: Text


class SenderRef(Produced):
    """The Salesloft user in whose name the cadence runs."""

    user_id: SalesloftId
    email: Email
    name: Text | None


class ProposedAction(Produced):
    """What will be done at Salesloft once it is approved."""

    cadence: CadenceRef
    start_step: StartStep
    start_date: date
    custom_fields: dict[str, str]
    sender: SenderRef


class MappingRef(Produced):
    id: UUID
    version: Annotated[int, Field(ge=1)]


class Verdict(Produced):
    """One predicate, the value it saw, and whether it holds."""

    predicate: Text
    value: JsonValue
    holds: bool


class Why(Produced):
    """Where the request comes from. For a manual add everything but the group and the verdicts is null."""

    event_type: Text | None
    event_id: Text | None
    business_key: BusinessKey | None
    exclusivity_group: Text
    mapping: MappingRef | None
    verdicts: list[Verdict]


class ConsideredCandidate(Produced):
    """Another stakeholder of the same event, and what became of them."""

    stakeholder_id: Id
    outcome: CandidateOutcome
    reason: DecisionReason


class FactChange(Produced):
    """A bound fact that differs from what was asked before."""

    field: Text
    was: JsonValue
    is_: JsonValue = Field(alias="is")


class ApprovalRequested(Produced):
    """`ai.cscx.salesloft.approval-requested.v1`: the whole of what an approver needs to see.

    A decision is good by its own time until `expires_at`, and what it allows may be done until `execute_by`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "customer_id": "cus-7",
                    "enrollment_id": _ENROLLMENT_ID,
                    "request_digest": _DIGEST,
                    "requested_at": "2026-11-23T08:00:00.000000Z",
                    "expires_at": "2026-11-24T08:00:00.000000Z",
                    "execute_by": "2026-11-30T08:00:00.000000Z",
                    "requested_by": {"kind": "trigger", "user_id": None},
                    "customer": {"id": "cus-7", "name": "Acme"},
                    "stakeholder": {
                        "id": "sth-9",
                        "name": "Ann Lee",
                        "email": "ann@acme.example",
                        "title": "VP Engineering",
                        "role": "champion",
                    },
                    "action": {
                        "cadence": {"id": 456, "name": "Renewal 90", "purpose": "renewal"},
                        "start_step": {"id": 77, "name": "First e-mail", "day": 1, "type": "email"},
                        "start_date": "2026-11-24",
                        "custom_fields": {},
                        "sender": {"user_id": 12, "email": "csm@cscx.example", "name": "Kim"},
                    },
                    "why": {
                        "event_type": "ai.cscx.lifecycle.renewal-window.v1",
                        "event_id": "6e1c7b52-58e4-4f6e-a1d2-6c1f0b3f7a10",
                        "business_key": "con-5/2027-03-31",
                        "exclusivity_group": "default",
                        "mapping": {"id": "b8f7f1a8-8a1e-4c9e-9a9b-2a53a90c1c55", "version": 3},
                        "verdicts": [{"predicate": "customer.health_score < 60", "value": 41, "holds": True}],
                    },
                    "considered": [{"stakeholder_id": "sth-8", "outcome": "skip", "reason": "do_not_contact"}],
                    "changed_since": None,
                }
            ]
        }
    )

    organization_id: Id
    customer_id: Id
    enrollment_id: UUID
    request_digest: RequestDigest
    requested_at: Instant
    expires_at: Instant
    execute_by: Instant
    requested_by: Requester
    customer: CustomerRef
    stakeholder: StakeholderRef
    action: ProposedAction
    why: Why
    considered: list[ConsideredCandidate]
    changed_since: list[FactChange] | None = Field(
        description="Set when a request that became stale is asked again: what is different now."
    )


_WITHDRAWN: Final[dict[str, Any]] = {
    "organization_id": "org-1",
    "customer_id": "cus-7",
    "enrollment_id": _ENROLLMENT_ID,
    "request_digest": _DIGEST,
    "reason": "renewed",
    "withdrawn_at": "2026-11-23T12:00:00.000000Z",
}


class ApprovalWithdrawn(Produced):
    """`ai.cscx.salesloft.approval-withdrawn.v1`: the question needs no answer any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WITHDRAWN]})

    organization_id: Id
    customer_id: Id
    enrollment_id: UUID
    request_digest: RequestDigest
    reason: ChangeReason
    withdrawn_at: Instant

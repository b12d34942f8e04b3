"""Every change of an enrollment, or of a membership that was made by hand in Salesloft."""

from uuid import UUID

from pydantic import ConfigDict, Field

from schemas.approval import CadenceRef
from schemas.fields import ChangeReason, Id, Instant, Produced, SalesloftId, Text
from schemas.vocabulary import ActorKind, EnrollmentState

__all__ = ["Actor", "EnrollmentChanged", "MembershipRef"]


class Actor(Produced):
    kind: ActorKind
    user_id: Id | None


class MembershipRef(Produced):
    """Our membership and Salesloft's record of it; `current_step` counts from 1, null where Salesloft names none."""

    id: UUID
    salesloft_membership_id: SalesloftId
    salesloft_state: Text
    current_step: int | None


class EnrollmentChanged(Produced):
    """`ai.cscx.salesloft.enrollment-changed.v1`. `ce_sequence` orders one enrollment's events.

    `from` is null in the first; `enrollment_id` is null for a membership made by hand in Salesloft; `expected_at` says
    when waiting work will be done.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "customer_id": "cus-7",
                    "stakeholder_id": "sth-9",
                    "enrollment_id": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
                    "from": "enrolling",
                    "to": "enrolled",
                    "reason": None,
                    "actor": {"kind": "service", "user_id": None},
                    "changed_at": "2026-11-24T09:00:02.000000Z",
                    "cadence": {"id": 456, "name": "Renewal 90", "purpose": "renewal"},
                    "membership": {
                        "id": "c2b7a2b0-98a0-4a9d-8a53-7a4ad0e3b1f0",
                        "salesloft_membership_id": 789,
                        "salesloft_state": "active",
                        "current_step": 1,
                    },
                    "expected_at": None,
                }
            ]
        }
    )

    organization_id: Id
    customer_id: Id
    stakeholder_id: Id
    enrollment_id: UUID | None
    from_: EnrollmentState | None = Field(alias="from")
    to: EnrollmentState
    reason: ChangeReason | None
    actor: Actor
    changed_at: Instant
    cadence: CadenceRef
    membership: MembershipRef | None
    expected_at: Instant | None

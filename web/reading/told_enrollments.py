"""An enrollment as it is told: who, on which cadence, at which step of how many, and what it waits for."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import orjson
from pydantic import ConfigDict, Field

from schemas.fields import KeptInstant
from schemas.vocabulary import EnrollmentState, Purpose, TriggerType
from storage.looking import EnrollmentRow
from web.reading.asking import Looked

__all__ = ["OPEN_STATES", "CadenceTold", "EnrollmentTold", "Held", "Move", "Progress", "told_enrollment"]

OPEN_STATES = frozenset(
    {
        *(EnrollmentState.REQUESTED, EnrollmentState.APPROVED, EnrollmentState.SCHEDULED, EnrollmentState.ENROLLING),
        *(EnrollmentState.UNKNOWN, EnrollmentState.ENROLLED, EnrollmentState.PAUSED, EnrollmentState.STALE),
    }
)
"""An enrollment in one of these is not over, and nothing went wrong with it."""


class CadenceTold(Looked):
    id: int
    name: str | None
    purpose: Purpose | None


class Progress(Looked):
    """Step `step` of `steps`; null before the person is on the cadence, or where Salesloft names none.

    Of somebody who is paused it is the step at which the cadence goes on.
    """

    step: int | None
    steps: int | None


class Held(Looked):
    """What keeps an enrollment from going on: `preempted` by a risk, `stopped`, or `requested_by_person`.

    `by` is who has paused it, `until` when their pause ends by itself. `refusal` is set where Salesloft refuses to
    take the person off the cadence.
    """

    reason: str
    by: str | None
    until: KeptInstant | None
    refusal: str | None


class Move(Looked):
    """A person has asked that the cadence go on elsewhere: a step further, or at the step `to_step_id`.

    `from_step_id` is the step at which they were last seen before, where Salesloft had told of one.
    """

    action: Literal["skip", "restart"]
    at: KeptInstant
    from_step_id: int | None
    to_step_id: int | None


class EnrollmentTold(Looked):
    """An enrollment as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
                    "customer_id": "cus-7",
                    "stakeholder_id": "sth-9",
                    "stakeholder_name": "Ann Lee",
                    "customer_name": "Acme",
                    "state": "paused",
                    "reason": "requested_by_person",
                    "cadence": {"id": 456, "name": "Renewal 90", "purpose": "renewal"},
                    "progress": {"step": 3, "steps": 7},
                    "held": {
                        "reason": "requested_by_person",
                        "by": "usr-1",
                        "until": "2026-12-01T08:00:00.000000Z",
                        "refusal": None,
                    },
                    "trigger_type": "renewal-window",
                    "business_key": "con-5/2027-03-31",
                    "event_id": "6e1c7b52-58e4-4f6e-a1d2-6c1f0b3f7a10",
                    "mapping_id": "b8f7f1a8-8a1e-4c9e-9a9b-2a53a90c1c55",
                    "mapping_version": 3,
                    "start_on": "2026-11-24",
                    "start_step_id": 77,
                    "sender_user_id": 12,
                    "requested_at": "2026-11-23T08:00:00.000000Z",
                    "requested_by_user": None,
                    "expires_at": "2026-11-24T08:00:00.000000Z",
                    "execute_by": "2026-11-30T08:00:00.000000Z",
                    "expected_at": None,
                    "ends_with": None,
                    "membership_id": "c2b7a2b0-98a0-4a9d-8a53-7a4ad0e3b1f0",
                    "salesloft_membership_id": 789,
                    "salesloft_state": "active",
                    "on_cadence": False,
                    "added_at": "2026-11-24T09:00:02.000000Z",
                    "first_added_at": "2026-11-24T09:00:02.000000Z",
                    "moves": [
                        {
                            "action": "skip",
                            "at": "2026-11-24T12:00:00.000000Z",
                            "from_step_id": 78,
                            "to_step_id": None,
                        }
                    ],
                    "moving": None,
                    "last_error": None,
                    "created_at": "2026-11-23T08:00:00.000000Z",
                    "updated_at": "2026-11-25T08:00:00.000000Z",
                }
            ]
        }
    )

    id: UUID
    customer_id: str
    stakeholder_id: str
    stakeholder_name: str | None = Field(description="As it was when the request was made; null of somebody erased.")
    customer_name: str | None
    state: EnrollmentState
    reason: str | None
    cadence: CadenceTold
    progress: Progress
    held: Held | None
    trigger_type: TriggerType | None = Field(description="Null of somebody whom a person has added.")
    business_key: str | None
    event_id: str | None
    mapping_id: UUID | None
    mapping_version: int | None
    start_on: date
    start_step_id: int | None
    sender_user_id: int
    requested_at: KeptInstant
    requested_by_user: str | None
    expires_at: KeptInstant
    execute_by: KeptInstant
    expected_at: KeptInstant | None = Field(description="When work that waits will be done.")
    ends_with: str | None = Field(description="An end that came while a call was open, and is carried out after it.")
    membership_id: UUID | None
    salesloft_membership_id: int | None
    salesloft_state: str | None
    on_cadence: bool | None = Field(description="As Salesloft showed it last; null where it made no membership.")
    added_at: KeptInstant | None = Field(description="When they came onto the cadence last: a resume adds them anew.")
    first_added_at: KeptInstant | None = Field(description="When they came onto the cadence first.")
    moves: list[Move] = Field(description="What people asked of the steps, the oldest first; it may still be underway.")
    moving: Literal["skip", "restart", "change_sender"] | None = Field(
        description="What a person asked that is being done: they are taken off the cadence for it, and added back."
    )
    last_error: str | None = Field(description="What the latest attempt at Salesloft that failed said.")
    created_at: KeptInstant
    updated_at: KeptInstant


def told_enrollment(row: EnrollmentRow) -> EnrollmentTold:
    """An enrollment as it is told."""
    state = EnrollmentState(row.state)
    is_paused = state is EnrollmentState.PAUSED
    return EnrollmentTold(
        id=row.id,
        customer_id=row.customer_id,
        stakeholder_id=row.stakeholder_id,
        stakeholder_name=row.stakeholder_name,
        customer_name=row.customer_name,
        state=state,
        reason=row.reason,
        cadence=CadenceTold(
            id=row.cadence_id,
            name=row.cadence_name,
            purpose=Purpose(row.purpose) if row.purpose is not None else None,
        ),
        progress=Progress(
            step=(row.paused_at_step or row.current_step) if is_paused else row.current_step, steps=row.steps
        ),
        held=_held(row, paused_for=row.reason if is_paused else None),
        trigger_type=TriggerType(row.trigger_type) if row.trigger_type is not None else None,
        business_key=row.business_key,
        event_id=row.event_id,
        mapping_id=row.mapping_id,
        mapping_version=row.mapping_version,
        start_on=row.start_on,
        start_step_id=row.start_step_id,
        sender_user_id=row.sender_user_id,
        requested_at=row.requested_at,
        requested_by_user=row.requested_by_user,
        expires_at=row.expires_at,
        execute_by=row.execute_by,
        expected_at=row.expected_at,
        ends_with=row.pending_end,
        membership_id=row.membership_id,
        salesloft_membership_id=row.salesloft_membership_id,
        salesloft_state=row.salesloft_state,
        on_cadence=row.currently_on_cadence,
        added_at=row.added_at,
        first_added_at=row.first_added_at,
        moves=orjson.loads(row.moves) if row.moves is not None else [],
        # Whoever is held goes on elsewhere once nothing holds them any more, and not before.
        moving=row.moving if row.held is None else None,
        last_error=row.last_error,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _held(row: EnrollmentRow, *, paused_for: str | None) -> Held | None:
    """What holds it at the moment; of somebody who is still paused though nothing holds them any more, what did."""
    reason = row.held or paused_for
    if reason is None:
        return None
    until: datetime | None = row.paused_until
    return Held(reason=reason, by=row.paused_by, until=until, refusal=row.pause_refusal)

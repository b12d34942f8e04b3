"""What people look at of enrollments, approvals, memberships and activity, in pages. Nothing here writes.

Every function answers the rows of one organization, at most `limit` of them, from beyond a place where one is given.
What is asked for together with something else is a question: see `answer`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from storage.pool import Connection
from storage.queries import queries
from storage.questions import Question
from storage.rows import rows_as
from storage.stored_evaluations import About, StoredEvaluation

__all__ = [
    "EndedRow",
    "EnrollmentRow",
    "Filters",
    "MembershipLook",
    "OutcomesRow",
    "PersonRow",
    "Place",
    "StateRow",
    "StreamRow",
    "UnitFilters",
    "UnitRow",
    "activity",
    "ended",
    "enrollments",
    "evaluations",
    "freshness",
    "history",
    "is_customer_known",
    "is_stakeholder_known",
    "memberships",
    "outcomes",
    "people",
    "people_of",
]

Place = tuple[datetime | None, UUID | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What enrollments are asked for; None asks for all.

    `owner_user_id` looks after the customer, `by_hand` is whether no trigger led to it, `since` when it was asked for.
    """

    id: UUID | None = None
    customer_id: str | None = None
    stakeholder_id: str | None = None
    cadence_id: int | None = None
    trigger_type: str | None = None
    states: Collection[str] | None = None
    owner_user_id: str | None = None
    by_hand: bool | None = None
    reason: str | None = None
    without_reason: bool | None = None
    segment: str | None = None
    since: datetime | None = None


@dataclass(slots=True)
class EndedRow:
    """What a stakeholder was on last; `reason` is None where Salesloft showed the end and nobody here asked for it."""

    stakeholder_id: str
    id: UUID
    state: str
    reason: str | None
    cadence_id: int
    cadence_name: str | None
    updated_at: datetime


@dataclass(slots=True)
class EnrollmentRow:
    """An enrollment and where it stands. Steps are counted from 1; names and purpose are as its request has them.

    `first_added_at` is when its first stay on the cadence began, `added_at` when the latest did. `moves` is what people
    asked of its steps, as JSON. `held` is what holds it at the moment, `paused_at_step` the step that goes on after the
    pause, `moving` what a person has asked that is done then, `last_error` what the latest attempt at Salesloft that
    failed said.
    """

    id: UUID
    customer_id: str
    stakeholder_id: str
    state: str
    reason: str | None
    trigger_type: str | None
    business_key: str | None
    event_id: str | None
    mapping_id: UUID | None
    mapping_version: int | None
    cadence_id: int
    cadence_name: str | None
    steps: int | None
    start_on: date
    start_step_id: int | None
    sender_user_id: int
    requested_at: datetime
    requested_by_user: str | None
    expires_at: datetime
    execute_by: datetime
    expected_at: datetime | None
    pending_end: str | None
    created_at: datetime
    updated_at: datetime
    membership_id: UUID | None
    salesloft_membership_id: int | None
    salesloft_state: str | None
    current_step: int | None
    added_at: datetime | None
    currently_on_cadence: bool | None
    first_added_at: datetime | None
    moves: str | None
    paused_by: str | None
    paused_until: datetime | None
    pause_refusal: str | None
    paused_at_step: int | None
    moving: Literal["skip", "restart", "change_sender"] | None
    held: str | None
    stakeholder_name: str | None
    customer_name: str | None
    purpose: str | None
    last_error: str | None


@dataclass(slots=True)
class OutcomesRow:
    """What an evaluation came to; `outcomes` is JSON."""

    id: UUID
    event_id: str
    event_type: str
    evaluated_at: datetime
    outcomes: str


@dataclass(slots=True)
class StateRow:
    """A change of an enrollment's state."""

    sequence: int
    from_state: str | None
    to_state: str
    reason: str | None
    actor_kind: str
    actor_user_id: str | None
    changed_at: datetime


@dataclass(slots=True)
class MembershipLook:
    """A stay of a person on a cadence; `stakeholder_id` is None of somebody who is nobody's stakeholder."""

    id: UUID
    stakeholder_id: str | None
    customer_id: str | None
    salesloft_person_id: int
    cadence_id: int
    cadence_name: str | None
    status: str
    current_step: int | None
    step_id: int | None
    steps: int | None
    added_at: datetime
    completed_at: datetime | None
    salesloft_membership_id: int
    salesloft_state: str | None
    currently_on_cadence: bool
    salesloft_user_id: int | None
    enrollment_id: UUID | None
    salesloft_updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFilters:
    """Which activity is asked for: kinds, a cadence, from `since` until before `until`."""

    metrics: Sequence[str] | None = None
    cadence_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(slots=True)
class UnitRow:
    """One unit of activity; the two instants are equal where Salesloft tells when it was."""

    event_id: UUID
    stakeholder_id: str
    enrollment_id: UUID | None
    source: str
    source_id: str
    metric: str
    ordinal: int
    cadence_id: int | None
    cadence_name: str | None
    step_id: int | None
    occurred_from: datetime
    occurred_to: datetime
    noticed_at: datetime
    confidence: str | None


@dataclass(slots=True)
class PersonRow:
    """A stakeholder, their customer, their person at Salesloft and their engagement; None is what is not there.

    `data` is the directory's JSON, `engagement` what was published last, `tallies` what it is made of. What Salesloft
    says of the person is None where it was never read. `organization_zone` is the time zone of who has none of their
    own.
    """

    stakeholder_id: str
    customer_id: str | None
    data: str | None
    erased: bool
    left: bool
    customer_name: str | None
    owner_user_id: str | None
    organization_zone: str | None
    person_id: int | None
    linked_by: str | None
    linked_at: datetime | None
    do_not_contact: bool | None
    contact_restrictions: Sequence[str] | None
    bouncing: bool | None
    deleted: bool | None
    read_at: datetime | None
    engagement: str | None
    tallies: str | None


@dataclass(slots=True)
class StreamRow:
    """A stream and when a whole reading of it last ended, and how the organization's connection stands.

    None is a connection that never was, and the stream of an organization that has none.
    """

    status: str | None
    stream: str | None
    cycle_ended_at: datetime | None


def enrollments(
    organization_id: str,
    filters: Filters,
    *,
    before: UUID | None = None,
    limit: int,
    now: datetime,
) -> Question[EnrollmentRow]:
    """Enrollments, the newest first."""
    return Question(
        EnrollmentRow,
        queries.look_at_enrollments,
        organization_id=organization_id,
        id=filters.id,
        customer_id=filters.customer_id,
        stakeholder_id=filters.stakeholder_id,
        cadence_id=filters.cadence_id,
        trigger_type=filters.trigger_type,
        states=list(filters.states) if filters.states is not None else None,
        owner_user_id=filters.owner_user_id,
        by_hand=filters.by_hand,
        reason=filters.reason,
        without_reason=filters.without_reason,
        segment=filters.segment,
        since=filters.since,
        before_id=before,
        at_most=limit,
        now=now,
    )


def ended(organization_id: str, stakeholder_ids: Sequence[str]) -> Question[EndedRow]:
    """What some stakeholders were on last; nothing of whom nothing has ended."""
    return Question(
        EndedRow, queries.look_at_ended, organization_id=organization_id, stakeholder_ids=list(stakeholder_ids)
    )


async def history(connection: Connection, organization_id: str, enrollment_id: UUID) -> list[StateRow]:
    """An enrollment's states, oldest first."""
    rows = await queries.look_at_history(connection, organization_id=organization_id, enrollment_id=enrollment_id)
    return rows_as(StateRow, rows)


async def evaluations(
    connection: Connection, organization_id: str, about: About, *, before: Place = (None, None), limit: int
) -> list[StoredEvaluation]:
    """The evaluations of an event, a customer or a stakeholder, the newest first."""
    customers = [about.customer_id] if about.customer_id is not None else None
    if about.stakeholder_id is not None and customers is None:
        found = await queries.look_at_customers_of(
            connection, organization_id=organization_id, stakeholder_id=about.stakeholder_id
        )
        customers = [row["customer_id"] for row in found]
    rows = await queries.look_at_evaluations(
        connection,
        organization_id=organization_id,
        event_id=about.event_id,
        customer_ids=customers,
        stakeholder_id=about.stakeholder_id,
        before_at=before[0],
        before_id=before[1],
        at_most=limit,
    )
    return rows_as(StoredEvaluation, rows)


def outcomes(organization_id: str, about: About, *, limit: int) -> Question[OutcomesRow]:
    """What the latest evaluations of a customer or a stakeholder came to, the newest first."""
    return Question(
        OutcomesRow,
        queries.look_at_outcomes,
        organization_id=organization_id,
        customer_id=about.customer_id,
        stakeholder_id=about.stakeholder_id,
        at_most=limit,
    )


def memberships(
    organization_id: str,
    *,
    id: UUID | None = None,  # noqa: A002  # as its column
    customer_id: str | None = None,
    stakeholder_id: str | None = None,
    cadence_id: int | None = None,
    status: str | None = None,
    on_cadence: bool | None = None,
    before: Place = (None, None),
    limit: int,
) -> Question[MembershipLook]:
    """Stays on cadences, the latest added first."""
    return Question(
        MembershipLook,
        queries.look_at_memberships,
        organization_id=organization_id,
        id=id,
        customer_id=customer_id,
        stakeholder_id=stakeholder_id,
        cadence_id=cadence_id,
        status=status,
        on_cadence=on_cadence,
        before_at=before[0],
        before_id=before[1],
        at_most=limit,
    )


def activity(
    organization_id: str,
    stakeholder_ids: Sequence[str],
    filters: UnitFilters,
    *,
    before: Place = (None, None),
    limit: int,
) -> Question[UnitRow]:
    """What was seen of some stakeholders, the latest first."""
    return Question(
        UnitRow,
        queries.look_at_activity,
        organization_id=organization_id,
        stakeholder_ids=list(stakeholder_ids),
        metrics=list(filters.metrics) if filters.metrics is not None else None,
        cadence_id=filters.cadence_id,
        since=filters.since,
        until=filters.until,
        before_at=before[0],
        before_id=before[1],
        at_most=limit,
    )


def people(organization_id: str, stakeholder_ids: Sequence[str]) -> Question[PersonRow]:
    """Some stakeholders in their order, also those of whom nothing is known."""
    return Question(
        PersonRow, queries.look_at_people, organization_id=organization_id, stakeholder_ids=list(stakeholder_ids)
    )


async def people_of(connection: Connection, organization_id: str, customer_id: str, *, limit: int) -> list[str]:
    """The stakeholders of a customer by id, those among them who were its once."""
    rows = await queries.look_at_people_of(
        connection, organization_id=organization_id, customer_id=customer_id, at_most=limit
    )
    return [row["stakeholder_id"] for row in rows]


async def is_stakeholder_known(connection: Connection, organization_id: str, stakeholder_id: str) -> bool:
    """Whether the organization has, or had, this stakeholder."""
    known: bool = await queries.is_stakeholder_known(
        connection, organization_id=organization_id, stakeholder_id=stakeholder_id
    )
    return known


async def is_customer_known(connection: Connection, organization_id: str, customer_id: str) -> bool:
    """Whether the organization has, or had, this customer."""
    known: bool = await queries.is_customer_known(connection, organization_id=organization_id, customer_id=customer_id)
    return known


def freshness(organization_id: str) -> Question[StreamRow]:
    """How the organization's connection stands and when its streams were read to their end: one row at least."""
    return Question(StreamRow, queries.look_at_freshness, organization_id=organization_id)

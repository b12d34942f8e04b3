"""What became of an organization's triggers since an instant: counted, and its decisions. Nothing here writes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from schemas.registry import LIFECYCLE_TYPES
from schemas.vocabulary import TriggerType
from storage.pool import Connection
from storage.queries import queries
from storage.rows import rows_as

__all__ = [
    "Decided",
    "DecidedRow",
    "DecisionFilters",
    "Enrollments",
    "Events",
    "Outcomes",
    "Span",
    "Withdrawn",
    "count_decided",
    "decided",
    "outcomes",
]

_MOST_SEGMENTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which: since when, and of which trigger and which segment's customers; None are all."""

    since: datetime
    trigger_type: TriggerType | None = None
    segment: str | None = None


@dataclass(slots=True)
class Events:
    """How many triggers of a type came."""

    event_type: str
    segment: str | None
    events: int


@dataclass(slots=True)
class Decided:
    """How many decisions came to an outcome for a reason, when the trigger came."""

    event_type: str
    segment: str | None
    outcome: str
    reason: str
    decisions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilters:
    """Which of a span's decisions: those that came to this, for this reason, about this user's customers."""

    outcome: str | None = None
    reason: str | None = None
    owner_user_id: str | None = None


@dataclass(slots=True)
class DecidedRow:
    """One decision: `id` is its evaluation's, in which it has the `place`, from 1.

    Without a stakeholder it was about the customer itself.
    """

    id: UUID
    evaluated_at: datetime
    place: int
    event_id: str
    event_type: str
    customer_id: str
    customer_name: str | None
    segment: str | None
    stakeholder_id: str | None
    stakeholder_name: str | None
    outcome: str
    reason: str


@dataclass(slots=True)
class Enrollments:
    """How many of those that were asked for on a day (UTC) are in a state for a reason, and how many have answered."""

    trigger_type: str | None
    segment: str | None
    state: str
    reason: str | None
    day: date
    enrollments: int
    replied: int


@dataclass(slots=True)
class Withdrawn:
    """How many were withdrawn after they had been approved."""

    trigger_type: str | None
    segment: str | None
    enrollments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """All of it. `by_hand` are stays that were made in Salesloft, None where one trigger's alone are asked for."""

    events: list[Events]
    decided: list[Decided]
    enrollments: list[Enrollments]
    withdrawn: list[Withdrawn]
    steered: dict[str, int]
    by_hand: int | None
    segments: list[str]


async def outcomes(connection: Connection, organization_id: str, about: Span) -> Outcomes:
    """Count it."""
    which: dict[str, Any] = {
        "organization_id": organization_id,
        "since": about.since,
        "segment": about.segment,
    }
    of_events = which | {"event_type": _event_type(about)}
    of_enrollments = which | {"trigger_type": about.trigger_type}
    steered = await queries.count_steerings(connection, **of_enrollments)
    segments = await queries.list_segments(connection, organization_id=organization_id, at_most=_MOST_SEGMENTS)
    return Outcomes(
        events=rows_as(Events, await queries.count_events(connection, **of_events)),
        decided=rows_as(Decided, await queries.count_decisions(connection, **of_events)),
        enrollments=rows_as(Enrollments, await queries.count_enrollments(connection, **of_enrollments)),
        withdrawn=rows_as(Withdrawn, await queries.count_withdrawn(connection, **of_enrollments)),
        steered={row["action"]: row["steerings"] for row in steered},
        by_hand=await queries.count_added_by_hand(connection, **which) if about.trigger_type is None else None,
        segments=[row["segment"] for row in segments],
    )


async def decided(
    connection: Connection,
    organization_id: str,
    about: Span,
    filters: DecisionFilters,
    *,
    before: tuple[datetime | None, UUID | None, int | None] = (None, None, None),
    limit: int,
) -> list[DecidedRow]:
    """The decisions that are counted, the newest first, from beyond the `before` one: its instant, id and place."""
    rows = await queries.look_at_decided(
        connection,
        **_which_decisions(organization_id, about, filters),
        before_at=before[0],
        before_id=before[1],
        before_place=before[2],
        at_most=limit,
    )
    return rows_as(DecidedRow, rows)


async def count_decided(connection: Connection, organization_id: str, about: Span, filters: DecisionFilters) -> int:
    """How many `decided` would find in all."""
    found: int = await queries.count_decided(connection, **_which_decisions(organization_id, about, filters))
    return found


def _which_decisions(organization_id: str, about: Span, filters: DecisionFilters) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "since": about.since,
        "segment": about.segment,
        "event_type": _event_type(about),
        "outcome": filters.outcome,
        "reason": filters.reason,
        "owner_user_id": filters.owner_user_id,
    }


def _event_type(about: Span) -> str | None:
    return LIFECYCLE_TYPES[about.trigger_type].name if about.trigger_type is not None else None

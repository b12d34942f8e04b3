"""One unit of activity, and the id of the event that tells it.

A unit is one send, one open, one completed step. Salesloft shows most of them only as counters, so a unit is named by
what it counts: the record, the metric and its ordinal. The id of its event follows from that name and the stakeholder
alone: whoever notices the unit, when, and after how many crashes, the event is the same.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from schemas.activity import Activity, ActivitySource
from schemas.vocabulary import ActivityKind, Confidence

__all__ = ["ACTIVITY_METRICS", "NAMESPACE", "Metric", "Source", "Unit", "activity_event", "event_id", "membership_key"]

NAMESPACE: Final = UUID("6d0f5a3e-6a0b-5c1e-9d43-2f7c1b8e4a90")
"""The namespace of the ids. It never changes: with another one everything would be told again as new."""

_NAME: Final = json.JSONEncoder(separators=(",", ":"))


class Metric(StrEnum):
    """What is counted. Each has exactly one source, or two sources would tell the same thing twice."""

    EMAIL_SENT = "email-sent"
    EMAIL_OPENED = "email-opened"
    EMAIL_CLICKED = "email-clicked"
    EMAIL_REPLIED = "email-replied"
    EMAIL_BOUNCED = "email-bounced"
    CALL_LOGGED = "call-logged"
    STEP_COMPLETED = "step-completed"
    UNSUBSCRIBED = "unsubscribed"
    MEMBERSHIP_STARTED = "membership-started"
    MEMBERSHIP_COMPLETED = "membership-completed"
    MEMBERSHIP_REMOVED = "membership-removed"


class Source(StrEnum):
    """The kind of Salesloft record that shows a unit."""

    EMAIL = "email"
    CALL = "call"
    HISTORY = "history"
    MEMBERSHIP = "membership"


ACTIVITY_METRICS: Final = frozenset(Metric(kind.value) for kind in ActivityKind)
"""What leaves as an activity event; a membership's units leave as changes of its enrollment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit, of one record. ``ordinal`` counts from 1 within the record and metric.

    Exactly one of ``occurred_at`` (known) and ``occurred_between`` (first and last possible instant) is set. The id
    depends on none of the times.
    """

    metric: Metric
    ordinal: int
    source: Source
    source_id: str
    person_id: int
    cadence_id: int | None
    step_id: int | None
    occurred_at: datetime | None
    occurred_between: tuple[datetime, datetime] | None
    noticed_at: datetime
    confidence: Confidence = Confidence.HIGH

    def __post_init__(self) -> None:
        if (self.occurred_at is None) == (self.occurred_between is None):
            raise ValueError("exactly one of occurred_at and occurred_between is set")
        if self.occurred_between is not None and self.occurred_between[0] > self.occurred_between[1]:
            raise ValueError("occurred_between ends before it begins")

    @property
    def occurred_from(self) -> datetime:
        """The first instant at which it can have happened."""
        return self._bounds()[0]

    @property
    def occurred_to(self) -> datetime:
        """The last instant at which it can have happened; equal to the first where the instant is known."""
        return self._bounds()[1]

    def _bounds(self) -> tuple[datetime, datetime]:
        if self.occurred_between is not None:
            return self.occurred_between
        if self.occurred_at is not None:
            return self.occurred_at, self.occurred_at
        raise ValueError("a unit has a time")


def event_id(organization_id: str, stakeholder_id: str, unit: Unit) -> UUID:
    """The id of the event that tells this unit to this stakeholder's readers."""
    # JSON, because it keeps apart what a separator inside an id would run together.
    name = [organization_id, stakeholder_id, unit.source.value, unit.source_id, unit.metric.value, unit.ordinal]
    return uuid5(NAMESPACE, _NAME.encode(name))


def membership_key(membership_id: int, run_began_at: datetime) -> str:
    """A membership's source id: Salesloft uses the record again, so a run is told by when the person was added.

    The same instant in another zone is the same key.
    """
    return f"{membership_id}@{run_began_at.astimezone(UTC).isoformat(timespec='microseconds')}"


def activity_event(
    unit: Unit, *, organization_id: str, customer_id: str, stakeholder_id: str, enrollment_id: UUID | None
) -> Activity:
    """The data of the unit's activity event. ValueError for a membership's unit, which is not activity."""
    if unit.metric not in ACTIVITY_METRICS:
        raise ValueError(f"{unit.metric} leaves as a change of its enrollment")
    return Activity(
        organization_id=organization_id,
        customer_id=customer_id,
        stakeholder_id=stakeholder_id,
        enrollment_id=enrollment_id,
        salesloft=ActivitySource(
            person_id=unit.person_id,
            cadence_id=unit.cadence_id,
            step_id=unit.step_id,
            source=unit.source.value,
            source_id=unit.source_id,
        ),
        ordinal=unit.ordinal,
        occurred_at=unit.occurred_at,
        occurred_between=unit.occurred_between,
        noticed_at=unit.noticed_at,
        confidence=unit.confidence,
        details={"subject": None} if unit.source is Source.EMAIL else {},
    )

"""Salesloft's membership records to our membership's status and its start and end.

Salesloft keeps one mutable record per person and cadence. Adding the person again moves ``added_at``; each value of it
is one run, with one start and at most one end. Salesloft gives no reason for a removal and has no pause: *paused* is
ours alone, and stays while the record is away.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from activity.records import MembershipRecord
from activity.units import Metric, Source, Unit, membership_key
from schemas.vocabulary import Confidence

__all__ = ["MembershipObservation", "MembershipSeen", "MembershipStatus", "membership_status", "observe_membership"]


class MembershipStatus(StrEnum):
    """Where a membership stands, in our words."""

    PROCESSING = "processing"
    """Just added: Salesloft allows no change of it yet."""
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    REMOVED = "removed"


_STATUS_OF_STATE: Final = {
    "processing": MembershipStatus.PROCESSING,
    "staged": MembershipStatus.ACTIVE,
    "active": MembershipStatus.ACTIVE,
    "scheduled": MembershipStatus.ACTIVE,
    "completed": MembershipStatus.COMPLETED,
    "removed": MembershipStatus.REMOVED,
    "removed_no_action": MembershipStatus.REMOVED,
    "reassigned": MembershipStatus.REMOVED,
    "archived": MembershipStatus.REMOVED,
}
_ON_CADENCE: Final = frozenset({MembershipStatus.PROCESSING, MembershipStatus.ACTIVE})
_END: Final = {
    MembershipStatus.COMPLETED: Metric.MEMBERSHIP_COMPLETED,
    MembershipStatus.REMOVED: Metric.MEMBERSHIP_REMOVED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipSeen:
    """What is remembered of a membership's newest run; ``added_at`` is when that run began."""

    added_at: datetime
    updated_at: datetime
    status: MembershipStatus

    @property
    def is_on_cadence(self) -> bool:
        return self.status in _ON_CADENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipObservation:
    """What one reading of a membership yields.

    ``units`` are new, ``known`` is how many of the units that the record shows were told before.
    """

    units: tuple[Unit, ...]
    seen: MembershipSeen
    known: int


def membership_status(record: MembershipRecord) -> MembershipStatus:
    """Our word for Salesloft's state. For a state that we do not know, whether the person is on the cadence decides."""
    known = _STATUS_OF_STATE.get(record.current_state)
    if known is not None:
        return known
    return MembershipStatus.ACTIVE if record.currently_on_cadence else MembershipStatus.REMOVED


def observe_membership(
    before: MembershipSeen | None, record: MembershipRecord, noticed_at: datetime
) -> MembershipObservation:
    """The start and end that this reading shows for the first time.

    A record not newer than the one last seen, or of an older run, is ignored. Of a run's ends the first counts: that a
    completed membership is archived later changes nothing. A run whose successor is seen without its end has ended, and
    is told as removed with low confidence, for it may as well have been completed.
    """
    status = membership_status(record)
    if before is not None and (record.updated_at <= before.updated_at or record.run_began_at < before.added_at):
        return MembershipObservation(units=(), seen=before, known=1 + (status in _END))
    units: list[Unit] = []
    if before is None or before.added_at < record.run_began_at:
        known = 0
        if before is not None and before.is_on_cadence:
            units.append(_overtaken(before, record, noticed_at))
        units.append(_unit(record, Metric.MEMBERSHIP_STARTED, noticed_at, at=record.run_began_at))
        if status in _END:
            units.append(_ended(record, _END[status], record.run_began_at, noticed_at))
    elif before.is_on_cadence or status not in _END:
        known = 1
        if status in _END:
            units.append(_ended(record, _END[status], before.updated_at, noticed_at))
    else:
        # It ended before, or our own pause took it off: this reading only dates what is known.
        known = 2
        status = before.status
    seen = MembershipSeen(added_at=record.run_began_at, updated_at=record.updated_at, status=status)
    return MembershipObservation(units=tuple(units), seen=seen, known=known)


def _ended(record: MembershipRecord, metric: Metric, since: datetime, noticed_at: datetime) -> Unit:
    between = (min(since, record.updated_at), record.updated_at)
    return _unit(record, metric, noticed_at, between=between)


def _overtaken(before: MembershipSeen, record: MembershipRecord, noticed_at: datetime) -> Unit:
    """The end of a run that nobody saw end: the record tells of the next run already."""
    between = (min(before.updated_at, record.run_began_at), record.run_began_at)
    return replace(
        _unit(record, Metric.MEMBERSHIP_REMOVED, noticed_at, between=between),
        source_id=membership_key(record.id, before.added_at),
        step_id=None,
        confidence=Confidence.LOW,
    )


def _unit(
    record: MembershipRecord,
    metric: Metric,
    noticed_at: datetime,
    *,
    at: datetime | None = None,
    between: tuple[datetime, datetime] | None = None,
) -> Unit:
    return Unit(
        metric=metric,
        ordinal=1,
        source=Source.MEMBERSHIP,
        source_id=membership_key(record.id, record.run_began_at),
        person_id=record.person_id,
        cadence_id=record.cadence_id,
        step_id=record.step_id,
        occurred_at=at,
        occurred_between=between,
        noticed_at=noticed_at,
    )

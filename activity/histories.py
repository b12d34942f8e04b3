"""Entries of Salesloft's activity feed to units.

Only what no other record shows is taken from the feed: completed steps, because a completed action vanishes from
Salesloft's list of actions, and opt-outs, because nothing else dates them. Its sends, replies and calls are repetitions
of e-mails and calls, and are left to those.
"""

from datetime import datetime
from typing import Final

from activity.records import HistoryRecord
from activity.units import Metric, Source, Unit

__all__ = ["HISTORY_TYPES", "observe_history"]

_METRICS: Final = {"completed_action": Metric.STEP_COMPLETED, "dnc_event": Metric.UNSUBSCRIBED}

HISTORY_TYPES: Final = tuple(_METRICS)
"""The types to ask the feed for (``type[]``)."""


def observe_history(record: HistoryRecord, noticed_at: datetime) -> tuple[Unit, ...]:
    """The one unit of the entry, or none when its type says nothing new, or when it lifts an opt-out."""
    metric = _METRICS.get(record.type)
    if metric is None or (metric is Metric.UNSUBSCRIBED and record.do_not_contact is False):
        return ()
    unit = Unit(
        metric=metric,
        ordinal=1,
        source=Source.HISTORY,
        source_id=record.id,
        person_id=record.person_id,
        cadence_id=record.cadence_id,
        step_id=record.step_id,
        occurred_at=record.occurred_at,
        occurred_between=None,
        noticed_at=noticed_at,
    )
    return (unit,)

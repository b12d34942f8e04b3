"""A stakeholder's engagement: units folded into counts and instants, and a score that explains itself.

The fold adds and takes maxima, so the order of the units does not matter, and units folded in two halves give what they
give at once. It does not recognise a unit that it was given before: whoever stores the events knows which are new.

The score is about now. The same tallies are worth less a month later, so it is computed when asked for and never stored
as truth. Its parts are named and sum up to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, Final

from pydantic import TypeAdapter

from activity.units import Metric, Unit
from schemas.engagement import ActiveCadence, CadenceEngagement, Engagement, EngagementCounts, ScorePart
from schemas.vocabulary import Confidence

__all__ = ["CadenceTally", "fold", "score_parts", "snapshot", "tallies_from_json", "tallies_to_json", "total_of"]

_RECENT: Final = timedelta(days=14)
_LATELY: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceTally:
    """What a stakeholder did within one cadence, or outside of any (None), as far as it was told.

    ``answered`` is how many e-mails had a reply, while ``replied`` counts replies. Opens that a machine may have made
    are counted, and move no instant.
    """

    sent: int = 0
    opened: int = 0
    clicked: int = 0
    replied: int = 0
    bounced: int = 0
    calls: int = 0
    answered: int = 0
    last_contacted_at: datetime | None = None
    last_opened_at: datetime | None = None
    last_clicked_at: datetime | None = None
    last_replied_at: datetime | None = None
    last_called_at: datetime | None = None
    last_bounced_at: datetime | None = None
    unsubscribed_at: datetime | None = None

    def __add__(self, other: "CadenceTally") -> "CadenceTally":
        return CadenceTally(
            sent=self.sent + other.sent,
            opened=self.opened + other.opened,
            clicked=self.clicked + other.clicked,
            replied=self.replied + other.replied,
            bounced=self.bounced + other.bounced,
            calls=self.calls + other.calls,
            answered=self.answered + other.answered,
            last_contacted_at=_later(self.last_contacted_at, other.last_contacted_at),
            last_opened_at=_later(self.last_opened_at, other.last_opened_at),
            last_clicked_at=_later(self.last_clicked_at, other.last_clicked_at),
            last_replied_at=_later(self.last_replied_at, other.last_replied_at),
            last_called_at=_later(self.last_called_at, other.last_called_at),
            last_bounced_at=_later(self.last_bounced_at, other.last_bounced_at),
            unsubscribed_at=_later(self.unsubscribed_at, other.unsubscribed_at),
        )

    @property
    def reply_rate(self) -> float:
        """Answered e-mails by e-mails sent, from 0.0 to 1.0 and to two places; 0.0 where none was sent."""
        return round(min(1.0, self.answered / self.sent), 2) if self.sent else 0.0

    @property
    def counts(self) -> EngagementCounts:
        return EngagementCounts(
            sent=self.sent,
            opened=self.opened,
            clicked=self.clicked,
            replied=self.replied,
            bounced=self.bounced,
            calls=self.calls,
        )


_TALLY: Final = TypeAdapter(CadenceTally)


def fold(tallies: Mapping[int | None, CadenceTally], units: Iterable[Unit]) -> dict[int | None, CadenceTally]:
    """The tallies by cadence with these units added. The mapping that is handed in stays as it was.

    An instant that is only known between two is taken as the later one: by then it had happened.
    """
    folded = dict(tallies)
    for unit in units:
        folded[unit.cadence_id] = folded.get(unit.cadence_id, CadenceTally()) + _tally_of(unit)
    return folded


def tallies_to_json(tallies: Mapping[int | None, CadenceTally]) -> list[dict[str, Any]]:
    """The tallies as JSON holds them, to be stored and folded further later."""
    return [
        {"cadence_id": cadence_id, "tally": _TALLY.dump_python(tally, mode="json")}
        for cadence_id, tally in tallies.items()
    ]


def tallies_from_json(stored: Iterable[Mapping[str, Any]]) -> dict[int | None, CadenceTally]:
    """What :func:`tallies_to_json` gave, read back."""
    return {row["cadence_id"]: _TALLY.validate_python(row["tally"]) for row in stored}


def total_of(tallies: Mapping[int | None, CadenceTally]) -> CadenceTally:
    """All cadences together, with what happened outside of any."""
    return reduce(CadenceTally.__add__, tallies.values(), CadenceTally())


def score_parts(tally: CadenceTally, now: datetime) -> list[ScorePart]:
    """What makes up the score, each with its points; their sum is between 0 and 100.

    Replies weigh most (40), then clicks (20), opens that a person made (15), the rate of answered e-mails (15) and
    calls (10). Each instant counts fully for 14 days and half up to 90. A bounce takes away up to 30, an opt-out
    everything.
    """
    parts = [
        *_recency("replied", tally.last_replied_at, 40, now),
        *_recency("clicked", tally.last_clicked_at, 20, now),
        *_recency("opened", tally.last_opened_at, 15, now),
        *_recency("called", tally.last_called_at, 10, now),
    ]
    if tally.answered and tally.sent:
        parts.append(ScorePart(name="answers e-mails", points=round(15 * tally.reply_rate)))
    points = sum(part.points for part in parts)
    if tally.unsubscribed_at is not None:
        parts.append(ScorePart(name="unsubscribed", points=-points))
    elif tally.last_bounced_at is not None and now - tally.last_bounced_at <= _LATELY:
        parts.append(ScorePart(name="bounced", points=-min(points, 30)))
    return [part for part in parts if part.points or part.name in {"unsubscribed", "bounced"}]


def snapshot(
    tallies: Mapping[int | None, CadenceTally],
    *,
    organization_id: str,
    customer_id: str,
    stakeholder_id: str,
    active_cadences: Iterable[ActiveCadence],
    now: datetime,
) -> Engagement:
    """The data of the engagement event as of ``now``. Cadences are in the order of their ids."""
    all_of_it = total_of(tallies)
    parts = score_parts(all_of_it, now)
    cadences = sorted((cadence_id, tally) for cadence_id, tally in tallies.items() if cadence_id is not None)
    return Engagement(
        organization_id=organization_id,
        customer_id=customer_id,
        stakeholder_id=stakeholder_id,
        last_contacted_at=all_of_it.last_contacted_at,
        last_replied_at=all_of_it.last_replied_at,
        counts=all_of_it.counts,
        score=sum(part.points for part in parts),
        score_parts=parts,
        by_cadence=[
            CadenceEngagement(cadence_id=cadence_id, counts=tally.counts, reply_rate=tally.reply_rate)
            for cadence_id, tally in cadences
        ],
        active_cadences=list(active_cadences),
        updated_at=now,
    )


def _tally_of(unit: Unit) -> CadenceTally:
    """What one unit adds. Steps and memberships add nothing: they are our doing, not the stakeholder's."""
    at = unit.occurred_to
    one = CadenceTally()
    match unit.metric:
        case Metric.EMAIL_SENT:
            one = CadenceTally(sent=1, last_contacted_at=at)
        case Metric.EMAIL_OPENED:
            one = CadenceTally(opened=1, last_opened_at=None if unit.confidence is Confidence.LOW else at)
        case Metric.EMAIL_CLICKED:
            one = CadenceTally(clicked=1, last_clicked_at=at)
        case Metric.EMAIL_REPLIED:
            # The first reply of an e-mail answers it; further ones are of the same conversation.
            one = CadenceTally(replied=1, answered=int(unit.ordinal == 1), last_replied_at=at)
        case Metric.EMAIL_BOUNCED:
            one = CadenceTally(bounced=1, last_bounced_at=at)
        case Metric.CALL_LOGGED:
            one = CadenceTally(calls=1, last_called_at=at, last_contacted_at=at)
        case Metric.UNSUBSCRIBED:
            one = CadenceTally(unsubscribed_at=at)
    return one


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def _recency(what: str, at: datetime | None, points: int, now: datetime) -> list[ScorePart]:
    if at is None or now - at > _LATELY:
        return []
    if now - at <= _RECENT:
        return [ScorePart(name=f"{what} recently", points=points)]
    return [ScorePart(name=f"{what} in the last 90 days", points=points // 2)]

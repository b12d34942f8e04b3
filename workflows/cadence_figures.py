"""What is known of a cadence's people and success, each figure with who counted, whom, and as of when.

Salesloft counts everybody who was ever on a cadence, and gives few counters. We count the stakeholders' people alone,
by what was read of their memberships and activity, and know what our enrollments were for. Neither passes for the
other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from activity.units import Metric
from storage.cadences import CadenceRow, Goals, Stays

__all__ = ["Figure", "FigureSource", "Observed", "people_figures", "success_figures"]

FigureSource = Literal["salesloft", "cscx"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number, or a ratio of two.

    `source` is `salesloft` for what its own counters say of everybody who was ever on the cadence, `cscx` for what we
    have seen of the stakeholders' people. `as_of` is when the source said so and `age` how long ago that is, None where
    it has not been read to its end yet. A `value` is None where there is nothing to divide by.
    """

    name: str
    value: float | None
    numerator: int
    denominator: int | None
    source: FigureSource
    as_of: datetime | None
    age: timedelta | None
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What we have seen of an organization's cadences, and when each stream of records was last read to its end."""

    stays: Mapping[int, Stays]
    people: Mapping[tuple[int, str], int]
    goals: Mapping[int, Goals]
    ends: Mapping[str, datetime | None]
    now: datetime


@dataclass(frozen=True, slots=True)
class _Teller:
    """Makes figures of one source and instant."""

    source: FigureSource
    as_of: datetime | None
    now: datetime

    def number(self, name: str, count: int | None, meaning: str) -> list[Figure]:
        """A count; nothing where the source does not give it."""
        return [] if count is None else [self._figure(name, float(count), count, None, meaning)]

    def ratio(self, name: str, part: int | None, whole: int | None, meaning: str) -> list[Figure]:
        """A ratio; nothing where the source does not give both."""
        if part is None or whole is None:
            return []
        return [self._figure(name, part / whole if whole else None, part, whole, meaning)]

    def _figure(self, name: str, value: float | None, part: int, whole: int | None, meaning: str) -> Figure:
        return Figure(
            name=name,
            value=value,
            numerator=part,
            denominator=whole,
            source=self.source,
            as_of=self.as_of,
            age=max(self.now - self.as_of, timedelta()) if self.as_of is not None else None,
            meaning=meaning,
        )


def people_figures(row: CadenceRow, observed: Observed) -> tuple[Figure, ...]:
    """How many people a cadence has, and has had."""
    counts = row.record.get("counts") or {}
    stays = observed.stays.get(row.cadence_id, Stays(0, 0, 0, 0))
    told = _Teller("salesloft", row.refreshed_at, observed.now)
    seen = _Teller("cscx", observed.ends.get("memberships"), observed.now)
    return (
        *told.number("people_ever", counts.get("cadence_people"), "people who were ever added to it, by anybody"),
        *told.number("people_acted_on", counts.get("people_acted_on_count"), "people who were worked on by a user"),
        *seen.number("people_known_ever", stays.people, "of our stakeholders were ever on it"),
        *seen.number("people_known_now", stays.people_now, "of our stakeholders are on it"),
    )


def success_figures(row: CadenceRow, observed: Observed) -> tuple[Figure, ...]:
    """How well a cadence does: what Salesloft gives first, then what we have seen."""
    counts, stats = row.record.get("counts") or {}, row.stats or {}
    ever, emails = counts.get("cadence_people"), stats.get("sent_emails_count")
    listed = _Teller("salesloft", row.refreshed_at, observed.now)
    counted = _Teller("salesloft", row.stats_read_at, observed.now)
    return (
        *listed.ratio(
            "meeting_rate", counts.get("meetings_booked"), ever, "meetings booked for each person ever added"
        ),
        *listed.ratio(
            "opportunity_rate",
            counts.get("opportunities_created"),
            ever,
            "opportunities created for each person ever on it",
        ),
        *counted.ratio("email_reply_rate", stats.get("replied_count"), emails, "of the e-mails sent were answered"),
        *counted.ratio("email_view_rate", stats.get("viewed_count"), emails, "of the e-mails sent were opened"),
        *_seen_success(row, observed),
    )


def _seen_success(row: CadenceRow, observed: Observed) -> list[Figure]:
    def people(metric: Metric) -> int:
        return observed.people.get((row.cadence_id, metric.value), 0)

    stays = observed.stays.get(row.cadence_id, Stays(0, 0, 0, 0))
    goals = observed.goals.get(row.cadence_id, Goals(0, 0))
    ours = _Teller("cscx", observed.now, observed.now)
    emails = _Teller("cscx", observed.ends.get("emails"), observed.now)
    memberships = _Teller("cscx", observed.ends.get("memberships"), observed.now)
    sent = people(Metric.EMAIL_SENT)
    return [
        *ours.ratio(
            "goal_rate",
            goals.reached,
            goals.enrollments,
            "of our enrollments ended because the customer did what the cadence is for",
        ),
        *emails.ratio("reply_rate", people(Metric.EMAIL_REPLIED), sent, "of the people written to have answered"),
        *emails.ratio("open_rate", people(Metric.EMAIL_OPENED), sent, "of the people written to have opened one"),
        *emails.ratio("bounce_rate", people(Metric.EMAIL_BOUNCED), sent, "of the people written to have bounced"),
        *memberships.ratio("completion_rate", stays.completed, stays.ended, "of the stays that ended were completed"),
    ]

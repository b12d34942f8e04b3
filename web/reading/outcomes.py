"""What came of the triggers of some days: how far each came, where it did not go on, and what was done besides."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from schemas.fields import Instant
from schemas.registry import LIFECYCLE_TYPES
from schemas.vocabulary import CandidateOutcome, EnrollmentState, OutcomeType, Reason, TriggerType
from storage.outcomes import Enrollments, Outcomes, Span, outcomes
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller

__all__ = [
    "MOST_DAYS",
    "TRIGGER_OF",
    "Days",
    "SegmentFilter",
    "TriggerFilter",
    "first_of",
    "outcome_routes",
    "span_of",
]

MOST_DAYS: Final = 90
_ENROLLED = frozenset(
    {
        *(EnrollmentState.ENROLLED, EnrollmentState.PAUSED, EnrollmentState.COMPLETED),
        *(EnrollmentState.EXITED, EnrollmentState.REMOVED),
    }
)
_LEFT = frozenset(
    {
        *(EnrollmentState.REJECTED, EnrollmentState.EXPIRED, EnrollmentState.WITHDRAWN, EnrollmentState.STALE),
        *(EnrollmentState.BLOCKED, EnrollmentState.FAILED, EnrollmentState.REMOVED),
    }
)
# What was withdrawn may have been approved, and is counted by itself.
_NOT_APPROVED = frozenset(
    {
        *(EnrollmentState.REQUESTED, EnrollmentState.REJECTED, EnrollmentState.EXPIRED),
        *(EnrollmentState.STALE, EnrollmentState.WITHDRAWN),
    }
)
_GOALS = frozenset({OutcomeType.ONBOARDED, OutcomeType.RENEWED, OutcomeType.RECOVERED, OutcomeType.EXPANSION_CLOSED})
TRIGGER_OF: Final = {event_type.name: trigger_type for trigger_type, event_type in LIFECYCLE_TYPES.items()}
"""What a lifecycle event's type is called among triggers."""

Days = Annotated[int, Query(ge=1, le=MOST_DAYS, description="How many days; today is the last.")]
TriggerFilter = Annotated[TriggerType | None, Query(description="Of this trigger alone.")]
SegmentFilter = Annotated[str | None, Query(max_length=200, description="Of customers of this segment alone.")]


class StagesTold(Looked):
    """How many came how far.

    `events` are triggers, each decided about everybody at its customer when it came: the decisions. Who is on a
    cadence, was, or was taken off it has been enrolled. A goal is reached by whoever left the cadence because their
    customer did what it is for. What a person asks for comes of no decision, and is in no share of these.
    """

    events: int
    decisions: int
    asked_for: int
    approved: int
    enrolled: int
    replied: int
    reached_goal: int


class TriggerOutcomes(StagesTold):
    trigger_type: TriggerType | None = Field(
        description="Null of those whom a person has added, who are in none of the other counts."
    )


class SegmentOutcomes(StagesTold):
    segment: str | None = Field(description="Null of customers of which none is known.")


class ReasonTold(Looked):
    """Why nobody was asked for: how many decisions were so. `GET /api/salesloft/outcomes/decisions` has them."""

    outcome: CandidateOutcome
    reason: Reason
    count: int


class EndTold(Looked):
    """Where what was asked for did not go on, and why."""

    state: EnrollmentState
    reason: str | None
    count: int


class BesidesTold(Looked):
    """What was done besides what the mappings say."""

    asked_for_by_hand: int = Field(description="Whom a person of the organization has added here, with approval.")
    added_in_salesloft: int | None = Field(
        description="Whom somebody put on a cadence there, without. Null where one trigger is asked for."
    )
    steered: dict[str, int] = Field(description="What people had done to those on a cadence, by what it was.")


class OutcomesOfDay(Looked):
    day: date
    asked_for: int
    enrolled: int = Field(description="Of those asked for on that day.")


class OutcomesTold(Looked):
    """Since `since`, up to now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "since": "2026-10-26T00:00:00.000000Z",
                    "stages": {
                        "events": 2,
                        "decisions": 6,
                        "asked_for": 3,
                        "approved": 2,
                        "enrolled": 2,
                        "replied": 1,
                        "reached_goal": 1,
                    },
                    "asked_for_at_once": 3,
                    "by_trigger": [
                        {
                            "trigger_type": "renewal-window",
                            "events": 2,
                            "decisions": 6,
                            "asked_for": 3,
                            "approved": 2,
                            "enrolled": 2,
                            "replied": 1,
                            "reached_goal": 1,
                        }
                    ],
                    "by_segment": [
                        {
                            "segment": "enterprise",
                            "events": 2,
                            "decisions": 6,
                            "asked_for": 3,
                            "approved": 2,
                            "enrolled": 2,
                            "replied": 1,
                            "reached_goal": 1,
                        }
                    ],
                    "not_asked_for": [{"outcome": "skip", "reason": "criteria_not_met", "count": 3}],
                    "ends": [{"state": "rejected", "reason": "rejected", "count": 1}],
                    "besides": {"asked_for_by_hand": 0, "added_in_salesloft": 1, "steered": {"pause": 1}},
                    "by_day": [{"day": "2026-11-24", "asked_for": 3, "enrolled": 2}],
                    "segments": ["enterprise"],
                    "read_at": "2026-11-25T10:30:04.000000Z",
                }
            ]
        }
    )

    since: Instant
    stages: StagesTold = Field(description="Of what triggers led to.")
    asked_for_at_once: int = Field(
        description=(
            "How many of the decisions asked for somebody: with the counts of `not_asked_for` they are all decisions."
            " The rest of `asked_for` was decided about again later, for example what had been deferred."
        )
    )
    by_trigger: list[TriggerOutcomes] = Field(description="Of those alone of which there are any.")
    by_segment: list[SegmentOutcomes] = Field(description="Likewise, by the customers' segments of today.")
    not_asked_for: list[ReasonTold] = Field(description="The most frequent first.")
    ends: list[EndTold] = Field(description="Of what triggers asked for, the most frequent first.")
    besides: BesidesTold
    by_day: list[OutcomesOfDay] = Field(description="Of what triggers asked for: each in UTC, the oldest first.")
    segments: list[str] = Field(description="Those that the organization's customers are of.")
    read_at: Instant


def outcome_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/outcomes`."""
    routes = APIRouter(prefix="/api/salesloft/outcomes", tags=["enrollments"])
    who = anybody(looking)

    @routes.get("")
    async def what_came_of_it(
        caller: Annotated[Caller, Depends(who)],
        days: Days = 30,
        trigger_type: TriggerFilter = None,
        segment: SegmentFilter = None,
    ) -> OutcomesTold:
        """From triggers to decisions, requests, approvals, enrollments, answers and goals, and where they ended."""
        now = looking.clock.now()
        about = span_of(now, days, trigger_type, segment)
        async with looking.of(caller) as connection:
            found = await outcomes(connection, caller.organization_id, about)
        return _told(found, about, now)

    return routes


def span_of(now: datetime, days: int, trigger_type: TriggerType | None, segment: str | None) -> Span:
    """What of so many days is counted."""
    return Span(since=first_of(days, now), trigger_type=trigger_type, segment=segment)


def first_of(days: int, now: datetime) -> datetime:
    """When so many days in UTC began, the one that `now` is on the last of them."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days - 1)


def _told(found: Outcomes, about: Span, now: datetime) -> OutcomesTold:
    cells = _cells(found)
    by_trigger: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    by_segment: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for (trigger_type, segment), cell in cells.items():
        by_trigger[trigger_type] += cell
        if trigger_type is not None:
            by_segment[segment] += cell
    refused: Counter[tuple[str, str]] = Counter()
    for decided in found.decided:
        if decided.outcome != CandidateOutcome.REQUEST:
            refused[decided.outcome, decided.reason] += decided.decisions
    stages = _stages(sum(by_segment.values(), Counter()))
    triggered = [one for one in found.enrollments if one.trigger_type is not None]
    left: Counter[tuple[str, str | None]] = Counter()
    for one in triggered:
        if one.state in _LEFT:
            left[one.state, one.reason] += one.enrollments
    return OutcomesTold(
        since=about.since,
        stages=StagesTold(**stages),
        asked_for_at_once=stages["decisions"] - refused.total(),
        by_trigger=[
            TriggerOutcomes(trigger_type=kind, **_stages(by_trigger[kind]))
            for kind in (*TriggerType, None)
            if kind in by_trigger
        ],
        by_segment=[
            SegmentOutcomes(segment=segment, **_stages(by_segment[segment]))
            for segment in sorted(by_segment, key=lambda one: (one is None, one or ""))
        ],
        not_asked_for=[
            ReasonTold(outcome=CandidateOutcome(outcome), reason=Reason(reason), count=many)
            for (outcome, reason), many in refused.most_common()
        ],
        ends=[
            EndTold(state=EnrollmentState(state), reason=reason, count=many)
            for (state, reason), many in left.most_common()
        ],
        besides=BesidesTold(
            asked_for_by_hand=by_trigger[None]["asked_for"] if None in by_trigger else 0,
            added_in_salesloft=found.by_hand,
            steered=found.steered,
        ),
        by_day=_days(triggered, about.since, now),
        segments=found.segments,
        read_at=now,
    )


def _cells(found: Outcomes) -> dict[tuple[str | None, str | None], Counter[str]]:
    """How many came to each stage, by trigger and segment."""
    cells: defaultdict[tuple[str | None, str | None], Counter[str]] = defaultdict(Counter)
    for event in found.events:
        cells[TRIGGER_OF[event.event_type], event.segment]["events"] += event.events
    for decided in found.decided:
        cells[TRIGGER_OF[decided.event_type], decided.segment]["decisions"] += decided.decisions
    for withdrawn in found.withdrawn:
        cells[withdrawn.trigger_type, withdrawn.segment]["approved"] += withdrawn.enrollments
    for one in found.enrollments:
        is_enrolled = one.state in _ENROLLED
        is_goal = one.state == EnrollmentState.EXITED and one.reason in _GOALS
        cells[one.trigger_type, one.segment] += Counter(
            asked_for=one.enrollments,
            approved=one.enrollments if one.state not in _NOT_APPROVED else 0,
            enrolled=one.enrollments if is_enrolled else 0,
            replied=one.replied if is_enrolled else 0,
            reached_goal=one.enrollments if is_goal else 0,
        )
    return cells


def _stages(counted: Counter[str]) -> dict[str, int]:
    return {name: counted[name] for name in StagesTold.model_fields}


def _days(enrollments: Sequence[Enrollments], since: datetime, now: datetime) -> list[OutcomesOfDay]:
    asked_for: Counter[date] = Counter()
    enrolled: Counter[date] = Counter()
    for one in enrollments:
        asked_for[one.day] += one.enrollments
        if one.state in _ENROLLED:
            enrolled[one.day] += one.enrollments
    first = since.astimezone(UTC).date()
    days = [first + timedelta(days=number) for number in range((now.astimezone(UTC).date() - first).days + 1)]
    return [OutcomesOfDay(day=day, asked_for=asked_for[day], enrolled=enrolled[day]) for day in days]

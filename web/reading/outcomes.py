"""What came of requests: the newest of them counted, by how far they came and where they ended."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from schemas.fields import Instant
from schemas.vocabulary import EnrollmentState, TriggerType
from storage import looking as rows
from storage.looking import OutcomeRow
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller

__all__ = ["outcome_routes"]

_NEWEST = 1000
_DAYS = 30
_ENDED = frozenset({EnrollmentState.COMPLETED, EnrollmentState.EXITED})
_ENROLLED = _ENDED | {EnrollmentState.ENROLLED, EnrollmentState.PAUSED, EnrollmentState.REMOVED}
_LEFT = frozenset(
    {
        *(EnrollmentState.REJECTED, EnrollmentState.EXPIRED, EnrollmentState.WITHDRAWN, EnrollmentState.STALE),
        *(EnrollmentState.BLOCKED, EnrollmentState.FAILED, EnrollmentState.REMOVED),
    }
)
# As a request is told that is looked at alone: it stays approved, whatever becomes of its enrollment but this.
_NOT_APPROVED = frozenset(
    {EnrollmentState.REQUESTED, EnrollmentState.REJECTED, EnrollmentState.EXPIRED, EnrollmentState.STALE}
)


class StagesTold(Looked):
    """How many requests came how far. Who is on a cadence, was, or was taken off it has been enrolled."""

    asked_for: int
    approved: int
    enrolled: int
    ran_to_its_end: int


class TriggerOutcomes(StagesTold):
    trigger_type: TriggerType | None = Field(description="Null of those whom a person has added.")


class EndTold(Looked):
    """Where requests did not go on, and why."""

    state: EnrollmentState
    reason: str | None
    count: int


class OutcomesOfDay(Looked):
    day: date
    asked_for: int
    enrolled: int = Field(description="Came onto a cadence on that day.")


class OutcomesTold(Looked):
    """The newest requests, counted; `more` where there are older ones, which are not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "since": "2026-11-01T08:00:00.000000Z",
                    "more": False,
                    "stages": {"asked_for": 3, "approved": 2, "enrolled": 2, "ran_to_its_end": 1},
                    "by_trigger": [
                        {
                            "trigger_type": "renewal-window",
                            "asked_for": 3,
                            "approved": 2,
                            "enrolled": 2,
                            "ran_to_its_end": 1,
                        }
                    ],
                    "ends": [{"state": "rejected", "reason": None, "count": 1}],
                    "by_day": [{"day": "2026-11-24", "asked_for": 3, "enrolled": 2}],
                    "read_at": "2026-11-25T10:30:04.000000Z",
                }
            ]
        }
    )

    since: Instant | None = Field(description="When the oldest of them was asked for.")
    more: bool
    stages: StagesTold
    by_trigger: list[TriggerOutcomes] = Field(description="Of those alone that have asked.")
    ends: list[EndTold] = Field(description="The most frequent first.")
    by_day: list[OutcomesOfDay] = Field(description="The last thirty days, each in UTC, the oldest first.")
    read_at: Instant


def outcome_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/outcomes`."""
    routes = APIRouter(prefix="/api/salesloft/outcomes", tags=["enrollments"])
    who = anybody(looking)

    @routes.get("")
    async def outcomes(
        caller: Annotated[Caller, Depends(who)],
        trigger_type: Annotated[TriggerType | None, Query(description="What asked for them.")] = None,
    ) -> OutcomesTold:
        """What came of the newest thousand requests."""
        now = looking.clock.now()
        async with looking.of(caller) as connection:
            found = await rows.outcomes(
                connection,
                caller.organization_id,
                trigger_type=trigger_type.value if trigger_type is not None else None,
                limit=_NEWEST + 1,
            )
        counted = found[:_NEWEST]
        asked_by = {one.trigger_type for one in counted}
        left = Counter((one.state, one.reason) for one in counted if one.state in _LEFT)
        return OutcomesTold(
            since=counted[-1].requested_at if counted else None,
            more=len(found) > _NEWEST,
            stages=StagesTold(**_stages(counted)),
            by_trigger=[
                TriggerOutcomes(trigger_type=kind, **_stages([one for one in counted if one.trigger_type == kind]))
                for kind in (*TriggerType, None)
                if kind in asked_by
            ],
            ends=[
                EndTold(state=EnrollmentState(state), reason=reason, count=many)
                for (state, reason), many in left.most_common()
            ],
            by_day=_days(counted, now),
            read_at=now,
        )

    return routes


def _stages(counted: Sequence[OutcomeRow]) -> dict[str, int]:
    return {
        "asked_for": len(counted),
        "approved": sum(one.is_decided and one.state not in _NOT_APPROVED for one in counted),
        "enrolled": sum(one.state in _ENROLLED for one in counted),
        "ran_to_its_end": sum(one.state in _ENDED for one in counted),
    }


def _days(counted: Sequence[OutcomeRow], now: datetime) -> list[OutcomesOfDay]:
    asked_for = Counter(one.requested_at.astimezone(UTC).date() for one in counted)
    enrolled = Counter(one.added_at.astimezone(UTC).date() for one in counted if one.added_at is not None)
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=back) for back in reversed(range(_DAYS))]
    return [OutcomesOfDay(day=day, asked_for=asked_for[day], enrolled=enrolled[day]) for day in days]

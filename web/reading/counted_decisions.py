"""The decisions that are counted by outcome and reason, one by one: whom each was about."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from enrollment.explain import told_asked, unmet
from enrollment.recall import Recalled
from schemas.fields import Instant
from schemas.vocabulary import CandidateOutcome, Reason, TriggerType
from storage.outcomes import DecidedRow, DecisionFilters, count_decided, decided
from storage.pool import Connection
from storage.stored_evaluations import read_made
from web.paging import Paging, paging
from web.reading.asking import Looked, Looking, OwnerFilter, Page, anybody, owner_asked_for
from web.reading.decisions import plain, recalled
from web.reading.outcomes import TRIGGER_OF, Days, SegmentFilter, TriggerFilter, span_of
from web.security import Caller

__all__ = ["counted_decision_routes"]

_MOST_RECALLED = 50
_OF_CRITERIA = frozenset({Reason.CRITERIA_NOT_MET, Reason.FACT_UNKNOWN})


class DecisionCounted(Looked):
    """What was decided about somebody when a trigger came. `GET /api/salesloft/decisions` explains it by the event."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "evaluation_id": "3c0f2d57-6c0e-7a54-9e0a-1f7b9f1f7b11",
                    "evaluated_at": "2026-11-23T08:00:00.000000Z",
                    "trigger_type": "renewal-window",
                    "event_id": "6e1c7b52-58e4-4f6e-a1d2-6c1f0b3f7a10",
                    "customer_id": "cus-7",
                    "customer_name": "Acme",
                    "segment": "enterprise",
                    "stakeholder_id": "sth-8",
                    "stakeholder_name": "Ann Lee",
                    "outcome": "skip",
                    "reason": "criteria_not_met",
                }
            ]
        }
    )

    evaluation_id: UUID
    evaluated_at: Instant
    trigger_type: TriggerType
    event_id: str
    customer_id: str
    customer_name: str | None
    segment: str | None = Field(description="The customer's of today.")
    stakeholder_id: str | None = Field(description="Null where it was about the customer, as where nobody is known.")
    stakeholder_name: str | None
    outcome: CandidateOutcome
    reason: Reason
    because: list[dict[str, Any]] | None = Field(
        default=None,
        description="Where it is asked for, and no criteria held: what each mapping saw that asked, as in"
        " `GET /api/salesloft/decisions`. Null where it is not kept any more.",
    )


class DecisionsCounted(Page[DecisionCounted]):
    """A page of them. `count` is how many there are on all pages together, since `since`."""

    count: int
    since: Instant


def counted_decision_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/outcomes/decisions`."""
    routes = APIRouter(prefix="/api/salesloft/outcomes", tags=["decisions"])
    who = anybody(looking)

    @routes.get("/decisions")
    async def counted(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        days: Days = 30,
        trigger_type: TriggerFilter = None,
        segment: SegmentFilter = None,
        outcome: Annotated[CandidateOutcome | None, Query(description="That came to this.")] = None,
        reason: Annotated[Reason | None, Query(description="For this reason.")] = None,
        owner: OwnerFilter = None,
        *,
        because: Annotated[
            bool, Query(description="Also which criteria did not hold, decided again for at most 50 of a page.")
        ] = False,
    ) -> DecisionsCounted:
        """The decisions on triggers, the newest first: those that `GET /api/salesloft/outcomes` counts.

        Each as it was made when its trigger came. What became of it when it was decided again later is not among them.
        """
        if because:
            page = Paging(min(page.limit, _MOST_RECALLED), page.cursor)
        now, owner_user_id = looking.clock.now(), owner_asked_for(caller, owner)
        about = span_of(now, days, trigger_type, segment)
        filters = DecisionFilters(outcome=outcome, reason=reason, owner_user_id=owner_user_id)
        question = (caller.organization_id, days, trigger_type, segment, outcome, reason, owner_user_id)
        before_at, before_id, before_place = page.after(question, datetime, UUID, int)
        async with looking.of(caller) as connection:
            rows = await decided(
                connection,
                caller.organization_id,
                about,
                filters,
                before=(before_at, before_id, before_place),
                limit=page.limit + 1,
            )
            found, following = page.cut(question, rows, lambda row: (row.evaluated_at, row.id, row.place))
            count = await count_decided(connection, caller.organization_id, about, filters)
            known = await _recalled(looking, connection, caller.organization_id, found) if because else {}
        seen = await asyncio.to_thread(_unmet, known)
        return DecisionsCounted(
            items=[_told(row, seen.get((row.id, row.stakeholder_id))) for row in found],
            next_cursor=following,
            read_at=now,
            count=count,
            since=about.since,
        )

    return routes


async def _recalled(
    looking: Looking, connection: Connection, organization_id: str, found: Sequence[DecidedRow]
) -> dict[UUID, Recalled]:
    """By its id what each evaluation was a function of which criteria have settled, as far as that is kept."""
    made = {(one.id, one.evaluated_at) for one in found if one.reason in _OF_CRITERIA}
    stored = await read_made(connection, organization_id, made)
    again = await recalled(looking, connection, organization_id, stored)
    return {one.id: known for one, known in zip(stored, again, strict=True) if known is not None}


def _unmet(known: dict[UUID, Recalled]) -> dict[tuple[UUID, str | None], list[dict[str, Any]]]:
    return {
        (id_, stakeholder_id): [plain(told_asked(one)) for one in asked]
        for id_, one_of_them in known.items()
        for stakeholder_id, asked in unmet(one_of_them).items()
    }


def _told(row: DecidedRow, because: list[dict[str, Any]] | None) -> DecisionCounted:
    return DecisionCounted(
        evaluation_id=row.id,
        evaluated_at=row.evaluated_at,
        trigger_type=TRIGGER_OF[row.event_type],
        event_id=row.event_id,
        customer_id=row.customer_id,
        customer_name=row.customer_name,
        segment=row.segment,
        stakeholder_id=row.stakeholder_id,
        stakeholder_name=row.stakeholder_name,
        outcome=CandidateOutcome(row.outcome),
        reason=Reason(row.reason),
        because=because if row.reason in _OF_CRITERIA else None,
    )

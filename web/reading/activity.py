"""What stakeholders did, and what was sent to them: each unit of activity with when it was, and how sure that is."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, ConfigDict, Field

from activity.units import Metric
from schemas.fields import KeptInstant
from schemas.vocabulary import Confidence
from storage import looking as rows
from storage.looking import UnitFilters, UnitRow
from storage.questions import answer
from web.paging import Paging, paging
from web.reading.asking import (
    Looked,
    Looking,
    Page,
    anybody,
    freshness,
    known_customer,
    known_stakeholder,
)
from web.security import Caller

__all__ = ["ACTIVITY_STREAMS", "LARGEST_CUSTOMER", "ActivityUnit", "activity_routes", "told_unit"]

ACTIVITY_STREAMS = ("emails", "calls", "histories", "memberships")
LARGEST_CUSTOMER = 500
"""How many of a customer's stakeholders are looked at."""


class ActivityUnit(Looked):
    """One unit, such as the second opening of an e-mail.

    `occurred_at` is null where Salesloft only counts: then it was within `occurred_between`. `noticed_at` is when this
    service saw it. `confidence` is `low` where a machine may have done it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
                    "stakeholder_id": "sth-9",
                    "enrollment_id": None,
                    "kind": "email-opened",
                    "ordinal": 2,
                    "cadence_id": 456,
                    "cadence_name": "Renewal 90",
                    "step_id": 77,
                    "source": "email",
                    "source_id": "722488662",
                    "occurred_at": None,
                    "occurred_between": ["2026-11-25T10:00:00.000000Z", "2026-11-25T10:30:00.000000Z"],
                    "noticed_at": "2026-11-25T10:30:04.000000Z",
                    "confidence": "low",
                }
            ]
        }
    )

    id: UUID
    stakeholder_id: str
    enrollment_id: UUID | None
    kind: Metric
    ordinal: int = Field(description="The how manieth of its kind from this source, from 1.")
    cadence_id: int | None
    cadence_name: str | None
    step_id: int | None
    source: str
    source_id: str
    occurred_at: KeptInstant | None
    occurred_between: tuple[KeptInstant, KeptInstant] | None
    noticed_at: KeptInstant
    confidence: Confidence | None


def activity_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/people/{id}/activity` and `GET /api/salesloft/customers/{id}/activity`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["activity"])
    who = anybody(looking)

    async def filters(
        kind: Annotated[list[Metric] | None, Query(description="Only these kinds.")] = None,
        cadence_id: Annotated[int | None, Query(description="Only in this cadence.")] = None,
        since: Annotated[AwareDatetime | None, Query(description="From this instant on.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Until before this instant.")] = None,
    ) -> UnitFilters:
        return UnitFilters(
            metrics=sorted(one.value for one in kind) if kind else None,
            cadence_id=cadence_id,
            since=since,
            until=until,
        )

    async def told(
        caller: Caller, asked: UnitFilters, page: Paging, *, stakeholder_id: str | None, customer_id: str | None
    ) -> Page[ActivityUnit]:
        question = (caller.organization_id, stakeholder_id, customer_id, *_spelt(asked))
        before = page.after(question, datetime, UUID)
        async with looking.of(caller) as connection:
            if stakeholder_id is not None:
                people = [stakeholder_id]
            else:
                people = await rows.people_of(
                    connection, caller.organization_id, customer_id or "", limit=LARGEST_CUSTOMER
                )
            units = rows.activity(
                caller.organization_id, people, asked, before=(before[0], before[1]), limit=page.limit + 1
            )
            streams = rows.freshness(caller.organization_id)
            await answer(connection, units, streams)
            # Of whom there is something is known.
            if not units.rows and stakeholder_id is not None:
                await known_stakeholder(connection, caller, stakeholder_id)
            elif not units.rows:
                await known_customer(connection, caller, customer_id or "")
        items, following = page.cut(question, units.rows, lambda row: (row.occurred_to, row.event_id))
        return Page[ActivityUnit](
            items=[told_unit(row) for row in items],
            next_cursor=following,
            read_at=looking.clock.now(),
            freshness=freshness(streams.rows, ACTIVITY_STREAMS),
        )

    @routes.get("/people/{stakeholder_id}/activity")
    async def of_stakeholder(
        caller: Annotated[Caller, Depends(who)],
        stakeholder_id: str,
        asked: Annotated[UnitFilters, Depends(filters)],
        page: Annotated[Paging, Depends(paging)],
    ) -> Page[ActivityUnit]:
        """What a stakeholder did and what was sent to them, the latest first."""
        return await told(caller, asked, page, stakeholder_id=stakeholder_id, customer_id=None)

    @routes.get("/customers/{customer_id}/activity")
    async def of_customer(
        caller: Annotated[Caller, Depends(who)],
        customer_id: str,
        asked: Annotated[UnitFilters, Depends(filters)],
        page: Annotated[Paging, Depends(paging)],
    ) -> Page[ActivityUnit]:
        """The same of a customer's stakeholders together, 500 of them at most by id: the activity of an account."""
        return await told(caller, asked, page, stakeholder_id=None, customer_id=customer_id)

    return routes


def told_unit(row: UnitRow) -> ActivityUnit:
    """A unit as it is told."""
    is_known = row.occurred_from == row.occurred_to
    return ActivityUnit(
        id=row.event_id,
        stakeholder_id=row.stakeholder_id,
        enrollment_id=row.enrollment_id,
        kind=Metric(row.metric),
        ordinal=row.ordinal,
        cadence_id=row.cadence_id,
        cadence_name=row.cadence_name,
        step_id=row.step_id,
        source=row.source,
        source_id=row.source_id,
        occurred_at=row.occurred_to if is_known else None,
        occurred_between=None if is_known else (row.occurred_from, row.occurred_to),
        noticed_at=row.noticed_at,
        confidence=Confidence(row.confidence) if row.confidence is not None else None,
    )


def _spelt(asked: UnitFilters) -> tuple[object, ...]:
    return (asked.metrics, asked.cadence_id, asked.since, asked.until)

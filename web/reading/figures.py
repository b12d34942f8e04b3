"""The published figures of each day: how right decisions were, how completely was seen, how faithfully was done."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from enrollment.accuracy import Counted
from schemas.fields import Instant
from storage import figures
from storage.figures import PublishedFigures
from web.paging import Paging, paging
from web.reading.asking import Looked, Looking, Page, anybody
from web.security import Caller

__all__ = ["figure_routes"]


class FigureTold(Looked):
    """A ratio, and the two counts that it is made of; null where there was nothing to count."""

    ratio: float | None
    part: int
    whole: int


class FiguresTold(Looked):
    """The figures from one instant until before another, as they were published."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "from": "2026-11-24T00:00:00.000000Z",
                    "to": "2026-11-25T00:00:00.000000Z",
                    "accuracy": {"ratio": 1.0, "part": 412, "whole": 412},
                    "completeness": {"ratio": 1.0, "part": 3051, "whole": 3051},
                    "consistency": {"ratio": 0.995, "part": 199, "whole": 200},
                    "counted_at": "2026-11-25T00:05:00.000000Z",
                }
            ]
        }
    )

    from_: Instant = Field(alias="from")
    to: Instant
    accuracy: FigureTold = Field(
        description="Decisions that come out the same when they are made again of the facts of that moment."
    )
    completeness: FigureTold = Field(
        description="Units of activity that we told of, of those that Salesloft's records show."
    )
    consistency: FigureTold = Field(
        description="Enrollments that were carried out as decided and approved: cadence, first step, sender, day, exit."
    )
    counted_at: Instant


def figure_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/figures`."""
    routes = APIRouter(prefix="/api/salesloft/figures", tags=["operations"])
    who = anybody(looking)

    @routes.get("")
    async def published(
        caller: Annotated[Caller, Depends(who)], page: Annotated[Paging, Depends(paging)]
    ) -> Page[FiguresTold]:
        """The figures of each day, the latest first. A day's are counted and published in the night after it."""
        question = (caller.organization_id,)
        (before,) = page.after(question, datetime)
        async with looking.of(caller) as connection:
            found = await figures.published(connection, caller.organization_id, before, limit=page.limit + 1)
        items, following = page.cut(question, found, lambda one: (one.figures.since,))
        return Page[FiguresTold](
            items=[_told(one) for one in items], next_cursor=following, read_at=looking.clock.now()
        )

    return routes


def _told(one: PublishedFigures) -> FiguresTold:
    row = one.figures
    return FiguresTold(
        from_=row.since,
        to=row.until,
        accuracy=_figure(row.accuracy),
        completeness=_figure(row.completeness),
        consistency=_figure(row.consistency),
        counted_at=one.counted_at,
    )


def _figure(counted: Counted) -> FigureTold:
    return FigureTold(ratio=counted.ratio, part=counted.part, whole=counted.whole)

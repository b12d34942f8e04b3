"""What was decided about whom, why, and the one change that would turn it: made again when it is asked for."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from enrollment.explain import explain, told
from enrollment.recall import Recalled
from schemas.fields import Instant, format_instant
from schemas.vocabulary import TriggerType
from storage import looking as rows
from storage.pool import Connection
from storage.stored_evaluations import About, StoredEvaluation
from web.paging import Paging, paging
from web.problems import Problem
from web.reading.asking import CustomerFilter, Looked, Looking, Page, StakeholderFilter, anybody
from web.security import Caller
from workflows.explaining import Recollection

__all__ = ["Decided", "decision_routes", "explained", "plain", "recalled"]

_MOST_EXPLAINED = 20
_LITTLE = 10
"""Stakeholders, each with each mapping of the trigger: one takes a quarter to three quarters of a millisecond."""


class Decided(Looked):
    """An evaluation. `outcomes` is what was decided; `decisions` says of each how it came about.

    `decided_again` tells whether it comes out the same when it is made again from what was stored: `not_possible` where
    somebody was erased. `would_turn` in a decision is the smallest single change that would make something else of it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "3c0f2d57-6c0e-7a54-9e0a-1f7b9f1f7b11",
                    "evaluated_at": "2026-11-23T08:00:00.000000Z",
                    "cause": "event",
                    "trigger_type": "renewal-window",
                    "event_id": "6e1c7b52-58e4-4f6e-a1d2-6c1f0b3f7a10",
                    "business_key": "con-5/2027-03-31",
                    "customer_id": "cus-7",
                    "decision_version": 12,
                    "trigger": {"contract_id": "con-5", "term_end": "2027-03-31", "days_to_renewal": 90},
                    "outcomes": [
                        {
                            "stakeholder_id": "sth-8",
                            "outcome": "skip",
                            "reason": "criteria_not_met",
                            "mapping_id": None,
                            "mapping_version": None,
                            "request_digest": None,
                        }
                    ],
                    "decided_again": "same",
                    "decisions": [
                        {
                            "stakeholder_id": "sth-8",
                            "outcome": "skip",
                            "reason": "criteria_not_met",
                            "mapping": None,
                            "request_digest": None,
                            "asked": [],
                            "would_turn": {
                                "fact": "customer.health_score",
                                "was": 71,
                                "is": 59,
                                "outcome": "request",
                                "reason": "requested",
                            },
                            "would_also_turn": [],
                        }
                    ],
                }
            ]
        }
    )

    id: UUID
    evaluated_at: Instant
    cause: str = Field(description="`event`, `deferral`, `withdrawal`, `renewal` or `run`.")
    trigger_type: TriggerType
    event_id: str
    business_key: str
    customer_id: str
    decision_version: int
    trigger: dict[str, Any] | None = Field(description="What the event said of itself; null where it is not kept.")
    outcomes: list[dict[str, Any]]
    decided_again: Literal["same", "different", "not_possible"]
    decisions: list[dict[str, Any]]


def decision_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/decisions`."""
    routes = APIRouter(prefix="/api/salesloft/decisions", tags=["decisions"])
    who = anybody(looking)

    @routes.get("")
    async def decisions(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        event_id: Annotated[str | None, Query(max_length=500, description="Of this lifecycle event.")] = None,
        customer_id: CustomerFilter = None,
        stakeholder_id: StakeholderFilter = None,
    ) -> Page[Decided]:
        """Decisions about an event, a customer, a stakeholder, or what several of them share; the newest first.

        At least one is named. A page has 20 at most, for each is decided again.
        """
        if event_id is None and customer_id is None and stakeholder_id is None:
            raise Problem(400, "filter_needed", "Say which: event_id, customer_id or stakeholder_id.")
        page = Paging(min(page.limit, _MOST_EXPLAINED), page.cursor)
        question = (caller.organization_id, event_id, customer_id, stakeholder_id)
        before = page.after(question, datetime, UUID)
        async with looking.of(caller) as connection:
            found = await rows.evaluations(
                connection,
                caller.organization_id,
                About(event_id=event_id, customer_id=customer_id, stakeholder_id=stakeholder_id),
                before=(before[0], before[1]),
                limit=page.limit + 1,
            )
            items, following = page.cut(question, found, lambda row: (row.evaluated_at, row.id))
            again = await recalled(looking, connection, caller.organization_id, items)
        return Page[Decided](
            items=await explained(items, again, stakeholder_id=stakeholder_id),
            next_cursor=following,
            read_at=looking.clock.now(),
        )

    return routes


async def recalled(
    looking: Looking, connection: Connection, organization_id: str, stored: Sequence[StoredEvaluation]
) -> list[Recalled | None]:
    """What each was a function of; None where that is not to be had any more."""
    recollection = Recollection(connection, organization_id, looking.organizations)
    return [await recollection.recalled(one) for one in stored]


async def explained(
    stored: Sequence[StoredEvaluation], again: Sequence[Recalled | None], *, stakeholder_id: str | None
) -> list[Decided]:
    """Evaluations in full, of one stakeholder where one is asked about. No transaction is open meanwhile."""

    def decided() -> list[Decided]:
        return [_decided(one, known, stakeholder_id) for one, known in zip(stored, again, strict=True)]

    # In a thread the two hand the interpreter to and fro, which takes the whole answer a quarter as long again.
    return decided() if _is_little(again) else await asyncio.to_thread(decided)


def _is_little(again: Sequence[Recalled | None]) -> bool:
    """Whether it is explained in a few milliseconds, which everybody else can wait for."""
    pairs = 0
    for one in again:
        if one is not None:
            asked = sum(
                mapping.trigger_type is one.situation.trigger_type for mapping in one.organization.mappings.all()
            )
            pairs += len(one.situation.candidates) * asked
    return pairs <= _LITTLE


def _decided(one: StoredEvaluation, again: Recalled | None, stakeholder_id: str | None) -> Decided:
    explanation = explain(again) if again is not None else None
    wanted = {None, stakeholder_id}
    if explanation is None:
        came_out: Literal["same", "different", "not_possible"] = "not_possible"
    else:
        came_out = "same" if explanation.digest == one.digest else "different"
    decisions = explanation.decisions if explanation is not None else ()
    return Decided(
        id=one.id,
        evaluated_at=one.evaluated_at,
        cause=one.cause,
        trigger_type=one.trigger_type,
        event_id=one.event_id,
        business_key=one.business_key,
        customer_id=one.customer_id,
        decision_version=one.decision_version,
        trigger=again.situation.trigger.model_dump(mode="json") if again is not None else None,
        outcomes=[
            outcome
            for outcome in orjson.loads(one.outcomes)
            if stakeholder_id is None or outcome["stakeholder_id"] in wanted
        ],
        decided_again=came_out,
        decisions=[
            plain(told(decision))
            for decision in decisions
            if stakeholder_id is None or decision.decision.stakeholder_id in wanted
        ],
    )


def plain(value: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it, instants with their microseconds."""
    return orjson.loads(  # type: ignore[no-any-return]
        orjson.dumps(value, default=_spelt, option=orjson.OPT_PASSTHROUGH_DATETIME)
    )


def _spelt(value: Any) -> str:
    return format_instant(value) if isinstance(value, datetime) else str(value)

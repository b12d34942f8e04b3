"""Mappings run once over those whom their trigger has come for before, over HTTP: begun, looked at, cancelled.

A run asks approvers, as an event does; the service carries it out.
"""

from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import Instant
from storage import mapping_runs
from storage.mapping_runs import RunOutcome, RunRecord
from storage.pool import Database
from web.memberships import Note
from web.problems import Problem, absent
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller, CallerRole, Callers, having_role
from workflows.clock import Clock
from workflows.mapping_runs import RunInvalid, cancel_run, start_run

__all__ = ["mapping_run_routes"]

_LISTED: Final = 50
_RUN: Final[dict[str, Any]] = {
    "id": "0d0f2b6e-6a0f-4f0c-8f57-2d2b6f3c9a11",
    "mapping_id": "6f1c2a52-8a54-4d55-9a0e-0c1f7f0f5a10",
    "mapping_version": 3,
    "since": "2026-08-27T10:30:04.000000Z",
    "at_most": 100,
    "reason": "the save cadence is new",
    "started_by": "usr-4",
    "started_at": "2026-11-25T10:30:04.000000Z",
    "customers": 400,
    "requested": 12,
    "ended_at": None,
    "outcome": None,
    "cancelled_by": None,
    "error": None,
}


class RunWanted(BaseModel):
    """Which mapping, over the events of how many days, and how many stakeholders it may ask for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"mapping_id": _RUN["mapping_id"], "at_most": 100, "days": 90, "reason": _RUN["reason"]}]
        },
    )

    mapping_id: UUID
    at_most: Annotated[int, Field(ge=1, le=1_000_000)]
    days: Annotated[int, Field(ge=1, le=365)] = 90
    reason: Note


class RunTold(Looked):
    """A run, how many customers it has looked at, and how many stakeholders it has asked for.

    `error` says why it was put off, while it is; `outcome` how it ended.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_RUN]})

    id: UUID
    mapping_id: UUID
    mapping_version: int
    since: Instant
    at_most: int
    reason: str
    started_by: str
    started_at: Instant
    customers: int
    requested: int
    ended_at: Instant | None
    outcome: RunOutcome | None
    cancelled_by: str | None
    error: str | None


class Runs(Looked):
    """The newest runs, the newest first."""

    runs: list[RunTold]
    read_at: Instant


def mapping_run_routes(database: Database, looking: Looking, callers: Callers, clock: Clock) -> APIRouter:
    """`GET` and `POST /api/salesloft/mapping-runs`, `GET` and `DELETE /api/salesloft/mapping-runs/{id}`."""
    routes = APIRouter(prefix="/api/salesloft/mapping-runs", tags=["mapping runs"])
    who = anybody(looking)
    admin = having_role(callers, CallerRole.ADMIN)

    @routes.get("")
    async def runs(
        caller: Annotated[Caller, Depends(who)], limit: Annotated[int, Query(ge=1, le=_LISTED)] = _LISTED
    ) -> Runs:
        """Who began which run and why, how far each is, and how it ended."""
        async with looking.of(caller) as connection:
            found = await mapping_runs.list_runs(connection, caller.organization_id, limit=limit)
        return Runs(runs=[_told(one) for one in found], read_at=looking.clock.now())

    @routes.post("", status_code=202)
    async def begin(wanted: RunWanted, response: Response, caller: Annotated[Caller, Depends(admin)]) -> RunTold:
        """Decide each customer's newest event again for this mapping alone, and ask for approval of whom it fits."""
        organization_id, now = caller.organization_id, clock.now()
        try:
            async with database.transaction() as connection:
                run_id = await start_run(
                    connection,
                    organization_id,
                    wanted.mapping_id,
                    since=now - timedelta(days=wanted.days),
                    at_most=wanted.at_most,
                    reason=wanted.reason,
                    by=caller.user_id,
                    now=now,
                )
                found = await mapping_runs.run_of(connection, organization_id, run_id)
        except RunInvalid as error:
            raise Problem(409, "run_refused", f"{error}.") from None
        if found is None:
            raise AssertionError("a run that was begun in this transaction is there")
        response.headers["location"] = f"/api/salesloft/mapping-runs/{run_id}"
        return _told(found)

    @routes.get("/{run_id}")
    async def run(run_id: UUID, caller: Annotated[Caller, Depends(who)]) -> RunTold:
        """How far a run is."""
        async with looking.of(caller) as connection:
            found = await mapping_runs.run_of(connection, caller.organization_id, run_id)
        if found is None:
            raise absent("run", run_id)
        return _told(found)

    @routes.delete("/{run_id}", status_code=204)
    async def cancel(run_id: UUID, caller: Annotated[Caller, Depends(admin)]) -> None:
        """Have a run end where it is; what it has asked for stays asked."""
        async with database.transaction() as connection:
            found = await mapping_runs.run_of(connection, caller.organization_id, run_id)
            if found is None:
                raise absent("run", run_id)
            try:
                await cancel_run(connection, caller.organization_id, run_id, by=caller.user_id, now=clock.now())
            except RunInvalid as error:
                raise Problem(409, "run_over", f"{error}.") from None

    return routes


def _told(one: RunRecord) -> RunTold:
    return RunTold(
        id=one.id,
        mapping_id=one.mapping_id,
        mapping_version=one.mapping_version,
        since=one.since,
        at_most=one.at_most,
        reason=one.reason,
        started_by=one.started_by,
        started_at=one.started_at,
        customers=one.customers,
        requested=one.requested,
        ended_at=one.ended_at,
        outcome=one.outcome,
        cancelled_by=one.cancelled_by,
        error=one.error,
    )

"""Leaving over HTTP: how an organization goes, how far it is, and how it comes back."""

from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import Instant
from storage import departures
from storage.departures import Departure
from storage.pool import Connection, Database
from web.idempotency import repeatable
from web.memberships import Note
from web.problems import Problem, absent
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller, CallerRole, having_role
from workflows.departures import StillLeaving, ask_to_leave, come_back

__all__ = ["departing_routes"]

_LEAVING: Final[dict[str, Any]] = {
    "state": "leaving",
    "asked_by": "usr-4",
    "asked_at": "2026-11-25T10:30:04.000000Z",
    "left_at": None,
    "left_behind": None,
    "rows_deleted": 0,
    "customers": 12,
    "stakeholders": 80,
    "on_cadence": 7,
}


class DepartureState(StrEnum):
    """Where a departure stands."""

    LEAVING = "leaving"
    LEFT = "left"


class DepartureWanted(BaseModel):
    """That the caller's organization is to leave; its id, written out, says that this is no mistake."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"organization_id": "org-1", "reason": "the contract ends"}]},
    )

    organization_id: str
    reason: Note


class DepartureTold(Looked):
    """A departure: who asked for it, how far it is, and what is still there."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LEAVING]})

    state: DepartureState
    asked_by: str
    asked_at: Instant
    left_at: Instant | None
    left_behind: int | None = Field(
        description="Who was on a cadence and could not be taken off: null until that is known."
    )
    rows_deleted: int
    customers: int
    stakeholders: int
    on_cadence: int = Field(description="Who is still on a cadence that we added them to.")


class DepartureTried(Looked):
    """What a departure would end: nothing is written."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"customers": 12, "stakeholders": 80, "on_cadence": 7}]},
    )

    customers: int
    stakeholders: int
    on_cadence: int


def departing_routes(database: Database, looking: Looking) -> APIRouter:
    """`GET`, `POST` and `DELETE /api/salesloft/organization/departure`."""
    routes = APIRouter(prefix="/api/salesloft/organization", tags=["organization"])
    who = anybody(looking)
    admin = having_role(looking.callers, CallerRole.ADMIN)

    @routes.get("/departure")
    async def departure(caller: Annotated[Caller, Depends(who)]) -> DepartureTold:
        """How far the organization's departure is; 404 where it is here."""
        async with looking.of(caller) as connection:
            found = await departures.read(connection, caller.organization_id)
            if found is None:
                raise absent("departure", caller.organization_id)
            return await _told(connection, found)

    @routes.post("/departure", status_code=202, responses={200: {"model": DepartureTried, "description": "Dry run."}})
    @repeatable
    async def leave(
        wanted: DepartureWanted,
        response: Response,
        caller: Annotated[Caller, Depends(admin)],
        *,
        dry_run: Annotated[bool, Query(description="Only say what would be ended; nothing is written.")] = False,
    ) -> DepartureTold | DepartureTried:
        """Have the organization leave, which cannot be taken back: export first what is to be kept.

        Everybody is taken off their cadences, the connection is ended, and all that is kept is deleted. Meanwhile, and
        from then on, nothing that the bus says of the organization is taken.
        """
        organization_id = caller.organization_id
        if wanted.organization_id != organization_id:
            told = "Write out the id of your own organization."
            fields = [{"field": "body.organization_id", "message": told}]
            raise Problem(422, "invalid_request", told, errors=fields)
        if dry_run:
            response.status_code = 200
            async with looking.of(caller) as connection:
                there = await departures.count(connection, organization_id)
            return DepartureTried(
                customers=there.customers, stakeholders=there.stakeholders, on_cadence=there.on_cadence
            )
        async with database.transaction() as connection:
            begun = await ask_to_leave(
                connection, organization_id, by=caller.user_id, reason=wanted.reason, now=looking.clock.now()
            )
            response.headers["location"] = "/api/salesloft/organization/departure"
            return await _told(connection, begun)

    @routes.delete("/departure", status_code=204)
    async def return_(caller: Annotated[Caller, Depends(admin)]) -> None:
        """Have an organization that has left come back, as one that was never here."""
        try:
            async with database.transaction() as connection:
                back = await come_back(connection, caller.organization_id, by=caller.user_id, now=looking.clock.now())
        except StillLeaving as error:
            raise Problem(409, "still_leaving", f"{error}.") from None
        if not back:
            raise absent("departure", caller.organization_id)

    return routes


async def _told(connection: Connection, found: Departure) -> DepartureTold:
    there = await departures.count(connection, found.organization_id)
    return DepartureTold(
        state=DepartureState.LEAVING if found.left_at is None else DepartureState.LEFT,
        asked_by=found.asked_by,
        asked_at=found.asked_at,
        left_at=found.left_at,
        left_behind=found.left_behind,
        rows_deleted=found.rows_deleted,
        customers=there.customers,
        stakeholders=there.stakeholders,
        on_cadence=there.on_cadence,
    )

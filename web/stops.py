"""Stop and start over HTTP: what is stopped, by whom, why and until when; everybody looks, managers and admins act."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from enrollment.stops import StopScope
from schemas.fields import Instant
from storage import holds, stops
from storage.holds import RefusedPause
from storage.pool import Database
from storage.stops import StandingStop
from web.memberships import Note
from web.problems import Problem, absent
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller, CallerRole, Callers, having_role
from workflows.clock import Clock
from workflows.stops import StopInvalid, start, stop

__all__ = ["stop_routes"]

_Subject = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
_STOP: Final[dict[str, Any]] = {
    "id": "6f1c2a52-8a54-4d55-9a0e-0c1f7f0f5a10",
    "scope": "cadence",
    "subject": "456",
    "reason": "the template names last year's prices",
    "pauses_active": True,
    "stopped_by": "usr-4",
    "stopped_at": "2026-11-25T10:30:04.000000Z",
    "ends_at": None,
}


class StopWanted(BaseModel):
    """What to stop; `subject` is the id of the mapping, the cadence (Salesloft's) or the customer.

    Without `ends_at` it lasts until somebody starts again. `pauses_active` takes who is on a cadence off it meanwhile.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"scope": "cadence", "subject": "456", "reason": _STOP["reason"], "pauses_active": True},
                {"scope": "organization", "reason": "a quiet week", "ends_at": "2026-12-31T00:00:00.000000Z"},
            ]
        },
    )

    scope: StopScope
    subject: _Subject | None = None
    reason: Note
    ends_at: Instant | None = None
    pauses_active: bool = False


class StopTold(Looked):
    """A stop that stands: who set it, why, and when it ends by itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STOP]})

    id: UUID
    scope: StopScope
    subject: str
    reason: str
    pauses_active: bool
    stopped_by: str
    stopped_at: Instant
    ends_at: Instant | None


class RefusedPauseTold(Looked):
    """Somebody who should be off a cadence that is held, and whom Salesloft refuses to take off."""

    enrollment_id: UUID
    customer_id: str
    stakeholder_id: str
    cadence_id: int
    reason: str
    refused_at: Instant
    refusal: str


class Stopped(Looked):
    """What is stopped, the oldest first, and who cannot be taken off a cadence meanwhile."""

    stops: list[StopTold]
    refused: list[RefusedPauseTold] = Field(description="Who is still on a cadence although it is held.")
    read_at: Instant


def stop_routes(database: Database, looking: Looking, callers: Callers, clock: Clock) -> APIRouter:
    """`GET` and `POST /api/salesloft/stops`, `GET` and `DELETE /api/salesloft/stops/{id}`."""
    routes = APIRouter(prefix="/api/salesloft/stops", tags=["stops"])
    who = anybody(looking)
    may_stop = having_role(callers, CallerRole.MANAGER, CallerRole.ADMIN)

    @routes.get("")
    async def stopped(caller: Annotated[Caller, Depends(who)]) -> Stopped:
        """What is stopped now: nothing of it is requested or enrolled."""
        now = looking.clock.now()
        async with looking.of(caller) as connection:
            standing = await stops.standing(connection, caller.organization_id, now)
            refused = await holds.refused(connection, caller.organization_id)
        return Stopped(
            stops=[_told(one) for one in standing], refused=[_told_refused(one) for one in refused], read_at=now
        )

    @routes.post("", status_code=201)
    async def stop_it(wanted: StopWanted, response: Response, caller: Annotated[Caller, Depends(may_stop)]) -> StopTold:
        """Request and enroll nobody any more, of the whole organization or of what is named, from this moment on."""
        organization_id, now = caller.organization_id, clock.now()
        try:
            async with database.transaction() as connection:
                stop_id = await stop(
                    connection,
                    organization_id,
                    scope=wanted.scope,
                    subject=_subject(wanted, organization_id),
                    reason=wanted.reason,
                    pauses_active=wanted.pauses_active,
                    by=caller.user_id,
                    ends_at=wanted.ends_at,
                    now=now,
                )
                standing = await stops.standing(connection, organization_id, now)
        except StopInvalid as error:
            raise Problem(422, "stop_invalid", f"{error}.") from None
        response.headers["location"] = f"/api/salesloft/stops/{stop_id}"
        return next(_told(one) for one in standing if one.id == stop_id)

    @routes.get("/{stop_id}")
    async def one(stop_id: UUID, caller: Annotated[Caller, Depends(who)]) -> StopTold:
        """One stop, while it stands."""
        async with looking.of(caller) as connection:
            standing = await stops.standing(connection, caller.organization_id, looking.clock.now())
        for found in standing:
            if found.id == stop_id:
                return _told(found)
        raise absent("stop", stop_id)

    @routes.delete("/{stop_id}", status_code=204)
    async def start_it(stop_id: UUID, caller: Annotated[Caller, Depends(may_stop)]) -> None:
        """Start again: what was deferred is decided again, what waited goes on, what was paused resumes by its gate."""
        try:
            async with database.transaction() as connection:
                await start(connection, caller.organization_id, stop_id, by=caller.user_id, now=clock.now())
        except StopInvalid:
            raise absent("stop", stop_id) from None

    return routes


def _subject(wanted: StopWanted, organization_id: str) -> str:
    if wanted.subject is not None:
        return wanted.subject
    if wanted.scope is StopScope.ORGANIZATION:
        return organization_id
    told = f"Say which {wanted.scope.value}."
    raise Problem(422, "invalid_request", told, errors=[{"field": "body.subject", "message": told}])


def _told(one: StandingStop) -> StopTold:
    return StopTold(
        id=one.id,
        scope=one.scope,
        subject=one.subject,
        reason=one.reason,
        pauses_active=one.pauses_active,
        stopped_by=one.stopped_by,
        stopped_at=one.stopped_at,
        ends_at=one.ends_at,
    )


def _told_refused(one: RefusedPause) -> RefusedPauseTold:
    return RefusedPauseTold(
        enrollment_id=one.enrollment_id,
        customer_id=one.customer_id,
        stakeholder_id=one.stakeholder_id,
        cadence_id=one.cadence_id,
        reason=one.reason,
        refused_at=one.refused_at,
        refusal=one.refusal,
    )

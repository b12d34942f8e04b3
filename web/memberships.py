"""What people have done to who is on a cadence: pause, resume, skip, begin again, another sender, remove; and withdraw.

What failed is tried again from here too.

A membership's id is ours. An earlier stay of an enrollment stands for the enrollment, as it is now. Nothing waits for
Salesloft: 202 says that it is noted, and the membership, or its enrollment, tells when it is done.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from enrollment.capabilities import CadenceAction, Support, capability_of
from schemas.fields import Instant, SalesloftId
from schemas.vocabulary import EnrollmentState, Reason
from storage import standing
from storage.pool import Database
from storage.standing import Concerned
from storage.steering import Steering, SteeringAction
from web.described import problems
from web.idempotency import operation_id, repeatable
from web.problems import Problem, absent
from web.rights import acting, check_customer
from web.security import Caller, Callers
from workflows.clock import Clock
from workflows.memory import OrganizationMemory
from workflows.steering import IdTaken, NoEnrollment, SteeringInvalid, TermsInvalid, steer, try_steering

__all__ = ["Note", "membership_routes"]

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]+$")]
_NO_NOTE = "no reason was given"
_MADE_IN_SALESLOFT = (
    "This person was added to the cadence in Salesloft, not by an enrollment: nobody approved it here, so nothing is"
    " done about it from here. Change it in Salesloft; what happens to it is noticed and told all the same."
)

_RETRY_DOES = (
    "Everything that is asked before somebody is added is asked again. If the approval still holds, the person is"
    " added; if what was approved has changed, or was approved for too long ago, the approver is asked again."
)
_STAY_RETRY_DOES = (
    "What Salesloft has refused, or failed to do, is tried again now, and not after a pause that grows. Everything that"
    " is asked before somebody is added back is asked again."
)
_WHEN_RETRIED = problems(
    {409: "It did not fail, the person has been on the cadence since, or the key's request is under way."}
)
_WHEN_STAY_RETRIED = problems({409: "Nothing that was asked of it fails now, or the key's request is under way."})


class Wanted(BaseModel):
    """`note` says why, for whoever looks at it later."""

    model_config = ConfigDict(extra="forbid")

    note: Note


class RetryWanted(Wanted):
    """Why it can be expected to work this time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "the two records were merged"}]})


class PauseWanted(Wanted):
    """Until an instant, or until somebody resumes."""

    until: Instant | None = None


class AddingBack(Wanted):
    """What adds the person to the cadence again; `confirm` says that whoever asks knows it."""

    confirm: bool = False


class RestartWanted(AddingBack):
    """Where it goes on: a step of the cadence."""

    step_id: SalesloftId


class SenderWanted(AddingBack):
    """Who sends from now on: a user of the team."""

    sender_user_id: SalesloftId


class Steered(BaseModel):
    """What was noted, or would be.

    `does` says what will be done. `state` is the enrollment's as it was when it was asked. `held_by` is what keeps the
    person off the cadence for now, whoever asks otherwise.
    """

    id: UUID
    enrollment_id: UUID
    membership_id: UUID | None
    action: CadenceAction
    support: Support
    does: str
    state: EnrollmentState
    held_by: Reason | None
    dry_run: bool


class Retried(BaseModel):
    """What was noted, or would be; the enrollment's history tells what comes of it.

    `held_by` is what keeps the person off the cadence for now.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "5b0e8f0a-9c0e-4b1f-8a1d-2c77b8f7f1a8",
                    "enrollment_id": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
                    "does": _RETRY_DOES,
                    "held_by": None,
                    "dry_run": False,
                }
            ]
        }
    )

    id: UUID
    enrollment_id: UUID
    does: str
    held_by: Reason | None
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Who asks, under which id, and whether only to see what would come of it."""

    caller: Caller
    id: UUID
    dry_run: bool
    response: Response

    def answered(self, location: str) -> None:
        """202 with where it is to be seen; 200 of what was only tried."""
        if self.dry_run:
            self.response.status_code = 200
        else:
            self.response.headers["location"] = location


class _Desk:
    """Takes what is asked of memberships and enrollments."""

    def __init__(self, database: Database, memory: OrganizationMemory, clock: Clock) -> None:
        self._database = database
        self._memory = memory
        self._clock = clock

    async def membership(
        self, asked: _Asked, membership_id: UUID, action: CadenceAction, wanted: Wanted, **terms: Any
    ) -> Steered:
        """What is asked of a stay; `terms` are the steering's own. Raises Problem."""
        concerned = await self._of_membership(asked.caller, membership_id)
        if isinstance(wanted, AddingBack) and not wanted.confirm and not asked.dry_run:
            does = capability_of(action).does
            raise Problem(422, "confirmation_required", f'{does} Send it again with "confirm": true.')
        steered = await self._steer(asked, concerned, action, wanted.note, **terms)
        asked.answered(f"/api/salesloft/cadence-memberships/{membership_id}")
        return steered

    async def withdraw(self, asked: _Asked, enrollment_id: UUID, note: str) -> Steered:
        """Take an enrollment back that has not come onto its cadence. Raises Problem."""
        concerned = await self._of_enrollment(asked.caller, enrollment_id)
        steered = await self._steer(asked, concerned, CadenceAction.WITHDRAW, note)
        asked.answered(f"/api/salesloft/enrollments/{enrollment_id}")
        return steered

    async def retry(self, asked: _Asked, enrollment_id: UUID, note: str) -> Retried:
        """Have an enrollment that failed tried again. Raises Problem."""
        await self._of_enrollment(asked.caller, enrollment_id)
        held_by = await self._retry(asked, enrollment_id, note)
        asked.answered(f"/api/salesloft/enrollments/{enrollment_id}")
        return Retried(
            id=asked.id, enrollment_id=enrollment_id, does=_RETRY_DOES, held_by=held_by, dry_run=asked.dry_run
        )

    async def retry_stay(self, asked: _Asked, membership_id: UUID, note: str) -> Retried:
        """Have what was asked of a stay, and failed, tried again. Raises Problem."""
        concerned = await self._of_membership(asked.caller, membership_id)
        if concerned.enrollment_id is None:
            raise Problem(409, "made_in_salesloft", _MADE_IN_SALESLOFT)
        held_by = await self._retry(asked, concerned.enrollment_id, note)
        asked.answered(f"/api/salesloft/cadence-memberships/{membership_id}")
        return Retried(
            id=asked.id,
            enrollment_id=concerned.enrollment_id,
            does=_STAY_RETRY_DOES,
            held_by=held_by,
            dry_run=asked.dry_run,
        )

    async def _retry(self, asked: _Asked, enrollment_id: UUID, note: str) -> Reason | None:
        steering = Steering(
            id=asked.id,
            enrollment_id=enrollment_id,
            action=SteeringAction.RETRY,
            asked_by=asked.caller.user_id,
            note=note,
        )
        return await self._ask(asked, steering)

    async def _of_membership(self, caller: Caller, membership_id: UUID) -> Concerned:
        async with self._database.connection() as connection:
            found = await standing.of_membership(connection, caller.organization_id, membership_id, self._clock.now())
            if found is None:
                raise absent("membership", membership_id)
            await check_customer(connection, caller, found.customer_id)
        return found

    async def _of_enrollment(self, caller: Caller, enrollment_id: UUID) -> Concerned:
        async with self._database.connection() as connection:
            found = await standing.of_enrollment(connection, caller.organization_id, enrollment_id, self._clock.now())
            if found is None:
                raise absent("enrollment", enrollment_id)
            await check_customer(connection, caller, found.customer_id)
        if found.standing.state in _ON_CADENCE:
            raise Problem(
                409, "on_cadence", "The person has come onto the cadence: remove the membership, or pause it."
            )
        return found

    async def _steer(
        self, asked: _Asked, concerned: Concerned, action: CadenceAction, note: str, **terms: Any
    ) -> Steered:
        state, how = concerned.standing.state, capability_of(action)
        if concerned.enrollment_id is None or state is None:
            raise Problem(409, "made_in_salesloft", _MADE_IN_SALESLOFT)
        steering = Steering(
            id=asked.id,
            enrollment_id=concerned.enrollment_id,
            action=_STEERINGS[action],
            asked_by=asked.caller.user_id,
            note=note,
            **terms,
        )
        held_by = await self._ask(asked, steering)
        return Steered(
            id=asked.id,
            enrollment_id=concerned.enrollment_id,
            membership_id=concerned.membership_id,
            action=action,
            support=how.support,
            does=how.does,
            state=state,
            held_by=held_by,
            dry_run=asked.dry_run,
        )

    async def _ask(self, asked: _Asked, steering: Steering) -> Reason | None:
        try:
            return await (self._tried if asked.dry_run else self._noted)(asked.caller.organization_id, steering)
        except SteeringInvalid as error:
            raise _refused(error) from None

    async def _noted(self, organization_id: str, steering: Steering) -> Reason | None:
        async with self._database.transaction() as connection:
            return await steer(connection, organization_id, steering, self._memory, self._clock.now())

    async def _tried(self, organization_id: str, steering: Steering) -> Reason | None:
        async with self._database.transaction() as connection:
            return await try_steering(connection, organization_id, steering, self._memory, self._clock.now())


_TRIED: dict[int | str, dict[str, Any]] = {200: {"model": Steered, "description": "What would come of it (`dry_run`)."}}
_RETRY_TRIED = _TRIED | {200: _TRIED[200] | {"model": Retried}}
_ON_CADENCE = frozenset({EnrollmentState.ENROLLED, EnrollmentState.PAUSED})
_STEERINGS = {
    CadenceAction.PAUSE: SteeringAction.PAUSE,
    CadenceAction.RESUME: SteeringAction.RESUME,
    CadenceAction.SKIP: SteeringAction.SKIP,
    CadenceAction.RESTART: SteeringAction.RESTART,
    CadenceAction.CHANGE_SENDER: SteeringAction.CHANGE_SENDER,
    CadenceAction.REMOVE: SteeringAction.REMOVE,
    CadenceAction.WITHDRAW: SteeringAction.REMOVE,
}


def membership_routes(database: Database, memory: OrganizationMemory, clock: Clock, callers: Callers) -> APIRouter:
    """What is asked of `/api/salesloft/cadence-memberships/{id}`, and `.../enrollments/{id}/withdraw` and `.../retry`.

    Each takes `dry_run=true`, which answers 200 with what would come of it and writes nothing.
    """
    routes = APIRouter(prefix="/api/salesloft", tags=["memberships"], responses=_TRIED)
    desk = _Desk(database, memory, clock)
    stay = "/cadence-memberships/{membership_id}"

    async def asking(
        response: Response,
        caller: Annotated[Caller, Depends(acting(callers))],
        asked_id: Annotated[UUID, Depends(operation_id)],
        *,
        dry_run: Annotated[bool, Query(description="Only say what would come of it.")] = False,
    ) -> _Asked:
        return _Asked(caller=caller, id=asked_id, dry_run=dry_run, response=response)

    @routes.put(f"{stay}/pause", status_code=202)
    async def pause(membership_id: UUID, wanted: PauseWanted, asked: Annotated[_Asked, Depends(asking)]) -> Steered:
        """Take the person off the cadence and keep the step, until an instant or until somebody resumes."""
        return await desk.membership(asked, membership_id, CadenceAction.PAUSE, wanted, until=wanted.until)

    @routes.put(f"{stay}/resume", status_code=202)
    async def resume(membership_id: UUID, wanted: AddingBack, asked: Annotated[_Asked, Depends(asking)]) -> Steered:
        """Add the person back at the step that was kept, once nothing else holds them."""
        return await desk.membership(asked, membership_id, CadenceAction.RESUME, wanted)

    @routes.put(f"{stay}/skip", status_code=202)
    async def skip(membership_id: UUID, wanted: AddingBack, asked: Annotated[_Asked, Depends(asking)]) -> Steered:
        """Go on at the step after the one where the cadence stands."""
        return await desk.membership(asked, membership_id, CadenceAction.SKIP, wanted)

    @routes.put(f"{stay}/restart", status_code=202)
    async def restart(membership_id: UUID, wanted: RestartWanted, asked: Annotated[_Asked, Depends(asking)]) -> Steered:
        """Go on at another step."""
        return await desk.membership(asked, membership_id, CadenceAction.RESTART, wanted, step_id=wanted.step_id)

    @routes.put(f"{stay}/sender", status_code=202)
    async def change_sender(
        membership_id: UUID, wanted: SenderWanted, asked: Annotated[_Asked, Depends(asking)]
    ) -> Steered:
        """Have somebody else send from now on."""
        return await desk.membership(
            asked, membership_id, CadenceAction.CHANGE_SENDER, wanted, sender_user_id=wanted.sender_user_id
        )

    @routes.delete(stay, status_code=202)
    async def remove(
        membership_id: UUID, asked: Annotated[_Asked, Depends(asking)], note: Annotated[Note, Query()] = _NO_NOTE
    ) -> Steered:
        """Take the person off the cadence for good; `note` says why."""
        return await desk.membership(asked, membership_id, CadenceAction.REMOVE, Wanted(note=note))

    @routes.put("/enrollments/{enrollment_id}/withdraw", status_code=202)
    async def withdraw(enrollment_id: UUID, wanted: Wanted, asked: Annotated[_Asked, Depends(asking)]) -> Steered:
        """Take back what is asked for, or waits: the person never comes onto the cadence."""
        return await desk.withdraw(asked, enrollment_id, wanted.note)

    _add_retrying(routes, desk, asking)
    return routes


def _add_retrying(routes: APIRouter, desk: _Desk, asking: Callable[..., Awaitable[_Asked]]) -> None:
    @routes.post(
        "/cadence-memberships/{membership_id}/retry", status_code=202, responses=_RETRY_TRIED | _WHEN_STAY_RETRIED
    )
    @repeatable
    async def retry_stay(
        membership_id: UUID, wanted: RetryWanted, asked: Annotated[_Asked, Depends(asking)]
    ) -> Retried:
        """Try again what was asked of a stay and failed: a pause, a removal, or adding the person back."""
        return await desk.retry_stay(asked, membership_id, wanted.note)

    @routes.post("/enrollments/{enrollment_id}/retry", status_code=202, responses=_RETRY_TRIED | _WHEN_RETRIED)
    @repeatable
    async def retry(enrollment_id: UUID, wanted: RetryWanted, asked: Annotated[_Asked, Depends(asking)]) -> Retried:
        """Try again what failed: every gate is passed anew, and nobody is put through a cadence twice."""
        return await desk.retry(asked, enrollment_id, wanted.note)


def _refused(error: SteeringInvalid) -> Problem:
    match error:
        case NoEnrollment():
            return absent("enrollment", error.enrollment_id)
        case TermsInvalid():
            return Problem(422, "invalid_terms", f"{error}.")
        case IdTaken():
            return Problem(409, "id_taken", f"{error}.")
    return Problem(409, "not_possible_now", f"{error}.")

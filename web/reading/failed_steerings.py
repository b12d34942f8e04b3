"""What was asked of stays on cadences and failed at Salesloft: what can be retried, and what is over."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from schemas.fields import Instant
from schemas.vocabulary import EnrollmentState
from storage import steering
from storage.steering import FailedSteering
from web.paging import Paging, paging
from web.reading.asking import CustomerFilter, Looked, Looking, Page, StakeholderFilter, anybody
from web.reading.remedies import remedy
from web.reading.told_enrollments import CadenceTold
from web.security import Caller

__all__ = ["failed_steering_routes"]

_Doing = Literal["take_off", "add_back", "remove"]
_DOING: Final[dict[str, _Doing]] = {"pause": "take_off", "resume": "add_back", "remove": "remove"}
_AGAIN: Final = "It is tried again, after pauses that grow. Have it retried once what Salesloft says is mended."
_OVER: Final = "What was asked came to an end by it: the person has to be added by hand, and approved, to come back."
_FAILED: Final[dict[str, Any]] = {
    "id": "5b0e8f0a-9c0e-4b1f-8a1d-2c77b8f7f1a8",
    "doing": "take_off",
    "enrollment_id": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
    "membership_id": "c2b7a2b0-98a0-4a9d-8a53-7a4ad0e3b1f0",
    "customer_id": "cus-7",
    "stakeholder_id": "sth-9",
    "stakeholder_name": "Ann Lee",
    "cadence": {"id": 456, "name": "Renewal 90", "purpose": None},
    "state": "enrolled",
    "attempts": 4,
    "last_error": "Salesloft refused the request: 403",
    "asked_at": "2026-11-25T10:30:04.000000Z",
    "what_can_be_done": _AGAIN,
    "can_be_retried": True,
}


class FailedSteeringTold(Looked):
    """Something that was to be done about a stay: taking the person off for a pause, adding them back, or for good.

    A pause, a step that is skipped, a restart and another sender are taking off and adding back. `asked_at` is since
    when this part of it was to be done.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_FAILED]})

    id: UUID
    doing: _Doing
    enrollment_id: UUID
    membership_id: UUID | None
    customer_id: str
    stakeholder_id: str
    stakeholder_name: str | None = Field(description="As it was when the request was made; null of somebody erased.")
    cadence: CadenceTold
    state: EnrollmentState
    attempts: int
    last_error: str
    asked_at: Instant
    what_can_be_done: str
    can_be_retried: bool = Field(description="By `POST /api/salesloft/cadence-memberships/{id}/retry`.")


def failed_steering_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/failures/steering`."""
    routes = APIRouter(prefix="/api/salesloft/failures", tags=["memberships"])
    who = anybody(looking)

    @routes.get("/steering")
    async def failed(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        customer_id: CustomerFilter = None,
        stakeholder_id: StakeholderFilter = None,
    ) -> Page[FailedSteeringTold]:
        """What Salesloft refuses to do about stays on cadences, or refused for good, the latest first."""
        question = (caller.organization_id, "failed-steerings", customer_id, stakeholder_id)
        before_at, before_id = page.after(question, datetime, UUID)
        async with looking.of(caller) as connection:
            found = await steering.failed(
                connection,
                caller.organization_id,
                customer_id=customer_id,
                stakeholder_id=stakeholder_id,
                before=(before_at, before_id),
                limit=page.limit + 1,
                now=looking.clock.now(),
            )
        items, following = page.cut(question, found, lambda one: (one.created_at, one.id))
        return Page[FailedSteeringTold](
            items=[_told(one) for one in items], next_cursor=following, read_at=looking.clock.now()
        )

    return routes


def _told(one: FailedSteering) -> FailedSteeringTold:
    return FailedSteeringTold(
        id=one.id,
        doing=_DOING[one.kind],
        enrollment_id=one.enrollment_id,
        membership_id=one.membership_id,
        customer_id=one.customer_id,
        stakeholder_id=one.stakeholder_id,
        stakeholder_name=one.stakeholder_name,
        cadence=CadenceTold(id=one.cadence_id, name=one.cadence_name, purpose=None),
        state=EnrollmentState(one.state),
        attempts=one.attempts,
        last_error=one.last_error,
        asked_at=one.created_at,
        what_can_be_done=_AGAIN if one.can_be_retried else f"{remedy(one.reason)} {_OVER}",
        can_be_retried=one.can_be_retried,
    )

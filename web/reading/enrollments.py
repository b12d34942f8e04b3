"""Enrollments: the list, one with all that led to it and has become of it, and those that went wrong."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from enrollment.capabilities import CadenceAction, Standing, available_actions, can_be_retried
from schemas.fields import Instant
from schemas.vocabulary import ActorKind, EnrollmentState, TriggerType
from storage import looking as rows
from storage import looking_approvals, standing, steering
from storage.looking import Filters
from storage.questions import answer
from storage.steering import SteeringAction
from storage.stored_evaluations import About
from web.paging import Paging, paging
from web.problems import absent
from web.reading.approvals import ApproversDecision, told_words
from web.reading.asking import (
    CustomerFilter,
    Freshness,
    Looked,
    Looking,
    OwnerFilter,
    Page,
    StakeholderFilter,
    anybody,
    freshness,
    owner_asked_for,
)
from web.reading.decisions import Decided, explained, recalled
from web.reading.outcomes import MOST_DAYS, SegmentFilter, first_of
from web.reading.remedies import remedy
from web.reading.told_enrollments import EnrollmentTold, told_enrollment
from web.security import Caller

__all__ = ["enrollment_routes"]

_EXPLAINED = 20
_NO_REASON = "none"
_Steered = Literal[
    SteeringAction.PAUSE,
    SteeringAction.RESUME,
    SteeringAction.SKIP,
    SteeringAction.RESTART,
    SteeringAction.CHANGE_SENDER,
    SteeringAction.REMOVE,
]
_TROUBLE = (EnrollmentState.FAILED, EnrollmentState.BLOCKED)


class StateChange(Looked):
    sequence: int
    from_: EnrollmentState | None = Field(alias="from")
    to: EnrollmentState
    reason: str | None
    actor_kind: ActorKind
    actor_user_id: str | None
    changed_at: Instant


class RetryAsked(Looked):
    """Somebody has had it tried again after it failed, and why."""

    id: UUID
    asked_by: str
    note: str
    asked_at: Instant


class Asked(Looked):
    """What a person has asked of the enrollment, and why."""

    id: UUID
    action: _Steered
    asked_by: str
    note: str
    until: Instant | None
    step_id: int | None
    sender_user_id: int | None
    asked_at: Instant


class EnrollmentDetail(Looked):
    """An enrollment with the decisions that led to it, each explained, and what has become of it since."""

    enrollment: EnrollmentTold
    why: list[Decided] = Field(
        description="What was decided about them on its event, the newest first; empty where a person added them."
    )
    history: list[StateChange]
    approvals: list[ApproversDecision] = Field(description="Every decision that arrived, and which of them counted.")
    asked: list[Asked]
    retries: list[RetryAsked]
    available_actions: list[CadenceAction] = Field(description="What can be asked now; it is judged when it is done.")
    can_be_retried: bool = Field(description="What failed, of the enrollment or of its stay on the cadence.")
    read_at: Instant
    freshness: Freshness


class Trouble(Looked):
    """An enrollment that failed or was blocked, and what can be done about it."""

    enrollment: EnrollmentTold
    what_can_be_done: str
    can_be_retried: bool = Field(description="By `POST /api/salesloft/enrollments/{id}/retry`.")


def enrollment_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/enrollments`, `.../enrollments/{id}` and `GET /api/salesloft/failures`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["enrollments"])
    who = anybody(looking)

    @routes.get("/enrollments")
    async def enrollments(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        customer_id: CustomerFilter = None,
        stakeholder_id: StakeholderFilter = None,
        cadence_id: Annotated[int | None, Query(description="Salesloft's id of the cadence.")] = None,
        trigger_type: Annotated[TriggerType | None, Query(description="What asked for it.")] = None,
        state: Annotated[list[EnrollmentState] | None, Query(description="In one of these states.")] = None,
        requested_by: Annotated[
            Literal["trigger", "person"] | None, Query(description="Requested by a trigger, or by a person by hand.")
        ] = None,
        owner: OwnerFilter = None,
        reason: Annotated[
            str | None, Query(max_length=200, description="In its state for this reason; `none` is for no reason.")
        ] = None,
        segment: SegmentFilter = None,
        days: Annotated[
            int | None,
            Query(ge=1, le=MOST_DAYS, description="Requested in so many days in UTC, of which today is the last."),
        ] = None,
    ) -> Page[EnrollmentTold]:
        """Enrollments, the newest first."""
        wanted = Filters(
            customer_id=customer_id,
            stakeholder_id=stakeholder_id,
            cadence_id=cadence_id,
            trigger_type=trigger_type.value if trigger_type is not None else None,
            states=sorted(one.value for one in state) if state else None,
            owner_user_id=owner_asked_for(caller, owner),
            by_hand=None if requested_by is None else requested_by == "person",
            reason=reason if reason != _NO_REASON else None,
            without_reason=True if reason == _NO_REASON else None,
            segment=segment,
            since=first_of(days, looking.clock.now()) if days is not None else None,
        )
        items, following, fresh = await _page(caller, page, wanted, days)
        return Page[EnrollmentTold](items=items, next_cursor=following, read_at=looking.clock.now(), freshness=fresh)

    @routes.get("/enrollments/{enrollment_id}")
    async def enrollment(caller: Annotated[Caller, Depends(who)], enrollment_id: UUID) -> EnrollmentDetail:
        """One enrollment: where it stands, why it was asked for, who answered, and all that has changed since."""
        organization_id = caller.organization_id
        enrollments = rows.enrollments(organization_id, Filters(id=enrollment_id), limit=1, now=looking.clock.now())
        streams = rows.freshness(organization_id)
        async with looking.of(caller) as connection:
            await answer(connection, enrollments, streams)
            if not enrollments.rows:
                raise absent("enrollment", enrollment_id)
            row = enrollments.rows[0]
            about = About(event_id=row.event_id, customer_id=row.customer_id, stakeholder_id=row.stakeholder_id)
            stored = (
                await rows.evaluations(connection, organization_id, about, limit=_EXPLAINED)
                if row.event_id is not None
                else []
            )
            again = await recalled(looking, connection, organization_id, stored)
            history = await rows.history(connection, organization_id, enrollment_id)
            words = await looking_approvals.decisions_on(connection, organization_id, enrollment_id)
            asked = await steering.list_of(connection, organization_id, enrollment_id)
            concerned = await standing.of_enrollment(connection, organization_id, enrollment_id, looking.clock.now())
        stands = concerned.standing if concerned is not None else Standing(state=None)
        return EnrollmentDetail(
            enrollment=told_enrollment(row),
            why=await explained(stored, again, stakeholder_id=row.stakeholder_id),
            history=[
                StateChange(
                    sequence=one.sequence,
                    from_=EnrollmentState(one.from_state) if one.from_state is not None else None,
                    to=EnrollmentState(one.to_state),
                    reason=one.reason,
                    actor_kind=ActorKind(one.actor_kind),
                    actor_user_id=one.actor_user_id,
                    changed_at=one.changed_at,
                )
                for one in history
            ],
            approvals=told_words(words),
            asked=[
                Asked(
                    id=one.id,
                    action=one.action,
                    asked_by=one.asked_by,
                    note=one.note,
                    until=one.until,
                    step_id=one.step_id,
                    sender_user_id=one.sender_user_id,
                    asked_at=at,
                )
                for at, one in asked
                if one.action is not SteeringAction.RETRY
            ],
            retries=[
                RetryAsked(id=one.id, asked_by=one.asked_by, note=one.note, asked_at=at)
                for at, one in asked
                if one.action is SteeringAction.RETRY
            ],
            available_actions=list(available_actions(stands)),
            can_be_retried=can_be_retried(stands),
            read_at=looking.clock.now(),
            freshness=freshness(streams.rows, ("memberships",)),
        )

    @routes.get("/failures")
    async def failures(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        customer_id: CustomerFilter = None,
        stakeholder_id: StakeholderFilter = None,
    ) -> Page[Trouble]:
        """Enrollments that failed or were blocked, the newest first, with what can be done."""
        wanted = Filters(customer_id=customer_id, stakeholder_id=stakeholder_id, states=[one.value for one in _TROUBLE])
        items, following, fresh = await _page(caller, page, wanted)
        return Page[Trouble](
            items=[
                Trouble(
                    enrollment=one,
                    what_can_be_done=remedy(one.reason),
                    can_be_retried=one.state is EnrollmentState.FAILED,
                )
                for one in items
            ],
            next_cursor=following,
            read_at=looking.clock.now(),
            freshness=fresh,
        )

    async def _page(
        caller: Caller, page: Paging, wanted: Filters, days: int | None = None
    ) -> tuple[list[EnrollmentTold], str | None, Freshness]:
        question = (
            caller.organization_id,
            wanted.customer_id,
            wanted.stakeholder_id,
            wanted.cadence_id,
            wanted.trigger_type,
            wanted.states,
            wanted.owner_user_id,
            wanted.by_hand,
            wanted.reason,
            wanted.without_reason,
            wanted.segment,
            # Not since when: that moves on at midnight, and whoever has a cursor goes on with it.
            days,
        )
        (before,) = page.after(question, UUID)
        enrollments = rows.enrollments(
            caller.organization_id, wanted, before=before, limit=page.limit + 1, now=looking.clock.now()
        )
        streams = rows.freshness(caller.organization_id)
        async with looking.of(caller) as connection:
            found = await enrollments.asked_of(connection)
            fresh = freshness(await streams.asked_of(connection), ("memberships",))
        items, following = page.cut(question, found, lambda row: (row.id,))
        return [told_enrollment(row) for row in items], following, fresh

    return routes

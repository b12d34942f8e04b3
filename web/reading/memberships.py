"""Stays on cadences as Salesloft shows them: those that an enrollment made, and those that somebody made by hand."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from enrollment.capabilities import CadenceAction, available_actions, can_be_retried
from schemas.fields import Instant, KeptInstant
from storage import looking as rows
from storage import standing
from storage.looking import MembershipLook
from storage.questions import answer
from web.paging import Paging, paging
from web.problems import absent
from web.reading.asking import (
    CustomerFilter,
    Freshness,
    Looked,
    Looking,
    Page,
    StakeholderFilter,
    anybody,
    freshness,
)
from web.security import Caller

__all__ = ["MembershipTold", "membership_reading_routes", "told_membership"]


class MembershipTold(Looked):
    """A stay of a person on a cadence. `enrollment_id` is null of one that nobody asked us for.

    `stakeholder_id` is null of a person who is nobody's stakeholder. `status` is ours, `salesloft_state` Salesloft's
    own.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "c2b7a2b0-98a0-4a9d-8a53-7a4ad0e3b1f0",
                    "stakeholder_id": "sth-9",
                    "customer_id": "cus-7",
                    "salesloft_person_id": 31,
                    "cadence_id": 456,
                    "cadence_name": "Renewal 90",
                    "status": "active",
                    "on_cadence": True,
                    "current_step": 2,
                    "step_id": 78,
                    "steps": 7,
                    "added_at": "2026-11-24T09:00:02.000000Z",
                    "completed_at": None,
                    "salesloft_membership_id": 789,
                    "salesloft_state": "active",
                    "salesloft_user_id": 12,
                    "enrollment_id": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
                    "updated_at": "2026-11-25T10:30:00.000000Z",
                }
            ]
        }
    )

    id: UUID
    stakeholder_id: str | None
    customer_id: str | None
    salesloft_person_id: int
    cadence_id: int
    cadence_name: str | None
    status: str
    on_cadence: bool
    current_step: int | None
    step_id: int | None
    steps: int | None
    added_at: KeptInstant
    completed_at: KeptInstant | None
    salesloft_membership_id: int
    salesloft_state: str | None
    salesloft_user_id: int | None
    enrollment_id: UUID | None
    updated_at: KeptInstant


class MembershipDetail(Looked):
    """A stay, and what can be asked of it now. What is asked is judged when it is done, so this may be overtaken."""

    membership: MembershipTold
    available_actions: list[CadenceAction]
    can_be_retried: bool = Field(description="By `POST /api/salesloft/cadence-memberships/{id}/retry`.")
    read_at: Instant
    freshness: Freshness


def membership_reading_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/cadence-memberships` and `.../cadence-memberships/{id}`."""
    routes = APIRouter(prefix="/api/salesloft/cadence-memberships", tags=["memberships"])
    who = anybody(looking)

    @routes.get("")
    async def memberships(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        customer_id: CustomerFilter = None,
        stakeholder_id: StakeholderFilter = None,
        cadence_id: Annotated[int | None, Query(description="Salesloft's id of the cadence.")] = None,
        status: Annotated[str | None, Query(max_length=50, description="Ours, as the answer has it.")] = None,
        *,
        on_cadence: Annotated[bool | None, Query(description="Whether the person is on the cadence now.")] = None,
    ) -> Page[MembershipTold]:
        """Stays on cadences, the latest added first."""
        question = (caller.organization_id, customer_id, stakeholder_id, cadence_id, status, on_cadence)
        before = page.after(question, datetime, UUID)
        stays = rows.memberships(
            caller.organization_id,
            customer_id=customer_id,
            stakeholder_id=stakeholder_id,
            cadence_id=cadence_id,
            status=status,
            on_cadence=on_cadence,
            before=(before[0], before[1]),
            limit=page.limit + 1,
        )
        streams = rows.freshness(caller.organization_id)
        async with looking.of(caller) as connection:
            found = await stays.asked_of(connection)
            fresh = freshness(await streams.asked_of(connection), ("memberships",))
        items, following = page.cut(question, found, lambda row: (row.added_at, row.id))
        return Page[MembershipTold](
            items=[told_membership(row) for row in items],
            next_cursor=following,
            read_at=looking.clock.now(),
            freshness=fresh,
        )

    @routes.get("/{membership_id}")
    async def membership(caller: Annotated[Caller, Depends(who)], membership_id: UUID) -> MembershipDetail:
        """One stay, by this service's id of it."""
        stays = rows.memberships(caller.organization_id, id=membership_id, limit=1)
        streams = rows.freshness(caller.organization_id)
        async with looking.of(caller) as connection:
            await answer(connection, stays, streams)
            concerned = await standing.of_membership(
                connection, caller.organization_id, membership_id, looking.clock.now()
            )
            if not stays.rows or concerned is None:
                raise absent("membership", membership_id)
        return MembershipDetail(
            membership=told_membership(stays.rows[0]),
            available_actions=list(available_actions(concerned.standing)),
            can_be_retried=can_be_retried(concerned.standing),
            read_at=looking.clock.now(),
            freshness=freshness(streams.rows, ("memberships",)),
        )

    return routes


def told_membership(row: MembershipLook) -> MembershipTold:
    """A stay as it is told."""
    return MembershipTold(
        id=row.id,
        stakeholder_id=row.stakeholder_id,
        customer_id=row.customer_id,
        salesloft_person_id=row.salesloft_person_id,
        cadence_id=row.cadence_id,
        cadence_name=row.cadence_name,
        status=row.status,
        on_cadence=row.currently_on_cadence,
        current_step=row.current_step,
        step_id=row.step_id,
        steps=row.steps,
        added_at=row.added_at,
        completed_at=row.completed_at,
        salesloft_membership_id=row.salesloft_membership_id,
        salesloft_state=row.salesloft_state,
        salesloft_user_id=row.salesloft_user_id,
        enrollment_id=row.enrollment_id,
        updated_at=row.salesloft_updated_at,
    )

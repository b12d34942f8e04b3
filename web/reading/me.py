"""Who the caller is, and what waits: what the frame around every page says."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from schemas.fields import Instant
from storage import looking_approvals, naming
from storage.pool import Connection
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller, CallerRole
from workflows.organization_settings import read_settings

__all__ = ["me_routes"]

_COUNTED = 99


class Me(Looked):
    """The caller, by name where it is known, and how many requests wait for a decision in their organization."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "user_id": "usr-3",
                    "name": "Kim Berg",
                    "role": "csm",
                    "approvals_waiting": 4,
                    "more_approvals_wait": False,
                    "approvals_to_decide": 2,
                    "more_to_decide": False,
                    "read_at": "2026-11-25T10:31:13.000000Z",
                }
            ]
        }
    )

    organization_id: str
    user_id: str
    name: str | None
    role: CallerRole
    approvals_waiting: int = Field(description=f"{_COUNTED} at most.")
    more_approvals_wait: bool
    approvals_to_decide: int = Field(
        description="Those that are the caller's to decide: a csm's are of their customers, a manager's and an admin's"
        " of any, a viewer's none; without what they asked for themselves, unless the organization lets them decide"
        f" about that. {_COUNTED} at most."
    )
    more_to_decide: bool
    read_at: Instant


def me_routes(looking: Looking, *, decide_here: bool) -> APIRouter:
    """`GET /api/salesloft/me`."""
    routes = APIRouter(prefix="/api/salesloft/me", tags=["session"])
    who = anybody(looking)

    @routes.get("")
    async def me(caller: Annotated[Caller, Depends(who)]) -> Me:
        """Who calls, and how much waits for a decision."""
        async with looking.of(caller) as connection:
            names = await naming.users(connection, caller.organization_id, [caller.user_id])
            waiting = await looking_approvals.count_waiting(connection, caller.organization_id, at_most=_COUNTED + 1)
            decidable = await _decidable(connection, caller, waiting) if decide_here else 0
        return Me(
            organization_id=caller.organization_id,
            user_id=caller.user_id,
            name=names.get(caller.user_id),
            role=caller.role,
            approvals_waiting=min(waiting, _COUNTED),
            more_approvals_wait=waiting > _COUNTED,
            approvals_to_decide=min(decidable, _COUNTED),
            more_to_decide=decidable > _COUNTED,
            read_at=looking.clock.now(),
        )

    return routes


async def _decidable(connection: Connection, caller: Caller, waiting: int) -> int:
    chosen = (await read_settings(connection, caller.organization_id)).settings
    if caller.role is CallerRole.VIEWER or not chosen.decided_on_our_page:
        return 0
    but_of = None if chosen.self_approval_allowed else caller.user_id
    if caller.role is not CallerRole.CSM:
        if but_of is None:
            return waiting
        return await looking_approvals.count_waiting_but_of(
            connection, caller.organization_id, but_of, at_most=_COUNTED + 1
        )
    return await looking_approvals.count_waiting_of_owner(
        connection, caller.organization_id, caller.user_id, but_of=but_of, at_most=_COUNTED + 1
    )

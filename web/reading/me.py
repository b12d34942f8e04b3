"""Who the caller is, and what waits: what the frame around every page says."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from schemas.fields import Instant
from storage import looking as rows
from storage import naming
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller, CallerRole

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
    read_at: Instant


def me_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/me`."""
    routes = APIRouter(prefix="/api/salesloft/me", tags=["session"])
    who = anybody(looking)

    @routes.get("")
    async def me(caller: Annotated[Caller, Depends(who)]) -> Me:
        """Who calls, and how much waits for a decision."""
        async with looking.of(caller) as connection:
            names = await naming.users(connection, caller.organization_id, [caller.user_id])
            waiting = await rows.count_waiting(connection, caller.organization_id, at_most=_COUNTED + 1)
        return Me(
            organization_id=caller.organization_id,
            user_id=caller.user_id,
            name=names.get(caller.user_id),
            role=caller.role,
            approvals_waiting=min(waiting, _COUNTED),
            more_approvals_wait=waiting > _COUNTED,
            read_at=looking.clock.now(),
        )

    return routes

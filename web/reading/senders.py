"""In whose name cadences can be sent: the team's active users, as last read of Salesloft."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict

from schemas.fields import Instant
from storage import organizations
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller

__all__ = ["sender_routes"]


class SenderTold(Looked):
    """One of the team's users; the name is null where Salesloft tells of none."""

    user_id: int
    name: str | None
    email: str


class SendersTold(Looked):
    """All of them, by name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "senders": [{"user_id": 12, "name": "Kim", "email": "csm@cscx.example"}],
                    "read_at": "2026-11-25T10:31:13.000000Z",
                }
            ]
        }
    )

    senders: list[SenderTold]
    read_at: Instant


def sender_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/senders`."""
    routes = APIRouter(prefix="/api/salesloft/senders", tags=["cadences"])
    who = anybody(looking)

    @routes.get("")
    async def senders(caller: Annotated[Caller, Depends(who)]) -> SendersTold:
        """The team's active users: a mapping's sender is one of them, or several who take turns."""
        async with looking.of(caller) as connection:
            found = await organizations.read_senders(connection, caller.organization_id)
        return SendersTold(
            senders=[SenderTold(user_id=one.user_id, name=one.name, email=one.email) for one in found],
            read_at=looking.clock.now(),
        )

    return routes

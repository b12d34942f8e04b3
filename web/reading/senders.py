"""In whose name cadences can be sent: the team's active users, as last read of Salesloft."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from enrollment.consent import normalised_email
from enrollment.decide import SenderFacts
from schemas.directory import CustomerSnapshot, OwnerRef
from schemas.fields import Instant
from storage import directory, organizations
from storage.directory import StakeholderKey
from storage.pool import Connection
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller

__all__ = ["sender_routes"]


class SenderTold(Looked):
    """One of the team's users; the name is null where Salesloft tells of none."""

    user_id: int
    name: str | None
    email: str


class OwnerTold(Looked):
    """Who looks after a stakeholder's customer. `user_id` is null where their address is no sender's."""

    email: str | None
    user_id: int | None


class SendersTold(Looked):
    """All of them, by name; `owner` is of the stakeholder asked about, null where the directory names none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "senders": [{"user_id": 12, "name": "Kim", "email": "csm@cscx.example"}],
                    "owner": {"email": "csm@cscx.example", "user_id": 12},
                    "read_at": "2026-11-25T10:31:13.000000Z",
                }
            ]
        }
    )

    senders: list[SenderTold]
    owner: OwnerTold | None = Field(description="Who sends to the stakeholder where no sender is named.")
    read_at: Instant


def sender_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/senders`."""
    routes = APIRouter(prefix="/api/salesloft/senders", tags=["cadences"])
    who = anybody(looking)

    @routes.get("")
    async def senders(
        caller: Annotated[Caller, Depends(who)],
        stakeholder_id: Annotated[
            str | None, Query(max_length=200, description="Tell also of this stakeholder's customer's owner.")
        ] = None,
    ) -> SendersTold:
        """The team's active users: a mapping's sender is one of them, or several who take turns."""
        async with looking.of(caller) as connection:
            found = await organizations.read_senders(connection, caller.organization_id)
            owner = await _owner(connection, (caller.organization_id, stakeholder_id)) if stakeholder_id else None
        return SendersTold(
            senders=[SenderTold(user_id=one.user_id, name=one.name, email=one.email) for one in found],
            owner=_as_sender(owner, found) if owner is not None else None,
            read_at=looking.clock.now(),
        )

    return routes


async def _owner(connection: Connection, stakeholder: StakeholderKey) -> OwnerRef | None:
    """Who looks after a stakeholder's customer, None where that is not known."""
    person = (await directory.read_stakeholders(connection, [stakeholder])).get(stakeholder)
    if person is None:
        return None
    customer = (stakeholder[0], person.customer_id)
    row = (await directory.read_customers(connection, [customer])).get(customer)
    return CustomerSnapshot.model_validate_json(row.data).owner if row is not None and row.data is not None else None


def _as_sender(owner: OwnerRef, senders: Sequence[SenderFacts]) -> OwnerTold:
    """Found by the address, as who sends is found."""
    email = normalised_email(owner.email)
    user_id = next((one.user_id for one in senders if email is not None and one.email == email), None)
    return OwnerTold(email=owner.email, user_id=user_id)

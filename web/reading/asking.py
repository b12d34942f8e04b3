"""What every resource that is looked at has in common: who may ask, how it is read, what is said of its freshness."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from salesloft_client import BudgetSettings
from schemas.fields import Instant
from storage import looking
from storage.looking import StreamRow
from storage.pool import Connection, Database
from web.problems import absent
from web.security import Caller, CallerRole, Callers, having_role
from workflows.clock import Clock
from workflows.explaining import RecalledOrganizations

__all__ = [
    "CustomerFilter",
    "Freshness",
    "Looked",
    "Looking",
    "OwnerFilter",
    "Page",
    "StakeholderFilter",
    "anybody",
    "freshness",
    "known_customer",
    "known_stakeholder",
    "owner_asked_for",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """What looking works with; `database` acts as the api role, which sees one organization at a time.

    `budget` is what a team's minute is reckoned by, `organizations` what decisions rested on.
    """

    database: Database
    callers: Callers
    clock: Clock
    budget: BudgetSettings
    organizations: RecalledOrganizations = field(default_factory=RecalledOrganizations)

    def of(self, caller: Caller) -> AbstractAsyncContextManager[Connection]:
        """A transaction that sees the caller's organization alone, in one state, and changes nothing."""
        return self.database.organization_reading(caller.organization_id)


def anybody(looking: Looking) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: a caller of whatever role. Everybody may look at all of their organization."""
    return having_role(looking.callers, *CallerRole)


class Looked(BaseModel):
    """Something that is told. Instants are RFC 3339 in UTC with microseconds."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)


class Freshness(Looked):
    """How old what was read of Salesloft is.

    `as_of` is the oldest of the streams that this answer rests on: everything that Salesloft showed until then is in
    it, and some of what came after. It is null where a stream was never read to its end. `streams` has each of them.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "connected": True,
                    "as_of": "2026-11-25T10:30:04.000000Z",
                    "streams": {"memberships": "2026-11-25T10:30:04.000000Z", "emails": "2026-11-25T10:30:09.000000Z"},
                }
            ]
        }
    )

    connected: bool
    as_of: Instant | None
    streams: dict[str, Instant | None]


class Page(Looked, Generic[T]):
    """A page. `next_cursor` is null on the last one; `read_at` is the business time of the answer."""

    items: list[T]
    next_cursor: str | None
    read_at: Instant
    freshness: Freshness | None = Field(
        default=None, description="Of what was read of Salesloft; null where the answer is our own record."
    )


def freshness(found: Sequence[StreamRow], streams: Sequence[str]) -> Freshness:
    """How fresh what an answer says of Salesloft is; `streams` are those that it rests on."""
    ends = {row.stream: row.cycle_ended_at for row in found}
    told = {stream: ends.get(stream) for stream in streams}
    known = [at for at in told.values() if at is not None]
    return Freshness(
        connected=found[0].status == "connected",
        as_of=min(known) if known and len(known) == len(told) else None,
        streams=told,
    )


async def known_stakeholder(connection: Connection, caller: Caller, stakeholder_id: str) -> None:
    """Raises Problem, 404, for a stakeholder that the caller's organization never had."""
    if not await looking.is_stakeholder_known(connection, caller.organization_id, stakeholder_id):
        raise absent("stakeholder", stakeholder_id)


async def known_customer(connection: Connection, caller: Caller, customer_id: str) -> None:
    """Raises Problem, 404, for a customer that the caller's organization never had."""
    if not await looking.is_customer_known(connection, caller.organization_id, customer_id):
        raise absent("customer", customer_id)


CustomerFilter = Annotated[str | None, Query(max_length=200, description="Only what concerns this customer.")]
StakeholderFilter = Annotated[str | None, Query(max_length=200, description="Only what concerns this stakeholder.")]
OwnerFilter = Annotated[
    str | None,
    Query(max_length=200, description="Only customers whom this user looks after; `me` is whoever asks."),
]


def owner_asked_for(caller: Caller, owner: str | None) -> str | None:
    """The user whom an `owner` filter is about."""
    return caller.user_id if owner == "me" else owner

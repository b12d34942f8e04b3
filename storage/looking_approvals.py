"""What people look at of approval requests. Nothing here writes; of one organization, as in `storage.looking`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from storage.looking import Place
from storage.pool import Connection
from storage.queries import queries
from storage.rows import rows_as

__all__ = [
    "ApproversWord",
    "RequestRow",
    "count_waiting",
    "count_waiting_but_of",
    "count_waiting_of_owner",
    "decisions_on",
    "requests",
    "waiting",
]


@dataclass(slots=True)
class RequestRow:
    """An approval request as it was published, and what became of it; `request` and `decision` are JSON.

    `note` is what a person said who asked for it by hand, `owner_user_id` looks after the customer, `stakeholder_zone`
    is their time zone by the directory, and `churned_at` when the customer did, by the latest outcome that says so.
    """

    id: UUID
    customer_id: str
    stakeholder_id: str
    state: str
    reason: str | None
    requested_at: datetime
    requested_by_user: str | None
    expires_at: datetime
    execute_by: datetime
    request_digest: str
    request: str
    decision: str | None
    updated_at: datetime
    note: str | None
    owner_user_id: str | None
    stakeholder_zone: str | None
    churned_at: datetime | None


@dataclass(slots=True)
class ApproversWord:
    """A decision that arrived; `ignored_because` is None of the one that counted."""

    verdict: str
    request_digest: str
    decided_by: str
    decided_at: datetime
    received_at: datetime
    ignored_because: str | None


async def waiting(
    connection: Connection,
    organization_id: str,
    *,
    customer_id: str | None = None,
    after: Place = (None, None),
    limit: int,
) -> list[RequestRow]:
    """The requests that nobody has answered, those that expire first in front."""
    rows = await queries.look_at_requests(
        connection,
        organization_id=organization_id,
        ids=None,
        waiting=True,
        customer_id=customer_id,
        after_at=after[0],
        after_id=after[1],
        at_most=limit,
    )
    return rows_as(RequestRow, rows)


async def count_waiting(connection: Connection, organization_id: str, *, at_most: int) -> int:
    """How many requests nobody has answered, so many at most."""
    found: int = await queries.count_waiting(connection, organization_id=organization_id, at_most=at_most)
    return found


async def count_waiting_but_of(connection: Connection, organization_id: str, user_id: str, *, at_most: int) -> int:
    """How many requests nobody has answered, so many at most, without those that a user asked for."""
    found: int = await queries.count_waiting_but_of(
        connection, organization_id=organization_id, but_of=user_id, at_most=at_most
    )
    return found


async def count_waiting_of_owner(
    connection: Connection, organization_id: str, owner_user_id: str, *, but_of: str | None, at_most: int
) -> int:
    """How many requests about an owner's customers wait, so many at most, without those that `but_of` asked for."""
    found: int = await queries.count_waiting_of_owner(
        connection, organization_id=organization_id, owner_user_id=owner_user_id, but_of=but_of, at_most=at_most
    )
    return found


async def requests(
    connection: Connection, organization_id: str, ids: Sequence[UUID], *, limit: int
) -> list[RequestRow]:
    """The requests of some enrollments, `limit` at most, in their order.

    A bound that is the same each time, and not their number, which would make a statement for each: see `queries`.
    """
    rows = await queries.look_at_requests(
        connection,
        organization_id=organization_id,
        ids=list(ids),
        waiting=None,
        customer_id=None,
        after_at=None,
        after_id=None,
        at_most=limit,
    )
    found = {row.id: row for row in rows_as(RequestRow, rows)}
    return [found[id_] for id_ in ids if id_ in found]


async def decisions_on(connection: Connection, organization_id: str, enrollment_id: UUID) -> list[ApproversWord]:
    """Every decision that ever arrived for an enrollment, oldest first."""
    rows = await queries.look_at_decisions_on(connection, organization_id=organization_id, enrollment_id=enrollment_id)
    return rows_as(ApproversWord, rows)

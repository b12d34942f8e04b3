"""Evaluations as they were stored, to be explained, made again and counted. Nothing here writes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from schemas.vocabulary import TriggerType
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = ["About", "Reading", "StoredEvaluation", "between", "count_between", "read", "read_made", "trigger_type_of"]

_PAGE = 500


# Made for each of many, and not frozen: a frozen dataclass takes three times as long to make.
@dataclass(slots=True)
class StoredEvaluation:
    """One evaluation; `facts` and `outcomes` are JSON, `digest` is of the outcomes as they were written."""

    id: UUID
    organization_id: str
    customer_id: str
    cause: str
    event_id: str
    event_type: str
    business_key: str
    decision_version: int
    evaluated_at: datetime
    facts: str
    outcomes: str
    digest: bytes

    @property
    def trigger_type(self) -> TriggerType:
        """The trigger that was decided."""
        return trigger_type_of(self.event_type)


@cache
def trigger_type_of(event_type: str) -> TriggerType:
    """The trigger that an event of this type tells of."""
    return TriggerType(event_type.split(".")[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Which of an organization's evaluations: those of an event, a customer, a stakeholder, or what several share."""

    event_id: str | None = None
    customer_id: str | None = None
    stakeholder_id: str | None = None


class Reading:
    """A query's rows, of which one page after the other is asked for; as long as its transaction."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    async def page(self) -> list[StoredEvaluation]:
        """The next some hundred, none at the end."""
        return _evaluations(await self._cursor.fetch(_PAGE))


async def read(connection: Connection, organization_id: str, about: About, *, limit: int) -> list[StoredEvaluation]:
    """The newest evaluations of that kind, newest first."""
    rows = await queries.read_evaluations(
        connection,
        organization_id=organization_id,
        event_id=about.event_id,
        customer_id=about.customer_id,
        stakeholder_id=about.stakeholder_id,
        at_most=limit,
    )
    return _evaluations(rows)


async def read_made(
    connection: Connection, organization_id: str, made: Collection[tuple[UUID, datetime]]
) -> list[StoredEvaluation]:
    """Evaluations by their ids and when they were made, in no order."""
    rows = await queries.read_evaluations_made(
        connection,
        organization_id=organization_id,
        ids=[id_ for id_, _ in made],
        evaluated_at=[at for _, at in made],
    )
    return _evaluations(rows)


async def between(connection: Connection, organization_id: str, since: datetime, until: datetime) -> Reading:
    """An organization's evaluations from `since` until before `until`, oldest first: looked for once, however many."""
    cursor = await queries.read_evaluations_between.cursor(
        connection, organization_id=organization_id, since=since, until=until
    )
    return Reading(cursor)


async def count_between(connection: Connection, organization_id: str, since: datetime, until: datetime) -> int:
    """How many `between` would find."""
    counted: int = await queries.count_evaluations_between(
        connection, organization_id=organization_id, since=since, until=until
    )
    return counted


def _evaluations(rows: Sequence[Any]) -> list[StoredEvaluation]:
    # The columns of both queries are the fields, in their order.
    return [StoredEvaluation(plain_uuid(row[0]), *row[1:]) for row in rows]

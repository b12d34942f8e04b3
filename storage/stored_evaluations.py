"""Evaluations as they were stored, to be explained, made again and counted. Nothing here writes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas.vocabulary import TriggerType
from storage.pool import Connection
from storage.queries import queries

__all__ = ["About", "StoredEvaluation", "between", "count_between", "read"]

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
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
        return TriggerType(self.event_type.split(".")[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Which of an organization's evaluations: those of an event, a customer, a stakeholder, or what several share."""

    event_id: str | None = None
    customer_id: str | None = None
    stakeholder_id: str | None = None


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
    return [_evaluation(row) for row in rows]


async def between(
    connection: Connection, organization_id: str, since: datetime, until: datetime
) -> AsyncIterator[list[StoredEvaluation]]:
    """An organization's evaluations from `since` until before `until`, oldest first, some hundred at a time."""
    after: tuple[datetime, UUID] = (since, UUID(int=0))
    while True:
        rows = await queries.read_evaluations_between(
            connection,
            organization_id=organization_id,
            after_at=after[0],
            after_id=after[1],
            until=until,
            at_most=_PAGE,
        )
        if not rows:
            return
        found = [_evaluation(row) for row in rows]
        after = (found[-1].evaluated_at, found[-1].id)
        yield found


async def count_between(connection: Connection, organization_id: str, since: datetime, until: datetime) -> int:
    """How many `between` would find."""
    counted: int = await queries.count_evaluations_between(
        connection, organization_id=organization_id, since=since, until=until
    )
    return counted


def _evaluation(row: object) -> StoredEvaluation:
    values = dict(row)  # type: ignore[call-overload]  # asyncpg's record is a mapping
    return StoredEvaluation(**values | {"id": UUID(bytes=values["id"].bytes)})

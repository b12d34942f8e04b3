"""What figures are counted from, and those that were published."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from enrollment.accuracy import Counted, Execution
from enrollment.decide import zone_of
from schemas.vocabulary import EnrollmentState
from storage.pool import Connection
from storage.queries import queries

__all__ = ["FiguresRow", "PublishedFigures", "add", "executions", "published", "units", "without"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresRow:
    """The figures of an organization from `since` until before `until`."""

    organization_id: str
    since: datetime
    until: datetime
    accuracy: Counted
    completeness: Counted
    consistency: Counted


@dataclass(frozen=True, slots=True)
class PublishedFigures:
    """Figures as they were published; `counted_at` is when the counting was done."""

    figures: FiguresRow
    counted_at: datetime


async def without(connection: Connection, since: datetime, until: datetime, *, limit: int) -> list[str]:
    """Organizations whose figures from `since` on are not published, among those that were there before `until`."""
    rows = await queries.organizations_without_figures(connection, since=since, until=until, at_most=limit)
    return [row["organization_id"] for row in rows]


async def executions(
    connection: Connection, organization_id: str, since: datetime, until: datetime
) -> list[tuple[UUID, Execution]]:
    """The enrollments whose memberships were made then, and how."""
    rows = await queries.read_executions(connection, organization_id=organization_id, since=since, until=until)
    return [(UUID(bytes=row["id"].bytes), _execution(row)) for row in rows]


async def units(connection: Connection, organization_id: str, since: datetime, until: datetime) -> Counted:
    """How many of the units that Salesloft showed then are accounted for."""
    (row,) = await queries.count_units(connection, organization_id=organization_id, since=since, until=until)
    return Counted(row["accounted"], row["shown"])


async def add(connection: Connection, figures: FiguresRow, now: datetime) -> bool:
    """Keep figures; false where they are kept already."""
    added = await queries.add_figures(
        connection,
        organization_id=figures.organization_id,
        since=figures.since,
        until=figures.until,
        accuracy_part=figures.accuracy.part,
        accuracy_whole=figures.accuracy.whole,
        completeness_part=figures.completeness.part,
        completeness_whole=figures.completeness.whole,
        consistency_part=figures.consistency.part,
        consistency_whole=figures.consistency.whole,
        now=now,
    )
    return added is not None


async def published(
    connection: Connection, organization_id: str, before: datetime | None, *, limit: int
) -> list[PublishedFigures]:
    """The latest figures, the latest day first; those of the days before an instant where one is given."""
    rows = await queries.published_figures(connection, organization_id=organization_id, before=before, limit=limit)
    return [
        PublishedFigures(
            FiguresRow(
                organization_id=organization_id,
                since=row["since"],
                until=row["until"],
                accuracy=Counted(row["accuracy_part"], row["accuracy_whole"]),
                completeness=Counted(row["completeness_part"], row["completeness_whole"]),
                consistency=Counted(row["consistency_part"], row["consistency_whole"]),
            ),
            row["counted_at"],
        )
        for row in rows
    ]


def _execution(row: object) -> Execution:
    values = dict(row)  # type: ignore[call-overload]  # asyncpg's record is a mapping
    answered = orjson.loads(values["detail"]) if values["detail"] is not None else {}
    return Execution(
        state=EnrollmentState(values["state"]),
        cadence_id=values["cadence_id"],
        start_step_id=values["start_step_id"],
        sender_user_id=values["sender_user_id"],
        start_on=values["start_on"],
        execute_by=values["execute_by"],
        time_zone=zone_of(values["stakeholder_zone"], values["time_zone"]).key,
        done_cadence_id=values["done_cadence_id"],
        done_step_id=answered.get("step_id"),
        # Somebody may have handed the person over since.
        done_sender_user_id=answered.get("user_id", values["salesloft_user_id"]),
        added_at=values["added_at"],
        on_cadence=values["currently_on_cadence"],
    )

"""What people are shown of an organization's cadences: Salesloft's record, our note, and what was counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from activity.units import Metric
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "CadenceRow",
    "CatalogueState",
    "Goals",
    "Stays",
    "catalogue_state",
    "describe",
    "goals",
    "note_read",
    "observed",
    "put_stats",
    "show",
    "stream_ends",
    "without_stats",
]

_COUNTED: Mapping[str, Metric] = {
    "sent": Metric.EMAIL_SENT,
    "opened": Metric.EMAIL_OPENED,
    "replied": Metric.EMAIL_REPLIED,
    "bounced": Metric.EMAIL_BOUNCED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueState:
    """When the team's cadences were last read; `asked_at` is set while another reading waits, with its last failure."""

    connection: str | None
    read_at: datetime | None
    asked_at: datetime | None
    due_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceRow:
    """A cadence of the team; `steps` and `record` are JSON values, `stats` Salesloft's counts if they were read."""

    cadence_id: int
    name: str
    people_addable: bool
    team_cadence: bool
    current_state: str | None
    owner_user_id: int | None
    owner_name: str | None
    owner_email: str | None
    owner_active: bool | None
    steps: Sequence[dict[str, Any]]
    record: dict[str, Any]
    refreshed_at: datetime
    description: str | None
    stats: dict[str, Any] | None
    stats_read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stays:
    """What our memberships say of a cadence: people, then stays that are over."""

    people: int
    people_now: int
    ended: int
    completed: int


@dataclass(frozen=True, slots=True)
class Goals:
    """Enrollments that made a membership, and those that ended because the customer did what the cadence is for."""

    enrollments: int
    reached: int


async def note_read(connection: Connection, organization_id: str, now: datetime) -> None:
    """All of the team's cadences and users were read."""
    await queries.put_catalogue(connection, organization_id=organization_id, now=now)


async def catalogue_state(connection: Connection, organization_id: str) -> CatalogueState | None:
    """How old what we know of the team's cadences is; None of an organization never heard of."""
    rows = await queries.catalogue_state(connection, organization_id=organization_id)
    names = tuple(CatalogueState.__dataclass_fields__)
    return CatalogueState(**{name: rows[0][name] for name in names}) if rows else None


async def show(connection: Connection, organization_id: str, *, cadence_id: int | None = None) -> list[CadenceRow]:
    """The team's cadences by name, or one of them."""
    rows = await queries.show_cadences(connection, organization_id=organization_id, cadence_id=cadence_id)
    parsed = ("steps", "record", "stats")
    return [
        CadenceRow(
            **{
                name: orjson.loads(value) if name in parsed and value is not None else value
                for name, value in row.items()
            }
        )
        for row in rows
    ]


async def observed(
    connection: Connection, organization_id: str, *, cadence_id: int | None = None
) -> tuple[dict[int, Stays], dict[tuple[int, str], int]]:
    """What our memberships say of the cadences, or of one, and to how many people something has happened, by metric."""
    rows = await queries.observed_people(connection, organization_id=organization_id, cadence_id=cadence_id)
    return (
        {row["cadence_id"]: Stays(row["people"], row["people_now"], row["ended"], row["completed"]) for row in rows},
        {(row["cadence_id"], metric.value): row[name] for row in rows for name, metric in _COUNTED.items()},
    )


async def goals(connection: Connection, organization_id: str, *, cadence_id: int | None = None) -> dict[int, Goals]:
    """How the enrollments in the cadences, or in one, have gone."""
    rows = await queries.reached_goals(connection, organization_id=organization_id, cadence_id=cadence_id)
    return {row["cadence_id"]: Goals(row["enrollments"], row["reached"]) for row in rows}


async def stream_ends(connection: Connection, organization_id: str) -> dict[str, datetime | None]:
    """When whole readings of the team's records last ended, by stream."""
    rows = await queries.stream_ends(connection, organization_id=organization_id)
    return {row["stream"]: row["cycle_ended_at"] for row in rows}


async def describe(
    connection: Connection,
    organization_id: str,
    cadence_id: int,
    description: str,
    *,
    by: str | None,
    now: datetime,
) -> None:
    """Keep our own description of a cadence; an empty one is none."""
    await queries.put_cadence_note(
        connection, organization_id=organization_id, cadence_id=cadence_id, description=description, by=by, now=now
    )


async def without_stats(connection: Connection, organization_id: str, *, before: datetime, limit: int) -> list[int]:
    """Cadences that take people and whose counts were not read since an instant; who waited longest first."""
    rows = await queries.cadences_without_stats(connection, organization_id=organization_id, before=before, limit=limit)
    return [row["cadence_id"] for row in rows]


async def put_stats(
    connection: Connection, organization_id: str, cadence_id: int, stats: dict[str, int], now: datetime
) -> None:
    """Keep a cadence's counts."""
    await queries.put_cadence_stats(
        connection,
        organization_id=organization_id,
        cadence_id=cadence_id,
        stats=orjson.dumps(stats).decode(),
        now=now,
    )

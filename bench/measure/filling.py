"""A database with as much in it as years of many organizations leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from activity.engagement import CadenceTally, tallies_to_json

__all__ = ["UNITS_EACH", "Filled", "Subject", "fill"]

UNITS_EACH = 20
"""Units of activity of each stakeholder, who has two stays and, every second one, an enrollment."""
_STAYS_EACH = 2
_SUBJECTS = 5000
_SECONDS = 3600.0
_TALLIES: dict[int | None, CadenceTally] = {
    cadence_id: CadenceTally(
        sent=5, opened=5, clicked=5, replied=5, answered=5, last_contacted_at=datetime(2026, 11, 20, tzinfo=UTC)
    )
    for cadence_id in (1, 2)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Somebody to ask about."""

    organization_id: str
    customer_id: str
    stakeholder_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What is there: rows by table, and some stakeholders, of each organization as many as it has of all."""

    rows: dict[str, int]
    subjects: Sequence[Subject]


async def fill(dsn: str, *, memberships: int) -> Filled:
    """Multiply what the service has written until there are so many stays on cadences, and ten times the activity.

    The database is good for reading alone then: its tables are not logged, and their foreign keys are gone.
    """
    connection: Any = await asyncpg.connect(dsn)
    try:
        for name, value in (
            ("people", str(memberships // _STAYS_EACH)),
            ("tallies", orjson.dumps(tallies_to_json(_TALLIES)).decode()),
        ):
            await connection.execute("SELECT set_config($1, $2, false)", f"bench.{name}", value)
        await connection.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), timeout=_SECONDS)
        # As autovacuum leaves what is not written any more.
        await connection.execute("VACUUM (ANALYZE)", timeout=_SECONDS)
        rows = {
            table: await connection.fetchval(f"SELECT count(*) FROM {table}", timeout=_SECONDS)  # noqa: S608  # our own
            for table in ("salesloft_memberships", "activity_units", "enrollments", "evaluations")
        }
        subjects = await connection.fetch(
            "SELECT organization_id, customer_id, stakeholder_id FROM directory_stakeholders"
            " WHERE stakeholder_id LIKE 'sth-filled-%' ORDER BY md5(stakeholder_id) LIMIT $1",
            _SUBJECTS,
            timeout=_SECONDS,
        )
    finally:
        await connection.close()
    return Filled(rows=rows, subjects=[Subject(**dict(row)) for row in subjects])

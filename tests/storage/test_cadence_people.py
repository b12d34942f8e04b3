"""What a cadence's figures are counted of is what was seen, whoever writes it, at once or one after another."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from storage import cadences
from storage.cadences import Stays
from storage.pool import Database, DatabaseOptions
from tests.storage.test_migrate import MIGRATIONS

ORGANIZATIONS = ("org-1", "org-2")
COUNTED = """
    SELECT organization_id, cadence_id, count(*) FILTER (WHERE stays > 0), count(*) FILTER (WHERE stays_now > 0),
      sum(ended), sum(completed)
    FROM cadence_people GROUP BY 1, 2 HAVING sum(stays) > 0 ORDER BY 1, 2"""
SEEN = """
    SELECT organization_id, cadence_id, count(DISTINCT salesloft_person_id),
      count(DISTINCT salesloft_person_id) FILTER (WHERE currently_on_cadence),
      count(*) FILTER (WHERE status IN ('completed', 'removed')), count(*) FILTER (WHERE status = 'completed')
    FROM salesloft_memberships GROUP BY 1, 2 ORDER BY 1, 2"""
COUNTED_UNITS = """
    SELECT p.organization_id, p.cadence_id, k.metric, count(*) FROM cadence_people p
    CROSS JOIN LATERAL (VALUES ('email-bounced', bounced), ('email-opened', opened), ('email-replied', replied),
      ('email-sent', sent)) AS k (metric, many)
    WHERE k.many > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
SEEN_UNITS = """
    SELECT organization_id, cadence_id, metric, count(DISTINCT person_id) FROM activity_units
    WHERE cadence_id IS NOT NULL AND metric IN ('email-sent', 'email-opened', 'email-replied', 'email-bounced')
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
PUT_STAYS = """
    INSERT INTO salesloft_memberships (id, organization_id, salesloft_person_id, cadence_id, status, added_at,
      salesloft_membership_id, currently_on_cadence, salesloft_updated_at, created_at)
    SELECT gen_random_uuid(), $1, person, $3::bigint, $4, '2026-11-01', $3::bigint * 1000 + person, $5, now(), now()
    FROM unnest($2::bigint[]) AS person ORDER BY person
    ON CONFLICT (organization_id, salesloft_membership_id, added_at) DO UPDATE SET status = excluded.status,
      currently_on_cadence = excluded.currently_on_cadence"""
PUT_UNITS = """
    INSERT INTO activity_units (event_id, organization_id, stakeholder_id, source, source_id, metric, ordinal,
      person_id, cadence_id, occurred_from, occurred_to, noticed_at)
    SELECT gen_random_uuid(), $1, 'sth-' || person, 'email', 'x', $4, 1, person, $3, now(), now(), now()
    FROM unnest($2::bigint[]) AS person"""


@pytest.fixture
async def worker(migrated: str) -> AsyncIterator[Database]:
    async with Database.connected(DatabaseOptions(dsn=migrated, max_size=8)) as database:
        async with database.connection() as connection:
            await connection.execute(
                "INSERT INTO organizations (organization_id, created_at, updated_at)"
                " SELECT one, now(), now() FROM unnest($1::text[]) AS one",
                ORGANIZATIONS,
            )
        yield database


async def is_right(database: Database) -> None:
    """What was counted on the way is what is counted of all that there is."""
    async with database.reading() as connection:
        assert await connection.fetch(COUNTED) == await connection.fetch(SEEN)
        assert await connection.fetch(COUNTED_UNITS) == await connection.fetch(SEEN_UNITS)


class GivenUp(Exception):
    """A transaction that comes to nothing."""


def give_up(drawn: random.Random) -> None:
    if drawn.random() < 1 / 3:
        raise GivenUp


async def write(database: Database, seed: int) -> None:
    """Some transactions, each of several statements about people of whom the others write, too; a third is given up."""
    drawn = random.Random(seed)
    for _ in range(12):
        try:
            async with database.transaction() as connection:
                # As whoever writes of people locks their customers: in one order.
                people = sorted(drawn.sample(range(6), drawn.randint(1, 3)))
                for person in people:
                    await connection.execute("SELECT pg_advisory_xact_lock($1)", person)
                await _change(connection, drawn, people)
                give_up(drawn)
        except GivenUp:
            continue


async def _change(connection: Any, drawn: random.Random, people: list[int]) -> None:
    for _ in range(3):
        organization_id, cadence_id = drawn.choice(ORGANIZATIONS), drawn.choice((1, 2))
        status = drawn.choice(("active", "completed", "removed"))
        match drawn.randrange(6):
            case 0 | 1:
                await connection.execute(PUT_STAYS, organization_id, people, cadence_id, status, status == "active")
            case 2:
                await connection.execute(
                    "UPDATE salesloft_memberships SET status = $1, currently_on_cadence = $2, current_step = 3"
                    " WHERE organization_id = $3 AND salesloft_person_id = ANY ($4)",
                    status, status == "active", organization_id, people,
                )  # fmt: skip
            case 3 | 4:
                metric = drawn.choice(("email-sent", "email-opened", "email-replied", "email-bounced", "call-logged"))
                cadence = drawn.choice((cadence_id, None))
                await connection.execute(PUT_UNITS, organization_id, people, cadence, metric)
            case _:
                for table, person in (
                    ("salesloft_memberships", "salesloft_person_id"),
                    ("activity_units", "person_id"),
                ):
                    await connection.execute(
                        f"DELETE FROM {table} WHERE organization_id = $1 AND {person} = $2",  # noqa: S608 - named here
                        organization_id, people[0],
                    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_writes_at_once_is_counted_once(worker: Database, seed: int) -> None:
    await asyncio.gather(*(write(worker, 100 * seed + writer) for writer in range(6)))
    await is_right(worker)


async def test_nobody_waits_for_whoever_writes_of_somebody_else(worker: Database) -> None:
    async with worker.transaction() as first, worker.transaction() as second:
        await second.execute("SET LOCAL lock_timeout = '1s'")
        for connection, person in ((first, 1), (second, 2)):
            await connection.execute(PUT_STAYS, "org-1", [person], 7, "active", True)
            await connection.execute(PUT_UNITS, "org-1", [person], 7, "email-sent")
    async with worker.reading() as connection:
        stays, people = await cadences.observed(connection, "org-1")
    assert (stays, people[7, "email-sent"]) == ({7: Stays(2, 2, 0, 0)}, 2)


async def test_one_cadence_is_told_alone(worker: Database) -> None:
    async with worker.transaction() as connection:
        await connection.execute(PUT_STAYS, "org-1", [1, 2], 7, "active", True)
        await connection.execute(PUT_STAYS, "org-1", [2, 3], 8, "completed", False)
        await connection.execute(PUT_STAYS, "org-2", [4], 8, "removed", False)
        assert (await cadences.observed(connection, "org-1", cadence_id=8))[0] == {8: Stays(2, 0, 2, 2)}
        assert (await cadences.observed(connection, "org-1"))[0] == {7: Stays(2, 2, 0, 0), 8: Stays(2, 0, 2, 2)}


async def test_a_step_that_moves_writes_nothing_here(worker: Database) -> None:
    async with worker.transaction() as connection:
        await connection.execute(PUT_STAYS, "org-1", [1], 7, "active", True)
    async with worker.transaction() as connection:
        before = await connection.fetchval("SELECT xmin::text FROM cadence_people")
        await connection.execute("UPDATE salesloft_memberships SET current_step = 2")
        assert await connection.fetchval("SELECT xmin::text FROM cadence_people") == before


async def test_what_came_before_it_was_counted_is_counted(migrated: str, worker: Database) -> None:
    await write(worker, 7)
    owner = await asyncpg.connect(migrated)
    path = next(path for path in MIGRATIONS if path.name.endswith("_cadence_people.sql"))
    up, down = path.read_text(encoding="utf-8").split("-- migrate:down")
    await owner.execute(down)
    await owner.execute(up)
    await owner.close()
    await is_right(worker)

"""Taking in e-mails: what is newer counts, what falls is noted, and two who read the same tell it once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from activity.ledger import Ledger
from salesloft_client import Email
from salesloft_client.models import EmailCounts, Reference
from storage import organizations
from storage.pool import Database, DatabaseOptions
from workflows.activity import Reading
from workflows.activity_records import apply_emails

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    """One stakeholder, linked to person 7."""
    async with Database.connected(DatabaseOptions(dsn=migrated)) as connected:
        async with connected.transaction() as connection:
            await organizations.ensure(connection, ["org-1"], NOW)
            await connection.execute(
                "INSERT INTO directory_stakeholders (organization_id, stakeholder_id, customer_id, data, as_of,"
                " as_of_offset, from_directory) VALUES ('org-1', 'sth-1', 'cus-1', '{}', $1, 0, true)",
                NOW,
            )
            await connection.execute(
                "INSERT INTO stakeholder_people (organization_id, stakeholder_id, person_id, linked_by, linked_at)"
                " VALUES ('org-1', 'sth-1', 7, 'upsert', $1)",
                NOW,
            )
        yield connected


def email(*, views: int, minutes: int, email_id: int = 1, person_id: int = 7) -> Email:
    """An e-mail as it is so many minutes after it was sent."""
    return Email(
        id=email_id,
        created_at=NOW,
        updated_at=NOW + timedelta(minutes=minutes),
        sent_at=NOW,
        status="sent",
        counts=EmailCounts(views=views),
        recipient=Reference(id=person_id),
    )


async def read(database: Database, *rows: Email) -> Ledger:
    async with database.transaction() as connection:
        return await apply_emails(connection, Reading(organization_id="org-1", noticed_at=NOW), rows)


async def opens(database: Database) -> list[int]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT ordinal FROM activity_units WHERE metric = 'email-opened' ORDER BY 1")
    return [row["ordinal"] for row in rows]


async def test_a_reading_that_is_not_newer_is_ignored(database: Database) -> None:
    assert await read(database, email(views=3, minutes=30)) == Ledger(scanned=1, emitted=4)
    assert await read(database, email(views=5, minutes=30)) == Ledger(scanned=1, deduplicated=6)
    assert await read(database, email(views=5, minutes=10)) == Ledger(scanned=1, deduplicated=6)
    assert await opens(database) == [1, 2, 3]


async def test_a_counter_that_falls_is_noted_and_what_it_regains_was_told(database: Database) -> None:
    await read(database, email(views=3, minutes=10))
    assert await read(database, email(views=1, minutes=20)) == Ledger(scanned=1, deduplicated=2, fallen=2)
    assert await read(database, email(views=4, minutes=30)) == Ledger(scanned=1, emitted=1, deduplicated=4)
    assert await opens(database) == [1, 2, 3, 4]


async def test_a_strangers_e_mail_is_counted_and_not_kept(database: Database) -> None:
    assert await read(database, email(views=2, minutes=5, person_id=8)) == Ledger(scanned=1, out_of_scope=3)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM salesloft_emails") == 0


async def test_readers_at_once_tell_each_unit_once(database: Database) -> None:
    """A webhook's reading and the poll's overtake each other, each with a count of its own."""
    await asyncio.gather(
        *(read(database, email(views=views, minutes=views), email(views=views, minutes=views, email_id=2))
          for views in (4, 1, 3, 2, 5, 5, 3, 1))
    )  # fmt: skip
    assert await opens(database) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT views FROM salesloft_emails")
        assert [row["views"] for row in rows] == [5, 5]
        assert await connection.fetchval("SELECT data -> 'counts' ->> 'opened' FROM engagements") == "10"
        ids = await connection.fetch("SELECT id FROM outbox WHERE topic = 'cscx.salesloft.activity.v1'")
        assert len(ids) == len({row["id"] for row in ids}) == 12


async def test_an_event_says_when_it_happened_and_when_it_was_noticed(database: Database) -> None:
    await read(database, email(views=1, minutes=45))
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT type, headers FROM outbox")
    said = {row["type"]: dict(orjson.loads(row["headers"])) for row in rows}
    opened = said["ai.cscx.salesloft.email-opened.v1"]
    assert opened["ce_time"] == "2026-03-02T14:45:00.000000Z"
    assert opened["ce_recordedtime"] == "2026-03-02T14:00:00.000000Z"
    assert said["ai.cscx.salesloft.email-sent.v1"]["ce_time"] == "2026-03-02T14:00:00.000000Z"

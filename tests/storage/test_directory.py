"""How rows of the directory are read that somebody only spoke of."""

from datetime import UTC, datetime

from storage import directory, organizations
from storage.pool import Database

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def test_whoever_is_only_spoken_of_is_older_than_any_snapshot(database: Database) -> None:
    """Their rows are as of the beginning of time, which has to be comparable with every instant."""
    customer, stakeholder = ("org-1", "cus-1"), ("org-1", "sth-1")
    async with database.transaction() as connection:
        await organizations.ensure(connection, ["org-1"], NOW)
        customers = await directory.lock_customers(connection, [customer])
        await directory.mark_left(connection, [(stakeholder, "cus-1", NOW)])
        stakeholders = await directory.read_stakeholders(connection, [stakeholder])
        of_customer = await directory.read_stakeholders_of(connection, [customer])
    assert customers[customer].as_of < LONG_AGO
    assert stakeholders[stakeholder].as_of < LONG_AGO
    assert of_customer[customer] == [stakeholders[stakeholder]]

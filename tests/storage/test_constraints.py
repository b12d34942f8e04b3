"""What the schema itself refuses, whatever the code above it believes."""

# ruff: noqa: S608  # names of tables and columns are written here or come from the catalogue

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from storage import enrollments
from storage.pool import Connection, Database

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ALL_STATES = (
    *("requested", "approved", "rejected", "expired", "withdrawn", "scheduled", "enrolling", "enrolled", "unknown"),
    *("failed", "stale", "blocked", "paused", "completed", "removed", "exited"),
)
ON_CADENCE = {"enrolling", "unknown", "enrolled", "paused"}


async def insert(connection: Connection, table: str, **values: Any) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", *values.values())


@pytest.fixture
async def connection(database: Database) -> Any:
    async with database.connection() as connection:
        for organization in ("org-1", "org-2"):
            await insert(connection, "organizations", organization_id=organization, created_at=NOW, updated_at=NOW)
        yield connection


async def enrollment(connection: Connection, state: str, **changes: Any) -> None:
    values: dict[str, Any] = {
        "id": uuid4(),
        "organization_id": "org-1",
        "customer_id": "cus-7",
        "stakeholder_id": "sth-9",
        "state": state,
        "sequence": 1,
        "trigger_type": "at-risk",
        "exclusivity_group": "default",
        "business_key": "epi-1",
        "correlation_id": "c",
        "cadence_id": 456,
        "request": "{}",
        "request_digest": "sha256:aa",
        "requested_at": NOW,
        "expires_at": NOW,
        "execute_by": NOW,
        "start_on": NOW.date(),
        "sender_user_id": 12,
        "created_at": NOW,
        "updated_at": NOW,
    }
    await insert(connection, "enrollments", **values | changes)


async def test_one_run_has_one_enrollment_unless_it_expired_or_was_withdrawn(connection: Any) -> None:
    for state in ALL_STATES:
        await connection.execute("DELETE FROM enrollments")
        await enrollment(connection, state)
        if state in {"expired", "withdrawn"}:
            await enrollment(connection, "requested")
        else:
            with pytest.raises(asyncpg.UniqueViolationError, match="enrollments_run"):
                await enrollment(connection, "requested")


async def test_another_run_is_another(connection: Any) -> None:
    await enrollment(connection, "requested")
    for change in (
        {"organization_id": "org-2"},
        {"stakeholder_id": "sth-8"},
        {"trigger_type": "renewal-window"},
        {"exclusivity_group": "news"},
        {"business_key": "epi-2"},
    ):
        await enrollment(connection, "requested", **change)
    # What a person adds is no run of a trigger.
    for _ in range(2):
        await enrollment(connection, "requested", trigger_type=None, business_key=None)


async def test_one_person_is_on_a_cadence_once(connection: Any) -> None:
    for state in ALL_STATES:
        await connection.execute("DELETE FROM enrollments")
        await enrollment(connection, "enrolled", salesloft_person_id=1)
        other = {"stakeholder_id": "sth-8", "salesloft_person_id": 1}
        if state in ON_CADENCE:
            with pytest.raises(asyncpg.UniqueViolationError, match="enrollments_on_cadence"):
                await enrollment(connection, state, **other)
        else:
            await enrollment(connection, state, **other)


async def test_a_membership_belongs_to_one_enrollment(connection: Any) -> None:
    membership = uuid4()
    await enrollment(connection, "enrolled", membership_id=membership)
    with pytest.raises(asyncpg.UniqueViolationError, match="enrollments_membership"):
        await enrollment(connection, "completed", membership_id=membership, stakeholder_id="sth-8")


async def test_a_team_is_connected_to_one_organization(connection: Any) -> None:
    link = {"team_id": 5, "status_since": NOW, "credential_kind": "oauth", "connected_at": NOW}
    await insert(connection, "salesloft_connections", organization_id="org-1", status="needs_reauthorization", **link)
    with pytest.raises(asyncpg.UniqueViolationError, match="salesloft_connections_team"):
        await insert(connection, "salesloft_connections", organization_id="org-2", status="connected", **link)
    await connection.execute("UPDATE salesloft_connections SET status = 'disconnected'")
    await insert(connection, "salesloft_connections", organization_id="org-2", status="connected", **link)


async def mapping(connection: Connection, status: str) -> None:
    await insert(
        connection,
        "salesloft_cadence_mappings",
        id=uuid4(),
        version=1,
        organization_id="org-1",
        status=status,
        trigger_type="at-risk",
        purpose="save",
        cadence_id=456,
        sender="{}",
        stakeholder_criteria="{}",
        customer_criteria="{}",
        policy="{}",
        created_at=NOW,
    )


CHANGES = {
    "trigger_type": "'renewal-window'",
    "segment": "'x'",
    "purpose": "'renewal'",
    "cadence_id": "457",
    "start_step_id": "1",
    "sender": "'{\"a\": 1}'",
    "stakeholder_criteria": "'{\"a\": 1}'",
    "customer_criteria": "'{\"a\": 1}'",
    "policy": "'{\"a\": 1}'",
    "exclusivity_group": "'x'",
    "organization_id": "'org-2'",
    "id": "gen_random_uuid()",
    "version": "2",
}


@pytest.mark.parametrize("status", ["published", "retired"])
async def test_what_a_published_mapping_says_never_changes(connection: Any, status: str) -> None:
    await mapping(connection, status)
    for column, value in CHANGES.items():
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(f"UPDATE salesloft_cadence_mappings SET {column} = {value}")
    await connection.execute("UPDATE salesloft_cadence_mappings SET enabled = false, status = 'retired', priority = 7")


async def test_a_published_mapping_is_not_deleted_and_no_draft_again(connection: Any) -> None:
    await mapping(connection, "published")
    for statement in (
        "DELETE FROM salesloft_cadence_mappings",
        "UPDATE salesloft_cadence_mappings SET status = 'draft'",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(statement)


async def test_a_draft_may_change(connection: Any) -> None:
    await mapping(connection, "draft")
    for column, value in CHANGES.items():
        await connection.execute(f"UPDATE salesloft_cadence_mappings SET {column} = {value}")
    await connection.execute("DELETE FROM salesloft_cadence_mappings")


async def test_a_request_expires_only_when_the_decisions_were_read_beyond_its_expiry(connection: Any) -> None:
    identifier = uuid4()
    await enrollment(connection, "requested", id=identifier)
    await enrollment(connection, "approved", stakeholder_id="sth-8")

    async def expirable() -> list[Any]:
        found = await enrollments.expirable(connection, topic="decisions", partitions=2, limit=10)
        return [one for _, one in found]

    async def read_through(partition: int, instant: datetime, topic: str = "decisions") -> None:
        await connection.execute(
            "INSERT INTO consumer_progress VALUES ($1, $2, $3)"
            " ON CONFLICT (topic, partition) DO UPDATE SET read_through = excluded.read_through",
            topic,
            partition,
            instant,
        )

    later = NOW.replace(hour=10)
    assert await expirable() == []
    await read_through(0, later)
    await read_through(0, later, "another")
    await read_through(1, later, "another")
    assert await expirable() == []
    await read_through(1, NOW)
    assert await expirable() == []
    await read_through(1, later)
    assert await expirable() == [identifier]

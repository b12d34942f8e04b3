"""The long lists are served by indexes, filters and order included, among many rows of many organizations."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from sandbox.stack import PostgresServer
from storage.pool import Database, DatabaseOptions
from storage.queries import queries

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BIG = ("enrollments", "salesloft_memberships", "activity_units", "evaluations_default", "sync_ledger")
BEYOND = UUID(int=2**127)
ENROLLMENTS: dict[str, Any] = dict.fromkeys(
    ("id", "customer_id", "stakeholder_id", "cadence_id", "trigger_type", "states", "before_id")
) | {"at_most": 51, "now": NOW}
MEMBERSHIPS: dict[str, Any] = dict.fromkeys(
    ("id", "customer_id", "stakeholder_id", "cadence_id", "status", "on_cadence", "before_at", "before_id")
) | {"at_most": 51}
ACTIVITY: dict[str, Any] = dict.fromkeys(("metrics", "cadence_id", "since", "until", "before_at", "before_id")) | {
    "stakeholder_ids": ["sth-7"],
    "at_most": 51,
}
EVALUATIONS: dict[str, Any] = dict.fromkeys(
    ("event_id", "customer_ids", "stakeholder_id", "before_at", "before_id")
) | {"at_most": 21}
WAITING: dict[str, Any] = {"customer_id": None, "after_at": None, "after_id": None, "at_most": 51}
LEDGER: dict[str, Any] = dict.fromkeys(("stream", "before_at", "before_stream", "before_cycle")) | {"at_most": 51}
ASKED = [
    ("look_at_enrollments", ENROLLMENTS),
    ("look_at_enrollments", ENROLLMENTS | {"before_id": BEYOND}),
    ("look_at_enrollments", ENROLLMENTS | {"customer_id": "cus-7"}),
    ("look_at_enrollments", ENROLLMENTS | {"stakeholder_id": "sth-7"}),
    ("look_at_enrollments", ENROLLMENTS | {"states": ["failed", "blocked"]}),
    ("look_at_enrollments", ENROLLMENTS | {"id": uuid4()}),
    ("look_at_waiting", WAITING),
    ("look_at_waiting", WAITING | {"after_at": NOW, "after_id": BEYOND}),
    ("look_at_memberships", MEMBERSHIPS),
    ("look_at_memberships", MEMBERSHIPS | {"before_at": NOW, "before_id": BEYOND}),
    ("look_at_memberships", MEMBERSHIPS | {"stakeholder_id": "sth-7"}),
    ("look_at_activity", ACTIVITY),
    ("look_at_activity", ACTIVITY | {"before_at": NOW, "before_id": BEYOND}),
    ("look_at_activity", ACTIVITY | {"metrics": ["email-opened"], "since": NOW, "until": NOW}),
    ("look_at_evaluations", EVALUATIONS | {"event_id": "evt-7"}),
    ("look_at_evaluations", EVALUATIONS | {"customer_ids": ["cus-7"]}),
    ("look_at_evaluations", EVALUATIONS | {"customer_ids": ["cus-7"], "stakeholder_id": "sth-7"}),
    ("look_at_ledger", LEDGER),
    ("look_at_ledger", LEDGER | {"before_at": NOW, "before_stream": "emails", "before_cycle": 7}),
]
ROWS = """
ALTER TABLE salesloft_memberships DROP CONSTRAINT salesloft_memberships_organization_id_fkey;
ALTER TABLE activity_units DROP CONSTRAINT activity_units_organization_id_fkey;
ALTER TABLE sync_ledger DROP CONSTRAINT sync_ledger_organization_id_fkey;
INSERT INTO enrollments (id, organization_id, customer_id, stakeholder_id, state, sequence, exclusivity_group,
correlation_id,   cadence_id, request, request_digest, requested_at, expires_at, execute_by, start_on, sender_user_id,
created_at, updated_at) SELECT gen_random_uuid(), 'org-' || n % 40, 'cus-' || n / 40 % 100, 'sth-' || n / 40 % 400,
  CASE WHEN n % 500 < 40 THEN 'failed' WHEN n % 300 < 40 THEN 'requested' ELSE 'completed' END, 1, 'default', 'c', 1,
  '{}', 'd', now(), now(), now(), now(), 1, now(), now()
FROM generate_series(1, 40000) AS n;
INSERT INTO salesloft_memberships (id, organization_id, stakeholder_id, salesloft_person_id, cadence_id, status,
added_at,   salesloft_membership_id, currently_on_cadence, salesloft_updated_at, created_at)
SELECT gen_random_uuid(), 'org-' || n % 40, 'sth-' || n / 40 % 400, n, 1, 'active', now() - n * interval '1 second', n,
true,   now(), now()
FROM generate_series(1, 40000) AS n;
INSERT INTO activity_units (event_id, organization_id, stakeholder_id, source, source_id, metric, ordinal, person_id,
occurred_from,   occurred_to, noticed_at)
SELECT gen_random_uuid(), 'org-' || n % 40, 'sth-' || n / 40 % 100, 'email', n::text, 'email-sent', 1, 1,
  now() - n * interval '1 second', now() - n * interval '1 second', now()
FROM generate_series(1, 40000) AS n;
INSERT INTO evaluations (id, organization_id, customer_id, cause, event_id, event_type, business_key, correlation_id,
  decision_version, evaluated_at, facts, outcomes, digest)
SELECT gen_random_uuid(), 'org-' || n % 40, 'cus-' || n / 40 % 100, 'event', 'evt-' || n, 'a', 'b', 'c', 1,
  now() - n * interval '1 second', '{}', '[]', ''
FROM generate_series(1, 40000) AS n;
INSERT INTO sync_ledger (organization_id, stream, cycle, started_at)
SELECT 'org-' || n % 40, 'emails', n, now() - n * interval '1 second' FROM generate_series(1, 40000) AS n;
ANALYZE;
"""


@pytest.fixture(scope="module")
async def full(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Database]:
    name = f"plans_{uuid4().hex}"
    dsn = await postgres_server.create_database(name, template=migrated_template)
    owner = await asyncpg.connect(dsn)
    await owner.execute(ROWS)
    await owner.close()
    async with Database.connected(DatabaseOptions(dsn=dsn, role="cscx_salesloft_api")) as database:
        yield database
    await postgres_server.drop_database(name)


@pytest.mark.parametrize(("query", "asked"), ASKED)
async def test_a_list_reads_no_big_table_from_end_to_end(full: Database, query: str, asked: dict[str, Any]) -> None:
    plan: list[str] = []

    class Explaining:
        """Takes the place of the connection, and explains what it is asked to fetch."""

        async def fetch(self, sql: str, *values: Any) -> list[Any]:
            async with full.organization_reading("org-7") as connection:
                plan.extend(row[0] for row in await connection.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {sql}", *values))
            return []

    await getattr(queries, query)(Explaining(), organization_id="org-7", **asked)
    whole = "\n".join(plan)
    assert not [table for table in BIG if re.search(rf"Seq Scan on {table}\b", whole)], whole
    # Nothing like all of the organization's thousand rows, of a page of fifty.
    read = [int(rows) for rows in re.findall(r"Rows Removed by Filter: (\d+)", whole)]
    assert sum(read) < 1000, whole

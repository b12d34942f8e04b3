"""The long lists are served by indexes, filters and order included, among many rows of many organizations."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from sandbox.stack import PostgresServer
from storage import looking, timeline
from storage.looking import Filters, UnitFilters
from storage.pool import Connection, Database, DatabaseOptions
from storage.queries import queries
from storage.questions import Question, answer
from storage.stored_evaluations import About

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BIG = (
    *("enrollments", "salesloft_memberships", "activity_units", "evaluations_default", "sync_ledger", "engagements"),
    *(
        "directory_customers",
        "directory_stakeholders",
        "salesloft_people",
        "stakeholder_people",
        "enrollment_history",
        "approval_decisions",
    ),
    *("steerings", "commands", "additions", "stops", "suppressions", "mapping_runs", "mapping_changes"),
    *("organization_settings", "salesloft_budgets", "salesloft_connections", "sync_streams", "outbox"),
    *("audit_entries", "cadence_people", "ended_runs"),
)
SOON = datetime(2100, 1, 1, tzinfo=UTC)
BEYOND = UUID(int=2**127)
ENROLLMENTS: dict[str, Any] = dict.fromkeys(
    (
        *("id", "customer_id", "stakeholder_id", "cadence_id", "trigger_type", "states", "before_id"),
        *("owner_user_id", "by_hand", "reason", "without_reason", "segment", "since"),
    )
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
REQUESTS: dict[str, Any] = dict.fromkeys(("ids", "waiting", "customer_id", "after_at", "after_id")) | {"at_most": 51}
WAITING: dict[str, Any] = REQUESTS | {"waiting": True}
LEDGER: dict[str, Any] = dict.fromkeys(("stream", "before_at", "before_stream", "before_cycle")) | {"at_most": 51}
TIMELINE: dict[str, Any] = dict.fromkeys(
    ("customer_id", "stakeholder_id", "before_at", "before_place", "before_ordinal", "before_source")
) | {"at_most": 51}
AUDIT: dict[str, Any] = dict.fromkeys(("actor", "action", "subject", "before_at", "before_id")) | {"at_most": 51}
SINCE: dict[str, Any] = {"since": NOW, "segment": None}
OF_EVENTS: dict[str, Any] = SINCE | {"event_type": None}
OF_ENROLLMENTS: dict[str, Any] = SINCE | {"trigger_type": None}
DECIDED: dict[str, Any] = OF_EVENTS | dict.fromkeys(("outcome", "reason", "owner_user_id"))
LISTED: dict[str, Any] = DECIDED | dict.fromkeys(("before_at", "before_id", "before_place")) | {"at_most": 51}
FIND: dict[str, Any] = dict.fromkeys(("patterns", "after_name", "after_id")) | {"at_most": 51}
CUSTOMERS: dict[str, Any] = FIND | {"owner_user_id": None}
PEOPLE = {"stakeholder_ids": ["sth-7", "sth-8"]}
ASKED = [
    ("look_at_enrollments", ENROLLMENTS),
    ("look_at_enrollments", ENROLLMENTS | {"before_id": BEYOND}),
    ("look_at_enrollments", ENROLLMENTS | {"customer_id": "cus-7"}),
    ("look_at_enrollments", ENROLLMENTS | {"stakeholder_id": "sth-7"}),
    ("look_at_enrollments", ENROLLMENTS | {"states": ["failed", "blocked"]}),
    ("look_at_enrollments", ENROLLMENTS | {"id": uuid4()}),
    ("look_at_enrollments", ENROLLMENTS | {"owner_user_id": "usr-7"}),
    ("look_at_enrollments", ENROLLMENTS | {"owner_user_id": "usr-7", "states": ["requested"], "before_id": BEYOND}),
    ("look_at_requests", WAITING),
    ("look_at_requests", WAITING | {"customer_id": "cus-7"}),
    ("look_at_requests", WAITING | {"after_at": NOW, "after_id": BEYOND}),
    ("count_waiting", {"at_most": 100}),
    ("count_waiting_but_of", {"at_most": 100, "but_of": "usr-7"}),
    ("count_waiting_of_owner", {"at_most": 100, "owner_user_id": "usr-7", "but_of": "usr-7"}),
    ("look_at_memberships", MEMBERSHIPS),
    ("look_at_memberships", MEMBERSHIPS | {"before_at": NOW, "before_id": BEYOND}),
    ("look_at_memberships", MEMBERSHIPS | {"stakeholder_id": "sth-7"}),
    ("look_at_memberships", MEMBERSHIPS | {"status": "active", "on_cadence": False}),
    ("look_at_memberships", MEMBERSHIPS | {"customer_id": "cus-7", "on_cadence": True}),
    ("look_at_activity", ACTIVITY),
    ("look_at_activity", ACTIVITY | {"before_at": NOW, "before_id": BEYOND}),
    ("look_at_activity", ACTIVITY | {"metrics": ["email-opened"], "since": NOW, "until": NOW}),
    ("look_at_evaluations", EVALUATIONS | {"event_id": "evt-7"}),
    ("look_at_evaluations", EVALUATIONS | {"customer_ids": ["cus-7"]}),
    ("look_at_evaluations", EVALUATIONS | {"customer_ids": ["cus-7"], "stakeholder_id": "sth-7"}),
    ("look_at_outcomes", {"customer_id": "cus-7", "stakeholder_id": None, "at_most": 50}),
    ("look_at_outcomes", {"customer_id": "cus-7", "stakeholder_id": "sth-7", "at_most": 5}),
    ("look_at_outcomes", {"customer_id": None, "stakeholder_id": "sth-7", "at_most": 5}),
    ("look_at_ledger", LEDGER),
    ("look_at_ledger", LEDGER | {"before_at": NOW, "before_stream": "emails", "before_cycle": 7}),
    ("read_timeline", TIMELINE | {"stakeholder_id": "sth-7"}),
    ("read_timeline", TIMELINE | {"customer_id": "cus-7"}),
    (
        "read_timeline",
        TIMELINE
        | {"stakeholder_id": "sth-7", "before_at": NOW, "before_place": 9, "before_ordinal": 0, "before_source": ""},
    ),
    ("look_at_requests", REQUESTS | {"ids": [uuid4(), uuid4()]}),
    ("look_at_history", {"enrollment_id": uuid4()}),
    ("look_at_decisions_on", {"enrollment_id": uuid4()}),
    ("list_steerings", {"enrollment_id": uuid4()}),
    ("read_addition", {"enrollment_id": uuid4()}),
    ("look_at_people", PEOPLE),
    ("look_at_ended", PEOPLE),
    ("read_engagements", {"stakeholders": [("org-7", "sth-7"), ("org-7", "sth-8")]}),
    ("look_at_people_of", {"customer_id": "cus-7", "at_most": 51}),
    ("look_at_customers_of", {"stakeholder_id": "sth-7"}),
    ("look_for_people", FIND | {"email": None}),
    ("look_for_people", FIND | {"email": "ann@acme.example", "patterns": ["%ann%"]}),
    ("look_for_people", FIND | {"email": None, "after_name": "Ann", "after_id": "sth-7"}),
    ("look_for_customers", CUSTOMERS),
    ("look_for_customers", CUSTOMERS | {"owner_user_id": "usr-7", "after_name": "Acme", "after_id": "cus-7"}),
    ("names_of_users", {"user_ids": ["usr-1", "usr-7", "usr-unknown"]}),
    ("look_for_customers", CUSTOMERS | {"patterns": ["%acme%"], "after_name": "Acme", "after_id": "cus-7"}),
    ("count_events", OF_EVENTS),
    ("count_decisions", OF_EVENTS | {"event_type": "a", "segment": "enterprise"}),
    ("count_decided", DECIDED | {"reason": "criteria_not_met"}),
    ("count_decided", DECIDED | {"event_type": "a", "segment": "enterprise", "owner_user_id": "usr-7"}),
    ("look_at_decided", LISTED),
    ("look_at_decided", LISTED | {"before_at": NOW, "before_id": BEYOND, "before_place": 1}),
    ("look_at_decided", LISTED | {"outcome": "skip", "reason": "criteria_not_met"}),
    ("look_at_decided", LISTED | {"event_type": "a", "owner_user_id": "usr-7"}),
    ("count_enrollments", OF_ENROLLMENTS),
    ("count_enrollments", OF_ENROLLMENTS | {"segment": "enterprise"}),
    ("count_withdrawn", OF_ENROLLMENTS),
    ("count_steerings", OF_ENROLLMENTS),
    ("count_added_by_hand", SINCE),
    ("list_segments", {"at_most": 200}),
    ("has_segment", {"segment": "enterprise"}),
    ("list_stops", {"now": NOW}),
    ("list_suppressions_after", {"kind": "", "value": "", "limit": 51}),
    ("list_suppressions_after", {"kind": "email", "value": "x", "limit": 51}),
    ("list_mapping_runs", {"id": None, "at_most": 51}),
    ("list_mapping_runs", {"id": uuid4(), "at_most": 1}),
    ("list_mapping_changes", {"mapping_id": uuid4()}),
    ("settings_before", {"before": None, "limit": 51}),
    ("settings_before", {"before": 20, "limit": 51}),
    ("latest_audit", AUDIT),
    ("latest_audit", AUDIT | {"before_at": NOW, "before_id": BEYOND}),
    ("latest_audit", AUDIT | {"actor": "usr-7"}),
    ("latest_audit", AUDIT | {"subject": "enrollment/7"}),
    ("names_of_enrollments", {"ids": [uuid4(), uuid4()]}),
    ("names_of_mappings", {"ids": [uuid4(), uuid4()]}),
    ("names_of_cadences", {"ids": [7, 8]}),
    ("read_budget", {}),
    ("look_at_connection", {}),
    ("look_at_freshness", {}),
    ("stream_ends", {}),
    ("observed_people", {"cadence_id": None}),
    ("observed_people", {"cadence_id": 7}),
    ("reached_goals", {"cadence_id": None}),
    ("look_at_streams", {}),
]
ROWS = """
ALTER TABLE salesloft_memberships DROP CONSTRAINT salesloft_memberships_organization_id_fkey;
ALTER TABLE activity_units DROP CONSTRAINT activity_units_organization_id_fkey;
ALTER TABLE sync_ledger DROP CONSTRAINT sync_ledger_organization_id_fkey;
INSERT INTO organizations (organization_id, created_at, updated_at)
SELECT 'org-' || n, now(), now() FROM generate_series(0, 39) AS n;
INSERT INTO enrollments (id, organization_id, customer_id, stakeholder_id, state, sequence, exclusivity_group,
correlation_id,   cadence_id, request, request_digest, requested_at, expires_at, execute_by, start_on, sender_user_id,
created_at, updated_at) SELECT gen_random_uuid(), 'org-' || n % 40, 'cus-' || n / 40 % 100, 'sth-' || n / 40 % 400,
  CASE WHEN n % 500 < 40 THEN 'failed' WHEN n % 300 < 40 THEN 'requested' ELSE 'completed' END, 1, 'default', 'c', 1,
  '{}', 'd', now(), now(), now(), now(), 1, now(), now()
FROM generate_series(1, 40000) AS n;
INSERT INTO salesloft_memberships (id, organization_id, stakeholder_id, salesloft_person_id, cadence_id, status,
added_at,   salesloft_membership_id, currently_on_cadence, salesloft_updated_at, created_at)
SELECT gen_random_uuid(), 'org-' || n % 40, 'sth-' || n / 40 % 400, n, n / 40 % 5, 'active',
  now() - n * interval '1 second', n, true, now(), now()
FROM generate_series(1, 40000) AS n;
INSERT INTO activity_units (event_id, organization_id, stakeholder_id, source, source_id, metric, ordinal, person_id,
occurred_from,   occurred_to, noticed_at)
SELECT gen_random_uuid(), 'org-' || n % 40, 'sth-' || n / 40 % 100, 'email', n::text, 'email-sent', 1, 1,
  now() - n * interval '1 second', now() - n * interval '1 second', now()
FROM generate_series(1, 40000) AS n;
INSERT INTO evaluations (id, organization_id, customer_id, cause, event_id, event_type, business_key, correlation_id,
  decision_version, evaluated_at, facts, outcomes, digest)
SELECT gen_random_uuid(), 'org-' || n % 40, 'cus-' || n / 40 % 100, 'event', 'evt-' || n, 'a', 'b', 'c', 1,
  now() - n * interval '1 second', '{}',
  '[{"stakeholder_id": "sth-7", "outcome": "skip", "reason": "criteria_not_met"}]', ''
FROM generate_series(1, 40000) AS n;
INSERT INTO sync_ledger (organization_id, stream, cycle, started_at)
SELECT 'org-' || n % 40, 'emails', n, now() - n * interval '1 second' FROM generate_series(1, 40000) AS n;
INSERT INTO directory_stakeholders (organization_id, stakeholder_id, customer_id, data, as_of, as_of_offset,
  from_directory)
SELECT 'org-' || n % 40, 'sth-' || n / 40, 'cus-' || n / 40 % 100, '{"name": "Ann Lee"}', now(), n, true
FROM generate_series(0, 15999) AS n;
INSERT INTO directory_customers (organization_id, customer_id, data, as_of, as_of_offset, from_directory)
SELECT 'org-' || n % 40, 'cus-' || n / 40,
  json_build_object('name', 'Acme', 'owner', json_build_object('user_id', 'usr-' || n / 40 % 10)), now(), n, true
FROM generate_series(0, 15999) AS n;
INSERT INTO salesloft_people (organization_id, person_id, do_not_contact, contact_restrictions, bouncing,
  salesloft_updated_at, read_at)
SELECT organization_id, as_of_offset, false, '{}', false, now(), now() FROM directory_stakeholders;
INSERT INTO stakeholder_people (organization_id, stakeholder_id, person_id, linked_by, linked_at)
SELECT organization_id, stakeholder_id, as_of_offset, 'upsert', now() FROM directory_stakeholders;
INSERT INTO engagements (organization_id, stakeholder_id, customer_id, data, updated_at)
SELECT organization_id, stakeholder_id, customer_id, '{}', now() FROM directory_stakeholders;
INSERT INTO enrollment_history (enrollment_id, sequence, organization_id, to_state, actor_kind, changed_at)
SELECT id, 1, organization_id, 'requested', 'service', now() FROM enrollments;
INSERT INTO approval_decisions (organization_id, enrollment_id, event_id, event_source, verdict, request_digest,
  decided_by, decided_at, received_at)
SELECT organization_id, id, id::text, 'a', 'approved', 'd', 'usr-1', now(), now() FROM enrollments;
INSERT INTO steerings (organization_id, id, enrollment_id, action, asked_by, note, asked_at)
SELECT organization_id, id, id, 'pause', 'usr-1', '', now() FROM enrollments;
INSERT INTO commands (id, organization_id, kind, subject, enrollment_id, correlation_id, state, due_at, created_at)
SELECT id, organization_id, 'enroll', stakeholder_id, id, 'c', 'done', now(), now() FROM enrollments;
INSERT INTO audit_entries (id, organization_id, done_at, action, subject, actor, way)
SELECT id, organization_id, now(), 'enrollment.steered', 'enrollment/' || right(id::text, 2),
  'usr-' || right(id::text, 1), 'api' FROM enrollments;
INSERT INTO additions (enrollment_id, organization_id, asked_by_kind, asked_by, asked_at, addition, gates)
SELECT id, organization_id, 'user', 'usr-1', now(), '{}', '[]' FROM enrollments;
INSERT INTO ended_runs (organization_id, customer_id, event_id, outcome_type, ended_at)
SELECT 'org-' || n % 40, 'cus-' || n / 40 % 400, 'evt-' || n, 'renewed', now() FROM generate_series(0, 39999) AS n;
INSERT INTO stops (id, organization_id, scope, subject, reason, pauses_active, stopped_by, stopped_at)
SELECT gen_random_uuid(), 'org-' || n % 40, 'customer', n::text, 'a', false, 'usr-1', now()
FROM generate_series(1, 8000) AS n;
INSERT INTO suppressions (organization_id, kind, value, added_at)
SELECT 'org-' || n % 40, CASE n / 40 % 2 WHEN 0 THEN 'email' ELSE 'domain' END, n::text, now()
FROM generate_series(1, 20000) AS n;
INSERT INTO mapping_runs (id, organization_id, mapping_id, mapping_version, since, at_most, reason, started_by,
  started_at, ended_at, outcome)
SELECT gen_random_uuid(), 'org-' || n % 40, gen_random_uuid(), 1, now(), 1, 'a', 'usr-1',
  now() - n * interval '1 second', now(), 'complete'
FROM generate_series(1, 20000) AS n;
INSERT INTO mapping_changes (organization_id, mapping_id, version, change, changed_at)
SELECT organization_id, mapping_id, 1, 'published', now() FROM mapping_runs;
INSERT INTO organization_settings (organization_id, settings_version, settings, changed_at)
SELECT 'org-' || n % 40, n / 40, '{}', now() FROM generate_series(0, 19999) AS n;
INSERT INTO organizations (organization_id, created_at, updated_at)
SELECT 'more-' || n, now(), now() FROM generate_series(1, 4000) AS n;
INSERT INTO salesloft_connections (organization_id, team_id, status, status_since, credential_kind, connected_at)
SELECT organization_id, row_number() OVER (), 'connected', now(), 'api_key', now() FROM organizations;
INSERT INTO salesloft_budgets (organization_id, team_id, minute, cost_limit)
SELECT organization_id, team_id, now(), 600 FROM salesloft_connections;
INSERT INTO sync_streams (organization_id, stream, next_cycle_at)
SELECT organization_id, 'emails', now() FROM organizations;
INSERT INTO outbox (id, aggregatetype, aggregateid, type, topic, lane, headers, payload)
SELECT gen_random_uuid(), 'a', 'org-' || n % 40 || ':cus-1', 'a', 'a', 1, '', '' FROM generate_series(1, 40000) AS n;
ANALYZE;
"""


@pytest.fixture(scope="module")
async def dsn(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[str]:
    name = f"plans_{uuid4().hex}"
    dsn = await postgres_server.create_database(name, template=migrated_template)
    owner = await asyncpg.connect(dsn)
    await owner.execute(ROWS)
    # As autovacuum leaves what has been there for a while.
    await owner.execute("VACUUM (ANALYZE)")
    await owner.close()
    yield dsn
    await postgres_server.drop_database(name)


@pytest.fixture(scope="module")
async def full(dsn: str) -> AsyncIterator[Database]:
    async with Database.connected(DatabaseOptions(dsn=dsn, role="cscx_salesloft_api")) as database:
        yield database


class Explaining:
    """Takes the place of a connection, and explains what it is asked to fetch."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.plan = ""

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        rows = await self._connection.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {sql}", *values)
        self.plan = "\n".join(row[0] for row in rows)
        return []

    async def fetchval(self, sql: str, *values: Any) -> None:
        await self.fetch(sql, *values)


class ExplainingForAll(Explaining):
    """Explains the plan that is made for whatever values there may be, which Postgres takes where it is no worse."""

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        # By a statement of its own: values that come along with one are made use of, whatever plan is asked for.
        await self._connection.execute(f"SET LOCAL plan_cache_mode = force_generic_plan; PREPARE asked AS {sql}")
        given = f"({', '.join('NULL' for _ in values)})" if values else ""
        rows = await self._connection.fetch(f"EXPLAIN EXECUTE asked {given}")
        await self._connection.execute("DEALLOCATE asked")
        self.plan = "\n".join(row[0] for row in rows)
        return []


def of_big_tables_read_whole(plan: str) -> list[str]:
    return [table for table in BIG if re.search(rf"Seq Scan on {table}\b", plan)]


def is_read_by_index(plan: str) -> None:
    assert not of_big_tables_read_whole(plan), plan
    # Nothing like all of the organization's thousand rows, of a page of fifty.
    read = [int(rows) for rows in re.findall(r"Rows Removed by Filter: (\d+)", plan)]
    assert sum(read) < 900, plan


@pytest.mark.parametrize(("query", "asked"), ASKED)
async def test_a_list_reads_no_big_table_from_end_to_end(full: Database, query: str, asked: dict[str, Any]) -> None:
    async with full.organization_reading("org-7") as connection:
        explaining = Explaining(connection)
        await getattr(queries, query)(explaining, organization_id="org-7", **asked)
        for_all = ExplainingForAll(connection)
        await getattr(queries, query)(for_all, organization_id="org-7", **asked)
    is_read_by_index(explaining.plan)
    assert not of_big_tables_read_whole(for_all.plan), for_all.plan


@pytest.mark.parametrize(
    "asked",
    [
        ENROLLMENTS | {"trigger_type": "at-risk"},
        ENROLLMENTS | {"states": ["exited", "withdrawn"]},
        ENROLLMENTS | {"cadence_id": 9, "states": ["requested"], "before_id": BEYOND},
        ENROLLMENTS | {"by_hand": False},
        ENROLLMENTS | {"states": ["failed"], "reason": "no_reason", "segment": "enterprise", "since": NOW},
        ENROLLMENTS | {"by_hand": False, "without_reason": False, "since": NOW, "before_id": BEYOND},
    ],
)
async def test_of_enrollments_that_are_not_asked_for_the_index_alone_is_read(
    full: Database, asked: dict[str, Any]
) -> None:
    async with full.organization_reading("org-7") as connection:
        explaining = Explaining(connection)
        await queries.look_at_enrollments(explaining, organization_id="org-7", **asked)
    assert re.search(r"Index Only Scan( Backward)? using enrollments_(newest|came)", explaining.plan), explaining.plan
    assert "Heap Fetches: 0" in explaining.plan


@pytest.mark.parametrize("page", [{}, {"before_at": SOON, "before_id": BEYOND}])
async def test_of_a_cadence_no_more_stays_are_read_than_are_listed(full: Database, page: dict[str, Any]) -> None:
    async with full.organization_reading("org-7") as connection:
        for_all = ExplainingForAll(connection)
        await queries.look_at_memberships(
            for_all, organization_id="org-7", **(MEMBERSHIPS | {"cadence_id": 1, "on_cadence": True} | page)
        )
    assert "Index Scan Backward using salesloft_memberships_of_cadence" in for_all.plan, for_all.plan
    assert "Sort" not in for_all.plan


@pytest.mark.parametrize("page", [{}, {"before_at": SOON, "before_id": BEYOND, "before_place": 1}])
async def test_of_decisions_no_more_are_read_than_are_listed(full: Database, page: dict[str, Any]) -> None:
    async with full.organization_reading("org-7") as connection:
        explaining = Explaining(connection)
        await queries.look_at_decided(explaining, organization_id="org-7", **(LISTED | page))
        for_all = ExplainingForAll(connection)
        await queries.look_at_decided(for_all, organization_id="org-7", **(LISTED | page))
    # Nor, whatever the page's length, all whom the organization has because some of them are named.
    assert "Hash" not in for_all.plan, for_all.plan
    (read,) = re.findall(r"using evaluations_default_organization_id_evaluated_at_.*actual rows=(\d+)", explaining.plan)
    assert int(read) < 100, explaining.plan


async def test_the_feed_of_events_reads_the_outbox_from_where_it_is(dsn: str) -> None:
    """It is read for every organization at once, as the worker, whom nothing keeps from the others' rows."""
    async with Database.connected(DatabaseOptions(dsn=dsn)) as worker, worker.reading() as connection:
        explaining = Explaining(connection)
        await queries.outbox_between(
            explaining, after=39_900, until=40_000, topics=["a"], types=["a"], organization_ids=["org-7"], at_most=51
        )
    is_read_by_index(explaining.plan)


async def test_whether_a_page_may_ask_is_found_by_an_index(dsn: str) -> None:
    """It is asked by whoever likes, and before anybody is known, so of all organizations and as the worker."""
    async with Database.connected(DatabaseOptions(dsn=dsn)) as worker, worker.reading() as connection:
        explaining = Explaining(connection)
        await queries.is_embedding_origin(explaining, origin="https://app.cscx.example")
    assert "organizations_embedding_origins" in explaining.plan
    assert "Seq Scan" not in explaining.plan


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"customer_id": "cus-7"}, "enrollments_customer"),
        ({"stakeholder_id": "sth-7"}, "enrollments_stakeholder"),
        ({}, "enrollments_newest"),
    ],
)
async def test_a_plan_for_all_values_is_one_for_the_filters_that_are_given(
    full: Database, asked: dict[str, Any], index: str
) -> None:
    async with full.organization_reading("org-7") as connection:
        for_all = ExplainingForAll(connection)
        await queries.look_at_enrollments(for_all, organization_id="org-7", **ENROLLMENTS | asked)
    assert index in for_all.plan, for_all.plan


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("look_at_enrollments", ENROLLMENTS | {"stakeholder_id": "sth-7"}),
        ("look_at_enrollments", ENROLLMENTS),
        ("look_at_memberships", MEMBERSHIPS | {"stakeholder_id": "sth-7"}),
        ("look_at_memberships", MEMBERSHIPS),
        ("look_at_activity", ACTIVITY),
        ("look_at_evaluations", EVALUATIONS | {"customer_ids": ["cus-7"]}),
        ("look_at_people", {"stakeholder_ids": ["sth-7"]}),
        ("look_at_ended", {"stakeholder_ids": ["sth-7"]}),
        ("read_timeline", TIMELINE | {"stakeholder_id": "sth-7"}),
    ],
)
async def test_a_page_of_one_of_them_is_not_planned_anew_each_time(
    full: Database, query: str, asked: dict[str, Any]
) -> None:
    """Planning some of them takes Postgres longer than reading what they ask for."""
    async with full.organization_reading("org-7") as connection:
        planned = await connection.fetchval("SELECT coalesce(sum(generic_plans), 0) FROM pg_prepared_statements")
        for _ in range(7):
            await getattr(queries, query)(connection, organization_id="org-7", **asked)
        now = await connection.fetchval("SELECT sum(generic_plans) FROM pg_prepared_statements")
    assert now > planned + 1


@pytest.mark.parametrize(
    "asked",
    [
        [
            looking.enrollments("org-7", Filters(stakeholder_id="sth-7", states=["paused", "x"]), limit=2000, now=NOW),
            looking.memberships("org-7", stakeholder_id="sth-7", on_cadence=True, limit=2000),
            looking.ended("org-7", ["sth-7"]),
            looking.outcomes("org-7", About(stakeholder_id="sth-7"), limit=5),
            looking.people("org-7", ["sth-7"]),
            timeline.before("org-7", None, stakeholder_id="sth-7", limit=21),
            looking.freshness("org-7"),
        ],
        [looking.activity("org-7", ["sth-7"], UnitFilters(), limit=51), looking.freshness("org-7")],
        [timeline.before("org-7", None, stakeholder_id="sth-7", limit=51), looking.freshness("org-7")],
    ],
)
async def test_what_is_asked_together_is_read_by_index_and_planned_once(
    full: Database, asked: list[Question[Any]]
) -> None:
    async with full.organization_reading("org-7") as connection:
        for _ in range(7):
            await answer(connection, *asked)
        (statement,) = await connection.fetch(
            "SELECT statement, generic_plans FROM pg_prepared_statements "
            "WHERE statement LIKE 'SELECT ARRAY(%' ORDER BY prepare_time DESC LIMIT 1"
        )
        explaining, for_all = Explaining(connection), ExplainingForAll(connection)
        values = [value for question in asked for value in question.values]
        await explaining.fetch(statement["statement"], *values)
        await for_all.fetch(statement["statement"], *values)
    assert statement["generic_plans"] > 1
    is_read_by_index(explaining.plan)
    assert not of_big_tables_read_whole(for_all.plan), for_all.plan

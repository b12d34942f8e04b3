"""Every metric of the service: its name, its labels, what it means and what to do when it moves.

Where OpenTelemetry's semantic conventions have a name (``messaging.*``, ``http.*``) it is used, as Prometheus spells
it; all others begin with ``cscx_salesloft_``. Units are seconds and records. The help text of each ends with *Action*,
which is what a person who was paged should do first.

Labels come from closed or configured sets: topics, reasons, path templates, kinds. No metric carries an organization, a
customer or a person. Two carry a team (:data:`SALESLOFT_BUDGET_REMAINING`, :data:`SALESLOFT_BUDGET_OTHERS`), because a
budget belongs to a team and a sum of budgets tells nothing; their series are as many as teams are connected, and
:func:`forget_team` ends them at disconnect. Two carry a partition, because a stuck partition hides in its topic's sum;
:func:`forget_partition` ends one at revoke.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase

__all__ = [
    "APPROVAL_TO_MEMBERSHIP",
    "BATCH_DURATION",
    "BATCH_RECORDS",
    "BREAKERS_OPEN",
    "BUILD",
    "COMMANDS",
    "COMMAND_DURATION",
    "COMMAND_OLDEST_AGE",
    "CONNECTIONS",
    "CONSUMED",
    "CONSUMER_COMMITTED_AGE",
    "CONSUMER_HELD",
    "CONSUMER_LAG",
    "DATABASE_POOL_USED",
    "DATABASE_RETRIES",
    "DEAD_LETTERS",
    "DECISIONS",
    "DECISIONS_REMADE",
    "ENROLLMENT_TRANSITIONS",
    "EVENT_STREAMS",
    "EVENT_STREAMS_ENDED",
    "EXECUTIONS_CHECKED",
    "HTTP_SERVER_DURATION",
    "OUTBOX_BACKLOG",
    "OUTBOX_FAILURES",
    "OUTBOX_OLDEST_AGE",
    "POLL_CYCLE_DURATION",
    "POLL_EMITTED",
    "POLL_OWED",
    "POLL_PAGES",
    "POLL_ROWS",
    "PUBLISHED",
    "READY",
    "RECONCILE_FOUND",
    "REGISTRY",
    "SALESLOFT_BUDGET_LEASES",
    "SALESLOFT_BUDGET_OTHERS",
    "SALESLOFT_BUDGET_REMAINING",
    "SALESLOFT_CALL_DURATION",
    "SALESLOFT_COST",
    "SALESLOFT_LANE_COST",
    "SALESLOFT_THROTTLES",
    "WEBHOOKS",
    "all_metrics",
    "announce_build",
    "exposition",
    "forget_partition",
    "forget_team",
]

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Around what is promised: one second beyond Salesloft's own time, five as the contract.
_PROMISED: Final = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_CYCLE: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)

# --- Bus in -----------------------------------------------------------------------------------------------------------

CONSUMED: Final = Counter(
    "messaging_client_consumed_messages",
    "Records taken from a topic, by what became of them (outcome: processed, duplicate, stale, dead_lettered, "
    "ignored). "
    "Action: zero while lag grows means a stuck consumer, see cscx_salesloft_consumer_committed_age_seconds; many "
    "duplicates "
    "mean commits are lost, look for rebalances.",
    ["messaging_destination_name", "outcome"],
    registry=REGISTRY,
)
BATCH_RECORDS: Final = Histogram(
    "cscx_salesloft_batch_records",
    "Records in one consumed batch, that is in one transaction. "
    "Action: always at the maximum means the consumer is behind, add a process up to the number of partitions.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500),
    registry=REGISTRY,
)
BATCH_DURATION: Final = Histogram(
    "messaging_process_duration_seconds",
    "Seconds from a batch's first record in hand to its transaction committed. "
    "Action: a rise without larger batches is Postgres: look at cscx_salesloft_database_retries_total, locks and disk.",
    ["messaging_destination_name"],
    buckets=_FAST,
    registry=REGISTRY,
)
CONSUMER_LAG: Final = Gauge(
    "cscx_salesloft_consumer_lag_records",
    "Records between the committed position and the end of a partition that this process holds. "
    "Action: growing in all partitions means too few processes, in one means one noisy organization or a stuck "
    "partition.",
    ["messaging_destination_name", "partition"],
    registry=REGISTRY,
)
CONSUMER_COMMITTED_AGE: Final = Gauge(
    "cscx_salesloft_consumer_committed_age_seconds",
    "Seconds for which a partition's committed position has not moved although records wait; 0 when nothing waits. "
    "Action: beyond a minute read the log for this topic; the process dumps its stacks and exits by itself when stuck.",
    ["messaging_destination_name", "partition"],
    registry=REGISTRY,
)
CONSUMER_HELD: Final = Gauge(
    "cscx_salesloft_consumer_held_partitions",
    "Partitions that this process does not read on until a person has looked, by cause (breaker: records of several "
    "organizations failed in a row; outside_log: the committed position is outside the log; dead_letter_refused: its "
    "dead letter cannot be written). "
    "Action: the readiness page and the log name the partition and the offset; fix the cause, then restart or reset.",
    ["messaging_destination_name", "cause"],
    registry=REGISTRY,
)
DEAD_LETTERS: Final = Counter(
    "cscx_salesloft_dead_letters",
    "Records put aside with their reason, by topic, stage (decode, validate, decide, apply) and error code. "
    "Action: read the newest dead letter's x-dlq-error-message; fix its producer or ours, then plan a redrive.",
    ["messaging_destination_name", "stage", "code"],
    registry=REGISTRY,
)

# --- Deciding and enrolling -------------------------------------------------------------------------------------------

DECISIONS: Final = Counter(
    "cscx_salesloft_decisions",
    "Decisions about candidate stakeholders, by outcome (request, defer, skip) and reason code. "
    "Action: a jump of one reason after a mapping was published points to that mapping, preview and roll it back.",
    ["outcome", "reason"],
    registry=REGISTRY,
)
DECISIONS_REMADE: Final = Counter(
    "cscx_salesloft_decisions_remade",
    "Decisions of the day before that were made again from what was stored, nightly, by outcome (same, different). "
    "Action: any that is different is a fault in deciding; `cscx-salesloft figures` names it, `explain` shows it.",
    ["outcome"],
    registry=REGISTRY,
)
EXECUTIONS_CHECKED: Final = Counter(
    "cscx_salesloft_executions_checked",
    "Enrollments of the day before held against what was approved, nightly: as_approved, or what differs (cadence, "
    "start_step, sender, date, exit). "
    "Action: `cscx-salesloft figures` names the enrollments; look in Salesloft who changed them.",
    ["outcome"],
    registry=REGISTRY,
)
ENROLLMENT_TRANSITIONS: Final = Counter(
    "cscx_salesloft_enrollment_transitions",
    "Changes of an enrollment's state, by both states. "
    "Action: rising into failed or unknown means Salesloft refuses or times out, see "
    "http_client_request_duration_seconds; "
    "rising into expired means nobody approves in time.",
    ["from_state", "to_state"],
    registry=REGISTRY,
)
APPROVAL_TO_MEMBERSHIP: Final = Histogram(
    "cscx_salesloft_approval_to_membership_seconds",
    "Seconds from an approval consumed to its membership created, for work that had not to wait for a date or a quota. "
    "Action: p99 above 5 breaks the promise: compare with Salesloft's own times, then with the budget that remains.",
    buckets=_PROMISED,
    registry=REGISTRY,
)

# --- Commands ---------------------------------------------------------------------------------------------------------

COMMANDS: Final = Counter(
    "cscx_salesloft_commands",
    "Stored commands carried out, by kind (enroll, remove, sync_person, ...) and outcome "
    "(done, retried, parked, refused, unknown). "
    "Action: unknown settles by reading back within a minute; if it stays, Salesloft is failing. Refused is explained "
    "on the "
    "enrollment.",
    ["kind", "outcome"],
    registry=REGISTRY,
)
COMMAND_DURATION: Final = Histogram(
    "cscx_salesloft_command_duration_seconds",
    "Seconds from a command being due to it being settled, waiting included. "
    "Action: high while the budget is spent is queueing, and each waiting enrollment says when it is expected; high "
    "with "
    "budget left means too few fulfilling processes.",
    ["kind"],
    buckets=_PROMISED,
    registry=REGISTRY,
)
COMMAND_OLDEST_AGE: Final = Gauge(
    "cscx_salesloft_command_oldest_age_seconds",
    "Age of the oldest command that is due and not settled; 0 when there is none. "
    "Action: growing for one kind: read its last error on the command; growing for all: is a fulfilling process "
    "running?",
    ["kind"],
    registry=REGISTRY,
)

# --- Bus out ----------------------------------------------------------------------------------------------------------

PUBLISHED: Final = Counter(
    "messaging_client_sent_messages",
    "Outbox rows that Kafka acknowledged, by topic. "
    "Action: zero while cscx_salesloft_outbox_backlog_rows grows means that no relay runs or Kafka is away.",
    ["messaging_destination_name"],
    registry=REGISTRY,
)
OUTBOX_BACKLOG: Final = Gauge(
    "cscx_salesloft_outbox_backlog_rows",
    "Outbox rows not yet published. "
    "Action: growing with failures is Kafka, growing without is too few relays or a lane whose first row fails.",
    registry=REGISTRY,
)
OUTBOX_OLDEST_AGE: Final = Gauge(
    "cscx_salesloft_outbox_oldest_age_seconds",
    "Age of the oldest outbox row not yet published; 0 when there is none. "
    "Action: old with a small backlog is one key stopped at a failing row: read its last error.",
    registry=REGISTRY,
)
OUTBOX_FAILURES: Final = Counter(
    "cscx_salesloft_outbox_failures",
    "Publications that failed or timed out, by topic and error; each is tried again under the same event id. "
    "Action: a missing topic or a denied write needs the broker's owner; time-outs end with the broker's trouble.",
    ["messaging_destination_name", "error_type"],
    registry=REGISTRY,
)

# --- Salesloft --------------------------------------------------------------------------------------------------------

SALESLOFT_CALL_DURATION: Final = Histogram(
    "http_client_request_duration_seconds",
    "Seconds of each call to Salesloft, by path template and status ('error' when no answer came). "
    "Action: 401 points to a connection, 403 to a scope, 422 to data (see the enrollments), 5xx and error to "
    "Salesloft.",
    ["http_request_method", "url_template", "http_response_status_code"],
    buckets=_FAST,
    registry=REGISTRY,
)
SALESLOFT_COST: Final = Counter(
    "cscx_salesloft_call_cost",
    "Rate-limit cost that Salesloft charged for our calls, by path template. "
    "Action: one path rising means deep pages or a loop: compare with cscx_salesloft_poll_pages_total.",
    ["url_template"],
    registry=REGISTRY,
)
SALESLOFT_BUDGET_REMAINING: Final = Gauge(
    "cscx_salesloft_budget_remaining_cost",
    "What Salesloft last said a team has left in this minute, all its integrations together. "
    "Action: near 0 while our own cost is low means that another integration of that team spends it: tell the "
    "customer.",
    ["team_id"],
    registry=REGISTRY,
)
SALESLOFT_BUDGET_OTHERS: Final = Gauge(
    "cscx_salesloft_budget_others_cost",
    "What other integrations of a team have surely spent of this minute, as far as our own calls have shown it. "
    "Action: near the limit less our reserves, our polls and backfills are slow: ask the customer what it is for.",
    ["team_id"],
    registry=REGISTRY,
)
SALESLOFT_LANE_COST: Final = Counter(
    "cscx_salesloft_lane_cost",
    "Rate-limit cost that Salesloft charged for our calls, by lane (interactive, enrollment, poll, backfill). "
    "Action: enrollments that wait while poll or backfill rises mean that their reserve is too small.",
    ["lane"],
    registry=REGISTRY,
)
SALESLOFT_BUDGET_LEASES: Final = Counter(
    "cscx_salesloft_budget_leases",
    "Times that a process asked a team's ledger for cost, by outcome (granted, denied, unavailable). "
    "Action: unavailable means that Postgres is away or slow, and that each process spends a careful share instead.",
    ["outcome"],
    registry=REGISTRY,
)
SALESLOFT_THROTTLES: Final = Counter(
    "cscx_salesloft_throttles",
    "Calls that waited or were parked, by reason (budget, reserve, stopped, too_many_requests). Stopped are those that "
    "another call's 429 keeps back. "
    "Action: too_many_requests should be rare; when it is not, lower our share of the team's budget.",
    ["reason"],
    registry=REGISTRY,
)
BREAKERS_OPEN: Final = Gauge(
    "cscx_salesloft_breakers_open",
    "Teams to which no call is made just now, because their calls kept failing. "
    "Action: one is that team's trouble (the log names it), all at once is Salesloft's or our network's.",
    registry=REGISTRY,
)
CONNECTIONS: Final = Gauge(
    "cscx_salesloft_connections",
    "Connections to Salesloft teams, by state (connected, needs_reauthorization, disconnected). "
    "Action: needs_reauthorization waits for that organization's admin, who has been asked by an event.",
    ["state"],
    registry=REGISTRY,
)
WEBHOOKS: Final = Counter(
    "cscx_salesloft_webhooks",
    "Webhook deliveries, by outcome (accepted, bad_signature, unknown_team, unreadable). "
    "Action: bad_signature after a reconnect means a subscription with the former secret: create it anew.",
    ["outcome"],
    registry=REGISTRY,
)

# --- Activity sync ----------------------------------------------------------------------------------------------------

POLL_PAGES: Final = Counter(
    "cscx_salesloft_poll_pages",
    "Pages read from Salesloft, by stream. "
    "Action: much more than rows / 100 plus one a cycle means that pages are read twice: look at the stream's cursor.",
    ["stream"],
    registry=REGISTRY,
)
POLL_ROWS: Final = Counter(
    "cscx_salesloft_poll_rows",
    "Rows read from Salesloft, by stream. Action: none for hours on a busy team means a cursor ahead of its rows.",
    ["stream"],
    registry=REGISTRY,
)
POLL_EMITTED: Final = Counter(
    "cscx_salesloft_poll_emitted_units",
    "Units (a send, an open, a completed step, ...) emitted as events, by stream. "
    "Action: none while rows are read means that people are not linked: see out_of_scope in the sync checkpoints.",
    ["stream"],
    registry=REGISTRY,
)
POLL_OWED: Final = Gauge(
    "cscx_salesloft_poll_owed_units",
    "Units of records that could not be taken in and are read again, by stream, of all organizations together. "
    "Action: anything but 0 for hours is a record that stays broken: the table owed_records names it and says why.",
    ["stream"],
    registry=REGISTRY,
)
RECONCILE_FOUND: Final = Counter(
    "cscx_salesloft_reconcile_found",
    "What the nightly comparison with Salesloft found, by what it is (hole, deletion, not_believed) and by stream. "
    "Action: holes should be none: look for records that Salesloft commits later than the cursors wait. "
    "Many deletions, or any not_believed, may be a credential that no longer sees all of its team.",
    ["found", "stream"],
    registry=REGISTRY,
)
POLL_CYCLE_DURATION: Final = Histogram(
    "cscx_salesloft_poll_cycle_duration_seconds",
    "Seconds that one cycle of one stream and team took. "
    "Action: near the poll interval means too little budget for this team's changes: ask for a larger share.",
    ["stream"],
    buckets=_CYCLE,
    registry=REGISTRY,
)

# --- The process ------------------------------------------------------------------------------------------------------

DATABASE_RETRIES: Final = Counter(
    "cscx_salesloft_database_retries",
    "Transactions run again, by reason (deadlock, serialization, connection). "
    "Action: deadlocks mean locks taken out of order, a defect: report it with the log's two statements.",
    ["reason"],
    registry=REGISTRY,
)
DATABASE_POOL_USED: Final = Gauge(
    "cscx_salesloft_database_pool_used_connections",
    "Connections to Postgres in use. Action: at the pool's size for minutes, look for one long statement.",
    registry=REGISTRY,
)
READY: Final = Gauge(
    "cscx_salesloft_part_ready",
    "1 when a part of the process can do its work, 0 when it cannot, by part. "
    "Action: the readiness page says why; a neighbour that is away comes back without a restart.",
    ["part"],
    registry=REGISTRY,
)
EVENT_STREAMS: Final = Gauge(
    "cscx_salesloft_event_streams",
    "Streams of events that are open in this process, of 500 at most. "
    "Action: near the bound callers are answered 503: add a process with the role api, or find who opens them.",
    registry=REGISTRY,
)
EVENT_STREAMS_ENDED: Final = Counter(
    "cscx_salesloft_event_streams_ended",
    "Streams of events that this process ended, by why: token_expired, stopping, too_slow, storage_unavailable. "
    "Action: too_slow readers do not keep up with their organization, find them in the log; the others come back.",
    ["reason"],
    registry=REGISTRY,
)
HTTP_SERVER_DURATION: Final = Histogram(
    "http_server_request_duration_seconds",
    "Seconds of each request to our HTTP API, by route and status; of a stream until it began. "
    "Action: 5xx is ours, find its correlation id in the log; slow reads are the database.",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=_FAST,
    registry=REGISTRY,
)
BUILD: Final = Info(
    "cscx_salesloft_build",
    "Which version and which revision of its source runs. Action: several versions for longer than a rollout takes "
    "means that a rollout hangs.",
    registry=REGISTRY,
)


def announce_build(*, version: str, revision: str) -> None:
    """Says which version and which revision of its source this process runs."""
    BUILD.info({"version": version, "revision": revision})


def forget_partition(topic: str, partition: int) -> None:
    """Ends a revoked partition's series: another process shows it from now on."""
    for gauge in (CONSUMER_LAG, CONSUMER_COMMITTED_AGE):
        gauge.remove(topic, partition)


def forget_team(team_id: int) -> None:
    """Ends a disconnected team's series."""
    for gauge in (SALESLOFT_BUDGET_REMAINING, SALESLOFT_BUDGET_OTHERS):
        gauge.remove(team_id)


def all_metrics() -> Iterator[MetricWrapperBase]:
    """Every metric that this module defines."""
    return (value for value in globals().values() if isinstance(value, MetricWrapperBase))


def exposition() -> tuple[bytes, str]:
    """What a scrape gets: the body and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST

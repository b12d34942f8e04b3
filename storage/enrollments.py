"""Enrollments, their history, the decisions on them, and the runs they use up."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from enrollment.decide import RunKey
from schemas.vocabulary import ActorKind, EnrollmentState, Purpose, TriggerType
from storage.directory import CustomerKey, StakeholderKey
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "ApprovedTerms",
    "DecisionRow",
    "Enrollment",
    "HistoryRow",
    "Move",
    "NewEnrollment",
    "Runs",
    "add",
    "add_decisions",
    "add_history",
    "customers_of",
    "expirable",
    "is_run_used",
    "keep_ends",
    "lock",
    "lock_open_of",
    "move",
    "read_runs",
    "record_decisions",
    "record_request",
    "show",
]


@dataclass(slots=True, kw_only=True)
class NewEnrollment:
    """An enrollment in state requested; `request` is the approval request's JSON, `team_id` whose the ids are."""

    id: UUID
    organization_id: str
    customer_id: str
    stakeholder_id: str
    trigger_type: TriggerType | None
    exclusivity_group: str
    business_key: str | None
    event_id: str | None
    event_time: datetime | None
    evaluation_id: UUID | None
    correlation_id: str
    mapping_id: UUID | None
    mapping_version: int | None
    cadence_id: int
    request: str
    request_digest: str
    expires_at: datetime
    execute_by: datetime
    start_on: date
    start_step_id: int
    sender_user_id: int
    team_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """An enrollment as it stands."""

    id: UUID
    organization_id: str
    customer_id: str
    stakeholder_id: str
    state: EnrollmentState
    sequence: int
    trigger_type: TriggerType | None
    exclusivity_group: str
    business_key: str | None
    event_id: str | None
    event_time: datetime | None
    evaluation_id: UUID | None
    created_at: datetime
    correlation_id: str
    mapping_id: UUID | None
    mapping_version: int | None
    cadence_id: int
    cadence_name: str | None
    purpose: Purpose | None
    request: str
    request_digest: str
    requested_at: datetime
    requested_by_user: str | None
    expires_at: datetime
    execute_by: datetime
    decision: str | None
    start_on: date
    start_step_id: int
    sender_user_id: int
    pending_end: str | None
    salesloft_person_id: int | None
    membership_id: UUID | None
    intended_at: datetime | None
    reason: str | None
    expected_at: datetime | None
    changed_sender_user_id: int | None
    is_upsell: bool
    team_id: int | None

    def is_of(self, team_id: int | None) -> bool:
        """Whether its ids of Salesloft mean something in a team. What was asked before teams were noted is any's."""
        return self.team_id is None or self.team_id == team_id

    @property
    def sends_user_id(self) -> int:
        """Salesloft's id of who sends: whom somebody has named since, else who was approved."""
        return self.changed_sender_user_id or self.sender_user_id


@dataclass(frozen=True, slots=True)
class Move:
    """An enrollment's new state; `sequence` orders its events, `expected_at` is when waiting work will be done."""

    id: UUID
    state: EnrollmentState
    sequence: int
    reason: str | None
    expected_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """Who changed an enrollment, why and how; `detail` is JSON."""

    enrollment_id: UUID
    sequence: int
    organization_id: str
    from_state: EnrollmentState | None
    to_state: EnrollmentState
    reason: str | None
    actor_kind: str
    actor_user_id: str | None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovedTerms:
    """What a decision makes of a request: its JSON, and the terms as an approver may have changed them."""

    id: UUID
    decision: str
    start_on: date
    start_step_id: int
    sender_user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """A decision that arrived; `ignored_because` is None of the one that counted."""

    organization_id: str
    enrollment_id: UUID
    event_id: str
    event_source: str
    verdict: str
    request_digest: str
    decided_by: str
    decided_at: datetime
    ignored_because: str | None


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of an organization's stakeholders, by stakeholder, and who is on which cadence by our doing."""

    states: dict[str, dict[RunKey, EnrollmentState]]
    on_cadence: set[tuple[str, int]]


_ON_CADENCE = frozenset({"enrolling", "unknown", "enrolled", "paused"})


async def read_runs(connection: Connection, stakeholders: Collection[StakeholderKey]) -> dict[str, Runs]:
    """The runs of some stakeholders, each named once, by organization. Expired and withdrawn ones have released theirs.

    A run is the stakeholder's: whoever has come from another customer has used up there what they used up.
    """
    found: dict[str, Runs] = {organization_id: Runs({}, set()) for organization_id, _ in stakeholders}
    rows = await queries.read_runs(connection, stakeholders=list(stakeholders)) if found else ()
    for row in rows:
        runs = found[row["organization_id"]]
        if row["trigger_type"] is not None:
            run = (TriggerType(row["trigger_type"]), row["exclusivity_group"], row["business_key"])
            runs.states.setdefault(row["stakeholder_id"], {})[run] = EnrollmentState(row["state"])
        if row["state"] in _ON_CADENCE:
            runs.on_cadence.add((row["stakeholder_id"], row["cadence_id"]))
    return found


async def add(connection: Connection, enrollments: Sequence[NewEnrollment], now: datetime) -> None:
    """Store new enrollments and begin their history.

    ConcurrentChange where a run is in use: by another customer's event of this very moment, for the locks of the
    customers prevent any other.
    """
    teams = {e.organization_id: e.team_id for e in enrollments}
    await queries.add_enrollments(
        connection,
        now=now,
        actor_kind=ActorKind.SERVICE,
        enrollments=[_NEW_COLUMNS(e) for e in enrollments],
        organization_ids=list(teams),
        team_ids=list(teams.values()),
    )


async def lock(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Enrollment]:
    """Lock some enrollments until the commit. Their customers are locked before, by whoever locks more than one."""
    rows = await queries.read_enrollments(connection, ids=list(ids))
    return {row["id"]: _enrollment(row) for row in rows}


async def show(connection: Connection, organization_id: str, ids: Collection[UUID]) -> dict[UUID, Enrollment]:
    """Some of an organization's enrollments as they stand, which may change at any moment."""
    rows = await queries.show_enrollments(connection, organization_id=organization_id, ids=list(ids))
    return {enrollment.id: enrollment for enrollment in map(_enrollment, rows)}


async def lock_open_of(connection: Connection, customers: Collection[CustomerKey]) -> list[Enrollment]:
    """Lock some customers' enrollments that are not over."""
    rows = await queries.read_open_enrollments_of_customers(connection, customers=list(customers))
    return [_enrollment(row) for row in rows]


async def is_run_used(connection: Connection, enrollment: Enrollment, group: str) -> bool:
    """Whether another enrollment uses up the run of this one in a group."""
    used: bool = await queries.is_run_used(connection, enrollment_id=enrollment.id, exclusivity_group=group)
    return used


async def customers_of(connection: Connection, stakeholders: Collection[StakeholderKey]) -> set[CustomerKey]:
    """Whose enrollments some stakeholders had, and whose they were themselves before or were named by."""
    rows = await queries.customers_of_enrollments(connection, stakeholders=list(stakeholders)) if stakeholders else ()
    return {(row["organization_id"], row["customer_id"]) for row in rows}


async def move(connection: Connection, moves: Sequence[Move], now: datetime) -> None:
    """Change states; each enrollment at most once in a call."""
    await queries.move_enrollments(
        connection,
        now=now,
        ids=[m.id for m in moves],
        states=[m.state for m in moves],
        sequences=[m.sequence for m in moves],
        reasons=[m.reason for m in moves],
        expected_at=[m.expected_at for m in moves],
    )


async def add_history(connection: Connection, rows: Sequence[HistoryRow], changed_at: datetime) -> None:
    """One row for each change."""
    await queries.add_history(
        connection,
        changed_at=changed_at,
        enrollment_ids=[row.enrollment_id for row in rows],
        sequences=[row.sequence for row in rows],
        organization_ids=[row.organization_id for row in rows],
        from_states=[row.from_state for row in rows],
        to_states=[row.to_state for row in rows],
        reasons=[row.reason for row in rows],
        actor_kinds=[row.actor_kind for row in rows],
        actor_user_ids=[row.actor_user_id for row in rows],
        details=[row.detail for row in rows],
    )


async def keep_ends(connection: Connection, ends: Sequence[tuple[UUID, str]], now: datetime) -> None:
    """Note the ends of enrollments whose call is open, with their reasons."""
    await queries.keep_ends(connection, now=now, ids=[id_ for id_, _ in ends], reasons=[reason for _, reason in ends])


async def record_decisions(connection: Connection, terms: Sequence[ApprovedTerms]) -> None:
    """Keep the decisions that counted, and the terms as they are then."""
    await queries.record_decisions(
        connection,
        ids=[t.id for t in terms],
        decisions=[t.decision for t in terms],
        start_on=[t.start_on for t in terms],
        start_step_ids=[t.start_step_id for t in terms],
        sender_user_ids=[t.sender_user_id for t in terms],
    )


async def record_request(connection: Connection, renewed: NewEnrollment, requested_at: datetime) -> None:
    """Put a new request in the place of the one that became stale."""
    await queries.record_request(
        connection,
        id=renewed.id,
        request=renewed.request,
        request_digest=renewed.request_digest,
        requested_at=requested_at,
        expires_at=renewed.expires_at,
        execute_by=renewed.execute_by,
        start_on=renewed.start_on,
        start_step_id=renewed.start_step_id,
        sender_user_id=renewed.sender_user_id,
        cadence_id=renewed.cadence_id,
        mapping_id=renewed.mapping_id,
        mapping_version=renewed.mapping_version,
        exclusivity_group=renewed.exclusivity_group,
        team_id=renewed.team_id,
    )


async def add_decisions(connection: Connection, decisions: Sequence[DecisionRow], now: datetime) -> None:
    """Keep decisions that arrived."""
    await queries.add_decisions(
        connection,
        now=now,
        organization_ids=[d.organization_id for d in decisions],
        enrollment_ids=[d.enrollment_id for d in decisions],
        event_ids=[d.event_id for d in decisions],
        event_sources=[d.event_source for d in decisions],
        verdicts=[d.verdict for d in decisions],
        request_digests=[d.request_digest for d in decisions],
        decided_by=[d.decided_by for d in decisions],
        decided_at=[d.decided_at for d in decisions],
        ignored_because=[d.ignored_because for d in decisions],
    )


async def expirable(
    connection: Connection, *, topic: str, partitions: int, limit: int
) -> list[tuple[CustomerKey, UUID]]:
    """Requests past their expiry, of a decisions topic that has been read up to there in all its partitions."""
    rows = await queries.expirable_enrollments(connection, topic=topic, partitions=partitions, limit=limit)
    return [((row["organization_id"], row["customer_id"]), row["id"]) for row in rows]


def _enrollment(row: Any) -> Enrollment:
    values = {name: row[name] for name in _COLUMNS}
    for name in _UUIDS:
        values[name] = plain_uuid(row[name]) if row[name] is not None else None
    values["state"] = EnrollmentState(row["state"])
    values["trigger_type"] = TriggerType(row["trigger_type"]) if row["trigger_type"] is not None else None
    values["purpose"] = Purpose(row["purpose"]) if row["purpose"] is not None else None
    return Enrollment(**values)


# As the database's type of a new enrollment has them; an organization's team goes beside it.
_NEW_COLUMNS = attrgetter(*(name for name in NewEnrollment.__dataclass_fields__ if name != "team_id"))
_UUIDS = ("id", "evaluation_id", "mapping_id", "membership_id")
_COLUMNS = tuple(Enrollment.__dataclass_fields__)

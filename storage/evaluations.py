"""What was decided, on which facts; the triggers that wait for a late fact; and what outcomes have ended."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from uuid import UUID

import orjson

from schemas.vocabulary import OutcomeType, TriggerType
from storage.directory import CustomerKey
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "Deferral",
    "EndedRun",
    "Episode",
    "Evaluation",
    "Hold",
    "add",
    "add_ended_runs",
    "churned",
    "close_deferrals",
    "customers_to_decide_again",
    "deferrals_of",
    "end_episodes",
    "ended_runs_of",
    "holds_of",
    "open_episodes",
    "open_episodes_of",
    "put_deferrals",
    "put_off",
    "trigger_of",
]


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """One evaluation of a trigger; `facts` and `outcomes` are JSON, and `cause` is its column's.

    `digest` is of the outcomes: decided again from the same facts, they give the same.
    """

    id: UUID
    organization_id: str
    customer_id: str
    cause: str
    event_id: str
    event_type: str
    business_key: str
    correlation_id: str
    decision_version: int
    facts: str
    outcomes: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """A trigger that is decided again until its window ends.

    `data` is the event's JSON as it came, and `stakeholder_ids` are those whom it speaks of.

    `wake_at` is when it is decided again, unless the organization moves on from `decision_version` before.
    """

    organization_id: str
    customer_id: str
    event_id: str
    event_source: str
    event_type: str
    event_time: datetime
    business_key: str
    correlation_id: str
    data: bytes
    stakeholder_ids: Sequence[str]
    reasons: Sequence[str]
    deferred_until: datetime
    wake_at: datetime
    decision_version: int

    @property
    def customer(self) -> CustomerKey:
        """Whose trigger it is."""
        return (self.organization_id, self.customer_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """What an outcome ends; a None means all of them."""

    organization_id: str
    customer_id: str
    event_id: str
    outcome_type: OutcomeType
    trigger_type: TriggerType | None
    business_key: str | None
    stakeholder_id: str | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Episode:
    """A customer's episode of risk and how long it holds what is less urgent."""

    customer: CustomerKey
    episode_id: str
    opened_at: datetime
    holds_until: datetime


@dataclass(slots=True)
class Hold:
    """How long a customer's episodes of risk hold.

    `open_until` is set while one is open, `ends_at` is when the last one ends or ended.
    """

    open_until: datetime | None
    ends_at: datetime


_COLUMNS = attrgetter(*Evaluation.__dataclass_fields__)


async def add(connection: Connection, evaluations: Sequence[Evaluation], evaluated_at: datetime) -> None:
    """Store evaluations, all of one instant."""
    await queries.add_evaluations(
        connection, evaluated_at=evaluated_at, evaluations=[_COLUMNS(evaluation) for evaluation in evaluations]
    )


async def trigger_of(connection: Connection, evaluation_id: UUID | None, evaluated_at: datetime) -> str | None:
    """The JSON of the trigger that an evaluation decided; None where it was erased or there was none."""
    told: str | None = await queries.read_evaluated_trigger(connection, id=evaluation_id, evaluated_at=evaluated_at)
    return told


async def put_deferrals(connection: Connection, deferrals: Sequence[Deferral], now: datetime) -> None:
    """Keep triggers to decide again."""
    await queries.put_deferrals(
        connection,
        now=now,
        organization_ids=[d.organization_id for d in deferrals],
        customer_ids=[d.customer_id for d in deferrals],
        event_ids=[d.event_id for d in deferrals],
        event_sources=[d.event_source for d in deferrals],
        event_types=[d.event_type for d in deferrals],
        event_times=[d.event_time for d in deferrals],
        business_keys=[d.business_key for d in deferrals],
        correlation_ids=[d.correlation_id for d in deferrals],
        data=[d.data for d in deferrals],
        # A list of lists has no array type, and an id may hold any comma.
        stakeholder_ids=[orjson.dumps(d.stakeholder_ids).decode() for d in deferrals],
        reasons=[",".join(d.reasons) for d in deferrals],
        deferred_until=[d.deferred_until for d in deferrals],
        wake_at=[d.wake_at for d in deferrals],
        decision_versions=[d.decision_version for d in deferrals],
    )


async def close_deferrals(connection: Connection, deferrals: Sequence[Deferral]) -> None:
    """These are settled."""
    await queries.close_deferrals(
        connection,
        organization_ids=[d.organization_id for d in deferrals],
        customer_ids=[d.customer_id for d in deferrals],
        event_sources=[d.event_source for d in deferrals],
        event_ids=[d.event_id for d in deferrals],
    )


async def deferrals_of(connection: Connection, customers: Collection[CustomerKey]) -> list[Deferral]:
    """The deferred triggers of some customers, oldest first."""
    rows = await queries.read_deferrals_of_customers(connection, customers=list(customers))
    names = tuple(Deferral.__dataclass_fields__)
    return [Deferral(**{name: row[name] for name in names}) for row in rows]


async def customers_to_decide_again(connection: Connection, *, now: datetime, limit: int) -> list[CustomerKey]:
    """Customers with a deferral that was woken or whose window has ended."""
    rows = await queries.customers_to_decide_again(connection, now=now, limit=limit)
    return [(row["organization_id"], row["customer_id"]) for row in rows]


async def put_off(connection: Connection, customer: CustomerKey, *, until: datetime) -> None:
    """A customer's deferrals cannot be decided now: not before then, nor for what the organization has moved to."""
    organization_id, customer_id = customer
    await queries.put_off_deferrals(connection, organization_id=organization_id, customer_id=customer_id, until=until)


async def add_ended_runs(connection: Connection, ended: Sequence[EndedRun]) -> None:
    """Keep what outcomes end."""
    await queries.add_ended_runs(
        connection,
        organization_ids=[e.organization_id for e in ended],
        customer_ids=[e.customer_id for e in ended],
        event_ids=[e.event_id for e in ended],
        outcome_types=[e.outcome_type for e in ended],
        trigger_types=[e.trigger_type for e in ended],
        business_keys=[e.business_key for e in ended],
        stakeholder_ids=[e.stakeholder_id for e in ended],
        ended_at=[e.ended_at for e in ended],
    )


async def ended_runs_of(
    connection: Connection, customers: Collection[CustomerKey]
) -> dict[CustomerKey, list[EndedRun]]:
    """What outcomes have ended of some customers."""
    rows = await queries.read_ended_runs(connection, customers=list(customers))
    found: dict[CustomerKey, list[EndedRun]] = {}
    for row in rows:
        ended = EndedRun(
            organization_id=row["organization_id"],
            customer_id=row["customer_id"],
            event_id=row["event_id"],
            outcome_type=OutcomeType(row["outcome_type"]),
            trigger_type=TriggerType(row["trigger_type"]) if row["trigger_type"] is not None else None,
            business_key=row["business_key"],
            stakeholder_id=row["stakeholder_id"],
            ended_at=row["ended_at"],
        )
        found.setdefault((ended.organization_id, ended.customer_id), []).append(ended)
    return found


async def churned(connection: Connection, customers: Collection[CustomerKey]) -> dict[CustomerKey, datetime]:
    """When those of some customers churned of whom an outcome says so; where several do, the latest."""
    rows = await queries.read_churned(connection, customers=list(customers))
    return {(row["organization_id"], row["customer_id"]): row["churned_at"] for row in rows}


async def open_episodes(connection: Connection, episodes: Sequence[Episode]) -> None:
    """Note episodes of risk."""
    await queries.open_episodes(
        connection,
        organization_ids=[e.customer[0] for e in episodes],
        customer_ids=[e.customer[1] for e in episodes],
        episode_ids=[e.episode_id for e in episodes],
        opened_at=[e.opened_at for e in episodes],
        holds_until=[e.holds_until for e in episodes],
    )


async def end_episodes(connection: Connection, ends: Sequence[tuple[CustomerKey, str | None, datetime]]) -> None:
    """End one episode of each customer, or with None all that were open then."""
    await queries.end_episodes(
        connection,
        organization_ids=[key[0] for key, _, _ in ends],
        customer_ids=[key[1] for key, _, _ in ends],
        episode_ids=[episode_id for _, episode_id, _ in ends],
        ended_at=[ended_at for _, _, ended_at in ends],
    )


async def holds_of(connection: Connection, customers: Collection[CustomerKey]) -> dict[CustomerKey, Hold]:
    """What holds, or has held, some customers' less urgent cadences."""
    found: dict[CustomerKey, Hold] = {}
    for row in await queries.read_episodes(connection, customers=list(customers)):
        key = (row["organization_id"], row["customer_id"])
        ended_at, holds_until = row["ended_at"], row["holds_until"]
        ends_at = holds_until if ended_at is None else min(ended_at, holds_until)
        hold = found.setdefault(key, Hold(None, ends_at))
        hold.ends_at = max(hold.ends_at, ends_at)
        if ended_at is None:
            hold.open_until = max(holds_until, hold.open_until or holds_until)
    return found


async def open_episodes_of(connection: Connection, customers: Collection[CustomerKey]) -> dict[CustomerKey, datetime]:
    """Until when some customers' open episodes hold at the longest."""
    holds = await holds_of(connection, customers)
    return {key: hold.open_until for key, hold in holds.items() if hold.open_until is not None}

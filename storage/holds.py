"""What holds enrollments back, and those that are paused for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas.vocabulary import Reason, RequesterKind
from storage.directory import CustomerKey
from storage.enrollments import Enrollment
from storage.evaluations import Deferral
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "HELD",
    "Pause",
    "RefusedPause",
    "ask_pauses",
    "customers_to_hold_back",
    "end_pause",
    "events_of",
    "forget_call",
    "hasten",
    "held",
    "is_save_leaving",
    "is_to_leave",
    "is_upsell_on_cadence",
    "read_pause",
    "record_refusal",
    "record_step",
    "refused",
    "to_hold_back",
    "to_resume",
]

HELD = (
    Reason.PREEMPTED.value,
    Reason.STOPPED.value,
    Reason.REQUESTED_BY_PERSON.value,
    Reason.NOT_CONNECTED.value,
)
"""How a command that is given back because something holds it, or because another team is connected, says so."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that a hold, a stop or a person asked for.

    `step_id` is set once the person is about to be taken off, `refused_at` when Salesloft refused that. `asked_by` is
    who pauses, until `asked_until` or until they resume; None where nobody does. `moved_by` is who has the person added
    back at once. The cadence goes on `skips` steps after `to_step_id`, or after `step_id` where that is None.
    """

    enrollment_id: UUID
    reason: Reason
    step_id: int | None
    refused_at: datetime | None
    asked_by_kind: RequesterKind
    asked_by: str | None
    asked_until: datetime | None
    moved_by_kind: RequesterKind
    moved_by: str | None
    to_step_id: int | None
    skips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPause:
    """Somebody who should be off a cadence, and whom Salesloft refuses to take off."""

    enrollment_id: UUID
    customer_id: str
    stakeholder_id: str
    cadence_id: int
    reason: str
    refused_at: datetime
    refusal: str


async def customers_to_hold_back(connection: Connection, *, now: datetime, limit: int) -> list[CustomerKey]:
    """Customers of whom something goes on that is held. Nothing is locked."""
    rows = await queries.customers_to_hold_back(connection, now=now, limit=limit)
    return [(row["organization_id"], row["customer_id"]) for row in rows]


async def to_hold_back(
    connection: Connection, customers: Collection[CustomerKey], now: datetime
) -> list[tuple[UUID, Reason]]:
    """The enrollments of some customers that go on although they are held, and what holds each."""
    rows = await queries.read_to_hold_back(connection, customers=list(customers), now=now)
    return [(plain_uuid(row["id"]), Reason(row["held"])) for row in rows]


async def events_of(connection: Connection, enrollments: Sequence[Enrollment], now: datetime) -> list[Deferral]:
    """The events that some enrollments were asked for, each once, as deferrals that are due; of an erased one none."""
    asked = {e.evaluation_id: e for e in enrollments if e.evaluation_id is not None and e.event_time is not None}
    rows = await queries.read_evaluated_event(
        connection, ids=list(asked), evaluated_at=[enrollment.created_at for enrollment in asked.values()]
    )
    found: dict[tuple[str, str, str, str], Deferral] = {}
    for row in rows:
        event_time = asked[plain_uuid(row["evaluation_id"])].event_time
        if event_time is None:
            raise AssertionError("an enrollment of an event has its time")
        deferral = Deferral(
            organization_id=row["organization_id"],
            customer_id=row["customer_id"],
            event_id=row["event_id"],
            event_source=row["event_source"],
            event_type=row["event_type"],
            event_time=event_time,
            business_key=row["business_key"],
            correlation_id=row["correlation_id"],
            data=row["data"].encode(),
            stakeholder_ids=(),
            reasons=(),
            deferred_until=now,
            wake_at=now,
            decision_version=row["decision_version"],
        )
        found.setdefault((*deferral.customer, deferral.event_source, deferral.event_id), deferral)
    return sorted(found.values(), key=lambda deferral: (deferral.event_time, deferral.event_id))


async def held(connection: Connection, enrollment_id: UUID, now: datetime) -> Reason | None:
    """What holds an enrollment now."""
    found: str | None = await queries.read_held(connection, enrollment_id=enrollment_id, now=now)
    return Reason(found) if found is not None else None


async def to_resume(connection: Connection, *, now: datetime, limit: int) -> list[tuple[CustomerKey, UUID]]:
    """Paused enrollments that nothing holds any more. Nothing is locked."""
    rows = await queries.paused_to_resume(connection, now=now, limit=limit)
    return [((row["organization_id"], row["customer_id"]), plain_uuid(row["id"])) for row in rows]


async def is_upsell_on_cadence(connection: Connection, customer: CustomerKey) -> bool:
    """Whether somebody of the customer is on a cadence for upsell, or may be."""
    found: bool = await queries.is_upsell_on_cadence(connection, organization_id=customer[0], customer_id=customer[1])
    return found


async def is_save_leaving(connection: Connection, customer: CustomerKey) -> bool:
    """Whether somebody of the customer is still to be taken off a cadence for a risk that is over."""
    found: bool = await queries.is_save_leaving(connection, organization_id=customer[0], customer_id=customer[1])
    return found


async def ask_pauses(connection: Connection, asked: Sequence[tuple[Enrollment, Reason]], now: datetime) -> None:
    """Note that these are to be paused."""
    await queries.ask_pauses(
        connection,
        now=now,
        enrollment_ids=[enrollment.id for enrollment, _ in asked],
        organization_ids=[enrollment.organization_id for enrollment, _ in asked],
        reasons=[reason for _, reason in asked],
    )


async def read_pause(connection: Connection, enrollment_id: UUID) -> Pause | None:
    """The pause of an enrollment, if one was asked for."""
    rows = await queries.read_pause(connection, enrollment_id=enrollment_id)
    if not rows:
        return None
    values = {name: rows[0][name] for name in Pause.__dataclass_fields__}
    kinds = {name: RequesterKind(values[name]) for name in ("asked_by_kind", "moved_by_kind")}
    return Pause(**values | kinds | {"enrollment_id": enrollment_id, "reason": Reason(values["reason"])})


async def record_step(connection: Connection, enrollment_id: UUID, step_id: int) -> None:
    """Keep, before a person is taken off, where the cadence goes on."""
    await queries.record_pause_step(connection, enrollment_id=enrollment_id, step_id=step_id)


async def record_refusal(connection: Connection, enrollment_id: UUID, refusal: str, now: datetime) -> None:
    """Salesloft refuses to take the person off; the first refusal's time stays."""
    await queries.record_pause_refusal(connection, enrollment_id=enrollment_id, refusal=refusal, now=now)


async def refused(connection: Connection, organization_id: str) -> list[RefusedPause]:
    """Who should be off their cadence and cannot be taken off, longest first."""
    rows = await queries.list_refused_pauses(connection, organization_id=organization_id)
    names = tuple(RefusedPause.__dataclass_fields__)
    return [RefusedPause(**{name: row[name] for name in names}) for row in rows]


async def end_pause(connection: Connection, enrollment_id: UUID) -> None:
    """The pause is over, or came to nothing."""
    await queries.end_pause(connection, enrollment_id=enrollment_id)


async def is_to_leave(connection: Connection, enrollment_id: UUID) -> bool:
    """Whether a removal of this enrollment's membership waits to be carried out."""
    leaves: bool = await queries.is_to_leave(connection, enrollment_id=enrollment_id)
    return leaves


async def forget_call(connection: Connection, enrollment_id: UUID) -> None:
    """No call of the enrollment is open any more; its person keeps the place on the cadence."""
    await queries.forget_call(connection, enrollment_id=enrollment_id)


async def hasten(connection: Connection, organization_id: str, customer_id: str | None, now: datetime) -> None:
    """Have what is held looked at again, of a customer or of the whole organization."""
    await queries.hasten_held_commands(
        connection, organization_id=organization_id, customer_id=customer_id, held=list(HELD), now=now
    )

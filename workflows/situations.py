"""From lifecycle events to situations: lock the customers, keep what the events bring, read all that bears on them.

The customers' rows are locked here, sorted, before any fact is read: from then on nobody else changes what is decided
on. Every snapshot that an event brings is projected if it is newer than what is known, also where the event comes to
nothing: a preference that it carries must not be lost to an older snapshot of the directory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import orjson
from pydantic import BaseModel

from enrollment.consent import known_by
from enrollment.decide import Candidate, Situation
from enrollment.evaluate import Only
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.lifecycle import LifecycleEvent
from schemas.vocabulary import Reason, TriggerType
from storage import directory, enrollments, evaluations
from storage.directory import (
    CustomerKey,
    CustomerRow,
    LinkedPerson,
    Snapshot,
    StakeholderKey,
    StakeholderRow,
    StakeholderSnapshotRow,
)
from storage.enrollments import Runs
from storage.evaluations import EndedRun, Episode
from storage.pool import Connection

__all__ = ["LoadedSituation", "Trigger", "load", "look"]

_HOLD = timedelta(days=90)
"""How long an episode of risk holds what is less urgent, unless an outcome ends it before."""


# The classes below are made for each event and are not frozen: a frozen dataclass takes three times as long to make.
@dataclass(slots=True, kw_only=True)
class Trigger:
    """A lifecycle event that is decided: for the first time, or again. `customer` is whose it is.

    In a run it is decided for one mapping `only`. `data` is kept; `is_scrubbed` says that words are missing in it that
    may have borne on the decision, because somebody whom it named is erased.
    """

    trigger_type: TriggerType
    event: LifecycleEvent
    event_id: str
    event_source: str
    event_type: str
    event_time: datetime
    correlation_id: str
    data: bytes
    cause: Literal["event", "deferral", "withdrawal", "renewal", "run"] = "event"
    traceparent: str | None = None
    only: Only | None = None
    is_scrubbed: bool = field(init=False, default=False)
    customer: CustomerKey = field(init=False)

    def __post_init__(self) -> None:
        self.customer = (self.event.organization_id, self.event.customer.id)


@dataclass(slots=True)
class LoadedSituation:
    """A situation, and what is kept or asked beside it. `runs` are the organization's, to which deciding adds."""

    situation: Situation
    runs: Runs
    held_until: datetime | None
    hold_ends: datetime | None
    trigger: Trigger
    customer: CustomerRow | CustomerSnapshot
    concerned: "Sequence[_Concerned]"

    def facts(self, organization: str) -> bytes:
        """What decides at this moment, as JSON; `organization` is the digest of the organization's facts.

        What was requested of the same batch before has used its runs up by now.
        """
        return _facts(self, organization)


async def load(connection: Connection, triggers: Sequence[Trigger], now: datetime) -> list[LoadedSituation]:
    """The situations of some triggers, in their order; the triggers' customers are locked until the commit."""
    customers = await _customers(connection, triggers)
    rows = await _stakeholder_rows(connection, triggers)
    at_risk = [trigger for trigger in triggers if trigger.trigger_type is TriggerType.AT_RISK]
    if at_risk:
        await evaluations.open_episodes(connection, [_episode(trigger) for trigger in at_risk])
    concerned = [_concerned(trigger, rows) for trigger in triggers]
    for trigger, candidates in zip(triggers, concerned, strict=True):
        _forget_erased(trigger, candidates)
    await _project(connection, triggers, concerned)
    return await _situations(connection, triggers, customers, concerned, now)


async def look(connection: Connection, triggers: Sequence[Trigger], now: datetime) -> list[LoadedSituation]:
    """What the situations would be if these came now, of customers as they are known; nothing is locked or written."""
    keys = {trigger.customer for trigger in triggers}
    customers = await directory.read_customers(connection, keys)
    rows = await _stakeholder_rows(connection, triggers)
    concerned = [_concerned(trigger, rows) for trigger in triggers]
    return await _situations(connection, triggers, customers, concerned, now)


async def _situations(
    connection: Connection,
    triggers: Sequence[Trigger],
    customers: Mapping[CustomerKey, CustomerRow | CustomerSnapshot],
    concerned: "Sequence[Sequence[_Concerned]]",
    now: datetime,
) -> list[LoadedSituation]:
    """The situations, with what is read of them."""
    keys = customers.keys()
    stakeholders = {
        (trigger.customer[0], one.snapshot.id)
        for trigger, candidates in zip(triggers, concerned, strict=True)
        for one in candidates
    }
    runs = await enrollments.read_runs(connection, stakeholders)
    ended = await evaluations.ended_runs_of(connection, keys)
    holds = await evaluations.holds_of(connection, keys)
    people = await directory.read_people(connection, _to_look_up(triggers, concerned))
    situations = []
    for trigger, candidates in zip(triggers, concerned, strict=True):
        hold = holds.get(trigger.customer)
        held_until = hold.open_until if hold is not None else None
        surroundings = _Surroundings(
            customer=customers[trigger.customer],
            runs=runs.setdefault(trigger.customer[0], Runs({}, set())),
            ended=ended.get(trigger.customer, ()),
            held_until=held_until if held_until is not None and held_until > now else None,
            hold_ends=hold.ends_at if hold is not None else None,
            people=people,
        )
        situations.append(_situation(trigger, candidates, surroundings))
    return situations


@dataclass(slots=True)
class _Concerned:
    """A stakeholder of a trigger; `row` is the directory's where that counts, None where the event's snapshot does."""

    snapshot: StakeholderSnapshot
    email: str | None
    gone: Reason | None
    row: StakeholderRow | None


def _forget_erased(trigger: Trigger, concerned: "Sequence[_Concerned]") -> None:
    """An older event that names who was erased since is kept without them, as if it had come before the erasure."""
    erased = {one.snapshot.id for one in concerned if one.gone is Reason.ERASED}
    if not any(one.id in erased and _says_something(one) for one in trigger.event.stakeholders or ()):
        return
    told = orjson.loads(trigger.data)
    told["stakeholders"] = [{"id": one["id"]} if one["id"] in erased else one for one in told["stakeholders"]]
    # Free text, which may name anybody. What was decided by it cannot be decided again.
    if told["trigger"].get("reasons"):
        told["trigger"]["reasons"] = []
        trigger.is_scrubbed = True
    trigger.data = orjson.dumps(told)


async def _project(
    connection: Connection, triggers: Sequence[Trigger], concerned: Sequence[Sequence[_Concerned]]
) -> None:
    """Keep the newest of the snapshots that the events brought themselves."""
    newest: dict[StakeholderKey, tuple[Trigger, _Concerned]] = {}
    elsewhere: list[tuple[StakeholderKey, str]] = []
    for trigger, candidates in zip(triggers, concerned, strict=True):
        organization_id = trigger.customer[0]
        for one in candidates:
            if one.row is not None and one.row.customer_id != trigger.customer[1]:
                elsewhere.append((one.row.key, trigger.customer[1]))
            if one.row is None and _says_something(one.snapshot):
                key = (organization_id, one.snapshot.id)
                held = newest.get(key)
                if held is None or trigger.event_time > held[0].event_time:
                    newest[key] = (trigger, one)
    if newest:
        await directory.apply_stakeholders(
            connection,
            [
                StakeholderSnapshotRow(
                    key=key,
                    data=_json(one.snapshot),
                    as_of=trigger.event_time,
                    offset=-1,
                    from_directory=False,
                    customer_id=trigger.customer[1],
                    email=one.email,
                )
                for key, (trigger, one) in newest.items()
            ],
        )
    if elsewhere:
        await directory.note_named(connection, elsewhere)


@dataclass(slots=True, kw_only=True)
class _Surroundings:
    customer: CustomerRow | CustomerSnapshot
    runs: Runs
    ended: Sequence[EndedRun]
    held_until: datetime | None
    hold_ends: datetime | None
    people: dict[StakeholderKey, LinkedPerson]


def _json(snapshot: CustomerSnapshot | StakeholderSnapshot) -> str:
    # Pydantic's own way takes four times as long, and four snapshots come with an event.
    return orjson.dumps(snapshot.__dict__, default=_spelt).decode()


def _spelt(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.__dict__
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"a snapshot has no spelling for {type(value).__name__}")


def _says_something(snapshot: CustomerSnapshot | StakeholderSnapshot) -> bool:
    """Whether it is more than a reference by id, which alone is never null."""
    values = list(snapshot.__dict__.values())
    return values.count(None) < len(values) - 1


async def _customers(
    connection: Connection, triggers: Sequence[Trigger]
) -> dict[CustomerKey, CustomerRow | CustomerSnapshot]:
    """Each customer as it is known now: the newest snapshot among the triggers', or the row that is newer."""
    newest: dict[CustomerKey, Trigger] = {}
    referred: set[CustomerKey] = set()
    for trigger in triggers:
        key = trigger.customer
        if _says_something(trigger.event.customer):
            if key not in newest or trigger.event_time > newest[key].event_time:
                newest[key] = trigger
        else:
            referred.add(key)
    # Everybody locks in one order. Where some are only referred to, one statement locks them all before the other.
    locked = await directory.lock_customers(connection, referred | newest.keys()) if referred else {}
    applied = await directory.apply_customers(
        connection,
        [
            Snapshot(
                key=key, data=_json(trigger.event.customer), as_of=trigger.event_time, offset=-1, from_directory=False
            )
            for key, trigger in newest.items()
        ],
    )
    older = [key for key in newest.keys() | referred if key not in applied]
    rows = locked if locked or not older else await directory.read_customers(connection, older)
    return {key: rows[key] for key in older} | {key: newest[key].event.customer for key in applied}


async def _stakeholder_rows(
    connection: Connection, triggers: Sequence[Trigger]
) -> dict[CustomerKey, dict[str, StakeholderRow]]:
    """What the directory holds of the triggers' stakeholders; of a trigger that names none, of all of its customer."""
    named = {
        (trigger.customer[0], snapshot.id) for trigger in triggers for snapshot in trigger.event.stakeholders or ()
    }
    rows = await directory.read_stakeholders(connection, named) if named else {}
    found: dict[CustomerKey, dict[str, StakeholderRow]] = {}
    for trigger in triggers if rows else ():
        for snapshot in trigger.event.stakeholders or ():
            row = rows.get((trigger.customer[0], snapshot.id))
            if row is not None:
                found.setdefault(trigger.customer, {})[snapshot.id] = row
    whole = {trigger.customer for trigger in triggers if trigger.event.stakeholders is None}
    if whole:
        for customer, of_customer in (await directory.read_stakeholders_of(connection, whole)).items():
            found.setdefault(customer, {}).update((row.key[1], row) for row in of_customer)
    return found


def _concerned(trigger: Trigger, rows: dict[CustomerKey, dict[str, StakeholderRow]]) -> list[_Concerned]:
    known = rows.get(trigger.customer, {})
    if trigger.event.stakeholders is None:
        return [_from_row(row, trigger.customer) for row in known.values() if row.customer_id == trigger.customer[1]]
    return [_newer_of(snapshot, known.get(snapshot.id), trigger) for snapshot in trigger.event.stakeholders]


def _newer_of(snapshot: StakeholderSnapshot, row: StakeholderRow | None, trigger: Trigger) -> _Concerned:
    """Of the event's snapshot and the directory's the newer counts, the directory's between equals."""
    if row is None:
        return _Concerned(snapshot, known_by(snapshot.email), None, None)
    is_older = trigger.event_time < row.as_of or (trigger.event_time == row.as_of and row.from_directory)
    if is_older or not _says_something(snapshot):
        return _from_row(row, trigger.customer)
    gone = Reason.STAKEHOLDER_LEFT if row.left else None
    return _Concerned(snapshot, known_by(snapshot.email), gone, None)


def _from_row(row: StakeholderRow, customer: CustomerKey) -> _Concerned:
    gone = Reason.STAKEHOLDER_LEFT if row.left or row.customer_id != customer[1] else None
    if row.data is None:
        return _Concerned(StakeholderSnapshot(id=row.key[1]), None, Reason.ERASED if row.erased else gone, row)
    snapshot = StakeholderSnapshot.model_validate_json(row.data)
    return _Concerned(snapshot, known_by(snapshot.email), gone, row)


def _to_look_up(
    triggers: Sequence[Trigger], concerned: Sequence[Sequence[_Concerned]]
) -> list[tuple[str, str, str | None]]:
    return list(
        {
            (trigger.customer[0], one.snapshot.id, one.email): None
            for trigger, candidates in zip(triggers, concerned, strict=True)
            for one in candidates
            if one.gone is None
        }
    )


def _episode(trigger: Trigger) -> Episode:
    return Episode(trigger.customer, trigger.event.business_key, trigger.event_time, trigger.event_time + _HOLD)


def _situation(trigger: Trigger, concerned: Sequence[_Concerned], around: _Surroundings) -> LoadedSituation:
    organization_id = trigger.customer[0]
    business_key = trigger.event.business_key
    ending = [one for one in around.ended if _ends(one, trigger.trigger_type, business_key, trigger.event_time)]
    customer = around.customer
    if isinstance(customer, CustomerRow):
        snapshot = CustomerSnapshot.model_validate_json(customer.data) if customer.data is not None else None
    else:
        snapshot = customer
    people = around.people
    candidates = []
    for one in concerned:
        linked = people.get((organization_id, one.snapshot.id))
        candidates.append(Candidate(one.snapshot, linked.record if linked is not None else None, one.gone))
    situation = Situation(
        trigger_type=trigger.trigger_type,
        trigger=trigger.event.trigger,
        business_key=business_key,
        customer=snapshot or trigger.event.customer,
        customer_known=snapshot is not None,
        candidates=candidates,
        runs=around.runs.states,
        on_cadence=around.runs.on_cadence,
        ended=any(one.stakeholder_id is None for one in ending),
        ended_for={one.stakeholder_id for one in ending if one.stakeholder_id is not None},
        held=around.held_until is not None,
    )
    return LoadedSituation(
        situation,
        around.runs,
        held_until=around.held_until,
        hold_ends=around.hold_ends,
        trigger=trigger,
        customer=customer,
        concerned=concerned,
    )


def _facts(known: LoadedSituation, organization: str) -> bytes:
    """The event as it came, and what counted besides or instead: `enrollment.recall` makes the decision again of it."""
    trigger, situation, customer = known.trigger, known.situation, known.customer
    told: dict[str, Any] = {
        "event": orjson.Fragment(trigger.data),
        "event_source": trigger.event_source,
        "at": trigger.event_time,
        "organization": organization,
    }
    if trigger.is_scrubbed:
        told["erased"] = True
    if known.hold_ends is not None:
        told["hold_ends"] = known.hold_ends
    if trigger.only is not None:
        told["only"] = trigger.only
    if isinstance(customer, CustomerRow):
        told["customer"] = orjson.Fragment(customer.data) if customer.data is not None else None
    elif customer is not trigger.event.customer:
        told["customer"] = orjson.Fragment(_json(customer))
    rows = [one.row for one in known.concerned if one.row is not None]
    if rows:
        told["stakeholders"] = [
            orjson.Fragment(row.data) if row.data is not None else {"id": row.key[1]} for row in rows
        ]
    gone = {one.snapshot.id: one.gone for one in known.concerned if one.gone is not None}
    people = {one.stakeholder.id: one.person for one in situation.candidates if one.person is not None}
    runs = [
        (one.stakeholder.id, *run, state)
        for one in situation.candidates
        for run, state in situation.runs.get(one.stakeholder.id, {}).items()
    ]
    engagement = {one.stakeholder.id: one.engagement for one in situation.candidates if one.engagement is not None}
    besides = {"gone": gone, "people": people, "engagement": engagement, "runs": runs, "policy": situation.policy}
    told |= {name: value for name, value in besides.items() if value}
    if situation.on_cadence:
        told["on_cadence"] = [
            pair for pair in situation.on_cadence if any(pair[0] == one.stakeholder.id for one in situation.candidates)
        ]
    if situation.ended or situation.ended_for or situation.held:
        told |= {"ended": situation.ended, "ended_for": list(situation.ended_for), "held": situation.held}
    return orjson.dumps(told)


def _ends(ended: EndedRun, trigger_type: TriggerType, business_key: str, event_time: datetime) -> bool:
    if ended.trigger_type is not None and ended.trigger_type is not trigger_type:
        return False
    if ended.business_key is not None:
        return ended.business_key == business_key
    return event_time <= ended.ended_at

"""From lifecycle events to situations: project the snapshots they carry, then read what else bears on them.

The customers' rows are locked here, sorted, before any fact is read: from then on nobody else changes what is decided
on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from enrollment.consent import normalised_email
from enrollment.decide import Candidate, Situation
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.lifecycle import AtRiskTrigger, LifecycleEvent
from schemas.vocabulary import Reason, TriggerType
from storage import directory, enrollments, evaluations
from storage.directory import CustomerKey, LinkedPerson, Snapshot, StakeholderKey, StakeholderSnapshotRow
from storage.enrollments import Runs
from storage.evaluations import EndedRun, Episode
from storage.pool import Connection

__all__ = ["HOLD", "LoadedSituation", "Trigger", "load"]

HOLD = timedelta(days=90)
"""How long an episode of risk holds what is less urgent, unless an outcome ends it before."""

_CUSTOMER_FIELDS = tuple(name for name in CustomerSnapshot.model_fields if name != "id")
_STAKEHOLDER_FIELDS = tuple(name for name in StakeholderSnapshot.model_fields if name != "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A lifecycle event that is decided: for the first time, or again."""

    trigger_type: TriggerType
    event: LifecycleEvent
    event_id: str
    event_source: str
    event_type: str
    event_time: datetime
    correlation_id: str
    data: bytes
    cause: Literal["event", "deferral", "renewal"] = "event"
    traceparent: str | None = None

    @property
    def customer(self) -> CustomerKey:
        """Whose trigger it is."""
        return (self.event.organization_id, self.event.customer.id)


@dataclass(frozen=True, slots=True)
class LoadedSituation:
    """A situation, the runs of its organization that deciding adds to, and the facts' JSON as they are stored."""

    situation: Situation
    runs: Runs
    customer_json: str
    stakeholders_json: Sequence[str]
    held_until: datetime | None


async def load(connection: Connection, triggers: Sequence[Trigger]) -> list[LoadedSituation]:
    """The situations of some triggers, in their order; the triggers' customers are locked until the commit."""
    customers = await _customers(connection, triggers)
    stakeholders = await _stakeholders(connection, triggers)
    keys = customers.keys()
    at_risk = [trigger for trigger in triggers if isinstance(trigger.event.trigger, AtRiskTrigger)]
    if at_risk:
        await evaluations.open_episodes(connection, [_episode(trigger) for trigger in at_risk])
    people = await directory.read_people(
        connection,
        [
            (organization_id, known.snapshot.id, normalised_email(known.snapshot.email))
            for (organization_id, _), of_customer in stakeholders.items()
            for known in of_customer.values()
        ],
    )
    runs = await enrollments.read_runs(connection, keys)
    ended = await evaluations.ended_runs_of(connection, keys)
    holds = await evaluations.open_episodes_of(connection, keys)
    return [
        _situation(
            trigger,
            customers[trigger.customer],
            stakeholders[trigger.customer],
            people,
            runs[trigger.customer[0]],
            ended.get(trigger.customer, ()),
            holds.get(trigger.customer),
        )
        for trigger in triggers
    ]


@dataclass(frozen=True, slots=True)
class _KnownCustomer:
    snapshot: CustomerSnapshot | None
    json: str


@dataclass(frozen=True, slots=True)
class _KnownStakeholder:
    snapshot: StakeholderSnapshot
    json: str
    gone: Reason | None


def _json(snapshot: CustomerSnapshot | StakeholderSnapshot) -> str:
    return snapshot.__pydantic_serializer__.to_json(snapshot).decode()


def _says_something(snapshot: CustomerSnapshot | StakeholderSnapshot, fields: Iterable[str]) -> bool:
    """Whether it is more than a reference by id."""
    values = snapshot.__dict__
    return any(values[field] is not None for field in fields)


async def _customers(connection: Connection, triggers: Sequence[Trigger]) -> dict[CustomerKey, _KnownCustomer]:
    newest: dict[CustomerKey, Trigger] = {}
    referred: set[CustomerKey] = set()
    for trigger in triggers:
        key = trigger.customer
        # What is decided again brings nothing new: its snapshots were projected the first time.
        if trigger.cause == "event" and _says_something(trigger.event.customer, _CUSTOMER_FIELDS):
            if key not in newest or trigger.event_time > newest[key].event_time:
                newest[key] = trigger
        else:
            referred.add(key)
    snapshots = {key: _json(trigger.event.customer) for key, trigger in newest.items()}
    known: dict[CustomerKey, _KnownCustomer] = {}
    # One statement for all would lock in one order; where there are both kinds, the references are locked first by all.
    locked = await directory.lock_customers(connection, referred | newest.keys()) if referred else {}
    applied = await directory.apply_customers(
        connection,
        [
            Snapshot(key=key, data=snapshots[key], as_of=trigger.event_time, offset=-1, from_directory=False)
            for key, trigger in newest.items()
        ],
    )
    for key in applied:
        known[key] = _KnownCustomer(newest[key].event.customer, snapshots[key])
    older = [key for key in newest.keys() | referred if key not in applied]
    rows = locked if locked or not older else await directory.read_customers(connection, older)
    for key in older:
        data = rows[key].data
        known[key] = (
            _KnownCustomer(CustomerSnapshot.model_validate_json(data), data) if data else _KnownCustomer(None, "null")
        )
    return known


async def _stakeholders(
    connection: Connection, triggers: Sequence[Trigger]
) -> dict[CustomerKey, dict[str, _KnownStakeholder]]:
    named: dict[CustomerKey, dict[str, _KnownStakeholder]] = {trigger.customer: {} for trigger in triggers}
    newest, referred = _newest_stakeholders(triggers)
    rows = [_stakeholder_row(snapshot, trigger) for snapshot, trigger in newest.values()]
    applied = await directory.apply_stakeholders(connection, rows) if rows else {}
    for row in rows:
        snapshot, trigger = newest[row.key]
        if row.key in applied:
            left = Reason.STAKEHOLDER_LEFT if applied[row.key] else None
            named[trigger.customer][snapshot.id] = _KnownStakeholder(snapshot, row.data, left)
        else:
            referred[row.key] = trigger.customer
    if referred:
        for key, found in (await directory.read_stakeholders(connection, referred)).items():
            named[referred[key]][key[1]] = _known(found, referred[key])
    # An event that names no stakeholders speaks of all that its customer has.
    whole = {trigger.customer for trigger in triggers if trigger.event.stakeholders is None}
    if whole:
        for customer, of_customer in (await directory.read_stakeholders_of(connection, whole)).items():
            for found in of_customer:
                named[customer].setdefault(found.key[1], _known(found, customer))
    return named


def _newest_stakeholders(
    triggers: Sequence[Trigger],
) -> tuple[dict[StakeholderKey, tuple[StakeholderSnapshot, Trigger]], dict[StakeholderKey, CustomerKey]]:
    """Of each embedded stakeholder the newest snapshot; and those that are only referred to, with their customers."""
    newest: dict[StakeholderKey, tuple[StakeholderSnapshot, Trigger]] = {}
    referred: dict[StakeholderKey, CustomerKey] = {}
    for trigger in triggers:
        for snapshot in trigger.event.stakeholders or ():
            key = (trigger.event.organization_id, snapshot.id)
            if trigger.cause != "event" or not _says_something(snapshot, _STAKEHOLDER_FIELDS):
                referred[key] = trigger.customer
            elif key not in newest or trigger.event_time > newest[key][1].event_time:
                newest[key] = (snapshot, trigger)
    return newest, referred


def _stakeholder_row(snapshot: StakeholderSnapshot, trigger: Trigger) -> StakeholderSnapshotRow:
    return StakeholderSnapshotRow(
        key=(trigger.event.organization_id, snapshot.id),
        data=_json(snapshot),
        as_of=trigger.event_time,
        offset=-1,
        from_directory=False,
        customer_id=trigger.event.customer.id,
        email=normalised_email(snapshot.email),
    )


def _known(row: directory.StakeholderRow, customer: CustomerKey) -> _KnownStakeholder:
    if row.erased or row.data is None:
        return _KnownStakeholder(StakeholderSnapshot(id=row.key[1]), f'{{"id":"{row.key[1]}"}}', Reason.ERASED)
    moved_on = row.left or row.customer_id != customer[1]
    return _KnownStakeholder(
        StakeholderSnapshot.model_validate_json(row.data), row.data, Reason.STAKEHOLDER_LEFT if moved_on else None
    )


def _episode(trigger: Trigger) -> Episode:
    return Episode(trigger.customer, trigger.event.business_key, trigger.event_time, trigger.event_time + HOLD)


def _situation(
    trigger: Trigger,
    customer: _KnownCustomer,
    stakeholders: dict[str, _KnownStakeholder],
    people: dict[StakeholderKey, LinkedPerson],
    runs: Runs,
    ended: Sequence[EndedRun],
    held_until: datetime | None,
) -> LoadedSituation:
    organization_id = trigger.event.organization_id
    business_key = trigger.event.business_key
    embedded = trigger.event.stakeholders
    if embedded is None:
        concerned = list(stakeholders.values())
    else:
        concerned = [
            stakeholders.get(one.id) or _KnownStakeholder(one, f'{{"id":"{one.id}"}}', None) for one in embedded
        ]
    ending = [one for one in ended if _ends(one, trigger.trigger_type, business_key, trigger.event_time)]
    situation = Situation(
        trigger_type=trigger.trigger_type,
        trigger=trigger.event.trigger,
        business_key=business_key,
        customer=customer.snapshot or trigger.event.customer,
        customer_known=customer.snapshot is not None,
        candidates=[
            Candidate(
                known.snapshot,
                linked.record if (linked := people.get((organization_id, known.snapshot.id))) is not None else None,
                known.gone,
            )
            for known in concerned
        ],
        runs=runs.states,
        on_cadence=runs.on_cadence,
        ended=any(one.stakeholder_id is None for one in ending),
        ended_for={one.stakeholder_id for one in ending if one.stakeholder_id is not None},
        held=held_until is not None,
    )
    return LoadedSituation(situation, runs, customer.json, [known.json for known in concerned], held_until)


def _ends(ended: EndedRun, trigger_type: TriggerType, business_key: str, event_time: datetime) -> bool:
    if ended.trigger_type is not None and ended.trigger_type is not trigger_type:
        return False
    if ended.business_key is not None:
        return ended.business_key == business_key
    return event_time <= ended.ended_at

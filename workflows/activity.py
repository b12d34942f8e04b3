"""Taking in what Salesloft's records show: units to events, engagement and the ledger, in the caller's transaction.

A reading is some records of one stream, read at one instant. Whom a record's person concerns is known by links; a
record of somebody else is counted and not kept. A unit is told once to each stakeholder whom it concerns: its id is in
`activity_units` or it is not.

Locks are taken in the order that :mod:`storage.activity` names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import uuid4

import orjson
import structlog

from activity.engagement import fold, snapshot
from activity.ledger import Debt, Ledger, total
from activity.units import ACTIVITY_METRICS, Unit, activity_event, event_id
from salesloft_client.cursor import Changed
from schemas.registry import ACTIVITY_TYPES, ENGAGEMENT
from schemas.topics import stakeholder_key
from schemas.vocabulary import ActivityKind
from storage import activity, outbox
from storage.activity import EngagementRow, LinkedStakeholder, Stay, ToldUnit
from storage.outbox import OutboxMessage
from storage.pool import Connection
from telemetry.redaction import redact_text
from workflows.events import Origin, outgoing

__all__ = ["Links", "Observed", "Reading", "Told", "owed", "record_name", "refresh_engagements", "tell"]

_log = structlog.get_logger(__name__)

_REASON_LIMIT: Final = 200

Links = Mapping[int, Sequence[LinkedStakeholder]]
"""Salesloft people and the stakeholders who they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Whose records were read, and when (business time).

    `newly_linked` are stakeholders on whose behalf their people's records are read from the start: they are told all
    that a record shows, while the others are told what is new.
    """

    organization_id: str
    noticed_at: datetime
    newly_linked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What one record shows: the units that are `new`, `every` unit for who is newly linked, and how many there are.

    `began_at` is when the record's story began, an e-mail's with its sending. It tells the stay on a cadence that the
    record belongs to, whenever it is read.
    """

    person_id: int
    cadence_id: int | None
    began_at: datetime
    new: Sequence[Unit]
    every: Sequence[Unit]
    shown: int
    fallen: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a reading: its ledger, and the units that were never told before."""

    ledger: Ledger
    units: Sequence[ToldUnit] = ()


@dataclass(frozen=True, slots=True)
class _Audience:
    """Who hears of a record, and as part of which enrollment."""

    stakeholders: Sequence[LinkedStakeholder]
    stay: Stay | None = None


def record_name(record: Changed) -> str:
    """A record's id as it is kept: Postgres takes every character in a text but one."""
    return str(record.id).replace("\0", "\N{REPLACEMENT CHARACTER}")


def owed(stream: str, record: Changed, error: Exception) -> Ledger:
    """The ledger of a record that could not be taken in, and is to be read again; the log names it, too."""
    reason = redact_text(str(error)).replace("\0", "")[:_REASON_LIMIT]
    _log.error("salesloft_record_owed", stream=stream, record_id=record_name(record), error=reason)
    debt = Debt(record_id=record_name(record), changed_at=record.updated_at, reason=reason)
    return Ledger.of_failure(shown=1, debts=(debt,))


async def tell(connection: Connection, reading: Reading, observed: Sequence[Observed], links: Links) -> Told:
    """Keep the units that are new, publish those that are activity, and fold them into engagement.

    `links` are locked. A membership's units are kept and counted here, and published by who observes memberships.
    """
    people = {record.person_id for record in observed if record.person_id in links}
    stays = await activity.stays_of_people(connection, reading.organization_id, people) if people else {}
    audiences = [_audience(record, links, stays) for record in observed]
    told = [
        unit
        for record, audience in zip(observed, audiences, strict=True)
        for unit in _to_tell(reading, record, audience)
    ]
    kept = await activity.add_units(connection, reading.organization_id, told, reading.noticed_at) if told else set()
    new = list({unit.event_id: unit for unit in told if unit.event_id in kept}.values())
    happened = [unit for unit in new if unit.unit.metric in ACTIVITY_METRICS]
    await outbox.add(connection, [_activity_message(reading, unit) for unit in happened])
    await refresh_engagements(connection, reading, happened)
    emitted: dict[tuple[str, str], set[tuple[str, int]]] = {}
    for unit in new:
        record_key = (unit.unit.source, unit.unit.source_id)
        emitted.setdefault(record_key, set()).add((unit.unit.metric, unit.unit.ordinal))
    ledger = total(_ledger(record, audience, emitted) for record, audience in zip(observed, audiences, strict=True))
    return Told(ledger, new)


def _audience(record: Observed, links: Links, stays: Mapping[int, Sequence[Stay]]) -> _Audience:
    """A stay that an enrollment made is its stakeholder's and nobody else's; anything else is everybody's."""
    linked = links.get(record.person_id, ())
    began = [
        stay
        for stay in stays.get(record.person_id, ())
        if stay.cadence_id == record.cadence_id and stay.added_at <= record.began_at
    ]
    if not began or began[-1].enrollment_id is None:
        return _Audience(linked)
    stay = began[-1]
    return _Audience([one for one in linked if one.stakeholder_id == stay.stakeholder_id], stay)


def _to_tell(reading: Reading, record: Observed, audience: _Audience) -> Iterable[ToldUnit]:
    stay = audience.stay
    for stakeholder in audience.stakeholders:
        units = record.every if stakeholder.stakeholder_id in reading.newly_linked else record.new
        for unit in units:
            yield ToldUnit(
                event_id=event_id(reading.organization_id, stakeholder.stakeholder_id, unit),
                unit=unit,
                stakeholder=stakeholder,
                enrollment_id=None if stay is None else stay.enrollment_id,
                correlation_id=None if stay is None else stay.correlation_id,
            )


def _ledger(record: Observed, audience: _Audience, emitted: Mapping[tuple[str, str], set[tuple[str, int]]]) -> Ledger:
    if not audience.stakeholders:
        return Ledger.of_stranger(shown=record.shown)
    records = {(unit.source, unit.source_id) for unit in (*record.new, *record.every)}
    count = sum(len(emitted.get(key, ())) for key in records)
    return Ledger.of_reading(emitted=count, known=max(0, record.shown - count), fallen=record.fallen)


def _activity_message(reading: Reading, told: ToldUnit) -> OutboxMessage:
    unit, stakeholder_id = told.unit, told.stakeholder.stakeholder_id
    event_type = ACTIVITY_TYPES[ActivityKind(unit.metric.value)]
    data = activity_event(
        unit,
        organization_id=reading.organization_id,
        customer_id=told.stakeholder.customer_id,
        stakeholder_id=stakeholder_id,
        enrollment_id=told.enrollment_id,
    )
    return outgoing(
        event_type,
        id=told.event_id,
        organization_id=reading.organization_id,
        key=stakeholder_key(reading.organization_id, stakeholder_id),
        subject=stakeholder_id,
        data=event_type.serialize(data),
        time=unit.occurred_to,
        origin=Origin(told.correlation_id or str(told.event_id)),
        recorded_time=unit.noticed_at,
    )


async def refresh_engagements(
    connection: Connection,
    reading: Reading,
    told: Sequence[ToldUnit],
    also: Iterable[LinkedStakeholder] = (),
) -> None:
    """Fold units that were never told before into engagement, and publish what differs from what was published.

    `also` are stakeholders whose cadences may have changed. Their rows are locked until the commit.
    """
    stakeholders = {one.stakeholder_id: one for one in (*also, *(unit.stakeholder for unit in told))}
    if not stakeholders:
        return
    organization_id, now = reading.organization_id, reading.noticed_at
    rows = await activity.lock_engagements(connection, organization_id, stakeholders.values(), now)
    active = await activity.active_cadences(connection, organization_id, stakeholders)
    units: dict[str, list[Unit]] = {}
    for unit in told:
        units.setdefault(unit.stakeholder.stakeholder_id, []).append(unit.unit)
    changed: list[EngagementRow] = []
    messages: list[OutboxMessage] = []
    for row in rows:
        stakeholder_id = row.stakeholder.stakeholder_id
        tallies = fold(row.tallies, units.get(stakeholder_id, ()))
        engagement = snapshot(
            tallies,
            organization_id=organization_id,
            customer_id=row.stakeholder.customer_id,
            stakeholder_id=stakeholder_id,
            active_cadences=active.get(stakeholder_id, ()),
            now=now,
        )
        data = ENGAGEMENT.serialize(engagement)
        if not _says_something_new(row.data, data):
            continue
        changed.append(replace(row, tallies=tallies, data=data.decode(), sequence=row.sequence + 1))
        messages.append(_engagement_message(reading, changed[-1], data))
    if changed:
        await activity.put_engagements(connection, organization_id, changed, now)
        await outbox.add(connection, messages)


def _says_something_new(before: str, after: bytes) -> bool:
    """Whether more than the instant of the counting differs."""
    return {**orjson.loads(before), "updated_at": None} != {**orjson.loads(after), "updated_at": None}


def _engagement_message(reading: Reading, row: EngagementRow, data: bytes) -> OutboxMessage:
    message_id = uuid4()
    return outgoing(
        ENGAGEMENT,
        id=message_id,
        organization_id=reading.organization_id,
        key=stakeholder_key(reading.organization_id, row.stakeholder.stakeholder_id),
        subject=row.stakeholder.stakeholder_id,
        data=data,
        time=reading.noticed_at,
        origin=Origin(str(message_id)),
        sequence=row.sequence,
    )

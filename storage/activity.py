"""What was told of people's activity, what is remembered of the records that show it, and the engagement it adds up to.

Locks are taken in one order: customers, stakeholders, e-mails and memberships, units, engagements.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from activity.counters import EmailSeen
from activity.engagement import CadenceTally, tallies_from_json, tallies_to_json
from activity.records import EmailRecord
from activity.units import Unit
from schemas.engagement import ActiveCadence
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "EngagementRow",
    "LinkedStakeholder",
    "Stay",
    "ToldUnit",
    "active_cadences",
    "add_units",
    "linked_stakeholders",
    "lock_emails",
    "lock_engagements",
    "lock_linked_stakeholders",
    "put_emails",
    "put_engagements",
    "read_engagements",
    "stays_of_people",
]

Tallies = dict[int | None, CadenceTally]


@dataclass(frozen=True, slots=True)
class LinkedStakeholder:
    """A stakeholder who is a Salesloft person, and whose customer."""

    stakeholder_id: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class Stay:
    """A person's stay on a cadence from `added_at` on; the last three are None where no enrollment made it."""

    cadence_id: int
    added_at: datetime
    enrollment_id: UUID | None
    stakeholder_id: str | None
    correlation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldUnit:
    """A unit as it is told to one stakeholder's readers."""

    event_id: UUID
    unit: Unit
    stakeholder: LinkedStakeholder
    enrollment_id: UUID | None
    correlation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementRow:
    """A stakeholder's engagement: what it is folded from, and the JSON that was published last (`{}` for none yet)."""

    stakeholder: LinkedStakeholder
    tallies: Tallies
    data: str
    sequence: int


async def linked_stakeholders(
    connection: Connection, organization_id: str, people: Collection[int]
) -> dict[int, list[LinkedStakeholder]]:
    """Which stakeholders some people are; who is linked to nobody is absent. Nothing is locked."""
    rows = await queries.linked_stakeholders(connection, organization_id=organization_id, person_ids=list(people))
    return _by_person(rows)


async def lock_linked_stakeholders(
    connection: Connection, organization_id: str, people: Collection[int]
) -> dict[int, list[LinkedStakeholder]]:
    """The same, and none of them is erased before the commit."""
    rows = await queries.lock_linked_stakeholders(connection, organization_id=organization_id, person_ids=list(people))
    return _by_person(rows)


async def stays_of_people(
    connection: Connection, organization_id: str, people: Collection[int]
) -> dict[int, list[Stay]]:
    """Every stay of some people on a cadence, oldest first."""
    rows = await queries.stays_of_people(connection, organization_id=organization_id, person_ids=list(people))
    found: dict[int, list[Stay]] = {}
    for row in rows:
        stay = Stay(
            row["cadence_id"],
            row["added_at"],
            _uuid(row["enrollment_id"]),
            row["stakeholder_id"],
            row["correlation_id"],
        )
        found.setdefault(row["salesloft_person_id"], []).append(stay)
    return found


async def lock_emails(connection: Connection, organization_id: str, ids: Collection[int]) -> dict[int, EmailSeen]:
    """What is remembered of some e-mails, locked until the commit."""
    rows = await queries.lock_emails(connection, organization_id=organization_id, email_ids=list(ids))
    return {
        row["email_id"]: EmailSeen(
            updated_at=row["salesloft_updated_at"],
            sent_at=row["sent_at"],
            bounced=row["bounced"],
            views=row["views"],
            clicks=row["clicks"],
            replies=row["replies"],
        )
        for row in rows
    }


async def put_emails(
    connection: Connection, organization_id: str, emails: Sequence[tuple[EmailRecord, EmailSeen]]
) -> None:
    """Remember e-mails, each at most once in a call; a count never falls."""
    await queries.put_emails(
        connection,
        organization_id=organization_id,
        email_ids=[record.id for record, _ in emails],
        person_ids=[record.person_id for record, _ in emails],
        cadence_ids=[record.cadence_id for record, _ in emails],
        step_ids=[record.step_id for record, _ in emails],
        sent_at=[seen.sent_at for _, seen in emails],
        views=[seen.views for _, seen in emails],
        clicks=[seen.clicks for _, seen in emails],
        replies=[seen.replies for _, seen in emails],
        bounced=[seen.bounced for _, seen in emails],
        updated_at=[seen.updated_at for _, seen in emails],
    )


async def add_units(
    connection: Connection, organization_id: str, told: Sequence[ToldUnit], noticed_at: datetime
) -> set[UUID]:
    """Keep units that were never told before; answers their event ids."""
    rows = await queries.add_units(
        connection,
        organization_id=organization_id,
        noticed_at=noticed_at,
        event_ids=[t.event_id for t in told],
        stakeholder_ids=[t.stakeholder.stakeholder_id for t in told],
        enrollment_ids=[t.enrollment_id for t in told],
        sources=[t.unit.source for t in told],
        source_ids=[t.unit.source_id for t in told],
        metrics=[t.unit.metric for t in told],
        ordinals=[t.unit.ordinal for t in told],
        person_ids=[t.unit.person_id for t in told],
        cadence_ids=[t.unit.cadence_id for t in told],
        step_ids=[t.unit.step_id for t in told],
        occurred_from=[t.unit.occurred_from for t in told],
        occurred_to=[t.unit.occurred_to for t in told],
        confidences=[t.unit.confidence for t in told],
    )
    return {UUID(bytes=row["event_id"].bytes) for row in rows}


async def lock_engagements(
    connection: Connection, organization_id: str, stakeholders: Collection[LinkedStakeholder], now: datetime
) -> list[EngagementRow]:
    """The engagement of some stakeholders, each once, locked until the commit."""
    wanted = list(stakeholders)
    rows = await queries.lock_engagements(
        connection,
        organization_id=organization_id,
        now=now,
        stakeholder_ids=[s.stakeholder_id for s in wanted],
        customer_ids=[s.customer_id for s in wanted],
    )
    return [
        EngagementRow(
            stakeholder=LinkedStakeholder(row["stakeholder_id"], row["customer_id"]),
            tallies=tallies_from_json(orjson.loads(row["tallies"])),
            data=row["data"],
            sequence=row["sequence"],
        )
        for row in rows
    ]


async def read_engagements(
    connection: Connection, stakeholders: Collection[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str]]:
    """By organization and stakeholder the JSON that was published last, and that of the tallies behind it."""
    rows = await queries.read_engagements(connection, stakeholders=list(stakeholders))
    return {(row["organization_id"], row["stakeholder_id"]): (row["data"], row["tallies"]) for row in rows}


async def put_engagements(
    connection: Connection, organization_id: str, rows: Sequence[EngagementRow], now: datetime
) -> None:
    """Keep what engagements have become."""
    await queries.put_engagements(
        connection,
        organization_id=organization_id,
        now=now,
        stakeholder_ids=[row.stakeholder.stakeholder_id for row in rows],
        tallies=[orjson.dumps(tallies_to_json(row.tallies)).decode() for row in rows],
        data=[row.data for row in rows],
        sequences=[row.sequence for row in rows],
    )


async def active_cadences(
    connection: Connection, organization_id: str, stakeholder_ids: Collection[str]
) -> dict[str, list[ActiveCadence]]:
    """The cadences that some stakeholders are on now, by id; who is on none is absent."""
    rows = await queries.active_cadences(
        connection, organization_id=organization_id, stakeholder_ids=list(stakeholder_ids)
    )
    found: dict[str, list[ActiveCadence]] = {}
    for row in rows:
        active = ActiveCadence(id=row["cadence_id"], name=row["name"], step=row["current_step"], steps=row["steps"])
        found.setdefault(row["stakeholder_id"], []).append(active)
    return found


def _by_person(rows: Any) -> dict[int, list[LinkedStakeholder]]:
    found: dict[int, list[LinkedStakeholder]] = {}
    for row in rows:
        found.setdefault(row["person_id"], []).append(LinkedStakeholder(row["stakeholder_id"], row["customer_id"]))
    return found


def _uuid(value: Any) -> UUID | None:
    return None if value is None else plain_uuid(value)

"""What people asked for by hand, kept with the enrollments that came of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from enrollment.additions import Addition, Gate, GateVerdict
from enrollment.states import ACTIVE
from schemas.vocabulary import EnrollmentState, Reason, RequesterKind
from storage.directory import StakeholderKey
from storage.enrollments import NewEnrollment
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = ["Asker", "Places", "StoredAddition", "add", "read", "read_places", "scrub"]


@dataclass(frozen=True, slots=True)
class Asker:
    """A user of the platform, and by which way they ask: as a user, or in the chat."""

    kind: RequesterKind
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAddition:
    """What was asked for, by whom and why, what each gate said then, and how the enrollment stands.

    `note` is None where the stakeholder was erased. `request` is the approval request's JSON as it was last asked.
    """

    enrollment_id: UUID
    customer_id: str
    stakeholder_id: str
    asked_by: Asker
    asked_at: datetime
    note: str | None
    addition: Addition
    gates: tuple[GateVerdict, ...]
    state: EnrollmentState
    expires_at: datetime
    execute_by: datetime
    start_on: date
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """On which cadences somebody is, or is to be.

    `asked_for` are the cadences that were asked for and not begun, `on_cadence` those that they are on, by our doing or
    by somebody's in Salesloft. `groups` are the exclusivity groups in which they are on a cadence, `address_groups`
    those in which others with their address are.
    """

    asked_for: frozenset[int]
    on_cadence: frozenset[int]
    groups: frozenset[str]
    address_groups: frozenset[str]


async def add(
    connection: Connection,
    new: NewEnrollment,
    *,
    asked_by: Asker,
    note: str,
    addition: Addition,
    gates: Sequence[GateVerdict],
    is_upsell: bool,
    now: datetime,
) -> None:
    """Store an enrollment that a person asked for, in state requested, and what it rests on.

    One `is_upsell` is held by a risk of the customer, as what an expansion signal asked for.

    ConcurrentChange where its id is taken.
    """
    await queries.add_addition(
        connection,
        id=new.id,
        organization_id=new.organization_id,
        customer_id=new.customer_id,
        stakeholder_id=new.stakeholder_id,
        exclusivity_group=new.exclusivity_group,
        correlation_id=new.correlation_id,
        cadence_id=new.cadence_id,
        request=new.request,
        request_digest=new.request_digest,
        asked_by=asked_by.user_id,
        asked_by_kind=asked_by.kind.value,
        expires_at=new.expires_at,
        execute_by=new.execute_by,
        start_on=new.start_on,
        start_step_id=new.start_step_id,
        sender_user_id=new.sender_user_id,
        note=note,
        addition=orjson.dumps(addition).decode(),
        gates=orjson.dumps(gates).decode(),
        is_upsell=is_upsell,
        team_id=new.team_id,
        now=now,
    )


async def read(connection: Connection, organization_id: str, enrollment_id: UUID) -> StoredAddition | None:
    """What somebody asked for; None where no person of the organization asked for that enrollment."""
    rows = await queries.read_addition(connection, organization_id=organization_id, enrollment_id=enrollment_id)
    if not rows:
        return None
    row = rows[0]
    return StoredAddition(
        enrollment_id=plain_uuid(row["enrollment_id"]),
        customer_id=row["customer_id"],
        stakeholder_id=row["stakeholder_id"],
        asked_by=Asker(RequesterKind(row["asked_by_kind"]), row["asked_by"]),
        asked_at=row["asked_at"],
        note=row["note"],
        addition=_addition(orjson.loads(row["addition"])),
        gates=tuple(_verdict(one) for one in orjson.loads(row["gates"])),
        state=EnrollmentState(row["state"]),
        expires_at=row["expires_at"],
        execute_by=row["execute_by"],
        start_on=row["start_on"],
        request=row["request"],
    )


async def read_places(connection: Connection, organization_id: str, stakeholder_id: str) -> Places:
    """Where a stakeholder stands with cadences."""
    rows = await queries.read_places(connection, organization_id=organization_id, stakeholder_id=stakeholder_id)
    own = [row for row in rows if not row["is_address"]]
    return Places(
        asked_for=frozenset(row["cadence_id"] for row in own if not _is_active(row)),
        on_cadence=frozenset(row["cadence_id"] for row in own if _is_active(row)),
        groups=_groups(own),
        address_groups=_groups([row for row in rows if row["is_address"]]),
    )


async def scrub(connection: Connection, stakeholders: Collection[StakeholderKey]) -> None:
    """Delete what people said of erased stakeholders."""
    keys = {
        "organization_ids": [organization_id for organization_id, _ in stakeholders],
        "stakeholder_ids": [stakeholder_id for _, stakeholder_id in stakeholders],
    }
    await queries.scrub_additions(connection, **keys)
    await queries.scrub_custom_fields(connection, **keys)


def _is_active(row: Any) -> bool:
    return EnrollmentState(row["state"]) in ACTIVE


def _groups(rows: Sequence[Any]) -> frozenset[str]:
    return frozenset(
        row["exclusivity_group"] for row in rows if _is_active(row) and row["exclusivity_group"] is not None
    )


def _addition(told: dict[str, Any]) -> Addition:
    start_on = told["start_on"]
    return Addition(**told | {"start_on": date.fromisoformat(start_on) if start_on is not None else None})


def _verdict(told: dict[str, Any]) -> GateVerdict:
    reason = told["reason"]
    return GateVerdict(
        gate=Gate(told["gate"]), reason=Reason(reason) if reason is not None else None, says=told["says"]
    )

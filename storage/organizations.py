"""Organizations, their published mappings, and what is kept of their Salesloft team's cadences and users."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from enrollment.criteria import Criteria, parse_criteria
from enrollment.decide import CadenceFacts, OrganizationFacts, SenderFacts, StepFacts
from enrollment.mappings import Mapping, MappingBook, Policy, Sender
from enrollment.organization_settings import OrganizationSettings
from enrollment.working_time import WorkingTime
from schemas.vocabulary import Purpose, TriggerType
from storage.pool import Connection
from storage.queries import queries
from storage.stops import stops_of

__all__ = [
    "CadenceRecord",
    "PublishedMapping",
    "UserRecord",
    "advance_decision_version",
    "change_settings",
    "decision_versions",
    "ensure",
    "keep_cadences",
    "keep_users",
    "list_published",
    "lock",
    "publish_mapping",
    "read_facts",
    "read_senders",
    "read_setting",
    "validate_mappings",
]

_SENDER: TypeAdapter[Sender] = TypeAdapter(Sender)
_CRITERIA: TypeAdapter[Criteria] = TypeAdapter(Criteria)


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceRecord:
    """A cadence of the team, with all its steps in their order; `record` is Salesloft's own JSON."""

    cadence_id: int
    name: str
    people_addable: bool
    team_cadence: bool
    current_state: str | None
    owner_user_id: int | None
    steps: Sequence[dict[str, Any]]
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """A user of the team; `email` is normalised."""

    user_id: int
    guid: str | None
    email: str | None
    name: str | None
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedMapping:
    """A published mapping as people read it."""

    id: UUID
    version: int
    trigger_type: TriggerType
    segment: str | None
    purpose: Purpose
    cadence_id: int
    cadence_name: str | None
    priority: int
    exclusivity_group: str
    enabled: bool
    parked: bool


async def ensure(connection: Connection, organization_ids: Collection[str], now: datetime) -> set[str]:
    """Make the organizations that are new, and answer those."""
    rows = await queries.ensure_organizations(connection, organization_ids=list(organization_ids), now=now)
    return {row["organization_id"] for row in rows}


async def decision_versions(connection: Connection, organization_ids: Collection[str]) -> dict[str, int]:
    """The versions under which what deciding reads may be remembered."""
    rows = await queries.read_decision_versions(connection, organization_ids=list(organization_ids))
    return {row["organization_id"]: row["decision_version"] for row in rows}


async def lock(connection: Connection, organization_id: str) -> int | None:
    """Lock what mappings and settings are changed under, until the commit.

    Answers the decision version, None of an organization that nobody knows.
    """
    version: int | None = await queries.lock_organization(connection, organization_id=organization_id)
    return version


async def read_facts(connection: Connection, organization_ids: Collection[str]) -> dict[str, OrganizationFacts]:
    """What deciding reads of organizations."""
    asked = list(organization_ids)
    # The version first: what moves while the rest is read is then taken for older than it is, and read again.
    found = await queries.read_organizations(connection, organization_ids=asked)
    chosen = {row["organization_id"]: OrganizationSettings.of(orjson.loads(row["settings"])) for row in found}
    mappings: dict[str, list[Mapping]] = {}
    for row in await queries.read_published_mappings(connection, organization_ids=asked):
        if row["organization_id"] in chosen:
            mapping = _in_working_time(_mapping(row), chosen[row["organization_id"]].working_time)
            mappings.setdefault(row["organization_id"], []).append(mapping)
    cadences: dict[str, dict[int, CadenceFacts]] = {}
    for row in await queries.read_cadences(connection, organization_ids=asked):
        cadences.setdefault(row["organization_id"], {})[row["cadence_id"]] = _cadence(row)
    senders: dict[str, dict[int, SenderFacts]] = {}
    for row in await queries.read_senders(connection, organization_ids=asked):
        sender = SenderFacts(row["user_id"], row["email"], row["name"])
        senders.setdefault(row["organization_id"], {})[sender.user_id] = sender
    stops = await stops_of(connection, asked)
    return {
        row["organization_id"]: OrganizationFacts(
            organization_id=row["organization_id"],
            decision_version=row["decision_version"],
            time_zone=row["time_zone"],
            connected=row["connected"],
            self_approval_allowed=chosen[row["organization_id"]].self_approval_allowed,
            mappings=MappingBook(mappings.get(row["organization_id"], ())),
            cadences=cadences.get(row["organization_id"], {}),
            senders=senders.get(row["organization_id"], {}),
            senders_by_email={sender.email: sender for sender in senders.get(row["organization_id"], {}).values()},
            suppresses=row["suppresses"],
            stops=stops.get(row["organization_id"], ()),
            team_id=row["team_id"],
        )
        for row in found
    }


async def read_senders(connection: Connection, organization_id: str) -> list[SenderFacts]:
    """An organization's active Salesloft users, by name."""
    found = await queries.read_senders(connection, organization_ids=[organization_id])
    senders = [SenderFacts(row["user_id"], row["email"], row["name"]) for row in found]
    return sorted(senders, key=lambda one: ((one.name or one.email).casefold(), one.user_id))


async def advance_decision_version(connection: Connection, organization_id: str, now: datetime) -> int:
    """Say that something that deciding reads has moved: what was deferred under an earlier version is decided again."""
    version: int = await queries.advance_decision_version(connection, organization_id=organization_id, now=now)
    await queries.record_mapping_set(connection, organization_id=organization_id, decision_version=version, now=now)
    return version


async def read_setting(connection: Connection, organization_id: str, name: str) -> str | None:
    """One of an organization's settings, as JSON; None where it has not chosen."""
    stored: str | None = await queries.read_setting(connection, organization_id=organization_id, name=name)
    return stored


async def change_settings(
    connection: Connection, organization_id: str, changes: dict[str, Any], *, by: str | None, now: datetime
) -> int:
    """Change some settings and answer the version that has them; what they were before is kept under its own.

    The organization is made where it is new.
    """
    await ensure(connection, [organization_id], now)
    version: int = await queries.change_settings(
        connection, organization_id=organization_id, changes=orjson.dumps(changes).decode(), by=by, now=now
    )
    return version


async def publish_mapping(
    connection: Connection,
    organization_id: str,
    mapping: Mapping,
    *,
    cadence_name: str | None,
    by: str | None,
    now: datetime,
) -> Mapping:
    """Publish a mapping as the next version of its id, in the place of the one before. Returns it with its version.

    What is published counts for the team that is connected now.
    """
    latest: int | None = await queries.latest_mapping_version(
        connection, organization_id=organization_id, id=mapping.id
    )
    version = (latest or 0) + 1
    await queries.retire_mapping(connection, organization_id=organization_id, id=mapping.id)
    await queries.add_mapping(
        connection,
        id=mapping.id,
        version=version,
        organization_id=organization_id,
        status="published",
        trigger_type=mapping.trigger_type,
        segment=mapping.segment,
        purpose=mapping.purpose,
        cadence_id=mapping.cadence_id,
        cadence_name=cadence_name,
        start_step_id=mapping.start_step_id,
        sender=mapping.sender.model_dump_json(),
        stakeholder_criteria=_dumped(mapping.stakeholder_criteria),
        customer_criteria=_dumped(mapping.customer_criteria),
        policy=mapping.policy.model_dump_json(),
        priority=mapping.priority,
        exclusivity_group=mapping.exclusivity_group,
        enabled=mapping.enabled,
        created_at=now,
        created_by=by,
        published_at=now,
        published_by=by,
    )
    return replace(mapping, version=version, parked=False)


async def validate_mappings(connection: Connection, organization_id: str, ids: Collection[UUID]) -> None:
    """These published mappings count for the team that is connected now."""
    await queries.validate_mappings(connection, organization_id=organization_id, ids=list(ids))


async def list_published(connection: Connection, organization_id: str) -> list[PublishedMapping]:
    """An organization's published mappings."""
    rows = await queries.list_published_mappings(connection, organization_id=organization_id)
    names = tuple(PublishedMapping.__dataclass_fields__)
    return [PublishedMapping(**{name: row[name] for name in names}) for row in rows]


async def keep_cadences(
    connection: Connection, organization_id: str, cadences: Sequence[CadenceRecord], now: datetime
) -> None:
    """Keep the team's cadences, all of them; what is not among them is forgotten."""
    await queries.upsert_cadences(
        connection,
        organization_id=organization_id,
        now=now,
        cadence_ids=[c.cadence_id for c in cadences],
        names=[c.name for c in cadences],
        people_addable=[c.people_addable for c in cadences],
        team_cadences=[c.team_cadence for c in cadences],
        current_states=[c.current_state for c in cadences],
        owner_user_ids=[c.owner_user_id for c in cadences],
        steps=[orjson.dumps(list(c.steps)).decode() for c in cadences],
        records=[c.record.decode() for c in cadences],
    )
    await queries.drop_cadences_except(
        connection, organization_id=organization_id, cadence_ids=[c.cadence_id for c in cadences]
    )


async def keep_users(connection: Connection, organization_id: str, users: Sequence[UserRecord], now: datetime) -> None:
    """Keep the team's users."""
    await queries.upsert_salesloft_users(
        connection,
        organization_id=organization_id,
        now=now,
        user_ids=[u.user_id for u in users],
        guids=[u.guid for u in users],
        emails=[u.email for u in users],
        names=[u.name for u in users],
        active=[u.active for u in users],
    )


def _mapping(row: Any) -> Mapping:
    return Mapping(
        id=UUID(bytes=row["id"].bytes),  # asyncpg's own kind of UUID is not one that orjson knows
        version=row["version"],
        trigger_type=TriggerType(row["trigger_type"]),
        segment=row["segment"],
        purpose=Purpose(row["purpose"]),
        cadence_id=row["cadence_id"],
        start_step_id=row["start_step_id"],
        sender=_SENDER.validate_json(row["sender"]),
        stakeholder_criteria=parse_criteria(row["stakeholder_criteria"]),
        customer_criteria=parse_criteria(row["customer_criteria"]),
        policy=Policy.model_validate_json(row["policy"]),
        priority=row["priority"],
        exclusivity_group=row["exclusivity_group"],
        enabled=row["enabled"],
        parked=row["parked"],
    )


def _in_working_time(mapping: Mapping, rules: WorkingTime | None) -> Mapping:
    """The organization's working time where the mapping has none: what decides is kept as it decided."""
    if rules is None or mapping.policy.working_time is not None:
        return mapping
    return replace(mapping, policy=mapping.policy.model_copy(update={"working_time": rules}))


def _cadence(row: Any) -> CadenceFacts:
    return CadenceFacts(
        id=row["cadence_id"],
        name=row["name"],
        people_addable=row["people_addable"],
        team_cadence=row["team_cadence"],
        owner_user_id=row["owner_user_id"],
        steps=tuple(
            StepFacts(step["id"], step["name"], step["day"], step["type"])
            for step in orjson.loads(row["steps"])
            if not step["disabled"]
        ),
    )


def _dumped(criteria: Criteria) -> str:
    return _CRITERIA.dump_json(criteria, by_alias=True).decode()

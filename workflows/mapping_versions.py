"""What becomes of a mapping: drafted, validated, published, switched off and on, put in order, retired.

A draft is written as often as its author likes, and is `validated` while nothing speaks against publishing it. What is
published never changes: the next draft is the next version. Only whether it counts and where it stands are changed in
its place, each under a decision version of its own, so that an old decision can be made again.

Whoever changes anything holds the organization's row until the commit: versions cannot cross.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from enrollment.decide import OrganizationFacts
from enrollment.drafts import Finding, MappingDocument, MappingInvalid, examine
from enrollment.mappings import Mapping
from storage import mappings, organizations
from storage.mappings import MappingVersion
from storage.pool import Connection
from workflows.mapping_warnings import warnings_of
from workflows.mappings import announce, note_change

__all__ = [
    "Drafted",
    "MappingUnknown",
    "disable",
    "discard",
    "draft",
    "enable",
    "examined",
    "locked_facts",
    "publish_document",
    "publish_draft",
    "reorder",
    "retire",
    "the_draft",
    "validate_draft",
]


class MappingUnknown(Exception):
    """An organization has no such mapping, or none in the state that is asked for; the message says what it has."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, what speaks against publishing it, and what its author should look at again all the same."""

    id: UUID
    version: int
    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()

    @property
    def status(self) -> Literal["draft", "validated"]:
        """Validated where nothing speaks against it."""
        return "draft" if self.findings else "validated"


async def draft(
    connection: Connection, organization_id: str, document: MappingDocument, *, by: str, now: datetime
) -> Drafted:
    """Write a mapping's draft, of a new mapping where the document names none; it decides nothing yet.

    Raises MappingUnknown where it names one that the organization does not have.
    """
    facts = await locked_facts(connection, organization_id)
    if document.id is None:
        return await _draft(connection, facts, document, uuid.uuid4(), 1, by=by, now=now)
    versions = await mappings.versions_of(connection, organization_id, document.id)
    if not versions:
        raise MappingUnknown(f"{organization_id} has no mapping {document.id}: leave the id out for a new one")
    version = await _next_version(connection, organization_id, versions)
    return await _draft(connection, facts, document, document.id, version, by=by, now=now)


async def _next_version(connection: Connection, organization_id: str, versions: list[MappingVersion]) -> int:
    """The version that a draft has: the last one's where that is a draft, else the one after it."""
    if versions[-1].is_draft:
        return versions[-1].version
    # Something was published past it, so it is not the next version any more.
    if any(one.is_draft for one in versions):
        await mappings.discard_draft(connection, organization_id, versions[-1].id)
    return versions[-1].version + 1


async def _draft(
    connection: Connection,
    facts: OrganizationFacts,
    document: MappingDocument,
    id_: UUID,
    version: int,
    *,
    by: str,
    now: datetime,
) -> Drafted:
    warnings = await warnings_of(connection, facts.organization_id, document)
    drafted = Drafted(id_, version, examine(document, facts), warnings)
    cadence = facts.cadences.get(document.cadence_id) if document.cadence_id is not None else None
    await mappings.put_draft(
        connection,
        facts.organization_id,
        document,
        id_=id_,
        version=version,
        status=drafted.status,
        cadence_name=cadence.name if cadence is not None else None,
        by=by,
        now=now,
    )
    await note_change(connection, facts.organization_id, id_, version, "drafted", by=by, now=now)
    return drafted


async def validate_draft(connection: Connection, organization_id: str, id_: UUID) -> Drafted:
    """Hold a draft again to what publishing will hold it to. Raises MappingUnknown."""
    facts = await locked_facts(connection, organization_id)
    found = await the_draft(connection, organization_id, id_)
    warnings = await warnings_of(connection, organization_id, found.document)
    drafted = Drafted(id_, found.version, examine(found.document, facts), warnings)
    await mappings.set_draft_status(connection, organization_id, id_, drafted.status)
    return drafted


async def examined(connection: Connection, organization_id: str, id_: UUID) -> Drafted:
    """What speaks against publishing the latest version as it is; nothing is locked. Raises MappingUnknown."""
    versions = await mappings.versions_of(connection, organization_id, id_)
    if not versions:
        raise MappingUnknown(f"{organization_id} has no mapping {id_}")
    latest = versions[-1]
    facts = await organizations.read_facts(connection, [organization_id])
    warnings = await warnings_of(connection, organization_id, latest.document)
    return Drafted(id_, latest.version, examine(latest.document, facts[organization_id]), warnings)


async def publish_draft(connection: Connection, organization_id: str, id_: UUID, *, by: str, now: datetime) -> Mapping:
    """Publish a draft in the place of the version before; what was deferred is decided again.

    Raises MappingUnknown, and MappingInvalid with everything that speaks against it.
    """
    facts = await locked_facts(connection, organization_id)
    found = await the_draft(connection, organization_id, id_)
    if found.version < await mappings.latest_version(connection, organization_id, id_):
        raise MappingUnknown(f"mapping {id_} was published past its draft of version {found.version}: draft it anew")
    mapping = await _publish(connection, facts, found.document, id_, found.version, by=by, now=now)
    await announce(connection, organization_id, [mapping], by=by, now=now)
    return mapping


async def publish_document(
    connection: Connection, facts: OrganizationFacts, document: MappingDocument, id_: UUID, *, by: str, now: datetime
) -> Mapping:
    """Draft and publish at once. The caller holds the organization's row, and announces what it published."""
    versions = await mappings.versions_of(connection, facts.organization_id, id_)
    version = await _next_version(connection, facts.organization_id, versions) if versions else 1
    await _draft(connection, facts, document, id_, version, by=by, now=now)
    return await _publish(connection, facts, document, id_, version, by=by, now=now)


async def _publish(
    connection: Connection,
    facts: OrganizationFacts,
    document: MappingDocument,
    id_: UUID,
    version: int,
    *,
    by: str,
    now: datetime,
) -> Mapping:
    findings = examine(document, facts)
    if findings or document.cadence_id is None:
        raise MappingInvalid(findings)
    mapping = document.mapping(id_, version, document.cadence_id)
    await mappings.publish_draft(
        connection,
        facts.organization_id,
        mapping,
        cadence_name=facts.cadences[mapping.cadence_id].name,
        by=by,
        now=now,
    )
    return mapping


async def discard(connection: Connection, organization_id: str, id_: UUID, *, by: str, now: datetime) -> None:
    """Throw a draft away; what is published stays. Raises MappingUnknown."""
    await locked_facts(connection, organization_id)
    found = await the_draft(connection, organization_id, id_)
    await mappings.discard_draft(connection, organization_id, id_)
    await note_change(connection, organization_id, id_, found.version, "discarded", by=by, now=now)


async def enable(connection: Connection, organization_id: str, id_: UUID, *, by: str, now: datetime) -> None:
    """Let a published mapping count again. Raises MappingUnknown, and MappingInvalid where it does not fit any more."""
    facts = await locked_facts(connection, organization_id)
    found = await _the_published(connection, organization_id, id_)
    findings = examine(found.document, facts)
    if found.parked:
        told = f"is of another team: `mappings validate {organization_id}`, or publish it anew"
        findings = (Finding("organization", told), *findings)
    if findings:
        raise MappingInvalid(findings)
    await mappings.set_enabled(connection, organization_id, id_, enabled=True)
    await organizations.advance_decision_version(connection, organization_id, now)
    await note_change(connection, organization_id, id_, found.version, "enabled", by=by, now=now)


async def disable(connection: Connection, organization_id: str, id_: UUID, *, by: str, now: datetime) -> None:
    """Let a published mapping decide nothing until it is enabled again. Raises MappingUnknown."""
    await locked_facts(connection, organization_id)
    found = await _the_published(connection, organization_id, id_)
    await mappings.set_enabled(connection, organization_id, id_, enabled=False)
    await organizations.advance_decision_version(connection, organization_id, now)
    await note_change(connection, organization_id, id_, found.version, "disabled", by=by, now=now)


async def reorder(
    connection: Connection, organization_id: str, id_: UUID, priority: int, *, by: str, now: datetime
) -> None:
    """Say where a published mapping stands among those of its segment: lower is asked first. Raises MappingUnknown."""
    await locked_facts(connection, organization_id)
    found = await _the_published(connection, organization_id, id_)
    await mappings.set_priority(connection, organization_id, id_, priority)
    await organizations.advance_decision_version(connection, organization_id, now)
    await note_change(
        connection, organization_id, id_, found.version, "reordered", by=by, now=now, detail=str(priority)
    )


async def retire(connection: Connection, organization_id: str, id_: UUID, *, by: str, now: datetime) -> None:
    """Take a published mapping out of use for good; another version of it may be drafted. Raises MappingUnknown."""
    await locked_facts(connection, organization_id)
    found = await _the_published(connection, organization_id, id_)
    await mappings.retire(connection, organization_id, id_)
    await organizations.advance_decision_version(connection, organization_id, now)
    await note_change(connection, organization_id, id_, found.version, "retired", by=by, now=now)


async def locked_facts(connection: Connection, organization_id: str) -> OrganizationFacts:
    """An organization's facts, its mappings locked until the commit. Raises MappingUnknown of an unknown one."""
    if await organizations.lock(connection, organization_id) is None:
        raise MappingUnknown(f"there is no organization {organization_id}")
    return (await organizations.read_facts(connection, [organization_id]))[organization_id]


async def the_draft(connection: Connection, organization_id: str, id_: UUID) -> MappingVersion:
    """A mapping's draft. Raises MappingUnknown."""
    versions = await mappings.versions_of(connection, organization_id, id_)
    for one in versions:
        if one.is_draft:
            return one
    raise MappingUnknown(f"{organization_id} has no draft of a mapping {id_}{_what_it_has(versions)}")


async def _the_published(connection: Connection, organization_id: str, id_: UUID) -> MappingVersion:
    versions = await mappings.versions_of(connection, organization_id, id_)
    for one in versions:
        if one.status == "published":
            return one
    raise MappingUnknown(f"{organization_id} has no published mapping {id_}{_what_it_has(versions)}")


def _what_it_has(versions: list[MappingVersion]) -> str:
    return "".join(f", but version {one.version}, {one.status}" for one in versions[-1:])

"""Taking in a file of mappings: a plan that says what would change and for whom, and an apply that holds to it.

The file says all that an organization is to have: what is published and not in it is retired. The plan's hash covers
the whole of it, the decision version and everybody who is affected. Applying makes the plan again under the
organization's lock, and is refused where it comes out differently: nobody applies what they have not seen.

Where a mapping differs in nothing but whether it counts and where it stands, it keeps its version, and with it the
approvals that are under way.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson

from enrollment.catalogue import Facts
from enrollment.decide import OrganizationFacts
from enrollment.drafts import Difference, Finding, MappingDocument, MappingInvalid, differences, examine
from enrollment.mappings import Mapping, MappingBook
from enrollment.winners import Winner, winners
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.vocabulary import TriggerType
from storage import mappings
from storage.mappings import MappingVersion, Resident
from storage.pool import Connection
from workflows.engagement import engagement_facts
from workflows.mapping_files import MappingFile, read_file, written
from workflows.mapping_versions import locked_facts, publish_document
from workflows.mappings import announce, note_change

__all__ = [
    "LISTED",
    "Affected",
    "ImportPlan",
    "PlanMoved",
    "PlannedChange",
    "affected_by",
    "apply_plan",
    "export_mappings",
    "plan_import",
]

LISTED: Final = 50
_IN_PLACE = frozenset({"enabled", "priority"})


class PlanMoved(Exception):
    """What was planned is not what would be done now; the message says to plan again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """A mapping that the file says something else of; `in_place` where its version stays."""

    id: UUID
    version: int
    document: MappingDocument
    differences: tuple[Difference, ...]

    @property
    def in_place(self) -> bool:
        """Whether nothing differs but whether it counts, and where it stands."""
        return all(one.field in _IN_PLACE for one in self.differences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A stakeholder whose winning mapping, or where it leads, would change if this trigger came.

    `was` and `is_` are the mappings' ids; those after a `?` win only by what the trigger itself says.
    """

    stakeholder_id: str
    customer_id: str
    trigger_type: TriggerType
    exclusivity_group: str
    was: str
    is_: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What taking in a file would do. `affected` holds the first of `affected_stakeholders`, who are all counted.

    With `findings` it cannot be applied.
    """

    organization_id: str
    additions: tuple[MappingDocument, ...]
    changes: tuple[PlannedChange, ...]
    removals: tuple[MappingVersion, ...]
    unchanged: int
    findings: tuple[Finding, ...]
    population: int
    affected_stakeholders: int
    affected: tuple[Affected, ...]
    hash: str


async def export_mappings(connection: Connection, organization_id: str) -> str:
    """The file of what is published."""
    found = await mappings.list_versions(connection, organization_id)
    return written(organization_id, [one.document for one in found if one.status == "published"])


async def plan_import(connection: Connection, organization_id: str, text: str, *, now: datetime) -> ImportPlan:
    """What taking in a file would do; nothing is written. Raises MappingInvalid where it cannot be read."""
    file = read_file(text, organization_id)
    return await _plan(connection, await locked_facts(connection, organization_id), file, now)


async def apply_plan(
    connection: Connection, organization_id: str, text: str, *, plan_hash: str, by: str, now: datetime
) -> ImportPlan:
    """Do what a plan said. Raises PlanMoved where anything moved since, and MappingInvalid where it has findings."""
    file = read_file(text, organization_id)
    facts = await locked_facts(connection, organization_id)
    plan = await _plan(connection, facts, file, now)
    if plan.hash != plan_hash:
        raise PlanMoved(f"something moved since the plan {plan_hash[:19]} was made: look at a new one, and apply that")
    if plan.findings:
        raise MappingInvalid(plan.findings)
    published = [
        await publish_document(connection, facts, document, id_, by=by, now=now)
        for id_, document in [
            *((_id_of(one), one) for one in plan.additions),
            *((one.id, one.document) for one in plan.changes if not one.in_place),
        ]
    ]
    for change in plan.changes:
        if change.in_place:
            await _change_in_place(connection, organization_id, change, by=by, now=now, detail=plan.hash)
    for removal in plan.removals:
        await mappings.retire(connection, organization_id, removal.id)
        await note_change(
            connection, organization_id, removal.id, removal.version, "retired", by=by, now=now, detail=plan.hash
        )
    if plan.additions or plan.changes or plan.removals:
        await announce(connection, organization_id, published, by=by, now=now, detail=plan.hash)
    return plan


async def _change_in_place(
    connection: Connection, organization_id: str, change: PlannedChange, *, by: str, now: datetime, detail: str
) -> None:
    for one in change.differences:
        if one.field == "enabled":
            await mappings.set_enabled(connection, organization_id, change.id, enabled=one.is_)
            done: mappings.Change = "enabled" if one.is_ else "disabled"
        else:
            await mappings.set_priority(connection, organization_id, change.id, one.is_)
            done = "reordered"
        await note_change(connection, organization_id, change.id, change.version, done, by=by, now=now, detail=detail)


async def _plan(connection: Connection, facts: OrganizationFacts, file: MappingFile, now: datetime) -> ImportPlan:
    organization_id = facts.organization_id
    versions = await mappings.list_versions(connection, organization_id)
    published = {one.id: one for one in versions if one.status == "published"}
    drafts = {one.id: one for one in versions if one.is_draft}
    additions: list[MappingDocument] = []
    changes: list[PlannedChange] = []
    findings: list[Finding] = []
    for place, (id_, document) in enumerate(file.mappings):
        was = published.get(id_)
        if was is None:
            additions.append(document)
        else:
            differing = differences(was.document, document)
            if not differing:
                continue
            changes.append(PlannedChange(id=id_, version=was.version, document=document, differences=differing))
        if was is None or not changes[-1].in_place or document.enabled:
            findings += (Finding(f"mappings.{place}.{one.field}", one.message) for one in examine(document, facts))
        if id_ in drafts:
            told = f"has a draft by {drafts[id_].created_by or 'somebody'}: publish or discard it first"
            findings.append(Finding(f"mappings.{place}.id", told))
    named = {id_ for id_, _ in file.mappings}
    removals = tuple(one for one in versions if one.status == "published" and one.id not in named)
    population, affected = await affected_by(connection, facts, _book_after(facts, additions, changes, removals), now)
    return ImportPlan(
        organization_id=organization_id,
        additions=tuple(additions),
        changes=tuple(changes),
        removals=removals,
        unchanged=len(file.mappings) - len(additions) - len(changes),
        findings=tuple(findings),
        population=population,
        affected_stakeholders=len({one.stakeholder_id for one in affected}),
        affected=tuple(affected[:LISTED]),
        hash=_hash(facts, additions, changes, removals, affected),
    )


def _book_after(
    facts: OrganizationFacts,
    additions: Sequence[MappingDocument],
    changes: Sequence[PlannedChange],
    removals: Sequence[MappingVersion],
) -> MappingBook:
    after = {mapping.id: mapping for mapping in facts.mappings.all()}
    for removal in removals:
        del after[removal.id]
    for document in additions:
        after[_id_of(document)] = _mapping(document, 1)
    for change in changes:
        before = after[change.id]
        after[change.id] = (
            replace(before, enabled=change.document.enabled, priority=change.document.priority)
            if change.in_place
            else _mapping(change.document, change.version + 1)
        )
    return MappingBook(after.values())


def _mapping(document: MappingDocument, version: int) -> Mapping:
    # A plan with an addition that has no cadence yet has a finding, and is never applied.
    return document.mapping(_id_of(document), version, document.cadence_id or 0)


def _id_of(document: MappingDocument) -> UUID:
    if document.id is None:
        raise AssertionError("a mapping that was read from a file has an id")
    return document.id


async def affected_by(
    connection: Connection,
    facts: OrganizationFacts,
    after: MappingBook,
    now: datetime,
    triggers: Iterable[TriggerType] = TriggerType,
) -> tuple[int, list[Affected]]:
    """How many stakeholders there are, and those in the order of their ids whom other mappings affect.

    `triggers` are those of the mappings that differ.
    """
    population, affected, asked = 0, [], tuple(triggers)
    async for page in mappings.population(connection, facts.organization_id):
        population += len(page)
        for resident in page:
            affected += _of_resident(resident, facts.mappings, after, now, asked)
    return population, affected


def _of_resident(
    resident: Resident, before: MappingBook, after: MappingBook, now: datetime, triggers: Iterable[TriggerType]
) -> list[Affected]:
    seen = Facts(
        _customer(resident.customer),
        StakeholderSnapshot.model_validate_json(resident.stakeholder),
        None,
        now,
        engagement_facts(resident.engagement, resident.tallies, now),
    )
    found = []
    for trigger_type in triggers:
        was, is_ = winners(before, trigger_type, seen), winners(after, trigger_type, seen)
        for group in sorted(was.keys() | is_.keys()):
            one, other = was.get(group), is_.get(group)
            if (one and one.leads_to()) != (other and other.leads_to()):
                found.append(
                    Affected(
                        stakeholder_id=resident.stakeholder_id,
                        customer_id=resident.customer_id,
                        trigger_type=trigger_type,
                        exclusivity_group=group,
                        was=_told(one),
                        is_=_told(other),
                    )
                )
    return found


@lru_cache(maxsize=1000)
def _customer(data: str) -> CustomerSnapshot:
    return CustomerSnapshot.model_validate_json(data)


def _told(winner: Winner | None) -> str:
    if winner is None:
        return "none"
    perhaps = [f"?{one.id}" for one in winner.perhaps]
    return " ".join([*perhaps, str(winner.surely.id) if winner.surely is not None else "none"])


def _hash(
    facts: OrganizationFacts,
    additions: Sequence[MappingDocument],
    changes: Sequence[PlannedChange],
    removals: Sequence[MappingVersion],
    affected: Sequence[Affected],
) -> str:
    whole: list[Any] = [
        facts.organization_id,
        facts.decision_version,
        [one.plain() for one in additions],
        [(one.id, one.version, one.document.plain()) for one in changes],
        [(one.id, one.version) for one in removals],
        affected,
    ]
    return "sha256:" + hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()

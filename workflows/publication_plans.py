"""What publishing a mapping's draft would do, and for whom; and publishing it as that was looked at.

Publishing makes the plan again under the organization's lock, and is refused where it comes out differently: nobody
publishes what they have not seen.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from enrollment.decide import OrganizationFacts
from enrollment.drafts import Difference, Finding, MappingDocument, differences, examine
from enrollment.mappings import Mapping, MappingBook
from schemas.vocabulary import CandidateOutcome
from storage import directory, mappings
from storage.mappings import MappingVersion
from storage.pool import Connection
from workflows.imagining import imagine
from workflows.mapping_plans import LISTED, Affected, PlanMoved, affected_by
from workflows.mapping_versions import locked_facts, publish_draft, the_draft
from workflows.mapping_warnings import warnings_of
from workflows.trying import imagined_trigger

__all__ = ["PublicationPlan", "Requests", "plan_publication", "publish_planned"]

# So many customers are decided on at once, and no more in all: whoever looks at a plan waits for it.
_PAGE = 100
_MOST_DECIDED = 500


@dataclass(frozen=True, slots=True)
class Requests:
    """Who of the affected would be requested if the trigger came now: by what is published, and with the draft."""

    before: frozenset[str]
    after: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationPlan:
    """What publishing a draft would do.

    `before` is what is published, whose `differences` to the draft are told; both are nothing for a mapping that never
    was. `affected` holds the first of `affected_stakeholders`, and the names are theirs and their customers', by id.
    With `findings` it cannot be published; `warnings` do not keep it from that. `requests` is None where it was not
    asked for, where it depends on what the event says, or where too many are affected.
    """

    id: UUID
    version: int
    before: MappingVersion | None
    document: MappingDocument
    differences: tuple[Difference, ...]
    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    population: int
    affected_stakeholders: int
    affected: tuple[Affected, ...]
    names: dict[str, str | None]
    customer_names: dict[str, str | None]
    requests: Requests | None
    hash: str


async def plan_publication(
    connection: Connection, organization_id: str, id_: UUID, *, now: datetime, with_requests: bool = False
) -> PublicationPlan:
    """What publishing a mapping's draft would do; nothing is written. Raises MappingUnknown.

    `with_requests` decides about the affected as they are now besides.
    """
    facts = await locked_facts(connection, organization_id)
    draft = await the_draft(connection, organization_id, id_)
    versions = await mappings.versions_of(connection, organization_id, id_)
    before = next((one for one in versions if one.status == "published"), None)
    # Without a cadence there is a finding, and it is never published.
    after = facts.mappings.having(draft.document.mapping(id_, draft.version, draft.document.cadence_id or 0))
    triggers = {draft.document.trigger_type, *([before.document.trigger_type] if before is not None else [])}
    population, affected = await affected_by(connection, facts, after, now, sorted(triggers))
    listed = tuple(affected[:LISTED])
    told: list[Any] = [
        organization_id,
        facts.decision_version,
        id_,
        draft.version,
        draft.document.plain(),
        before.version if before is not None else None,
        affected,
    ]
    return PublicationPlan(
        id=id_,
        version=draft.version,
        before=before,
        document=draft.document,
        differences=differences(before.document, draft.document) if before is not None else (),
        findings=examine(draft.document, facts),
        warnings=await warnings_of(connection, organization_id, draft.document),
        population=population,
        affected_stakeholders=len({one.stakeholder_id for one in affected}),
        affected=listed,
        names=await _names(connection, organization_id, listed),
        customer_names=await _customer_names(connection, organization_id, listed),
        requests=await _requests(connection, facts, after, affected, now) if with_requests else None,
        hash="sha256:" + hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest(),
    )


async def publish_planned(
    connection: Connection, organization_id: str, id_: UUID, plan_hash: str, *, by: str, now: datetime
) -> Mapping:
    """Publish a draft as a plan said. Raises PlanMoved where anything moved since, and as `publish_draft` does."""
    plan = await plan_publication(connection, organization_id, id_, now=now)
    if plan.hash != plan_hash:
        raise PlanMoved(f"something moved since the plan {plan_hash[:19]} was made: look at a new one, publish that")
    return await publish_draft(connection, organization_id, id_, by=by, now=now)


async def _requests(
    connection: Connection, facts: OrganizationFacts, after: MappingBook, affected: Sequence[Affected], now: datetime
) -> Requests | None:
    customers = sorted({(one.trigger_type, one.customer_id) for one in affected})
    if len(customers) > _MOST_DECIDED or any("?" in one.was + one.is_ for one in affected):
        return None
    books = facts, replace(facts, mappings=after)
    wanted = {(one.stakeholder_id, one.exclusivity_group) for one in affected}
    found: tuple[set[str], set[str]] = (set(), set())
    for at in range(0, len(customers), _PAGE):
        triggers = [
            imagined_trigger(facts.organization_id, trigger_type, customer_id, None, now)
            for trigger_type, customer_id in customers[at : at + _PAGE]
        ]
        for recalled in await imagine(connection, facts, triggers, now):
            for book, requested in zip(books, found, strict=True):
                requested |= {
                    one.stakeholder_id
                    for one in replace(recalled, organization=book).evaluate().decisions
                    if one.outcome is CandidateOutcome.REQUEST
                    and one.mapping is not None
                    and one.stakeholder_id is not None
                    and (one.stakeholder_id, one.mapping.exclusivity_group) in wanted
                }
    return Requests(frozenset(found[0]), frozenset(found[1]))


async def _names(connection: Connection, organization_id: str, affected: tuple[Affected, ...]) -> dict[str, str | None]:
    keys = [(organization_id, one) for one in dict.fromkeys(one.stakeholder_id for one in affected)]
    found = await directory.read_stakeholders(connection, keys)
    return {key[1]: orjson.loads(row.data).get("name") for key, row in found.items() if row.data is not None}


async def _customer_names(
    connection: Connection, organization_id: str, affected: tuple[Affected, ...]
) -> dict[str, str | None]:
    keys = [(organization_id, one) for one in dict.fromkeys(one.customer_id for one in affected)]
    found = await directory.read_customers(connection, keys)
    return {key[1]: orjson.loads(row.data).get("name") for key, row in found.items() if row.data is not None}

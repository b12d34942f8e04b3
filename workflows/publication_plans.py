"""What publishing a mapping's draft would do, and for whom; and publishing it as that was looked at.

Publishing makes the plan again under the organization's lock, and is refused where it comes out differently: nobody
publishes what they have not seen.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from enrollment.drafts import Difference, Finding, MappingDocument, differences, examine
from enrollment.mappings import Mapping
from storage import directory, mappings
from storage.mappings import MappingVersion
from storage.pool import Connection
from workflows.mapping_plans import LISTED, Affected, PlanMoved, affected_by
from workflows.mapping_versions import locked_facts, publish_draft, the_draft
from workflows.mapping_warnings import warnings_of

__all__ = ["PublicationPlan", "plan_publication", "publish_planned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationPlan:
    """What publishing a draft would do.

    `before` is what is published, whose `differences` to the draft are told; both are nothing for a mapping that never
    was. `affected` holds the first of `affected_stakeholders`, and the names are theirs and their customers', by id.
    With `findings` it cannot be published; `warnings` do not keep it from that.
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
    hash: str


async def plan_publication(
    connection: Connection, organization_id: str, id_: UUID, *, now: datetime
) -> PublicationPlan:
    """What publishing a mapping's draft would do; nothing is written. Raises MappingUnknown."""
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

"""What publishing a mapping's draft would change, and for whom, over HTTP; publishing takes the plan's hash."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import ConfigDict

from enrollment.drafts import MappingDocument
from storage.pool import Database
from web.idempotency import repeatable
from web.mapping_drafts import told_findings
from web.mapping_files import AffectedTold
from web.mapping_sets import Changed, Told, told_as_problems
from web.reading.asking import Looked
from web.security import Caller, CallerRole, Callers, having_role
from workflows.clock import Clock
from workflows.publication_plans import PublicationPlan, plan_publication

__all__ = ["publication_plan_routes"]

_EXAMPLE: Final[dict[str, Any]] = {
    "id": "6f1c2a52-8a54-4d55-9a0e-0c1f7f0f5a10",
    "version": 2,
    "published_version": 1,
    "published": {"trigger_type": "at-risk", "cadence_id": 456},
    "mapping": {"trigger_type": "at-risk", "cadence_id": 457},
    "changes": [{"field": "cadence_id", "was": 456, "is": 457}],
    "findings": [],
    "warnings": [],
    "population": 1400,
    "affected_stakeholders": 1,
    "affected": [
        {
            "stakeholder_id": "sth-9",
            "stakeholder_name": "Ann Lee",
            "customer_id": "cus-7",
            "customer_name": "Acme",
            "trigger_type": "at-risk",
            "exclusivity_group": "default",
            "was": "6f1c2a52-8a54-4d55-9a0e-0c1f7f0f5a10",
            "is": "6f1c2a52-8a54-4d55-9a0e-0c1f7f0f5a10",
            "requested_before": True,
            "requested_after": True,
        }
    ],
    "requests": {"before": 1, "after": 1, "neither": 0},
    "hash": "sha256:0f3c…",
}


class NamedAffected(AffectedTold):
    """The same with the names; null where nobody told of one.

    Whether they would be requested, by what is published and with the draft; null where `requests` is.
    """

    stakeholder_name: str | None
    customer_name: str | None
    requested_before: bool | None = None
    requested_after: bool | None = None


class RequestsTold(Looked):
    """How many of the `affected_stakeholders` would be requested if the trigger came to everybody now.

    `before` by what is published, `after` with the draft, `neither` neither way: they fit another mapping than they
    did, and are not to be requested by any.
    """

    before: int
    after: int
    neither: int


class PublicationTold(Looked):
    """What publishing a draft would change. `published` is what it takes the place of, null where there is nothing.

    `affected` are the first lines about `affected_stakeholders`, who all count. With `findings` it cannot be published;
    without it is, as it was looked at, by its `hash`; `warnings` do not keep it from that. The `population` is
    everybody at every customer, whatever the segment, but for those who have left. `requests` is null where it depends
    on what the event says, or where very many are affected.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    version: int
    published_version: int | None
    published: MappingDocument | None
    mapping: MappingDocument
    changes: list[Changed]
    findings: list[Told]
    warnings: list[Told]
    population: int
    affected_stakeholders: int
    affected: list[NamedAffected]
    requests: RequestsTold | None = None
    hash: str


def publication_plan_routes(database: Database, callers: Callers, clock: Clock) -> APIRouter:
    """`POST /api/salesloft/trigger-mappings/{mapping_id}/publication-plan`."""
    routes = APIRouter(prefix="/api/salesloft/trigger-mappings", tags=["mappings"])
    admin = having_role(callers, CallerRole.ADMIN)

    @routes.post("/{mapping_id}/publication-plan")
    @repeatable
    async def plan(mapping_id: UUID, caller: Annotated[Caller, Depends(admin)]) -> PublicationTold:
        """What publishing the mapping's draft would change, and for whom; nothing is written."""
        with told_as_problems():
            async with database.transaction() as connection:
                found = await plan_publication(
                    connection, caller.organization_id, mapping_id, now=clock.now(), with_requests=True
                )
                return _told(found)

    return routes


def _told(plan: PublicationPlan) -> PublicationTold:
    requests = plan.requests
    return PublicationTold(
        id=plan.id,
        version=plan.version,
        published_version=plan.before.version if plan.before is not None else None,
        published=plan.before.document if plan.before is not None else None,
        mapping=plan.document,
        changes=[Changed(field=one.field, was=one.was, is_=one.is_) for one in plan.differences],
        findings=told_findings(plan.findings),
        warnings=told_findings(plan.warnings),
        population=plan.population,
        affected_stakeholders=plan.affected_stakeholders,
        affected=[
            NamedAffected(
                stakeholder_id=one.stakeholder_id,
                stakeholder_name=plan.names.get(one.stakeholder_id),
                customer_id=one.customer_id,
                customer_name=plan.customer_names.get(one.customer_id),
                trigger_type=one.trigger_type,
                exclusivity_group=one.exclusivity_group,
                was=one.was,
                is_=one.is_,
                requested_before=one.stakeholder_id in requests.before if requests is not None else None,
                requested_after=one.stakeholder_id in requests.after if requests is not None else None,
            )
            for one in plan.affected
        ],
        requests=RequestsTold(
            before=len(requests.before),
            after=len(requests.after),
            neither=plan.affected_stakeholders - len(requests.before | requests.after),
        )
        if requests is not None
        else None,
        hash=plan.hash,
    )

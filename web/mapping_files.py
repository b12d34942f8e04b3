"""An organization's mappings as a file, over HTTP: taken out, planned, and taken in by the hash of the plan."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from enrollment.drafts import MappingDocument
from schemas.vocabulary import TriggerType
from storage.pool import Database
from web.described import problems
from web.idempotency import repeatable
from web.mapping_drafts import told_findings
from web.mapping_sets import Changed, Told, told_as_problems
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller, CallerRole, Callers, having_role
from workflows.clock import Clock
from workflows.mapping_plans import ImportPlan, apply_plan, export_mappings, plan_import

__all__ = ["mapping_file_routes"]

_YAML: Final = "application/yaml"
_LARGEST: Final = 500_000
_FILE: Final = "mappings:\n- trigger_type: at-risk\n  cadence_id: 456\n"
_WHAT_A_FILE_SAYS: Final = {
    "type": "object",
    "title": "MappingFile",
    "properties": {
        "organization_id": {"type": "string"},
        "mappings": {"type": "array", "items": {"$ref": "#/components/schemas/MappingDocument-Input"}},
    },
    "required": ["organization_id", "mappings"],
    "additionalProperties": False,
}
_EXPORTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file.",
        "content": {_YAML: {"schema": _WHAT_A_FILE_SAYS, "example": f"organization_id: org-1\n{_FILE}"}},
    }
}

_WHEN_MOVED: Final = problems({412: "Something has moved since the plan was looked at: plan again."})


class File(BaseModel):
    """A file's text, in YAML: all that the organization is to have. What is published and not in it is retired."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"file": _FILE}]})

    file: Annotated[str, StringConstraints(max_length=_LARGEST)]


class PlannedFile(File):
    """The file, and the hash of the plan that was looked at."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"file": _FILE, "plan": "sha256:0f3c…"}]})

    plan: Annotated[str, StringConstraints(max_length=100)]


class ChangeTold(Looked):
    """A mapping of which the file says something else; `in_place` where its version stays."""

    id: UUID
    version: int
    in_place: bool
    mapping: MappingDocument
    changes: list[Changed]


class RemovalTold(Looked):
    """A published mapping that is not in the file."""

    id: UUID
    version: int
    mapping: MappingDocument


class AffectedTold(Looked):
    """A stakeholder who would be led elsewhere if this trigger came.

    `was` and `is` name mappings; those after a `?` win only by what the trigger itself says.
    """

    stakeholder_id: str
    customer_id: str
    trigger_type: TriggerType
    exclusivity_group: str
    was: str
    is_: Annotated[str, Field(alias="is")]


class PlanTold(Looked):
    """What taking the file in changes. `affected` are the first lines about `affected_stakeholders`, who all count.

    With `findings` it cannot be applied; without it is, by its `hash`.
    """

    additions: list[MappingDocument]
    changes: list[ChangeTold]
    removals: list[RemovalTold]
    unchanged: int
    findings: list[Told]
    population: int
    affected_stakeholders: int
    affected: list[AffectedTold]
    hash: str


def mapping_file_routes(database: Database, looking: Looking, callers: Callers, clock: Clock) -> APIRouter:
    """`GET /api/salesloft/trigger-mappings/export`, and `POST .../plan` and `.../apply`."""
    routes = APIRouter(prefix="/api/salesloft/trigger-mappings", tags=["mappings"])
    who = anybody(looking)
    admin = having_role(callers, CallerRole.ADMIN)

    @routes.get("/export", response_class=Response, responses=_EXPORTED)
    async def export(caller: Annotated[Caller, Depends(who)]) -> Response:
        """What is published, as a file that `plan` takes."""
        async with looking.of(caller) as connection:
            text = await export_mappings(connection, caller.organization_id)
        return Response(text, media_type=_YAML)

    @routes.post("/plan")
    @repeatable
    async def plan(wanted: File, caller: Annotated[Caller, Depends(admin)]) -> PlanTold:
        """What taking a file in would change, and for whom; nothing is written."""
        with told_as_problems():
            async with database.transaction() as connection:
                return _told(await plan_import(connection, caller.organization_id, wanted.file, now=clock.now()))

    @routes.post("/apply", responses=_WHEN_MOVED)
    async def apply(wanted: PlannedFile, caller: Annotated[Caller, Depends(admin)]) -> PlanTold:
        """Do what a plan said; refused (412) where anything moved since, for nobody applies what they have not seen."""
        with told_as_problems():
            async with database.transaction() as connection:
                done = await apply_plan(
                    connection,
                    caller.organization_id,
                    wanted.file,
                    plan_hash=wanted.plan,
                    by=caller.user_id,
                    now=clock.now(),
                )
        return _told(done)

    return routes


def _told(plan: ImportPlan) -> PlanTold:
    return PlanTold(
        additions=list(plan.additions),
        changes=[
            ChangeTold(
                id=one.id,
                version=one.version,
                in_place=one.in_place,
                mapping=one.document,
                changes=[Changed(field=each.field, was=each.was, is_=each.is_) for each in one.differences],
            )
            for one in plan.changes
        ],
        removals=[RemovalTold(id=one.id, version=one.version, mapping=one.document) for one in plan.removals],
        unchanged=plan.unchanged,
        findings=told_findings(plan.findings),
        population=plan.population,
        affected_stakeholders=plan.affected_stakeholders,
        affected=[
            AffectedTold(
                stakeholder_id=one.stakeholder_id,
                customer_id=one.customer_id,
                trigger_type=one.trigger_type,
                exclusivity_group=one.exclusivity_group,
                was=one.was,
                is_=one.is_,
            )
            for one in plan.affected
        ],
        hash=plan.hash,
    )

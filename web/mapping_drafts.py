"""One mapping's draft over HTTP: written, changed, and held to what publishing holds it to.

A draft with `policy.shadow` is published like any other: it is decided then, and asks for nobody.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Response
from pydantic import BaseModel

from enrollment.drafts import Finding, MappingDocument
from storage.pool import Connection, Database
from web.idempotency import repeatable
from web.mapping_sets import IfMatch, OneMapping, Told, expected_state, one_mapping, told_as_problems
from web.problems import Problem
from web.security import Caller, CallerRole, Callers, having_role
from workflows import mapping_versions
from workflows.clock import Clock
from workflows.mapping_sets import check_state
from workflows.mapping_versions import Drafted
from workflows.mappings import validate

__all__ = ["mapping_draft_routes", "told_findings"]

EXAMPLES: Final[dict[str, Any]] = {
    "save": {
        "summary": "Champions of enterprise customers at risk are to be saved",
        "value": {
            "trigger_type": "at-risk",
            "segment": "enterprise",
            "cadence_id": 456,
            "stakeholder_criteria": {"field": "stakeholder.is_champion", "op": "equals", "value": True},
            "customer_criteria": {"field": "customer.health_score", "op": "lt", "value": 60},
        },
    },
    "shadow": {
        "summary": "Decided, and nobody is asked for",
        "value": {"trigger_type": "new-customer", "cadence_id": 457, "policy": {"shadow": True}},
    },
}
_Document = Annotated[MappingDocument, Body(openapi_examples=EXAMPLES)]


class OneDraft(OneMapping):
    """Every version of a mapping, its draft the last, and what speaks against publishing that.

    `warnings` do not: they are likely a slip, as a segment that no customer has.
    """

    findings: list[Told]
    warnings: list[Told]


class Examined(BaseModel):
    """What speaks against publishing a mapping's latest version as it is; `warnings` do not keep it from that."""

    version: int
    findings: list[Told]
    warnings: list[Told]


class StillParked(BaseModel):
    """A mapping that does not fit the team that is connected now, and what speaks against it."""

    id: UUID
    findings: list[Told]


class ParkedValidated(BaseModel):
    """Of the mappings that were parked: those that count again, by id, and those that stay parked."""

    counting: list[UUID]
    parked: list[StillParked]


def mapping_draft_routes(database: Database, callers: Callers, clock: Clock) -> APIRouter:
    """What writes and examines one mapping's draft under `/api/salesloft/trigger-mappings`."""
    routes = APIRouter(prefix="/api/salesloft/trigger-mappings", tags=["mappings"])
    anybody = having_role(callers, *CallerRole)
    admin = having_role(callers, CallerRole.ADMIN)

    @routes.get("/{mapping_id}/findings")
    async def findings(mapping_id: UUID, caller: Annotated[Caller, Depends(anybody)]) -> Examined:
        """Hold the latest version to what publishing holds it to, as the team is now; nothing is written."""
        with told_as_problems():
            async with database.connection() as connection:
                found = await mapping_versions.examined(connection, caller.organization_id, mapping_id)
        return Examined(
            version=found.version, findings=told_findings(found.findings), warnings=told_findings(found.warnings)
        )

    @routes.post("", status_code=201)
    async def create(document: _Document, response: Response, caller: Annotated[Caller, Depends(admin)]) -> OneDraft:
        """Draft a new mapping, beside the drafts that there are; it decides nothing until it is published."""
        if document.id is not None:
            raise _misnamed("Leave the id out for a new mapping; an old one's draft is put at its own path.")
        with told_as_problems():
            async with database.transaction() as connection:
                drafted = await mapping_versions.draft(
                    connection, caller.organization_id, document, by=caller.user_id, now=clock.now()
                )
                told = await _draft(connection, caller.organization_id, drafted, response)
        response.headers["location"] = f"/api/salesloft/trigger-mappings/{drafted.id}"
        return told

    @routes.put("/{mapping_id}/draft")
    async def change(
        mapping_id: UUID,
        document: _Document,
        response: Response,
        caller: Annotated[Caller, Depends(admin)],
        if_match: IfMatch = None,
    ) -> OneDraft:
        """Write a mapping's draft, in the place of the draft that it has; what is published stays as it is."""
        if document.id not in {None, mapping_id}:
            raise _misnamed("The body's id is another one than the path's: leave it out.")
        expected = expected_state(if_match)
        named = document.model_copy(update={"id": mapping_id})
        with told_as_problems():
            async with database.transaction() as connection:
                await check_state(connection, caller.organization_id, mapping_id, expected)
                drafted = await mapping_versions.draft(
                    connection, caller.organization_id, named, by=caller.user_id, now=clock.now()
                )
                return await _draft(connection, caller.organization_id, drafted, response)

    @routes.post("/{mapping_id}/validate")
    @repeatable
    async def validate_draft(
        mapping_id: UUID, response: Response, caller: Annotated[Caller, Depends(admin)]
    ) -> OneDraft:
        """Hold the draft again to what publishing will hold it to: the team may have changed since it was written."""
        with told_as_problems():
            async with database.transaction() as connection:
                drafted = await mapping_versions.validate_draft(connection, caller.organization_id, mapping_id)
                return await _draft(connection, caller.organization_id, drafted, response)

    @routes.post("/validate")
    @repeatable
    async def validate_parked(caller: Annotated[Caller, Depends(admin)]) -> ParkedValidated:
        """Have the parked mappings count again that fit the team that is connected now."""
        async with database.transaction() as connection:
            found = await validate(connection, caller.organization_id, now=clock.now(), by=caller.user_id)
        return ParkedValidated(
            counting=[one.id for one in found.counting],
            parked=[StillParked(id=one.id, findings=told_findings(found.findings[one.id])) for one in found.parked],
        )

    return routes


def told_findings(findings: Iterable[Finding]) -> list[Told]:
    """What speaks against a mapping, as it is told."""
    return [Told(field=one.field, message=one.message) for one in findings]


async def _draft(connection: Connection, organization_id: str, drafted: Drafted, response: Response) -> OneDraft:
    found = await one_mapping(connection, organization_id, drafted.id, response)
    return OneDraft(
        versions=found.versions,
        findings=told_findings(drafted.findings),
        warnings=told_findings(drafted.warnings),
    )


def _misnamed(told: str) -> Problem:
    return Problem(422, "invalid_request", told, errors=[{"field": "body.id", "message": told}])

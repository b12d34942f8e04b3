"""What becomes of one mapping over HTTP: published, switched off and on, put in order, retired, its draft discarded."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from storage.pool import Database
from web.idempotency import repeatable
from web.mapping_sets import IfMatch, OneMapping, expected_state, one_mapping, told_as_problems
from web.security import Caller, CallerRole, Callers, having_role
from workflows import mapping_versions
from workflows.clock import Clock
from workflows.mapping_sets import check_state
from workflows.publication_plans import publish_planned

__all__ = ["mapping_state_routes"]

_Done = Callable[..., Awaitable[object]]


class Place(BaseModel):
    """Where a mapping stands among those of its trigger and segment: lower is asked first."""

    model_config = ConfigDict(extra="forbid")

    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


def mapping_state_routes(database: Database, callers: Callers, clock: Clock) -> APIRouter:
    """What changes one mapping under `/api/salesloft/trigger-mappings/{mapping_id}`; each answers how it is then."""
    routes = APIRouter(prefix="/api/salesloft/trigger-mappings", tags=["mappings"])
    admin = having_role(callers, CallerRole.ADMIN)

    async def do(
        caller: Caller, mapping_id: UUID, if_match: str | None, response: Response, done: _Done, *more: object
    ) -> OneMapping:
        expected, organization_id = expected_state(if_match), caller.organization_id
        with told_as_problems():
            async with database.transaction() as connection:
                await check_state(connection, organization_id, mapping_id, expected)
                await done(connection, organization_id, mapping_id, *more, by=caller.user_id, now=clock.now())
                return await one_mapping(connection, organization_id, mapping_id, response)

    @routes.post("/{mapping_id}/publish")
    async def publish(
        mapping_id: UUID,
        response: Response,
        caller: Annotated[Caller, Depends(admin)],
        if_match: IfMatch = None,
        plan: Annotated[
            str | None, Query(max_length=100, description="The hash of the plan that was looked at.")
        ] = None,
    ) -> OneMapping:
        """Publish the mapping's draft: what is deferred is decided again, older requests become stale.

        With `plan` exactly what that said is done; it is refused (412) where anything moved since.
        """
        if plan is None:
            return await do(caller, mapping_id, if_match, response, mapping_versions.publish_draft)
        return await do(caller, mapping_id, if_match, response, publish_planned, plan)

    @routes.post("/{mapping_id}/enable")
    @repeatable
    async def enable(
        mapping_id: UUID, response: Response, caller: Annotated[Caller, Depends(admin)], if_match: IfMatch = None
    ) -> OneMapping:
        """Let the published version count again."""
        return await do(caller, mapping_id, if_match, response, mapping_versions.enable)

    @routes.post("/{mapping_id}/disable")
    @repeatable
    async def disable(
        mapping_id: UUID, response: Response, caller: Annotated[Caller, Depends(admin)], if_match: IfMatch = None
    ) -> OneMapping:
        """Let the published version decide nothing until it is enabled again."""
        return await do(caller, mapping_id, if_match, response, mapping_versions.disable)

    @routes.post("/{mapping_id}/retire")
    async def retire(
        mapping_id: UUID, response: Response, caller: Annotated[Caller, Depends(admin)], if_match: IfMatch = None
    ) -> OneMapping:
        """Take the published version out of use for good; another version may be drafted."""
        return await do(caller, mapping_id, if_match, response, mapping_versions.retire)

    @routes.put("/{mapping_id}/priority")
    async def reorder(
        mapping_id: UUID,
        place: Place,
        response: Response,
        caller: Annotated[Caller, Depends(admin)],
        if_match: IfMatch = None,
    ) -> OneMapping:
        """Say where the published version stands among those of its trigger and segment."""
        return await do(caller, mapping_id, if_match, response, mapping_versions.reorder, place.priority)

    @routes.delete("/{mapping_id}/draft")
    async def discard(
        mapping_id: UUID, response: Response, caller: Annotated[Caller, Depends(admin)], if_match: IfMatch = None
    ) -> OneMapping:
        """Throw the mapping's draft away; what is published stays."""
        return await do(caller, mapping_id, if_match, response, mapping_versions.discard)

    return routes

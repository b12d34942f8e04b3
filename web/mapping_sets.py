"""An organization's mappings over HTTP: looking at them, and replacing the drafts.

Who changes something says by `If-Match` what they have looked at, so that nobody overwrites what they have not seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from enrollment.drafts import MappingDocument, MappingInvalid, differences
from storage import mappings
from storage.mappings import MappingVersion
from storage.pool import Connection, Database
from web.problems import Problem
from web.security import Caller, CallerRole, Callers, having_role
from workflows.clock import Clock
from workflows.mapping_plans import PlanMoved
from workflows.mapping_sets import MappingsMoved, replace_drafts, state_of, try_drafts, warnings_among
from workflows.mapping_versions import MappingUnknown

__all__ = [
    "Changed",
    "IfMatch",
    "OneMapping",
    "Told",
    "expected_state",
    "mapping_set_routes",
    "one_mapping",
    "told_as_problems",
]

MOST_AT_ONCE: Final = 500

IfMatch = Annotated[
    str | None, Header(description="The ETag of what was looked at, or `*` to overwrite whatever is there.")
]


class Version(BaseModel):
    """One version of a mapping; `parked` while another team is connected than the one that it was published for."""

    id: UUID
    version: int
    status: Literal["draft", "validated", "published", "retired"]
    mapping: MappingDocument
    cadence_name: str | None
    parked: bool
    created_at: datetime
    created_by: str | None
    published_at: datetime | None
    published_by: str | None


class Listed(BaseModel):
    """Drafts and published versions, in the order in which they are asked: the first that fits wins its group."""

    mappings: list[Version]


class Changed(BaseModel):
    """A field that a version says differently than the one before it."""

    field: str
    was: Any
    is_: Annotated[Any, Field(serialization_alias="is")]


class VersionBeside(Version):
    """A version, and what it says differently than the one before."""

    changes: list[Changed]


class OneMapping(BaseModel):
    """Every version of a mapping, the oldest first."""

    versions: list[VersionBeside]


class Drafts(BaseModel):
    """The drafts that there are to be, and no others. One without an id is of a new mapping."""

    model_config = ConfigDict(extra="forbid")

    mappings: Annotated[list[MappingDocument], Field(max_length=MOST_AT_ONCE)]


class Told(BaseModel):
    """Something that speaks against publishing, and what to do about it."""

    field: str
    message: str


class Replaced(BaseModel):
    """The mappings as they are now, and what speaks against publishing a draft among them.

    After a dry run they are as they were, and the findings are about what was sent. `warnings` are about it too, and
    keep nothing from being published.
    """

    mappings: list[Version]
    findings: list[Told]
    warnings: list[Told]


def mapping_set_routes(database: Database, callers: Callers, clock: Clock) -> APIRouter:
    """`GET` and `PUT /api/salesloft/trigger-mappings`, one mapping, and what becomes of it."""
    routes = APIRouter(prefix="/api/salesloft/trigger-mappings", tags=["mappings"])
    anybody = having_role(callers, *CallerRole)
    admin = having_role(callers, CallerRole.ADMIN)

    @routes.get("")
    async def show(response: Response, caller: Annotated[Caller, Depends(anybody)]) -> Listed:
        """Every mapping that decides, and every draft. The ETag is of all of them."""
        async with database.connection() as connection:
            found = await mappings.list_versions(connection, caller.organization_id)
        response.headers["etag"] = _etag(found)
        return Listed(mappings=list(map(_version, found)))

    @routes.put("")
    async def replace(
        drafts: Drafts,
        response: Response,
        caller: Annotated[Caller, Depends(admin)],
        if_match: IfMatch = None,
        *,
        publish: bool = False,
        dry_run: bool = False,
    ) -> Replaced:
        """Have these drafts and no others; with `publish` publish all of them or none.

        What is published stays until it is published anew or retired. With `dry_run` nothing is changed.
        """
        organization_id, expected = caller.organization_id, expected_state(if_match, needed=not dry_run)
        with told_as_problems():
            async with database.transaction() as connection:
                if dry_run:
                    findings = await try_drafts(connection, organization_id, drafts.mappings)
                    told = [Told(field=one.field, message=one.message) for one in findings]
                else:
                    drafted = await replace_drafts(
                        connection,
                        organization_id,
                        drafts.mappings,
                        expected=expected,
                        publish=publish,
                        by=caller.user_id,
                        now=clock.now(),
                    )
                    told = [
                        Told(field=f"mappings.{place}.{one.field}", message=one.message)
                        for place, draft in enumerate(drafted)
                        for one in draft.findings
                    ]
                warnings = await warnings_among(connection, organization_id, drafts.mappings)
                found = await mappings.list_versions(connection, organization_id)
        response.headers["etag"] = _etag(found)
        return Replaced(
            mappings=list(map(_version, found)),
            findings=told,
            warnings=[Told(field=one.field, message=one.message) for one in warnings],
        )

    @routes.get("/{mapping_id}")
    async def show_one(mapping_id: UUID, response: Response, caller: Annotated[Caller, Depends(anybody)]) -> OneMapping:
        """A mapping with all its versions, and what each says differently than the one before. The ETag is its own."""
        async with database.connection() as connection:
            return await one_mapping(connection, caller.organization_id, mapping_id, response)

    return routes


def expected_state(if_match: str | None, *, needed: bool = True) -> str | None:
    """The state that the caller has looked at; None where any will do. Raises Problem (428) where it is not said."""
    if if_match is None:
        if not needed:
            return None
        raise Problem(428, "if_match_required", "Say by If-Match what you have looked at: its ETag, or * for whatever.")
    return None if if_match.strip() == "*" else if_match.strip().strip('"')


def _etag(found: list[MappingVersion]) -> str:
    return f'"{state_of(found)}"'


@contextmanager
def told_as_problems() -> Iterator[None]:
    """What stands in the way of a change of mappings becomes a Problem: 404, 412 or 422."""
    try:
        yield
    except MappingUnknown as error:
        raise Problem(404, "mapping_unknown", f"{error}.") from None
    except (MappingsMoved, PlanMoved) as error:
        raise Problem(412, "changed_meanwhile", f"{error}.") from None
    except MappingInvalid as error:
        errors = [{"field": one.field, "message": one.message} for one in error.findings]
        raise Problem(
            422, "mapping_invalid", "It cannot be done with these mappings as they are.", errors=errors
        ) from None


async def one_mapping(connection: Connection, organization_id: str, id_: UUID, response: Response) -> OneMapping:
    """A mapping, and its ETag with the response. Raises Problem (404) where the organization has none of that id."""
    found = await mappings.versions_of(connection, organization_id, id_)
    if not found:
        raise Problem(404, "mapping_unknown", "There is no such mapping.")
    response.headers["etag"] = _etag(found)
    before: list[MappingVersion | None] = [None, *found[:-1]]
    return OneMapping(versions=[_beside(one, former) for one, former in zip(found, before, strict=True)])


def _version(one: MappingVersion) -> Version:
    return Version(**_fields(one))


def _beside(one: MappingVersion, before: MappingVersion | None) -> VersionBeside:
    changed = differences(before.document, one.document) if before is not None else ()
    return VersionBeside(
        **_fields(one), changes=[Changed(field=each.field, was=each.was, is_=each.is_) for each in changed]
    )


def _fields(one: MappingVersion) -> dict[str, Any]:
    return {
        "id": one.id,
        "version": one.version,
        "status": one.status,
        "mapping": one.document.model_copy(update={"purpose": one.document.its_purpose}),
        "cadence_name": one.cadence_name,
        "parked": one.parked,
        "created_at": one.created_at,
        "created_by": one.created_by,
        "published_at": one.published_at,
        "published_by": one.published_by,
    }

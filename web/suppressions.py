"""Whom an organization never contacts, over HTTP: everybody looks at the list, managers and admins change it.

What is put on it or taken off is in the body, never in the path: an address is personal, and paths are written down.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from enrollment.suppression import NotSuppressible, Suppressible, suppressible
from schemas.fields import Instant
from storage import policies
from storage.pool import Database
from web.idempotency import repeatable
from web.memberships import Note
from web.paging import Paging, paging
from web.problems import Problem
from web.reading.asking import Looked, Looking, Page, anybody
from web.security import Caller, CallerRole, Callers, having_role
from workflows.clock import Clock
from workflows.suppressions import suppress, unsuppress

__all__ = ["suppression_routes"]

_MOST_AT_ONCE: Final = 1000
_ENTRIES: Final[list[Any]] = ["ann@acme.example", "globex.example"]
_Entry = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=320)]
_Change = Callable[..., Coroutine[Any, Any, set[Suppressible]]]


class Entries(BaseModel):
    """Addresses, and domains, which stand for those below them, too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"entries": _ENTRIES}]})

    entries: Annotated[list[_Entry], Field(min_length=1, max_length=_MOST_AT_ONCE)]


class Suppressing(Entries):
    """What to put on the list; `note` says why, for whoever reads it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entries": _ENTRIES, "note": "asked for it by letter"}]})

    note: Note | None = None


class Suppressed(Looked):
    """What came of each entry, by its place in `entries`; answers are kept, and an address is personal."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"added": [0], "already_listed": [1]}]})

    added: list[int]
    already_listed: list[int]


class Unsuppressed(Looked):
    """What came of each entry, by its place in `entries`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"removed": [0], "not_listed": [1]}]})

    removed: list[int]
    not_listed: list[int]


class SuppressionTold(Looked):
    """An entry of the list, normalised: since when, by whom and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "domain",
                    "value": "globex.example",
                    "note": "asked for it by letter",
                    "added_at": "2026-11-25T10:30:04.000000Z",
                    "added_by": "usr-4",
                }
            ]
        }
    )

    kind: Literal["email", "domain"]
    value: str
    note: str | None
    added_at: Instant
    added_by: str | None


def suppression_routes(database: Database, looking: Looking, callers: Callers, clock: Clock) -> APIRouter:
    """`GET` and `POST /api/salesloft/suppressions`, and `POST /api/salesloft/suppressions/removals`."""
    routes = APIRouter(prefix="/api/salesloft/suppressions", tags=["suppressions"])
    who = anybody(looking)
    may_change = having_role(callers, CallerRole.MANAGER, CallerRole.ADMIN)

    async def done(caller: Caller, entries: Sequence[str], change: _Change, **more: Any) -> tuple[list[int], list[int]]:
        """The places of those that the change concerned, and of the others."""
        meant = _meant(entries)
        async with database.transaction() as connection:
            changed = await change(
                connection, caller.organization_id, entries, by=caller.user_id, now=clock.now(), **more
            )
        concerned = [place for place, one in enumerate(meant) if one in changed]
        return concerned, [place for place, one in enumerate(meant) if one not in changed]

    @routes.get("")
    async def listed(
        caller: Annotated[Caller, Depends(who)], page: Annotated[Paging, Depends(paging)]
    ) -> Page[SuppressionTold]:
        """Everything on the list: domains first, each kind in its own order."""
        question = (caller.organization_id, "suppressions")
        after = page.after(question, str, str)
        async with looking.of(caller) as connection:
            found = await policies.suppressions_after(
                connection, caller.organization_id, after=(after[0], after[1]), limit=page.limit + 1
            )
        items, following = page.cut(question, found, lambda one: (one.entry.kind, one.entry.value))
        return Page[SuppressionTold](
            items=[
                SuppressionTold(
                    kind=one.entry.kind,
                    value=one.entry.value,
                    note=one.note,
                    added_at=one.added_at,
                    added_by=one.added_by,
                )
                for one in items
            ],
            next_cursor=following,
            read_at=looking.clock.now(),
        )

    @routes.post("")
    @repeatable
    async def add(wanted: Suppressing, caller: Annotated[Caller, Depends(may_change)]) -> Suppressed:
        """Put addresses and domains on the list, all or none. Who is approved already is not enrolled any more."""
        added, others = await done(caller, wanted.entries, suppress, note=wanted.note)
        return Suppressed(added=added, already_listed=others)

    @routes.post("/removals")
    @repeatable
    async def remove(wanted: Entries, caller: Annotated[Caller, Depends(may_change)]) -> Unsuppressed:
        """Take addresses and domains off the list."""
        removed, others = await done(caller, wanted.entries, unsuppress)
        return Unsuppressed(removed=removed, not_listed=others)

    return routes


def _meant(entries: Sequence[str]) -> list[Suppressible]:
    """What each entry stands for. Raises Problem, 422, that names all that are neither address nor domain."""
    meant, errors = [], []
    for place, one in enumerate(entries):
        try:
            meant.append(suppressible(one))
        except NotSuppressible:
            errors.append({"field": f"body.entries.{place}", "message": "is neither an address nor a domain"})
    if errors:
        raise Problem(422, "invalid_request", "Some entries are neither addresses nor domains.", errors=errors)
    return meant

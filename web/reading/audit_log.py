"""The audit log: who did what, when, and by which way; what is sealed of it is not changed any more."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from schemas.fields import Instant
from schemas.vocabulary import TriggerType
from storage import audit, naming
from storage.audit import Value
from storage.pool import Connection
from web.paging import Paging, paging
from web.reading.asking import Looked, Looking, Page
from web.security import Caller, CallerRole, having_role
from workflows.audit import Way

__all__ = ["audit_routes"]

T = TypeVar("T", UUID, int)
_OF_MAPPINGS: Final = ("mapping", "mapping_run")
_ENTRY: Final[dict[str, Any]] = {
    "id": "0190b3a0-55d1-7f0e-9d0a-3f5f6a7b8c9d",
    "sequence": 41,
    "hash": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "done_at": "2026-11-25T10:30:04.000000Z",
    "recorded_at": "2026-11-25T10:30:04.120000Z",
    "action": "enrollment.steered",
    "subject": "enrollment/0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
    "actor": "usr-1",
    "actor_name": "Kim Berg",
    "way": "api",
    "correlation_id": "cor-1",
    "digest": None,
    "detail": {"action": "pause", "until": "2026-12-01T08:00:00.000000Z"},
    "about": {
        "stakeholder_id": "sth-9",
        "stakeholder_name": "Ann Lee",
        "cadence_id": 456,
        "cadence_name": "Renewal 90",
        "mapping_id": None,
        "trigger_type": None,
        "segment": None,
    },
}
_Filter = Annotated[str, Query(max_length=200)]


class AboutTold(Looked):
    """What the subject is about, as it is called today: a contact and a cadence, a mapping, or a cadence."""

    stakeholder_id: str | None = None
    stakeholder_name: str | None = None
    cadence_id: int | None = None
    cadence_name: str | None = None
    mapping_id: UUID | None = None
    trigger_type: TriggerType | None = None
    segment: str | None = None


class EntryTold(Looked):
    """Something that was done: by `actor`, a user's id, or by the service itself where it is null.

    An entry is sealed within seconds: from then on it has a `sequence` in its organization's chain, and a `hash` over
    the entry before it and itself. A place in the chain is no claim about time. No reason, name or address is in the
    log: where one belongs to what was done, `digest` is its SHA-256, salted with the entry's id. What is told by name
    in `actor_name` and `about` is looked up as it is now, and null where nothing is known any more.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTRY]})

    id: UUID
    sequence: int | None = Field(description="Null until it is sealed.")
    hash: str | None = Field(description="Null until it is sealed.")
    done_at: Instant
    recorded_at: Instant = Field(description="By the database's own clock.")
    action: str
    subject: str = Field(description="What it was done to, as kind/id.")
    actor: str | None
    actor_name: str | None = None
    way: Way
    correlation_id: str | None
    digest: str | None
    detail: dict[str, Value]
    about: AboutTold | None = None


def audit_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/audit-log`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["operations"])
    admin = having_role(looking.callers, CallerRole.ADMIN)

    @routes.get("/audit-log")
    async def log(
        caller: Annotated[Caller, Depends(admin)],
        page: Annotated[Paging, Depends(paging)],
        actor: Annotated[_Filter | None, Query(description="Only what this user did.")] = None,
        action: Annotated[_Filter | None, Query(description="Only this, as in enrollment.steered.")] = None,
        subject: Annotated[_Filter | None, Query(description="Only what was done to this, as kind/id.")] = None,
    ) -> Page[EntryTold]:
        """What was done in the organization's name, the latest first."""
        question = (caller.organization_id, "audit-log", actor, action, subject)
        before_at, before_id = page.after(question, datetime, UUID)
        async with looking.of(caller) as connection:
            found = await audit.latest(
                connection,
                caller.organization_id,
                actor=actor,
                action=action,
                subject=subject,
                before=(before_at, before_id),
                limit=page.limit + 1,
            )
            items, following = page.cut(question, found, lambda one: (one.entry.recorded_at, one.entry.id))
            names = await naming.users(connection, caller.organization_id, (one.entry.actor for one in items))
            about = await _about(connection, caller.organization_id, [one.entry.subject for one in items])
        return Page[EntryTold](
            items=[_told(one, names, about) for one in items], next_cursor=following, read_at=looking.clock.now()
        )

    return routes


async def _about(connection: Connection, organization_id: str, subjects: list[str]) -> dict[str, AboutTold]:
    """What some subjects are about, of those of which it is known."""
    asked = {kind: _named(subjects, kind, UUID) for kind in ("enrollment", *_OF_MAPPINGS)}
    enrollments = await naming.enrollments(connection, organization_id, asked["enrollment"].values())
    mapping_ids = {subject: id_ for kind in _OF_MAPPINGS for subject, id_ in asked[kind].items()}
    mappings = await naming.mappings(connection, organization_id, mapping_ids.values())
    cadence_ids = _named(subjects, "cadence", int)
    cadences = await naming.cadences(connection, organization_id, cadence_ids.values())
    found = {
        subject: AboutTold(
            stakeholder_id=one.stakeholder_id,
            stakeholder_name=one.name,
            cadence_id=one.cadence_id,
            cadence_name=one.cadence_name,
        )
        for subject, id_ in asked["enrollment"].items()
        if (one := enrollments.get(id_)) is not None
    }
    found |= {
        subject: AboutTold(mapping_id=mapping.mapping_id, trigger_type=mapping.trigger_type, segment=mapping.segment)
        for subject, id_ in mapping_ids.items()
        if (mapping := mappings.get(id_)) is not None
    }
    return found | {
        subject: AboutTold(cadence_id=id_, cadence_name=cadences[id_])
        for subject, id_ in cadence_ids.items()
        if id_ in cadences
    }


def _named(subjects: list[str], kind: str, as_: Callable[[str], T]) -> dict[str, T]:
    """The ids in those subjects that are of this kind, without what is no such id."""
    found: dict[str, T] = {}
    for subject in subjects:
        of, _, id_ = subject.partition("/")
        if of == kind:
            with suppress(ValueError):
                found[subject] = as_(id_)
    return found


def _told(one: audit.Sealed, names: Mapping[str, str], about: Mapping[str, AboutTold]) -> EntryTold:
    entry = one.entry
    return EntryTold(
        id=entry.id,
        sequence=one.sequence,
        hash=None if one.hash is None else f"sha256:{one.hash.hex()}",
        done_at=entry.done_at,
        recorded_at=entry.recorded_at,
        action=entry.action,
        subject=entry.subject,
        actor=entry.actor,
        actor_name=names.get(entry.actor) if entry.actor is not None else None,
        way=Way(entry.way),
        correlation_id=entry.correlation_id,
        digest=entry.digest,
        detail=dict(entry.detail),
        about=about.get(entry.subject),
    )

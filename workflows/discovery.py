"""What an organization can choose from: its team's cadences as last read, with what is known of their success.

Salesloft is not asked here: it is read by age or by a hint (`workflows/catalogue.py`), and where it cannot be read the
copy is answered with its age. Every figure says who counted, whom, and as of when.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from storage import cadences
from storage.cadences import CadenceRow, CatalogueState
from storage.pool import Connection
from workflows.audit import Action, Done, note
from workflows.cadence_figures import Figure, Observed, people_figures, success_figures

__all__ = [
    "Cadence",
    "CadenceCatalogue",
    "CadenceDay",
    "CadenceStep",
    "CadenceUnknown",
    "Figure",
    "Owner",
    "describe_cadence",
    "discover_cadences",
]


class CadenceUnknown(LookupError):
    """The organization's team has no such cadence, as far as it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A cadence's owner; name and address are None of a user whom the token's user may not see."""

    user_id: int
    name: str | None
    email: str | None
    active: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceStep:
    """A step; one that is not `enabled` is passed over."""

    id: int
    name: str | None
    type: str
    step_number: int
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceDay:
    """What is due on a business day of the cadence, which begins with day 1."""

    day: int
    steps: tuple[CadenceStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """A cadence. `description` is our organization's own note, for Salesloft has none.

    `people_addable` is false of drafts and of what is over, and `not_addable` says which; to one that is not a team's
    only its owner's people can be added. `step_types` counts the enabled steps. `duration_business_days` is the day of
    the last of them.
    """

    id: int
    name: str
    description: str | None
    owner: Owner | None
    state: str
    tags: tuple[str, ...]
    team_cadence: bool
    people_addable: bool
    not_addable: str | None
    days: tuple[CadenceDay, ...]
    step_count: int
    step_types: Mapping[str, int]
    duration_business_days: int
    people: tuple[Figure, ...]
    success: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceCatalogue:
    """A team's cadences as of `read_at`; None where they never were.

    `stale` is true of what is older than it should be. While another reading waits, `refreshing` is true, and
    `refresh_error` says why the last attempt failed.
    """

    organization_id: str
    connected: bool
    read_at: datetime | None
    age: timedelta | None
    stale: bool
    refreshing: bool
    refresh_error: str | None
    cadences: tuple[Cadence, ...]


async def discover_cadences(
    connection: Connection,
    organization_id: str,
    now: datetime,
    *,
    cadence_id: int | None = None,
    fresh_for: timedelta = timedelta(hours=6),
) -> CadenceCatalogue:
    """An organization's cadences by name, or one alone. `fresh_for` is the age at which they are read again."""
    state = await cadences.catalogue_state(connection, organization_id)
    rows = await cadences.show(connection, organization_id, cadence_id=cadence_id)
    stays, people = await cadences.observed(connection, organization_id, cadence_id=cadence_id)
    observed = Observed(
        stays=stays,
        people=people,
        goals=await cadences.goals(connection, organization_id, cadence_id=cadence_id),
        ends=await cadences.stream_ends(connection, organization_id),
        now=now,
    )
    state = state or CatalogueState(connection=None, read_at=None, asked_at=None, due_at=None, last_error=None)
    age = max(now - state.read_at, timedelta()) if state.read_at is not None else None
    return CadenceCatalogue(
        organization_id=organization_id,
        connected=state.connection == "connected",
        read_at=state.read_at,
        age=age,
        stale=age is None or age > fresh_for,
        refreshing=state.asked_at is not None,
        refresh_error=state.last_error,
        cadences=tuple(_cadence(row, observed) for row in rows),
    )


async def describe_cadence(
    connection: Connection,
    organization_id: str,
    cadence_id: int,
    description: str,
    *,
    by: str | None,
    now: datetime,
) -> None:
    """Keep our own description of a cadence; an empty one is none. Raises CadenceUnknown."""
    if not await cadences.show(connection, organization_id, cadence_id=cadence_id):
        raise CadenceUnknown(f"the team of {organization_id} has no cadence {cadence_id}")
    await cadences.describe(connection, organization_id, cadence_id, description.strip(), by=by, now=now)
    subject = f"cadence/{cadence_id}"
    done = Done(organization_id, Action.CADENCE_DESCRIBED, subject, by=by, digested=description.strip())
    await note(connection, done, now=now)


def _cadence(row: CadenceRow, observed: Observed) -> Cadence:
    days: dict[int, list[CadenceStep]] = {}
    for step in row.steps:
        days.setdefault(step["day"], []).append(_step(step))
    enabled = [step for step in row.steps if not step["disabled"]]
    state = _state(row)
    return Cadence(
        id=row.cadence_id,
        name=row.name,
        description=row.description,
        owner=(
            Owner(user_id=row.owner_user_id, name=row.owner_name, email=row.owner_email, active=row.owner_active)
            if row.owner_user_id is not None
            else None
        ),
        state=state,
        tags=tuple(row.record.get("tags") or ()),
        team_cadence=row.team_cadence,
        people_addable=row.people_addable,
        not_addable=None if row.people_addable else state,
        days=tuple(CadenceDay(day=day, steps=tuple(steps)) for day, steps in sorted(days.items())),
        step_count=len(enabled),
        step_types=dict(Counter(step["type"] for step in enabled)),
        duration_business_days=max((step["day"] for step in enabled), default=0),
        people=people_figures(row, observed),
        success=success_figures(row, observed),
    )


def _step(step: dict[str, Any]) -> CadenceStep:
    return CadenceStep(
        id=step["id"],
        name=step["name"],
        type=step["type"],
        step_number=step["step_number"],
        enabled=not step["disabled"],
    )


def _state(row: CadenceRow) -> str:
    """Older tenants do not tell it, but what it follows from."""
    if row.current_state is not None:
        return row.current_state
    if row.record.get("archived") or row.record.get("archived_at"):
        return "archived"
    return "draft" if row.record.get("draft") else "active"

"""What an organization can choose from: its team's cadences as last read, with what is known of their success.

Salesloft is not asked here: it is read by age or by a hint (`workflows/catalogue.py`), and where it cannot be read the
copy is answered with its age. Every figure says who counted, whom, and as of when.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from activity.units import Metric
from storage import cadences
from storage.cadences import CadenceRow, CatalogueState, Goals, Stays
from storage.pool import Connection

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

FigureSource = Literal["salesloft", "cscx"]


class CadenceUnknown(LookupError):
    """The organization's team has no such cadence, as far as it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number, or a ratio of two.

    `source` is `salesloft` for what its own counters say of everybody who was ever on the cadence, `cscx` for what we
    have seen of the stakeholders' people. `as_of` is when the source said so, None where it has not been read to its
    end yet. A `value` is None where there is nothing to divide by.
    """

    name: str
    value: float | None
    numerator: int
    denominator: int | None
    source: FigureSource
    as_of: datetime | None
    meaning: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observed:
    stays: Mapping[int, Stays]
    people: Mapping[tuple[int, str], int]
    goals: Mapping[int, Goals]
    ends: Mapping[str, datetime | None]
    now: datetime


async def discover_cadences(
    connection: Connection, organization_id: str, now: datetime, *, fresh_for: timedelta = timedelta(hours=6)
) -> CadenceCatalogue:
    """An organization's cadences by name. `fresh_for` is the age at which they are read again."""
    state = await cadences.catalogue_state(connection, organization_id)
    rows = await cadences.show(connection, organization_id)
    observed = _Observed(
        stays=await cadences.stays(connection, organization_id),
        people=await cadences.people_by_metric(connection, organization_id),
        goals=await cadences.goals(connection, organization_id),
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
    if cadence_id not in {row.cadence_id for row in await cadences.show(connection, organization_id)}:
        raise CadenceUnknown(f"the team of {organization_id} has no cadence {cadence_id}")
    await cadences.describe(connection, organization_id, cadence_id, description.strip(), by=by, now=now)


def _cadence(row: CadenceRow, observed: _Observed) -> Cadence:
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
        people=_people(row, observed),
        success=(*_told_success(row), *_seen_success(row, observed)),
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


def _people(row: CadenceRow, observed: _Observed) -> tuple[Figure, ...]:
    counts = row.record.get("counts") or {}
    told = [
        _count("people_ever", counts["cadence_people"], row.refreshed_at, "were ever added to it, by anybody")
        if counts.get("cadence_people") is not None
        else None,
        _count("people_acted_on", counts["people_acted_on_count"], row.refreshed_at, "were worked on by a user")
        if counts.get("people_acted_on_count") is not None
        else None,
    ]
    stays = observed.stays.get(row.cadence_id, Stays(0, 0, 0, 0))
    as_of = observed.ends.get("memberships")
    seen = [
        _seen("people_known_ever", stays.people, None, as_of, "of our stakeholders were ever on it"),
        _seen("people_known_now", stays.people_now, None, as_of, "of our stakeholders are on it"),
    ]
    return (*(one for one in told if one is not None), *seen)


def _count(name: str, count: int, as_of: datetime, meaning: str) -> Figure:
    return Figure(
        name=name,
        value=float(count),
        numerator=count,
        denominator=None,
        source="salesloft",
        as_of=as_of,
        meaning=f"people who {meaning}",
    )


def _told_success(row: CadenceRow) -> Sequence[Figure]:
    """What Salesloft's own counters say, as far as it gives them."""
    counts, stats = row.record.get("counts") or {}, row.stats or {}
    ratios = [
        ("meeting_rate", counts.get("meetings_booked"), counts.get("cadence_people"), row.refreshed_at,
         "meetings booked for each person ever added"),
        ("opportunity_rate", counts.get("opportunities_created"), counts.get("cadence_people"), row.refreshed_at,
         "opportunities created for each person ever added"),
        ("email_reply_rate", stats.get("replied_count"), stats.get("sent_emails_count"), row.stats_read_at,
         "of the e-mails sent were answered"),
        ("email_view_rate", stats.get("viewed_count"), stats.get("sent_emails_count"), row.stats_read_at,
         "of the e-mails sent were opened"),
    ]  # fmt: skip
    return [
        Figure(
            name=name,
            value=part / whole if whole else None,
            numerator=part,
            denominator=whole,
            source="salesloft",
            as_of=as_of,
            meaning=meaning,
        )
        for name, part, whole, as_of, meaning in ratios
        if part is not None and whole is not None
    ]


def _seen_success(row: CadenceRow, observed: _Observed) -> Sequence[Figure]:
    """What we have seen of the stakeholders' people."""

    def people(metric: Metric) -> int:
        return observed.people.get((row.cadence_id, metric.value), 0)

    stays = observed.stays.get(row.cadence_id, Stays(0, 0, 0, 0))
    goals = observed.goals.get(row.cadence_id, Goals(0, 0))
    emails, memberships = observed.ends.get("emails"), observed.ends.get("memberships")
    sent = people(Metric.EMAIL_SENT)
    return [
        _seen("goal_rate", goals.reached, goals.enrollments, observed.now,
              "of our enrollments ended because the customer did what the cadence is for"),
        _seen("reply_rate", people(Metric.EMAIL_REPLIED), sent, emails, "of the people written to have answered"),
        _seen("open_rate", people(Metric.EMAIL_OPENED), sent, emails, "of the people written to have opened one"),
        _seen("bounce_rate", people(Metric.EMAIL_BOUNCED), sent, emails, "of the people written to have bounced"),
        _seen("completion_rate", stays.completed, stays.ended, memberships, "of the stays that ended were completed"),
    ]  # fmt: skip


def _seen(name: str, part: int, whole: int | None, as_of: datetime | None, meaning: str) -> Figure:
    value = float(part) if whole is None else part / whole if whole else None
    return Figure(
        name=name, value=value, numerator=part, denominator=whole, source="cscx", as_of=as_of, meaning=meaning
    )

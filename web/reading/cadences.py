"""Cadences to choose from, as last read of Salesloft, with our own notes and what is known of their success."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import ConfigDict, Field

from schemas.fields import Instant
from web.paging import Paging, paging
from web.problems import absent
from web.reading.asking import Looked, Looking, anybody
from web.security import Caller
from workflows.cadence_figures import Figure
from workflows.discovery import Cadence, CadenceCatalogue, discover_cadences

__all__ = ["cadence_routes"]

# An id beyond them is nobody's, and the database cannot be asked for it.
_BITS = 63
_OUR_NOTE = "The organization's own note, for Salesloft has no descriptions; null where nobody wrote one."


class CadenceOwner(Looked):
    """Name and address are null of a user whom the connected user may not see."""

    user_id: int
    name: str | None
    email: str | None
    active: bool | None


class CadenceFigure(Looked):
    """A number, or a ratio of two, with who counted it and when.

    `source` is `salesloft` for its own counters of everybody who was ever on the cadence, `cscx` for what this service
    has seen of the organization's stakeholders. `value` is null where there is nothing to divide by.
    """

    name: str
    value: float | None
    numerator: int
    denominator: int | None
    source: Literal["salesloft", "cscx"]
    as_of: Instant | None
    age_seconds: int | None
    meaning: str


class StepOnDay(Looked):
    """A step; one that is not enabled is passed over."""

    id: int
    name: str | None
    type: str
    step_number: int
    enabled: bool


class DayOfCadence(Looked):
    """What is due on a business day of the cadence, which begins with day 1."""

    day: int
    steps: list[StepOnDay]


class CadenceSummary(Looked):
    """A cadence. `people_addable` is false of drafts and of what is over, and `not_addable` says which."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 456,
                    "name": "Renewal 90",
                    "description": "For contracts that end within three months.",
                    "owner": {"user_id": 12, "name": "Kim", "email": "csm@cscx.example", "active": True},
                    "state": "active",
                    "tags": ["renewal"],
                    "team_cadence": True,
                    "people_addable": True,
                    "not_addable": None,
                    "step_count": 7,
                    "step_types": {"email": 5, "phone": 2},
                    "duration_business_days": 21,
                    "people": [],
                    "success": [
                        {
                            "name": "reply_rate",
                            "value": 0.25,
                            "numerator": 5,
                            "denominator": 20,
                            "source": "cscx",
                            "as_of": "2026-11-25T10:30:04.000000Z",
                            "age_seconds": 312,
                            "meaning": "of the people written to have answered",
                        }
                    ],
                }
            ]
        }
    )

    id: int
    name: str
    description: str | None = Field(description=_OUR_NOTE)
    owner: CadenceOwner | None
    state: str
    tags: list[str]
    team_cadence: bool
    people_addable: bool
    not_addable: str | None
    step_count: int = Field(description="Of the enabled steps.")
    step_types: dict[str, int]
    duration_business_days: int = Field(description="The day of the last enabled step.")
    people: list[CadenceFigure]
    success: list[CadenceFigure]


class CatalogueAge(Looked):
    """When the team's cadences were last read; `stale` where that is longer ago than it should be.

    While another reading waits, `refreshing` is true, and `refresh_error` says why the last attempt failed.
    """

    connected: bool
    as_of: Instant | None
    age_seconds: int | None
    stale: bool
    refreshing: bool
    refresh_error: str | None


class CadencePage(Looked):
    items: list[CadenceSummary]
    next_cursor: str | None
    catalogue: CatalogueAge
    read_at: Instant


class CadenceDetail(CadenceSummary):
    """A cadence with its steps on their days."""

    model_config = ConfigDict(json_schema_extra={})

    days: list[DayOfCadence]
    catalogue: CatalogueAge
    read_at: Instant


def cadence_routes(looking: Looking) -> APIRouter:
    """`GET /api/salesloft/cadences` and `GET /api/salesloft/cadences/{id}`."""
    routes = APIRouter(prefix="/api/salesloft/cadences", tags=["cadences"])
    who = anybody(looking)

    @routes.get("")
    async def cadences(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        q: Annotated[str | None, Query(max_length=200, description="A part of the name, the note or a tag.")] = None,
        state: Annotated[str | None, Query(max_length=50, description="Salesloft's: active, draft, archived.")] = None,
        owner_user_id: Annotated[int | None, Query(description="Salesloft's id of the owner.")] = None,
        *,
        people_addable: Annotated[bool | None, Query(description="Whether people can be added.")] = None,
        team_cadence: Annotated[bool | None, Query(description="Whether it is the team's or one user's.")] = None,
        step_type: Annotated[str | None, Query(max_length=50, description="Has an enabled step of this type.")] = None,
    ) -> CadencePage:
        """The team's cadences by name, as they were last read of Salesloft.

        Their descriptions are the organization's own notes: Salesloft has none.
        """
        question = (caller.organization_id, q, state, owner_user_id, people_addable, team_cadence, step_type)
        after = page.after(question, str, int)
        async with looking.of(caller) as connection:
            catalogue = await discover_cadences(connection, caller.organization_id, looking.clock.now())
        wanted = [
            one
            for one in catalogue.cadences
            if (q is None or _mentions(one, q.casefold()))
            and state in {None, one.state}
            and (owner_user_id is None or (one.owner is not None and one.owner.user_id == owner_user_id))
            and people_addable in {None, one.people_addable}
            and team_cadence in {None, one.team_cadence}
            and (step_type is None or step_type in one.step_types)
        ]
        wanted.sort(key=_place)
        beyond = [one for one in wanted if after[0] is None or _place(one) > after]
        items, following = page.cut(question, beyond[: page.limit + 1], _place)
        return CadencePage(
            items=[CadenceSummary(**_summary(one)) for one in items],
            next_cursor=following,
            catalogue=_age(catalogue),
            read_at=looking.clock.now(),
        )

    @routes.get("/{cadence_id}")
    async def cadence(
        caller: Annotated[Caller, Depends(who)], cadence_id: Annotated[int, Path(description="Salesloft's id.")]
    ) -> CadenceDetail:
        """One cadence, with its steps on their days and every figure with who counted it."""
        if cadence_id.bit_length() > _BITS:
            raise absent("cadence", cadence_id)
        async with looking.of(caller) as connection:
            now = looking.clock.now()
            catalogue = await discover_cadences(connection, caller.organization_id, now, cadence_id=cadence_id)
        if not catalogue.cadences:
            raise absent("cadence", cadence_id)
        (found,) = catalogue.cadences
        return CadenceDetail(
            **_summary(found),
            days=[
                DayOfCadence(day=day.day, steps=[StepOnDay.model_validate(s, from_attributes=True) for s in day.steps])
                for day in found.days
            ],
            catalogue=_age(catalogue),
            read_at=looking.clock.now(),
        )

    return routes


def _place(one: Cadence) -> tuple[str, int]:
    return one.name.lower(), one.id


def _mentions(one: Cadence, part: str) -> bool:
    return any(part in text.casefold() for text in (one.name, one.description or "", *one.tags))


def _age(catalogue: CadenceCatalogue) -> CatalogueAge:
    return CatalogueAge(
        connected=catalogue.connected,
        as_of=catalogue.read_at,
        age_seconds=int(catalogue.age.total_seconds()) if catalogue.age is not None else None,
        stale=catalogue.stale,
        refreshing=catalogue.refreshing,
        refresh_error=catalogue.refresh_error,
    )


def _summary(one: Cadence) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "owner": CadenceOwner.model_validate(one.owner, from_attributes=True) if one.owner is not None else None,
        "state": one.state,
        "tags": list(one.tags),
        "team_cadence": one.team_cadence,
        "people_addable": one.people_addable,
        "not_addable": one.not_addable,
        "step_count": one.step_count,
        "step_types": dict(one.step_types),
        "duration_business_days": one.duration_business_days,
        "people": [_figure(figure) for figure in one.people],
        "success": [_figure(figure) for figure in one.success],
    }


def _figure(figure: Figure) -> CadenceFigure:
    return CadenceFigure(
        name=figure.name,
        value=figure.value,
        numerator=figure.numerator,
        denominator=figure.denominator,
        source=figure.source,
        as_of=figure.as_of,
        age_seconds=int(figure.age.total_seconds()) if figure.age is not None else None,
        meaning=figure.meaning,
    )

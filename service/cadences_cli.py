"""`cadences`: what an organization can choose from, with its age, and our own notes on it."""

import getpass
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table

from service.settings import Settings
from storage.pool import Database
from workflows.audit import Action, Done, note
from workflows.catalogue import refresh_soon
from workflows.clock import Clock
from workflows.discovery import Cadence, CadenceCatalogue, Figure, describe_cadence, discover_cadences

__all__ = ["CadenceWork", "cadences_app"]


@dataclass(frozen=True, slots=True)
class CadenceWork:
    """What the commands work with."""

    database: Database
    clock: Clock


Opened = Callable[[Settings], AbstractAsyncContextManager[CadenceWork]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
_Organization = Annotated[str, typer.Argument(help="The organization's id.")]


def cadences_app(run: Run, opened: Opened, out: Console) -> typer.Typer:
    """The commands. `run` runs one with the settings, `opened` connects what it needs for its length."""
    app = typer.Typer(name="cadences", help="An organization's Salesloft cadences.", no_args_is_help=True)

    async def shown(settings: Settings, organization: str) -> CadenceCatalogue:
        async with opened(settings) as ready, ready.database.connection() as connection:
            return await discover_cadences(connection, organization, ready.clock.now())

    @app.command("list")
    def list_(organization: _Organization) -> None:
        """All cadences as they were last read, with what is known of their success. Salesloft is not asked."""
        catalogue: CadenceCatalogue = run(lambda settings: shown(settings, organization))
        out.print(_table(catalogue))
        out.print(_as_of(catalogue))

    @app.command()
    def show(organization: _Organization, cadence: Annotated[int, typer.Argument(help="Its id in Salesloft.")]) -> None:
        """One cadence: its steps by day, and every figure with who counted it, and when."""
        catalogue: CadenceCatalogue = run(lambda settings: shown(settings, organization))
        found = next((one for one in catalogue.cadences if one.id == cadence), None)
        if found is None:
            out.print(f"[red]there is no cadence {cadence}[/]")
            raise typer.Exit(1)
        out.print(_steps(found))
        out.print(_figures(found))
        out.print(_as_of(catalogue))

    @app.command()
    def refresh(organization: _Organization) -> None:
        """Have the running service read them again."""

        async def work(settings: Settings) -> None:
            async with opened(settings) as ready, ready.database.transaction() as connection:
                now = ready.clock.now()
                await refresh_soon(connection, organization, correlation_id=str(uuid4()), now=now)
                done = Done(organization, Action.CATALOGUE_ASKED, "cadences", by=getpass.getuser())
                await note(connection, done, now=now)

        run(work)
        out.print("asked for")

    @app.command()
    def describe(
        organization: _Organization,
        cadence: Annotated[int, typer.Argument(help="Its id in Salesloft.")],
        description: Annotated[str, typer.Argument(help="What it is for; an empty one takes it away.")],
    ) -> None:
        """Write our own note on a cadence; Salesloft has none."""

        async def work(settings: Settings) -> None:
            async with opened(settings) as ready, ready.database.transaction() as connection:
                now, by = ready.clock.now(), getpass.getuser()
                await describe_cadence(connection, organization, cadence, description, by=by, now=now)

        run(work)
        out.print("kept")

    return app


def _table(catalogue: CadenceCatalogue) -> Table:
    table = Table("id", "cadence", "owner", "state", "tags", "steps", "business days", "people", "success", expand=True)
    for one in catalogue.cadences:
        people = {figure.name: figure for figure in one.people}
        table.add_row(
            str(one.id),
            one.name if one.description is None else f"{one.name}\n[dim]{one.description}[/]",
            one.owner.name or str(one.owner.user_id) if one.owner is not None else "",
            one.state if one.people_addable else f"[yellow]{one.state}[/]",
            ", ".join(one.tags),
            f"{one.step_count}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(one.step_types.items())),
            str(one.duration_business_days),
            "\n".join(_people(people[name]) for name in ("people_ever", "people_known_now") if name in people),
            "\n".join(_told(figure) for figure in one.success if figure.value is not None) or "nothing to tell yet",
        )
    return table


def _steps(cadence: Cadence) -> Table:
    table = Table("day", "step", "type", "id", title=f"{cadence.name} ({cadence.id})")
    for day in cadence.days:
        for step in day.steps:
            name = step.name or ""
            table.add_row(str(day.day), name if step.enabled else f"[dim]{name} (off)[/]", step.type, str(step.id))
    return table


def _figures(cadence: Cadence) -> Table:
    table = Table("figure", "value", "of", "source", "as of")
    for figure in (*cadence.people, *cadence.success):
        value = "" if figure.value is None else f"{figure.value:.0%}" if figure.denominator else f"{figure.value:.0f}"
        of = "" if figure.denominator is None else f"{figure.numerator} of {figure.denominator}"
        as_of = figure.as_of.isoformat(timespec="seconds") if figure.as_of is not None else "not read to its end yet"
        table.add_row(figure.meaning, value, of, figure.source, as_of)
    return table


def _people(figure: Figure) -> str:
    return f"{figure.numerator} {'ever' if figure.name == 'people_ever' else 'of ours now'} [dim]{figure.source}[/]"


def _told(figure: Figure) -> str:
    return f"{figure.name.replace('_', ' ')} {figure.value or 0:.0%} [dim]{figure.source}[/]"


def _as_of(catalogue: CadenceCatalogue) -> str:
    if catalogue.read_at is None or catalogue.age is None:
        return "[yellow]never read[/]: connect the organization first"
    told = f"read {_age(catalogue.age)} ago"
    if catalogue.stale:
        told = f"[yellow]{told}, which is long[/]"
    if not catalogue.connected:
        return f"{told}; [red]not connected[/]"
    if catalogue.refresh_error is not None:
        return f"{told}; the last attempt failed: [red]{catalogue.refresh_error}[/]"
    return f"{told}; another reading is asked for" if catalogue.refreshing else told


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"

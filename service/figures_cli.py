"""`figures`: how right, how faithful and how complete the service has been for an organization."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from enrollment.accuracy import Counted
from service.settings import Settings
from storage import stored_evaluations
from storage.pool import Database
from workflows.clock import Clock
from workflows.figures import Figures, count_figures

__all__ = ["Timed", "add_figures"]

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Timed:
    """The database, and whose time counts."""

    database: Database
    clock: Clock


Opened = Callable[[Settings], AbstractAsyncContextManager[Timed]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]


def add_figures(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    """Add the command. `run` runs one with the settings, `opened` connects what it needs for its length."""

    @app.command()
    def figures(
        organization: Annotated[str, typer.Argument(help="The organization's id.")],
        *,
        days: Annotated[int, typer.Option(min=1, max=365, help="Of the last so many days.")] = 1,
    ) -> None:
        """Make the last days' decisions again and compare, and look whether enrollments were carried out as approved.

        Nothing is written; the figures of each day are published by the service itself, after midnight in UTC. The
        exit code is 1 where something differs.
        """

        async def work(settings: Settings) -> Figures:
            async with opened(settings) as ready, ready.database.reading() as connection:
                until = ready.clock.now()
                since = until - timedelta(days=days)
                total = await stored_evaluations.count_between(connection, organization, since, until)
                columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
                with Progress(*columns, console=out, transient=True) as bar:
                    task = bar.add_task("deciding again", total=total)
                    return await count_figures(
                        connection, organization, since, until, progress=lambda many: bar.advance(task, many)
                    )

        found: Figures = run(work)
        out.print(_table(found))
        _differences(found, out)
        if found.different or found.deviating:
            raise typer.Exit(1)


def _table(found: Figures) -> Table:
    row = found.row
    table = Table("figure", "ratio", "part", "whole", title=f"{row.since:%Y-%m-%d %H:%M} to {row.until:%Y-%m-%d %H:%M}")
    for name, counted in (
        ("accuracy: decisions that come out the same", row.accuracy),
        ("consistency: enrollments carried out as approved", row.consistency),
        ("completeness: units of Salesloft accounted for", row.completeness),
    ):
        table.add_row(name, _ratio(counted), str(counted.part), str(counted.whole))
    return table


def _ratio(counted: Counted) -> str:
    return "nothing to count" if counted.ratio is None else f"{counted.ratio:.4%}"


def _differences(found: Figures, out: Console) -> None:
    if found.not_possible:
        out.print(f"{found.not_possible} evaluations cannot be made again: what they rest on was erased or never kept")
    for evaluation_id in found.different[:_SHOWN]:
        out.print(f"comes out otherwise: evaluation {evaluation_id}", soft_wrap=True)
    for enrollment_id, what in list(found.deviating.items())[:_SHOWN]:
        out.print(f"not as approved: enrollment {enrollment_id}, {', '.join(what)}", soft_wrap=True)

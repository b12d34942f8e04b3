"""`suppressions`: whom an organization never contacts."""

import getpass
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from enrollment.suppression import Suppressible
from service.roles import database_options, running_clock
from service.settings import Settings
from storage.policies import Suppression, list_suppressions
from storage.pool import Database
from workflows.suppressions import suppress, unsuppress

__all__ = ["suppressions_app"]

Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
_Organization = Annotated[str, typer.Argument(help="The organization's id.")]
_Entries = Annotated[list[str], typer.Argument(help="Addresses, or domains, which stand for those below them, too.")]


def suppressions_app(run: Run, out: Console) -> typer.Typer:
    """The commands. `run` runs one with the settings."""
    app = typer.Typer(
        name="suppressions", help="Addresses and domains that an organization never contacts.", no_args_is_help=True
    )

    @app.command()
    def add(
        organization: _Organization,
        entries: _Entries,
        note: Annotated[str | None, typer.Option(help="Why they are not contacted.")] = None,
    ) -> None:
        """Put addresses and domains on the list. Who is approved already is not enrolled any more."""

        async def work(settings: Settings) -> set[Suppressible]:
            async with (
                running_clock(settings) as (clock, _),
                Database.connected(database_options(settings)) as database,
                database.transaction() as connection,
            ):
                return await suppress(
                    connection, organization, entries, note=note, by=getpass.getuser(), now=clock.now()
                )

        added: set[Suppressible] = run(work)
        for entry in sorted(added):
            out.print(f"added {entry.kind} {entry.value}")
        out.print(f"{len(added)} added")

    @app.command()
    def remove(organization: _Organization, entries: _Entries) -> None:
        """Take addresses and domains off the list."""

        async def work(settings: Settings) -> set[Suppressible]:
            async with (
                running_clock(settings) as (clock, _),
                Database.connected(database_options(settings)) as database,
                database.transaction() as connection,
            ):
                return await unsuppress(connection, organization, entries, by=getpass.getuser(), now=clock.now())

        removed: set[Suppressible] = run(work)
        for entry in sorted(removed):
            out.print(f"removed {entry.kind} {entry.value}")
        out.print(f"{len(removed)} removed")

    @app.command("list")
    def list_(organization: _Organization) -> None:
        """Everything on the list."""

        async def work(settings: Settings) -> list[Suppression]:
            async with (
                Database.connected(database_options(settings)) as database,
                database.connection() as connection,
            ):
                return await list_suppressions(connection, organization)

        table = Table("kind", "value", "since", "by", "note")
        for one in run(work):
            since = one.added_at.isoformat(timespec="seconds")
            table.add_row(one.entry.kind, one.entry.value, since, one.added_by or "", one.note or "")
        out.print(table)

    return app

"""`connections`: organizations' connections to their Salesloft teams."""

import getpass
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from service.roles import database_options, keyring, opened_authorizations, opened_sessions, running_clock
from service.settings import Settings
from storage import connections
from storage.connections import SalesloftConnection
from storage.pool import Database
from workflows.credentials import ApiKey
from workflows.key_rotation import Rotated, rotate_keys
from workflows.scopes import Need, missing
from workflows.session import Connected, Sessions

__all__ = ["connections_app"]

T = TypeVar("T")
Work = Callable[[Settings], Coroutine[Any, Any, T]]
Run = Callable[[Work[Any]], Any]
Organization = Annotated[str, typer.Argument(help="The organization's id.")]


def connections_app(run: Run, console: Console | None = None) -> typer.Typer:
    """The commands; `run` does a piece of work with the settings, and turns what is expected into one line."""
    app = typer.Typer(help="Organizations' connections to Salesloft.", no_args_is_help=True)
    out = console or Console(highlight=False)
    _add_connecting(app, run, out)
    _add_status(app, run, out)
    _add_disconnecting(app, run, out)
    _add_rotation(app, run, out)
    return app


def _add_connecting(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command()
    def connect(
        organization: Organization,
        *,
        client_id: Annotated[
            str | None, typer.Option(help="Connect by this application of the team's own, its secret being read.")
        ] = None,
    ) -> None:
        """Connect an organization by an API key, or a client's secret, read from standard input."""
        secret = sys.stdin.readline().strip()
        if not secret:
            out.print("[red]no key[/]: give it on standard input, as in `connect org-1 < key-file`")
            raise typer.Exit(2)

        async def work(settings: Settings) -> Connected:
            async with running_clock(settings) as (clock, _), opened_sessions(settings, clock) as sessions:
                return await _connected(sessions, organization, client_id, secret)

        connected: Connected = run(work)
        out.print(
            f"{organization} is connected to {connected.team_name or 'team'} ({connected.team_id}):"
            f" {connected.cadences} cadences, {connected.users} users"
        )
        _tell_missing(connected.missing, out)
        if connected.parked:
            out.print(
                f"{connected.parked} mappings are of another team and decide nothing:"
                f" `mappings validate {organization}`, or publish them anew"
            )

    @app.command()
    def authorize(organization: Organization) -> None:
        """Say where a user of Salesloft allows the connection; the api role takes the answer, within ten minutes."""

        async def work(settings: Settings) -> str:
            async with running_clock(settings) as (clock, _), opened_authorizations(settings, clock) as authorizations:
                return (await authorizations.begin(organization, getpass.getuser())).url

        typer.echo(run(work))


def _add_status(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command()
    def status(organization: Organization) -> None:
        """Show how an organization is connected, and what its credential lacks."""

        async def work(settings: Settings) -> SalesloftConnection | None:
            async with Database.connected(database_options(settings)) as database, database.connection() as connection:
                return await connections.read(connection, organization)

        stored: SalesloftConnection | None = run(work)
        if stored is None:
            out.print(f"{organization} was never connected")
            raise typer.Exit(1)
        out.print(_shown(stored))
        if stored.scopes is not None:
            _tell_missing(missing(stored.scopes), out)


def _add_disconnecting(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command()
    def disconnect(organization: Organization) -> None:
        """Drop an organization's credential and end what Salesloft delivers; mappings and history stay."""

        async def work(settings: Settings) -> str:
            async with running_clock(settings) as (clock, _), opened_sessions(settings, clock) as sessions:
                done = await sessions.disconnect(organization, by=getpass.getuser())
            told = "" if done.tidied else "; Salesloft did not end all of its tokens and webhooks: revoke them there"
            return f"{organization} is no longer connected to team {done.team_id}{told}"

        out.print(run(work))


def _add_rotation(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command("rotate-keys")
    def rotate() -> None:
        """Move all secrets to the first of the encryption keys; the others may be taken away after.

        May be broken off and begun again, beside a running service that knows the new key already.
        """

        async def work(settings: Settings) -> list[Rotated]:
            bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=out)
            unreadable: list[Rotated] = []
            async with (
                running_clock(settings) as (clock, _),
                Database.connected(database_options(settings)) as database,
            ):
                with bar:
                    task = bar.add_task("secrets", total=None)
                    async for rotated in rotate_keys(database, keyring(settings), by=getpass.getuser(), clock=clock):
                        bar.update(task, completed=rotated.done, total=rotated.total)
                        if rotated.unreadable is not None:
                            unreadable.append(rotated)
            return unreadable

        left: list[Rotated] = run(work)
        for one in left:
            out.print(f"[red]{one.organization_id}[/]: {one.unreadable}")
        if left:
            raise typer.Exit(1)
        out.print("all secrets are under the first key")


async def _connected(sessions: Sessions, organization: str, client_id: str | None, secret: str) -> Connected:
    by = getpass.getuser()
    if client_id is None:
        return await sessions.connect(organization, ApiKey(secret), by=by)
    return await sessions.connect_with_client(organization, client_id, secret, by=by)


def _shown(stored: SalesloftConnection) -> Table:
    table = Table(show_header=False)
    kind = stored.credential.kind if stored.credential is not None else "none"
    end = stored.credential.expires_at if stored.credential is not None else None
    reason = f" ({stored.status_reason})" if stored.status_reason else ""
    table.add_row("status", f"{stored.status}{reason} since {stored.status_since.isoformat(timespec='seconds')}")
    table.add_row("team", f"{stored.team_name or ''} ({stored.team_id})")
    table.add_row("credential", kind if end is None else f"{kind}, its token good until {end.isoformat()}")
    by = f" by {stored.connected_by}" if stored.connected_by else ""
    table.add_row("connected", f"{stored.connected_at.isoformat(timespec='seconds')}{by}")
    return table


def _tell_missing(needs: tuple[Need, ...], out: Console) -> None:
    if not needs:
        return
    table = Table("missing scope", "needed for")
    for need in needs:
        table.add_row(need.scope, need.feature)
    out.print(table)

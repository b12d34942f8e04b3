"""`stops`: stop an organization, a mapping, a cadence or a customer at once, see what is stopped, start it again."""

import getpass
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from enrollment.stops import StopScope
from service.figures_cli import Timed
from service.settings import Settings
from service.showing import minute
from storage import holds, stops
from storage.holds import RefusedPause
from storage.stops import StandingStop
from workflows.stops import start, stop

__all__ = ["stops_app"]


Opened = Callable[[Settings], AbstractAsyncContextManager[Timed]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
_Organization = Annotated[str, typer.Argument(help="The organization's id.")]


def stops_app(run: Run, opened: Opened, out: Console) -> typer.Typer:
    """The commands. `run` runs one with the settings, `opened` connects what it needs for its length."""
    app = typer.Typer(name="stops", help="Stop enrolling at once, and start again.", no_args_is_help=True)

    @app.command("stop")
    def stop_it(
        organization: _Organization,
        *,
        reason: Annotated[str, typer.Option(help="Why, for whoever reads the list.")],
        customer: Annotated[str | None, typer.Option(help="Only this customer, by its id.")] = None,
        cadence: Annotated[int | None, typer.Option(help="Only this cadence, by Salesloft's id.")] = None,
        mapping: Annotated[UUID | None, typer.Option(help="Only this mapping, by its id.")] = None,
        until: Annotated[
            datetime | None, typer.Option(help="When it ends by itself, in UTC; else when it is started again.")
        ] = None,
        pause: Annotated[bool, typer.Option("--pause", help="Take who is on a cadence off it for the time.")] = False,
    ) -> None:
        """Request and enroll nobody any more: of the whole organization, or of what is named."""
        named = [
            (scope, str(subject))
            for scope, subject in (
                (StopScope.CUSTOMER, customer),
                (StopScope.CADENCE, cadence),
                (StopScope.MAPPING, mapping),
            )
            if subject is not None
        ]
        if len(named) > 1:
            raise typer.BadParameter("name one of customer, cadence and mapping, or none for all of the organization")
        scope, subject = named[0] if named else (StopScope.ORGANIZATION, organization)
        ends_at = until.replace(tzinfo=UTC) if until is not None else None

        async def work(settings: Settings) -> UUID:
            async with opened(settings) as ready, ready.database.transaction() as connection:
                return await stop(
                    connection,
                    organization,
                    scope=scope,
                    subject=subject,
                    reason=reason,
                    pauses_active=pause,
                    by=getpass.getuser(),
                    ends_at=ends_at,
                    now=ready.clock.now(),
                )

        out.print(f"stopped: {run(work)}")

    @app.command("list")
    def list_them(organization: _Organization) -> None:
        """What is stopped: who did it, why and until when; and who cannot be taken off a cadence that is held."""

        async def work(settings: Settings) -> tuple[list[StandingStop], list[RefusedPause]]:
            async with opened(settings) as ready, ready.database.connection() as connection:
                standing = await stops.standing(connection, organization, ready.clock.now())
                return standing, await holds.refused(connection, organization)

        standing, refused = run(work)
        table = Table("stop", "what", "by", "since", "until", "pauses", "why")
        for one in standing:
            what = one.scope.value if one.scope is StopScope.ORGANIZATION else f"{one.scope.value} {one.subject}"
            ends = minute(one.ends_at) if one.ends_at is not None else "started again"
            pauses = "yes" if one.pauses_active else "no"
            table.add_row(str(one.id), what, one.stopped_by, minute(one.stopped_at), ends, pauses, one.reason)
        out.print(table if standing else "nothing is stopped")
        for other in refused:
            out.print(
                f"[red]cannot be taken off[/]: stakeholder {other.stakeholder_id} of customer {other.customer_id},"
                f" cadence {other.cadence_id}, {other.reason} since {minute(other.refused_at)}: {other.refusal}"
            )

    @app.command("start")
    def start_it(
        organization: _Organization, stop_id: Annotated[UUID, typer.Argument(help="The stop's id, as listed.")]
    ) -> None:
        """End a stop: what waited for it goes on."""

        async def work(settings: Settings) -> None:
            async with opened(settings) as ready, ready.database.transaction() as connection:
                await start(connection, organization, stop_id, by=getpass.getuser(), now=ready.clock.now())

        run(work)
        out.print("started")

    return app

"""`sync`: have an organization's activity at Salesloft read now, read again from an instant on, or compared."""

import asyncio
import getpass
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from service.figures_cli import Timed
from service.settings import Settings
from storage import reconciliations, sync
from storage.reconciliations import PARTS, ReconciliationProgress
from storage.sync import StreamProgress
from workflows.audit import Action, Done, note
from workflows.session import NotConnected

__all__ = ["add_sync"]

_LOOK_SECONDS = 0.5
_GOES_ON = "not through yet: it goes on where a process with the role `poll` runs"

Opened = Callable[[Settings], AbstractAsyncContextManager[Timed]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]


def add_sync(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    """Add the command. `run` runs one with the settings, `opened` connects what it needs for its length."""

    @app.command("sync")
    def sync_now(
        *,
        organization: Annotated[str, typer.Option(help="The organization's id.")],
        since: Annotated[
            datetime | None, typer.Option(help="Read again what has changed since then, in UTC; else what is new.")
        ] = None,
        reconcile: Annotated[
            bool, typer.Option("--reconcile", help="Compare what we hold with what Salesloft has, as each night.")
        ] = False,
        wait: Annotated[float, typer.Option(min=0, help="Look on for so many seconds; the reading goes on after.")] = (
            600.0
        ),
    ) -> None:
        """Have the running service read what happened at Salesloft now.

        What is read again tells nothing twice: an event has the same id whenever it is noticed.
        """
        if reconcile and since is not None:
            raise typer.BadParameter("--reconcile goes back two days by itself: leave --since out")
        if reconcile:
            found = run(lambda settings: _reconciled(settings, opened, organization, wait, out))
            _show_comparison(found, out)
            return

        async def work(settings: Settings) -> list[StreamProgress]:
            async with opened(settings) as ready:
                now = ready.clock.now()
                async with ready.database.transaction() as connection:
                    asked = await sync.read_again(
                        connection,
                        organization,
                        since=min(since.replace(tzinfo=UTC), now) if since is not None else now,
                        now=now,
                    )
                    if asked:
                        detail = {"since": since.isoformat() if since is not None else None}
                        done = Done(organization, Action.SYNC_ASKED, "streams", by=getpass.getuser(), detail=detail)
                        await note(connection, done, now=now)
                if not asked:
                    raise NotConnected(organization)
                return await _looking_on(ready, organization, now, wait, out)

        streams: list[StreamProgress] = run(work)
        table = Table("stream", "looked at", "told", "owed", "")
        for one in streams:
            state = "read" if one.is_read else "goes on"
            table.add_row(one.stream.value, str(one.scanned), str(one.emitted), str(one.owed), state)
        out.print(table)
        if not all(one.is_read for one in streams):
            out.print(_GOES_ON, soft_wrap=True)


async def _looking_on(
    ready: Timed, organization_id: str, asked_at: datetime, wait: float, out: Console
) -> list[StreamProgress]:
    """How far the streams are, once they are through or the time is over."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    until = monotonic() + wait
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("streams", total=None)
        while True:
            async with ready.database.connection() as connection:
                found = await sync.progress(connection, organization_id, asked_at=asked_at)
            done, looked_at = sum(one.is_read for one in found), sum(one.scanned for one in found)
            bar.update(task, total=len(found), completed=done, description=f"{looked_at} records looked at")
            if done == len(found) or monotonic() >= until:
                return found
            await asyncio.sleep(_LOOK_SECONDS)


async def _reconciled(
    settings: Settings, opened: Opened, organization_id: str, wait: float, out: Console
) -> ReconciliationProgress:
    """How far the comparison is that is asked for here, once it is through or the time is over."""
    async with opened(settings) as ready:
        asked_at = ready.clock.now()
        async with ready.database.transaction() as connection:
            if not await reconciliations.ask(connection, organization_id, asked_at):
                raise NotConnected(organization_id)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        until = monotonic() + wait
        with Progress(*columns, console=out, transient=True) as bar:
            task = bar.add_task("parts", total=len(PARTS))
            while True:
                async with ready.database.connection() as connection:
                    found = await reconciliations.progress(connection, organization_id, asked_at=asked_at)
                done = len(PARTS) if found.is_through else PARTS.index(found.part or PARTS[0])
                told = f"{found.part or 'all'}: {found.scanned} records looked at"
                bar.update(task, completed=done, description=told)
                if found.is_through or monotonic() >= until:
                    return found
                await asyncio.sleep(_LOOK_SECONDS)


def _show_comparison(found: ReconciliationProgress, out: Console) -> None:
    table = Table("looked at", "passed over", "gone at Salesloft", "")
    state = "compared" if found.is_through else "goes on"
    table.add_row(str(found.scanned), str(found.holes), str(found.deletions), state)
    out.print(table)
    if not found.is_through:
        out.print(_GOES_ON, soft_wrap=True)

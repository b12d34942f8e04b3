"""`people`: tell Salesloft of everybody at an organization, and choose what is told."""

import asyncio
import getpass
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from fulfillment.worker import CommandWorker
from service.settings import Settings
from storage import connections
from storage.people_syncs import PeopleSync
from storage.pool import Database
from workflows.clock import Clock
from workflows.field_mapping import parse_field_mapping, publish_field_mapping, read_field_mapping
from workflows.people_sync import begin_people_sync, read_people_sync
from workflows.session import NotConnected

__all__ = ["PeopleWork", "follow", "people_app"]

_LOOKED_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class PeopleWork:
    """What the commands work with. The worker carries out syncs alone, this process's or another's."""

    database: Database
    clock: Clock
    worker: CommandWorker


Opened = Callable[[Settings], AbstractAsyncContextManager[PeopleWork]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]


def people_app(run: Run, opened: Opened, out: Console) -> typer.Typer:
    """The commands. `run` runs one with the settings, `opened` connects what it needs for its length."""
    app = typer.Typer(name="people", help="Stakeholders as people in Salesloft.", no_args_is_help=True)

    @app.command()
    def sync(organization: Annotated[str, typer.Argument(help="The organization's id.")]) -> None:
        """Tell Salesloft of every stakeholder who is new or changed, in one bulk job.

        Broken off, it goes on when it is called again, or by itself where the service runs. Who is unchanged costs no
        call.
        """

        async def work(settings: Settings) -> PeopleSync:
            async with opened(settings) as ready:
                return await _sync(ready, organization, out)

        done: PeopleSync = run(work)
        out.print(_summary(done))
        if done.error is not None:
            out.print(f"[red]failed[/]: {done.error}")
            raise typer.Exit(1)

    @app.command()
    def fields(
        organization: Annotated[str, typer.Argument(help="The organization's id.")],
        file: Annotated[
            Path | None, typer.Option("--publish", help="JSON of the mapping that counts from now.")
        ] = None,
    ) -> None:
        """Show which facts are told in which of a person's fields, or publish another choice."""

        async def work(settings: Settings) -> str:
            async with opened(settings) as ready, ready.database.transaction() as connection:
                if file is not None:
                    mapping = parse_field_mapping(await asyncio.to_thread(file.read_bytes))
                    now = ready.clock.now()
                    await publish_field_mapping(connection, organization, mapping, by=getpass.getuser(), now=now)
                shown = (await read_field_mapping(connection, organization)).model_dump(mode="json", exclude_none=True)
                return json.dumps(shown, indent=2, ensure_ascii=False)

        out.print_json(run(work))

    return app


async def _sync(ready: PeopleWork, organization_id: str, out: Console) -> PeopleSync:
    await _connected(ready.database, organization_id)
    async with ready.database.transaction() as connection:
        begun = await begin_people_sync(
            connection, organization_id, by=getpass.getuser(), correlation_id=str(uuid4()), now=ready.clock.now()
        )
    if begun.joined:
        out.print("a sync is under way: following it")
    async with _working(ready.worker):
        return await follow(ready.database, organization_id, begun.sync_id, out)


@asynccontextmanager
async def _working(worker: CommandWorker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run(), name="people sync: worker")
    try:
        yield
    finally:
        worker.stop()
        await task


async def follow(database: Database, organization_id: str, sync_id: UUID, out: Console) -> PeopleSync:
    """Show how far a sync comes until it has ended, and answer it. NotConnected where that cannot be waited for."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out) as bar:
        tasks = {name: bar.add_task(name, total=None, start=False) for name in ("comparing", "sending", "Salesloft")}
        while True:
            async with database.connection() as connection:
                sync = await read_people_sync(connection, sync_id)
            _show(bar, tasks, sync)
            if sync.ended_at is not None:
                return sync
            await _connected(database, organization_id)
            await asyncio.sleep(_LOOKED_EVERY_S)


def _show(bar: Progress, tasks: dict[str, TaskID], sync: PeopleSync) -> None:
    steps = {
        "comparing": (sync.compared, sync.to_compare),
        "sending": (sync.sent, sync.to_send),
        "Salesloft": (sync.processed, sync.to_send),
    }
    for name, (completed, total) in steps.items():
        if total or sync.ended_at is not None:
            bar.start_task(tasks[name])
            bar.update(tasks[name], completed=completed, total=total)


async def _connected(database: Database, organization_id: str) -> None:
    async with database.connection() as connection:
        stored = await connections.read(connection, organization_id)
    if stored is None or stored.status != "connected":
        raise NotConnected(
            f"the organization {organization_id} is not connected to Salesloft: what is open waits for it"
        )


def _summary(sync: PeopleSync) -> Table:
    table = Table("stakeholders", "how many", title=f"people sync {sync.id}: {sync.state}")
    table.add_row("unchanged", str(sync.unchanged))
    table.add_row("told", str(sync.succeeded))
    for reason, count in sorted(sync.left_out.items()):
        table.add_row(f"left out: {reason}", str(count))
    for reason, count in sorted(sync.refused.items()):
        table.add_row(f"not taken: {reason}", str(count))
    return table

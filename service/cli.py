"""The command `cscx-salesloft`: run the service, prepare its neighbours, and operate it."""

import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

import typer
import uvloop
from cryptography.fernet import Fernet
from rich.console import Console

from consumers.redrive import Redrive
from enrollment.drafts import MappingInvalid
from enrollment.suppression import NotSuppressible
from salesloft_client import SalesloftError
from service.cadences_cli import CadenceWork, cadences_app
from service.clock import ClockUnavailable
from service.connections_cli import connections_app
from service.dlq_cli import dlq_app
from service.explain_cli import add_explain
from service.figures_cli import Timed, add_figures
from service.mappings_cli import mappings_app
from service.people_cli import PeopleWork, people_app
from service.roles import Role, command_worker, database_options, opened_sessions, running_clock, running_process
from service.settings import Settings, SettingsInvalid, read_settings
from service.stops_cli import stops_app
from service.supervisor import supervise
from service.suppressions_cli import suppressions_app
from service.topics import TopicOutcome, create_topics
from service.topics_cli import topics_app
from service.trying_cli import add_trying
from storage.errors import StorageError
from storage.migrate import migrate as apply_migrations
from storage.pool import Database
from telemetry import logs
from workflows.authorization import NoApplication
from workflows.commands import CommandKind
from workflows.discovery import CadenceUnknown
from workflows.field_mapping import FieldMappingInvalid
from workflows.mapping_plans import PlanMoved
from workflows.mapping_versions import MappingUnknown
from workflows.mappings import CadenceMissing
from workflows.memory import OrganizationMemory
from workflows.scopes import LacksScopes
from workflows.session import NotConnected, TeamTaken
from workflows.stops import StopInvalid
from workflows.trying import CannotTry

__all__ = ["app", "main"]

app = typer.Typer(
    help="Puts customers' people into the right Salesloft cadence, with approval, and brings back what happened.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

out = Console(highlight=False)
errors = Console(stderr=True, highlight=False)
T = TypeVar("T")

# What people can do something about: one line for each, and no traceback.
_EXPECTED = (
    SettingsInvalid,
    StorageError,
    ClockUnavailable,
    SalesloftError,
    NotConnected,
    TeamTaken,
    LacksScopes,
    NoApplication,
    CadenceMissing,
    CadenceUnknown,
    MappingInvalid,
    MappingUnknown,
    PlanMoved,
    FieldMappingInvalid,
    NotSuppressible,
    CannotTry,
    StopInvalid,
    TimeoutError,
)


def _run(work: Callable[[Settings], Coroutine[Any, Any, T]]) -> T:
    try:
        return uvloop.run(work(read_settings()))
    except _EXPECTED as error:
        errors.print(f"[red]{type(error).__name__}[/]: {str(error) or 'the deadline passed'}")
        raise typer.Exit(1) from None


# Batches make thousands of objects that die together without the collector's help; looking at them each time one has
# been half made costs a fifth of the processor.
_COLLECT_AFTER = (50_000, 20, 50)


@app.command()
def run(
    roles: Annotated[
        list[Role] | None, typer.Argument(help="What this process does; everything where nothing is named.")
    ] = None,
) -> None:
    """Run the service until SIGTERM or Ctrl-C."""
    chosen = frozenset(roles or Role)

    async def work(settings: Settings) -> None:
        logs.configure_for(sys.stderr, level=settings.log_level)
        async with running_process(settings, chosen) as process:
            gc.set_threshold(*_COLLECT_AFTER)
            await supervise(
                process.parts,
                health=process.health,
                stop_seconds=settings.stop_seconds,
                stuck_seconds=settings.stuck_seconds,
            )

    _run(work)


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date; safe where several replicas start at once."""

    async def work(settings: Settings) -> list[str]:
        return await apply_migrations(settings.database_url.get_secret_value())

    applied = _run(work)
    for name in applied:
        out.print(f"applied {name}")
    out.print("the schema is up to date")


@app.command("encryption-key")
def encryption_key() -> None:
    """Make a key for CSCX_SALESLOFT_ENCRYPTION_KEYS."""
    typer.echo(Fernet.generate_key().decode())


@asynccontextmanager
async def _redrive() -> AsyncIterator[Redrive]:
    settings = read_settings()
    async with (
        running_clock(settings) as (clock, _),
        Database.connected(database_options(settings)) as database,
    ):
        yield Redrive(bootstrap_servers=settings.kafka_bootstrap_servers, database=database, clock=clock)


async def _create_topics() -> list[TopicOutcome]:
    settings = read_settings()
    return await create_topics(settings.kafka_bootstrap_servers, replication_factor=settings.kafka_replication_factor)


@asynccontextmanager
async def _people_work(settings: Settings) -> AsyncIterator[PeopleWork]:
    logs.configure_for(sys.stderr, level="error")
    async with (
        running_clock(settings) as (clock, _),
        Database.connected(database_options(settings)) as database,
        opened_sessions(settings, clock) as sessions,
    ):
        worker = command_worker(
            settings, database, sessions, OrganizationMemory(), clock, kinds=frozenset({CommandKind.SYNC_PEOPLE})
        )
        yield PeopleWork(database, clock, worker)


@asynccontextmanager
async def _cadence_work(settings: Settings) -> AsyncIterator[CadenceWork]:
    async with running_clock(settings) as (clock, _), Database.connected(database_options(settings)) as database:
        yield CadenceWork(database, clock)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.connected(database_options(settings)) as database:
        yield database


@asynccontextmanager
async def _timed(settings: Settings) -> AsyncIterator[Timed]:
    async with running_clock(settings) as (clock, _), Database.connected(database_options(settings)) as database:
        yield Timed(database, clock)


add_explain(app, _run, _database, out)
add_figures(app, _run, _timed, out)
mapping_commands = mappings_app(_run, out)
add_trying(mapping_commands, _run, _timed, out)
app.add_typer(connections_app(_run), name="connections")
# What it was called before.
app.add_typer(connections_app(_run), name="organizations", hidden=True)
app.add_typer(cadences_app(_run, _cadence_work, out), name="cadences")
app.add_typer(dlq_app(_redrive), name="dlq")
app.add_typer(mapping_commands, name="mappings")
app.add_typer(people_app(_run, _people_work, out), name="people")
app.add_typer(stops_app(_run, _timed, out), name="stops")
app.add_typer(suppressions_app(_run, out), name="suppressions")
app.add_typer(topics_app(_create_topics), name="topics")


def main() -> None:
    """The console command."""
    app()

"""The command `cscx-salesloft`: run the service, prepare its neighbours, and operate it."""

import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import typer
from cryptography.fernet import Fernet
from rich.console import Console

from consumers.redrive import Redrive
from enrollment.additions import AdditionInvalid
from enrollment.drafts import MappingInvalid
from enrollment.organization_settings import SettingsInvalid
from enrollment.suppression import NotSuppressible
from service.adding_cli import add_adding
from service.audit_cli import audit_app
from service.cadences_cli import CadenceWork, cadences_app
from service.connections_cli import connections_app
from service.dlq_cli import dlq_app
from service.enrollments_cli import enrollments_app
from service.expected import done
from service.explain_cli import add_explain
from service.figures_cli import Timed, add_figures
from service.history_cli import add_history
from service.mappings_cli import mappings_app
from service.organizations_cli import organizations_app
from service.people_cli import PeopleWork, people_app
from service.roles import command_worker, database_options, opened_sessions, running_clock
from service.running import run
from service.runs_cli import add_runs
from service.settings import Settings, read_settings
from service.stops_cli import stops_app
from service.suppressions_cli import suppressions_app
from service.sync_cli import add_sync
from service.topics import TopicOutcome, create_topics
from service.topics_cli import topics_app
from service.trying_cli import add_trying
from storage.migrate import migrate as apply_migrations
from storage.pool import Database
from telemetry import logs
from workflows.adding import UnknownParty
from workflows.audit import Way, coming_by
from workflows.audit_chain import ChainBroken, CheckpointInvalid
from workflows.authorization import NoApplication
from workflows.commands import CommandKind
from workflows.discovery import CadenceUnknown
from workflows.field_mapping import FieldMappingInvalid
from workflows.mapping_plans import PlanMoved
from workflows.mapping_runs import RunInvalid
from workflows.mapping_versions import MappingUnknown
from workflows.mappings import CadenceMissing
from workflows.memory import OrganizationMemory
from workflows.organization_settings import SettingsMoved
from workflows.scopes import LacksScopes
from workflows.session import NotConnected, TeamTaken
from workflows.steering import SteeringInvalid
from workflows.stops import StopInvalid
from workflows.trying import CannotTry

__all__ = ["app", "out"]

app = typer.Typer(
    help="Puts customers' people into the right Salesloft cadence, with approval, and brings back what happened.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

out = Console(highlight=False)
T = TypeVar("T")

_EXPECTED = (
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
    SteeringInvalid,
    AdditionInvalid,
    UnknownParty,
    StopInvalid,
    RunInvalid,
    ChainBroken,
    CheckpointInvalid,
    SettingsInvalid,
    SettingsMoved,
)


def _run(work: Callable[[Settings], Coroutine[Any, Any, T]]) -> T:
    with coming_by(Way.COMMAND_LINE):
        return done(work, *_EXPECTED)


app.command()(run)


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
        with coming_by(Way.COMMAND_LINE):
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
add_history(app, _run, _database, out)
add_sync(app, _run, _timed, out)
mapping_commands = mappings_app(_run, out)
add_trying(mapping_commands, _run, _timed, out)
add_runs(mapping_commands, _run, _timed, out)
enrollment_commands = enrollments_app(_run, _timed, out)
add_adding(enrollment_commands, _run, _timed, out)
app.add_typer(audit_app(_run, _database, out), name="audit")
app.add_typer(connections_app(_run), name="connections")
organization_commands = organizations_app(_run, _timed, out)
# What the commands of `connections` were called before.
for command in connections_app(_run).registered_commands:
    command.hidden = True
    organization_commands.registered_commands.append(command)
app.add_typer(organization_commands, name="organizations")
app.add_typer(cadences_app(_run, _cadence_work, out), name="cadences")
app.add_typer(dlq_app(_redrive), name="dlq")
app.add_typer(enrollment_commands, name="enrollments")
app.add_typer(mapping_commands, name="mappings")
app.add_typer(people_app(_run, _people_work, out), name="people")
app.add_typer(stops_app(_run, _timed, out), name="stops")
app.add_typer(suppressions_app(_run, out), name="suppressions")
app.add_typer(topics_app(_create_topics), name="topics")

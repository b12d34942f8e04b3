"""`mappings`: which trigger leads to which cadence, drafted, published, put in order, and taken in and out as files."""

import getpass
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from enrollment.catalogue import catalogue
from enrollment.drafts import Finding, MappingDocument
from enrollment.mappings import CustomersOwner, FixedUser, Mapping
from service.roles import database_options, running_clock
from service.settings import Settings
from storage import mappings, organizations
from storage.mappings import MappingVersion
from storage.pool import Connection, Database
from workflows import mapping_versions as versions
from workflows.mapping_files import read_document, written_document
from workflows.mapping_plans import ImportPlan, apply_plan, export_mappings, plan_import
from workflows.mapping_versions import Drafted
from workflows.mappings import Validated, default_mappings, publish, validate
from workflows.session import NotConnected

__all__ = ["mappings_app"]

Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
Organization = Annotated[str, typer.Argument(help="The organization's id.")]
Id = Annotated[UUID, typer.Argument(help="The mapping's id, as `list` shows it.")]
File = Annotated[Path, typer.Argument(help="A YAML file.", exists=True, dir_okay=False)]


@asynccontextmanager
async def _transaction(settings: Settings) -> AsyncIterator[tuple[Connection, datetime]]:
    async with (
        running_clock(settings) as (clock, _),
        Database.connected(database_options(settings)) as database,
        database.transaction() as connection,
    ):
        yield connection, clock.now()


def mappings_app(run: Run, out: Console) -> typer.Typer:
    """The commands; `run` does a piece of work with the settings, and turns what is expected into one line."""
    app = typer.Typer(help="Which trigger leads to which cadence.", no_args_is_help=True)
    _add_defaults(app, run, out)
    _add_looking(app, run, out)
    _add_drafting(app, run, out)
    _add_publishing(app, run, out)
    _add_steering(app, run, out)
    _add_files(app, run, out)
    return app


def _add_defaults(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command()
    def defaults(
        organization: Organization,
        *,
        publish_them: Annotated[
            bool, typer.Option("--publish", help="Publish them; else they are only shown.")
        ] = False,
    ) -> None:
        """The four default mappings, each with the team's cadence whose name suggests its purpose."""

        async def work(settings: Settings) -> Table:
            async with _transaction(settings) as (connection, now):
                facts = (await organizations.read_facts(connection, [organization])).get(organization)
                if facts is None or not facts.cadences:
                    raise NotConnected(f"{organization} has no cadences yet: connect it first")
                found = default_mappings(organization, list(facts.cadences.values()))
                if publish_them:
                    named = [(mapping, cadence.name) for mapping, cadence in found]
                    await publish(connection, organization, named, by=getpass.getuser(), now=now)
            table = Table("trigger", "purpose", "cadence", "for")
            for mapping, cadence in found:
                whom = mapping.stakeholder_criteria.model_dump_json(by_alias=True)
                table.add_row(mapping.trigger_type.value, mapping.purpose.value, f"{cadence.name} ({cadence.id})", whom)
            return table

        out.print(run(work))
        out.print("published" if publish_them else "not published; say --publish to do so")


def _add_looking(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command("list")
    def list_(organization: Organization) -> None:
        """What is published and what is drafted, in the order in which it is asked."""

        async def work(settings: Settings) -> list[MappingVersion]:
            async with _transaction(settings) as (connection, _):
                return await mappings.list_versions(connection, organization)

        out.print(_listed(run(work)))

    @app.command()
    def show(organization: Organization, mapping: Id) -> None:
        """One mapping as a file would say it, with all its versions and who did what to them."""

        async def work(settings: Settings) -> tuple[list[MappingVersion], list[mappings.MappingChange]]:
            async with _transaction(settings) as (connection, _):
                found = await mappings.versions_of(connection, organization, mapping)
                if not found:
                    raise versions.MappingUnknown(f"{organization} has no mapping {mapping}")
                return found, await mappings.changes_of(connection, organization, mapping)

        found, changes = run(work)
        _tell_versions(out, found, changes)

    @app.command()
    def fields() -> None:
        """Every fact that criteria may ask about, with what may be asked of it."""
        out.print(_catalogue())


def _add_drafting(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command()
    def draft(organization: Organization, file: File) -> None:
        """Write a draft from a file of one mapping; with an `id` in it the next version of that one."""
        text = file.read_text(encoding="utf-8")

        async def work(settings: Settings) -> Drafted:
            async with _transaction(settings) as (connection, now):
                document = read_document(text)
                return await versions.draft(connection, organization, document, by=getpass.getuser(), now=now)

        _tell(out, run(work))

    @app.command("validate")
    def validate_(
        organization: Organization, mapping: Annotated[UUID | None, typer.Argument(help="The draft's id.")] = None
    ) -> None:
        """Hold a draft to what publishing holds it to; without an id, have parked mappings count again that fit."""

        async def work(settings: Settings) -> Drafted | Validated:
            async with _transaction(settings) as (connection, now):
                if mapping is not None:
                    return await versions.validate_draft(connection, organization, mapping)
                return await validate(connection, organization, now=now, by=getpass.getuser())

        found: Drafted | Validated = run(work)
        if isinstance(found, Drafted):
            _tell(out, found)
            if found.findings:
                raise typer.Exit(1)
            return
        _tell_validated(out, found)
        if found.parked:
            raise typer.Exit(1)


def _add_publishing(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command("publish")
    def publish_(organization: Organization, mapping: Id) -> None:
        """Let a draft count from now on, in the place of the version before."""

        async def work(settings: Settings) -> Mapping:
            async with _transaction(settings) as (connection, now):
                return await versions.publish_draft(connection, organization, mapping, by=getpass.getuser(), now=now)

        published: Mapping = run(work)
        out.print(f"version {published.version} of {published.id} counts now")

    @app.command()
    def discard(organization: Organization, mapping: Id) -> None:
        """Throw a draft away; what is published stays."""
        _act(run, versions.discard, organization, mapping)
        out.print("discarded")


def _add_steering(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command()
    def enable(organization: Organization, mapping: Id) -> None:
        """Let a published mapping count again."""
        _act(run, versions.enable, organization, mapping)
        out.print("enabled")

    @app.command()
    def disable(organization: Organization, mapping: Id) -> None:
        """Let a published mapping decide nothing until it is enabled again."""
        _act(run, versions.disable, organization, mapping)
        out.print("disabled")

    @app.command()
    def order(
        organization: Organization,
        mapping: Id,
        priority: Annotated[int, typer.Argument(help="Lower is asked first.", min=-1_000_000, max=1_000_000)],
    ) -> None:
        """Say where a published mapping stands among those of its trigger and segment."""
        _act(run, versions.reorder, organization, mapping, priority)
        out.print("put in order")

    @app.command()
    def retire(organization: Organization, mapping: Id) -> None:
        """Take a published mapping out of use; another version of it may be drafted."""
        _act(run, versions.retire, organization, mapping)
        out.print("retired")


def _add_files(app: typer.Typer, run: Run, out: Console) -> None:
    @app.command()
    def export(organization: Organization) -> None:
        """What is published, as YAML on standard output."""

        async def work(settings: Settings) -> str:
            async with _transaction(settings) as (connection, _):
                return await export_mappings(connection, organization)

        typer.echo(run(work), nl=False)

    @app.command()
    def plan(organization: Organization, file: File) -> None:
        """What taking a file in would change, and for whom; nothing is written."""
        text = file.read_text(encoding="utf-8")

        async def work(settings: Settings) -> ImportPlan:
            async with _transaction(settings) as (connection, now):
                return await plan_import(connection, organization, text, now=now)

        found: ImportPlan = run(work)
        _tell_plan(out, found)
        if found.findings:
            raise typer.Exit(1)
        out.print(f"apply it with: mappings apply {organization} {file} --plan {found.hash}", soft_wrap=True)

    @app.command("apply")
    def apply_(
        organization: Organization, file: File, plan: Annotated[str, typer.Option(help="The hash of its plan.")]
    ) -> None:
        """Do what a plan said; refused where anything moved since."""
        text = file.read_text(encoding="utf-8")

        async def work(settings: Settings) -> ImportPlan:
            async with _transaction(settings) as (connection, now):
                by = getpass.getuser()
                return await apply_plan(connection, organization, text, plan_hash=plan, by=by, now=now)

        done: ImportPlan = run(work)
        out.print(f"{len(done.additions)} added, {len(done.changes)} changed, {len(done.removals)} retired")


def _act(run: Run, act: Callable[..., Coroutine[Any, Any, None]], organization: str, mapping: UUID, *more: int) -> None:
    async def work(settings: Settings) -> None:
        async with _transaction(settings) as (connection, now):
            await act(connection, organization, mapping, *more, by=getpass.getuser(), now=now)

    run(work)


def _tell(out: Console, drafted: Drafted) -> None:
    out.print(f"draft {drafted.id}, version {drafted.version}: {drafted.status}")
    _tell_findings(out, drafted.findings)
    for one in drafted.warnings:
        out.print(f"  warning: {one}", markup=False)


def _tell_validated(out: Console, validated: Validated) -> None:
    for one in validated.counting:
        out.print(f"{one.trigger_type.value}: counts again, with cadence {one.cadence_id}")
    for one in validated.parked:
        out.print(f"{one.trigger_type.value}: stays parked; publish it anew ({one.id})")
        _tell_findings(out, validated.findings[one.id])


def _tell_versions(out: Console, found: list[MappingVersion], changes: list[mappings.MappingChange]) -> None:
    for one in found:
        out.print(f"version {one.version}: {_state(one)}")
    out.print(written_document(found[-1].document), markup=False)
    for change in changes:
        told = f" ({change.detail})" if change.detail is not None else ""
        line = f"{change.changed_at.isoformat(timespec='seconds')} {change.changed_by} {change.change}{told}"
        out.print(line, markup=False)


def _tell_findings(out: Console, findings: tuple[Finding, ...]) -> None:
    for one in findings:
        out.print(f"  [red]{one.field}[/]: ", end="")
        out.print(one.message, markup=False)


def _tell_plan(out: Console, plan: ImportPlan) -> None:
    for document in plan.additions:
        out.print(f"[green]add[/] {_named(document)}")
    for change in plan.changes:
        kept = f"version {change.version} stays" if change.in_place else f"version {change.version + 1}"
        out.print(f"[yellow]change[/] {_named(change.document)} ({kept})")
        for one in change.differences:
            out.print(f"  {one.field}: {one.was!r} becomes {one.is_!r}", markup=False)
    for removal in plan.removals:
        out.print(f"[red]retire[/] {_named(removal.document)}")
    out.print(f"{plan.unchanged} stay as they are")
    out.print(f"{plan.affected_stakeholders} of {plan.population} stakeholders would be led elsewhere")
    if plan.affected:
        table = Table("stakeholder", "customer", "trigger", "group", "now", "then", expand=True)
        for who in plan.affected:
            table.add_row(
                escape(who.stakeholder_id),
                escape(who.customer_id),
                who.trigger_type.value,
                escape(who.exclusivity_group),
                who.was,
                who.is_,
            )
        out.print(table)
        out.print(f"the first {len(plan.affected)} lines")
    _tell_findings(out, plan.findings)


def _named(document: MappingDocument) -> str:
    whose = escape(document.segment) if document.segment is not None else "any segment"
    return f"{document.trigger_type.value} of {whose} to {document.cadence_id}: {document.id}"


def _listed(found: list[MappingVersion]) -> Table:
    table = Table("trigger", "segment", "priority", "group", "cadence", "sender", "state", "id", expand=True)
    for one in found:
        said = one.document
        table.add_row(
            said.trigger_type.value,
            escape(said.segment) if said.segment is not None else "[dim]any[/]",
            str(said.priority),
            escape(said.exclusivity_group),
            escape(f"{one.cadence_name or 'unknown'} ({said.cadence_id})") if said.cadence_id else "not chosen yet",
            _sender(said),
            f"{_state(one)} {one.version}",
            str(one.id),
        )
    return table


def _catalogue() -> Table:
    table = Table("field", "kind", "operators", "what it is", expand=True)
    for entry in catalogue():
        of = f" Only of {', '.join(entry.triggers)}." if entry.triggers else ""
        table.add_row(entry.field, entry.kind, ", ".join(entry.operators), entry.description + of)
    return table


def _sender(document: MappingDocument) -> str:
    match document.sender:
        case CustomersOwner():
            return "the customer's owner"
        case FixedUser(user_id=user_id):
            return str(user_id)
    return f"in turns: {', '.join(str(one) for one in document.sender.user_ids)}"


def _state(one: MappingVersion) -> str:
    if one.status != "published":
        return one.status
    return "[yellow]parked[/]" if one.parked else "published" if one.document.enabled else "[yellow]disabled[/]"

"""`dlq`: look at dead letters and send them back."""

import asyncio
import getpass
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from consumers.redrive import Redrive, RedriveError
from storage.redrive import RedrivePlan

__all__ = ["dlq_app"]

T = TypeVar("T")
Opened = Callable[[], AbstractAsyncContextManager[Redrive]]


def dlq_app(opened: Opened, console: Console | None = None) -> typer.Typer:
    """The commands, over a `Redrive` that `opened` connects for the length of one command."""
    app = typer.Typer(name="dlq", help="Dead letters: look, plan, send back, cancel.", no_args_is_help=True)
    out = console or Console()

    @app.command("list")
    def list_() -> None:
        """Count the dead letters by topic, reason and organization."""
        counts = _run(opened, lambda redrive: redrive.count(), out)
        table = Table("topic", "reason", "organization", "waiting", "sent back", "oldest waiting")
        for count in counts:
            oldest = count.oldest.isoformat(timespec="seconds") if count.oldest else ""
            table.add_row(
                count.topic,
                count.code,
                count.organization_id or "(none)",
                str(count.waiting),
                str(count.redriven),
                oldest,
            )
        out.print(table if counts else "There are no dead letters.")

    @app.command()
    def plan(
        topic: Annotated[str, typer.Argument(help="The topic in which the records failed.")],
        code: Annotated[list[str] | None, typer.Option(help="Only this reason; may be given several times.")] = None,
    ) -> None:
        """Say how many dead letters would go back, and keep that as a plan."""
        made = _run(opened, lambda r: r.plan(topic, error_codes=code, requested_by=getpass.getuser()), out)
        _show(made, out)
        out.print(f"Carry it out with: dlq redrive {made.id}")

    @app.command()
    def redrive(plan_id: Annotated[UUID, typer.Argument(help="What `dlq plan` answered.")]) -> None:
        """Carry a plan out, or go on with one that was broken off."""
        _show(_run(opened, lambda r: _with_bar(r, plan_id, out), out), out)

    @app.command()
    def cancel(plan_id: Annotated[UUID, typer.Argument(help="What `dlq plan` answered.")]) -> None:
        """Carry out no more of a plan; what went back stays."""
        _show(_run(opened, lambda r: r.cancel(plan_id), out), out)

    return app


async def _with_bar(redrive: Redrive, plan_id: UUID, out: Console) -> RedrivePlan:
    plan = await redrive.read(plan_id)
    columns = (TextColumn("sending back"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out) as bar:
        task = bar.add_task("", total=plan.planned, completed=plan.redriven + plan.parked)
        return await redrive.execute(plan_id, advanced=lambda records: bar.advance(task, records))


def _show(plan: RedrivePlan, out: Console) -> None:
    table = Table("reason", "dead letters", title=f"plan {plan.id}: {plan.state}")
    for code, records in sorted(plan.counts.items()):
        table.add_row(code, str(records))
    out.print(table)
    out.print(f"{plan.redriven} of {plan.planned} sent back, {plan.parked} parked after their last replay")


def _run(opened: Opened, work: Callable[[Redrive], Coroutine[Any, Any, T]], out: Console) -> T:
    async def with_redrive() -> T:
        async with opened() as redrive:
            return await work(redrive)

    try:
        return asyncio.run(with_redrive())
    except RedriveError as error:
        out.print(f"[red]{error}[/red]")
        raise typer.Exit(code=1) from error

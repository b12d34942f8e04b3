"""`mappings run-once`, `runs` and `cancel-run`: ask for those whom a mapping's trigger has come for before."""

import getpass
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from service.figures_cli import Timed
from service.settings import Settings
from service.showing import minute, progress
from storage import directory, mapping_runs
from storage.mapping_runs import RunRecord
from storage.pool import Database
from workflows.mapping_runs import RunPlan, cancel_run, plan_run, start_run

__all__ = ["add_runs"]

_SHOWN = 20
_LISTED = 50

Opened = Callable[[Settings], AbstractAsyncContextManager[Timed]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
_Organization = Annotated[str, typer.Argument(help="The organization's id.")]
_Mapping = Annotated[UUID, typer.Argument(help="The mapping's id, as `list` shows it.")]


def add_runs(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    """Add the commands. `run` runs one with the settings, `opened` connects what it needs for its length."""

    @app.command("run-once")
    def run_once(
        organization: _Organization,
        mapping: _Mapping,
        *,
        at_most: Annotated[int, typer.Option(min=1, help="Ask for so many stakeholders and no more.")],
        reason: Annotated[str | None, typer.Option(help="Why, for whoever reads the list. Begins the run.")] = None,
        days: Annotated[int, typer.Option(min=1, max=365, help="Over the events of the last so many days.")] = 90,
    ) -> None:
        """Decide each customer's newest event again for this mapping alone, and ask for approval of whom it fits.

        Without a reason nothing begins: it says who would be asked for. The service carries a run out.
        """

        async def work(settings: Settings) -> RunPlan | UUID:
            async with opened(settings) as ready:
                now = ready.clock.now()
                since = now - timedelta(days=days)
                if reason is None:
                    return await look(ready.database, since, now)
                async with ready.database.transaction() as connection:
                    by = getpass.getuser()
                    return await start_run(
                        connection, organization, mapping, since=since, at_most=at_most, reason=reason, by=by, now=now
                    )

        async def look(database: Database, since: datetime, now: datetime) -> RunPlan:
            async with database.reading() as connection:
                total = await directory.count_customers(connection, organization)
                with progress("customers", total, out) as advance:
                    return await plan_run(
                        connection, organization, mapping, since=since, at_most=at_most, now=now, progress=advance
                    )

        found: RunPlan | UUID = run(work)
        if isinstance(found, RunPlan):
            _show(found, out)
        else:
            out.print(f"begun: {found}; see how far it is with: mappings runs {organization}", soft_wrap=True)

    @app.command()
    def runs(organization: _Organization) -> None:
        """The newest runs: who began them, why, how far they are and how they ended."""

        async def work(settings: Settings) -> list[RunRecord]:
            async with opened(settings) as ready, ready.database.connection() as connection:
                return await mapping_runs.list_runs(connection, organization, limit=_LISTED)

        found: list[RunRecord] = run(work)
        out.print(_listed(found) if found else "nothing was run")

    @app.command("cancel-run")
    def cancel(
        organization: _Organization, run_id: Annotated[UUID, typer.Argument(help="The run's id, as `runs` shows it.")]
    ) -> None:
        """Have a run end where it is; what it has asked for stays asked."""

        async def work(settings: Settings) -> None:
            async with opened(settings) as ready, ready.database.transaction() as connection:
                await cancel_run(connection, organization, run_id, by=getpass.getuser(), now=ready.clock.now())

        run(work)
        out.print("cancelled")


def _show(plan: RunPlan, out: Console) -> None:
    for customer_id, stakeholder_id in plan.requested[:_SHOWN]:
        out.print(f"would be asked for: stakeholder {stakeholder_id} of customer {customer_id}", soft_wrap=True)
    if len(plan.requested) > _SHOWN:
        out.print(f"and {len(plan.requested) - _SHOWN} others")
    told = f"{len(plan.requested)} stakeholders, of {plan.customers} customers looked at"
    out.print(f"{told}; say --reason to begin", soft_wrap=True)


def _listed(found: list[RunRecord]) -> Table:
    table = Table("run", "mapping", "by", "began", "customers", "asked for", "at most", "ended", "why")
    for one in found:
        ended = f"put off: {one.error}" if one.error is not None else "goes on"
        if one.ended_at is not None:
            ended = f"{one.outcome} {minute(one.ended_at)}" + (f" by {one.cancelled_by}" if one.cancelled_by else "")
        table.add_row(
            str(one.id),
            f"{one.mapping_id} version {one.mapping_version}",
            one.started_by,
            minute(one.started_at),
            *(str(many) for many in (one.customers, one.requested, one.at_most)),
            ended,
            one.reason,
        )
    return table

"""`mappings preview` and `mappings backtest`: what a mapping would do, and would have done."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from enrollment.backtest import BackTest, Counts, Fallout
from enrollment.explain import Explanation
from enrollment.quotas import QuotaForecast
from service.explain_cli import explained_lines
from service.figures_cli import Timed
from service.settings import Settings
from service.showing import minute, progress
from storage import directory, stored_evaluations
from workflows.trying import Preview, back_test, mapping_to_try, preview, preview_one

__all__ = ["add_trying"]

_SHOWN = 20

Opened = Callable[[Settings], AbstractAsyncContextManager[Timed]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
_Organization = Annotated[str, typer.Argument(help="The organization's id.")]


def add_trying(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    """Add the commands. `run` runs one with the settings, `opened` connects what it needs for its length."""

    @app.command("preview")
    def preview_mapping(
        organization: _Organization,
        file: Annotated[
            Path,
            typer.Argument(help="A file of one mapping, as `draft` takes it; with a published one's id, what differs."),
        ],
        *,
        stakeholder: Annotated[str | None, typer.Option(help="Explain this stakeholder alone.")] = None,
        trigger: Annotated[str | None, typer.Option(help="What the event would carry, as JSON.")] = None,
    ) -> None:
        """Say who would be asked for if every customer had the mapping's event now, and which predicate keeps out whom.

        Nothing is written.
        """
        imagined = _parsed(trigger) if trigger is not None else None

        async def work(settings: Settings) -> Preview | Explanation:
            told = await asyncio.to_thread(file.read_text, encoding="utf-8")
            async with opened(settings) as ready, ready.database.reading() as connection:
                tried = await mapping_to_try(connection, organization, told)
                now = ready.clock.now()
                if stakeholder is not None:
                    return await preview_one(connection, organization, tried, stakeholder, now, imagined=imagined)
                total = await directory.count_customers(connection, organization)
                with progress("customers", total, out) as advance:
                    return await preview(connection, organization, tried, now, imagined=imagined, progress=advance)

        found: Preview | Explanation = run(work)
        if isinstance(found, Explanation):
            for decision in found.decisions:
                for line in explained_lines(decision):
                    out.print(line, markup=False, soft_wrap=True)
            return
        _show_preview(found, out)

    @app.command("backtest")
    def backtest(
        organization: _Organization,
        file: Annotated[
            Path | None, typer.Argument(help="A file of one mapping, to count instead of its published version.")
        ] = None,
        *,
        days: Annotated[int, typer.Option(min=1, max=365, help="Of the last so many days.")] = 30,
    ) -> None:
        """Decide the recorded events of the last days again and compare: who would have been asked for, and who not.

        Nothing is written.
        """

        async def work(settings: Settings) -> BackTest:
            told = await asyncio.to_thread(file.read_text, encoding="utf-8") if file is not None else None
            async with opened(settings) as ready, ready.database.reading() as connection:
                tried = await mapping_to_try(connection, organization, told) if told is not None else None
                until = ready.clock.now()
                since = until - timedelta(days=days)
                total = await stored_evaluations.count_between(connection, organization, since, until)
                with progress("evaluations", total, out) as advance:
                    return await back_test(connection, organization, since, until, tried=tried, progress=advance)

        _show_backtest(run(work), out)


def _parsed(trigger: str) -> dict[str, Any]:
    try:
        told = json.loads(trigger)
    except ValueError as error:
        raise typer.BadParameter(f"--trigger is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise typer.BadParameter("--trigger is a JSON object")
    return told


def _show_preview(found: Preview, out: Console) -> None:
    counts = Table("outcome", "reason", "decisions", title=f"{found.customers} customers")
    for (outcome, reason), many in _sorted(found.counts):
        counts.add_row(outcome, reason, str(many))
    out.print(counts)
    _show_fallout(found.fallout, out)
    _show_owners(found.requests_by_owner.items(), out)
    _show_quotas(found.quotas, out)
    for customer_id, stakeholder_id in found.requested[:_SHOWN]:
        out.print(f"would be asked for: stakeholder {stakeholder_id} of customer {customer_id}", soft_wrap=True)
    if len(found.requested) > _SHOWN:
        out.print(f"and {len(found.requested) - _SHOWN} others")


def _show_backtest(found: BackTest, out: Console) -> None:
    counts = Table("outcome", "reason", "was", "would be", title=f"{found.evaluations} evaluations")
    for key, _ in _sorted(found.was | found.would_be):
        counts.add_row(key[0].value, key[1].value, str(found.was[key]), str(found.would_be[key]))
    out.print(counts)
    _show_fallout(found.fallout, out)
    if found.requests:
        days = Table("day", "requests")
        for day, many in sorted(found.requests_by_day.items()):
            days.add_row(day.isoformat(), str(many))
        out.print(days)
        _show_owners(found.requests_by_owner.items(), out)
        _show_quotas(found.quotas, out)
        out.print(f"Salesloft would have been called {found.calls_at_most} times at most, each of cost 1")
    if found.not_possible:
        out.print(f"{found.not_possible} evaluations cannot be made again: what they rest on was erased or never kept")
    out.print(f"{len(found.differences)} decisions would have been otherwise")
    for one in found.differences[:_SHOWN]:
        was, would_be = (", ".join(side) if side is not None else "nothing" for side in (one.was, one.would_be))
        out.print(
            f"event {one.event_id}, {one.stakeholder_id or 'nobody'}: {would_be} instead of {was}", soft_wrap=True
        )


def _show_fallout(fallout: Fallout, out: Console) -> None:
    if not fallout:
        return
    table = Table("predicate", "holds", "does not", "unknown")
    for predicate, said in fallout.items():
        table.add_row(predicate, str(said.holds), str(said.fails), str(said.unknown))
    out.print(table)


def _show_owners(owners: Any, out: Console) -> None:
    table = Table("approvals by the customer's owner", "requests")
    for owner, many in sorted(owners, key=lambda one: (-one[1], one[0] or "")):
        table.add_row(owner or "without an owner", str(many))
    if table.row_count:
        out.print(table)


def _show_quotas(quotas: QuotaForecast, out: Console) -> None:
    if quotas.last_at is None or not quotas.waiting:
        return
    each = " and ".join(f"{many} for the {whose.value}'s" for whose, many in sorted(quotas.waiting.items()))
    last = minute(quotas.last_at)
    out.print(f"approved at once, {each} quota would wait; the last is carried out {last}", soft_wrap=True)


def _sorted(counts: Counts) -> list[Any]:
    return sorted(counts.items(), key=lambda one: (one[0][0], -one[1], one[0][1]))

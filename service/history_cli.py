"""`history`: everything that has happened to a stakeholder or a customer, in one line of time."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from service.settings import Settings
from service.showing import minute
from storage import timeline
from storage.pool import Database
from storage.timeline import Happened, HappenedKind

__all__ = ["add_history"]

Opened = Callable[[Settings], AbstractAsyncContextManager[Database]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
_TOLD: Mapping[str, Sequence[str]] = {
    HappenedKind.TRIGGER: ("event_id", "business_key"),
    HappenedKind.ASKED: ("until", "step_id", "sender_user_id"),
    HappenedKind.ATTEMPT: ("attempts", "last_error"),
    HappenedKind.STAY: ("cadence_id", "status"),
    HappenedKind.ACTIVITY: ("cadence_id",),
}


def add_history(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    """Add the command. `run` runs one with the settings, `opened` connects what it needs for its length."""

    @app.command()
    def history(
        organization: Annotated[str, typer.Argument(help="The organization's id.")],
        *,
        stakeholder: Annotated[str | None, typer.Option(help="Of this stakeholder.")] = None,
        customer: Annotated[str | None, typer.Option(help="Of this customer's stakeholders.")] = None,
        last: Annotated[int, typer.Option(min=1, max=10_000, help="So many of the last things.")] = 200,
    ) -> None:
        """What asked for somebody, who approved, what was done at Salesloft and what came of it."""
        if stakeholder is None and customer is None:
            raise typer.BadParameter("name a --stakeholder, a --customer, or both")

        async def work(settings: Settings) -> list[Happened]:
            async with opened(settings) as database, database.connection() as connection:
                return await timeline.read(
                    connection, organization, customer_id=customer, stakeholder_id=stakeholder, limit=last
                )

        found: list[Happened] = run(work)
        table = Table("when", "stakeholder", "enrollment", "", "what", "who", "why", "")
        for one in found:
            table.add_row(
                minute(one.at),
                one.stakeholder_id,
                str(one.enrollment_id)[:8] if one.enrollment_id is not None else "",
                one.kind,
                one.what,
                one.who or "",
                one.why or "",
                ", ".join(
                    f"{name} {one.detail[name]}" for name in _TOLD.get(one.kind, ()) if one.detail.get(name) is not None
                ),
            )
        out.print(table if found else "nothing has happened")

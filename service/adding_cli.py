"""`enrollments add` and `enrollments why`: ask for somebody by hand, and see who did and what the gates said."""

import getpass
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
import typer
from rich.console import Console
from rich.table import Table

from enrollment.additions import Addition, GateVerdict
from schemas.vocabulary import RequesterKind
from service.figures_cli import Timed
from service.settings import Settings
from service.showing import minute
from storage import additions
from storage.additions import Asker, StoredAddition
from workflows.adding import Added, AdditionRefused, WantedAddition, add_to_cadence, try_addition
from workflows.memory import OrganizationMemory

__all__ = ["add_adding"]

Opened = Callable[[Settings], AbstractAsyncContextManager[Timed]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
_Organization = Annotated[str, typer.Argument(help="The organization's id.")]


def add_adding(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    """Add the commands. `run` runs one with the settings, `opened` connects what it needs for its length."""

    @app.command()
    def add(  # what may be said of it
        organization: _Organization,
        stakeholder: Annotated[str, typer.Argument(help="The stakeholder's id.")],
        *,
        cadence: Annotated[int, typer.Option(help="The cadence's id at Salesloft.")],
        why: Annotated[str, typer.Option(help="Why, for whoever looks at the enrollment.")],
        step: Annotated[int | None, typer.Option(help="The step to begin at, else the first.")] = None,
        start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day, else today.")] = None,
        sender: Annotated[int | None, typer.Option(help="Who sends, else the customer's owner.")] = None,
        field: Annotated[list[str] | None, typer.Option(help="NAME=VALUE of a custom field; may be repeated.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would come of it.")] = False,
    ) -> None:
        """Ask an approver to have a stakeholder added to a cadence. Nobody is contacted before it is approved."""
        wanted = WantedAddition(
            id=uuid4(),
            addition=Addition(
                stakeholder_id=stakeholder,
                cadence_id=cadence,
                start_step_id=step,
                start_on=start.date() if start is not None else None,
                sender_user_id=sender,
                custom_fields=_fields(field or ()),
            ),
            asked_by=Asker(RequesterKind.USER, getpass.getuser()),
            note=why,
            correlation_id=str(uuid4()),
        )

        async def work(settings: Settings) -> Added | AdditionRefused:
            asking = try_addition if dry_run else add_to_cadence
            try:
                async with opened(settings) as ready, ready.database.transaction() as connection:
                    return await asking(connection, organization, wanted, OrganizationMemory(), ready.clock.now())
            except AdditionRefused as refused:
                return refused

        answer: Added | AdditionRefused = run(work)
        out.print(_gates(answer.gates))
        if isinstance(answer, AdditionRefused):
            out.print(f"refused ({answer.reason.value}): {answer}", soft_wrap=True)
            raise typer.Exit(1)
        action = orjson.loads(answer.request)["action"]
        out.print(
            f"{'would be' if dry_run else ''} asked for: cadence {action['cadence']['name']}, from step"
            f" {action['start_step']['name'] or action['start_step']['id']} on {action['start_date']}, sent by"
            f" {action['sender']['name'] or action['sender']['email']}; to be approved until"
            f" {minute(answer.expires_at)}".strip(),
            soft_wrap=True,
        )
        if not dry_run:
            out.print(f"enrollment {answer.enrollment_id}", soft_wrap=True)

    @app.command()
    def why(
        organization: _Organization,
        enrollment: Annotated[UUID, typer.Argument(help="The enrollment's id, as `list` shows it.")],
    ) -> None:
        """Who asked for an enrollment by hand, why, and what each gate said. Of others `explain` tells."""

        async def work(settings: Settings) -> StoredAddition | None:
            async with opened(settings) as ready, ready.database.connection() as connection:
                return await additions.read(connection, organization, enrollment)

        found: StoredAddition | None = run(work)
        if found is None:
            out.print("no person asked for that; `explain` tells of what triggers ask for", soft_wrap=True)
            raise typer.Exit(1)
        note = found.note if found.note is not None else "(the stakeholder was erased)"
        out.print(f"asked for by {found.asked_by.user_id}, {minute(found.asked_at)}: {note}", soft_wrap=True)
        out.print(_gates(found.gates))


def _fields(told: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in told:
        name, separator, value = one.partition("=")
        if not (separator and name and value):
            raise typer.BadParameter(f"a field is NAME=VALUE, and this is {one!r}")
        found[name] = value
    return found


def _gates(gates: Sequence[GateVerdict]) -> Table:
    table = Table("gate", "", "says")
    for one in gates:
        table.add_row(one.gate.value, "passed" if one.reason is None else one.reason.value, one.says)
    return table

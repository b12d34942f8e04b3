"""`enrollments`: see who is on which cadence, and pause, resume, move or remove somebody."""

import getpass
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer
from rich.console import Console
from rich.table import Table

from schemas.vocabulary import Reason
from service.figures_cli import Timed
from service.settings import Settings
from service.showing import minute
from storage import steering
from storage.steering import Listed, Steering, SteeringAction
from workflows.memory import OrganizationMemory
from workflows.steering import steer

__all__ = ["enrollments_app"]

_LISTED = 100

Opened = Callable[[Settings], AbstractAsyncContextManager[Timed]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
Asked = Callable[..., None]
_Organization = Annotated[str, typer.Argument(help="The organization's id.")]
_Enrollment = Annotated[UUID, typer.Argument(help="The enrollment's id, as `list` shows it.")]
_Why = Annotated[str, typer.Option(help="Why, for whoever looks at the enrollment.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether to add the person back.")]


def enrollments_app(run: Run, opened: Opened, out: Console) -> typer.Typer:
    """The commands. `run` runs one with the settings, `opened` connects what it needs for its length."""
    app = typer.Typer(
        name="enrollments", help="See who is on which cadence, and steer them there.", no_args_is_help=True
    )

    def ask(organization: str, enrollment: UUID, action: SteeringAction, why: str, **more: Any) -> None:
        asked = Steering(
            id=uuid4(), enrollment_id=enrollment, action=action, asked_by=getpass.getuser(), note=why, **more
        )

        async def work(settings: Settings) -> Reason | None:
            async with opened(settings) as ready, ready.database.transaction() as connection:
                return await steer(connection, organization, asked, OrganizationMemory(), ready.clock.now())

        held = run(work)
        if action is SteeringAction.RESUME and held is not None:
            out.print(f"noted; it is still held ({held.value}), and goes on by itself once it is not", soft_wrap=True)
        else:
            out.print("noted; `enrollments list` tells when it is done")

    _add_looking(app, run, opened, out)
    _add_pausing(app, ask)
    _add_moving(app, ask)
    return app


def _add_looking(app: typer.Typer, run: Run, opened: Opened, out: Console) -> None:
    @app.command("list")
    def list_them(
        organization: _Organization,
        *,
        customer: Annotated[str | None, typer.Option(help="Only this customer's, by its id.")] = None,
        stakeholder: Annotated[str | None, typer.Option(help="Only this stakeholder's, by their id.")] = None,
    ) -> None:
        """Enrollments and how they stand, those that are not over first."""

        async def work(settings: Settings) -> list[Listed]:
            async with opened(settings) as ready, ready.database.connection() as connection:
                return await steering.list_enrollments(
                    connection, organization, customer_id=customer, stakeholder_id=stakeholder, limit=_LISTED
                )

        found: list[Listed] = run(work)
        table = Table("enrollment", "customer", "stakeholder", "cadence", "state", "why", "since")
        for one in found:
            table.add_row(
                str(one.id),
                one.customer_id,
                one.stakeholder_id,
                f"{one.cadence_name or one.cadence_id}",
                one.state,
                one.reason or "",
                minute(one.updated_at) + _paused(one),
            )
        out.print(table if found else "nobody was asked for")

    @app.command()
    def asked(organization: _Organization, enrollment: _Enrollment) -> None:
        """What people have asked of an enrollment: who, when and why."""

        async def work(settings: Settings) -> list[tuple[datetime, Steering]]:
            async with opened(settings) as ready, ready.database.connection() as connection:
                return await steering.list_of(connection, organization, enrollment)

        found: list[tuple[datetime, Steering]] = run(work)
        table = Table("asked", "what", "by", "why")
        for at, one in found:
            table.add_row(minute(at), _told(one), one.asked_by, one.note)
        out.print(table if found else "nobody has asked anything of it")


def _add_pausing(app: typer.Typer, ask: Asked) -> None:
    @app.command()
    def pause(
        organization: _Organization,
        enrollment: _Enrollment,
        *,
        why: _Why,
        until: Annotated[
            datetime | None, typer.Option(help="When it goes on by itself, in UTC; else when somebody resumes.")
        ] = None,
    ) -> None:
        """Take the person off the cadence, and keep the step. Salesloft has no pause: it shows them as removed."""
        ends = until.replace(tzinfo=UTC) if until is not None else None
        ask(organization, enrollment, SteeringAction.PAUSE, why, until=ends)

    @app.command()
    def resume(organization: _Organization, enrollment: _Enrollment, *, why: _Why, yes: _Yes = False) -> None:
        """Add the person back at the step where it was left, unless they may not be contacted any more."""
        _confirm(known=yes)
        ask(organization, enrollment, SteeringAction.RESUME, why)

    @app.command()
    def remove(organization: _Organization, enrollment: _Enrollment, *, why: _Why) -> None:
        """Take the person off the cadence for good; who is not on it yet never comes onto it."""
        ask(organization, enrollment, SteeringAction.REMOVE, why)

    @app.command()
    def retry(organization: _Organization, enrollment: _Enrollment, *, why: _Why) -> None:
        """Try again what failed: every gate is passed anew, and a stale approval goes back to its approver."""
        ask(organization, enrollment, SteeringAction.RETRY, why)


def _add_moving(app: typer.Typer, ask: Asked) -> None:
    @app.command()
    def skip(organization: _Organization, enrollment: _Enrollment, *, why: _Why, yes: _Yes = False) -> None:
        """Go on at the step after the one where the cadence stands."""
        _confirm(known=yes)
        ask(organization, enrollment, SteeringAction.SKIP, why)

    @app.command()
    def restart(
        organization: _Organization,
        enrollment: _Enrollment,
        *,
        step: Annotated[int, typer.Option(help="The step's id at Salesloft, as `cadences show` has it.")],
        why: _Why,
        yes: _Yes = False,
    ) -> None:
        """Go on at another step."""
        _confirm(known=yes)
        ask(organization, enrollment, SteeringAction.RESTART, why, step_id=step)

    @app.command()
    def sender(
        organization: _Organization,
        enrollment: _Enrollment,
        *,
        user: Annotated[int, typer.Option(help="The user's id at Salesloft.")],
        why: _Why,
        yes: _Yes = False,
    ) -> None:
        """Have somebody else send from now on."""
        _confirm(known=yes)
        ask(organization, enrollment, SteeringAction.CHANGE_SENDER, why, sender_user_id=user)


def _confirm(*, known: bool) -> None:
    if not known:
        typer.confirm("This adds the person to the cadence again, and its e-mails go on. Do it?", abort=True)


def _paused(one: Listed) -> str:
    if one.paused_by is None:
        return ""
    until = f" until {minute(one.paused_until)}" if one.paused_until is not None else ""
    return f", paused by {one.paused_by}{until}"


def _told(one: Steering) -> str:
    details = (
        ("until", minute(one.until) if one.until is not None else None),
        ("at step", one.step_id),
        ("to user", one.sender_user_id),
    )
    return " ".join([one.action.value.replace("_", " "), *(f"{name} {value}" for name, value in details if value)])

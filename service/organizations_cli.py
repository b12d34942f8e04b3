"""`organizations`: what an organization has chosen, and what it chose before."""

import getpass
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from enrollment.organization_settings import OrganizationSettings, SettingsInvalid
from service.figures_cli import Timed
from service.settings import Settings
from service.showing import minute
from storage import organization_settings
from storage.organization_settings import StoredSettings
from workflows.organization_settings import ChosenSettings, change_settings, read_settings

__all__ = ["organizations_app"]

Opened = Callable[[Settings], AbstractAsyncContextManager[Timed]]
Run = Callable[[Callable[[Settings], Coroutine[Any, Any, Any]]], Any]
_LISTS = frozenset({"working_days", "embedding_origins"})
_Organization = Annotated[str, typer.Argument(help="The organization's id.")]


def organizations_app(run: Run, opened: Opened, out: Console) -> typer.Typer:
    """The commands. `run` runs one with the settings, `opened` connects what it needs for its length."""
    app = typer.Typer(help="Organizations' settings, and their versions.", no_args_is_help=True)

    @app.command()
    def show(organization: _Organization) -> None:
        """Every setting, and what counts where nothing was chosen."""

        async def work(settings: Settings) -> ChosenSettings:
            async with opened(settings) as ready, ready.database.connection() as connection:
                return await read_settings(connection, organization)

        _show(out, run(work))

    @app.command("set")
    def set_(
        organization: _Organization,
        changes: Annotated[
            list[str],
            typer.Argument(
                metavar="NAME=VALUE...",
                help="As in time_zone=Europe/Berlin quiet_hours=18:00-08:00 working_days=monday,tuesday"
                " poll_interval_minutes=15 embedding_origins=https://app.cscx.example;"
                " none for what counts where nothing is chosen; else JSON.",
            ),
        ],
        *,
        version: Annotated[int | None, typer.Option(help="Only if the settings are in this version still.")] = None,
    ) -> None:
        """Change settings; they count from now on, and the version before is kept."""

        async def work(settings: Settings) -> ChosenSettings:
            given = dict(_change(one) for one in changes)
            async with opened(settings) as ready, ready.database.transaction() as connection:
                return await change_settings(
                    connection, organization, given, by=getpass.getuser(), now=ready.clock.now(), expected=version
                )

        _show(out, run(work))

    @app.command()
    def history(organization: _Organization) -> None:
        """What was changed, when and by whom."""

        async def work(settings: Settings) -> list[StoredSettings]:
            async with opened(settings) as ready, ready.database.connection() as connection:
                return await organization_settings.history(connection, organization)

        found: list[StoredSettings] = run(work)
        table = Table("version", "when", "who", "changed")
        before: dict[str, Any] = {}
        for one in found:
            moved = {name: value for name, value in one.chosen.items() if before.get(name) != value}
            changed = ", ".join(f"{name} = {_told(value)}" for name, value in sorted(moved.items()))
            when = minute(one.changed_at) if one.changed_at is not None else ""
            table.add_row(str(one.version), when, one.changed_by or "", changed)
            before = one.chosen
        out.print(table if found else "nothing was ever chosen")

    return app


def _change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SettingsInvalid(f"{text!r} is no change: write NAME=VALUE")
    return name, _value(name, value)


def _value(name: str, text: str) -> Any:
    """As people type it: hours with a dash between, lists with commas; everything else as JSON, or as it is."""
    if text == "none":
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    if name == "quiet_hours" and "-" in text:
        begins, _, ends = text.partition("-")
        return {"begins": begins, "ends": ends}
    return text.split(",") if name in _LISTS else text


def _show(out: Console, chosen: ChosenSettings) -> None:
    table = Table("setting", "value", title=f"version {chosen.version}")
    nothing = OrganizationSettings().model_dump(mode="json")
    for name, value in chosen.settings.model_dump(mode="json").items():
        told = _told(value)
        table.add_row(name, f"{told} (nothing chosen)" if value == nothing[name] else told)
    out.print(table)


def _told(value: Any) -> str:
    match value:
        case None:
            return "none"
        case {"begins": begins, "ends": ends}:
            return f"{begins}-{ends}"
        case str():
            return value
        case _:
            return orjson.dumps(value).decode()

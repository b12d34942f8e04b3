"""`topics`: the topics of the contract on a broker."""

import asyncio
from collections.abc import Awaitable, Callable

import typer
from rich.console import Console
from rich.table import Table

from service.topics import TopicOutcome, TopicsUnavailable

__all__ = ["topics_app"]


def topics_app(create: Callable[[], Awaitable[list[TopicOutcome]]], console: Console | None = None) -> typer.Typer:
    """The commands, over a `create` that knows where the broker is."""
    app = typer.Typer(name="topics", help="The topics of the contract.", no_args_is_help=True)
    out = console or Console()

    @app.callback()
    def topics() -> None:
        """The topics of the contract."""

    @app.command("create")
    def create_() -> None:
        """Create what is missing. What exists stays as it is; where it differs that is shown, with exit code 1."""
        try:
            outcomes = asyncio.run(_awaited(create))
        except TopicsUnavailable as error:
            out.print(f"[red]{error}[/red]")
            raise typer.Exit(2) from None
        created = sum(outcome.is_new for outcome in outcomes)
        out.print(f"{created} created, {len(outcomes) - created} were there already")
        differing = [(outcome.topic.name, each) for outcome in outcomes for each in outcome.differences]
        if differing:
            table = Table("topic", "setting", "is", "should be")
            for name, difference in differing:
                table.add_row(name, difference.setting, difference.actual, difference.wanted)
            out.print(table)
            raise typer.Exit(1)

    return app


async def _awaited(create: Callable[[], Awaitable[list[TopicOutcome]]]) -> list[TopicOutcome]:
    return await create()

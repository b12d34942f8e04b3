"""The command `demo`."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sandbox.demo.options import DemoError, DemoOptions, default_organizations
from sandbox.demo.run import run_demo

__all__ = ["demo", "run_until_stopped"]


def demo(
    *,
    events: Annotated[int, typer.Option(help="Good events to make; duplicates and broken ones come on top.")] = 400,
    speed: Annotated[float, typer.Option(help="Business seconds a real second: at 7200 a day takes 12 s.")] = 7200.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same events, answers and people.")] = 7,
    organizations: Annotated[int, typer.Option(help="How many organizations, each with a Salesloft team.")] = 3,
    source: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help="Run these events instead: a file, or - for standard input, with one CloudEvent in JSON a line, as in "
            "sandbox/demo/example-events.jsonl. Their organizations and owners get Salesloft teams and users.",
        ),
    ] = None,
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="Leave everything up afterwards and say how to reach it.")
    ] = False,
    deadline: Annotated[float, typer.Option(help="Seconds within which all must come to rest at the end.")] = 180.0,
    log: Annotated[Path | None, typer.Option(help="Keep the service's log in this file.")] = None,
) -> None:
    """Show the whole journey on this machine, then prove by id that Postgres, Kafka and Salesloft tell the same.

    Starts a Kafka, a Postgres, a Salesloft and the service, and stops them at the end, however it comes. Needs nothing
    to run already and touches nothing that does. Exits with 0 if all agree, 1 if something differs (each id is named),
    2 if it could not be run, 3 if all agree but some lines of the input could not be sent.
    """
    console = Console(highlight=False)
    try:
        options = DemoOptions(
            events=events,
            speed=speed,
            seed=seed,
            organizations=default_organizations(organizations),
            source=source,
            keep_running=keep_running,
            settle_seconds=deadline,
            log=log,
        )
        code = asyncio.run(run_until_stopped(options, console))
    except DemoError as error:
        Console(stderr=True, highlight=False).print(f"error: {error}", markup=False, soft_wrap=True, style="bold red")
        raise typer.Exit(2) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped")
        raise typer.Exit(130) from None
    sys.stdout.flush()
    raise typer.Exit(code)


async def run_until_stopped(options: DemoOptions, console: Console) -> int:
    """Run the demo; SIGTERM stops it as Ctrl-C does, which asyncio turns into a cancellation.

    What goes wrong once it is to stop is no failure of it: Ctrl-C reaches its parts too, and one may be gone first.
    """
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("a coroutine is run by a task")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await run_demo(options, console)
    except DemoError as error:
        if task.cancelling():
            raise asyncio.CancelledError from error
        raise

"""`run` by itself: a start of the service imports what it runs, and none of the commands that operate it."""

import gc
import sys
from typing import Annotated

import typer

from service.expected import done
from service.roles import Role, running_process
from service.settings import Settings
from service.supervisor import PartEnded, supervise
from telemetry import logs

__all__ = ["app", "run"]

# Batches make thousands of objects that die together without the collector's help; looking at them each time one has
# been half made costs a fifth of the processor.
_COLLECT_AFTER = (50_000, 20, 50)

app = typer.Typer(pretty_exceptions_enable=False)


@app.callback()
def _program() -> None:
    """With a callback, the name of its only command stays a word of the command line."""


@app.command()
def run(
    roles: Annotated[
        list[Role] | None, typer.Argument(help="What this process does; everything where nothing is named.")
    ] = None,
) -> None:
    """Run the service until SIGTERM or Ctrl-C."""
    chosen = frozenset(roles or Role)

    async def work(settings: Settings) -> None:
        logs.configure_for(sys.stderr, level=settings.log_level)
        gc.set_threshold(*_COLLECT_AFTER)
        async with running_process(settings, chosen) as process:
            await supervise(
                process.parts,
                health=process.health,
                stop_seconds=settings.stop_seconds,
                stuck_seconds=settings.stuck_seconds,
            )

    done(work, PartEnded)

"""`python -m bench.prove`: holds the service to its promises at the sizes that they are made for."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.proof.activity import activity
from bench.proof.budget import budget
from bench.proof.deciding import deciding
from bench.proof.findings import Findings
from bench.proof.journey import journey
from bench.proof.kill import kill
from bench.proof.mutants import mutants
from bench.proof.outages import outages
from bench.proof.record import Archive, Result
from bench.proof.staging import Scale, Task

__all__ = ["app", "main"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)

_SEED = 20261123
_SAID_EVERY_SECONDS = 10.0


class Part(StrEnum):
    """What can be proved by itself."""

    JOURNEY = "journey"
    KILL = "kill"
    OUTAGES = "outages"
    ACTIVITY = "activity"
    BUDGET = "budget"
    DECIDING = "deciding"
    MUTANTS = "mutants"


_PARTS: dict[Part, Callable[[Task], Coroutine[Any, Any, Findings]]] = {
    Part.JOURNEY: journey,
    Part.KILL: kill,
    Part.OUTAGES: outages,
    Part.ACTIVITY: activity,
    Part.BUDGET: budget,
    Part.DECIDING: deciding,
    Part.MUTANTS: mutants,
}


@app.command()
def prove(
    parts: Annotated[
        list[Part] | None, typer.Argument(help="What to prove; everything where nothing is named.")
    ] = None,
    *,
    scale: Annotated[Scale, typer.Option(help="How much of it.")] = Scale.FULL,
    seed: Annotated[int, typer.Option(help="Makes the same load and the same moments.")] = _SEED,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run again what is proved of this commit already.")] = False,
) -> None:
    """Run the parts, those that hold for this commit already left out, and write docs/proof.md from the full sizes."""
    # What a client says of a broker that we have just killed is no news.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    archive = Archive()
    results: list[Result] = []
    for part in parts or list(Part):
        known = None if fresh else archive.find(part, scale, seed)
        if known is not None and known.holds:
            console.print(f"[green]holds[/] {part}, since {known.began_at:%H:%M} ({known.seconds:.0f} s)")
        else:
            known = _run(part, scale, seed, archive)
        results.append(known)
    told = [result for part in Part if (result := archive.find(part, scale, seed)) is not None]
    console.print(f"written to {archive.publish(told)}")
    if not all(result.holds for result in results):
        raise typer.Exit(1)


def _run(part: Part, scale: Scale, seed: int, archive: Archive) -> Result:
    began_at, began = datetime.now(UTC), monotonic()
    with _telling(part) as say:
        findings = asyncio.run(_PARTS[part](Task(scale=scale, seed=seed, log=archive.log(part, scale), say=say)))
    result = Result.of(
        part, scale, seed, commit=archive.commit, began_at=began_at, seconds=monotonic() - began, findings=findings
    )
    archive.keep(result)
    console.print(f"{'[green]holds[/]' if result.holds else '[red]FAILS[/]'} {part} ({result.seconds:.0f} s)")
    for finding in findings.found:
        mark = "[green]+[/]" if finding.holds else "[red]-[/]"
        console.print(f"  {mark}", end=" ")
        console.print(f"{finding.sentence} ({finding.told})", markup=False)
    return result


@contextmanager
def _telling(part: Part) -> Iterator[Callable[[str], None]]:
    """Tells where the part stands: in one moving line on a terminal, else in a line now and then."""
    if console.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            line = progress.add_task(part.value, total=None)
            yield lambda told: progress.update(line, description=f"{part}: {told}")
        return
    last = -_SAID_EVERY_SECONDS

    def say(told: str) -> None:
        nonlocal last
        if monotonic() - last >= _SAID_EVERY_SECONDS:
            last = monotonic()
            console.print(f"{part}: {told}", markup=False)

    yield say


def main() -> None:
    """Run what was asked for."""
    app()


if __name__ == "__main__":
    main()

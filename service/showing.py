"""How the commands show what several of them show."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["minute", "progress"]


@contextmanager
def progress(what: str, total: int | None, out: Console) -> Iterator[Callable[[int], None]]:
    """A bar for the length of some work, which says how many more it has done; `total` is None where nobody knows."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda many: bar.advance(task, many)


def minute(at: datetime) -> str:
    """An instant as people read it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")

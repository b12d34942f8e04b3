"""A command's work with the settings, and what people can do something about: one line, and no traceback."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import typer
import uvloop
from rich.console import Console

from salesloft_client import SalesloftError
from service.clock import ClockUnavailable
from service.settings import Settings, SettingsInvalid, read_settings
from storage.errors import StorageError

__all__ = ["ANYWHERE", "done", "errors"]

ANYWHERE: tuple[type[Exception], ...] = (
    SettingsInvalid,
    StorageError,
    ClockUnavailable,
    SalesloftError,
    TimeoutError,
)
"""What any command may meet."""

errors = Console(stderr=True, highlight=False)
T = TypeVar("T")


def done(work: Callable[[Settings], Coroutine[Any, Any, T]], *expected: type[Exception]) -> T:
    """The work's result; exit code 1 with the error's own words where it is one that is met anywhere, or expected."""
    try:
        return uvloop.run(work(read_settings()))
    except (*ANYWHERE, *expected) as error:
        errors.print(f"[red]{type(error).__name__}[/]: {str(error) or 'the deadline passed'}")
        raise typer.Exit(1) from None

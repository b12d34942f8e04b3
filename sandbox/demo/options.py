"""What a demo is asked to be, and how it can fail."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

__all__ = ["STANDARD_START", "DemoError", "DemoOptions", "default_organizations"]

# A Monday morning in Europe: people work, and the weekend is far.
STANDARD_START: Final = datetime(2026, 11, 23, 8, tzinfo=UTC)
_NAMES: Final = ("northwind", "bluefin", "cedar", "halcyon", "juniper", "larkspur", "meridian", "orchard")


class DemoError(Exception):
    """The demo cannot go on; the message is one line for the person at the keyboard."""


def default_organizations(count: int) -> tuple[str, ...]:
    """Ids of organizations. DemoError where there are not that many names."""
    if not 1 <= count <= len(_NAMES):
        raise DemoError(f"the demo has between 1 and {len(_NAMES)} organizations, not {count}")
    return _NAMES[:count]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """`speed` is business seconds a real second; `span` and `poll_interval` are business time, the rest real seconds.

    `source` is a file of events to run instead of a generated stream (`-` is standard input). `settle_seconds` is how
    long everything may take to come to rest after the last event. `log` keeps what the service logs.
    """

    events: int = 400
    seed: int = 7
    speed: float = 7200.0
    organizations: tuple[str, ...] = field(default_factory=lambda: default_organizations(3))
    span: timedelta = timedelta(days=3)
    poll_interval: timedelta = timedelta(hours=4)
    afterwards: timedelta = timedelta(hours=12)
    settle_seconds: float = 180.0
    source: Path | None = None
    keep_running: bool = False
    log: Path | None = None

    def __post_init__(self) -> None:
        if self.events < 1:
            raise DemoError("--events is at least 1")
        if not 1 <= self.speed <= 50_000:
            raise DemoError("--speed is between 1 (real time) and 50000 business seconds a second")

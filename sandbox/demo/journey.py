"""How far everything has come, for a person to watch: a picture that moves in a terminal, lines elsewhere."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

__all__ = ["Display", "Journey", "LinesDisplay", "LiveDisplay", "display_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One look at everything. `salesloft` is calls, their cost and how many were refused, summed over the teams."""

    now: datetime
    phase: str
    sent: int
    to_send: int
    lag: int
    taken: int
    decisions: Sequence[tuple[str, str, int]]
    deferred: int
    requests: int
    answers: int
    states: Mapping[str, int]
    activity: Mapping[str, int]
    dead_letters: Mapping[str, int]
    salesloft: Mapping[str, int]

    def line(self) -> str:
        """The whole of it in one line."""
        asked = Counter[str]()
        for outcome, _, count in self.decisions:
            asked[outcome] += count
        parts = (
            f"events {self.sent}/{self.to_send} lag {self.lag}",
            f"decided {_pairs(asked) or 'nothing yet'}",
            f"asked {self.requests} answered {self.answers}",
            f"enrollments {_pairs(self.states) or 'none yet'}",
            f"activity {sum(self.activity.values())}",
            f"dead letters {sum(self.dead_letters.values())}",
            f"Salesloft calls {self.salesloft.get('requests', 0)}",
        )
        return f"{self.now:%a %d %b %H:%M} {self.phase}: " + "; ".join(parts)

    def picture(self) -> Group:
        """The whole of it as panels."""
        bus = [
            ("events sent", f"{self.sent} of {self.to_send}"),
            ("waiting to be read", self.lag),
            ("taken in", self.taken),
            ("waiting for a fact", self.deferred),
            ("approval requests", self.requests),
            ("answers", self.answers),
        ]
        decided = [(f"{outcome}: {reason}", count) for outcome, reason, count in self.decisions[:14]]
        calls = [
            ("calls", self.salesloft.get("requests", 0)),
            ("cost", self.salesloft.get("cost", 0)),
            ("refused (429)", self.salesloft.get("refused", 0)),
        ]
        title = Text(f"{self.now:%A %d %B %Y, %H:%M} UTC (business time)  {self.phase}", style="bold")
        panels = [
            _panel("The bus", bus),
            _panel("Decisions", decided),
            _panel("Enrollments", self.states.items()),
            _panel("Activity that came back", self.activity.items()),
            _panel("Dead letters", self.dead_letters.items()),
            _panel("Salesloft", calls),
        ]
        return Group(title, Columns(panels))


def _pairs(counts: Mapping[str, int]) -> str:
    return " ".join(f"{name} {count}" for name, count in counts.items())


def _panel(title: str, rows: Iterable[tuple[str, object]]) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    told = list(rows)
    for name, value in told:
        table.add_row(name, str(value))
    if not told:
        table.add_row("nothing yet", "")
    return Panel(table, title=title, expand=False)


class Display(Protocol):
    """Where journeys are shown."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, journey: Journey) -> None: ...


class LiveDisplay:
    """A picture that is drawn over and over."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._console = console
        self._last: Journey | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self._last is not None:
            self._console.print(self._last.picture())

    def show(self, journey: Journey) -> None:
        self._last = journey
        self._live.update(journey.picture(), refresh=True)


class LinesDisplay:
    """A line every few seconds of real time."""

    def __init__(self, console: Console, *, every: float = 5.0) -> None:
        self._console = console
        self._every = every
        self._shown_at = float("-inf")
        self._shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, journey: Journey) -> None:
        now, line = self._console.get_time(), journey.line()
        if line != self._shown and now - self._shown_at >= self._every:
            self._shown_at, self._shown = now, line
            self._console.print(line, markup=False, soft_wrap=True)


def display_for(console: Console) -> Display:
    """The picture in a terminal, lines elsewhere."""
    return LiveDisplay(console) if console.is_terminal else LinesDisplay(console)

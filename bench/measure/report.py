"""What a run has found, for people: a table beside the budgets."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.table import Table

from bench.measure.figures import Figures

__all__ = ["BUDGETS", "Budget", "table"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure is to be: `limit` at least, or at most."""

    figure: str
    what: str
    unit: str
    limit: float
    meets: Callable[[float, float], bool]
    word: str


def _at_least(value: float, limit: float) -> bool:
    return value >= limit


def _at_most(value: float, limit: float) -> bool:
    return value <= limit


BUDGETS = (
    Budget("events_per_second", "lifecycle event to approval request", "events/s", 5000, _at_least, "at least"),
    Budget("floor_ratio", "to a loop that decides nothing", "x", 0.6, _at_least, "at least"),
    Budget("faststream_ratio", "to FastStream, acknowledged after", "x", 20, _at_least, "at least"),
    Budget("faststream_workers_ratio", "to FastStream, 16 workers, acknowledged before", "x", 3, _at_least, "at least"),
    Budget("approval_to_membership_p50_s", "approval to membership, half of them", "s", 5, _at_most, "at most"),
    # A second beyond what Salesloft itself takes for two calls.
    Budget("approval_to_membership_p99_s", "approval to membership, 99 of 100", "s", 1.3, _at_most, "at most"),
    Budget("peak_rss_mb", "memory of consume and relay", "MB", 150, _at_most, "at most"),
    Budget("start_to_ready_s", "start to ready, all roles", "s", 2, _at_most, "at most"),
    Budget("decisions_per_second", "candidates decided, 200 mappings", "a second", 50_000, _at_least, "at least"),
    Budget("backtest_events_per_second", "back-test", "events/s", 20_000, _at_least, "at least"),
    Budget("events_of_20_per_second", "events of 20 candidates to request", "events/s", 1500, _at_least, "at least"),
    Budget("reads_per_second_of_a_core", "reads, of the API's core", "a second", 1000, _at_least, "at least"),
    Budget("read_p99_s", "a read over 16 connections, 99 of 100", "s", 0.05, _at_most, "at most"),
    Budget("change_to_stream_p99_s", "a change to 200 event streams, 99 of 100", "s", 1, _at_most, "at most"),
    Budget("page_first_byte_p95_s", "first byte of the slowest page, 95 of 100", "s", 0.1, _at_most, "at most"),
    Budget("page_transferred_kb", "first view of the largest page", "kB", 150, _at_most, "at most"),
    # Less than a browser can see.
    Budget("page_moved", "layout shift of the page that moves most", "CLS", 0.001, _at_most, "at most"),
)


def table(figures: Figures) -> Table:
    """The measured figures, each with its budget."""
    made = Table("what", "figure", "budget", "", title="measured")
    for budget in BUDGETS:
        value: float | None = getattr(figures, budget.figure)
        if value is None:
            continue
        met = "[green]met[/]" if budget.meets(value, budget.limit) else "[red]missed[/]"
        told = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        made.add_row(budget.what, f"{told} {budget.unit}", f"{budget.word} {budget.limit:,g}", met)
    return made

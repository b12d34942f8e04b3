"""The arithmetic of the report: from samples to figures, ratios and what is written down."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any, NamedTuple

import orjson

__all__ = ["FIGURES", "Figures", "NotMeasurable", "Sample", "percentile", "rate_of_the_middle", "ratio"]

FIGURES = (
    "events_per_second",
    "floor_ratio",
    "faststream_ratio",
    "faststream_workers_ratio",
    "approval_to_membership_p50_s",
    "approval_to_membership_p99_s",
    "peak_rss_mb",
    "start_to_ready_s",
    "decisions_per_second",
    "backtest_events_per_second",
    "events_of_20_per_second",
    "reads_per_second_of_a_core",
    "read_p99_s",
    "change_to_stream_p99_s",
    "page_first_byte_p95_s",
    "page_transferred_kb",
    "page_moved",
)


class NotMeasurable(Exception):
    """What came is too little, or not what was asked for; the message says which."""


class Sample(NamedTuple):
    """How many records had been read at a moment. `at` is monotonic, in seconds."""

    at: float
    records: int


def rate_of_the_middle(samples: Sequence[Sample], *, from_share: float = 0.1) -> float:
    """Records a second between the moment when `from_share` of all had come and the last.

    The beginning is left out: connections, first statements and an organization's facts are cold there. Raises
    NotMeasurable for samples between which no time passes.
    """
    if not samples:
        raise NotMeasurable("nothing came")
    last = samples[-1]
    first = next(sample for sample in samples if sample.records >= from_share * last.records)
    if last.at <= first.at:
        raise NotMeasurable(f"{last.records} records came at once: take more of them")
    return (last.records - first.records) / (last.at - first.at)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all are not above (nearest rank): one that was really seen."""
    if not values:
        raise NotMeasurable("no values")
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Ours to theirs, None where one was not measured."""
    return None if ours is None or not theirs else ours / theirs


@dataclass(kw_only=True)
class Figures:
    """What a run has measured; None is what it was not asked for."""

    events_per_second: float | None = None
    floor_ratio: float | None = None
    faststream_ratio: float | None = None
    faststream_workers_ratio: float | None = None
    approval_to_membership_p50_s: float | None = None
    approval_to_membership_p99_s: float | None = None
    peak_rss_mb: float | None = None
    start_to_ready_s: float | None = None
    decisions_per_second: float | None = None
    backtest_events_per_second: float | None = None
    events_of_20_per_second: float | None = None
    reads_per_second_of_a_core: float | None = None
    read_p99_s: float | None = None
    change_to_stream_p99_s: float | None = None
    page_first_byte_p95_s: float | None = None
    page_transferred_kb: float | None = None
    page_moved: float | None = None
    measured_with: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_json(self) -> bytes:
        """The figures by their names, rounded to four digits, and the conditions under which each was taken."""
        known = asdict(self)
        told = {name: None if known[name] is None else float(f"{known[name]:.4g}") for name in FIGURES}
        return orjson.dumps({**told, "measured_with": known["measured_with"]}, option=orjson.OPT_INDENT_2)

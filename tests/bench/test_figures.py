"""The report's arithmetic, and the shape of what is written down."""

import orjson
import pytest

from bench.measure.figures import FIGURES, Figures, NotMeasurable, Sample, percentile, rate_of_the_middle, ratio
from bench.measure.report import BUDGETS, table


def test_the_rate_begins_when_a_tenth_has_come() -> None:
    # A slow start: ten records in the first ten seconds, then ninety in nine.
    samples = [Sample(0.0, 1), Sample(10.0, 10), Sample(14.0, 50), Sample(19.0, 100)]
    assert rate_of_the_middle(samples) == pytest.approx(90 / 9)


def test_a_sample_that_passes_the_tenth_counts_from_what_it_held() -> None:
    samples = [Sample(0.0, 5), Sample(1.0, 40), Sample(4.0, 100)]
    assert rate_of_the_middle(samples) == pytest.approx(60 / 3)


@pytest.mark.parametrize("samples", [[], [Sample(1.0, 100)], [Sample(1.0, 50), Sample(1.0, 100)]])
def test_records_without_time_between_them_have_no_rate(samples: list[Sample]) -> None:
    with pytest.raises(NotMeasurable):
        rate_of_the_middle(samples)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50.0), (99, 99.0), (100, 100.0), (0, 1.0), (98.1, 99.0)])
def test_a_percentile_is_a_value_that_was_seen(percent: float, expected: float) -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, percent) == expected


def test_of_few_values_the_slowest_is_the_99th_percentile() -> None:
    assert percentile([1.0, 9.0, 2.0], 99) == 9.0
    with pytest.raises(NotMeasurable):
        percentile([], 50)


def test_a_ratio_needs_both() -> None:
    assert ratio(5000.0, 2000.0) == 2.5
    assert ratio(None, 2000.0) is None
    assert ratio(5000.0, None) is None
    assert ratio(5000.0, 0.0) is None


def test_the_figures_are_written_by_their_names_and_nothing_else() -> None:
    figures = Figures(events_per_second=5123.456, start_to_ready_s=1.23456)
    figures.measured_with["run"] = {"machine": {"cpus": 2}}
    written = orjson.loads(figures.as_json())
    assert list(written) == [
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
        "measured_with",
    ]
    assert written["events_per_second"] == 5123
    assert written["start_to_ready_s"] == 1.235
    assert written["floor_ratio"] is None
    assert written["measured_with"] == {"run": {"machine": {"cpus": 2}}}


def test_every_figure_has_a_budget_that_can_be_missed() -> None:
    assert tuple(budget.figure for budget in BUDGETS) == FIGURES
    for budget in BUDGETS:
        assert budget.meets(budget.limit, budget.limit)
        assert budget.meets(budget.limit * 2, budget.limit) is not budget.meets(budget.limit / 2, budget.limit)


def test_the_table_shows_what_was_measured() -> None:
    assert table(Figures()).row_count == 0
    assert table(Figures(floor_ratio=0.7, peak_rss_mb=120.0)).row_count == 2

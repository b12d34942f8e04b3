"""The ledger balances, and a debt is never hidden."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.counters import EmailSeen, observe_email, shown_by_email
from activity.ledger import Completeness, Ledger, audit, total
from activity.units import Metric
from tests.activity.samples import NOTICED, after, email

COUNTS = st.dictionaries(st.sampled_from(list(Metric)), st.integers(0, 50))


def test_a_cycle_is_the_sum_of_its_records() -> None:
    cycle = total(
        [
            Ledger.of_reading(emitted=3, known=2, fallen=1),
            Ledger.of_stranger(shown=4),
            Ledger.of_failure(shown=5),
            Ledger.of_failure(shown=0),
        ]
    )
    assert cycle == Ledger(scanned=4, emitted=3, deduplicated=2, out_of_scope=4, fallen=1, owed=6)
    assert cycle.shown == 15


def test_a_ledger_has_no_negative_entry() -> None:
    with pytest.raises(ValueError, match="counts up"):
        Ledger(owed=-1)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=15))
def test_readings_of_an_email_balance_whatever_its_counters_did(readings: list[tuple[int, int, int, bool]]) -> None:
    seen: EmailSeen | None = None
    cycle, shown = Ledger(), 0
    for minutes, views, clicks, linked in readings:
        record = email(after(minutes=minutes), views=views, clicks=clicks)
        of_record = sum(shown_by_email(record).values())
        shown += of_record
        if not linked:
            cycle += Ledger.of_stranger(shown=of_record)
            continue
        observation = observe_email(seen, record, NOTICED)
        seen = observation.seen
        cycle += Ledger.of_reading(emitted=len(observation.units), known=observation.known, fallen=observation.fallen)
    assert cycle.shown == shown
    assert cycle.scanned == len(readings)
    assert cycle.owed == 0


def test_completeness_says_what_is_owed_and_a_surplus_makes_up_for_nothing() -> None:
    found = audit({Metric.EMAIL_SENT: 1, Metric.EMAIL_OPENED: 3}, {Metric.EMAIL_OPENED: 5, Metric.EMAIL_CLICKED: 1})
    assert (found.shown, found.emitted, found.owed, found.surplus) == (4, 3, 1, 3)
    assert found.ratio == 0.75


def test_nothing_shown_is_no_ratio() -> None:
    assert Completeness().ratio is None


@given(COUNTS)
def test_what_was_emitted_as_shown_is_complete(counts: dict[Metric, int]) -> None:
    found = audit(counts, counts)
    assert (found.owed, found.surplus) == (0, 0)
    assert found.ratio in {None, 1.0}


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_debts_of_records_add_up_and_never_cancel(
    shown: dict[Metric, int], emitted: dict[Metric, int], shown_too: dict[Metric, int], emitted_too: dict[Metric, int]
) -> None:
    one, other = audit(shown, emitted), audit(shown_too, emitted_too)
    both = one + other
    assert both.owed == one.owed + other.owed
    assert min(one.owed, other.owed, both.surplus) >= 0

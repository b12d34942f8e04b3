"""The feed's entries: what only they show, and nothing that e-mails and calls show already."""

import pytest

from activity.histories import HISTORY_TYPES, observe_history
from activity.records import HistoryRecord
from activity.units import Metric, Source
from tests.activity.samples import NOTICED, SENT, after


def entry(type_: str, *, do_not_contact: bool | None = None) -> HistoryRecord:
    return HistoryRecord(
        id=f"{type_}-72",
        type=type_,
        person_id=1,
        occurred_at=SENT,
        updated_at=after(hours=1),
        cadence_id=456,
        step_id=77,
        do_not_contact=do_not_contact,
    )


@pytest.mark.parametrize(
    ("type_", "metric"), [("completed_action", Metric.STEP_COMPLETED), ("dnc_event", Metric.UNSUBSCRIBED)]
)
def test_an_entry_is_one_unit_at_its_instant(type_: str, metric: Metric) -> None:
    (unit,) = observe_history(entry(type_), NOTICED)
    assert (unit.metric, unit.ordinal, unit.source, unit.source_id) == (metric, 1, Source.HISTORY, f"{type_}-72")
    assert (unit.occurred_at, unit.cadence_id, unit.step_id, unit.noticed_at) == (SENT, 456, 77, NOTICED)
    assert type_ in HISTORY_TYPES


@pytest.mark.parametrize("type_", ["sent_email", "email_reply", "call", "added_to_cadence", "a_type_of_next_year"])
def test_what_other_records_show_is_left_to_them(type_: str) -> None:
    assert observe_history(entry(type_), NOTICED) == ()


def test_lifting_an_opt_out_is_no_opt_out() -> None:
    assert observe_history(entry("dnc_event", do_not_contact=False), NOTICED) == ()
    assert len(observe_history(entry("dnc_event", do_not_contact=True), NOTICED)) == 1

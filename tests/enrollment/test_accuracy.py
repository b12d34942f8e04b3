"""How many decisions come out the same, and in what an execution differs from what was approved."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from enrollment.accuracy import Counted, Execution, agreement, deviations
from enrollment.decide import Candidate, decide
from enrollment.evaluate import told_outcomes
from schemas.vocabulary import EnrollmentState
from tests.enrollment.samples import NOW, mapping, organization, situation, stakeholder

TWO = situation(Candidate(stakeholder(), None), Candidate(stakeholder(id="sth-8", email=None), None))


def test_the_same_outcomes_agree_and_each_other_one_counts() -> None:
    decisions = decide(TWO, organization(mapping()), NOW)
    stored = told_outcomes(decisions)[0].decode()
    assert agreement(stored, decisions) == Counted(2, 2)
    assert agreement(stored, decide(TWO, organization(mapping(version=4)), NOW)) == Counted(0, 2)
    assert agreement(stored, decide(TWO, organization(mapping(start_step_id=78)), NOW)) == Counted(1, 2)
    assert agreement(stored, decisions[:1]) == Counted(1, 2)
    assert agreement(orjson.dumps(orjson.loads(stored)[:1]).decode(), decisions) == Counted(1, 2)


def test_nothing_counted_is_no_ratio() -> None:
    assert Counted().ratio is None
    assert (Counted(1, 2) + Counted(2, 2)).ratio == 0.75


DONE = Execution(
    state=EnrollmentState.ENROLLED,
    cadence_id=456,
    start_step_id=77,
    sender_user_id=12,
    start_on=date(2026, 11, 24),
    execute_by=datetime(2026, 11, 30, 9, tzinfo=UTC),
    time_zone="Asia/Tokyo",
    done_cadence_id=456,
    done_step_id=77,
    done_sender_user_id=12,
    added_at=datetime(2026, 11, 23, 15, tzinfo=UTC),
    on_cadence=True,
)


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({}, []),
        ({"done_step_id": None, "done_sender_user_id": None}, []),
        ({"done_cadence_id": 457}, ["cadence"]),
        ({"done_step_id": 78}, ["start_step"]),
        ({"done_sender_user_id": 13}, ["sender"]),
        ({"added_at": DONE.added_at - timedelta(minutes=1)}, []),
        ({"added_at": DONE.added_at - timedelta(minutes=3)}, ["date"]),
        ({"added_at": DONE.execute_by + timedelta(minutes=1)}, []),
        ({"added_at": DONE.execute_by + timedelta(minutes=3)}, ["date"]),
        ({"time_zone": "UTC"}, ["date"]),
        ({"on_cadence": False}, ["exit"]),
        ({"state": EnrollmentState.EXITED}, ["exit"]),
        ({"state": EnrollmentState.EXITED, "on_cadence": False}, []),
        ({"state": EnrollmentState.PAUSED, "on_cadence": False}, []),
        ({"done_cadence_id": 1, "done_step_id": 1}, ["cadence", "start_step"]),
    ],
)
def test_each_deviation_has_its_name(changes: dict[str, Any], differs: list[str]) -> None:
    assert deviations(replace(DONE, **changes)) == differs

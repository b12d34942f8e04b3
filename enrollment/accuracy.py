"""How right decisions were and how faithfully they were carried out: what figures are counted from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import zip_longest
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from enrollment.decide import Decision, zone
from enrollment.evaluate import told_outcomes
from schemas.vocabulary import EnrollmentState

__all__ = ["Counted", "Execution", "agreement", "deviations"]

# Two well-kept clocks may differ by so much.
_CLOCKS_DIFFER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Counted:
    """`part` of `whole`."""

    part: int = 0
    whole: int = 0

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(self.part + other.part, self.whole + other.whole)

    @property
    def ratio(self) -> float | None:
        """The share; None where nothing was counted."""
        return self.part / self.whole if self.whole else None


def agreement(stored: str, again: Sequence[Decision]) -> Counted:
    """How many of an evaluation's stored outcomes (JSON) come out the same when it is decided again."""
    told = told_outcomes(again)[0]
    # As good as always: the very same text.
    if told == stored.encode():
        return Counted(len(again), len(again))
    was: list[Any] = orjson.loads(stored)
    now: list[Any] = orjson.loads(told)
    same = [before == after for before, after in zip_longest(was, now)]
    return Counted(sum(same), len(same))


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An enrollment as it was approved, and what Salesloft answered when it was made and shows now.

    `start_on` is a day in `time_zone`, the stakeholder's. `done_step_id` is None where Salesloft did not say.
    """

    state: EnrollmentState
    cadence_id: int
    start_step_id: int
    sender_user_id: int
    start_on: date
    execute_by: datetime
    time_zone: str
    done_cadence_id: int
    done_step_id: int | None
    done_sender_user_id: int | None
    added_at: datetime
    on_cadence: bool


def deviations(execution: Execution) -> list[str]:
    """In what an execution differs from what was approved: cadence, start_step, sender, date, exit."""
    one = execution
    where = zone(one.time_zone) or ZoneInfo("UTC")
    starts = datetime.combine(one.start_on, time(), tzinfo=where)
    differs = {
        "cadence": one.done_cadence_id != one.cadence_id,
        "start_step": one.done_step_id is not None and one.done_step_id != one.start_step_id,
        "sender": one.done_sender_user_id is not None and one.done_sender_user_id != one.sender_user_id,
        "date": not starts - _CLOCKS_DIFFER <= one.added_at <= one.execute_by + _CLOCKS_DIFFER,
        # Whoever is enrolled is on the cadence, and whose enrollment is over or paused is not.
        "exit": one.on_cadence is not (one.state is EnrollmentState.ENROLLED),
    }
    return [name for name, differing in differs.items() if differing]

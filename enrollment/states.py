"""The states of an enrollment and what may happen in each.

An end that arrives while a call at Salesloft is open (`enrolling`, `unknown`) is kept and carried out once the call
is settled: nobody knows yet whether there is a membership to remove.
"""

from dataclasses import dataclass
from enum import StrEnum

from schemas.vocabulary import EnrollmentState as State

__all__ = [
    "ACTIVE",
    "CALL_OPEN",
    "FINAL",
    "PENDING",
    "Happening",
    "Kept",
    "Moved",
    "NotAllowed",
    "after",
    "states_allowing",
]


class Happening(StrEnum):
    """What may happen to an enrollment."""

    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"
    END = "end"  # the reason for it is over, or a person takes it back
    SCHEDULE = "schedule"  # the approved work waits for its time
    BEGIN = "begin"  # a worker has claimed it
    POSTPONE = "postpone"  # the call cannot be made now, for a reason that may end
    LOSE = "lose"  # the call's outcome is unknown
    CALL_AGAIN = "call_again"  # reading back found nothing: the call was never made
    ENROLL = "enroll"  # there is a membership, and it is ours
    FAIL = "fail"  # Salesloft refuses for good
    BLOCK = "block"  # the consent gate says no
    CHANGE = "change"  # a bound fact is not what was approved, or the approval has run out
    ASK_AGAIN = "ask_again"  # back to the approver
    RETRY = "retry"  # a person wants a failed one tried again, the approval still being good
    WITHDRAW_CALL = "withdraw_call"  # a kept end, and no membership was made
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"  # the cadence ran to its end
    REMOVE = "remove"  # taken off by a person, here or in Salesloft, or adding back was refused
    EXIT = "exit"  # taken off because an outcome ended its purpose


@dataclass(frozen=True, slots=True)
class Moved:
    """The enrollment is now in this state."""

    to: State


@dataclass(frozen=True, slots=True)
class Kept:
    """The end is noted on the enrollment, whose state stays until its call is settled."""


class NotAllowed(Exception):
    """This cannot happen in that state."""

    def __init__(self, state: State, happening: Happening) -> None:
        super().__init__(f"{happening.value} is not possible for an enrollment that is {state.value}")
        self.state = state
        self.happening = happening


_MOVES: dict[Happening, dict[State, State]] = {
    Happening.APPROVE: {State.REQUESTED: State.APPROVED},
    Happening.REJECT: {State.REQUESTED: State.REJECTED},
    Happening.EXPIRE: {State.REQUESTED: State.EXPIRED},
    Happening.END: dict.fromkeys(
        (State.REQUESTED, State.APPROVED, State.SCHEDULED, State.STALE, State.FAILED), State.WITHDRAWN
    ),
    Happening.SCHEDULE: {State.APPROVED: State.SCHEDULED},
    Happening.BEGIN: {State.SCHEDULED: State.ENROLLING},
    Happening.POSTPONE: dict.fromkeys((State.SCHEDULED, State.ENROLLING), State.SCHEDULED),
    Happening.LOSE: {State.ENROLLING: State.UNKNOWN},
    Happening.CALL_AGAIN: {State.UNKNOWN: State.ENROLLING},
    Happening.ENROLL: dict.fromkeys((State.ENROLLING, State.UNKNOWN), State.ENROLLED),
    Happening.FAIL: dict.fromkeys((State.ENROLLING, State.UNKNOWN), State.FAILED),
    Happening.BLOCK: dict.fromkeys((State.APPROVED, State.SCHEDULED, State.ENROLLING), State.BLOCKED),
    Happening.CHANGE: dict.fromkeys((State.APPROVED, State.SCHEDULED, State.ENROLLING), State.STALE),
    Happening.ASK_AGAIN: dict.fromkeys((State.STALE, State.FAILED), State.REQUESTED),
    Happening.RETRY: {State.FAILED: State.SCHEDULED},
    Happening.WITHDRAW_CALL: dict.fromkeys((State.ENROLLING, State.UNKNOWN), State.WITHDRAWN),
    Happening.PAUSE: {State.ENROLLED: State.PAUSED},
    Happening.RESUME: {State.PAUSED: State.ENROLLED},
    Happening.COMPLETE: dict.fromkeys((State.ENROLLED, State.PAUSED), State.COMPLETED),
    Happening.REMOVE: dict.fromkeys((State.ENROLLED, State.PAUSED), State.REMOVED),
    Happening.EXIT: dict.fromkeys((State.ENROLLED, State.PAUSED), State.EXITED),
}

CALL_OPEN = frozenset({State.ENROLLING, State.UNKNOWN})
"""A call at Salesloft is open or unsettled."""
PENDING = frozenset({State.REQUESTED, State.APPROVED, State.SCHEDULED, State.STALE, State.FAILED})
"""Nothing is at Salesloft yet, and something still may be."""
ACTIVE = frozenset({State.ENROLLING, State.UNKNOWN, State.ENROLLED, State.PAUSED})
"""Takes the person's place on the cadence."""
FINAL = frozenset(
    {State.REJECTED, State.EXPIRED, State.WITHDRAWN, State.BLOCKED, State.COMPLETED, State.REMOVED, State.EXITED}
)
"""Nothing happens any more."""


def after(state: State, happening: Happening) -> Moved | Kept:
    """What follows when this happens in that state.

    Raises NotAllowed where it cannot happen; the enrollment is then as it was.
    """
    if happening is Happening.END and state in CALL_OPEN:
        return Kept()
    try:
        return Moved(_MOVES[happening][state])
    except KeyError:
        raise NotAllowed(state, happening) from None


def states_allowing(happening: Happening) -> frozenset[State]:
    """The states in which this may happen and moves the enrollment."""
    return frozenset(_MOVES[happening])

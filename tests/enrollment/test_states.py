"""Every state with every happening, against the table as it was agreed."""

import pytest

from enrollment.states import (
    ACTIVE,
    CALL_OPEN,
    FINAL,
    PENDING,
    Happening,
    Kept,
    Moved,
    NotAllowed,
    after,
    states_allowing,
)
from schemas.vocabulary import EnrollmentState

# What follows, written as people agreed on it; "kept" is an end that waits for its call. Whatever is absent is refused.
AGREED = {
    "requested": {"approve": "approved", "reject": "rejected", "expire": "expired", "end": "withdrawn"},
    "approved": {"schedule": "scheduled", "change": "stale", "block": "blocked", "end": "withdrawn"},
    "scheduled": {
        "begin": "enrolling",
        "postpone": "scheduled",
        "change": "stale",
        "block": "blocked",
        "end": "withdrawn",
    },
    "enrolling": {
        "postpone": "scheduled",
        "enroll": "enrolled",
        "lose": "unknown",
        "change": "stale",
        "block": "blocked",
        "fail": "failed",
        "withdraw_call": "withdrawn",
        "end": "kept",
    },
    "unknown": {
        "call_again": "enrolling",
        "enroll": "enrolled",
        "fail": "failed",
        "withdraw_call": "withdrawn",
        "end": "kept",
    },
    "stale": {"ask_again": "requested", "end": "withdrawn"},
    "failed": {"retry": "scheduled", "ask_again": "requested", "end": "withdrawn"},
    "enrolled": {"pause": "paused", "complete": "completed", "remove": "removed", "exit": "exited"},
    "paused": {"resume": "enrolled", "complete": "completed", "remove": "removed", "exit": "exited"},
    "rejected": {},
    "expired": {},
    "withdrawn": {},
    "blocked": {},
    "completed": {},
    "removed": {},
    "exited": {},
}


def test_the_table_speaks_of_every_state_and_of_every_happening() -> None:
    assert set(AGREED) == {state.value for state in EnrollmentState}
    assert {happening for follows in AGREED.values() for happening in follows} == {one.value for one in Happening}


@pytest.mark.parametrize("happening", Happening)
@pytest.mark.parametrize("state", EnrollmentState)
def test_what_follows_is_what_was_agreed(state: EnrollmentState, happening: Happening) -> None:
    expected = AGREED[state.value].get(happening.value)
    if expected is None:
        with pytest.raises(NotAllowed) as refused:
            after(state, happening)
        assert (refused.value.state, refused.value.happening) == (state, happening)
        assert state.value in str(refused.value)
        assert happening.value in str(refused.value)
    elif expected == "kept":
        assert after(state, happening) == Kept()
    else:
        assert after(state, happening) == Moved(EnrollmentState(expected))
    assert (state in states_allowing(happening)) == (expected not in {None, "kept"})


def test_the_groups_of_states_are_what_they_say() -> None:
    assert {state.value for state in FINAL} == {state for state, follows in AGREED.items() if not follows}
    assert {state.value for state in CALL_OPEN} == {
        state for state, follows in AGREED.items() if follows.get("end") == "kept"
    }
    assert {state.value for state in PENDING} == {
        state for state, follows in AGREED.items() if follows.get("end") == "withdrawn"
    }
    assert {state.value for state in ACTIVE} == {"enrolling", "unknown", "enrolled", "paused"}


def test_nothing_leads_from_a_final_state_and_everything_can_reach_one() -> None:
    reachable = {state: {to for to in follows.values() if to != "kept"} for state, follows in AGREED.items()}
    ending = {state for state, follows in reachable.items() if not follows}
    for _ in reachable:
        ending |= {state for state, follows in reachable.items() if follows & ending}
    assert ending == set(AGREED)


def test_nobody_is_enrolled_without_an_approval() -> None:
    """Without `approve` no way leads from the request to a membership."""
    reached = {"requested"}
    for _ in AGREED:
        reached |= {
            to
            for state in reached
            for happening, to in AGREED[state].items()
            if happening != "approve" and to != "kept"
        }
    assert reached == {"requested", "rejected", "expired", "withdrawn"}

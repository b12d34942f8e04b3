"""What can be done to somebody on a cadence, and what of it now."""

import pytest

from enrollment.capabilities import (
    CAPABILITIES,
    CadenceAction,
    Standing,
    Support,
    available_actions,
    can_be_retried,
    capability_of,
)
from schemas.vocabulary import EnrollmentState

_REMOVABLE = {EnrollmentState.ENROLLED, EnrollmentState.PAUSED}


def test_every_action_is_told_once() -> None:
    assert sorted(one.action for one in CAPABILITIES) == sorted(CadenceAction)
    assert all(len(one.does) > 40 for one in CAPABILITIES)


def test_what_salesloft_does_not_do_is_not_told_as_its_own() -> None:
    by_support = {support: {one.action.value for one in CAPABILITIES if one.support is support} for support in Support}
    assert by_support[Support.NATIVE] == {"add", "withdraw", "remove", "custom_fields"}
    assert by_support[Support.EMULATED] == {
        *("start_later", "pause", "resume", "skip", "restart", "change_sender"),
    }
    assert by_support[Support.UNSUPPORTED] == {"move_due_date", "edit_steps"}
    assert {one.action.value for one in CAPABILITIES if one.adds_back} == {
        *("resume", "skip", "restart", "change_sender"),
    }


@pytest.mark.parametrize("state", EnrollmentState)
def test_nothing_that_is_unsupported_is_offered(state: EnrollmentState) -> None:
    for coming_back in (False, True):
        for paused in (False, True):
            offered = available_actions(Standing(state=state, is_coming_back=coming_back, is_paused_by_person=paused))
            assert all(capability_of(one).support is not Support.UNSUPPORTED for one in offered)
            assert (CadenceAction.REMOVE in offered) == (state in _REMOVABLE)
            assert not {CadenceAction.PAUSE, CadenceAction.RESUME} <= set(offered)


def test_of_a_stay_that_was_made_in_salesloft_nothing_is_offered() -> None:
    assert available_actions(Standing(state=None)) == ()


@pytest.mark.parametrize("state", [None, *EnrollmentState])
def test_what_failed_can_be_retried(state: EnrollmentState | None) -> None:
    assert can_be_retried(Standing(state=state)) == (state is EnrollmentState.FAILED)
    assert can_be_retried(Standing(state=state, has_failed=True)) == (
        state in {EnrollmentState.FAILED, EnrollmentState.ENROLLED, EnrollmentState.PAUSED}
    )

"""Policies at decision: re-entry, caps as a forecast, exclusivity, suppression and the share that is held out."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from enrollment.decide import Candidate, Decision, decide
from enrollment.mappings import Policy
from enrollment.policies import CLAIMED, AtMost, Cap, Counted, IfNotActive, Once, PastRun, PolicyFacts, held_out
from enrollment.states import ACTIVE
from enrollment.suppression import NotSuppressible, Suppressible, listed_as, suppressible
from enrollment.working_time import Blackout, QuietHours, WorkingTime
from schemas.vocabulary import CandidateOutcome, EnrollmentState, Reason, TriggerType
from tests.enrollment.samples import NOW, cadence, mapping, organization, situation, stakeholder

ANN = Candidate(stakeholder(), None)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WAITING = {"requested", "approved", "scheduled", "stale"}
CAME_TO_A_MEMBERSHIP = {"enrolling", "unknown", "enrolled", "paused", "completed", "removed", "exited"}


def run(state: str = "completed", ago: timedelta = DAY, **changes: Any) -> PastRun:
    """A run of another contract."""
    values: dict[str, Any] = {
        "trigger_type": TriggerType.RENEWAL_WINDOW,
        "exclusivity_group": "default",
        "business_key": "con-4/2026-03-31",
        "state": EnrollmentState(state),
        "begun_at": NOW - ago,
        "claimed_at": NOW - ago if EnrollmentState(state) in CLAIMED else None,
    }
    return PastRun(**values | changes)


def decided(policy: Policy, *runs: PastRun, candidate: Candidate = ANN, **facts: Any) -> Decision:
    of_ann = {"sth-9": list(runs)} if runs else {}
    known = PolicyFacts(**{"runs": of_ann, **facts})
    (found,) = decide(situation(candidate, policy=known), organization(mapping(policy=policy)), NOW)
    return found


def reason(policy: Policy, *runs: PastRun, **facts: Any) -> Reason:
    return decided(policy, *runs, **facts).reason


STATES = st.sampled_from([one.value for one in EnrollmentState if one.value not in {"expired", "withdrawn"}])
RUNS = st.lists(
    st.builds(
        run,
        STATES,
        st.integers(0, 100).map(lambda hours: hours * HOUR),
        trigger_type=st.sampled_from([TriggerType.RENEWAL_WINDOW, TriggerType.AT_RISK, None]),
        exclusivity_group=st.sampled_from(["default", "other"]),
        business_key=st.sampled_from(["con-4/2026-03-31", "con-3/2025-03-31", "con-5/2027-03-31"]),
        claimed_at=st.none() | st.integers(0, 100).map(lambda hours: NOW - hours * HOUR),
    ),
    max_size=6,
)


@given(runs=RUNS, times=st.integers(1, 3), days=st.integers(1, 4))
def test_reentry_by_a_model(runs: list[PastRun], times: int, days: int) -> None:
    own = [
        one
        for one in runs
        if one.trigger_type == "renewal-window"
        and one.exclusivity_group == "default"
        and one.business_key != "con-5/2027-03-31"
    ]
    recent = [one for one in own if NOW - one.begun_at < timedelta(days=days)]
    opened = [one for one in own if one.state.value in WAITING | {"enrolling", "unknown", "enrolled", "paused"}]
    expected = {
        Once(): len(own) > 0,
        IfNotActive(): len(opened) > 0,
        AtMost(times=times, within_days=days): len(recent) >= times,
    }
    for rule, capped in expected.items():
        found = decided(Policy(reentry=rule), *runs)
        assert found.reason is (Reason.REENTRY_CAPPED if capped else Reason.REQUESTED), rule
        assert found.outcome is (CandidateOutcome.SKIP if capped else CandidateOutcome.REQUEST)
    assert reason(Policy(), *runs) is Reason.REQUESTED


def test_the_same_run_is_not_a_reentry() -> None:
    """What it may do is said by its own state, and by nothing else."""
    same = run("failed", business_key="con-5/2027-03-31")
    assert reason(Policy(reentry=Once()), same) is Reason.REQUESTED


CAPS = st.builds(Cap, per=st.sampled_from(Counted), at_most=st.integers(1, 4), within_hours=st.integers(1, 90))


@given(runs=RUNS, others=RUNS, cap=CAPS)
def test_caps_by_a_model(runs: list[PastRun], others: list[PastRun], cap: Cap) -> None:
    """Asked again at the instant that a cap names, it gives way, unless it is full of what waits."""
    everybody = {"sth-9": runs, "sth-8": others}

    def full(now: datetime) -> bool:
        counted = {Counted.STAKEHOLDER: runs, Counted.ACCOUNT: runs + others}.get(cap.per, [])
        waiting = [one for one in counted if one.state.value in WAITING]
        claimed = [
            one
            for one in counted
            if one.state.value in CAME_TO_A_MEMBERSHIP
            and one.claimed_at is not None
            and now - one.claimed_at < cap.within
        ]
        return len(waiting) + len(claimed) >= cap.at_most

    found = decided(Policy(caps=(cap,)), runs=everybody)
    if not full(NOW):
        assert found.reason is Reason.REQUESTED
        return
    assert (found.outcome, found.reason) == (CandidateOutcome.DEFER, Reason.FREQUENCY_CAPPED)
    again_at = found.again_at
    assert again_at is not None
    assert again_at > NOW
    counted = runs if cap.per is Counted.STAKEHOLDER else runs + others
    if sum(one.state.value in WAITING for one in counted) >= cap.at_most:
        # Nobody knows when what waits will have been done.
        assert again_at == NOW + DAY
    else:
        assert not full(again_at)
        assert full(again_at - timedelta(microseconds=1))


def test_what_never_came_to_a_membership_counts_against_no_cap() -> None:
    cap = Policy(caps=(Cap(per=Counted.STAKEHOLDER, at_most=1, within_hours=48),))
    for state in EnrollmentState:
        if state.value in {"expired", "withdrawn"}:
            continue
        counts = state in CLAIMED or state.value in WAITING
        # A worker may have claimed it, and found that it could not be made.
        found = reason(cap, run(state.value, claimed_at=NOW - HOUR))
        assert found is (Reason.FREQUENCY_CAPPED if counts else Reason.REQUESTED), state


def test_of_several_full_caps_the_one_that_frees_last_counts() -> None:
    caps = (
        Cap(per=Counted.STAKEHOLDER, at_most=1, within_hours=48),
        Cap(per=Counted.ACCOUNT, at_most=1, within_hours=72),
    )
    assert decided(Policy(caps=caps), run("completed", DAY)).again_at == NOW + 2 * DAY


def test_cadences_of_a_group_exclude_each_other_by_stakeholder() -> None:
    exclusive = Policy(exclusive_by="stakeholder")
    for state in EnrollmentState:
        if state.value in {"expired", "withdrawn"}:
            continue
        expected = Reason.EXCLUSIVE_CADENCE_ACTIVE if state in ACTIVE else Reason.REQUESTED
        assert reason(exclusive, run(state.value, trigger_type=TriggerType.AT_RISK)) is expected
        assert reason(exclusive, run(state.value, trigger_type=None)) is expected
    assert reason(exclusive, run("enrolled", exclusivity_group="other")) is Reason.REQUESTED
    assert reason(exclusive, runs={"sth-8": [run("enrolled")]}) is Reason.REQUESTED
    assert reason(Policy(), run("enrolled")) is Reason.REQUESTED
    assert decided(exclusive, run("enrolled")).again_at == NOW + DAY


def test_cadences_of_a_group_exclude_each_other_by_address() -> None:
    shared = {"sth-9": [("sth-7", "default")]}
    assert reason(Policy(exclusive_by="email"), active=shared) is Reason.EXCLUSIVE_CADENCE_ACTIVE
    assert reason(Policy(exclusive_by="email"), active={"sth-9": [("sth-7", "other")]}) is Reason.REQUESTED
    assert reason(Policy(exclusive_by="email"), active={"sth-8": [("sth-7", "default")]}) is Reason.REQUESTED
    assert reason(Policy(exclusive_by="email"), run("enrolled")) is Reason.EXCLUSIVE_CADENCE_ACTIVE
    assert reason(Policy(exclusive_by="stakeholder"), active=shared) is Reason.REQUESTED


def test_who_is_on_the_list_is_suppressed_whatever_the_policy() -> None:
    found = decided(Policy(), suppressed={"sth-9"})
    assert (found.outcome, found.reason) == (CandidateOutcome.SKIP, Reason.SUPPRESSED)
    assert reason(Policy(), suppressed={"sth-8"}) is Reason.REQUESTED


def test_a_share_is_held_out_and_it_is_about_that_share() -> None:
    ids = [f"sth-{number}" for number in range(4000)]
    for percent in (0, 5, 25, 100):
        share = sum(held_out(UUID(int=1), one, percent) for one in ids) / len(ids) * 100
        assert abs(share - percent) < 2.5, percent
    # Another mapping leaves out others.
    both = [one for one in ids if held_out(UUID(int=1), one, 25) and held_out(UUID(int=2), one, 25)]
    assert 150 < len(both) < 350


@given(
    ids=st.lists(st.text("ab-é1", min_size=1, max_size=8), min_size=1, max_size=8, unique=True),
    shuffled=st.randoms(use_true_random=False),
    changes=st.fixed_dictionaries(
        {},
        optional={
            "version": st.integers(1, 9),
            "priority": st.integers(1, 9),
            "cadence_id": st.sampled_from([456, 457]),
            "exclusivity_group": st.sampled_from(["default", "other"]),
        },
    ),
)
def test_who_is_held_out_depends_on_nothing_but_who_and_which_mapping(
    ids: list[str], shuffled: Any, changes: dict[str, Any]
) -> None:
    team = (cadence(), cadence(id=457))

    def reasons(order: list[str], **of_mapping: Any) -> dict[str | None, Reason]:
        candidates = [Candidate(stakeholder(id=one), None) for one in order]
        known = organization(mapping(**of_mapping), cadences=team)
        return {one.stakeholder_id: one.reason for one in decide(situation(*candidates), known, NOW)}

    policy = Policy(hold_out_percent=50)
    first = reasons(ids, policy=policy)
    in_disorder = list(ids)
    shuffled.shuffle(in_disorder)
    assert reasons(in_disorder, policy=policy, **changes) == first
    assert {one for one, why in first.items() if why is Reason.HELD_OUT} == {
        one for one in ids if held_out(UUID(int=1), one, 50)
    }
    more = reasons(ids, policy=Policy(hold_out_percent=75))
    assert all(more[one] is Reason.HELD_OUT for one, why in first.items() if why is Reason.HELD_OUT)


def test_only_who_would_be_asked_for_is_held_out() -> None:
    everybody = Policy(hold_out_percent=100)
    assert reason(everybody) is Reason.HELD_OUT
    assert reason(everybody, candidate=Candidate(stakeholder(email=None), None)) is Reason.NO_EMAIL
    assert reason(everybody, suppressed={"sth-9"}) is Reason.SUPPRESSED


def test_a_request_names_the_first_working_day() -> None:
    policy = Policy(
        start_offset_days=4,  # a Friday
        working_time=WorkingTime(
            quiet_hours=QuietHours(begins=time(18), ends=time(9)),
            days=("monday", "tuesday", "wednesday", "thursday", "friday"),
            blackouts=(Blackout(first=date(2026, 11, 27), last=date(2026, 11, 27)),),
        ),
    )
    action = decided(policy).action
    assert action is not None
    assert action.start_date == date(2026, 11, 30)
    # In the evening today is over, where the stakeholder is.
    today = Policy(working_time=WorkingTime(quiet_hours=QuietHours(begins=time(18), ends=time(9))))
    for zone, expected in (("Asia/Tokyo", date(2026, 11, 24)), ("Europe/Berlin", date(2026, 11, 23))):
        action = decided(today, candidate=Candidate(stakeholder(time_zone=zone), None)).action
        assert action is not None
        assert action.start_date == expected


@pytest.mark.parametrize(
    "document",
    [
        {"reentry": {"kind": "at_most", "times": 0, "within_days": 1}},
        {"reentry": {"kind": "at_most"}},
        {"reentry": {"kind": "sometimes"}},
        {"caps": [{"per": "planet", "at_most": 1, "within_hours": 1}]},
        {"caps": [{"per": "sender", "at_most": 0, "within_hours": 1}]},
        {"exclusive_by": "phone"},
        {"hold_out_percent": 101},
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate(document)


def test_a_policy_is_read_as_it_was_written() -> None:
    policy = Policy(
        working_time=WorkingTime(
            quiet_hours=QuietHours(begins=time(18), ends=time(9)),
            days=("monday",),
            blackouts=(Blackout(first=date(2026, 12, 24), last=date(2027, 1, 3)),),
        ),
        reentry=AtMost(times=2, within_days=365),
        caps=(Cap(per=Counted.SENDER, at_most=50, within_hours=24),),
        exclusive_by="email",
        hold_out_percent=12.5,
    )
    assert Policy.model_validate_json(policy.model_dump_json()) == policy
    # What was published before these fields were there.
    assert Policy.model_validate_json(b'{"defer_days": 3}') == Policy(defer_days=3)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (" Ann@Acme.example ", Suppressible("email", "ann@acme.example")),
        ("Acme.example", Suppressible("domain", "acme.example")),
        ("@acme.example", Suppressible("domain", "acme.example")),
    ],
)
def test_what_may_be_on_the_list(typed: str, expected: Suppressible) -> None:
    assert suppressible(typed) == expected


@pytest.mark.parametrize("typed", ["", "acme", "com", "ann@acme", "ann lee@acme.example", "*.acme.example", "@"])
def test_what_is_neither_an_address_nor_a_domain(typed: str) -> None:
    with pytest.raises(NotSuppressible):
        suppressible(typed)


def test_an_address_is_listed_by_itself_and_by_the_domains_above_it() -> None:
    assert listed_as(" Ann@mail.Acme.example") == [
        Suppressible("email", "ann@mail.acme.example"),
        Suppressible("domain", "mail.acme.example"),
        Suppressible("domain", "acme.example"),
    ]
    assert listed_as(None) == listed_as(" ") == []
    assert Suppressible("domain", "acme.example") not in listed_as("ann@notacme.example")


def test_the_reasons_that_a_cap_has() -> None:
    assert {one.value: one.reason for one in Counted} == {
        "stakeholder": Reason.FREQUENCY_CAPPED,
        "account": Reason.FREQUENCY_CAPPED,
        "sender": Reason.QUOTA_REACHED,
        "mapping": Reason.QUOTA_REACHED,
    }

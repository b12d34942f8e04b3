"""A mutable membership record to runs, each with one start and at most one end."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.memberships import MembershipSeen, MembershipStatus, membership_status, observe_membership
from activity.records import MembershipRecord
from activity.units import Metric, Unit, event_id, membership_key
from schemas.vocabulary import Confidence
from tests.activity.samples import CREATED, NOTICED, after, membership


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("processing", MembershipStatus.PROCESSING),
        ("staged", MembershipStatus.ACTIVE),
        ("active", MembershipStatus.ACTIVE),
        ("scheduled", MembershipStatus.ACTIVE),
        ("completed", MembershipStatus.COMPLETED),
        ("removed", MembershipStatus.REMOVED),
        ("removed_no_action", MembershipStatus.REMOVED),
        ("reassigned", MembershipStatus.REMOVED),
        ("archived", MembershipStatus.REMOVED),
    ],
)
def test_salesloft_states_have_a_word_of_ours(state: str, status: MembershipStatus) -> None:
    assert membership_status(membership(state, after(hours=1))) is status


def test_for_an_unknown_state_being_on_the_cadence_decides() -> None:
    assert membership_status(membership("pending", after(hours=1))) is MembershipStatus.ACTIVE
    away = membership("snoozed", after(hours=1), currently_on_cadence=False)
    assert membership_status(away) is MembershipStatus.REMOVED


def test_a_new_run_starts_at_the_instant_of_its_add() -> None:
    observation = observe_membership(None, membership("active", after(hours=1)), NOTICED)
    (started,) = observation.units
    assert (started.metric, started.occurred_at) == (Metric.MEMBERSHIP_STARTED, CREATED)
    assert started.source_id == membership_key(789, CREATED)
    assert observation.seen.status is MembershipStatus.ACTIVE


def test_without_an_instant_of_its_add_a_run_began_when_its_record_did() -> None:
    (started,) = observe_membership(None, membership("active", after(hours=1), added_at=None), NOTICED).units
    assert started.occurred_at == CREATED


def test_a_run_first_seen_after_its_end_both_started_and_ended() -> None:
    started, ended = observe_membership(None, membership("completed", after(hours=1)), NOTICED).units
    assert (started.metric, ended.metric) == (Metric.MEMBERSHIP_STARTED, Metric.MEMBERSHIP_COMPLETED)
    assert ended.occurred_between == (CREATED, after(hours=1))


def test_an_end_is_told_once_and_the_first_end_counts() -> None:
    on = observe_membership(None, membership("active", after(hours=1)), NOTICED)
    done = observe_membership(on.seen, membership("completed", after(hours=2)), NOTICED)
    archived = observe_membership(done.seen, membership("archived", after(hours=3)), NOTICED)
    (ended,) = done.units
    assert ended.occurred_between == (after(hours=1), after(hours=2))
    assert ended.confidence is Confidence.HIGH
    assert archived.units == ()
    assert (archived.seen.status, archived.seen.updated_at) == (MembershipStatus.COMPLETED, after(hours=3))


def test_a_pause_of_ours_stays_a_pause_while_the_record_is_away() -> None:
    paused = MembershipSeen(added_at=CREATED, updated_at=after(hours=1), status=MembershipStatus.PAUSED)
    away = observe_membership(paused, membership("removed", after(hours=2)), NOTICED)
    assert (away.units, away.seen.status) == ((), MembershipStatus.PAUSED)
    back = observe_membership(away.seen, membership("active", after(hours=5), added_at=after(hours=4)), NOTICED)
    assert [unit.metric for unit in back.units] == [Metric.MEMBERSHIP_STARTED]
    assert (back.seen.status, back.seen.added_at) == (MembershipStatus.ACTIVE, after(hours=4))


def test_a_run_whose_successor_is_seen_first_was_removed_perhaps() -> None:
    on = observe_membership(None, membership("active", after(hours=1)), NOTICED)
    removed, started = observe_membership(
        on.seen, membership("active", after(hours=5), added_at=after(hours=4)), NOTICED
    ).units
    assert (removed.metric, removed.source_id) == (Metric.MEMBERSHIP_REMOVED, membership_key(789, CREATED))
    assert removed.occurred_between == (after(hours=1), after(hours=4))
    assert removed.confidence is Confidence.LOW
    assert (started.metric, started.source_id) == (Metric.MEMBERSHIP_STARTED, membership_key(789, after(hours=4)))


def test_a_run_that_ended_is_followed_by_the_next_without_a_second_end() -> None:
    done = observe_membership(None, membership("completed", after(hours=1)), NOTICED)
    again = observe_membership(done.seen, membership("active", after(hours=5), added_at=after(hours=4)), NOTICED)
    assert [unit.metric for unit in again.units] == [Metric.MEMBERSHIP_STARTED]


@pytest.mark.parametrize(
    "stale",
    [
        membership("removed", after(hours=1)),
        membership("removed", after(minutes=59)),
        membership("removed", after(hours=9), added_at=CREATED - timedelta(days=1)),
    ],
    ids=["of the same instant", "older", "of an older run"],
)
def test_a_record_that_is_not_newer_is_ignored(stale: MembershipRecord) -> None:
    on = observe_membership(None, membership("active", after(hours=1)), NOTICED)
    observation = observe_membership(on.seen, stale, NOTICED)
    assert (observation.units, observation.seen) == ((), on.seen)


def observe_all(records: list[MembershipRecord]) -> list[Unit]:
    seen: MembershipSeen | None = None
    units: list[Unit] = []
    for record in records:
        observation = observe_membership(seen, record, NOTICED)
        units += observation.units
        seen = observation.seen
    return units


def ids(units: list[Unit]) -> set[UUID]:
    return {event_id("org-1", "sth-9", unit) for unit in units}


@given(
    st.lists(st.sampled_from(["processing", "staged", "active", "scheduled"]), max_size=6),
    st.sampled_from(["active", "completed", "removed", "removed_no_action"]),
    st.data(),
)
def test_any_readings_of_a_run_in_any_order_that_hold_the_last_tell_the_same(
    states: list[str], last: str, data: st.DataObject
) -> None:
    run = [membership(state, after(hours=hours)) for hours, state in enumerate([*states, last], start=1)]
    deliveries = data.draw(st.permutations([*data.draw(st.lists(st.sampled_from(run), max_size=10)), run[-1]]))
    units = observe_all(deliveries)
    assert ids(units) == ids(observe_all([run[-1]]))
    assert len(units) == len(ids(units))


@given(st.lists(st.tuples(st.sampled_from(["active", "completed", "removed", "archived"]), st.booleans()), max_size=12))
def test_each_run_has_one_start_and_at_most_one_end_when_states_only_move_on(steps: list[tuple[str, bool]]) -> None:
    added, records = CREATED, []
    ended = False
    for hours, (state, anew) in enumerate(steps, start=1):
        if anew:
            added, ended = after(hours=hours), False
        ended = ended or state != "active"
        moved_on = state if state != "active" or not ended else "removed"
        records.append(membership(moved_on, after(hours=hours), added_at=added))
    told = [(unit.source_id, unit.metric is Metric.MEMBERSHIP_STARTED) for unit in observe_all(records)]
    assert len(told) == len(set(told))

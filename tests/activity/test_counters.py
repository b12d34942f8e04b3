"""Counters to units: each unit once, whatever the readings were."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.counters import (
    BURST_OPENS,
    BURST_SPACING,
    MACHINE_OPENS_WITHIN,
    EmailSeen,
    observe_call,
    observe_email,
    shown_by_email,
)
from activity.records import COUNT_LIMIT, CallRecord, EmailRecord
from activity.units import Metric, Source, Unit, event_id
from schemas.vocabulary import Confidence
from tests.activity.samples import CREATED, NOTICED, SENT, Reading, after, email


def ids(units: Iterable[Unit]) -> set[UUID]:
    return {event_id("org-1", "sth-9", unit) for unit in units}


def observe_all(records: Iterable[EmailRecord]) -> tuple[list[Unit], EmailSeen | None]:
    seen: EmailSeen | None = None
    units: list[Unit] = []
    for record in records:
        observation = observe_email(seen, record, NOTICED)
        units += observation.units
        seen = observation.seen
    return units, seen


def named(units: Iterable[Unit]) -> list[tuple[Metric, int]]:
    return [(unit.metric, unit.ordinal) for unit in units]


def test_the_first_reading_yields_one_unit_for_each_count() -> None:
    observation = observe_email(None, email(after(hours=1), views=2, clicks=1, replies=1, bounced=True), NOTICED)
    assert named(observation.units) == [
        (Metric.EMAIL_SENT, 1),
        (Metric.EMAIL_OPENED, 1),
        (Metric.EMAIL_OPENED, 2),
        (Metric.EMAIL_CLICKED, 1),
        (Metric.EMAIL_REPLIED, 1),
        (Metric.EMAIL_BOUNCED, 1),
    ]
    assert all(
        (unit.source, unit.source_id, unit.person_id) == (Source.EMAIL, "722488662", 1) for unit in observation.units
    )
    assert (observation.known, observation.fallen) == (0, 0)


def test_the_next_reading_yields_only_what_is_new_and_when_it_can_have_been() -> None:
    first = observe_email(None, email(after(hours=1), views=2), NOTICED)
    second = observe_email(first.seen, email(after(hours=3), views=3), NOTICED)
    (opened,) = second.units
    assert (opened.metric, opened.ordinal) == (Metric.EMAIL_OPENED, 3)
    assert opened.occurred_between == (after(hours=1), after(hours=3))
    assert opened.occurred_at is None
    assert second.known == 3


def test_sending_has_its_own_instant_and_an_open_is_not_before_it() -> None:
    draft = observe_email(None, email(CREATED + timedelta(minutes=1), sent_at=None, status="scheduled"), NOTICED)
    assert draft.units == ()
    sent, opened = observe_email(draft.seen, email(after(hours=1), views=1), NOTICED).units
    assert (sent.metric, sent.occurred_at, sent.occurred_between) == (Metric.EMAIL_SENT, SENT, None)
    assert opened.occurred_between == (SENT, after(hours=1))


def test_an_email_that_is_sent_without_an_instant_was_sent_between_two_readings() -> None:
    (sent,) = observe_email(None, email(after(hours=1), sent_at=None, status="sent_from_gmail"), NOTICED).units
    assert sent.occurred_between == (CREATED, after(hours=1))


def test_sent_is_told_once_even_when_its_instant_comes_later() -> None:
    first = observe_email(None, email(after(hours=1), sent_at=None), NOTICED)
    assert observe_email(first.seen, email(after(hours=2)), NOTICED).units == ()


def test_sent_is_told_once_even_when_its_instant_goes_and_comes_back() -> None:
    first = observe_email(None, email(after(hours=1)), NOTICED)
    gone = observe_email(first.seen, email(after(hours=2), sent_at=None, status="pending"), NOTICED)
    back = observe_email(gone.seen, email(after(hours=3)), NOTICED)
    assert gone.units == back.units == ()


@pytest.mark.parametrize("status", ["pending", "scheduled", "failed", "cancelled", None])
def test_without_an_instant_only_a_sent_status_means_sent(status: str | None) -> None:
    assert observe_email(None, email(after(hours=1), sent_at=None, status=status), NOTICED).units == ()


@pytest.mark.parametrize("earlier", [timedelta(), timedelta(microseconds=1), timedelta(days=1)])
def test_a_record_not_newer_than_the_one_seen_is_ignored(earlier: timedelta) -> None:
    first = observe_email(None, email(after(hours=1), views=1), NOTICED)
    stale = observe_email(first.seen, email(after(hours=1) - earlier, views=9, bounced=True), NOTICED)
    assert (stale.units, stale.seen, stale.fallen) == ((), first.seen, 0)


def test_a_counter_that_falls_emits_nothing_and_what_it_regains_was_told() -> None:
    high = observe_email(None, email(after(hours=1), views=5, clicks=2), NOTICED)
    fallen = observe_email(high.seen, email(after(hours=2), views=2, clicks=1), NOTICED)
    assert (fallen.units, fallen.fallen, fallen.seen.views) == ((), 4, 5)
    regained = observe_email(fallen.seen, email(after(hours=3), views=5, clicks=1), NOTICED)
    assert (regained.units, regained.fallen) == ((), 1)
    above = observe_email(regained.seen, email(after(hours=4), views=6, clicks=2), NOTICED)
    assert named(above.units) == [(Metric.EMAIL_OPENED, 6)]
    assert above.fallen == 0


def test_a_bounce_is_told_once_and_stays() -> None:
    bounced = observe_email(None, email(after(hours=1), bounced=True), NOTICED)
    lifted = observe_email(bounced.seen, email(after(hours=2), bounced=False), NOTICED)
    again = observe_email(lifted.seen, email(after(hours=3), bounced=True), NOTICED)
    assert named(bounced.units)[-1] == (Metric.EMAIL_BOUNCED, 1)
    assert lifted.units == again.units == ()


def confidences(record: EmailRecord, before: EmailSeen | None = None) -> set[Confidence]:
    units = observe_email(before, record, NOTICED).units
    return {unit.confidence for unit in units if unit.metric is Metric.EMAIL_OPENED}


def test_an_open_right_after_sending_is_likely_a_machines() -> None:
    assert confidences(email(SENT + MACHINE_OPENS_WITHIN, views=1)) == {Confidence.LOW}
    assert confidences(email(SENT + MACHINE_OPENS_WITHIN + timedelta(seconds=1), views=1)) == {Confidence.HIGH}


def test_many_opens_at_once_are_likely_a_machines() -> None:
    before = observe_email(None, email(after(hours=1)), NOTICED).seen
    close = after(hours=1) + BURST_OPENS * BURST_SPACING
    assert confidences(email(close - timedelta(seconds=1), views=BURST_OPENS), before) == {Confidence.LOW}
    assert confidences(email(close, views=BURST_OPENS), before) == {Confidence.HIGH}
    assert confidences(email(after(hours=1, seconds=1), views=BURST_OPENS - 1), before) == {Confidence.HIGH}


def test_only_opens_are_ever_doubted() -> None:
    units = observe_email(None, email(SENT + timedelta(seconds=1), views=1, clicks=1, replies=1), NOTICED).units
    assert {unit.metric for unit in units if unit.confidence is Confidence.LOW} == {Metric.EMAIL_OPENED}


@pytest.mark.parametrize("sent_at", [SENT, None])
def test_clocks_that_disagree_never_make_an_interval_that_ends_before_it_begins(sent_at: datetime | None) -> None:
    early = email(CREATED - timedelta(hours=1), sent_at=sent_at, views=1)
    units = observe_email(None, early, NOTICED).units
    assert all(unit.occurred_from <= unit.occurred_to for unit in units)


@pytest.mark.parametrize("count", [-1, COUNT_LIMIT + 1])
@pytest.mark.parametrize("name", ["views", "clicks", "replies"])
def test_a_counter_that_cannot_be_is_refused(name: str, count: int) -> None:
    with pytest.raises(ValueError, match=f"counts {count} {name}"):
        email(after(hours=1), **{name: count})  # type: ignore[arg-type] # the name is one of the three counters


def test_a_record_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        email(datetime(2026, 11, 23))  # noqa: DTZ001 - what is refused


def test_a_call_is_one_unit_however_often_it_changes() -> None:
    calls = [
        CallRecord(id=5, person_id=1, cadence_id=None, step_id=None, created_at=SENT, updated_at=after(hours=hours))
        for hours in (0, 1)
    ]
    first, second = (observe_call(call, NOTICED) for call in calls)
    assert (first.metric, first.occurred_at, first.source_id) == (Metric.CALL_LOGGED, SENT, "5")
    assert ids([first]) == ids([second])


@st.composite
def histories(draw: st.DrawFn, *, step: st.SearchStrategy[int]) -> list[Reading]:
    """How an e-mail's counters went, newest last, each reading later than the one before."""
    readings: list[Reading] = []
    minutes = views = clicks = replies = 0
    bounced = False
    for _ in range(draw(st.integers(1, 12))):
        minutes += draw(st.integers(1, 600))
        views, clicks, replies = (max(0, count + draw(step)) for count in (views, clicks, replies))
        bounced = bounced or draw(st.booleans())
        readings.append(Reading(minutes=minutes, views=views, clicks=clicks, replies=replies, bounced=bounced))
    return readings


RISING = histories(step=st.integers(0, 3))
ANY = histories(step=st.integers(-2, 3))


@given(RISING, st.data())
def test_any_selection_in_any_order_that_holds_the_last_reading_tells_the_same_units(
    history: list[Reading], data: st.DataObject
) -> None:
    deliveries = data.draw(st.permutations([*data.draw(st.lists(st.sampled_from(history), max_size=20)), history[-1]]))
    units, seen = observe_all(reading.record for reading in deliveries)
    whole, _ = observe_all([history[-1].record])
    assert ids(units) == ids(whole)
    assert len(units) == len(ids(units)), "no unit is told twice"
    assert seen is not None
    assert (seen.updated_at, seen.views) == (history[-1].record.updated_at, history[-1].views)


@given(ANY, st.data())
def test_a_repeated_or_stale_delivery_changes_nothing(history: list[Reading], data: st.DataObject) -> None:
    deliveries: list[Reading] = []
    for position, reading in enumerate(history):
        deliveries += [reading, *data.draw(st.lists(st.sampled_from(history[: position + 1]), max_size=3))]
    plain, _ = observe_all(reading.record for reading in history)
    noisy, _ = observe_all(reading.record for reading in deliveries)
    assert noisy == plain


@given(ANY)
def test_what_was_told_is_one_unit_for_each_count_up_to_the_highest(history: list[Reading]) -> None:
    units, _ = observe_all(reading.record for reading in history)
    for metric, highest in (
        (Metric.EMAIL_OPENED, max(reading.views for reading in history)),
        (Metric.EMAIL_CLICKED, max(reading.clicks for reading in history)),
        (Metric.EMAIL_REPLIED, max(reading.replies for reading in history)),
    ):
        assert [unit.ordinal for unit in units if unit.metric is metric] == list(range(1, highest + 1))


@given(ANY)
def test_each_reading_balances_what_it_shows(history: list[Reading]) -> None:
    seen: EmailSeen | None = None
    for reading in history:
        observation = observe_email(seen, reading.record, NOTICED)
        assert len(observation.units) + observation.known == sum(shown_by_email(reading.record).values())
        assert observation.known >= 0
        seen = observation.seen


@given(ANY, st.datetimes(), st.datetimes())
def test_an_id_never_depends_on_when_the_unit_was_noticed(
    history: list[Reading], one: datetime, other: datetime
) -> None:
    record = history[-1].record
    at_one, at_other = (
        observe_email(None, record, noticed.replace(tzinfo=SENT.tzinfo)).units for noticed in (one, other)
    )
    assert ids(at_one) == ids(at_other)

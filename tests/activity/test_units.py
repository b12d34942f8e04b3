"""The ids of events, which every reader relies on to know an event again."""

from datetime import timedelta, timezone
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.units import ACTIVITY_METRICS, Metric, Unit, activity_event, event_id, membership_key
from schemas.vocabulary import ActivityKind
from tests.activity.samples import CREATED, NOTICED, SENT, after, unit


def test_the_id_of_a_unit_is_what_it_was_when_it_was_first_published() -> None:
    opened = unit(Metric.EMAIL_OPENED, SENT, ordinal=2, source_id="722488662")
    assert event_id("org-1", "sth-9", opened) == UUID("11bd8c66-0ddf-50ff-a8ad-b437c11dffba")


def test_everything_that_names_a_unit_is_in_its_id_and_nothing_else() -> None:
    names = product(
        ("org-1", "org-2"), ("sth-1", "sth-2"), ("1", "2"), (Metric.EMAIL_OPENED, Metric.EMAIL_CLICKED), (1, 2)
    )
    ids = {
        event_id(organization, stakeholder, unit(metric, at, ordinal=ordinal, source_id=source_id, cadence_id=cadence))
        for (organization, stakeholder, source_id, metric, ordinal) in names
        for at in (SENT, after(hours=1))
        for cadence in (None, 456)
    }
    assert len(ids) == 2**5


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_two_ids_never_run_into_one(one: str, other: str, another: str, last: str) -> None:
    sent = unit(Metric.EMAIL_SENT, SENT)
    assert (event_id(one, other, sent) == event_id(another, last, sent)) == ((one, other) == (another, last))


@given(st.integers(-23, 23))
def test_a_run_has_one_key_in_every_time_zone(hours: int) -> None:
    assert membership_key(789, CREATED.astimezone(timezone(timedelta(hours=hours)))) == membership_key(789, CREATED)


def test_two_runs_a_microsecond_apart_are_two() -> None:
    assert membership_key(789, CREATED) != membership_key(789, CREATED + timedelta(microseconds=1))


def test_a_unit_has_exactly_one_time() -> None:
    def made(at: object, between: object) -> Unit:
        known = unit(Metric.EMAIL_SENT, SENT)
        values = {name: getattr(known, name) for name in known.__slots__}
        return Unit(**(values | {"occurred_at": at, "occurred_between": between}))

    with pytest.raises(ValueError, match="exactly one"):
        made(None, None)
    with pytest.raises(ValueError, match="exactly one"):
        made(SENT, (SENT, SENT))
    with pytest.raises(ValueError, match="ends before"):
        made(None, (after(hours=1), SENT))
    between = made(None, (SENT, after(hours=1)))
    assert (between.occurred_from, between.occurred_to) == (SENT, after(hours=1))


def test_every_kind_of_activity_is_a_metric_and_memberships_are_not_activity() -> None:
    assert {metric.value for metric in ACTIVITY_METRICS} == {kind.value for kind in ActivityKind}
    with pytest.raises(ValueError, match="enrollment"):
        activity_event(
            unit(Metric.MEMBERSHIP_STARTED, SENT),
            organization_id="org-1",
            customer_id="cus-7",
            stakeholder_id="sth-9",
            enrollment_id=None,
        )


def test_the_event_of_a_unit_has_the_shape_that_readers_know() -> None:
    event = activity_event(
        unit(Metric.EMAIL_OPENED, SENT, ordinal=2, source_id="722488662"),
        organization_id="org-1",
        customer_id="cus-7",
        stakeholder_id="sth-9",
        enrollment_id=UUID(int=1),
    )
    assert event.model_dump(mode="json") == {
        "organization_id": "org-1",
        "customer_id": "cus-7",
        "stakeholder_id": "sth-9",
        "enrollment_id": "00000000-0000-0000-0000-000000000001",
        "salesloft": {"person_id": 1, "cadence_id": 456, "step_id": None, "source": "email", "source_id": "722488662"},
        "ordinal": 2,
        "occurred_at": "2026-11-23T09:05:00.000000Z",
        "occurred_between": None,
        "noticed_at": NOTICED.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "confidence": "high",
        "details": {"subject": None},
    }

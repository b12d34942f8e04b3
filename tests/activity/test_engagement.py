"""Engagement: a fold that knows no order, and a score that explains itself."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.engagement import (
    CadenceTally,
    fold,
    score_parts,
    snapshot,
    tallies_from_json,
    tallies_to_json,
    total_of,
)
from activity.units import Metric, Unit
from schemas.engagement import ActiveCadence
from schemas.vocabulary import Confidence
from tests.activity.samples import SENT, after, unit

UNITS = st.builds(
    unit,
    st.sampled_from(list(Metric)),
    st.integers(0, 10_000).map(lambda minutes: after(minutes=minutes)),
    ordinal=st.integers(1, 3),
    cadence_id=st.sampled_from([None, 456, 457]),
    confidence=st.sampled_from([Confidence.HIGH, Confidence.LOW]),
)


def scored(tally: CadenceTally, days: float) -> dict[str, int]:
    return {part.name: part.points for part in score_parts(tally, after(days=days))}


def test_units_become_counts_and_instants_by_cadence() -> None:
    tallies = fold(
        {},
        [
            unit(Metric.EMAIL_SENT, SENT),
            unit(Metric.EMAIL_SENT, after(days=1)),
            unit(Metric.EMAIL_OPENED, after(days=1)),
            unit(Metric.EMAIL_REPLIED, after(days=2)),
            unit(Metric.EMAIL_REPLIED, after(days=3), ordinal=2),
            unit(Metric.CALL_LOGGED, after(days=4), cadence_id=None),
            unit(Metric.STEP_COMPLETED, after(days=5)),
            unit(Metric.MEMBERSHIP_STARTED, after(days=5)),
        ],
    )
    assert tallies[456] == CadenceTally(
        sent=2,
        opened=1,
        replied=2,
        answered=1,
        last_contacted_at=after(days=1),
        last_opened_at=after(days=1),
        last_replied_at=after(days=3),
    )
    assert tallies[456].reply_rate == 0.5
    assert total_of(tallies).last_contacted_at == after(days=4)
    assert total_of(tallies).calls == 1


def test_replies_to_one_email_answer_it_once_so_that_the_rate_stays_a_rate() -> None:
    replies = [unit(Metric.EMAIL_REPLIED, SENT, ordinal=ordinal) for ordinal in (1, 2, 3)]
    assert fold({}, [unit(Metric.EMAIL_SENT, SENT), *replies])[456].reply_rate == 1.0
    assert fold({}, replies)[456].reply_rate == 0.0


def test_an_open_that_a_machine_may_have_made_is_counted_and_scores_nothing() -> None:
    tally = fold({}, [unit(Metric.EMAIL_OPENED, SENT, confidence=Confidence.LOW)])[456]
    assert (tally.opened, tally.last_opened_at) == (1, None)
    assert scored(tally, 0) == {}


@given(st.lists(UNITS, max_size=30), st.data())
def test_neither_order_nor_batches_of_units_matter(units: list[Unit], data: st.DataObject) -> None:
    whole = fold({}, units)
    shuffled = data.draw(st.permutations(units))
    cut = data.draw(st.integers(0, len(units)))
    first = fold({}, shuffled[:cut])
    kept = dict(first)
    assert fold(first, shuffled[cut:]) == whole
    assert first == kept, "what is handed in stays as it was"


@given(st.lists(UNITS, max_size=20))
def test_tallies_survive_being_stored(units: list[Unit]) -> None:
    tallies = fold({}, units)
    assert tallies_from_json(json.loads(json.dumps(tallies_to_json(tallies)))) == tallies


@given(st.lists(UNITS, max_size=30), st.floats(0, 400))
def test_the_parts_sum_up_to_a_score_between_0_and_100(units: list[Unit], days: float) -> None:
    parts = score_parts(total_of(fold({}, units)), after(days=days))
    assert 0 <= sum(part.points for part in parts) <= 100
    assert len({part.name for part in parts}) == len(parts)


@given(st.lists(UNITS, max_size=30), st.floats(7, 400), st.floats(0, 400))
def test_without_news_a_score_never_rises(units: list[Unit], days: float, more: float) -> None:
    kept = [unit for unit in units if unit.metric is not Metric.EMAIL_BOUNCED]
    tally = total_of(fold({}, kept))
    now, later = (sum(scored(tally, at).values()) for at in (days, days + more))
    assert later <= now


@pytest.mark.parametrize(
    ("days", "parts"),
    [
        (0, {"replied recently": 40}),
        (14, {"replied recently": 40}),
        (15, {"replied in the last 90 days": 20}),
        (90, {"replied in the last 90 days": 20}),
        (91, {}),
    ],
)
def test_a_reply_is_worth_less_the_longer_ago_it_is(days: int, parts: dict[str, int]) -> None:
    assert scored(CadenceTally(replied=1, last_replied_at=SENT), days) == parts


def test_the_most_engaged_stakeholder_scores_100() -> None:
    metrics = (
        Metric.EMAIL_SENT,
        Metric.EMAIL_OPENED,
        Metric.EMAIL_CLICKED,
        Metric.EMAIL_REPLIED,
        Metric.CALL_LOGGED,
    )
    assert sum(scored(fold({}, [unit(metric, SENT) for metric in metrics])[456], 1).values()) == 100


def test_an_opt_out_takes_everything_and_a_bounce_takes_a_part_for_a_while() -> None:
    replied = CadenceTally(replied=1, last_replied_at=SENT)
    assert scored(replied + CadenceTally(unsubscribed_at=SENT), 1) == {"replied recently": 40, "unsubscribed": -40}
    bounced = replied + CadenceTally(bounced=1, last_bounced_at=SENT)
    assert scored(bounced, 1) == {"replied recently": 40, "bounced": -30}
    assert scored(bounced, 91) == {}


def test_the_event_has_the_shape_that_readers_know() -> None:
    event = snapshot(
        fold(
            {},
            [
                *(unit(Metric.EMAIL_SENT, after(days=day)) for day in range(3)),
                unit(Metric.EMAIL_REPLIED, after(days=1)),
                unit(Metric.EMAIL_SENT, SENT, cadence_id=None),
                unit(Metric.EMAIL_SENT, SENT, cadence_id=12),
            ],
        ),
        organization_id="org-1",
        customer_id="cus-7",
        stakeholder_id="sth-9",
        active_cadences=[ActiveCadence(id=456, name="Renewal 90", step=2, steps=7)],
        now=after(days=3) + timedelta(microseconds=1),
    )
    nothing = {"opened": 0, "clicked": 0, "bounced": 0, "calls": 0}
    assert event.model_dump(mode="json") == {
        "organization_id": "org-1",
        "customer_id": "cus-7",
        "stakeholder_id": "sth-9",
        "last_contacted_at": "2026-11-25T09:05:00.000000Z",
        "last_replied_at": "2026-11-24T09:05:00.000000Z",
        "counts": {"sent": 5, "replied": 1, **nothing},
        "score": 43,
        "score_parts": [{"name": "replied recently", "points": 40}, {"name": "answers e-mails", "points": 3}],
        "by_cadence": [
            {"cadence_id": 12, "counts": {"sent": 1, "replied": 0, **nothing}, "reply_rate": 0.0},
            {"cadence_id": 456, "counts": {"sent": 3, "replied": 1, **nothing}, "reply_rate": 0.33},
        ],
        "active_cadences": [{"id": 456, "name": "Renewal 90", "step": 2, "steps": 7}],
        "updated_at": "2026-11-26T09:05:00.000001Z",
    }

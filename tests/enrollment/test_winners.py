"""The total order: whatever overlaps and in whatever order it is asked, one mapping has each stakeholder and group."""

from itertools import permutations
from random import Random
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from enrollment.criteria import ALWAYS, compile_criteria, parse_criteria
from enrollment.decide import Candidate, Situation, decide
from enrollment.mappings import Mapping, MappingBook
from enrollment.winners import winners
from schemas.vocabulary import CandidateOutcome, Reason, TriggerType
from tests.enrollment.samples import NOW, TRIGGER, customer, facts, mapping, organization, situation, stakeholder

TRUTH = st.sampled_from([True, False, None])
# Asked of the customer, of the stakeholder and of the trigger; true, false and unknown occur of each.
LEAVES: list[dict[str, Any]] = [
    {"field": "stakeholder.is_champion", "op": "equals", "value": True},
    {"field": "stakeholder.is_decision_maker", "op": "equals", "value": True},
    {"field": "customer.health_score", "op": "lt", "value": 60},
    {"field": "trigger.days_to_renewal", "op": "lte", "value": 90},
    {"field": "trigger.severity", "op": "equals", "value": "high"},
]
TREES = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: {"all": parts})
        | st.lists(inner, max_size=3).map(lambda parts: {"any": parts})
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=4,
)
CRITERIA = st.just(ALWAYS) | TREES.map(lambda tree: parse_criteria(orjson.dumps(tree)))


@st.composite
def books(draw: st.DrawFn) -> list[Mapping]:
    """Mappings that overlap: few segments, priorities and groups among them, so that ties are many."""
    ids = draw(st.lists(st.integers(1, 40), min_size=1, max_size=9, unique=True))
    return [
        mapping(
            number,
            segment=draw(st.sampled_from([None, "mid-market", "smb"])),
            priority=draw(st.integers(1, 2)),
            exclusivity_group=draw(st.sampled_from("ab")),
            enabled=draw(st.sampled_from([True, True, True, False])),
            trigger_type=draw(st.sampled_from([TriggerType.RENEWAL_WINDOW] * 3 + [TriggerType.AT_RISK])),
            stakeholder_criteria=draw(CRITERIA),
            customer_criteria=draw(CRITERIA),
        )
        for number in ids
    ]


def oracle(mappings: list[Mapping], of: Situation, candidate: Candidate) -> dict[str, Mapping]:
    """The rule as it is written: of those that fit, the own segment, then the lower priority, then the lower id."""
    seen = facts(customer=of.customer, stakeholder=candidate.stakeholder, trigger=of.trigger)
    won: dict[str, Mapping] = {}
    for one in mappings:
        fits = (
            one.enabled
            and one.trigger_type is of.trigger_type
            and one.segment in {None, of.customer.segment}
            and compile_criteria(one.stakeholder_criteria)(seen) is True
            and compile_criteria(one.customer_criteria)(seen) is True
        )
        best = won.get(one.exclusivity_group)
        if fits and (best is None or _before(one, best)):
            won[one.exclusivity_group] = one
    return won


def _before(one: Mapping, other: Mapping) -> bool:
    if (one.segment is None) != (other.segment is None):
        return one.segment is not None
    if one.priority != other.priority:
        return one.priority < other.priority
    return one.id.int < other.id.int


@given(mappings=books(), champion=TRUTH, decides=TRUTH, health=st.sampled_from([None, 0, 80]), shuffled=st.randoms())
def test_one_mapping_has_each_stakeholder_and_group_in_any_order(
    mappings: list[Mapping], champion: bool | None, decides: bool | None, health: int | None, shuffled: Random
) -> None:
    people = [
        Candidate(stakeholder(id="sth-9", is_champion=champion, is_decision_maker=decides), None),
        Candidate(stakeholder(id="sth-8", is_champion=decides, is_decision_maker=champion), None),
    ]
    of = situation(*people, customer=customer(health_score=health))
    in_disorder = list(mappings)
    shuffled.shuffle(in_disorder)
    found = decide(of, organization(*in_disorder), NOW)
    told = [
        (one.stakeholder_id, one.mapping.exclusivity_group, one.mapping.id)
        for one in found
        if one.mapping is not None and one.outcome is CandidateOutcome.REQUEST
    ]
    expected = {
        (one.stakeholder.id, group, won.id) for one in people for group, won in oracle(mappings, of, one).items()
    }
    assert len(told) == len(set(told))
    assert set(told) == expected
    # Everybody is answered, also whom nothing leads anywhere.
    assert {one.stakeholder_id for one in found} == {"sth-9", "sth-8"}
    assert [(one.stakeholder_id, one.reason, one.digest) for one in found] == [
        (one.stakeholder_id, one.reason, one.digest) for one in decide(of, organization(*mappings), NOW)
    ]


@given(mappings=books(), champion=TRUTH, health=st.sampled_from([None, 0, 80]))
def test_whom_a_mapping_has_with_an_event_it_has_or_may_have_without(
    mappings: list[Mapping], champion: bool | None, health: int | None
) -> None:
    candidate = Candidate(stakeholder(is_champion=champion), None)
    of = situation(candidate, customer=customer(health_score=health))
    blind = facts(customer=of.customer, stakeholder=candidate.stakeholder, trigger=None)
    book = MappingBook(mappings)
    forecast = winners(book, TriggerType.RENEWAL_WINDOW, blind)
    for group, won in oracle(mappings, of, candidate).items():
        assert won in [*forecast[group].perhaps, forecast[group].surely]
    for group, one in forecast.items():
        if not one.perhaps and one.surely is not None:
            assert oracle(mappings, of, candidate)[group] == one.surely
    # With the event's facts the forecast is the decision, but for what is unknown even then.
    seen = facts(customer=of.customer, stakeholder=candidate.stakeholder, trigger=TRIGGER)
    assert {
        group: one.surely for group, one in winners(book, TriggerType.RENEWAL_WINDOW, seen).items() if one.surely
    } == oracle(mappings, of, candidate)


def test_a_forecast_names_what_the_trigger_would_settle() -> None:
    soon = parse_criteria(b'{"field": "trigger.days_to_renewal", "op": "lte", "value": 90}')
    first, second, third = mapping(1, customer_criteria=soon), mapping(2), mapping(3)
    for order in permutations([first, second, third]):
        found = winners(MappingBook(order), TriggerType.RENEWAL_WINDOW, facts(trigger=None))
        assert (found["default"].surely, found["default"].perhaps) == (second, (first,))
    decided = decide(situation(Candidate(stakeholder(), None)), organization(first, second, third), NOW)
    assert [(one.reason, one.mapping) for one in decided] == [(Reason.REQUESTED, first)]

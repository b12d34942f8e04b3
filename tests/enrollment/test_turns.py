"""Whose turn a customer is: fair, the same for ever, and little moves when somebody goes."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from enrollment.decide import Candidate, SenderFacts, decide
from enrollment.mappings import RoundRobin
from enrollment.turns import whose_turn
from schemas.vocabulary import Reason
from tests.enrollment.samples import NOW, customer, mapping, organization, situation, stakeholder

USERS = [12, 13, 14, 15, 16]
CUSTOMERS = [f"cus-{number}" for number in range(5000)]


@given(users=st.lists(st.integers(1, 10**9), min_size=1, max_size=8, unique=True), customer_id=st.text(max_size=20))
def test_the_turn_does_not_depend_on_the_order_in_which_users_are_named(users: list[int], customer_id: str) -> None:
    turn = whose_turn(users, customer_id)
    assert turn in users
    assert whose_turn(users[::-1], customer_id) == turn == whose_turn(sorted(users), customer_id)


def test_everybody_gets_a_fair_share() -> None:
    shares = Counter(whose_turn(USERS, one) for one in CUSTOMERS)
    assert shares.keys() == set(USERS)
    # A fifth of 5,000 with a deviation of 28: five of them.
    assert all(abs(share - 1000) < 142 for share in shares.values())


def test_only_the_customers_of_whoever_goes_get_another_one() -> None:
    for one in CUSTOMERS:
        before, after = whose_turn(USERS, one), whose_turn(USERS[1:], one)
        assert after != USERS[0]
        assert before in {after, USERS[0]}
    assert whose_turn([], "cus-1") is None


def test_a_request_names_whose_turn_it_is_and_passes_over_whoever_is_not_there() -> None:
    users = [SenderFacts(number, f"u{number}@cscx.example", None) for number in USERS]
    turns = mapping(sender=RoundRobin(user_ids=tuple(USERS)))
    people = [Candidate(stakeholder(id=f"sth-{number}", email=f"s{number}@a.example"), None) for number in range(3)]
    chosen = set()
    for number in range(40):
        of = replace(situation(*people), customer=customer(id=f"cus-{number}"))
        actions = [one.action for one in decide(of, organization(turns, senders=users), NOW)]
        senders = {action.sender.user_id for action in actions if action is not None}
        assert senders == {whose_turn(USERS, f"cus-{number}")}
        chosen |= senders
        there = [one for one in users if one.user_id not in senders]
        found = decide(of, organization(turns, senders=there), NOW)
        assert {one.action.sender.user_id for one in found if one.action is not None}.isdisjoint(senders)
        assert len([one for one in found if one.action is not None]) == len(people)
    assert chosen == set(USERS)
    nobody = decide(situation(*people), organization(turns, senders=()), NOW)
    assert {one.reason for one in nobody} == {Reason.OWNER_UNAVAILABLE}

"""No test is lost or run twice by the order in which tests are run."""

from hypothesis import given
from hypothesis import strategies as st

from tests.dealing import dealt


@given(st.integers(0, 40), st.integers(0, 200), st.integers(1, 8))
def test_nothing_is_lost_and_nothing_is_there_twice(first: int, others: int, hands: int) -> None:
    tests = range(first + others)
    order = dealt(tests[:first], tests[first:], hands=hands)
    assert sorted(order) == list(tests)


def test_each_part_begins_with_its_share_of_the_first() -> None:
    assert dealt("abcde", "123456789", hands=2) == list("ace1234bd56789")

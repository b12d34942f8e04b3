"""In which order tests are run by several workers."""

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

__all__ = ["dealt"]

T = TypeVar("T")


def dealt(first: Sequence[T], others: Sequence[T], *, hands: int) -> list[T]:
    """All of them, in an order whose equal parts, one after another, begin with as many of the first each.

    Workers begin with such parts of what was collected.
    """
    size, rest, order = len(first) + len(others), iter(others), list[T]()
    for hand in range(hands):
        order += first[hand::hands]
        order += islice(rest, max(0, size * (hand + 1) // hands - len(order)))
    return order + list(rest)

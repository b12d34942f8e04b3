"""Whose turn it is: a fair choice among users that asks for no memory.

Each customer ranks all users by a hash of its own, and the first of those who are there has it. Shares are equal but
for chance; the same is chosen whenever it is asked again, by whomever; and when a user goes, only that user's customers
get another one. A counter would give exact shares, and another answer to each replay.
"""

import hashlib
from collections.abc import Iterable

__all__ = ["whose_turn"]


def whose_turn(user_ids: Iterable[int], customer_id: str) -> int | None:
    """The user whose turn a customer is, whatever their order; None where there is nobody."""
    return max(user_ids, key=lambda user_id: (_rank(user_id, customer_id), user_id), default=None)


def _rank(user_id: int, customer_id: str) -> bytes:
    return hashlib.blake2b(f"{user_id}/{customer_id}".encode(), digest_size=16).digest()

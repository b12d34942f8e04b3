"""Cursors: what they take up again, and what they are refused for."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from web.paging import Paging
from web.problems import Problem

QUESTION = ("org-1", "cus-1", None)
INSTANT = datetime(2026, 3, 2, 14, 0, 0, 123456, tzinfo=UTC)


def test_a_page_ends_where_the_next_one_begins() -> None:
    rows = [(INSTANT, uuid4()) for _ in range(3)]
    page, cursor = Paging(2, None).cut(QUESTION, rows, lambda row: row)
    assert page == rows[:2]
    assert Paging(2, cursor).after(QUESTION, datetime, UUID) == rows[1]


def test_the_last_page_has_no_cursor() -> None:
    assert Paging(2, None).cut(QUESTION, ["a", "b"], lambda row: (row,)) == (["a", "b"], None)
    assert Paging(2, None).cut(QUESTION, [], lambda row: (row,)) == ([], None)
    assert Paging(2, None).after(QUESTION, datetime, UUID) == (None, None)


def test_numbers_and_texts_are_taken_up_as_they_were() -> None:
    place = (INSTANT, 3, -1, "a:b, ü")
    _, cursor = Paging(1, None).cut(QUESTION, [place, place], lambda row: row)
    assert Paging(1, cursor).after(QUESTION, datetime, int, int, str) == place


@pytest.mark.parametrize("made_up", ["", "x", "e30", "bnVsbA", "WyJhIl0", "ü", "W" * 50])
def test_what_was_never_given_is_refused(made_up: str) -> None:
    with pytest.raises(Problem, match="Begin again without one") as refused:
        Paging(1, made_up).after(QUESTION, datetime, UUID)
    assert refused.value.status == 400


def test_a_cursor_is_of_one_question() -> None:
    _, cursor = Paging(1, None).cut(QUESTION, [("a",), ("b",)], lambda row: row)
    for other in (("org-2", "cus-1", None), ("org-1", None, "cus-1"), ("org-1", "cus-1")):
        with pytest.raises(Problem, match="other filters"):
            Paging(1, cursor).after(other, str)
    with pytest.raises(Problem):
        Paging(1, cursor).after(QUESTION, datetime)

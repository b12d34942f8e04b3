"""How much is right of examinations whose authors have never seen the grammar, and that nothing is done wrongly."""

import pytest

from tests.web.chat.examiner import entries, judged


@pytest.mark.parametrize("examination", ["first", "second", "third", "fourth", "fifth"])
def test_nearly_all_is_right(examination: str) -> None:
    verdicts = [judged(entry) for entry in entries(examination)]
    assert len(verdicts) >= 200
    wrong = [str(one) for one in verdicts if not one.is_right]
    assert len(wrong) <= len(verdicts) * 0.05, "\n".join(wrong)


@pytest.mark.parametrize("examination", ["first", "second", "third", "fourth", "fifth"])
def test_nobody_and_no_cadence_is_named_that_was_not_meant(examination: str) -> None:
    assert [str(one) for one in map(judged, entries(examination)) if one.is_fatal] == []

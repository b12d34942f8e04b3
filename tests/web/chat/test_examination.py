"""How much is right of an examination whose author has never seen the grammar, and that nothing is done wrongly."""

from tests.web.chat.examiner import entries, judged


def test_nearly_all_is_right() -> None:
    verdicts = [judged(entry) for entry in entries()]
    assert len(verdicts) >= 200
    wrong = [str(one) for one in verdicts if not one.is_right]
    assert len(wrong) <= len(verdicts) * 0.05, "\n".join(wrong)


def test_nobody_and_no_cadence_is_named_that_was_not_meant() -> None:
    assert [str(one) for one in map(judged, entries()) if one.is_fatal] == []

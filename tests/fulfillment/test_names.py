"""A whole name becomes the two that Salesloft has: pure."""

import pytest

from fulfillment.names import split_name
from schemas.directory import StakeholderSnapshot


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ann Lee", ("Ann", "Lee")),
        ("  Ann   Lee ", ("Ann", "Lee")),
        ("Lee, Ann", ("Ann", "Lee")),
        ("Mary Jane Watson", ("Mary Jane", "Watson")),
        ("J. R. R. Tolkien", ("J. R. R.", "Tolkien")),
        # Particles belong to the family name, in either order and any script; the first word is never one.
        ("Ludwig van Beethoven", ("Ludwig", "van Beethoven")),
        ("Jan van der Berg", ("Jan", "van der Berg")),
        ("van der Berg, Jan", ("Jan", "van der Berg")),
        ("Otto von Bismarck", ("Otto", "von Bismarck")),
        ("Ana María de la Cruz", ("Ana María", "de la Cruz")),
        ("Juan de la Vega y Santos", ("Juan", "de la Vega y Santos")),
        ("Mohammed bin Salman", ("Mohammed", "bin Salman")),
        ("محمد بن سلمان", ("محمد", "بن سلمان")),
        ("Van Morrison", ("Van", "Morrison")),
        # Titles and suffixes are no names.
        ("Dr. John Smith Jr.", ("John", "Smith")),
        ("Smith, John, Jr.", ("John", "Smith")),
        ("Jean-Luc Picard III", ("Jean-Luc", "Picard")),
        ("Sarah Smith, PhD", ("Sarah", "Smith")),
        ("Mr. Bean", (None, "Bean")),
        # Single names.
        ("Madonna", ("Madonna", None)),
        ("Prince", ("Prince", None)),
        ("李娜", ("李娜", None)),
        # Scripts in which the family comes first, and a patronymic that tells it.
        ("山田 太郎", ("太郎", "山田")),
        ("김 민수", ("민수", "김")),
        ("Владимир Иванов", ("Владимир", "Иванов")),
        ("Иванов Иван Иванович", ("Иван Иванович", "Иванов")),
        ("Mary Ann Abramovich", ("Mary Ann", "Abramovich")),
        ("ann@acme.example", (None, None)),
        ("   ", (None, None)),
        (None, (None, None)),
    ],
)
def test_a_whole_name_is_split(name: str | None, parts: tuple[str | None, str | None]) -> None:
    assert split_name(StakeholderSnapshot(id="sth-1", name=name)) == parts


def test_given_and_family_names_are_not_guessed_again() -> None:
    snapshot = StakeholderSnapshot(id="sth-1", name="Li Na", given_name="Na", family_name="Li")
    assert split_name(snapshot) == ("Na", "Li")

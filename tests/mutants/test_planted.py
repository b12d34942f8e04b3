"""Every planted bug still fits the code, can still be read by Python, and has its tests."""

import ast
from pathlib import Path

import pytest

from tests.mutants.planted import MUTANTS, DoesNotApply, Mutant

ROOT = Path(__file__).resolve().parents[2]
EVERY = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@EVERY
def test_it_applies(mutant: Mutant) -> None:
    source = (ROOT / mutant.path).read_text()
    mutated = mutant.mutated(source)
    assert mutated != source
    if mutant.path.endswith(".py"):
        ast.parse(mutated)


@EVERY
def test_the_tests_that_must_notice_it_exist(mutant: Mutant) -> None:
    assert mutant.tests
    for name in mutant.tests:
        assert (ROOT / name).exists(), name


def test_names_are_given_once() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names))


def test_a_mutant_whose_piece_is_gone_or_there_twice_says_so() -> None:
    mutant = MUTANTS[0]
    for source in ("", mutant.old * 2):
        with pytest.raises(DoesNotApply, match=mutant.name):
            mutant.mutated(source)

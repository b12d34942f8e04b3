"""Bugs that could be made here, each with the tests that have to notice it.

A mutant is one replacement of an exact piece of a file. Where that piece is gone the mutant no longer applies, which
`test_planted.py` says at once: a planted bug must not rot into one that is planted nowhere.
"""

from tests.mutants.bus import ON_THE_BUS
from tests.mutants.deciding import IN_DECIDING
from tests.mutants.mutant import DoesNotApply, Mutant
from tests.mutants.reading import IN_READING_AGAIN
from tests.mutants.salesloft import AT_SALESLOFT
from tests.mutants.serving import IN_SERVING

__all__ = ["MUTANTS", "DoesNotApply", "Mutant"]

MUTANTS = (*ON_THE_BUS, *IN_DECIDING, *AT_SALESLOFT, *IN_READING_AGAIN, *IN_SERVING)

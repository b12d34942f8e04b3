"""What each part of a mapping's criteria takes away, asked in order: from everybody down to whom the mapping fits."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from enrollment.catalogue import Facts
from enrollment.criteria import All, Criteria, Test, compile_criteria
from enrollment.mappings import Mapping

__all__ = ["Funnel", "Stage"]


@dataclass(slots=True)
class Stage:
    """One part of the criteria, asked of whom the parts before it have left.

    It takes away for whom it does not hold, and for whom it is `unknown`: a missing fact never enrolls.
    """

    of: Literal["customer_criteria", "stakeholder_criteria"]
    criteria: Criteria
    fails: int = 0
    unknown: int = 0
    left: int = 0


@dataclass(slots=True)
class Funnel:
    """The stages of a mapping over `candidates`, the customer's part first, each as its author has put it."""

    candidates: int = 0
    stages: list[Stage] = field(default_factory=list)
    _tests: list[Test] = field(default_factory=list)

    @classmethod
    def of(cls, mapping: Mapping) -> "Funnel":
        """Nobody was asked about yet."""
        stages = [
            *(Stage("customer_criteria", part) for part in _parts(mapping.customer_criteria)),
            *(Stage("stakeholder_criteria", part) for part in _parts(mapping.stakeholder_criteria)),
        ]
        return cls(stages=stages, _tests=[compile_criteria(stage.criteria) for stage in stages])

    @property
    def fits(self) -> int:
        """Whom all of it has left."""
        return self.stages[-1].left if self.stages else self.candidates

    def add(self, candidates: Iterable[Facts]) -> None:
        """Ask about some candidates."""
        for facts in candidates:
            self.candidates += 1
            for stage, test in zip(self.stages, self._tests, strict=True):
                holds = test(facts)
                if holds:
                    stage.left += 1
                    continue
                if holds is None:
                    stage.unknown += 1
                else:
                    stage.fails += 1
                break


def _parts(criteria: Criteria) -> list[Criteria]:
    """What has to hold all at once."""
    return criteria.all if isinstance(criteria, All) else [criteria]

"""Criteria evaluated for whoever asks why: the whole tree with each node's answer and the value that it saw.

`compile_criteria` stops at the first part that settles the answer; here nothing is left out.
"""

from dataclasses import dataclass
from typing import Any, Literal

from enrollment.catalogue import Facts
from enrollment.criteria import All, AnyOf, Criteria, Not, Predicate, leaves, verdicts

__all__ = ["Trace", "trace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A node and what it answered: true, false, or None for unknown.

    `predicate`, `field` and `value` (None where the fact is missing) are a predicate's, `parts` the other nodes'.
    """

    kind: Literal["all", "any", "not", "predicate"]
    holds: bool | None
    predicate: str | None = None
    field: str | None = None
    value: str | float | bool | None = None
    parts: tuple["Trace", ...] = ()

    def told(self) -> dict[str, Any]:
        """As JSON has it: shaped like the criteria, with `holds` at every node."""
        if self.kind == "predicate":
            return {"predicate": self.predicate, "value": self.value, "holds": self.holds}
        parts = [part.told() for part in self.parts]
        return {self.kind: parts[0] if self.kind == "not" else parts, "holds": self.holds}


def trace(criteria: Criteria, facts: Facts) -> Trace:
    """The tree's answers, its own first."""
    match criteria:
        case All(all=parts):
            seen = tuple(trace(part, facts) for part in parts)
            return Trace(kind="all", holds=_least([part.holds for part in seen]), parts=seen)
        case AnyOf(any=parts):
            seen = tuple(trace(part, facts) for part in parts)
            return Trace(kind="any", holds=_greatest([part.holds for part in seen]), parts=seen)
        case Not(not_=part):
            inner = trace(part, facts)
            return Trace(kind="not", holds=None if inner.holds is None else not inner.holds, parts=(inner,))
        case Predicate():
            (seen_by_it,) = verdicts(leaves(criteria), facts)
            return Trace(
                kind="predicate",
                holds=seen_by_it.holds,
                predicate=seen_by_it.predicate,
                field=criteria.field,
                value=seen_by_it.value,
            )
    raise TypeError(f"not criteria: {criteria!r}")


def _least(answers: list[bool | None]) -> bool | None:
    """False before unknown before true, and true of none."""
    if False in answers:
        return False
    return None if None in answers else True


def _greatest(answers: list[bool | None]) -> bool | None:
    """True before unknown before false, and false of none."""
    if True in answers:
        return True
    return None if None in answers else False

"""Whether several witnesses tell the same, id by id. Pure.

A claim is one thing that must be so, and what each witness saw of it: how often each id.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Claim", "Finding", "compare", "seen"]

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that must hold, and what the witnesses saw, by their names."""

    sentence: str
    witnesses: Mapping[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a claim: how many ids were compared, and one line for each that not all saw equally often."""

    sentence: str
    witnesses: tuple[str, ...]
    compared: int
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.differences

    def lines(self) -> Iterable[str]:
        """For a person to read: one line, and below it what differs, up to a screenful."""
        witnesses = ", ".join(self.witnesses)
        if self.agrees:
            yield f"agrees: {self.sentence}: {self.compared} ids by {witnesses}"
            return
        yield f"DIFFERS: {self.sentence}: {len(self.differences)} of {self.compared} ids by {witnesses}"
        for difference in self.differences[:_SHOWN]:
            yield f"  {difference}"
        if len(self.differences) > _SHOWN:
            yield f"  ... and {len(self.differences) - _SHOWN} more"


def seen(ids: Iterable[str]) -> Counter[str]:
    """What a witness saw, each id as often as it appears."""
    return Counter(ids)


def compare(claim: Claim) -> Finding:
    """Hold the witnesses of a claim against each other."""
    ids = sorted({one for counts in claim.witnesses.values() for one in counts})
    differences = tuple(
        f"{one}: " + ", ".join(f"{witness} {counts[one]}" for witness, counts in claim.witnesses.items())
        for one in ids
        if len({counts[one] for counts in claim.witnesses.values()}) > 1
    )
    return Finding(claim.sentence, tuple(claim.witnesses), len(ids), differences)

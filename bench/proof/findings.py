"""What a part of the proof has found: sentences that must hold, and figures."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

__all__ = ["Finding", "Findings"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence, whether it holds, and what was counted or what contradicts it."""

    sentence: str
    holds: bool
    told: str


@dataclass(slots=True)
class Findings:
    """Collects them. No finding ends the judgement: all that is wrong is told at once."""

    found: list[Finding] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def holds(self, sentence: str, condition: bool, told: str) -> None:  # noqa: FBT001 - the outcome, not a switch
        """A sentence that holds if the condition does."""
        self.found.append(Finding(sentence, condition, told))

    def nothing(self, sentence: str, against: Iterable[object], among: int) -> None:
        """A sentence that holds if nothing speaks against it, and that means something only among more than nothing."""
        counted = list(against)
        if counted:
            shown = "; ".join(str(one) for one in islice(counted, _SHOWN))
            self.found.append(
                Finding(sentence, holds=False, told=f"{len(counted)} of {among} speak against it: {shown}")
            )
        else:
            self.found.append(Finding(sentence, holds=among > 0, told=f"{among} looked at"))

    def same(self, sentence: str, expected: set[Any], seen: set[Any]) -> None:
        """Two witnesses name the same things."""
        against = [f"missing {one}" for one in sorted(expected - seen, key=str)]
        against += [f"unexpected {one}" for one in sorted(seen - expected, key=str)]
        self.nothing(sentence, against, len(expected))

    @property
    def failures(self) -> list[Finding]:
        return [finding for finding in self.found if not finding.holds]

"""The rate budget of a team: so much cost a clock minute, shared by everyone who calls for that team.

Salesloft docs: rate-limits. 600 a minute, 1 a request, more for deep pages; a refused request costs nothing here.
"""

from collections import Counter
from dataclasses import dataclass, replace

from sandbox.salesloft.instants import MINUTE
from sandbox.salesloft.switches import Switches

__all__ = ["Charge", "RateBudget", "page_cost"]

_DEEP_PAGES = ((501, 30), (251, 10), (151, 8), (101, 3))


def page_cost(page: int) -> int:
    """What a request for that page of a list costs in all."""
    return next((cost for first, cost in _DEEP_PAGES if page >= first), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one request cost and what is left of the minute; `seconds_left` until the next minute starts."""

    accepted: bool
    cost: int
    remaining: int
    seconds_left: int


class RateBudget:
    """Counts one team's cost; time and limits are handed in."""

    def __init__(self) -> None:
        self._minute = -1
        self._spent = 0
        self.spent_in_all = 0
        self.requests = 0
        self.refused = 0
        self.by_endpoint: Counter[str] = Counter()

    def give_back(self, charge: Charge) -> Charge:
        """What an accepted request becomes that is refused after all: it costs nothing, and nothing is left."""
        self._spent -= charge.cost
        self.spent_in_all -= charge.cost
        self.refused += 1
        return replace(charge, accepted=False, remaining=0)

    def charge(self, cost: int, now: int, switches: Switches) -> Charge:
        """Take the cost from the minute of `now` if it still fits."""
        minute, into_minute = divmod(now, MINUTE)
        if minute != self._minute:
            self._minute, self._spent = minute, 0
        others = switches.other_integration_per_minute * into_minute // MINUTE
        left = max(switches.cost_per_minute - self._spent - others, 0)
        accepted = cost <= left
        self.requests += 1
        if accepted:
            self._spent += cost
            self.spent_in_all += cost
            left -= cost
        else:
            self.refused += 1
        seconds_left = -(-(MINUTE - into_minute) // 1_000_000)
        return Charge(accepted=accepted, cost=cost, remaining=left, seconds_left=seconds_left)

"""What becomes of one mapping's own events when they are decided again: what it asked for, and what it would."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from enrollment.decide import Decision, owner_as_sender
from enrollment.mappings import Mapping
from enrollment.quotas import QuotaForecast
from enrollment.recall import Recalled
from schemas.vocabulary import CandidateOutcome, Reason

__all__ = ["KEPT_BACK", "CameOutBy", "OwnTest"]

KEPT_BACK = frozenset(
    {
        Reason.ALREADY_REQUESTED,
        Reason.ALREADY_ENROLLED,
        Reason.ALREADY_RAN,
        Reason.REENTRY_CAPPED,
        Reason.FREQUENCY_CAPPED,
        Reason.EXCLUSIVE_CADENCE_ACTIVE,
        Reason.PREEMPTED,
        Reason.QUOTA_REACHED,
    }
)
"""Another run, another cadence or a limit."""


class CameOutBy(NamedTuple):
    """How a decision came out, and whether by another mapping."""

    outcome: CandidateOutcome
    reason: Reason
    by_another: bool


_REQUESTED = CameOutBy(CandidateOutcome.REQUEST, Reason.REQUESTED, by_another=False)


@dataclass(slots=True)
class OwnTest:
    """What would have been decided beside what was, on the events that are `mapping`'s own.

    Those are of its trigger and of its segment's customers, and those on which a version of it decided. What another
    mapping decided on them counts too: whom this one does not take, that one may. `differing` counts decisions that
    come out otherwise, or by another mapping. The names are by user id.
    """

    mapping: Mapping
    evaluations: int = 0
    was: Counter[CameOutBy] = field(default_factory=Counter)
    would_be: Counter[CameOutBy] = field(default_factory=Counter)
    differing: int = 0
    requests_by_day: Counter[date] = field(default_factory=Counter)
    live_by_day: Counter[date] = field(default_factory=Counter)
    kept_back_by_day: Counter[date] = field(default_factory=Counter)
    requests_by_owner: Counter[str | None] = field(default_factory=Counter)
    owner_names: dict[str, str | None] = field(default_factory=dict)
    quotas: QuotaForecast = field(default_factory=QuotaForecast)
    _events: set[str] = field(default_factory=set)

    @property
    def events(self) -> int:
        """On how many events the evaluations were."""
        return len(self._events)

    @property
    def requests(self) -> int:
        """How many it would have asked for."""
        return self.would_be[_REQUESTED]

    @property
    def live(self) -> int:
        """How many it asked for."""
        return self.was[_REQUESTED]

    @property
    def calls_at_most(self) -> int:
        """What they would have cost at Salesloft: a person's upsert and a membership each."""
        return 2 * self.requests

    def take(self, event_id: str, was: Sequence[dict[str, Any]], decisions: Sequence[Decision], of: Recalled) -> None:
        """The next evaluation, as it was recorded and as it is decided again; one of other events is passed over."""
        own = str(self.mapping.id)
        if not self.mapping.is_about(of.situation.trigger_type, of.situation.customer.segment) and all(
            outcome.get("mapping_id") != own for outcome in was
        ):
            return
        self.evaluations += 1
        self._events.add(event_id)
        before = [(one["stakeholder_id"], _recorded(one, own)) for one in was]
        after = [(one.stakeholder_id, self._came_out(one)) for one in decisions]
        self.was.update(how for _, how in before)
        self.would_be.update(how for _, how in after)
        self.differing += _differing(before, after)
        day = of.now.date()
        if many := sum(how == _REQUESTED for _, how in before):
            self.live_by_day[day] += many
        for decision, (_, how) in zip(decisions, after, strict=True):
            if how.reason in KEPT_BACK and not how.by_another:
                self.kept_back_by_day[day] += 1
            if how == _REQUESTED:
                self._add(decision, of, day)

    def _came_out(self, decision: Decision) -> CameOutBy:
        by_another = decision.mapping is not None and decision.mapping.id != self.mapping.id
        return CameOutBy(decision.outcome, decision.reason, by_another=by_another)

    def _add(self, decision: Decision, of: Recalled, day: date) -> None:
        self.requests_by_day[day] += 1
        self.quotas.add(decision, of.now, of.organization.time_zone)
        owner = of.situation.customer.owner
        user_id = owner.user_id if owner is not None else None
        self.requests_by_owner[user_id] += 1
        if user_id is not None:
            sender = owner_as_sender(of.situation.customer, of.organization)
            self.owner_names[user_id] = sender.name if sender is not None else None


def _recorded(outcome: dict[str, Any], own: str) -> CameOutBy:
    by_another = outcome.get("mapping_id") not in {None, own}
    return CameOutBy(CandidateOutcome(outcome["outcome"]), Reason(outcome["reason"]), by_another=by_another)


def _differing(before: Iterable[tuple[str | None, CameOutBy]], after: Iterable[tuple[str | None, CameOutBy]]) -> int:
    left, right = Counter(before), Counter(after)
    return max((left - right).total(), (right - left).total())

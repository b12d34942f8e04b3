"""Try mappings on what happened: recorded evaluations decided again as if another mapping had counted.

Whoever is requested uses a run up, here as in life. What was recorded of runs is therefore corrected: a run that the
recorded requests used and these do not is free, and one that only these used is taken.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import orjson

from enrollment.criteria import Facts, verdicts
from enrollment.decide import Decision, RunKey, Situation
from enrollment.mappings import Mapping, MappingBook, compile_mapping
from enrollment.recall import Recalled
from schemas.vocabulary import CandidateOutcome, EnrollmentState, Reason

__all__ = ["BackTest", "Difference", "Fallout", "Said", "fallout_of"]

Counts = Counter[tuple[CandidateOutcome, Reason]]


@dataclass(slots=True)
class Said:
    """How often a predicate held, did not, and was unknown."""

    holds: int = 0
    fails: int = 0
    unknown: int = 0


Fallout = dict[str, Said]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A decision that comes out otherwise; None where there is none on that side."""

    event_id: str
    customer_id: str
    stakeholder_id: str | None
    was: tuple[CandidateOutcome, Reason] | None
    would_be: tuple[CandidateOutcome, Reason] | None


@dataclass(slots=True)
class BackTest:
    """What would have been decided beside what was.

    `tried` is the mapping that counts instead of the one with its id, or besides the others; with None everything
    counts as it did. `requests_by_day` and `requests_by_owner` say how the approvals would spread; `fallout` is of the
    tried mapping's predicates over all candidates of its trigger and segment.
    """

    tried: Mapping | None
    evaluations: int = 0
    not_possible: int = 0
    was: Counts = field(default_factory=Counter)
    would_be: Counts = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    requests_by_day: Counter[date] = field(default_factory=Counter)
    requests_by_owner: Counter[str | None] = field(default_factory=Counter)
    fallout: Fallout = field(default_factory=dict)
    _live: set[tuple[str, RunKey]] = field(default_factory=set)
    _tried: set[tuple[str, RunKey]] = field(default_factory=set)
    _settled: set[str] = field(default_factory=set)

    @property
    def requests(self) -> int:
        """How many would have been asked for."""
        return sum(many for (outcome, _), many in self.would_be.items() if outcome is CandidateOutcome.REQUEST)

    @property
    def calls_at_most(self) -> int:
        """What they would have cost at Salesloft: a person's upsert and a membership each."""
        return 2 * self.requests

    def take(self, event_id: str, stored: str, recalled: Recalled | None, *, first: bool) -> None:
        """Decide the next recorded evaluation, in the order in which they were made; `stored` is its outcomes' JSON.

        One that decided a deferral again (not `first`) is only made where the event is still deferred here too.
        """
        self.evaluations += 1
        if recalled is None:
            self.not_possible += 1
            return
        was: list[dict[str, Any]] = orjson.loads(stored)
        for outcome in was:
            self.was[CandidateOutcome(outcome["outcome"]), Reason(outcome["reason"])] += 1
        decisions = self._decide(event_id, recalled, first=first)
        self._note_live(was, recalled)
        for decision in decisions:
            self.would_be[decision.outcome, decision.reason] += 1
            if decision.outcome is CandidateOutcome.REQUEST:
                self._note_request(decision, recalled)
        self._compare(event_id, recalled.situation.customer.id, was, decisions)
        if self.tried is not None and first:
            fallout_of(self.tried, recalled, self.fallout)

    def _decide(self, event_id: str, recalled: Recalled, *, first: bool) -> Sequence[Decision]:
        if not first and event_id in self._settled:
            return ()
        instead = replace(recalled, situation=self._corrected(recalled.situation))
        if self.tried is not None:
            book = recalled.organization.mappings
            others = [mapping for mapping in book.all() if mapping.id != self.tried.id]
            instead.organization = replace(recalled.organization, mappings=MappingBook([*others, self.tried]))
        decisions = instead.evaluate().decisions
        if all(decision.outcome is not CandidateOutcome.DEFER for decision in decisions):
            self._settled.add(event_id)
        else:
            self._settled.discard(event_id)
        return decisions

    def _corrected(self, situation: Situation) -> Situation:
        runs: dict[str, dict[RunKey, EnrollmentState]] = {}
        for candidate in situation.candidates:
            whose = candidate.stakeholder.id
            own = {
                run: state
                for run, state in situation.runs.get(whose, {}).items()
                if (whose, run) not in self._live or (whose, run) in self._tried
            }
            for stakeholder_id, run in self._tried - self._live:
                if stakeholder_id == whose:
                    own[run] = EnrollmentState.REQUESTED
            runs[whose] = own
        return replace(situation, runs=runs)

    def _note_live(self, was: Sequence[dict[str, Any]], recalled: Recalled) -> None:
        groups = {str(one.id): one.exclusivity_group for one in recalled.organization.mappings.all()}
        for outcome in was:
            if outcome["outcome"] == CandidateOutcome.REQUEST:
                self._live.add((outcome["stakeholder_id"], _run(recalled.situation, groups[outcome["mapping_id"]])))

    def _note_request(self, decision: Decision, recalled: Recalled) -> None:
        if decision.stakeholder is None or decision.mapping is None:
            raise AssertionError("a request names its stakeholder and its mapping")
        run = _run(recalled.situation, decision.mapping.exclusivity_group)
        self._tried.add((decision.stakeholder.id, run))
        self.requests_by_day[recalled.now.date()] += 1
        owner = recalled.situation.customer.owner
        self.requests_by_owner[owner.user_id if owner is not None else None] += 1

    def _compare(
        self, event_id: str, customer_id: str, was: Sequence[dict[str, Any]], decisions: Sequence[Decision]
    ) -> None:
        before: dict[str | None, list[tuple[CandidateOutcome, Reason]]] = {}
        for outcome in was:
            told = (CandidateOutcome(outcome["outcome"]), Reason(outcome["reason"]))
            before.setdefault(outcome["stakeholder_id"], []).append(told)
        after: dict[str | None, list[tuple[CandidateOutcome, Reason]]] = {}
        for decision in decisions:
            after.setdefault(decision.stakeholder_id, []).append((decision.outcome, decision.reason))
        for whose in dict.fromkeys([*before, *after]):
            left, right = Counter(before.get(whose, ())), Counter(after.get(whose, ()))
            gone, come = list((left - right).elements()), list((right - left).elements())
            for place in range(max(len(gone), len(come))):
                self.differences.append(
                    Difference(
                        event_id=event_id,
                        customer_id=customer_id,
                        stakeholder_id=whose,
                        was=gone[place] if place < len(gone) else None,
                        would_be=come[place] if place < len(come) else None,
                    )
                )


def fallout_of(mapping: Mapping, recalled: Recalled, fallout: Fallout) -> None:
    """Add what each predicate of a mapping says of a situation's candidates, if it speaks of them at all."""
    situation = recalled.situation
    if mapping.trigger_type is not situation.trigger_type or mapping.segment not in {None, situation.customer.segment}:
        return
    compiled = compile_mapping(mapping)
    for candidate in situation.candidates:
        facts = Facts(situation.customer, candidate.stakeholder, situation.trigger, recalled.now)
        for verdict in verdicts(compiled.leaves, facts):
            said = fallout.setdefault(verdict.predicate, Said())
            if verdict.holds is None:
                said.unknown += 1
            elif verdict.holds:
                said.holds += 1
            else:
                said.fails += 1


def _run(situation: Situation, group: str) -> RunKey:
    return situation.trigger_type, group, situation.business_key

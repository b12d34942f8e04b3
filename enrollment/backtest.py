"""Try mappings on what happened: recorded evaluations decided again as if another mapping had counted.

Whoever is requested uses a run up, here as in life. What was recorded of runs is therefore corrected: a run that the
recorded requests used and these do not is free, and one that only these used is taken.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson

from enrollment.criteria import Facts, verdicts
from enrollment.decide import Decision, OrganizationFacts, RunKey, Situation
from enrollment.mappings import CompiledMapping, Mapping, compile_mapping
from enrollment.own_test import KEPT_BACK, OwnTest
from enrollment.policies import PastRun, PolicyFacts
from enrollment.quotas import QuotaForecast
from enrollment.recall import Recalled
from schemas.vocabulary import CandidateOutcome, EnrollmentState, Reason

__all__ = ["BackTest", "Difference", "Fallout", "Said", "fallout_of", "spoken_of"]

Counts = Counter[tuple[CandidateOutcome, Reason]]


@dataclass(slots=True)
class Said:
    """How often a predicate held, did not, and was unknown."""

    holds: int = 0
    fails: int = 0
    unknown: int = 0


Fallout = dict[str, Said]
_Run = tuple[str, RunKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A decision that comes out otherwise; None where there is none on that side, and where a name is not known."""

    event_id: str
    customer_id: str
    customer_name: str | None
    stakeholder_id: str | None
    stakeholder_name: str | None
    was: tuple[CandidateOutcome, Reason] | None
    would_be: tuple[CandidateOutcome, Reason] | None


@dataclass(slots=True)
class BackTest:
    """What would have been decided beside what was.

    `tried` is the mapping that counts instead of the one with its id, or besides the others; with None everything
    counts as it did. `requests_by_day` and `requests_by_owner` say how the approvals would spread, `quotas` what
    would wait although approved; `fallout` is of the tried mapping's predicates over all candidates of its trigger and
    segment. `live_by_day` is of what was asked for, `kept_back_by_day` of whom another run, a cadence or a limit would
    have kept back. `own` is what became of the tried mapping's own events, and None without one.
    """

    tried: Mapping | None
    evaluations: int = 0
    not_possible: int = 0
    was: Counts = field(default_factory=Counter)
    would_be: Counts = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    requests_by_day: Counter[date] = field(default_factory=Counter)
    live_by_day: Counter[date] = field(default_factory=Counter)
    kept_back_by_day: Counter[date] = field(default_factory=Counter)
    requests_by_owner: Counter[str | None] = field(default_factory=Counter)
    quotas: QuotaForecast = field(default_factory=QuotaForecast)
    fallout: Fallout = field(default_factory=dict)
    _live: set[_Run] = field(default_factory=set)
    _here: set[_Run] = field(default_factory=set)
    # By stakeholder: the runs that only the recorded requests used, and those that only these did, with their instant.
    _freed: dict[str, set[RunKey]] = field(default_factory=dict)
    _taken: dict[str, dict[RunKey, datetime]] = field(default_factory=dict)
    # By event: the last made of its evaluations that were read, and whether that one deferred nobody.
    _last: dict[str, tuple[UUID, bool]] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _compiled: CompiledMapping | None = None
    _organizations: dict[int, tuple[OrganizationFacts, OrganizationFacts]] = field(default_factory=dict)
    _groups: dict[int, tuple[OrganizationFacts, dict[str, str]]] = field(default_factory=dict)
    own: OwnTest | None = field(init=False)

    def __post_init__(self) -> None:
        self.own = OwnTest(self.tried) if self.tried is not None else None

    @property
    def requests(self) -> int:
        """How many would have been asked for."""
        return sum(many for (outcome, _), many in self.would_be.items() if outcome is CandidateOutcome.REQUEST)

    @property
    def calls_at_most(self) -> int:
        """What they would have cost at Salesloft: a person's upsert and a membership each."""
        return 2 * self.requests

    def take(self, evaluation_id: UUID, event_id: str, stored: str, recalled: Recalled | None, *, cause: str) -> None:
        """Decide the next recorded evaluation, in the order of their instants; `stored` is its outcomes' JSON.

        One whose `cause` is a deferral is only made where the event is still deferred here too, and one of what a hold
        withdrew also where somebody was asked for here. Of an event's evaluations, which are made one after the other,
        the ids tell the order: who has waited for the customer's lock had its instant before.
        """
        self.evaluations += 1
        was: list[dict[str, Any]] = orjson.loads(stored)
        if recalled is None:
            self.not_possible += 1
            self._follow(evaluation_id, event_id, was)
            return
        for outcome in was:
            self.was[_why(outcome["outcome"], outcome["reason"])] += 1
        decisions = self._decide(evaluation_id, event_id, recalled, cause)
        runs = self._note_live(was, recalled)
        for decision in decisions:
            self.would_be[decision.outcome, decision.reason] += 1
            if decision.reason in KEPT_BACK:
                self.kept_back_by_day[recalled.now.date()] += 1
            if decision.outcome is CandidateOutcome.REQUEST:
                self._asked.add(event_id)
                runs.append(self._note_request(decision, recalled))
        for run in runs:
            self._set_apart(run, recalled.now)
        self._compare(event_id, recalled, was, decisions)
        if self.own is not None:
            self.own.take(event_id, was, decisions, recalled)
        if self.tried is not None and cause == "event":
            self._compiled = self._compiled or compile_mapping(self.tried)
            fallout_of(self._compiled, spoken_of(self._compiled, recalled), self.fallout)

    def _decide(self, evaluation_id: UUID, event_id: str, recalled: Recalled, cause: str) -> Sequence[Decision]:
        is_withdrawn = cause == "withdrawal" and event_id in self._asked
        if cause != "event" and self._was_settled(event_id, evaluation_id) and not is_withdrawn:
            return ()
        if is_withdrawn:
            self._withdraw(recalled.situation)
        situation = self._corrected(recalled.situation)
        organization = self._organization(recalled.organization)
        if situation is not recalled.situation or organization is not recalled.organization:
            recalled = replace(recalled, situation=situation, organization=organization)
        decisions = recalled.evaluate().decisions
        self._note_end(evaluation_id, event_id, {decision.outcome for decision in decisions})
        return decisions

    def _was_settled(self, event_id: str, evaluation_id: UUID) -> bool:
        """Whether nothing of an event was deferred any more when an evaluation of it was made."""
        last, is_settled = self._last.get(event_id, (evaluation_id, False))
        return is_settled and last < evaluation_id

    def _note_end(self, evaluation_id: UUID, event_id: str, outcomes: Collection[str]) -> None:
        last, _ = self._last.get(event_id, (evaluation_id, False))
        if last <= evaluation_id:
            self._last[event_id] = evaluation_id, CandidateOutcome.DEFER not in outcomes

    def _withdraw(self, situation: Situation) -> None:
        """What only these requests used is free again, as what the recorded ones used was: a hold has withdrawn it."""
        for candidate in situation.candidates:
            whose = candidate.stakeholder.id
            taken = self._taken.get(whose, {})
            for run in [run for run in taken if (run[0], run[2]) == (situation.trigger_type, situation.business_key)]:
                del taken[run]
                self._here.discard((whose, run))

    def _follow(self, evaluation_id: UUID, event_id: str, was: Sequence[dict[str, Any]]) -> None:
        """Take the recorded outcomes of what cannot be decided again for what came of its event here."""
        outcomes = {outcome["outcome"] for outcome in was}
        if CandidateOutcome.REQUEST in outcomes:
            self._asked.add(event_id)
        self._note_end(evaluation_id, event_id, outcomes)

    def _organization(self, facts: OrganizationFacts) -> OrganizationFacts:
        """The organization with the tried mapping; made once for each that decisions rest on."""
        if self.tried is None:
            return facts
        known = self._organizations.get(id(facts))
        if known is None or known[0] is not facts:
            known = facts, replace(facts, mappings=facts.mappings.having(self.tried))
            self._organizations[id(facts)] = known
        return known[1]

    def _groups_of(self, facts: OrganizationFacts) -> dict[str, str]:
        """Each mapping's exclusivity group by its id, likewise."""
        known = self._groups.get(id(facts))
        if known is None or known[0] is not facts:
            known = facts, {str(one.id): one.exclusivity_group for one in facts.mappings.all()}
            self._groups[id(facts)] = known
        return known[1]

    def _corrected(self, situation: Situation) -> Situation:
        # As long as what was requested is what would have been, there is nothing to correct.
        if not self._freed and not self._taken:
            return situation
        ids = [candidate.stakeholder.id for candidate in situation.candidates]
        if not any(self._freed.get(one) or self._taken.get(one) for one in ids):
            return situation
        runs: dict[str, dict[RunKey, EnrollmentState]] = {}
        for whose in ids:
            freed = self._freed.get(whose, ())
            own = {run: state for run, state in situation.runs.get(whose, {}).items() if run not in freed}
            runs[whose] = own | dict.fromkeys(self._taken.get(whose, ()), EnrollmentState.REQUESTED)
        policy = self._limiting(situation.policy, ids) if situation.policy is not None else None
        return replace(situation, runs=runs, policy=policy)

    def _limiting(self, policy: PolicyFacts, ids: Sequence[str]) -> PolicyFacts:
        """The past runs that limits ask about, corrected likewise."""
        runs = dict(policy.runs)
        for whose in ids:
            freed, taken = self._freed.get(whose, ()), self._taken.get(whose, {})
            runs[whose] = [
                *(
                    one
                    for one in policy.runs.get(whose, ())
                    if (one.trigger_type, one.exclusivity_group, one.business_key) not in freed
                ),
                *(
                    PastRun(
                        trigger_type=trigger_type,
                        exclusivity_group=group,
                        business_key=business_key,
                        state=EnrollmentState.REQUESTED,
                        begun_at=begun_at,
                        claimed_at=None,
                    )
                    for (trigger_type, group, business_key), begun_at in taken.items()
                ),
            ]
        return replace(policy, runs=runs)

    def _note_live(self, was: Sequence[dict[str, Any]], recalled: Recalled) -> list[_Run]:
        requested = [outcome for outcome in was if outcome["outcome"] == CandidateOutcome.REQUEST]
        if not requested:
            return []
        groups = self._groups_of(recalled.organization)
        runs = [
            (outcome["stakeholder_id"], _run(recalled.situation, groups[outcome["mapping_id"]]))
            for outcome in requested
        ]
        self._live.update(runs)
        self.live_by_day[recalled.now.date()] += len(requested)
        return runs

    def _note_request(self, decision: Decision, recalled: Recalled) -> _Run:
        if decision.stakeholder is None or decision.mapping is None:
            raise AssertionError("a request names its stakeholder and its mapping")
        run = (decision.stakeholder.id, _run(recalled.situation, decision.mapping.exclusivity_group))
        self._here.add(run)
        self.requests_by_day[recalled.now.date()] += 1
        self.quotas.add(decision, recalled.now, recalled.organization.time_zone)
        owner = recalled.situation.customer.owner
        self.requests_by_owner[owner.user_id if owner is not None else None] += 1
        return run

    def _set_apart(self, run: _Run, now: datetime) -> None:
        whose, key = run
        is_here, is_live = run in self._here, run in self._live
        if is_here and is_live and whose not in self._freed and whose not in self._taken:
            return
        freed, taken = self._freed.setdefault(whose, set()), self._taken.setdefault(whose, {})
        freed.discard(key)
        taken.pop(key, None)
        if not is_here:
            freed.add(key)
        elif not is_live:
            taken[key] = now

    def _compare(
        self, event_id: str, recalled: Recalled, was: Sequence[dict[str, Any]], decisions: Sequence[Decision]
    ) -> None:
        if len(was) == len(decisions) and all(map(_is_same, was, decisions)):
            return
        before: dict[str | None, list[tuple[CandidateOutcome, Reason]]] = {}
        for outcome in was:
            before.setdefault(outcome["stakeholder_id"], []).append(_why(outcome["outcome"], outcome["reason"]))
        after: dict[str | None, list[tuple[CandidateOutcome, Reason]]] = {}
        for decision in decisions:
            after.setdefault(decision.stakeholder_id, []).append((decision.outcome, decision.reason))
        customer = recalled.situation.customer
        names = {one.stakeholder.id: one.stakeholder.name for one in recalled.situation.candidates}
        for whose in dict.fromkeys([*before, *after]):
            left, right = Counter(before.get(whose, ())), Counter(after.get(whose, ()))
            gone, come = list((left - right).elements()), list((right - left).elements())
            for place in range(max(len(gone), len(come))):
                self.differences.append(
                    Difference(
                        event_id=event_id,
                        customer_id=customer.id,
                        customer_name=customer.name,
                        stakeholder_id=whose,
                        stakeholder_name=names.get(whose) if whose is not None else None,
                        was=gone[place] if place < len(gone) else None,
                        would_be=come[place] if place < len(come) else None,
                    )
                )


def spoken_of(compiled: CompiledMapping, recalled: Recalled) -> list[Facts]:
    """The facts of a situation's candidates, where a mapping is of its trigger and segment at all."""
    situation = recalled.situation
    if not compiled.mapping.is_about(situation.trigger_type, situation.customer.segment):
        return []
    return [
        Facts(situation.customer, candidate.stakeholder, situation.trigger, recalled.now, candidate.engagement)
        for candidate in situation.candidates
    ]


def fallout_of(compiled: CompiledMapping, candidates: Iterable[Facts], fallout: Fallout) -> None:
    """Add what each predicate of a mapping says of candidates."""
    for facts in candidates:
        for verdict in verdicts(compiled.leaves, facts):
            said = fallout.setdefault(verdict.predicate, Said())
            if verdict.holds is None:
                said.unknown += 1
            elif verdict.holds:
                said.holds += 1
            else:
                said.fails += 1


@cache
def _why(outcome: str, reason: str) -> tuple[CandidateOutcome, Reason]:
    return CandidateOutcome(outcome), Reason(reason)


def _is_same(was: dict[str, Any], decision: Decision) -> bool:
    told = was["reason"], was["outcome"], was["stakeholder_id"]
    return told == (decision.reason, decision.outcome, decision.stakeholder_id)


def _run(situation: Situation, group: str) -> RunKey:
    return situation.trigger_type, group, situation.business_key

"""Why, why not, and what would turn it: a decision in full, computed again from what was stored of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from enrollment.criteria import Criteria, Facts
from enrollment.decide import Decision
from enrollment.evaluate import told_outcomes
from enrollment.mappings import Mapping
from enrollment.recall import Recalled
from enrollment.traces import trace as traced
from enrollment.turning import Turn, turns
from schemas.vocabulary import CandidateOutcome

__all__ = ["ExplainedDecision", "Explanation", "MappingTrace", "explain", "told", "told_asked", "trace", "unmet"]

_UNMET = frozenset({"criteria_not_met", "fact_unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingTrace:
    """What a mapping of the trigger says of a candidate.

    `said` is `taken` (this mapping decides), `group_taken` (it holds, and one before it decides for its group),
    `criteria_not_met`, `fact_unknown`, `segment_not_matched`, `mapping_disabled`, or `not_asked` where something else
    had settled it before (an outcome, an unknown customer, a stakeholder who left). `customer` and `stakeholder` are
    its criteria as trees: each node with `holds`, each predicate with the value that it saw.
    """

    mapping: Mapping
    said: str
    customer: dict[str, Any]
    stakeholder: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedDecision:
    """A decision, each mapping's say in the order in which they are asked, and what would turn it, smallest first."""

    decision: Decision
    asked: Sequence[MappingTrace]
    turns: Sequence[Turn]

    @property
    def turn(self) -> Turn | None:
        """The smallest change of a single fact that would make a request of it, or of a request anything else."""
        return self.turns[0] if self.turns else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An evaluation in full; `digest` is that of the outcomes as they come out now."""

    decisions: Sequence[ExplainedDecision]
    digest: bytes


def explain(recalled: Recalled) -> Explanation:
    """Decide an evaluation again and say of each decision how it came about."""
    decisions = recalled.evaluate().decisions
    _, digest = told_outcomes(decisions)
    explained = [
        ExplainedDecision(decision=one, asked=_asked(recalled, one, decisions), turns=turning)
        for one, turning in zip(decisions, turns(recalled, decisions), strict=True)
    ]
    return Explanation(decisions=explained, digest=digest)


def unmet(recalled: Recalled) -> dict[str, list[MappingTrace]]:
    """By stakeholder whom no mapping took: what each said whose criteria do not hold of them, or cannot be told.

    What would turn it is not looked for, which is what takes long of explaining.
    """
    decisions = recalled.evaluate().decisions
    return {
        one.stakeholder_id: [asked for asked in _asked(recalled, one, decisions) if asked.said in _UNMET]
        for one in decisions
        if one.stakeholder_id is not None and one.mapping is None
    }


def trace(criteria: Criteria, facts: Facts) -> dict[str, Any]:
    """A tree of criteria with what each node says of some facts, and what each predicate saw."""
    return traced(criteria, facts).told()


def _asked(recalled: Recalled, decision: Decision, decisions: Sequence[Decision]) -> list[MappingTrace]:
    if decision.stakeholder is None:
        return []
    situation = recalled.situation
    engagement = {one.stakeholder.id: one.engagement for one in situation.candidates}.get(decision.stakeholder.id)
    facts = Facts(situation.customer, decision.stakeholder, situation.trigger, recalled.now, engagement)
    deciding = {
        (one.mapping.id, one.mapping.version)
        for one in decisions
        if one.mapping is not None and one.stakeholder_id == decision.stakeholder_id
    }
    traces = []
    for mapping in recalled.organization.mappings.all():
        if mapping.trigger_type is not situation.trigger_type:
            continue
        customer = trace(mapping.customer_criteria, facts)
        stakeholder = trace(mapping.stakeholder_criteria, facts)
        holds = {customer["holds"], stakeholder["holds"]}
        if not mapping.enabled:
            said = "mapping_disabled"
        elif mapping.segment is not None and mapping.segment != situation.customer.segment:
            said = "segment_not_matched"
        elif False in holds:
            said = "criteria_not_met"
        elif None in holds:
            said = "fact_unknown"
        elif (mapping.id, mapping.version) in deciding:
            said = "taken"
        else:
            said = "group_taken" if deciding else "not_asked"
        traces.append(MappingTrace(mapping=mapping, said=said, customer=customer, stakeholder=stakeholder))
    return traces


def told(explained: ExplainedDecision) -> dict[str, Any]:
    """As JSON has it."""
    decision = explained.decision
    mapping, turn = decision.mapping, explained.turn
    return {
        "stakeholder_id": decision.stakeholder_id,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "mapping": {"id": mapping.id, "version": mapping.version} if mapping is not None else None,
        "request_digest": decision.digest if decision.outcome is CandidateOutcome.REQUEST else None,
        "asked": [told_asked(one) for one in explained.asked],
        "would_turn": turn.told() if turn is not None else None,
        "would_also_turn": [one.told() for one in explained.turns[1:]],
    }


def told_asked(one: MappingTrace) -> dict[str, Any]:
    """The same of one mapping's say."""
    return {
        "mapping": {"id": one.mapping.id, "version": one.mapping.version},
        "cadence_id": one.mapping.cadence_id,
        "segment": one.mapping.segment,
        "exclusivity_group": one.mapping.exclusivity_group,
        "said": one.said,
        "customer_criteria": one.customer,
        "stakeholder_criteria": one.stakeholder,
    }

"""The single facts by which a limit refused, each taken away: what `enrollment.turning` tries besides."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from enrollment.mappings import Mapping
from enrollment.policies import PolicyFacts
from enrollment.recall import Recalled
from schemas.vocabulary import Reason

__all__ = ["without_each_limit"]

_OF_RUNS = frozenset({Reason.REENTRY_CAPPED, Reason.FREQUENCY_CAPPED, Reason.EXCLUSIVE_CADENCE_ACTIVE})


def without_each_limit(
    recalled: Recalled, stakeholder_id: str, reason: Reason, mappings: Sequence[Mapping]
) -> Iterator[tuple[str, Any, Any, Recalled]]:
    """Each fact as it is called, what it was, what it would be, and everything with that."""
    if reason is Reason.HELD_OUT:
        for mapping in mappings:
            if mapping.policy.hold_out_percent > 0:
                yield _without_hold_out(recalled, mapping)
    facts = recalled.situation.policy
    if facts is None:
        return
    if reason is Reason.SUPPRESSED:
        left = [one for one in facts.suppressed if one != stakeholder_id]
        yield "stakeholder.suppressed", True, False, _with(recalled, replace(facts, suppressed=left))
    if reason in _OF_RUNS:
        yield from _without_runs(recalled, facts)
    if reason is Reason.EXCLUSIVE_CADENCE_ACTIVE:
        others = facts.active.get(stakeholder_id, ())
        for other in others:
            active = {**facts.active, stakeholder_id: [one for one in others if one != other]}
            yield f"address.active.{other[0]}.{other[1]}", True, False, _with(recalled, replace(facts, active=active))


def _without_runs(recalled: Recalled, facts: PolicyFacts) -> Iterator[tuple[str, Any, Any, Recalled]]:
    for whose, runs in facts.runs.items():
        for run in runs:
            left = {**facts.runs, whose: [one for one in runs if one is not run]}
            name = ":".join([run.trigger_type or "manual", run.exclusivity_group, run.business_key or ""])
            yield f"past_run.{whose}.{name}", run.state, None, _with(recalled, replace(facts, runs=left))


def _without_hold_out(recalled: Recalled, mapping: Mapping) -> tuple[str, Any, Any, Recalled]:
    facts = recalled.organization
    whole = replace(mapping, policy=mapping.policy.model_copy(update={"hold_out_percent": 0.0}))
    changed = replace(recalled, organization=replace(facts, mappings=facts.mappings.having(whole)))
    return f"mapping.{mapping.id}.hold_out_percent", mapping.policy.hold_out_percent, 0.0, changed


def _with(recalled: Recalled, facts: PolicyFacts) -> Recalled:
    return replace(recalled, situation=replace(recalled.situation, policy=facts))

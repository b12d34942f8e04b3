"""One evaluation of a trigger: its decisions, until when they may turn, and how they are kept."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from enrollment.decide import Decision, OrganizationFacts, Situation, closed, decide, window_end
from enrollment.stops import latest_end
from schemas.vocabulary import CandidateOutcome, Reason, TriggerType

__all__ = ["Evaluated", "Only", "evaluate", "told_outcomes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """What of a decision counts in a run of one mapping: what it says itself, and `at_most` so many requests."""

    mapping_id: UUID
    at_most: int


@dataclass(slots=True)
class Evaluated:
    """What an evaluation comes to; `until` is when its trigger is decided for the last time."""

    decisions: list[Decision]
    until: datetime


def evaluate(
    situation: Situation,
    organization: OrganizationFacts,
    now: datetime,
    *,
    event_time: datetime,
    hold_ends: datetime | None,
    only: Only | None = None,
) -> Evaluated:
    """Decide a trigger at an instant; what would be deferred is refused once the trigger's window has ended.

    The window of one that a hold keeps, or kept, counts from the hold's end; of one that is stopped, from the stop's.
    Where one mapping `only` is run, everybody is asked for now or not at all.
    """
    decisions = decide(situation, organization, now)
    starts = event_time
    if hold_ends is not None and situation.trigger_type is TriggerType.EXPANSION_SIGNAL:
        starts = max(starts, hold_ends)
    if organization.stops:
        mappings = [decision.mapping for decision in decisions if decision.mapping is not None]
        stops_end = latest_end(organization.stops, situation.customer.id, mappings, now)
        starts = max(starts, stops_end) if stops_end is not None else starts
    until = window_end(decisions, starts)
    if only is not None:
        return Evaluated(_of_run(decisions, only), until)
    if now >= until:
        decisions = [closed(decision) for decision in decisions]
    return Evaluated(decisions, until)


def _of_run(decisions: Sequence[Decision], only: Only) -> list[Decision]:
    """What the mapping says itself, and why none speaks of somebody; nothing is deferred, and too many are refused."""
    found, left = [], only.at_most
    for decision in decisions:
        if decision.mapping is not None and decision.mapping.id != only.mapping_id:
            continue
        if decision.outcome is CandidateOutcome.REQUEST and left == 0:
            found.append(_skipped(decision, Reason.QUOTA_REACHED))
        elif decision.outcome is CandidateOutcome.REQUEST:
            left -= 1
            found.append(decision)
        else:
            found.append(_skipped(decision, decision.reason))
    return found


def _skipped(decision: Decision, reason: Reason) -> Decision:
    return Decision(
        stakeholder=decision.stakeholder, outcome=CandidateOutcome.SKIP, reason=reason, mapping=decision.mapping
    )


def told_outcomes(decisions: Sequence[Decision]) -> tuple[bytes, bytes]:
    """Decisions as they are kept, JSON, and the digest by which two evaluations are told to be the same."""
    outcomes = orjson.dumps(
        [
            {
                "stakeholder_id": decision.stakeholder_id,
                "outcome": decision.outcome,
                "reason": decision.reason,
                "mapping_id": decision.mapping.id if decision.mapping is not None else None,
                "mapping_version": decision.mapping.version if decision.mapping is not None else None,
                "request_digest": decision.digest,
            }
            for decision in decisions
        ]
    )
    return outcomes, hashlib.sha256(outcomes).digest()

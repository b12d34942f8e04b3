"""One evaluation of a trigger: its decisions, until when they may turn, and how they are kept."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from enrollment.catalogue import Facts
from enrollment.decide import Decision, OrganizationFacts, Situation, closed, decide, window_end
from enrollment.mappings import Mapping
from enrollment.stops import latest_end
from schemas.vocabulary import CandidateOutcome, Reason, TriggerType

__all__ = ["Evaluated", "Only", "evaluate", "told_outcomes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """A run of one mapping: what it says itself counts, and `at_most` so many requests."""

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
        return Evaluated(_of_run(decisions, only, situation, organization, now), until)
    if now >= until:
        decisions = [closed(decision) for decision in decisions]
    return Evaluated(decisions, until)


def _of_run(
    decisions: Sequence[Decision], only: Only, situation: Situation, organization: OrganizationFacts, now: datetime
) -> list[Decision]:
    """What the mapping says itself, and of everybody else why it does not; nothing is deferred, too many are refused.

    Whom another mapping has before it gets that one's name, once.
    """
    found, left = [], only.at_most
    told = {one.stakeholder_id for one in decisions if one.mapping is None or one.mapping.id == only.mapping_id}
    for decision in decisions:
        if decision.mapping is not None and decision.mapping.id != only.mapping_id:
            if decision.stakeholder_id not in told:
                told.add(decision.stakeholder_id)
                of_others = [one for one in decisions if one.stakeholder_id == decision.stakeholder_id]
                found.append(_left_out(of_others, only, situation, organization, now))
            continue
        if decision.outcome is CandidateOutcome.REQUEST and left == 0:
            found.append(_skipped(decision, Reason.QUOTA_REACHED, decision.mapping))
        elif decision.outcome is CandidateOutcome.REQUEST:
            left -= 1
            found.append(decision)
        else:
            found.append(_skipped(decision, decision.reason, decision.mapping))
    return found


def _left_out(
    of_others: Sequence[Decision], only: Only, situation: Situation, organization: OrganizationFacts, now: datetime
) -> Decision:
    """Why the mapping that is run says nothing of a stakeholder of whom others do.

    One is before it, or it does not fit. What the others say themselves is their own event's.
    """
    one = of_others[0]
    run = organization.mappings.published(only.mapping_id)
    if run is None:
        return _skipped(one, Reason.MAPPING_DISABLED, None)
    if run.mapping.segment not in {None, situation.customer.segment}:
        return _skipped(one, Reason.SEGMENT_NOT_MATCHED, None)
    (candidate,) = (each for each in situation.candidates if each.stakeholder.id == one.stakeholder_id)
    facts = Facts(situation.customer, candidate.stakeholder, situation.trigger, now, candidate.engagement)
    answers = (run.customer_holds(facts), run.stakeholder_holds(facts))
    if False in answers:
        return _skipped(one, Reason.CRITERIA_NOT_MET, None)
    if None in answers:
        return _skipped(one, Reason.FACT_UNKNOWN, None)
    group = run.mapping.exclusivity_group
    taking = (each.mapping for each in of_others if each.mapping and each.mapping.exclusivity_group == group)
    # What stands in the shadow takes nobody's place, so it is none of those that kept the run's from being asked.
    return _skipped(one, Reason.PREEMPTED, next(mapping for mapping in taking if not mapping.policy.shadow))


def _skipped(decision: Decision, reason: Reason, mapping: Mapping | None) -> Decision:
    return Decision(stakeholder=decision.stakeholder, outcome=CandidateOutcome.SKIP, reason=reason, mapping=mapping)


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

"""From what was stored of an evaluation back to what decided it.

The organization's facts are kept once for all evaluations that rest on them, under a digest of what they say; an
evaluation's own facts name that digest. Both come back as the objects that decided, so that deciding again is the same
function called with the same.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter

from enrollment.decide import Candidate, Decision, OrganizationFacts, Situation, decide
from enrollment.evaluate import Evaluated, Only, evaluate
from enrollment.kept_facts import KeptFacts, read_facts
from enrollment.renewing import Terms, propose_again, renewed_decision
from schemas.vocabulary import CandidateOutcome, EnrollmentState, TriggerType

__all__ = ["NotKept", "Recalled", "keep_organization", "recall", "recall_organization"]


class NotKept(Exception):
    """What decided is not stored any more, or never was: somebody was erased, or it was decided before it was kept."""


@dataclass(slots=True, kw_only=True)
class Recalled:
    """Everything that one evaluation was a function of."""

    situation: Situation
    organization: OrganizationFacts
    now: datetime
    event_time: datetime
    hold_ends: datetime | None
    renewal: Terms | None = None
    only: Only | None = None

    def evaluate(self) -> Evaluated:
        """Decide it again; or put the question again, where it was one that an approval had outlived."""
        if self.renewal is not None:
            situation, (candidate,) = self.situation, self.situation.candidates
            again = propose_again(
                self.renewal,
                situation.customer,
                candidate.stakeholder,
                situation.trigger,
                self.organization,
                self.now,
                engagement=candidate.engagement,
            )
            return Evaluated([renewed_decision(candidate.stakeholder, again)], self.now)
        return evaluate(
            self.situation,
            self.organization,
            self.now,
            event_time=self.event_time,
            hold_ends=self.hold_ends,
            only=self.only,
        )

    def decisions_about(self, stakeholder_id: str) -> list[Decision]:
        """What `evaluate` decides about one of the candidates; about the others only where they bear on it.

        They do where a run counts its requests, and where something is deferred: how long is the same for all of them.
        """
        if self.only is None and self.renewal is None:
            own = [one for one in self.situation.candidates if one.stakeholder.id == stakeholder_id]
            decisions = decide(replace(self.situation, candidates=own), self.organization, self.now)
            if all(one.outcome is not CandidateOutcome.DEFER for one in decisions):
                return decisions
        return [one for one in self.evaluate().decisions if one.stakeholder_id == stakeholder_id]


@cache
def _organization() -> TypeAdapter[OrganizationFacts]:
    return TypeAdapter(OrganizationFacts)


def keep_organization(facts: OrganizationFacts) -> tuple[bytes, str]:
    """An organization's facts as JSON, and the digest of it: the same facts have the same at any time.

    Of the team's cadences those that a mapping names are enough; which version it was does not matter, nor which team.
    """
    named = {mapping.cadence_id for mapping in facts.mappings.all()}
    deciding = replace(
        facts,
        decision_version=0,
        team_id=None,
        cadences={key: facts.cadences[key] for key in sorted(named) if key in facts.cadences},
        senders={key: facts.senders[key] for key in sorted(facts.senders)},
        senders_by_email={key: facts.senders_by_email[key] for key in sorted(facts.senders_by_email)},
    )
    text = _organization().dump_json(deciding, by_alias=True)
    return text, hashlib.sha256(text).hexdigest()


def recall_organization(kept: str | bytes) -> OrganizationFacts:
    """What `keep_organization` kept."""
    return _organization().validate_json(kept)


def recall(
    trigger_type: TriggerType, facts: KeptFacts, organization: OrganizationFacts | None, now: datetime
) -> Recalled:
    """What an evaluation of that instant was a function of. NotKept where that is not to be had."""
    if organization is None or facts.erased:
        raise NotKept
    told = read_facts(trigger_type, facts)
    event = told.event
    seen = {stakeholder.id: stakeholder for stakeholder in told.stakeholders}
    listed = told.stakeholders if event.stakeholders is None else [seen.get(one.id, one) for one in event.stakeholders]
    runs: dict[str, dict[tuple[TriggerType, str, str], EnrollmentState]] = {}
    for stakeholder_id, of_trigger, group, business_key, state in told.runs:
        runs.setdefault(stakeholder_id, {})[of_trigger, group, business_key] = state
    # A customer that is told instead of the event's own, and told as null where nobody knew one.
    known = "customer" not in told.model_fields_set or told.customer is not None
    situation = Situation(
        trigger_type=trigger_type,
        trigger=event.trigger,
        business_key=event.business_key,
        customer=told.customer or event.customer,
        customer_known=known,
        candidates=[
            Candidate(one, told.people.get(one.id), told.gone.get(one.id), told.engagement.get(one.id))
            for one in listed
        ],
        runs=runs,
        on_cadence=told.on_cadence,
        ended=told.ended,
        ended_for=told.ended_for,
        held=told.held,
        policy=told.policy,
    )
    return Recalled(
        situation=situation,
        organization=organization,
        now=now,
        event_time=told.at,
        hold_ends=told.hold_ends,
        renewal=told.renewal,
        only=told.only,
    )

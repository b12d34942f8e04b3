"""What an approved enrollment would be asked for now: the bound facts read again, with the approver's own choices."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from enrollment.approval import Bound, digest
from enrollment.catalogue import EngagementFacts
from enrollment.consent import normalised_email
from enrollment.criteria import Facts, Verdict, verdicts
from enrollment.decide import Action, Decision, OrganizationFacts, propose
from enrollment.mappings import FixedUser, Mapping
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.lifecycle import LifecycleTrigger
from schemas.vocabulary import CandidateOutcome, Reason

__all__ = ["Proposal", "Terms", "propose_again", "renewed_decision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an enrollment was asked for with and approved with: the same but for what the approver changed.

    The start date is a term and no fact: it stays as it was approved.
    """

    mapping_id: UUID
    cadence_id: int
    asked_step_id: int
    start_step_id: int
    asked_sender_user_id: int
    sender_user_id: int
    start_on: date
    business_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would be asked now; `mapping` has the step and the sender that the approver chose."""

    mapping: Mapping
    action: Action
    verdicts: tuple[Verdict, ...]
    bound: Bound


def propose_again(
    terms: Terms,
    customer: CustomerSnapshot,
    stakeholder: StakeholderSnapshot,
    trigger: LifecycleTrigger | None,
    organization: OrganizationFacts,
    now: datetime,
    *,
    engagement: EngagementFacts | None = None,
) -> Proposal | Reason:
    """The same question put at this instant, or the reason why it cannot be put any more."""
    compiled = organization.mappings.published(terms.mapping_id)
    if compiled is None:
        return Reason.MAPPING_DISABLED
    mapping = compiled.mapping
    # A step is one of its cadence: another cadence begins where the mapping says.
    if mapping.cadence_id == terms.cadence_id and terms.start_step_id != terms.asked_step_id:
        mapping = replace(mapping, start_step_id=terms.start_step_id)
    if terms.sender_user_id != terms.asked_sender_user_id:
        mapping = replace(mapping, sender=FixedUser(user_id=terms.sender_user_id))
    action = propose(mapping, stakeholder, customer, organization, now)
    if isinstance(action, Reason):
        return action
    action = replace(action, start_date=terms.start_on)
    facts = Facts(customer, stakeholder, trigger, now, engagement)
    seen = verdicts(compiled.leaves, facts) if trigger is not None else ()
    bound = Bound(
        stakeholder_id=stakeholder.id,
        email=normalised_email(stakeholder.email) or "",
        cadence_id=action.cadence.id,
        start_step_id=action.start_step.id,
        start_date=action.start_date,
        sender_user_id=action.sender.user_id,
        custom_fields={},
        mapping_id=mapping.id,
        mapping_version=mapping.version,
        exclusivity_group=mapping.exclusivity_group,
        business_key=terms.business_key,
        verdicts=[(verdict.predicate, verdict.holds is True) for verdict in seen],
    )
    return Proposal(mapping=compiled.mapping, action=action, verdicts=seen, bound=bound)


def renewed_decision(stakeholder: StakeholderSnapshot, proposal: Proposal | Reason) -> Decision:
    """A renewed question as a decision among the others."""
    if isinstance(proposal, Reason):
        return Decision(stakeholder=stakeholder, outcome=CandidateOutcome.SKIP, reason=proposal, mapping=None)
    return Decision(
        stakeholder=stakeholder,
        outcome=CandidateOutcome.REQUEST,
        reason=Reason.REQUESTED,
        mapping=proposal.mapping,
        digest=digest(proposal.bound),
        action=proposal.action,
        verdicts=proposal.verdicts,
    )

"""One trigger's decisions: for every candidate stakeholder a request, a deferral or a skip, with its reason.

A pure function of what it is handed, the instant included: asked again with the same, it answers the same.
"""

from collections.abc import Mapping as Lookup
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from enrollment.approval import Bound, digest
from enrollment.catalogue import EngagementFacts
from enrollment.consent import PersonRecord, email_refusal, known_refusal, normalised_email
from enrollment.criteria import Facts, Verdict, verdicts
from enrollment.mappings import CompiledMapping, FixedUser, Mapping, MappingBook, RoundRobin, Sender
from enrollment.policies import PolicyFacts, Refused, held_out
from enrollment.policies import refusal as limits_refusal
from enrollment.starts import start_day
from enrollment.states import ACTIVE
from enrollment.stops import Stop, stops_all_of, stops_mapping
from enrollment.turns import whose_turn
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.lifecycle import LifecycleTrigger
from schemas.vocabulary import CandidateOutcome as Outcome
from schemas.vocabulary import EnrollmentState, Reason, TriggerType

__all__ = [
    "DEFERRING",
    "Action",
    "CadenceFacts",
    "Candidate",
    "Decision",
    "OrganizationFacts",
    "RunKey",
    "SenderFacts",
    "Situation",
    "StepFacts",
    "closed",
    "decide",
    "entry_step",
    "may_send",
    "owner_as_sender",
    "propose",
    "window_end",
    "zone",
    "zone_of",
]

DEFERRING = frozenset(
    {
        Reason.UNKNOWN_CUSTOMER,
        Reason.NO_CANDIDATES,
        Reason.NO_EMAIL,
        Reason.INVALID_EMAIL,
        Reason.NOT_CONNECTED,
        Reason.CADENCE_UNAVAILABLE,
        Reason.OWNER_UNAVAILABLE,
        Reason.NO_MAPPING,
        Reason.PREEMPTED,
        Reason.FREQUENCY_CAPPED,
        Reason.EXCLUSIVE_CADENCE_ACTIVE,
        Reason.STOPPED,
    }
)
"""Refusals for a fact that may still come, or for a hold that may end."""

# (trigger, exclusivity group, business key): a stakeholder's run, whichever mapping started it.
RunKey = tuple[TriggerType, str, str]


@dataclass(frozen=True, slots=True)
class StepFacts:
    """An enabled step of a cadence."""

    id: int
    name: str | None
    day: int
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceFacts:
    """A cadence as Salesloft last showed it; `steps` in their order, disabled ones left out."""

    id: int
    name: str
    people_addable: bool
    team_cadence: bool
    owner_user_id: int | None
    steps: tuple[StepFacts, ...]


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """An active Salesloft user."""

    user_id: int
    email: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationFacts:
    """What deciding reads of an organization; all of it moves with `decision_version`.

    `suppresses` tells whether there is anybody on the organization's list of those who are never contacted, `team_id`
    whose ids the cadences and the senders go by: the team's that was connected last.
    """

    organization_id: str
    decision_version: int
    time_zone: str
    connected: bool
    self_approval_allowed: bool
    mappings: MappingBook
    cadences: Lookup[int, CadenceFacts]
    senders: Lookup[int, SenderFacts]
    senders_by_email: Lookup[str, SenderFacts]
    suppresses: bool = False
    stops: Sequence[Stop] = ()
    team_id: int | None = None


# What is made for each candidate is not frozen: a frozen dataclass takes three times as long to make.
@dataclass(slots=True)
class Candidate:
    """A stakeholder of the customer; `gone` says why they are no candidate any more.

    `engagement` is read where some mapping of the trigger asks about it.
    """

    stakeholder: StakeholderSnapshot
    person: PersonRecord | None
    gone: Reason | None = None
    engagement: EngagementFacts | None = None


@dataclass(slots=True, kw_only=True)
class Situation:
    """A trigger, and everything about its customer that bears on it.

    `runs`, by stakeholder, and `on_cadence` are asked for the candidates only and may hold more. `ended_for` names the
    stakeholders whose run an outcome has ended, `ended` says that it ended for all; `held` that an open risk episode
    holds what is less urgent. `policy` is what limits ask besides, None where the organization has none that ask.
    """

    trigger_type: TriggerType
    trigger: LifecycleTrigger
    business_key: str
    customer: CustomerSnapshot
    customer_known: bool
    candidates: Sequence[Candidate]
    runs: Lookup[str, Lookup[RunKey, EnrollmentState]]
    on_cadence: AbstractSet[tuple[str, int]]
    ended: bool
    ended_for: AbstractSet[str]
    held: bool
    policy: PolicyFacts | None = None


@dataclass(slots=True)
class Action:
    """What would be done at Salesloft."""

    cadence: CadenceFacts
    start_step: StepFacts
    start_date: date
    sender: SenderFacts


@dataclass(slots=True, kw_only=True)
class Decision:
    """What was decided about one candidate; about the trigger as a whole where `stakeholder` is None.

    `digest` binds a request's approval; of another decision it tells whether two are the same. `until` of a deferral
    is when its window ends, counted from now. `action` and `verdicts` come with a request, and with what would be one
    but for the shadow in which its mapping stands. `again_at` of a deferral is when what refused it may have ended.
    """

    stakeholder: StakeholderSnapshot | None
    outcome: Outcome
    reason: Reason
    mapping: Mapping | None
    digest: str | None = None
    action: Action | None = None
    verdicts: tuple[Verdict, ...] = ()
    again_at: datetime | None = None

    @property
    def stakeholder_id(self) -> str | None:
        """Whom it is about."""
        return self.stakeholder.id if self.stakeholder is not None else None


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The time zone of that name, None where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_of(stakeholder_zone: str | None, organization_zone: str) -> ZoneInfo:
    """Whose clock counts: the stakeholder's, else the organization's, else the world's."""
    where = zone(stakeholder_zone) if stakeholder_zone else None
    return where or zone(organization_zone) or ZoneInfo("UTC")


def decide(situation: Situation, organization: OrganizationFacts, now: datetime) -> list[Decision]:
    """A decision for every candidate and exclusivity group that concerns them; at least one in all."""
    refusal = _refusal_of_all(situation, organization, now)
    if not situation.candidates:
        return [_no(None, refusal or Reason.NO_CANDIDATES, None)]
    if refusal is not None:
        return [_no(candidate.stakeholder, refusal, None) for candidate in situation.candidates]
    asked = organization.mappings.for_segment(situation.trigger_type, situation.customer.segment)
    decisions: list[Decision] = []
    for candidate in situation.candidates:
        decisions += _of_candidate(candidate, asked, situation, organization, now)
    return decisions


def window_end(decisions: Sequence[Decision], event_time: datetime) -> datetime:
    """When a trigger's deferral ends: its mapping's window, or 14 days where no mapping speaks of it yet."""
    days = [decision.mapping.policy.defer_days for decision in decisions if decision.mapping is not None]
    return event_time + timedelta(days=max(days, default=_DEFER_DAYS))


_DEFER_DAYS = 14


def closed(decision: Decision) -> Decision:
    """What becomes of a decision when its trigger's window has ended: a deferral is a refusal now."""
    if decision.outcome is not Outcome.DEFER:
        return decision
    return _no(decision.stakeholder, Reason.DEFERRAL_ENDED, decision.mapping)


def _refusal_of_all(situation: Situation, organization: OrganizationFacts, now: datetime) -> Reason | None:
    if situation.ended:
        return Reason.STALE_EVENT
    if organization.stops and stops_all_of(organization.stops, situation.customer.id, now):
        return Reason.STOPPED
    if not situation.customer_known:
        return Reason.UNKNOWN_CUSTOMER
    return _mapping_refusal(situation, organization)


def _mapping_refusal(situation: Situation, organization: OrganizationFacts) -> Reason | None:
    trigger_type = situation.trigger_type
    if organization.mappings.only_disabled(trigger_type):
        return Reason.MAPPING_DISABLED
    if not organization.mappings.speaks_of(trigger_type):
        return Reason.NO_MAPPING
    if not organization.mappings.for_segment(trigger_type, situation.customer.segment):
        return Reason.SEGMENT_NOT_MATCHED
    return None


def _of_candidate(
    candidate: Candidate,
    asked: Sequence[CompiledMapping],
    situation: Situation,
    organization: OrganizationFacts,
    now: datetime,
) -> list[Decision]:
    stakeholder = candidate.stakeholder
    if candidate.gone is not None:
        return [_no(stakeholder, candidate.gone, None)]
    if stakeholder.id in situation.ended_for:
        return [_no(stakeholder, Reason.STALE_EVENT, None)]
    facts = Facts(situation.customer, stakeholder, situation.trigger, now, candidate.engagement)
    decisions: list[Decision] = []
    taken: set[str] = set()
    unknown = False
    for compiled in asked:
        if compiled.mapping.exclusivity_group in taken:
            continue
        # Most candidates differ in what they are themselves, so that is asked first.
        holds = compiled.stakeholder_holds(facts)
        if holds is not False:
            of_customer = compiled.customer_holds(facts)
            holds = holds if of_customer else of_customer
        if holds is None:
            unknown = True
        elif holds:
            # What only stands in the shadow takes nobody's place.
            if not compiled.mapping.policy.shadow:
                taken.add(compiled.mapping.exclusivity_group)
            decisions.append(_by_mapping(candidate, compiled, facts, situation, organization))
    return decisions or [_no(stakeholder, Reason.FACT_UNKNOWN if unknown else Reason.CRITERIA_NOT_MET, None)]


def _by_mapping(
    candidate: Candidate,
    compiled: CompiledMapping,
    facts: Facts,
    situation: Situation,
    organization: OrganizationFacts,
) -> Decision:
    stakeholder, mapping = candidate.stakeholder, compiled.mapping
    if mapping.parked:
        return _no(stakeholder, Reason.CADENCE_UNAVAILABLE, mapping)
    refusal = (
        email_refusal(stakeholder)
        or known_refusal(stakeholder, candidate.person)
        or _suppressed(stakeholder.id, situation.policy)
        or _run_refusal(stakeholder.id, mapping, situation)
        or (Reason.PREEMPTED if situation.held and situation.trigger_type is TriggerType.EXPANSION_SIGNAL else None)
        or (Reason.STOPPED if organization.stops and stops_mapping(organization.stops, mapping, facts.now) else None)
    )
    if refusal is not None:
        return _no(stakeholder, refusal, mapping)
    limited = _limited(stakeholder.id, mapping, situation, facts.now)
    if limited is not None:
        return _no(stakeholder, limited.reason, mapping, limited.again_at)
    action = propose(mapping, stakeholder, situation.customer, organization, facts.now, situation.trigger)
    if isinstance(action, Reason):
        return _no(stakeholder, action, mapping)
    # Asked last: who is held out is compared with who is asked for, and would have been asked for but for this.
    if held_out(mapping.id, stakeholder.id, mapping.policy.hold_out_percent):
        return _no(stakeholder, Reason.HELD_OUT, mapping)
    seen = verdicts(compiled.leaves, facts)
    bound = Bound(
        stakeholder_id=stakeholder.id,
        email=normalised_email(stakeholder.email) or "",
        cadence_id=mapping.cadence_id,
        start_step_id=action.start_step.id,
        start_date=action.start_date,
        sender_user_id=action.sender.user_id,
        custom_fields={},
        mapping_id=mapping.id,
        mapping_version=mapping.version,
        exclusivity_group=mapping.exclusivity_group,
        business_key=situation.business_key,
        verdicts=[(verdict.predicate, bool(verdict.holds)) for verdict in seen],
    )
    in_shadow = mapping.policy.shadow
    return Decision(
        stakeholder=stakeholder,
        outcome=Outcome.SKIP if in_shadow else Outcome.REQUEST,
        reason=Reason.SHADOW if in_shadow else Reason.REQUESTED,
        mapping=mapping,
        digest=digest(bound),
        action=action,
        verdicts=seen,
    )


def _suppressed(stakeholder_id: str, policy: PolicyFacts | None) -> Reason | None:
    return Reason.SUPPRESSED if policy is not None and stakeholder_id in policy.suppressed else None


def _limited(stakeholder_id: str, mapping: Mapping, situation: Situation, now: datetime) -> Refused | None:
    if situation.policy is None:
        return None
    return limits_refusal(
        mapping.policy,
        situation.policy,
        stakeholder_id=stakeholder_id,
        trigger_type=situation.trigger_type,
        exclusivity_group=mapping.exclusivity_group,
        business_key=situation.business_key,
        now=now,
    )


def _run_refusal(stakeholder_id: str, mapping: Mapping, situation: Situation) -> Reason | None:
    run = (situation.trigger_type, mapping.exclusivity_group, situation.business_key)
    state = situation.runs.get(stakeholder_id, _NO_RUNS).get(run)
    if state is not None and state not in _RELEASING:
        if state in ACTIVE:
            return Reason.ALREADY_ENROLLED
        return Reason.ALREADY_RAN if state in _OVER else Reason.ALREADY_REQUESTED
    if (stakeholder_id, mapping.cadence_id) in situation.on_cadence:
        return Reason.ALREADY_ENROLLED
    return None


_NO_RUNS: Lookup[RunKey, EnrollmentState] = {}
# A request uses its run up, unless it expired or was withdrawn.
_RELEASING = frozenset({EnrollmentState.EXPIRED, EnrollmentState.WITHDRAWN})
_OVER = frozenset(
    {
        EnrollmentState.REJECTED,
        EnrollmentState.BLOCKED,
        EnrollmentState.FAILED,
        EnrollmentState.COMPLETED,
        EnrollmentState.REMOVED,
        EnrollmentState.EXITED,
    }
)


def propose(
    mapping: Mapping,
    stakeholder: StakeholderSnapshot,
    customer: CustomerSnapshot,
    organization: OrganizationFacts,
    now: datetime,
    trigger: LifecycleTrigger | None = None,
) -> Action | Reason:
    """What a mapping would do for a stakeholder at this instant, or the reason why it cannot be done.

    `trigger` is what a start may be reckoned from.
    """
    if not organization.connected:
        return Reason.NOT_CONNECTED
    # An id of another team's may be one of this team's by chance.
    cadence = None if mapping.parked else organization.cadences.get(mapping.cadence_id)
    step = entry_step(cadence, mapping.start_step_id)
    if cadence is None or step is None:
        return Reason.CADENCE_UNAVAILABLE
    sender = _sender(mapping.sender, customer, organization)
    if sender is None:
        return Reason.OWNER_UNAVAILABLE
    if not may_send(sender.user_id, cadence):
        return Reason.CADENCE_UNAVAILABLE
    where = zone_of(stakeholder.time_zone, organization.time_zone)
    return Action(cadence, step, start_day(mapping.policy, trigger, where, now), sender)


def entry_step(cadence: CadenceFacts | None, step_id: int | None) -> StepFacts | None:
    """The step at which people enter a cadence, the first where none is named; None where nobody can enter there."""
    if cadence is None or not cadence.people_addable:
        return None
    if step_id is None:
        return cadence.steps[0] if cadence.steps else None
    return next((one for one in cadence.steps if one.id == step_id), None)


def may_send(user_id: int, cadence: CadenceFacts) -> bool:
    """Whether a user may run a cadence: Salesloft takes another user's people only into one of the whole team."""
    return cadence.team_cadence or cadence.owner_user_id == user_id


def _sender(chosen: Sender, customer: CustomerSnapshot, organization: OrganizationFacts) -> SenderFacts | None:
    match chosen:
        case FixedUser(user_id=user_id):
            return organization.senders.get(user_id)
        case RoundRobin(user_ids=user_ids):
            turn = whose_turn([one for one in user_ids if one in organization.senders], customer.id)
            return organization.senders[turn] if turn is not None else None
    return owner_as_sender(customer, organization)


def owner_as_sender(customer: CustomerSnapshot, organization: OrganizationFacts) -> SenderFacts | None:
    """The team's user who is the customer's owner, found by the address."""
    email = normalised_email(customer.owner.email) if customer.owner is not None else None
    return organization.senders_by_email.get(email) if email is not None else None


def _no(
    stakeholder: StakeholderSnapshot | None, reason: Reason, mapping: Mapping | None, again_at: datetime | None = None
) -> Decision:
    outcome = Outcome.DEFER if reason in DEFERRING else Outcome.SKIP
    return Decision(stakeholder=stakeholder, outcome=outcome, reason=reason, mapping=mapping, again_at=again_at)

"""Adding somebody to a cadence because a person asks for it: the gates that a trigger's request passes, one by one.

A trigger's mapping says who fits; here a person says it. Everything else is the same: who may not be contacted, is
stopped, or has a place already, is not asked for. What only Salesloft can say is asked right before the call, as ever.
Pure: the same facts at the same instant give the same answer.

AdditionInvalid   it is no possible addition, whoever it is for: a day that is over, a step of another cadence
"""

from collections.abc import Mapping as Lookup
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from enrollment.approval import Bound
from enrollment.consent import PersonRecord, email_refusal, known_refusal, normalised_email
from enrollment.decide import (
    Action,
    CadenceFacts,
    OrganizationFacts,
    SenderFacts,
    entry_step,
    may_send,
    owner_as_sender,
    zone_of,
)
from enrollment.mappings import MappingBook, Policy
from enrollment.stops import Stop, StopScope
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.vocabulary import Reason, TriggerType

__all__ = [
    "NOT_ASKED_YET",
    "REFUSAL_WORDS",
    "Addition",
    "AdditionFacts",
    "AdditionInvalid",
    "Gate",
    "GateVerdict",
    "JudgedAddition",
    "bound_addition",
    "group_of",
    "is_for_upsell",
    "judge_addition",
    "policy_of",
    "propose_addition",
]

_DEFAULT_GROUP = "default"
_LATEST_START = timedelta(days=365)


class AdditionInvalid(ValueError):
    """It is no possible addition. `field` names what is wrong."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.field = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What a person asks for. Ids of cadence, step and user are Salesloft's.

    Where nothing is said it begins today, where the stakeholder is, at the first step, and the customer's owner sends.
    """

    stakeholder_id: str
    cadence_id: int
    start_step_id: int | None = None
    start_on: date | None = None
    sender_user_id: int | None = None
    custom_fields: Lookup[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionFacts:
    """What bears on it. `gone` says why the stakeholder is none any more.

    `is_asked_for` and `is_on_cadence` are about this very cadence, the second also by what Salesloft shows.
    `busy_groups` are the exclusivity groups in which the stakeholder is on a cadence, `address_groups` those in which
    anybody with the same address is. `at_risk_until` is until when an open risk of the customer holds at the longest.
    """

    customer: CustomerSnapshot | None
    stakeholder: StakeholderSnapshot
    gone: Reason | None
    person: PersonRecord | None
    is_suppressed: bool
    is_asked_for: bool
    is_on_cadence: bool
    busy_groups: frozenset[str]
    address_groups: frozenset[str]
    at_risk_until: datetime | None


class Gate(StrEnum):
    """What an addition passes, in this order."""

    DIRECTORY = "directory"
    ADDRESS = "address"
    CONSENT = "consent"
    SUPPRESSION = "suppression"
    STOPS = "stops"
    PLACE = "place"
    EXCLUSIVITY = "exclusivity"
    CONNECTION = "connection"
    CADENCE = "cadence"
    SENDER = "sender"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """What a gate says; `reason` is None where it lets the addition through."""

    gate: Gate
    reason: Reason | None
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAddition:
    """What each gate says; `action` is what would be done, None where some gate refuses."""

    gates: tuple[GateVerdict, ...]
    action: Action | None
    exclusivity_group: str

    @property
    def refusal(self) -> GateVerdict | None:
        """The first refusal."""
        return next((one for one in self.gates if one.reason is not None), None)


REFUSAL_WORDS: dict[Reason, str] = {
    Reason.ERASED: "The stakeholder was erased: nothing is known of them any more.",
    Reason.STAKEHOLDER_LEFT: "The stakeholder has left the customer.",
    Reason.UNKNOWN_CUSTOMER: "The directory does not know the stakeholder's customer yet.",
    Reason.NO_EMAIL: "The stakeholder has no e-mail address.",
    Reason.INVALID_EMAIL: "The stakeholder's e-mail address is none that mail could be sent to.",
    Reason.OPTED_OUT: "The stakeholder has opted out of e-mail.",
    Reason.DO_NOT_CONTACT: "Salesloft has the person, or their account, marked as not to be contacted.",
    Reason.CONTACT_RESTRICTED: "Salesloft restricts e-mail to this person.",
    Reason.BOUNCED: "E-mail to this person's address bounces.",
    Reason.SUPPRESSED: "The stakeholder is on your organization's list of those who are never contacted.",
    Reason.STOPPED: "Somebody has stopped the organization, the customer or the cadence.",
    Reason.PREEMPTED: "The customer is at risk: nobody there is written to for upsell until that is over.",
    Reason.ALREADY_REQUESTED: "The stakeholder has been asked for on this cadence already, or waits to be added.",
    Reason.ALREADY_ENROLLED: "The stakeholder is on this cadence already.",
    Reason.EXCLUSIVE_CADENCE_ACTIVE: "The stakeholder, or somebody with the same address, is on another cadence that"
    " must not run beside this one.",
    Reason.NOT_CONNECTED: "Your organization is not connected to Salesloft.",
    Reason.CADENCE_UNAVAILABLE: "Nobody can be added to the cadence: it is gone, switched off or has no step.",
    Reason.OWNER_UNAVAILABLE: "Nobody can send: the team has no such active user. Name a sender.",
}
"""What people are told of each refusal."""


def group_of(cadence_id: int, book: MappingBook) -> str:
    """The exclusivity group that a cadence belongs to: the one that the first mapping to it names."""
    return next(
        (one.exclusivity_group for one in book.all() if one.enabled and one.cadence_id == cadence_id), _DEFAULT_GROUP
    )


def policy_of(group: str, book: MappingBook) -> Policy:
    """What limits an addition: what its group keeps apart, as strictly as any mapping of the group does."""
    kept_apart = {one.policy.exclusive_by for one in book.all() if one.enabled and one.exclusivity_group == group}
    if "email" in kept_apart:
        return Policy(exclusive_by="email")
    return Policy(exclusive_by="stakeholder") if "stakeholder" in kept_apart else Policy()


def is_for_upsell(cadence_id: int, book: MappingBook) -> bool:
    """Whether an expansion signal brings people into a cadence, which makes it less urgent than a customer's risk."""
    return any(
        one.enabled and one.cadence_id == cadence_id and one.trigger_type is TriggerType.EXPANSION_SIGNAL
        for one in book.all()
    )


def judge_addition(
    addition: Addition, facts: AdditionFacts, organization: OrganizationFacts, now: datetime
) -> JudgedAddition:
    """Ask every gate, also those behind a refusal: whoever is refused learns all of it at once.

    Raises AdditionInvalid.
    """
    cadence = organization.cadences.get(addition.cadence_id)
    start_on = _start(addition, facts.stakeholder, organization, now)
    if addition.start_step_id is not None and cadence is not None:
        _check_step(addition.start_step_id, cadence)
    sender = _sender(addition.sender_user_id, facts.customer, organization)
    step = entry_step(cadence, addition.start_step_id)
    gates = (
        _verdict(Gate.DIRECTORY, facts.gone or (Reason.UNKNOWN_CUSTOMER if facts.customer is None else None)),
        _verdict(Gate.ADDRESS, email_refusal(facts.stakeholder)),
        _consent(facts),
        _verdict(Gate.SUPPRESSION, Reason.SUPPRESSED if facts.is_suppressed else None),
        _verdict(Gate.STOPS, _hold(addition, facts, organization, now)),
        _verdict(Gate.PLACE, _place_refusal(facts)),
        _verdict(Gate.EXCLUSIVITY, _exclusivity_refusal(addition, facts, organization.mappings)),
        _verdict(Gate.CONNECTION, None if organization.connected else Reason.NOT_CONNECTED),
        _verdict(Gate.CADENCE, Reason.CADENCE_UNAVAILABLE if cadence is None or step is None else None),
        _sender_verdict(sender, cadence),
    )
    action = None
    if all(one.reason is None for one in gates) and cadence is not None and step is not None and sender is not None:
        action = Action(cadence, step, start_on, sender)
    return JudgedAddition(
        gates=gates, action=action, exclusivity_group=group_of(addition.cadence_id, organization.mappings)
    )


def propose_addition(
    addition: Addition, customer: CustomerSnapshot, organization: OrganizationFacts, start_on: date
) -> Action | Reason:
    """What would be done for it now, or why it cannot be done. The start is a term and no fact: it stays."""
    if not organization.connected:
        return Reason.NOT_CONNECTED
    cadence = organization.cadences.get(addition.cadence_id)
    step = entry_step(cadence, addition.start_step_id)
    if cadence is None or step is None:
        return Reason.CADENCE_UNAVAILABLE
    sender = _sender(addition.sender_user_id, customer, organization)
    if sender is None:
        return Reason.OWNER_UNAVAILABLE
    return Action(cadence, step, start_on, sender) if may_send(sender.user_id, cadence) else Reason.CADENCE_UNAVAILABLE


def bound_addition(
    stakeholder: StakeholderSnapshot, action: Action, custom_fields: Lookup[str, str], exclusivity_group: str
) -> Bound:
    """What an approval of it is bound to: all that would be done. There is no mapping, no run and no predicate."""
    return Bound(
        stakeholder_id=stakeholder.id,
        email=normalised_email(stakeholder.email) or "",
        cadence_id=action.cadence.id,
        start_step_id=action.start_step.id,
        start_date=action.start_date,
        sender_user_id=action.sender.user_id,
        custom_fields=dict(custom_fields),
        mapping_id=None,
        mapping_version=None,
        exclusivity_group=exclusivity_group,
        business_key=None,
        verdicts=(),
    )


def _start(
    addition: Addition, stakeholder: StakeholderSnapshot, organization: OrganizationFacts, now: datetime
) -> date:
    today = now.astimezone(zone_of(stakeholder.time_zone, organization.time_zone)).date()
    if addition.start_on is None:
        return today
    if addition.start_on < today:
        raise AdditionInvalid(
            "start_date", f"{addition.start_on} is over where the stakeholder is: it is {today} there"
        )
    if addition.start_on > today + _LATEST_START:
        raise AdditionInvalid("start_date", f"it begins within {_LATEST_START.days} days")
    return addition.start_on


def _check_step(step_id: int, cadence: CadenceFacts) -> None:
    if all(one.id != step_id for one in cadence.steps):
        steps = ", ".join(f"{one.id} ({one.name or one.type})" for one in cadence.steps) or "none"
        raise AdditionInvalid(
            "start_step_id", f"{step_id} is no step of the cadence that is switched on; those are {steps}"
        )


def _sender(
    user_id: int | None, customer: CustomerSnapshot | None, organization: OrganizationFacts
) -> SenderFacts | None:
    if user_id is not None:
        return organization.senders.get(user_id)
    return owner_as_sender(customer, organization) if customer is not None else None


def _verdict(gate: Gate, reason: Reason | None) -> GateVerdict:
    return GateVerdict(
        gate=gate, reason=reason, says=REFUSAL_WORDS[reason] if reason is not None else _LETS_THROUGH[gate]
    )


_LETS_THROUGH: dict[Gate, str] = {
    Gate.DIRECTORY: "The stakeholder belongs to the customer.",
    Gate.ADDRESS: "There is an address to write to.",
    Gate.CONSENT: "Neither the directory nor Salesloft's record has a restriction.",
    Gate.SUPPRESSION: "They are not on your organization's list of those who are never contacted.",
    Gate.STOPS: "Nothing is stopped that this is part of, and no risk of the customer holds it back.",
    Gate.PLACE: "They are not on this cadence, nor asked for.",
    Gate.EXCLUSIVITY: "Nothing runs that must not run beside it.",
    Gate.CONNECTION: "Salesloft is connected.",
    Gate.CADENCE: "People can be added to the cadence.",
    Gate.SENDER: "The sender may run the cadence.",
}
NOT_ASKED_YET = (
    "Nothing known is against it. Salesloft has no record of the person yet: it is asked right before they are added,"
    " and nobody is added whom it restricts."
)


def _consent(facts: AdditionFacts) -> GateVerdict:
    refusal = known_refusal(facts.stakeholder, facts.person)
    if refusal is None and facts.person is None:
        return GateVerdict(gate=Gate.CONSENT, reason=None, says=NOT_ASKED_YET)
    return _verdict(Gate.CONSENT, refusal)


def _hold(addition: Addition, facts: AdditionFacts, organization: OrganizationFacts, now: datetime) -> Reason | None:
    """Somebody has stopped what it is part of, or it is less urgent than a risk of the customer that is open."""
    if _is_stopped(addition, facts, organization.stops, now):
        return Reason.STOPPED
    is_at_risk = facts.at_risk_until is not None and facts.at_risk_until > now
    return Reason.PREEMPTED if is_at_risk and is_for_upsell(addition.cadence_id, organization.mappings) else None


def _is_stopped(addition: Addition, facts: AdditionFacts, stops: Sequence[Stop], now: datetime) -> bool:
    return any(one.lasts(now) and _concerns(one, addition, facts.customer) for one in stops)


def _concerns(stop: Stop, addition: Addition, customer: CustomerSnapshot | None) -> bool:
    if stop.scope is StopScope.CADENCE:
        return stop.subject == str(addition.cadence_id)
    # A stop of a mapping says nothing of what a person asks for.
    return stop.scope is not StopScope.MAPPING and stop.is_of_customer(customer.id if customer is not None else "")


def _place_refusal(facts: AdditionFacts) -> Reason | None:
    if facts.is_on_cadence:
        return Reason.ALREADY_ENROLLED
    return Reason.ALREADY_REQUESTED if facts.is_asked_for else None


def _exclusivity_refusal(addition: Addition, facts: AdditionFacts, book: MappingBook) -> Reason | None:
    group = group_of(addition.cadence_id, book)
    kept_apart = policy_of(group, book).exclusive_by
    busy = group in facts.busy_groups or (kept_apart == "email" and group in facts.address_groups)
    return Reason.EXCLUSIVE_CADENCE_ACTIVE if kept_apart is not None and busy else None


def _sender_verdict(sender: SenderFacts | None, cadence: CadenceFacts | None) -> GateVerdict:
    if sender is None:
        return _verdict(Gate.SENDER, Reason.OWNER_UNAVAILABLE)
    if cadence is not None and not may_send(sender.user_id, cadence):
        says = "The cadence is personal: only its owner can send."
        return GateVerdict(gate=Gate.SENDER, reason=Reason.CADENCE_UNAVAILABLE, says=says)
    return _verdict(Gate.SENDER, None)

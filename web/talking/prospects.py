"""What would come of something that was asked for, in words: why it cannot be done, or what to know before a yes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from enrollment.additions import NOT_ASKED_YET, REFUSAL_WORDS, GateVerdict
from schemas.vocabulary import Reason
from web.chat.book import Directory
from web.chat.intents import Action
from web.chat.planning import DONE, narrowed
from web.chat.plans import ChangePlan, Target
from web.chat.wording import listed, spoken_day
from web.reason_words import because

__all__ = ["Against", "Prospect", "against", "foreseen", "why_not"]

_WOULD_CHANGE_IT: Final[Mapping[Reason, str]] = {
    Reason.ERASED: "Nothing can change that.",
    Reason.STAKEHOLDER_LEFT: "Only the directory can say that they are back.",
    Reason.UNKNOWN_CUSTOMER: "Ask again once the directory has told of the customer.",
    Reason.NO_EMAIL: "Add one in the directory, and ask again.",
    Reason.INVALID_EMAIL: "Correct it in the directory, and ask again.",
    Reason.OPTED_OUT: "Only they can allow it again.",
    Reason.DO_NOT_CONTACT: "Only a user of Salesloft can lift that, there.",
    Reason.CONTACT_RESTRICTED: "Only a user of Salesloft can lift that, there.",
    Reason.BOUNCED: "Correct the address in the directory, and ask again.",
    Reason.SUPPRESSED: "A manager or an admin can take them off that list.",
    Reason.STOPPED: "A manager or an admin can start it again.",
    Reason.ALREADY_REQUESTED: "See what waits for approval, or withdraw that first.",
    Reason.ALREADY_ENROLLED: "There is nothing left to be asked for.",
    Reason.EXCLUSIVE_CADENCE_ACTIVE: "Ask again once they are off that one.",
    Reason.NOT_CONNECTED: "An admin can connect it.",
    Reason.CADENCE_UNAVAILABLE: "Name another cadence, or have it mended in Salesloft.",
}
_HELD: Final[Mapping[Reason, str]] = {
    Reason.STOPPED: "something is stopped that this is part of",
    Reason.PREEMPTED: "the customer is at risk, which goes first",
    Reason.REQUESTED_BY_PERSON: "a pause is in force",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """Something that speaks against it; `remedy` says what would change that, where anything is known to."""

    reason: Reason | None
    says: str
    remedy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What would come of it for one target: `refusals`, or else the `request` to an approver or what holds it then.

    `churned_at` is when the customer churned of whoever would be added: no refusal, and something to know.
    """

    target: Target
    refusals: tuple[Against, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    gates: tuple[GateVerdict, ...] = ()
    held_by: Reason | None = None
    churned_at: datetime | None = None


def against(reason: Reason | None, says: str | None = None) -> Against:
    """A refusal by its reason, where it has one, in its own words or those that people are told of the reason."""
    told = says or (REFUSAL_WORDS.get(reason, because(reason.value)) if reason is not None else "")
    sentence = f"{told[:1].upper()}{told[1:]}".rstrip(".") + "."
    return Against(reason=reason, says=sentence, remedy=_WOULD_CHANGE_IT.get(reason) if reason is not None else None)


def why_not(plan: ChangePlan, prospects: Sequence[Prospect]) -> str:
    """For whom it cannot be done, why, and what would change that; a line for each."""
    return "\n".join(_why_not(plan, one) for one in prospects if one.refusals)


def foreseen(
    plan: ChangePlan, prospects: Sequence[Prospect], directory: Directory, zone: ZoneInfo
) -> ChangePlan | None:
    """The plan for those for whom it can be done, which says what there is to know; None where there is nobody."""
    fitting = [one for one in prospects if not one.refusals]
    if not fitting:
        return None
    known = _of_additions(plan, fitting, zone) if plan.action is Action.ADD else _of_holds(plan, fitting)
    return narrowed(plan, [one.target for one in fitting], known, directory)


def _why_not(plan: ChangePlan, prospect: Prospect) -> str:
    target = prospect.target
    where = "to" if plan.action is Action.ADD else "in"
    told = [f"{target.name} ({target.customer}) cannot be {DONE[plan.action]} {where} {target.cadence}."]
    for one in prospect.refusals:
        told += [one.says] if one.remedy is None else [one.says, one.remedy]
    return " ".join(told)


def _of_additions(plan: ChangePlan, fitting: Sequence[Prospect], zone: ZoneInfo) -> list[str]:
    actions = [one.request["action"] for one in fitting]
    churned = {one.target.customer: one.churned_at for one in fitting if one.churned_at is not None}
    told = [
        f"{customer} churned on {spoken_day(at.astimezone(zone).date())}: whoever approves it is told so."
        for customer, at in churned.items()
    ]
    if plan.start is None:
        steps = {action["start_step"]["name"] for action in actions} if plan.step is None else set()
        first = f', with "{steps.pop()}"' if len(steps) == 1 and None not in steps else ""
        told.append(f"It begins as soon as it is approved{first}.")
    if plan.sender_user_id is None:
        senders: dict[str, list[str]] = {}
        for one, action in zip(fitting, actions, strict=True):
            sender = action["sender"]
            senders.setdefault(sender["name"] or sender["email"] or str(sender["user_id"]), []).append(one.target.name)
        each = [
            f"{sender} sends" + (f" to {listed(whom)}" if len(senders) > 1 else "") for sender, whom in senders.items()
        ]
        told.append(f"{listed(each)}.")
    expires_at = min(datetime.fromisoformat(one.request["expires_at"]) for one in fitting)
    told.append(f"It can be approved until {spoken_day(expires_at.astimezone(zone).date())}.")
    unknown = [one.target.name for one in fitting if any(gate.says == NOT_ASKED_YET for gate in one.gates)]
    if unknown:
        told.append(
            f"Salesloft has no record of {listed(unknown)} yet: it is asked right before they are added, and nobody is"
            " added whom it restricts."
        )
    return told


def _of_holds(plan: ChangePlan, fitting: Sequence[Prospect]) -> list[str]:
    """What keeps whom off the cadence. A pause is no news to who asks for one, and whoever is removed stays off."""
    if plan.action is Action.REMOVE:
        return []
    held: dict[Reason, list[str]] = {}
    for one in fitting:
        is_asked_for = plan.action is Action.PAUSE and one.held_by is Reason.REQUESTED_BY_PERSON
        if one.held_by is not None and not is_asked_for:
            held.setdefault(one.held_by, []).append(one.target.name)
    return [
        f"For now {listed(names)} stays off the cadence: {_HELD.get(reason, reason.value.replace('_', ' '))}."
        for reason, names in held.items()
    ]

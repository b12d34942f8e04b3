"""What can be done to a person on a cadence, how it is really done, and what of it is possible now.

Salesloft knows adding to a cadence and removing from it, and nothing between. Whatever is told to people of the rest is
told in these words, on every surface; what somebody may do next is a function of where the enrollment stands.
"""

from dataclasses import dataclass
from enum import StrEnum

from enrollment.states import CALL_OPEN, FINAL, PENDING
from schemas.vocabulary import EnrollmentState

__all__ = [
    "CAPABILITIES",
    "CadenceAction",
    "Capability",
    "Standing",
    "Support",
    "available_actions",
    "can_be_retried",
    "capability_of",
]


class Support(StrEnum):
    """How far an action is Salesloft's own."""

    NATIVE = "native"  # Salesloft does it
    EMULATED = "emulated"  # Salesloft does not: this service does it by what Salesloft does
    UNSUPPORTED = "unsupported"  # nobody can do it but a person in Salesloft


class CadenceAction(StrEnum):
    """What people want of somebody and a cadence."""

    ADD = "add"
    START_LATER = "start_later"
    WITHDRAW = "withdraw"
    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    RESTART = "restart"
    CHANGE_SENDER = "change_sender"
    REMOVE = "remove"
    CUSTOM_FIELDS = "custom_fields"
    MOVE_DUE_DATE = "move_due_date"
    EDIT_STEPS = "edit_steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """`does` says what will really be done; `adds_back` that the person is added to the cadence again on the way.

    What adds somebody back wants a confirmation of whoever asks, and passes the consent gate before.
    """

    action: CadenceAction
    support: Support
    does: str
    adds_back: bool = False


CAPABILITIES: tuple[Capability, ...] = (
    Capability(
        action=CadenceAction.ADD,
        support=Support.NATIVE,
        does="Asks for approval. Once somebody else has approved it, the person is added to the cadence at the step and"
        " in the name that were approved.",
    ),
    Capability(
        action=CadenceAction.START_LATER,
        support=Support.EMULATED,
        does="Salesloft has no start date: the person is added on that day and not before.",
    ),
    Capability(
        action=CadenceAction.WITHDRAW,
        support=Support.NATIVE,
        does="What is only asked for, or waits for its time, is taken back. The person never comes onto the cadence.",
    ),
    Capability(
        action=CadenceAction.PAUSE,
        support=Support.EMULATED,
        does="Salesloft has no pause: the step is kept and the person is removed from the cadence, which is how"
        " Salesloft shows it. Until the pause ends nothing is sent.",
    ),
    Capability(
        action=CadenceAction.RESUME,
        support=Support.EMULATED,
        does="The person is added to the cadence again at the step that was kept, if they may still be contacted."
        " In Salesloft that step begins anew, and the stay counts as a new one.",
        adds_back=True,
    ),
    Capability(
        action=CadenceAction.SKIP,
        support=Support.EMULATED,
        does="The person is removed from the cadence and added again at the next step, if they may still be contacted."
        " The step that is skipped stays undone.",
        adds_back=True,
    ),
    Capability(
        action=CadenceAction.RESTART,
        support=Support.EMULATED,
        does="The person is removed from the cadence and added again at the step that is named, if they may still be"
        " contacted. What was sent before may be sent again.",
        adds_back=True,
    ),
    Capability(
        action=CadenceAction.CHANGE_SENDER,
        support=Support.EMULATED,
        does="The person is removed from the cadence and added again at the same step in the name of another user, if"
        " they may still be contacted. What was sent before stays in the first user's name.",
        adds_back=True,
    ),
    Capability(
        action=CadenceAction.REMOVE,
        support=Support.NATIVE,
        does="The person is removed from the cadence for good. To come back they have to be asked for again.",
    ),
    Capability(
        action=CadenceAction.CUSTOM_FIELDS,
        support=Support.NATIVE,
        does="The person's custom fields, which the templates of steps may use, are written when the person is added."
        " They belong to the person and are the same on every cadence.",
    ),
    Capability(
        action=CadenceAction.MOVE_DUE_DATE,
        support=Support.UNSUPPORTED,
        does="The day on which a step is due cannot be changed from here. A pause puts off all that follows; in"
        " Salesloft the due date of a step can be changed.",
    ),
    Capability(
        action=CadenceAction.EDIT_STEPS,
        support=Support.UNSUPPORTED,
        does="A cadence's steps and templates are changed in Salesloft, and for everybody on it. For one person there"
        " are the step to begin at, the sender, and the custom fields that templates use.",
    ),
)
"""Every action, each once, in the order in which people meet them."""

_BY_ACTION = {capability.action: capability for capability in CAPABILITIES}


def capability_of(action: CadenceAction) -> Capability:
    """How an action is done."""
    return _BY_ACTION[action]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where somebody stands with a cadence.

    `state` is None of a stay that was made in Salesloft and belongs to no enrollment. `is_coming_back` is set while a
    call may be adding a paused person at this moment, `is_paused_by_person` while somebody's pause is in force, whether
    it was carried out yet or not, `has_failed` while Salesloft refuses, or fails to do, what was asked.
    """

    state: EnrollmentState | None
    is_coming_back: bool = False
    is_paused_by_person: bool = False
    has_failed: bool = False


def available_actions(standing: Standing) -> tuple[CadenceAction, ...]:
    """What can be asked now; all of it is asked again when it is done, so an answer may be overtaken.

    Of a stay that was made in Salesloft nothing: it was never approved here, so nobody is added back, and who put the
    person there decides on their removal.
    """
    state = standing.state
    if state is None or state in FINAL:
        return ()
    if state in PENDING | CALL_OPEN:
        return (CadenceAction.WITHDRAW,)
    if state is EnrollmentState.PAUSED and standing.is_coming_back:
        return (CadenceAction.REMOVE,)
    first = (CadenceAction.RESUME,) if standing.is_paused_by_person else (CadenceAction.PAUSE,)
    return (*first, *_MOVES, CadenceAction.REMOVE)


def can_be_retried(standing: Standing) -> bool:
    """Whether it is worth asking that what failed is tried again."""
    return standing.state is EnrollmentState.FAILED or (standing.has_failed and standing.state in _STAYS)


_STAYS = frozenset({EnrollmentState.ENROLLED, EnrollmentState.PAUSED})
_MOVES = (CadenceAction.SKIP, CadenceAction.RESTART, CadenceAction.CHANGE_SENDER)

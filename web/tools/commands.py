"""What can be asked by a tool, in types: each tool's arguments, and what they mean in the chat's own terms.

A slot is what it says and nothing else: a name that reads like a command is looked for as a name.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from web.chat.intents import Action, Change, Mention, Read, Step, Topic, When

__all__ = ["COMMANDS", "Answering", "Asking", "Choosing", "Command", "Confirming"]

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Token = Annotated[str, Field(max_length=200_000, description="The token that the answer before came with.")]
Person = Annotated[Said, Field(description="Who: a name or an e-mail address, as somebody says it.")]
Account = Annotated[Said, Field(description="The account, where the name alone could be several people's.")]
Cadence = Annotated[
    Said, Field(description='A cadence\'s name, or its purpose: "renewal", "welcome", "save", "upsell".')
]
Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    Field(description="Why: kept with what is done, and shown to the approver."),
]


class Asking(BaseModel, ABC):
    """What a tool is asked with. Days are those of the `time_zone`, which a plan keeps until it is confirmed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    time_zone: Annotated[str, Field(max_length=100, description="IANA name, as Europe/Berlin; else UTC.")] | None = None

    @abstractmethod
    def intent(self) -> Change | Read:
        """What it means in the chat's terms."""


class _Reading(Asking):
    topic: ClassVar[Topic]

    def intent(self) -> Read:
        return Read(topic=self.topic)


class _Help(_Reading):
    topic = Topic.HELP


class _Cadences(_Reading):
    topic = Topic.CADENCES
    purpose: Annotated[Said, Field(description='Only those of a purpose, as "renewal".')] | None = None

    def intent(self) -> Read:
        return Read(topic=self.topic, cadence=self.purpose)


class _Members(_Reading):
    topic = Topic.MEMBERS
    cadence: Cadence

    def intent(self) -> Read:
        return Read(topic=self.topic, cadence=self.cadence)


class _Approvals(_Reading):
    topic = Topic.APPROVALS
    account: Annotated[Said, Field(description="Only those of an account.")] | None = None

    def intent(self) -> Read:
        return Read(topic=self.topic, about=_about(None, self.account))


class _About(_Reading):
    """Of one person, or of everybody of an account."""

    stakeholder: Person | None = None
    account: Annotated[Said, Field(description="An account: whose person it is, or else all of its people.")] | None = (
        None
    )
    cadence: Cadence | None = None

    def intent(self) -> Read:
        return Read(topic=self.topic, about=_about(self.stakeholder, self.account), cadence=self.cadence)


class _Which(_About):
    topic = Topic.MEMBERSHIP


class _Explain(_About):
    topic = Topic.EXPLAIN


class _Activity(_About):
    topic = Topic.ACTIVITY
    since: Annotated[date, Field(description="The first day.")] | None = None

    def intent(self) -> Read:
        return super().intent().model_copy(update={"since": self.since})


class _Changing(Asking):
    """A change for one person. Where they are on several cadences and none is said, it is asked which."""

    action: ClassVar[Action]

    stakeholder: Person
    account: Account | None = None
    cadence: (
        Annotated[Said, Field(description='Its name or purpose; "*" for all that they are on. Else their only one.')]
        | None
    ) = None
    note: Note | None = None

    def intent(self) -> Change:
        return Change(
            action=self.action, people=_about(self.stakeholder, self.account), cadence=self.cadence, note=self.note
        )


class _Resume(_Changing):
    action = Action.RESUME


class _Skip(_Changing):
    action = Action.SKIP


class _Remove(_Changing):
    action = Action.REMOVE


class _Pause(_Changing):
    action = Action.PAUSE
    until: Annotated[date, Field(description="The day on which it goes on; else it is resumed by hand.")] | None = None

    def intent(self) -> Change:
        return super().intent().model_copy(update={"until": _when(self.until)})


class _Restart(_Changing):
    action = Action.RESTART
    step: Annotated[int, Field(ge=1, le=1000, description="The step that it goes on at, counted from 1.")]

    def intent(self) -> Change:
        return super().intent().model_copy(update={"step": Step(number=self.step)})


class _Sender(_Changing):
    action = Action.SENDER
    sender: Annotated[Said, Field(description='Who is to send: a name, an e-mail address, or "me".')]

    def intent(self) -> Change:
        return super().intent().model_copy(update={"sender": self.sender})


class _Add(Asking):
    stakeholder: Person
    cadence: Cadence
    account: Account | None = None
    start: Annotated[date, Field(description="The first day; else as soon as it is approved.")] | None = None
    step: Annotated[int, Field(ge=1, le=1000, description="The step it begins at, counted from 1; else the first.")] = 1
    sender: Annotated[Said, Field(description='Who sends: a name, an e-mail address, or "me".')] | None = None
    note: Note | None = None

    def intent(self) -> Change:
        return Change(
            action=Action.ADD,
            people=_about(self.stakeholder, self.account),
            cadence=self.cadence,
            start=_when(self.start),
            step=None if self.step == 1 else Step(number=self.step),
            sender=self.sender,
            note=self.note,
        )


class Answering(BaseModel):
    """What goes on with what was answered before."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: Token


class Choosing(Answering):
    """One of the choices of a question."""

    choice: Annotated[int, Field(ge=1, le=1000, description="The choice's number, counted from 1.")]


class Confirming(Answering):
    """A plan that was shown is to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A tool. Only the one that `does` something changes anything: the others show what would be done."""

    title: str
    told: str
    asked: type[Asking] | type[Answering]
    does: bool = False


_SHOWN: Final = "Only shows what would be done; `confirm` does it."

COMMANDS: Final[Mapping[str, Command]] = {
    "which_cadence": Command(
        title="Which cadence",
        told="In which cadences somebody is, or everybody of an account, and at which step.",
        asked=_Which,
    ),
    "who_is_in_cadence": Command(title="Who is in a cadence", told="Who is in a cadence.", asked=_Members),
    "show_activity": Command(
        title="Show activity",
        told="What was sent to somebody, or to an account's people, and what they did with it.",
        asked=_Activity,
    ),
    "explain": Command(
        title="Explain",
        told="Why somebody was or was not asked for, and which one change would have turned it.",
        asked=_Explain,
    ),
    "pending_approvals": Command(title="What waits", told="What waits for approval, until when.", asked=_Approvals),
    "list_cadences": Command(title="List cadences", told="The team's cadences.", asked=_Cadences),
    "add_to_cadence": Command(
        title="Add to a cadence",
        told=f"Ask for somebody to be added to a cadence, by an approver. {_SHOWN}",
        asked=_Add,
    ),
    "pause": Command(title="Pause", told=f"Pause somebody in their cadence. {_SHOWN}", asked=_Pause),
    "resume": Command(title="Resume", told=f"Let somebody who is paused go on. {_SHOWN}", asked=_Resume),
    "skip": Command(title="Skip a step", told=f"Pass over somebody's next step. {_SHOWN}", asked=_Skip),
    "restart": Command(title="Go on elsewhere", told=f"Have somebody go on at another step. {_SHOWN}", asked=_Restart),
    "change_sender": Command(title="Change the sender", told=f"Have somebody else send. {_SHOWN}", asked=_Sender),
    "remove": Command(title="Remove", told=f"Take somebody off their cadence. {_SHOWN}", asked=_Remove),
    "choose": Command(
        title="Choose",
        told="Answer a question by one of its choices, which are the user's to make: never guess.",
        asked=Choosing,
    ),
    "confirm": Command(
        title="Confirm",
        told="Do what was shown, once the user has said yes to it. Twice with one token is done once.",
        asked=Confirming,
        does=True,
    ),
    "help": Command(title="Help", told="What can be asked.", asked=_Help),
}


def _about(stakeholder: str | None, account: str | None) -> tuple[Mention, ...]:
    if stakeholder is not None:
        return (Mention(text=stakeholder, at=account),)
    return () if account is None else (Mention(at=account, everyone=True),)


def _when(day: date | None) -> When | None:
    return None if day is None else When(text=day.isoformat(), days=(day,))

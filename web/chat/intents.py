"""What an utterance asks for, in types: one class for each thing that can be asked, its slots as they were typed.

Nothing here says whom a slot means: that is `entities`' to find.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "EVERY_CADENCE",
    "Action",
    "Asked",
    "Change",
    "Either",
    "Intent",
    "Mention",
    "NotUnderstood",
    "Read",
    "Step",
    "Topic",
    "When",
    "Why",
]

EVERY_CADENCE = "*"
"""In a cadence's slot: all that the person is on."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mention(_Value):
    """Somebody or some account, as typed; `at` is the account that was said with it.

    `everyone` of an account; then `text` is empty. `refers` to what was spoken of before ("her", "this account").
    """

    text: str = ""
    at: str | None = None
    everyone: bool = False
    refers: bool = False


class When(_Value):
    """A day as typed and the days that it may mean: none where it could not be read, several where it is ambiguous."""

    text: str
    days: tuple[date, ...] = ()


class Step(_Value):
    """A step of a cadence by its number, counted from 1, or by what it is called."""

    number: int | None = None
    text: str = ""


class Action(StrEnum):
    """What can be changed."""

    ADD = "add"
    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    REMOVE = "remove"
    RESTART = "restart"
    SENDER = "sender"


class Topic(StrEnum):
    """What can be read."""

    MEMBERSHIP = "membership"  # in which cadences somebody is, since when, at which step
    MEMBERS = "members"  # who is in a cadence
    ACTIVITY = "activity"
    EXPLAIN = "explain"
    APPROVALS = "approvals"
    CADENCES = "cadences"
    HELP = "help"


class Change(_Value):
    """Something that is to be done, once it is confirmed. `cadence` is as typed, EVERY_CADENCE, or None: not said.

    `until` ends a pause, `start` is an add's first day, `sender` is as typed. `read_as` are misspelt command words with
    what they were taken for.
    """

    kind: Literal["change"] = "change"
    action: Action
    people: tuple[Mention, ...]
    cadence: str | None = None
    until: When | None = None
    start: When | None = None
    step: Step | None = None
    sender: str | None = None
    note: str | None = None
    read_as: tuple[tuple[str, str], ...] = ()


class Read(_Value):
    """Something that is to be told. `about` are people or accounts: which, only their names tell."""

    kind: Literal["read"] = "read"
    topic: Topic
    about: tuple[Mention, ...] = ()
    cadence: str | None = None
    since: date | None = None
    word: str | None = None  # what exactly was asked for, such as "reply" or "paused"


class Either(_Value):
    """What was said could be one of several, or was several at once: somebody chooses. At least two."""

    kind: Literal["either"] = "either"
    why: str
    choices: tuple["Change | Read", ...] = Field(min_length=2)


class Why(StrEnum):
    """Why an utterance is no intent."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    NEGATED = "negated"  # it says what not to do
    CONDITION = "condition"  # it depends on something, or leaves something out
    LATER = "later"  # a day for what is done at once
    SEVERAL = "several"  # more than one command, of which not all are understood
    UNKNOWN = "unknown"


class NotUnderstood(_Value):
    """Nothing is done and nothing is told but how it could be said."""

    kind: Literal["not_understood"] = "not_understood"
    why: Why
    near: tuple[str, ...] = ()


Intent = Annotated[Change | Read | Either | NotUnderstood, Field(discriminator="kind")]
Asked = Change | Read

"""What an utterance comes to: a plan, a question back, or something said. All of it can be stored and sent.

A plan that changes something is bound by a digest over everything that would be done, for whom it was asked and until
when it may be confirmed. It is not a seal: whoever keeps a conversation where its owner can write to it has what is
confirmed checked again by the path that carries it out, as with any call of the API.
"""

import hashlib
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from web.chat.intents import Action, Change, Read, Topic

__all__ = [
    "Asking",
    "ChangePlan",
    "Choice",
    "Confirmed",
    "Confirming",
    "Conversation",
    "Outcome",
    "Question",
    "ReadPlan",
    "Settled",
    "Spoken",
    "Subject",
    "Target",
    "Told",
    "Turn",
    "Wanted",
]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(_Value):
    """One person on one cadence. `enrollment_id` is None for an add, `step_id` is where it begins or goes on."""

    stakeholder_id: str
    name: str
    customer_id: str
    customer: str
    cadence_id: int
    cadence: str
    enrollment_id: str | None = None
    step_id: int | None = None


class ChangePlan(_Value):
    """Something that is done once it is confirmed; `note` is the reason that is kept with it.

    `until` is the day on which a pause ends, `start` an add's first day, by the caller's calendar; `step` is the step
    that was said, counted from 1.
    """

    kind: Literal["change"] = "change"
    organization_id: str
    user_id: str
    action: Action
    targets: tuple[Target, ...] = Field(min_length=1)
    until: date | None = None
    start: date | None = None
    step: int | None = None
    sender_user_id: int | None = None
    note: str
    confirmation: str
    expires_at: datetime
    digest: str = ""

    def sealed(self) -> "ChangePlan":
        """With its digest."""
        return self.model_copy(update={"digest": self.expected_digest()})

    def expected_digest(self) -> str:
        """The digest that belongs to what the plan says."""
        told = self.model_dump_json(exclude={"digest"})
        return f"sha256:{hashlib.sha256(told.encode()).hexdigest()}"


class ReadPlan(_Value):
    """Something that is read and told, with how fresh it is. `purpose` is set where a cadence is named by it.

    `as_of` is until when Salesloft was read for the answer: None where it never was, or where it is our own record.
    """

    kind: Literal["read"] = "read"
    topic: Topic
    stakeholder_ids: tuple[str, ...] = ()
    customer_ids: tuple[str, ...] = ()
    cadence_ids: tuple[int, ...] = ()
    purpose: str | None = None
    since: date | None = None
    word: str | None = None
    as_of: datetime | None = None


class Settled(_Value):
    """What questions have settled of an intent: people by their place in it, and the other slots."""

    people: dict[int, str] = {}
    accounts: dict[int, str] = {}
    whole_accounts: dict[int, str] = {}
    cadences: dict[str, int] = {}  # by the person's id, or "*" for all
    enrollments: dict[str, tuple[str, ...]] = {}  # by the person's id
    sender: int | None = None
    until: date | None = None
    start: date | None = None


class Choice(_Value):
    """One answer to a question: what is shown, and what the intent is then."""

    label: str
    intent: Change | Read
    settled: Settled = Settled()


class Question(_Value):
    """Somebody has to choose, or to say what is missing: then `asks` names the slot, and `choices` may be empty."""

    kind: Literal["question"] = "question"
    text: str
    choices: tuple[Choice, ...] = ()
    asks: Literal["people", "account", "cadence", "until", "start", "sender", "step"] | None = None


class Told(_Value):
    """Nothing is done or read. `near` are utterances that would be understood."""

    kind: Literal["told"] = "told"
    text: str
    near: tuple[str, ...] = ()


class Wanted(_Value):
    """The enrollments of these people are needed first: ask the same again with them at hand."""

    kind: Literal["wanted"] = "wanted"
    stakeholder_ids: tuple[str, ...]


class Confirmed(_Value):
    """The plan that was shown is to be carried out now."""

    kind: Literal["confirmed"] = "confirmed"
    plan: ChangePlan


Outcome = ChangePlan | ReadPlan | Question | Told | Wanted | Confirmed


class Subject(_Value):
    """Somebody, or some account, that was spoken of."""

    id: str
    name: str


class Confirming(_Value):
    """A plan was shown, and nothing is done before somebody says yes."""

    kind: Literal["confirming"] = "confirming"
    plan: ChangePlan


class Asking(_Value):
    """A question was asked about an intent; `said` is what began it, which is the reason of what comes of it."""

    kind: Literal["asking"] = "asking"
    question: Question
    intent: Change | Read | None = None
    settled: Settled = Settled()
    said: str = ""
    expires_at: datetime


class Spoken(_Value):
    """What was asked for, with what questions have settled of it, and in which words."""

    intent: Change | Read
    settled: Settled = Settled()
    said: str


class Conversation(_Value):
    """What is remembered from one utterance to the next; the `time_zone` is the one that days were last said in.

    `people` and `customer` were spoken of, or came on the screen since: `screen` is the id of what is on it. `spoken`
    is what was asked for last.
    """

    time_zone: str | None = None
    screen: str | None = None
    spoken: Spoken | None = None
    people: tuple[Subject, ...] = ()
    customer: Subject | None = None
    pending: Annotated[Confirming | Asking, Field(discriminator="kind")] | None = None


class Turn(_Value):
    """What an utterance came to, and the conversation as it is then."""

    outcome: Annotated[Outcome, Field(discriminator="kind")]
    conversation: Conversation

"""What is said in the chat, and what is answered."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from web.chat.plans import ChangePlan, ReadPlan

__all__ = ["Answered", "Done", "Kind", "Said"]

Kind = Literal["change", "read", "question", "told", "done"]


class Said(BaseModel):
    """What somebody says. `conversation` is what the answer before came with, so that "yes" and "her" mean something.

    `confirm` is the digest of a plan that was shown, for programs that have a button where people say yes. Days are
    those of the `time_zone`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Add Ann Lee to the renewal cadence", "time_zone": "Europe/Berlin"}]},
    )

    text: Annotated[str, Field(max_length=20_000)] = ""
    conversation: Annotated[str, Field(max_length=200_000)] | None = None
    confirm: Annotated[str, Field(max_length=200)] | None = None
    time_zone: Annotated[str, Field(max_length=100)] | None = None


class Done(BaseModel):
    """What came of a confirmed plan for one person: the enrollment it is about, or why nothing was done."""

    stakeholder_id: str
    name: str
    cadence: str
    enrollment_id: UUID | None
    refusal: str | None


class Answered(BaseModel):
    """The answer in words, and as what it is.

    `plan` of kind `change` is done when somebody says yes, or sends its digest as `confirm`, within its time; `choices`
    are the answers to a question, by their number; `near` are things that would be understood.
    """

    kind: Kind
    text: str
    plan: ChangePlan | ReadPlan | None = None
    choices: list[str] = []
    near: list[str] = []
    done: list[Done] = []
    conversation: str

"""What is said in the chat, and what is answered."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.vocabulary import Reason
from web.chat.plans import ChangePlan, ReadPlan

__all__ = ["Answered", "Done", "Kind", "Prevented", "Refused", "Said"]

Kind = Literal["change", "read", "question", "told", "done"]


class Said(BaseModel):
    """What somebody says. `conversation` is what the answer before came with, so that "yes" and "her" mean something.

    `confirm` is the digest of a plan that was shown, for programs that have a button where people say yes. Days are
    those of the `time_zone`. `stakeholder_id` or `customer_id` is who the speaker has on the screen, and means by "her"
    or "this account" where nobody was named since it came there.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Add Ann Lee to the renewal cadence", "time_zone": "Europe/Berlin"}]},
    )

    text: Annotated[str, Field(max_length=20_000)] = ""
    conversation: Annotated[str, Field(max_length=200_000)] | None = None
    confirm: Annotated[str, Field(max_length=200)] | None = None
    time_zone: Annotated[str, Field(max_length=100)] | None = None
    stakeholder_id: Annotated[str, Field(max_length=200)] | None = None
    customer_id: Annotated[str, Field(max_length=200)] | None = None


class Done(BaseModel):
    """What came of a confirmed plan for one person: the enrollment it is about, or why nothing was done."""

    stakeholder_id: str
    name: str
    cadence: str
    enrollment_id: UUID | None
    refusal: str | None


class Refused(BaseModel):
    """Something that speaks against it; `remedy` is what would change that, null where nothing is known to."""

    reason_code: Reason | None
    says: str
    remedy: str | None


class Prevented(BaseModel):
    """Somebody for whom it cannot be done as things stand, which is said before anybody is asked for a yes."""

    stakeholder_id: str
    name: str
    cadence: str
    refusals: list[Refused]


class Answered(BaseModel):
    """The answer in words, and as what it is.

    `plan` of kind `change` is done when somebody says yes, or sends its digest as `confirm`, within its time; `choices`
    are the answers to a question, by their number; `near` are things that would be understood. `prevented` are those of
    whom it was asked and for whom it cannot be done: they are in no plan.
    """

    kind: Kind
    text: str
    plan: ChangePlan | ReadPlan | None = None
    choices: list[str] = []
    near: list[str] = []
    done: list[Done] = []
    prevented: list[Prevented] = []
    conversation: str

"""All that has happened to a stakeholder or a customer, from every table that knows of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from storage.pool import Connection
from storage.queries import queries
from storage.questions import Question

__all__ = ["Happened", "HappenedKind", "Place", "before", "read"]


class HappenedKind(StrEnum):
    """What kind of thing has happened."""

    TRIGGER = "trigger"  # an event, or a person, had somebody asked for
    DECISION = "decision"  # an approver's, also one that was ignored
    ASKED = "asked"  # what a person asked of an enrollment
    STATE = "state"  # the enrollment changed
    ATTEMPT = "attempt"  # work at Salesloft, done or still to do
    STAY = "stay"  # the person was added to a cadence
    ACTIVITY = "activity"  # what was sent to the person, and what the person did


class Place(NamedTuple):
    """Where a thing stands in a line of time: things of one instant have their order, too."""

    at: datetime
    place: int
    ordinal: int
    source: str


@dataclass(slots=True)
class Happened:
    """One thing: `what` in the field's own word, `who` is a platform user, `why` a reason code or a person's words.

    `enrollment_id` is None of what belongs to no enrollment of ours. `at` is by business time; of activity whose
    instant Salesloft does not tell it is the latest that it can have been. `step` is the place of a step of the
    cadence, counted from 1, and a sender a user of Salesloft's; names are as they are now, and None of what is not
    there any more. `kind` is a HappenedKind, and `detail_json` says what else there is, None for nothing.
    """

    at: datetime
    place: int
    ordinal: int
    source: str
    kind: str
    stakeholder_id: str
    enrollment_id: UUID | None
    what: str
    who: str | None
    why: str | None
    detail_json: str | None
    stakeholder_name: str | None
    cadence_id: int | None
    cadence_name: str | None
    step: int | None
    step_name: str | None
    step_type: str | None
    sender_user_id: int | None
    sender_name: str | None

    @property
    def stands_at(self) -> Place:
        return Place(self.at, self.place, self.ordinal, self.source)

    @property
    def detail(self) -> dict[str, Any]:
        return orjson.loads(self.detail_json) if self.detail_json is not None else {}


async def read(
    connection: Connection,
    organization_id: str,
    *,
    customer_id: str | None = None,
    stakeholder_id: str | None = None,
    limit: int,
) -> list[Happened]:
    """The last things of a customer, of a stakeholder, or of a stakeholder with that customer; oldest first."""
    question = before(organization_id, None, customer_id=customer_id, stakeholder_id=stakeholder_id, limit=limit)
    return (await question.asked_of(connection))[::-1]


def before(
    organization_id: str,
    place: Place | None,
    *,
    customer_id: str | None = None,
    stakeholder_id: str | None = None,
    limit: int,
) -> Question[Happened]:
    """The same of those that stand before a place, where one is given; the newest first."""
    if customer_id is None and stakeholder_id is None:
        raise ValueError("a timeline is of a customer or a stakeholder")
    return Question(
        Happened,
        queries.read_timeline,
        organization_id=organization_id,
        customer_id=customer_id,
        stakeholder_id=stakeholder_id,
        at_most=limit,
        before_at=place.at if place is not None else None,
        before_place=place.place if place is not None else None,
        before_ordinal=place.ordinal if place is not None else None,
        before_source=place.source if place is not None else None,
    )

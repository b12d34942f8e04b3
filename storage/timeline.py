"""All that has happened to a stakeholder or a customer, from every table that knows of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from storage.pool import Connection
from storage.queries import queries

__all__ = ["Happened", "HappenedKind", "Place", "read", "read_before"]


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
    there any more.
    """

    at: datetime
    kind: HappenedKind
    stakeholder_id: str
    enrollment_id: UUID | None
    what: str
    who: str | None
    why: str | None
    detail: dict[str, Any]
    place: Place
    stakeholder_name: str | None
    cadence_id: int | None
    cadence_name: str | None
    step: int | None
    step_name: str | None
    step_type: str | None
    sender_user_id: int | None
    sender_name: str | None


async def read(
    connection: Connection,
    organization_id: str,
    *,
    customer_id: str | None = None,
    stakeholder_id: str | None = None,
    limit: int,
) -> list[Happened]:
    """The last things of a customer, of a stakeholder, or of a stakeholder with that customer; oldest first."""
    return await read_before(
        connection, organization_id, None, customer_id=customer_id, stakeholder_id=stakeholder_id, limit=limit
    )


async def read_before(
    connection: Connection,
    organization_id: str,
    before: Place | None,
    *,
    customer_id: str | None = None,
    stakeholder_id: str | None = None,
    limit: int,
) -> list[Happened]:
    """The same of those that stand before a place."""
    if customer_id is None and stakeholder_id is None:
        raise ValueError("a timeline is of a customer or a stakeholder")
    rows = await queries.read_timeline(
        connection,
        organization_id=organization_id,
        customer_id=customer_id,
        stakeholder_id=stakeholder_id,
        at_most=limit,
        before_at=before.at if before is not None else None,
        before_place=before.place if before is not None else None,
        before_ordinal=before.ordinal if before is not None else None,
        before_source=before.source if before is not None else None,
    )
    return [
        Happened(
            at=row["at"],
            kind=HappenedKind(row["kind"]),
            stakeholder_id=row["stakeholder_id"],
            enrollment_id=row["enrollment_id"],
            what=row["what"],
            who=row["who"],
            why=row["why"],
            detail=orjson.loads(row["detail"]) if row["detail"] is not None else {},
            place=Place(row["at"], row["place"], row["ordinal"], row["source"]),
            stakeholder_name=row["stakeholder_name"],
            cadence_id=row["cadence_id"],
            cadence_name=row["cadence_name"],
            step=row["step"],
            step_name=row["step_name"],
            step_type=row["step_type"],
            sender_user_id=row["sender_user_id"],
            sender_name=row["sender_name"],
        )
        for row in reversed(rows)
    ]

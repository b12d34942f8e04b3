"""All that has happened to a stakeholder or a customer, from every table that knows of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from storage.pool import Connection
from storage.queries import queries

__all__ = ["Happened", "HappenedKind", "read"]


class HappenedKind(StrEnum):
    """What kind of thing has happened."""

    TRIGGER = "trigger"  # an event, or a person, had somebody asked for
    DECISION = "decision"  # an approver's, also one that was ignored
    ASKED = "asked"  # what a person asked of an enrollment
    STATE = "state"  # the enrollment changed
    ATTEMPT = "attempt"  # work at Salesloft, done or still to do
    STAY = "stay"  # the person was added to a cadence
    ACTIVITY = "activity"  # what was sent to the person, and what the person did


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One thing: `what` in the field's own word, `who` is a platform user, `why` a reason code or a person's words.

    `enrollment_id` is None of what belongs to no enrollment of ours. `at` is by business time; of activity whose
    instant Salesloft does not tell it is the latest that it can have been.
    """

    at: datetime
    kind: HappenedKind
    stakeholder_id: str
    enrollment_id: UUID | None
    what: str
    who: str | None
    why: str | None
    detail: dict[str, Any]


async def read(
    connection: Connection,
    organization_id: str,
    *,
    customer_id: str | None = None,
    stakeholder_id: str | None = None,
    limit: int,
) -> list[Happened]:
    """The last things of a customer, of a stakeholder, or of a stakeholder with that customer; oldest first."""
    if customer_id is None and stakeholder_id is None:
        raise ValueError("a timeline is of a customer or a stakeholder")
    rows = await queries.read_timeline(
        connection,
        organization_id=organization_id,
        customer_id=customer_id,
        stakeholder_id=stakeholder_id,
        at_most=limit,
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
        )
        for row in reversed(rows)
    ]

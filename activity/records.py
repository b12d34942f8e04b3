"""The parts of Salesloft's records that activity is read from.

They are built from whatever read them (a poll, a webhook's follow-up, a backfill). Every instant is aware. A counter
that cannot be is refused with ValueError, so that one broken record is owed in the ledger instead of becoming a flood
of events.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

__all__ = ["COUNT_LIMIT", "CallRecord", "EmailRecord", "HistoryRecord", "MembershipRecord"]

COUNT_LIMIT: Final = 100_000
"""More opens than any e-mail to one person has: a counter above it is a defect of its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRecord:
    """An e-mail of ``GET /v2/activities/emails``, its ``recipient`` being the person.

    ``views``, ``clicks`` and ``replies`` are its cumulative ``counts``: occurrences, unlike a person's counts, which
    are of unique e-mails (Salesloft's OpenAPI document).
    """

    id: int
    person_id: int
    cadence_id: int | None
    step_id: int | None
    status: str | None
    created_at: datetime
    sent_at: datetime | None
    updated_at: datetime
    bounced: bool
    views: int
    clicks: int
    replies: int

    def __post_init__(self) -> None:
        _require_aware(self.created_at, self.updated_at, self.sent_at)
        for name in ("views", "clicks", "replies"):
            count = getattr(self, name)
            if not 0 <= count <= COUNT_LIMIT:
                raise ValueError(f"e-mail {self.id} counts {count} {name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A logged call of ``GET /v2/activities/calls``."""

    id: int
    person_id: int
    cadence_id: int | None
    step_id: int | None
    created_at: datetime
    updated_at: datetime

    def __post_init__(self) -> None:
        _require_aware(self.created_at, self.updated_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRecord:
    """An entry of ``GET /v2/activity_histories`` whose resource is a person. Its id is text, such as ``sent_email-72``.

    The last three are what its ``static_data`` says, None where it says nothing.
    """

    id: str
    type: str
    person_id: int
    occurred_at: datetime
    updated_at: datetime
    cadence_id: int | None = None
    step_id: int | None = None
    do_not_contact: bool | None = None

    def __post_init__(self) -> None:
        _require_aware(self.occurred_at, self.updated_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRecord:
    """A record of ``GET /v2/cadence_memberships``: one per person and cadence, used again for each add.

    ``added_at`` moves with each add, ``created_at`` stays that of the first (Salesloft's documentation of
    the resource).
    """

    id: int
    person_id: int
    cadence_id: int
    user_id: int | None
    step_id: int | None
    current_state: str
    currently_on_cadence: bool
    added_at: datetime | None
    created_at: datetime
    updated_at: datetime

    def __post_init__(self) -> None:
        _require_aware(self.added_at, self.created_at, self.updated_at)

    @property
    def run_began_at(self) -> datetime:
        """When the person was last added, which tells one run on the cadence from the next."""
        return self.created_at if self.added_at is None else self.added_at


def _require_aware(*instants: datetime | None) -> None:
    if any(instant is not None and instant.tzinfo is None for instant in instants):
        raise ValueError("an instant needs a time zone")

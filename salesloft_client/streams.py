"""What can be read by ``updated_at``: the path of each stream and the record that it holds."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from salesloft_client.models import Account, ActivityHistory, CadenceMembership, Call, ChangingRecord, Email, Person

__all__ = ["ACCOUNTS", "ACTIVITY_HISTORIES", "CALLS", "EMAILS", "MEMBERSHIPS", "PEOPLE", "Stream"]

R = TypeVar("R", bound=ChangingRecord | ActivityHistory)


@dataclass(frozen=True, slots=True)
class Stream(Generic[R]):
    """A list that filters and sorts by ``updated_at``."""

    path: str
    record: type[R]


MEMBERSHIPS = Stream("/cadence_memberships", CadenceMembership)
EMAILS = Stream("/activities/emails", Email)
CALLS = Stream("/activities/calls", Call)
ACTIVITY_HISTORIES = Stream("/activity_histories", ActivityHistory)
PEOPLE = Stream("/people", Person)
ACCOUNTS = Stream("/accounts", Account)

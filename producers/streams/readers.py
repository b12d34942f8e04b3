"""Each stream's list at Salesloft, and what takes its pages in."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from activity.histories import HISTORY_TYPES
from activity.ledger import Ledger
from salesloft_client import streams
from salesloft_client.cursor import RecordId
from storage.pool import Connection
from storage.sync import SyncStream
from workflows.activity import Reading
from workflows.activity_memberships import apply_memberships, settle_ended_enrollments
from workflows.activity_people import AddressDigests, apply_accounts, apply_people, forget_people, miss_people
from workflows.activity_records import apply_calls, apply_emails, apply_histories

__all__ = ["Apply", "Finish", "Forget", "StreamReader", "readers"]

Apply = Callable[[Connection, Reading, Sequence[Any]], Awaitable[Ledger]]
"""Takes a page in, within the caller's transaction. May run again with the same page after a lost transaction."""

Finish = Callable[[Connection, Reading], Awaitable[None]]
"""What is left to do, within the caller's transaction, once a stream has been read to its end."""


Forget = Callable[[Connection, Reading, Collection[int]], Awaitable[None]]
"""Takes in, within the caller's transaction, that records are no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReader:
    """A stream: its list at Salesloft, narrowed by `where`, and what takes its pages in.

    `finish` is what a cycle ends with. `by_person` is the filter that narrows the list to some people's records, None
    where it is not about what people did. Ids are kept as text, and `id_of` reads one back; `has_ids` says whether the
    list can be narrowed to some. `forget` takes in that records of this stream are gone, where that matters, and `miss`
    that they seem to be, before anybody has read what is to be read before they are forgotten.
    """

    source: streams.Stream[Any]
    apply: Apply
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_person: str | None = None
    id_of: Callable[[str], RecordId] = int
    has_ids: bool = True
    finish: Finish | None = None
    forget: Forget | None = None
    miss: Forget | None = None


def readers(digests: AddressDigests) -> dict[SyncStream, StreamReader]:
    """All streams, in the order in which an organization's cycle reads them."""

    async def take_in_people(connection: Connection, reading: Reading, rows: Sequence[Any]) -> Ledger:
        return await apply_people(connection, reading, rows, digests)

    return {
        SyncStream.PEOPLE: StreamReader(
            source=streams.PEOPLE, apply=take_in_people, forget=forget_people, miss=miss_people
        ),
        SyncStream.ACCOUNTS: StreamReader(source=streams.ACCOUNTS, apply=apply_accounts),
        SyncStream.MEMBERSHIPS: StreamReader(
            source=streams.MEMBERSHIPS,
            apply=apply_memberships,
            by_person="person_id[]",
            finish=settle_ended_enrollments,
        ),
        SyncStream.EMAILS: StreamReader(source=streams.EMAILS, apply=apply_emails, by_person="person_id[]"),
        SyncStream.CALLS: StreamReader(source=streams.CALLS, apply=apply_calls, by_person="person_id[]"),
        SyncStream.HISTORIES: StreamReader(
            source=streams.ACTIVITY_HISTORIES,
            apply=apply_histories,
            where={"type[]": HISTORY_TYPES},
            by_person="resource_id[]",
            id_of=str,
            has_ids=False,
        ),
    }

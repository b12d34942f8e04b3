"""Which Salesloft people are which stakeholders, by their addresses, and for whom records wait to be read once more."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "Backfill",
    "backfills",
    "finish_backfills",
    "forget_strangers",
    "known_people_with",
    "link_by_email",
    "linked_people",
    "note_strangers",
    "strangers_with",
    "unlinked_emails",
]


@dataclass(frozen=True, slots=True)
class Backfill:
    """A link whose person's records have not been read from the start for this stakeholder."""

    stakeholder_id: str
    person_id: int


async def link_by_email(connection: Connection, organization_id: str, people: Mapping[int, str], now: datetime) -> None:
    """Link people, given with their normalised addresses, to the stakeholders who have none yet and the same address.

    Before any activity was read nothing has to be read once more for a link.
    """
    await queries.link_people_by_email(
        connection,
        organization_id=organization_id,
        person_ids=list(people.keys()),
        emails=list(people.values()),
        now=now,
    )


async def linked_people(connection: Connection, organization_id: str, people: Collection[int]) -> set[int]:
    """Those of some people who are a stakeholder that is not erased, nor will be before the commit."""
    rows = await queries.lock_linked_stakeholders(connection, organization_id=organization_id, person_ids=list(people))
    return {row["person_id"] for row in rows}


async def note_strangers(
    connection: Connection, organization_id: str, strangers: Mapping[int, bytes | None], linked: Collection[int]
) -> None:
    """Remember strangers by the digests of their addresses, and forget as strangers those who are `linked`."""
    await queries.note_strangers(
        connection,
        organization_id=organization_id,
        person_ids=list(strangers.keys()),
        digests=list(strangers.values()),
    )
    await forget_strangers(connection, organization_id, linked)


async def forget_strangers(connection: Connection, organization_id: str, people: Collection[int]) -> None:
    """These people are no strangers any more, or Salesloft no longer has them."""
    if people:
        await queries.forget_strangers(connection, organization_id=organization_id, person_ids=list(people))


async def unlinked_emails(connection: Connection, organization_id: str) -> list[str]:
    """The normalised addresses of stakeholders who are linked to nobody."""
    rows = await queries.unlinked_emails(connection, organization_id=organization_id)
    return [row["email"] for row in rows]


async def known_people_with(connection: Connection, organization_id: str, emails: Sequence[str]) -> dict[int, str]:
    """Those with one of these addresses who are kept because they are somebody's already, with the address."""
    rows = await queries.known_people_with(connection, organization_id=organization_id, emails=list(emails))
    return {row["person_id"]: row["email"] for row in rows}


async def strangers_with(
    connection: Connection, organization_id: str, digests: Sequence[bytes], *, limit: int
) -> list[int]:
    """The strangers whose address has one of these digests."""
    rows = await queries.strangers_with(connection, organization_id=organization_id, digests=list(digests), limit=limit)
    return [row["person_id"] for row in rows]


async def backfills(connection: Connection, organization_id: str, *, limit: int) -> list[Backfill]:
    """Links for which records wait to be read from the start, by person."""
    rows = await queries.read_backfills(connection, organization_id=organization_id, limit=limit)
    return [Backfill(row["stakeholder_id"], row["person_id"]) for row in rows]


async def finish_backfills(connection: Connection, organization_id: str, done: Sequence[Backfill]) -> None:
    """These people's records have been read for these stakeholders, unless the link is another one by now."""
    await queries.finish_backfills(
        connection,
        organization_id=organization_id,
        stakeholder_ids=[one.stakeholder_id for one in done],
        person_ids=[one.person_id for one in done],
    )

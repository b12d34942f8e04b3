"""The newest known state of customers and stakeholders, and what Salesloft said of the people they are linked to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from enrollment.consent import PersonRecord
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "CustomerKey",
    "CustomerRow",
    "LinkedPerson",
    "Snapshot",
    "StakeholderKey",
    "StakeholderRow",
    "StakeholderSnapshotRow",
    "apply_customers",
    "apply_stakeholders",
    "count_customers",
    "customers_of_stakeholders",
    "erase_customers",
    "erase_stakeholders",
    "has_opted_out_as_another",
    "hold_known",
    "list_customers",
    "lock_customers",
    "mark_left",
    "note_listed",
    "note_named",
    "read_customers",
    "read_people",
    "read_stakeholders",
    "read_stakeholders_of",
]

CustomerKey = tuple[str, str]
"""Organization and customer."""
StakeholderKey = tuple[str, str]
"""Organization and stakeholder."""


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """A customer's state at an instant, as JSON; `offset` is its place in the directory's topic, -1 elsewhere."""

    key: CustomerKey
    data: str
    as_of: datetime
    offset: int
    from_directory: bool

    @property
    def age(self) -> tuple[datetime, bool, int]:
        """What makes one snapshot newer than another."""
        return (self.as_of, self.from_directory, self.offset)


@dataclass(slots=True, kw_only=True)
class StakeholderSnapshotRow(Snapshot):
    """A stakeholder's state at an instant; `email` is normalised."""

    customer_id: str
    email: str | None


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer as it is known; `data` is None of one that is only referred to, or erased."""

    key: CustomerKey
    data: str | None
    as_of: datetime
    from_directory: bool
    erased: bool

    @property
    def owner_user_id(self) -> str | None:
        """Who looks after the customer; None where nobody does, or nobody knows."""
        owner = orjson.loads(self.data).get("owner") if self.data is not None else None
        found: str | None = owner.get("user_id") if owner is not None else None
        return found


@dataclass(frozen=True, slots=True)
class StakeholderRow:
    """A stakeholder as they are known; `data` is None of the erased."""

    key: StakeholderKey
    customer_id: str
    data: str | None
    as_of: datetime
    from_directory: bool
    left: bool
    erased: bool


@dataclass(slots=True)
class LinkedPerson:
    """Salesloft's record of a stakeholder's person.

    `linked` tells a link of ours from a person that only has the same address.
    """

    record: PersonRecord
    linked: bool
    account_id: int | None
    email: str | None


async def lock_customers(connection: Connection, customers: Collection[CustomerKey]) -> dict[CustomerKey, CustomerRow]:
    """Lock customers until the commit, in one order for everybody, and answer how they stand."""
    rows = await queries.lock_customers(connection, customers=list(customers))
    return {row.key: row for row in map(_customer, rows)}


async def apply_customers(connection: Connection, snapshots: Sequence[Snapshot]) -> set[CustomerKey]:
    """Apply snapshots, at most one for each customer, lock the customers until the commit, and answer the applied."""
    rows = await queries.apply_customers(
        connection,
        snapshots=[(*s.key, s.data, s.as_of, s.offset, s.from_directory) for s in snapshots],
    )
    return {(row["organization_id"], row["customer_id"]) for row in rows}


async def apply_stakeholders(
    connection: Connection, snapshots: Sequence[StakeholderSnapshotRow]
) -> dict[StakeholderKey, bool]:
    """Apply snapshots, at most one for each stakeholder, and answer of the applied whether they have left.

    Their customers are locked already.
    """
    rows = await queries.apply_stakeholders(
        connection,
        snapshots=[(*s.key, s.customer_id, s.email, s.data, s.as_of, s.offset, s.from_directory) for s in snapshots],
    )
    return {(row["organization_id"], row["stakeholder_id"]): row["left_at"] is not None for row in rows}


async def read_customers(connection: Connection, customers: Collection[CustomerKey]) -> dict[CustomerKey, CustomerRow]:
    """How some customers stand."""
    rows = await queries.read_customers(connection, customers=list(customers))
    return {row.key: row for row in map(_customer, rows)}


async def list_customers(connection: Connection, organization_id: str, *, after: str, limit: int) -> list[str]:
    """The ids of customers of whom something is known, in their order, from beyond one."""
    rows = await queries.list_customers(connection, organization_id=organization_id, after=after, at_most=limit)
    return [row["customer_id"] for row in rows]


async def count_customers(connection: Connection, organization_id: str) -> int:
    """How many there are."""
    counted: int = await queries.count_customers(connection, organization_id=organization_id)
    return counted


async def read_stakeholders_of(
    connection: Connection, customers: Collection[CustomerKey]
) -> dict[CustomerKey, list[StakeholderRow]]:
    """Every stakeholder of some customers, by id."""
    rows = await queries.read_stakeholders_of_customers(connection, customers=list(customers))
    found: dict[CustomerKey, list[StakeholderRow]] = {customer: [] for customer in customers}
    for row in map(_stakeholder, rows):
        found[row.key[0], row.customer_id].append(row)
    return found


async def read_stakeholders(
    connection: Connection, stakeholders: Collection[StakeholderKey]
) -> dict[StakeholderKey, StakeholderRow]:
    """How some stakeholders stand."""
    rows = await queries.read_stakeholders(connection, stakeholders=list(stakeholders))
    return {row.key: row for row in map(_stakeholder, rows)}


async def hold_known(connection: Connection, organization_id: str, stakeholder_ids: Collection[str]) -> set[str]:
    """Those of some stakeholders of whom something is known; nobody of them is erased before the commit."""
    rows = await queries.hold_known_stakeholders(
        connection, organization_id=organization_id, stakeholder_ids=list(stakeholder_ids)
    )
    return {row["stakeholder_id"] for row in rows}


async def has_opted_out_as_another(
    connection: Connection, stakeholder: StakeholderKey, email: str | None, person_id: int | None
) -> bool:
    """Whether somebody with the same normalised address, or who is the same person at Salesloft, has opted out."""
    found: bool = await queries.has_opted_out_as_another(
        connection, organization_id=stakeholder[0], stakeholder_id=stakeholder[1], email=email, person_id=person_id
    )
    return found


async def read_people(
    connection: Connection, stakeholders: Sequence[tuple[str, str, str | None]]
) -> dict[StakeholderKey, LinkedPerson]:
    """What Salesloft said of the people of some stakeholders, who are given with their normalised addresses.

    Of several people with the address the strictest is answered, for a team may allow duplicates.
    """
    rows = await queries.read_person_records(
        connection,
        organization_ids=[organization_id for organization_id, _, _ in stakeholders],
        stakeholder_ids=[stakeholder_id for _, stakeholder_id, _ in stakeholders],
        emails=[email for _, _, email in stakeholders],
    )
    return {
        (row["organization_id"], row["stakeholder_id"]): LinkedPerson(
            PersonRecord(
                person_id=row["person_id"],
                do_not_contact=row["do_not_contact"],
                email_restricted=row["email_restricted"],
                bouncing=row["bouncing"],
                has_account=row["has_account"],
                account_do_not_contact=row["account_do_not_contact"],
                read_at=row["read_at"],
            ),
            linked=row["linked"],
            account_id=row["account_id"],
            email=row["email"],
        )
        for row in rows
    }


async def erase_customers(
    connection: Connection, erased: Sequence[tuple[CustomerKey, datetime, int]]
) -> set[CustomerKey]:
    """Forget customers as of an instant and offset, and answer those of whom nothing newer is known.

    The mark of it stays, so that nothing older brings them back.
    """
    rows = await queries.erase_customers(
        connection,
        organization_ids=[key[0] for key, _, _ in erased],
        customer_ids=[key[1] for key, _, _ in erased],
        as_of=[as_of for _, as_of, _ in erased],
        offsets=[offset for _, _, offset in erased],
    )
    return {(row["organization_id"], row["customer_id"]) for row in rows}


async def erase_stakeholders(
    connection: Connection, erased: Sequence[tuple[StakeholderKey, datetime, int]]
) -> dict[StakeholderKey, str]:
    """Forget stakeholders as of an instant and offset, and answer whose they were ("" of one never heard of)."""
    rows = await queries.erase_stakeholders(
        connection,
        organization_ids=[key[0] for key, _, _ in erased],
        stakeholder_ids=[key[1] for key, _, _ in erased],
        as_of=[as_of for _, as_of, _ in erased],
        offsets=[offset for _, _, offset in erased],
    )
    return {(row["organization_id"], row["stakeholder_id"]): row["customer_id"] for row in rows}


async def note_named(connection: Connection, named: Collection[tuple[StakeholderKey, str]]) -> None:
    """Note by which customers' events stakeholders are named who are other customers'; their erasure looks there."""
    await queries.note_named(
        connection,
        organization_ids=[organization_id for (organization_id, _), _ in named],
        stakeholder_ids=[stakeholder_id for (_, stakeholder_id), _ in named],
        customer_ids=[customer_id for _, customer_id in named],
    )


async def mark_left(connection: Connection, left: Sequence[tuple[StakeholderKey, str, datetime]]) -> None:
    """Stakeholders have left the customer that is named with them."""
    await queries.mark_stakeholders_left(
        connection,
        organization_ids=[key[0] for key, _, _ in left],
        stakeholder_ids=[key[1] for key, _, _ in left],
        customer_ids=[customer_id for _, customer_id, _ in left],
        left_at=[left_at for _, _, left_at in left],
    )


async def note_listed(connection: Connection, listed: Sequence[tuple[StakeholderKey, datetime]]) -> None:
    """The directory lists stakeholders as of an instant, whether its snapshots are the newest or not."""
    await queries.note_listed(
        connection,
        organization_ids=[key[0] for key, _ in listed],
        stakeholder_ids=[key[1] for key, _ in listed],
        listed_at=[listed_at for _, listed_at in listed],
    )


async def customers_of_stakeholders(
    connection: Connection, stakeholders: Collection[StakeholderKey]
) -> dict[StakeholderKey, str]:
    """Whose stakeholders they are, as far as is known."""
    rows = await queries.customers_of_stakeholders(connection, stakeholders=list(stakeholders))
    return {(row["organization_id"], row["stakeholder_id"]): row["customer_id"] for row in rows}


def _as_of(row: Any) -> datetime:
    """Who is only spoken of is as of '-infinity', which asyncpg tells as the first instant, and without a zone."""
    as_of: datetime = row["as_of"]
    return as_of if as_of.tzinfo is not None else as_of.replace(tzinfo=UTC)


def _customer(row: Any) -> CustomerRow:
    return CustomerRow(
        (row["organization_id"], row["customer_id"]),
        row["data"],
        _as_of(row),
        row["from_directory"],
        row["erased_at"] is not None,
    )


def _stakeholder(row: Any) -> StakeholderRow:
    return StakeholderRow(
        (row["organization_id"], row["stakeholder_id"]),
        row["customer_id"],
        row["data"],
        _as_of(row),
        row["from_directory"],
        row["left_at"] is not None,
        row["erased_at"] is not None,
    )

"""What policies count and ask: past runs, claims under a lock, who is on a cadence, and who is never contacted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from enrollment.policies import Counted, PastRun
from enrollment.suppression import Suppressible, listed_as
from schemas.vocabulary import EnrollmentState, TriggerType
from storage.directory import CustomerKey, StakeholderKey
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "Suppression",
    "active_by_address",
    "add_suppressions",
    "claims",
    "is_active",
    "list_suppressions",
    "lock",
    "lock_address",
    "past_runs",
    "remove_suppressions",
    "shares_active_address",
    "suppressed",
    "suppressions_after",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An entry on an organization's list."""

    entry: Suppressible
    note: str | None
    added_at: datetime
    added_by: str | None


async def past_runs(
    connection: Connection, customers: Collection[CustomerKey]
) -> dict[CustomerKey, dict[str, list[PastRun]]]:
    """The runs of some customers' stakeholders, by stakeholder, the oldest first."""
    found: dict[CustomerKey, dict[str, list[PastRun]]] = {customer: {} for customer in customers}
    for row in await queries.read_past_runs(connection, customers=list(customers)):
        run = PastRun(
            trigger_type=TriggerType(row["trigger_type"]) if row["trigger_type"] is not None else None,
            exclusivity_group=row["exclusivity_group"],
            business_key=row["business_key"],
            state=EnrollmentState(row["state"]),
            begun_at=row["created_at"],
            claimed_at=row["claimed_at"],
        )
        of_customer = found[row["organization_id"], row["customer_id"]]
        of_customer.setdefault(row["stakeholder_id"], []).append(run)
    return found


async def active_by_address(
    connection: Connection, emails: Mapping[StakeholderKey, str]
) -> dict[StakeholderKey, list[tuple[str, str]]]:
    """Of each stakeholder who is given with an address: who with that address is on a cadence of which group."""
    rows = await queries.read_active_by_address(
        connection,
        organization_ids=[organization_id for organization_id, _ in emails],
        stakeholder_ids=[stakeholder_id for _, stakeholder_id in emails],
        emails=list(emails.values()),
    )
    found: dict[StakeholderKey, list[tuple[str, str]]] = {}
    for row in rows:
        key = (row["organization_id"], row["stakeholder_id"])
        found.setdefault(key, []).append((row["active_id"], row["exclusivity_group"]))
    return found


async def lock(
    connection: Connection, organization_id: str, counted: Sequence[tuple[Counted, str]], now: datetime
) -> None:
    """Hold what is counted, each given with its id, until the commit. The customer and the enrollment are held before.

    A count in a later statement sees what everybody who held it before has counted in.
    """
    await queries.lock_limits(
        connection,
        organization_id=organization_id,
        counted=[one.value for one, _ in counted],
        subjects=[subject for _, subject in counted],
        now=now,
    )


async def lock_address(connection: Connection, organization_id: str, email: str) -> None:
    """Hold a normalised address until the commit; what is counted is held before."""
    await queries.lock_address(connection, organization_id=organization_id, email=email)


async def claims(
    connection: Connection,
    organization_id: str,
    counted: tuple[Counted, str],
    *,
    since: datetime,
    besides: UUID,
    limit: int,
) -> list[datetime]:
    """When enrollments were claimed after an instant, the newest first; `besides` is the one that asks."""
    per, subject = counted
    rows = await _CLAIMS[per](
        connection, organization_id=organization_id, subject=subject, since=since, enrollment_id=besides, limit=limit
    )
    return [row["claimed_at"] for row in rows]


_CLAIMS: dict[Counted, Any] = {
    Counted.STAKEHOLDER: queries.claims_of_stakeholder,
    Counted.ACCOUNT: queries.claims_of_account,
    Counted.SENDER: queries.claims_of_sender,
    Counted.MAPPING: queries.claims_of_mapping,
}


async def is_active(connection: Connection, stakeholder: StakeholderKey, group: str, *, besides: UUID) -> bool:
    """Whether a stakeholder is on a cadence of a group by another enrollment."""
    organization_id, stakeholder_id = stakeholder
    found: bool = await queries.active_of_stakeholder(
        connection,
        organization_id=organization_id,
        stakeholder_id=stakeholder_id,
        exclusivity_group=group,
        enrollment_id=besides,
    )
    return found


async def shares_active_address(
    connection: Connection, organization_id: str, email: str, group: str, *, besides: UUID
) -> bool:
    """Whether anybody with a normalised address is on a cadence of a group by another enrollment."""
    found: bool = await queries.active_of_address(
        connection, organization_id=organization_id, email=email, exclusivity_group=group, enrollment_id=besides
    )
    return found


async def suppressed(connection: Connection, emails: Mapping[StakeholderKey, str | None]) -> set[StakeholderKey]:
    """Which of some stakeholders, given with their addresses, their organizations never contact."""
    asked = [(key, entry) for key, email in emails.items() for entry in listed_as(email)]
    rows = await queries.read_suppressed(
        connection,
        organization_ids=[organization_id for (organization_id, _), _ in asked],
        stakeholder_ids=[stakeholder_id for (_, stakeholder_id), _ in asked],
        kinds=[entry.kind for _, entry in asked],
        values=[entry.value for _, entry in asked],
    )
    return {(row["organization_id"], row["stakeholder_id"]) for row in rows}


async def add_suppressions(
    connection: Connection,
    organization_id: str,
    entries: Collection[Suppressible],
    *,
    note: str | None,
    by: str | None,
    now: datetime,
) -> set[Suppressible]:
    """Put entries on an organization's list; answers those that were not on it."""
    rows = await queries.add_suppressions(
        connection,
        organization_id=organization_id,
        kinds=[entry.kind for entry in entries],
        values=[entry.value for entry in entries],
        note=note,
        by=by,
        now=now,
    )
    return {Suppressible(row["kind"], row["value"]) for row in rows}


async def remove_suppressions(
    connection: Connection, organization_id: str, entries: Collection[Suppressible], *, by: str | None, now: datetime
) -> set[Suppressible]:
    """Take entries off an organization's list; answers those that were on it."""
    rows = await queries.remove_suppressions(
        connection,
        organization_id=organization_id,
        kinds=[entry.kind for entry in entries],
        values=[entry.value for entry in entries],
        by=by,
        now=now,
    )
    return {Suppressible(row["kind"], row["value"]) for row in rows}


async def list_suppressions(connection: Connection, organization_id: str) -> list[Suppression]:
    """Whom an organization never contacts."""
    return [_suppression(row) for row in await queries.list_suppressions(connection, organization_id=organization_id)]


async def suppressions_after(
    connection: Connection, organization_id: str, *, after: tuple[str | None, str | None], limit: int
) -> list[Suppression]:
    """A page of them by kind and value, behind that place; from the beginning where it is None."""
    rows = await queries.list_suppressions_after(
        connection, organization_id=organization_id, kind=after[0] or "", value=after[1] or "", limit=limit
    )
    return [_suppression(row) for row in rows]


def _suppression(row: Any) -> Suppression:
    return Suppression(
        entry=Suppressible(row["kind"], row["value"]),
        note=row["note"],
        added_at=row["added_at"],
        added_by=row["added_by"],
    )

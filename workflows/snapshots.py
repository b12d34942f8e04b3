"""The directory's snapshots and erasures, applied under the locks of the customers they concern.

A snapshot may be the late fact that a deferred trigger waits for, so the customer's deferrals are decided again in
the same transaction. An erasure ends what is open, tells the readers of the engagement topic, and deletes what is
personal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from enrollment.consent import known_by
from schemas.directory import DirectoryCustomer, DirectoryStakeholder
from schemas.registry import ENGAGEMENT
from schemas.topics import stakeholder_key
from schemas.vocabulary import Reason
from storage import directory, enrollments, erasure, outbox
from storage.directory import CustomerKey, Snapshot, StakeholderKey, StakeholderSnapshotRow
from storage.pool import Connection
from workflows.audit import Action, Done, note
from workflows.events import Origin, outgoing
from workflows.memory import OrganizationMemory
from workflows.outcomes import end_enrollments
from workflows.request import decide_again

__all__ = ["CustomerUpdate", "Erasure", "StakeholderUpdate", "take_snapshots"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerUpdate:
    """A customer's snapshot; `offset` settles equal times within the directory's topic."""

    snapshot: DirectoryCustomer
    as_of: datetime
    offset: int

    @property
    def key(self) -> CustomerKey:
        """Whose snapshot it is."""
        return (self.snapshot.organization_id, self.snapshot.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class StakeholderUpdate:
    """A stakeholder's snapshot; `offset` settles equal times within the directory's topic."""

    snapshot: DirectoryStakeholder
    as_of: datetime
    offset: int

    @property
    def key(self) -> StakeholderKey:
        """Whose snapshot it is."""
        return (self.snapshot.organization_id, self.snapshot.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A null in the directory: forget whom `key` names, an organization's customer or stakeholder."""

    key: tuple[str, str]
    as_of: datetime
    offset: int
    event_id: str


async def take_snapshots(
    connection: Connection,
    *,
    customers: Sequence[CustomerUpdate],
    stakeholders: Sequence[StakeholderUpdate],
    erased_customers: Sequence[Erasure],
    erased_stakeholders: Sequence[Erasure],
    memory: OrganizationMemory,
    now: datetime,
) -> None:
    """Apply a batch of the directory's records; of a key the caller hands over the newest alone."""
    updates: list[CustomerUpdate | StakeholderUpdate | Erasure] = [*customers, *stakeholders]
    updates += [*erased_customers, *erased_stakeholders]
    await memory.facts(connection, {update.key[0] for update in updates}, now)
    # A stakeholder may have moved between customers: both are locked.
    former = await directory.customers_of_stakeholders(
        connection, [*(update.key for update in stakeholders), *(erasure.key for erasure in erased_stakeholders)]
    )
    concerned: set[CustomerKey] = {(key[0], customer_id) for key, customer_id in former.items() if customer_id}
    concerned |= {update.key for update in customers} | {update.key for update in erased_customers}
    concerned |= {(update.snapshot.organization_id, update.snapshot.customer_id) for update in stakeholders}
    await directory.lock_customers(connection, concerned)
    if customers:
        await directory.apply_customers(connection, [_customer(update) for update in customers])
    if stakeholders:
        await directory.apply_stakeholders(connection, [_stakeholder(update) for update in stakeholders])
        await directory.note_listed(connection, [(update.key, update.as_of) for update in stakeholders])
    if erased_customers:
        await _erase_customers(connection, erased_customers, now)
    if erased_stakeholders:
        await _erase_stakeholders(connection, erased_stakeholders, now)
    await decide_again(connection, concerned, memory, now)


def _customer(update: CustomerUpdate) -> Snapshot:
    return Snapshot(
        key=update.key,
        data=update.snapshot.model_dump_json(exclude={"organization_id"}),
        as_of=update.as_of,
        offset=update.offset,
        from_directory=True,
    )


def _stakeholder(update: StakeholderUpdate) -> StakeholderSnapshotRow:
    return StakeholderSnapshotRow(
        key=update.key,
        data=update.snapshot.model_dump_json(exclude={"organization_id", "customer_id"}),
        as_of=update.as_of,
        offset=update.offset,
        from_directory=True,
        customer_id=update.snapshot.customer_id,
        email=known_by(update.snapshot.email),
    )


async def _erase_customers(connection: Connection, erasures: Sequence[Erasure], now: datetime) -> None:
    """A customer goes with everybody there, but for what is newer than the erasure."""
    erased = await directory.erase_customers(connection, [(one.key, one.as_of, one.offset) for one in erasures])
    of_customer = await directory.read_stakeholders_of(connection, [one.key for one in erasures])
    everybody = [
        Erasure(key=row.key, as_of=one.as_of, offset=one.offset, event_id=one.event_id)
        for one in erasures
        for row in of_customer[one.key]
    ]
    await _erase_stakeholders(connection, everybody, now)
    await erasure.scrub_customers(connection, {one.key: one.as_of for one in erasures if one.key in erased})
    await note(connection, *(_done(one, "customer") for one in erasures if one.key in erased), now=now)


async def _erase_stakeholders(connection: Connection, erasures: Sequence[Erasure], now: datetime) -> None:
    causes = {one.key: one for one in erasures}
    erased = await directory.erase_stakeholders(connection, [(one.key, one.as_of, one.offset) for one in erasures])
    customers = {(key[0], customer_id) for key, customer_id in erased.items() if customer_id}
    opened = await enrollments.lock_open_of(connection, customers)
    ending = [one for one in opened if (one.organization_id, one.stakeholder_id) in erased]
    await end_enrollments(
        connection,
        [(one, Reason.ERASED.value, causes[one.organization_id, one.stakeholder_id].event_id) for one in ending],
        now,
    )
    engaged = await erasure.scrub_stakeholders(connection, erased, customers)
    await _forget_engagement(connection, [causes[key] for key in sorted(engaged)], now)
    await note(connection, *(_done(causes[key], "stakeholder") for key in sorted(erased)), now=now)


def _done(one: Erasure, whom: str) -> Done:
    """That it was done; whoever still has the id can show that it was done to it."""
    return Done(one.key[0], Action.ERASED, whom, digested=one.key[1], correlation_id=one.event_id)


async def _forget_engagement(connection: Connection, erasures: Iterable[Erasure], now: datetime) -> None:
    messages = [
        outgoing(
            ENGAGEMENT,
            id=uuid4(),
            organization_id=one.key[0],
            key=stakeholder_key(*one.key),
            subject=one.key[1],
            data=None,
            time=now,
            origin=Origin(one.event_id, one.event_id),
        )
        for one in erasures
    ]
    await outbox.add(connection, messages)

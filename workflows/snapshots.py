"""The directory's snapshots and erasures, applied under the locks of the customers they concern.

A snapshot may be the late fact that a deferred trigger waits for, so the customer's deferrals are decided again in
the same transaction. An erasure ends what is open, tells the readers of the engagement topic, and deletes what is
personal.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    # Whom somebody was asked for before they moved is locked, too.
    leaving = await _leaving(connection, erased_customers, erased_stakeholders)
    await directory.lock_customers(connection, concerned | await enrollments.customers_of(connection, leaving))
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


async def _leaving(
    connection: Connection, customers: Sequence[Erasure], stakeholders: Sequence[Erasure]
) -> set[StakeholderKey]:
    """Who is erased, with their customer or alone, as far as it is known before any lock is taken."""
    of_customers = await directory.read_stakeholders_of(connection, [one.key for one in customers]) if customers else {}
    return {one.key for one in stakeholders} | {row.key for rows in of_customers.values() for row in rows}


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
    forgotten = await _erase_stakeholders(connection, everybody, now)
    gone = {one.key: one for one in erasures if one.key in erased}
    await _end_what_was_before(connection, gone, forgotten, now)
    await erasure.scrub_customers(connection, {key: one.as_of for key, one in gone.items()})
    await note(connection, *(_done(one, "customer") for one in gone.values()), now=now)


async def _end_what_was_before(
    connection: Connection, gone: Mapping[CustomerKey, Erasure], forgotten: Collection[StakeholderKey], now: datetime
) -> None:
    """What was asked for on a customer's behalf ends with it, also of those who are somebody else's by now."""
    ending = []
    for enrollment in await enrollments.lock_open_of(connection, gone) if gone else ():
        cause = gone[enrollment.organization_id, enrollment.customer_id]
        is_older = (enrollment.event_time or enrollment.created_at) <= cause.as_of
        if is_older and (enrollment.organization_id, enrollment.stakeholder_id) not in forgotten:
            ending.append((enrollment, Reason.ERASED.value, cause.event_id))
    await end_enrollments(connection, ending, now)


async def _erase_stakeholders(
    connection: Connection, erasures: Sequence[Erasure], now: datetime
) -> Collection[StakeholderKey]:
    """Forget people, and answer who is forgotten: nobody of whom something newer is known."""
    causes = {one.key: one for one in erasures}
    erased = await directory.erase_stakeholders(connection, [(one.key, one.as_of, one.offset) for one in erasures])
    customers = {(key[0], customer_id) for key, customer_id in erased.items() if customer_id}
    customers |= await enrollments.customers_of(connection, erased)
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
    return erased.keys()


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

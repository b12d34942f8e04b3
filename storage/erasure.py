"""Deleting what is personal, once a directory's null says so; ids and digests stay."""

from collections.abc import Collection, Mapping
from datetime import datetime

from schemas.topics import customer_key
from storage import additions, dead_letters, enrollments, steering
from storage.directory import CustomerKey, StakeholderKey
from storage.pool import Connection
from storage.queries import queries

__all__ = ["scrub_customers", "scrub_stakeholders"]


async def scrub_customers(connection: Connection, erased: Mapping[CustomerKey, datetime]) -> None:
    """Delete what stored decisions and requests know of customers, and their triggers deferred until the erasure."""
    keys = {
        "organization_ids": [organization_id for organization_id, _ in erased],
        "customer_ids": [customer_id for _, customer_id in erased],
    }
    await queries.scrub_evaluations(connection, **keys)
    await queries.scrub_enrollments_of_customers(connection, **keys)
    await queries.drop_deferrals(connection, erased_at=list(erased.values()), **keys)
    await dead_letters.scrub(connection, list(erased))


async def scrub_stakeholders(
    connection: Connection, stakeholders: Collection[StakeholderKey], customers: Collection[CustomerKey]
) -> set[StakeholderKey]:
    """Delete names, addresses and engagement of stakeholders, and answer those that had an engagement.

    `customers` are theirs; what stored decisions and deferred triggers say of other people stays, for it is read again.
    """
    keys = {
        "organization_ids": [organization_id for organization_id, _ in stakeholders],
        "stakeholder_ids": [stakeholder_id for _, stakeholder_id in stakeholders],
    }
    enrolled = await enrollments.customers_of(connection, stakeholders)
    concerned = {*customers, *enrolled}
    if enrolled:
        await queries.scrub_unsent(connection, keys=[customer_key(*customer) for customer in enrolled], **keys)
    await queries.scrub_enrollments(connection, **keys)
    await additions.scrub(connection, stakeholders)
    await steering.scrub(connection, stakeholders)
    await queries.scrub_deferrals(connection, **keys)
    await dead_letters.scrub(connection, stakeholders)
    for organization_id in {organization_id for organization_id, _ in concerned}:
        of_organization = [customer_id for one, customer_id in concerned if one == organization_id]
        await queries.scrub_evaluations_of_stakeholders(
            connection,
            stakeholder_ids=[stakeholder_id for one, stakeholder_id in stakeholders if one == organization_id],
            organization_ids=[organization_id] * len(of_organization),
            customer_ids=of_organization,
        )
    await queries.scrub_people(connection, **keys)
    rows = await queries.drop_engagements(connection, **keys)
    return {(row["organization_id"], row["stakeholder_id"]) for row in rows}

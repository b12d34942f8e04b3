"""Deleting what is personal, once a directory's null says so; ids and digests stay."""

from collections.abc import Collection
from uuid import UUID

from storage.directory import CustomerKey, StakeholderKey
from storage.pool import Connection
from storage.queries import queries

__all__ = ["scrub_customers", "scrub_stakeholders", "scrub_unsent_requests"]


async def scrub_customers(connection: Connection, customers: Collection[CustomerKey]) -> None:
    """Delete the facts of stored decisions and the deferred triggers of customers."""
    keys = {
        "organization_ids": [organization_id for organization_id, _ in customers],
        "customer_ids": [customer_id for _, customer_id in customers],
    }
    await queries.scrub_evaluations(connection, **keys)
    await queries.drop_deferrals(connection, **keys)


async def scrub_stakeholders(connection: Connection, stakeholders: Collection[StakeholderKey]) -> set[StakeholderKey]:
    """Delete names, addresses and engagement of stakeholders, and answer those that had an engagement."""
    keys = {
        "organization_ids": [organization_id for organization_id, _ in stakeholders],
        "stakeholder_ids": [stakeholder_id for _, stakeholder_id in stakeholders],
    }
    await queries.scrub_enrollments(connection, **keys)
    await queries.scrub_people(connection, **keys)
    rows = await queries.drop_engagements(connection, **keys)
    return {(row["organization_id"], row["stakeholder_id"]) for row in rows}


async def scrub_unsent_requests(connection: Connection, enrollment_ids: Collection[UUID]) -> None:
    """Take approval requests back that have not left yet; their enrollments are ended before."""
    await queries.scrub_unsent(connection, enrollment_ids=list(enrollment_ids))

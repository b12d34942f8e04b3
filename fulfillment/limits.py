"""What an admitted enrollment may have to wait for: working time, another cadence, caps and quotas.

Caps are counted here and nowhere else so that they hold: under the lock on each row that is counted, which is kept
until the enrollment is `enrolling` and counts itself. Every admission takes the locks that any of the organization's
policies needs, also one whose own mapping limits nothing: it is counted by the others.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from enrollment.consent import normalised_email
from enrollment.decide import OrganizationFacts, zone_of
from enrollment.mappings import Policy
from enrollment.policies import Cap, Counted
from enrollment.working_time import next_allowed, why_not
from schemas.directory import StakeholderSnapshot
from schemas.vocabulary import Reason
from storage import policies
from storage.enrollments import Enrollment
from storage.pool import Connection

__all__ = ["Waits", "waits_for"]

_LOOKED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Waits:
    """Not before `until`; `expected_at` is the same where it is known that the reason ends then."""

    reason: Reason
    until: datetime
    expected_at: datetime | None


async def waits_for(
    connection: Connection,
    enrollment: Enrollment,
    policy: Policy,
    stakeholder: StakeholderSnapshot,
    organization: OrganizationFacts,
    now: datetime,
) -> Waits | None:
    """Why an enrollment cannot begin now, or None. The caller holds the customer and the enrollment."""
    where = zone_of(stakeholder.time_zone, organization.time_zone)
    rules = policy.working_time
    reason = why_not(now, rules, where) if rules is not None else None
    if rules is not None and reason is not None:
        opens = next_allowed(now, rules, where)
        return Waits(reason, opens, opens)
    email = normalised_email(stakeholder.email)
    await _lock(connection, enrollment, email, organization, now)
    if await _is_busy(connection, enrollment, policy, email):
        return Waits(Reason.EXCLUSIVE_CADENCE_ACTIVE, now + _LOOKED_EVERY, None)
    full = [found for cap in policy.caps if (found := await _full(connection, enrollment, cap, now))]
    if not full:
        return None
    latest = max(full, key=lambda one: one.until)
    if rules is None:
        return latest
    opens = next_allowed(latest.until, rules, where)
    return Waits(latest.reason, opens, opens)


def _subject(per: Counted, enrollment: Enrollment) -> str:
    match per:
        case Counted.STAKEHOLDER:
            return enrollment.stakeholder_id
        case Counted.ACCOUNT:
            return enrollment.customer_id
        case Counted.SENDER:
            return str(enrollment.sender_user_id)
        case Counted.MAPPING:
            return str(enrollment.mapping_id)


async def _lock(
    connection: Connection, enrollment: Enrollment, email: str | None, organization: OrganizationFacts, now: datetime
) -> None:
    counted = set(organization.mappings.counted)
    if enrollment.mapping_id is None:
        # A person chose the cadence, and nobody counts what belongs to no mapping.
        counted.discard(Counted.MAPPING)
    exclusive_by = organization.mappings.exclusive_by
    if exclusive_by:
        counted.add(Counted.STAKEHOLDER)
    if counted:
        subjects = [(per, _subject(per, enrollment)) for per in counted]
        await policies.lock(connection, enrollment.organization_id, subjects, now)
    if "email" in exclusive_by and email is not None:
        await policies.lock_address(connection, enrollment.organization_id, email)


async def _is_busy(connection: Connection, enrollment: Enrollment, policy: Policy, email: str | None) -> bool:
    if policy.exclusive_by is None:
        return False
    key, group = (enrollment.organization_id, enrollment.stakeholder_id), enrollment.exclusivity_group
    if await policies.is_active(connection, key, group, besides=enrollment.id):
        return True
    if policy.exclusive_by != "email" or email is None:
        return False
    return await policies.shares_active_address(connection, key[0], email, group, besides=enrollment.id)


async def _full(connection: Connection, enrollment: Enrollment, cap: Cap, now: datetime) -> Waits | None:
    claims = await policies.claims(
        connection,
        enrollment.organization_id,
        (cap.per, _subject(cap.per, enrollment)),
        since=now - cap.within,
        besides=enrollment.id,
        limit=cap.at_most,
    )
    if len(claims) < cap.at_most:
        return None
    free_at = claims[-1] + cap.within
    return Waits(cap.per.reason, free_at, free_at)

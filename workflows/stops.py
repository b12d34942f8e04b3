"""Stop and start: whoever may, stops an organization, a mapping, a cadence or a customer at once, and starts it again.

While a stop lasts nothing of its subject is requested or enrolled: what comes is deferred as `stopped`, what is
approved waits. Where it is wanted, whoever is on a cadence is paused, and passes the gate again when the stop is over.

StopInvalid   there is nothing of that name to stop, the end has passed, or no such stop stands
"""

from datetime import datetime
from uuid import UUID, uuid4

from enrollment.decide import OrganizationFacts
from enrollment.stops import StopScope
from storage import holds, organizations, stops
from storage.pool import Connection
from storage.stops import NewStop
from workflows.audit import Action, Done, note

__all__ = ["StopInvalid", "start", "stop"]


class StopInvalid(Exception):
    """It cannot be stopped, or started again, as asked; the message says why."""


async def stop(
    connection: Connection,
    organization_id: str,
    *,
    scope: StopScope,
    subject: str,
    reason: str,
    pauses_active: bool,
    by: str,
    ends_at: datetime | None,
    now: datetime,
) -> UUID:
    """Stop something from this commit on, and answer the stop's id. Without an `ends_at` it lasts until it is started.

    Raises StopInvalid.
    """
    await organizations.ensure(connection, [organization_id], now)
    facts = (await organizations.read_facts(connection, [organization_id]))[organization_id]
    if ends_at is not None and ends_at <= now:
        raise StopInvalid("a stop ends in the future")
    if not reason.strip():
        raise StopInvalid("a stop says why")
    if not _exists(scope, subject, facts):
        raise StopInvalid(f"{organization_id} has no {scope.value} {subject}")
    stop_id = uuid4()
    await stops.add(
        connection,
        NewStop(
            id=stop_id,
            organization_id=organization_id,
            scope=scope,
            subject=subject,
            reason=reason.strip(),
            pauses_active=pauses_active,
            stopped_by=by,
            ends_at=ends_at,
        ),
        now,
    )
    await organizations.advance_decision_version(connection, organization_id, now)
    detail = {"scope": scope.value, "of": subject, "pauses_active": pauses_active}
    done = Done(organization_id, Action.STOPPED, f"stop/{stop_id}", by=by, digested=reason.strip(), detail=detail)
    await note(connection, done, now=now)
    return stop_id


async def start(connection: Connection, organization_id: str, stop_id: UUID, *, by: str, now: datetime) -> None:
    """End a stop: what was deferred is decided again, what waited is looked at again, what was paused resumes.

    Raises StopInvalid.
    """
    if not await stops.end(connection, organization_id, stop_id, by=by, now=now):
        raise StopInvalid(f"{organization_id} has no stop {stop_id} that still stands")
    await note(connection, Done(organization_id, Action.STARTED, f"stop/{stop_id}", by=by), now=now)
    await organizations.advance_decision_version(connection, organization_id, now)
    await holds.hasten(connection, organization_id, None, now)


def _exists(scope: StopScope, subject: str, facts: OrganizationFacts) -> bool:
    """A customer need not be known yet: that nothing is done about it may be wanted before its first event."""
    match scope:
        case StopScope.ORGANIZATION:
            return subject == facts.organization_id
        case StopScope.CUSTOMER:
            return bool(subject)
        case StopScope.CADENCE:
            return subject in {str(one) for one in facts.cadences}
        case StopScope.MAPPING:
            return subject in {str(one.id) for one in facts.mappings.all()}

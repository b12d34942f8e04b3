"""What holds an enrollment back right before it is carried out: risk, a stop, or somebody not off their cadence yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from enrollment.decide import OrganizationFacts
from enrollment.stops import next_end
from schemas.vocabulary import Reason, TriggerType
from storage import evaluations, holds
from storage.enrollments import Enrollment
from storage.pool import Connection

__all__ = ["Held", "hold_on"]

_HOLD_CHECKED_EVERY = timedelta(hours=1)
# Whoever takes somebody off their cadence has this looked at again at once; this is for when that is not to be seen.
_REMOVAL_CHECKED_EVERY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Held:
    """Not now: look again at that instant (business time), or when the team is connected again if None."""

    until: datetime | None
    reason: Reason = Reason.NOT_CONNECTED


async def hold_on(
    connection: Connection, enrollment: Enrollment, organization: OrganizationFacts, now: datetime
) -> Held | None:
    """What keeps an enrollment from being carried out now. The caller holds the customer's lock.

    Save waits until nobody of the customer is on a cadence for upsell any more, and upsell likewise until whoever
    leaves a cadence for save has left it: the two never run beside each other.
    """
    reason = await holds.held(connection, enrollment.id, now)
    if reason is not None:
        ends = next_end(organization.stops, now) if reason is Reason.STOPPED else None
        if reason is Reason.REQUESTED_BY_PERSON:
            pause = await holds.read_pause(connection, enrollment.id)
            ends = pause.asked_until if pause is not None else None
        return Held(min(now + _HOLD_CHECKED_EVERY, ends or now + _HOLD_CHECKED_EVERY), reason)
    customer = (enrollment.organization_id, enrollment.customer_id)
    if enrollment.trigger_type is TriggerType.AT_RISK:
        risk = (await evaluations.open_episodes_of(connection, [customer])).get(customer)
        waits = risk is not None and risk > now and await holds.is_upsell_on_cadence(connection, customer)
    elif enrollment.is_upsell:
        waits = await holds.is_save_leaving(connection, customer)
    else:
        waits = False
    return Held(now + _REMOVAL_CHECKED_EVERY, Reason.PREEMPTED) if waits else None

"""Memberships of which Salesloft has no record any more, or one that is about nobody whom we know: they have ended.

No record tells when and how. It is told as a removal, between when the record was last seen and now, with low
confidence; its enrollment ends with the next look at those that have ended.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from activity.ledger import Ledger
from activity.memberships import MembershipStatus
from activity.units import Metric, Source, Unit, membership_key
from schemas.vocabulary import Confidence
from storage import reconciliations, stays
from storage.pool import Connection
from storage.reconciliations import HeldStay
from storage.stays import StayRow
from workflows.activity import Observed, Reading, refresh_engagements, tell
from workflows.activity_memberships import lock_people, tell_by_hand

__all__ = ["end_vanished"]

# Newer than what was read of the record, and older than whatever comes of it if it is there again one day.
_AFTER: Final = timedelta(microseconds=1)


async def end_vanished(connection: Connection, reading: Reading, membership_ids: Collection[int]) -> Ledger:
    """End what we hold of these memberships as on a cadence; `scanned` of the ledger answers how many those were.

    A stay that a command of ours is at work on is left to it.
    """
    organization_id = reading.organization_id
    found = await reconciliations.held_stays(connection, organization_id, membership_ids)
    if not found:
        return Ledger()
    links = await lock_people(connection, organization_id, {one.person_id for one in found})
    await stays.lock_stays(connection, organization_id, membership_ids)
    under_command = await stays.stays_under_command(connection, organization_id, {one.person_id for one in found})
    vanished = [
        one
        for one in await reconciliations.held_stays(connection, organization_id, membership_ids)
        if (one.person_id, one.cadence_id) not in under_command
    ]
    if not vanished:
        return Ledger()
    kept = await stays.put_stays(connection, organization_id, list(map(_ended, vanished)), reading.noticed_at)
    told = await tell(connection, reading, [_observed(one, reading) for one in vanished], links)
    await tell_by_hand(connection, reading, told.units, kept)
    linked = [one for person_id in sorted({stay.person_id for stay in vanished}) for one in links.get(person_id, ())]
    await refresh_engagements(connection, reading, (), linked)
    return told.ledger


def _ended(stay: HeldStay) -> StayRow:
    return StayRow(
        stakeholder_id=stay.stakeholder_id,
        person_id=stay.person_id,
        cadence_id=stay.cadence_id,
        status=MembershipStatus.REMOVED,
        added_at=stay.added_at,
        completed_at=None,
        salesloft_membership_id=stay.salesloft_membership_id,
        salesloft_state="removed",
        currently_on_cadence=False,
        user_id=None,
        step_id=None,
        updated_at=stay.updated_at + _AFTER,
    )


def _observed(stay: HeldStay, reading: Reading) -> Observed:
    removed = Unit(
        metric=Metric.MEMBERSHIP_REMOVED,
        ordinal=1,
        source=Source.MEMBERSHIP,
        source_id=membership_key(stay.salesloft_membership_id, stay.added_at),
        person_id=stay.person_id,
        cadence_id=stay.cadence_id,
        step_id=stay.step_id,
        occurred_at=None,
        occurred_between=(min(stay.updated_at, reading.noticed_at), reading.noticed_at),
        noticed_at=reading.noticed_at,
        confidence=Confidence.LOW,
    )
    return Observed(
        person_id=stay.person_id,
        cadence_id=stay.cadence_id,
        began_at=stay.added_at,
        new=(removed,),
        every=(removed,),
        shown=1,
    )

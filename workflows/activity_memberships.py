"""Memberships as Salesloft has them: what ends an enrollment there, and what was done there by hand.

A stay that an enrollment made tells its start and end as that enrollment's changes; one that was made by hand tells
them as changes without an enrollment, to everybody who is the person. What is seen while a command of ours is at work
on a stay is that command's doing, and left to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from activity.ledger import Ledger, total
from activity.memberships import MembershipObservation, MembershipSeen, MembershipStatus, observe_membership
from activity.records import MembershipRecord
from activity.units import Metric, Source, Unit, event_id, membership_key
from enrollment.states import Happening
from salesloft_client import CadenceMembership
from schemas.vocabulary import ActorKind, EnrollmentState, Reason
from storage import activity, directory, enrollments, outbox, stays
from storage.activity import ToldUnit
from storage.enrollments import Enrollment
from storage.pool import Connection
from storage.stays import EndedEnrollment, KeptStay, StayRow
from workflows.activity import Links, Observed, Reading, owed, refresh_engagements, tell
from workflows.activity_people import miss_people
from workflows.events import Origin
from workflows.transitions import Actor, Change, MembershipFacts, changed_event, transition

__all__ = ["apply_memberships", "lock_people", "settle_ended_enrollments", "tell_by_hand"]

SALESLOFT = Actor(ActorKind.SALESLOFT)

_CHANGES = {
    Metric.MEMBERSHIP_STARTED: (None, EnrollmentState.ENROLLED),
    Metric.MEMBERSHIP_COMPLETED: (EnrollmentState.ENROLLED, EnrollmentState.COMPLETED),
    Metric.MEMBERSHIP_REMOVED: (EnrollmentState.ENROLLED, EnrollmentState.REMOVED),
}
_ENDS = {
    MembershipStatus.COMPLETED: (Happening.COMPLETE, Metric.MEMBERSHIP_COMPLETED),
    MembershipStatus.REMOVED: (Happening.REMOVE, Metric.MEMBERSHIP_REMOVED),
}
# Salesloft gives no reason for a removal; of its states only this one tells why.
_REASONS = {"archived": Reason.CADENCE_UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class _Read:
    """A record, what was remembered of it, and what reading it yields."""

    record: MembershipRecord
    before: MembershipSeen | None
    observation: MembershipObservation


async def apply_memberships(connection: Connection, reading: Reading, rows: Sequence[CadenceMembership]) -> Ledger:
    """Take in memberships: remember their stays, tell what began and ended, and end enrollments that ended there."""
    organization_id, now = reading.organization_id, reading.noticed_at
    records: list[MembershipRecord] = []
    ledgers: list[Ledger] = []
    for row in rows:
        try:
            records.append(_record(row))
        except ValueError as error:
            ledgers.append(owed("memberships", row, error))
    everybody = {record.person_id for record in records}
    links = await lock_people(connection, organization_id, everybody)
    ours = [record for record in records if record.person_id in links]
    seen = await stays.lock_stays(connection, organization_id, [record.id for record in ours]) if ours else {}
    under_command = await stays.stays_under_command(connection, organization_id, links.keys()) if ours else set()
    read: list[_Read] = []
    for record in records:
        before = seen.get(record.id)
        observation = observe_membership(before, record, now)
        is_at_work = (record.person_id, record.cadence_id) in under_command
        if record.person_id in links and is_at_work and (before is None or before.added_at < record.run_began_at):
            # Whoever carries the command out records this stay; if it is not the command's, its next change tells it.
            ledgers.append(Ledger.of_reading(emitted=0, known=len(observation.units) + observation.known))
            continue
        read.append(_Read(record, before, observation))
    changed = [row for one in read if one.record.person_id in links for row in _stays_of(one, links)]
    kept = await stays.put_stays(connection, organization_id, changed, now) if changed else []
    told = await tell(connection, reading, _observed(read, reading), links)
    await tell_by_hand(connection, reading, told.units, kept)
    affected = {row.person_id for row in changed}
    await refresh_engagements(connection, reading, (), [one for person in sorted(affected) for one in links[person]])
    for row in rows:
        if row.person_deleted and row.person is not None and row.person.id in links:
            await miss_people(connection, reading, {row.person.id})
    overtaken = sum(_overtaken(one) is not None for one in read)
    return replace(told.ledger, scanned=told.ledger.scanned - overtaken) + total(ledgers)


async def lock_people(connection: Connection, organization_id: str, persons: set[int]) -> Links:
    """Customers first: an enrollment's change and its event are written under its customer's lock."""
    linked = await activity.linked_stakeholders(connection, organization_id, persons)
    customers = {one.customer_id for stakeholders in linked.values() for one in stakeholders}
    customers |= await stays.customers_of_stays(connection, organization_id, linked.keys())
    if customers:
        await directory.lock_customers(connection, sorted((organization_id, customer) for customer in customers))
    return await activity.lock_linked_stakeholders(connection, organization_id, persons)


def _stays_of(read: _Read, links: Links) -> list[StayRow]:
    """What is to be remembered: nothing of a record that is not newer; besides, that the stay before has ended."""
    record, seen = read.record, read.observation.seen
    if seen == read.before:
        return []
    now_there = StayRow(
        stakeholder_id=links[record.person_id][0].stakeholder_id,
        person_id=record.person_id,
        cadence_id=record.cadence_id,
        status=seen.status,
        added_at=seen.added_at,
        completed_at=record.updated_at if seen.status is MembershipStatus.COMPLETED else None,
        salesloft_membership_id=record.id,
        salesloft_state=record.current_state,
        currently_on_cadence=seen.is_on_cadence,
        user_id=record.user_id,
        step_id=record.step_id,
        updated_at=record.updated_at,
    )
    if _overtaken(read) is None or read.before is None:
        return [now_there]
    before = replace(
        now_there,
        status=MembershipStatus.REMOVED,
        added_at=read.before.added_at,
        completed_at=None,
        salesloft_state=None,
        currently_on_cadence=False,
        user_id=None,
        step_id=None,
    )
    return [before, now_there]


def _overtaken(read: _Read) -> Unit | None:
    """The end of the stay before, where nobody saw it end."""
    own = membership_key(read.record.id, read.record.run_began_at)
    return next((unit for unit in read.observation.units if unit.source_id != own), None)


def _observed(read: Sequence[_Read], reading: Reading) -> list[Observed]:
    observed: list[Observed] = []
    for one in read:
        record, overtaken = one.record, _overtaken(one)
        new = [unit for unit in one.observation.units if unit is not overtaken]
        every = observe_membership(None, record, reading.noticed_at).units if reading.newly_linked else new
        of_record = Observed(
            person_id=record.person_id,
            cadence_id=record.cadence_id,
            began_at=record.run_began_at,
            new=new,
            every=every,
            shown=len(new) + one.observation.known,
        )
        if overtaken is not None and one.before is not None:
            of_stay = replace(of_record, began_at=one.before.added_at, new=(overtaken,), every=(overtaken,), shown=1)
            observed.append(of_stay)
        observed.append(of_record)
    return observed


async def tell_by_hand(
    connection: Connection, reading: Reading, told: Sequence[ToldUnit], kept: Sequence[KeptStay]
) -> None:
    """Publish what was done by hand. An enrollment's own changes leave with its transitions."""
    stay_of = {membership_key(stay.salesloft_membership_id, stay.added_at): stay for stay in kept}
    messages = []
    for one in told:
        stay = stay_of.get(one.unit.source_id)
        if one.enrollment_id is not None or one.unit.cadence_id is None:
            continue
        from_state, to_state = _CHANGES[one.unit.metric]
        facts = None
        if stay is not None:
            facts = MembershipFacts(
                stay.id, stay.salesloft_membership_id, stay.salesloft_state or "removed", stay.current_step
            )
        messages.append(
            changed_event(
                organization_id=reading.organization_id,
                customer_id=one.stakeholder.customer_id,
                stakeholder_id=one.stakeholder.stakeholder_id,
                enrollment_id=None,
                sequence=None,
                from_state=from_state,
                to_state=to_state,
                reason=None,
                actor=SALESLOFT,
                cadence=(one.unit.cadence_id, None if stay is None else stay.cadence_name, None),
                membership=facts,
                expected_at=None,
                now=one.unit.occurred_to,
                origin=Origin(str(one.event_id)),
                event_id=one.event_id,
            )
        )
    await outbox.add(connection, messages)


async def settle_ended_enrollments(connection: Connection, reading: Reading) -> None:
    """End enrollments whose stay has ended at Salesloft, and that no command of ours is at work on.

    What a page showed while a command was at work is settled here too, once the command is done and did not do it.
    """
    organization_id = reading.organization_id
    found = await stays.ended_enrollments(connection, organization_id)
    if not found:
        return
    await directory.lock_customers(connection, sorted({(organization_id, one.customer_id) for one in found}))
    ended = {one.enrollment_id: one for one in await stays.ended_enrollments(connection, organization_id)}
    locked = await enrollments.lock(connection, [one.enrollment_id for one in found if one.enrollment_id in ended])
    await transition(
        connection,
        [
            _end(enrollment, ended[enrollment.id], reading)
            for enrollment in locked.values()
            if enrollment.state is EnrollmentState.ENROLLED
        ],
        reading.noticed_at,
    )


def _end(enrollment: Enrollment, ended: EndedEnrollment, reading: Reading) -> Change:
    happening, metric = _ENDS[ended.status]
    unit = Unit(
        metric=metric,
        ordinal=1,
        source=Source.MEMBERSHIP,
        source_id=membership_key(ended.salesloft_membership_id, ended.added_at),
        person_id=ended.person_id,
        cadence_id=ended.cadence_id,
        step_id=ended.step_id,
        occurred_at=ended.updated_at,
        occurred_between=None,
        noticed_at=reading.noticed_at,
    )
    state = ended.salesloft_state or ended.status.value
    return Change(
        enrollment=enrollment,
        happening=happening,
        reason=_REASONS.get(state),
        actor=SALESLOFT,
        membership=MembershipFacts(ended.stay_id, ended.salesloft_membership_id, state, ended.current_step),
        event_id=event_id(reading.organization_id, enrollment.stakeholder_id, unit),
    )


def _record(row: CadenceMembership) -> MembershipRecord:
    """Raises ValueError for a record that does not say whose it is, where, or how it stands."""
    if row.person is None or row.cadence is None or row.current_state is None:
        raise ValueError(f"membership {row.id} lacks its person, cadence or state")
    return MembershipRecord(
        id=row.id,
        person_id=row.person.id,
        cadence_id=row.cadence.id,
        user_id=None if row.user is None else row.user.id,
        step_id=None if row.step is None else row.step.id,
        current_state=row.current_state,
        currently_on_cadence=row.currently_on_cadence is not False,
        added_at=row.added_at,
        created_at=row.created_at or row.added_at or row.updated_at,
        updated_at=row.updated_at,
    )

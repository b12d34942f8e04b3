"""What an approved enrollment passes before its first call: consent as we know it, time, holds, and the bound facts."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from enrollment.consent import PersonRecord, at_execution
from enrollment.decide import OrganizationFacts
from enrollment.states import Happening
from fulfillment.carrying import Locked, Workbench
from fulfillment.limits import Waits, waits_for
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.vocabulary import EnrollmentState, Reason, TriggerType
from storage import directory, evaluations, memberships, people, policies
from storage.enrollments import Enrollment
from storage.people import KnownPerson
from storage.pool import Connection
from workflows.renewal import Renewed, ask_again, look_again
from workflows.transitions import Change, transition

__all__ = ["Admitted", "Held", "Turned", "admit", "effective_record", "is_suppressed"]

_HOLD_CHECKED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Everything that the calls need; the enrollment is `enrolling`. `person` is the one that is linked, if one is."""

    enrollment: Enrollment
    stakeholder: StakeholderSnapshot
    customer: CustomerSnapshot
    organization: OrganizationFacts
    person: KnownPerson | None


@dataclass(frozen=True, slots=True)
class Turned:
    """The enrollment went elsewhere, and the command has nothing more to do."""

    to: EnrollmentState


@dataclass(frozen=True, slots=True)
class Held:
    """Not now: look again at that instant (business time), or when the team is connected again if None."""

    until: datetime | None


async def admit(connection: Connection, locked: Locked, bench: Workbench, now: datetime) -> Admitted | Turned | Held:
    """Let a scheduled enrollment in, or say where it went instead; an enrolling one whose call was not begun likewise.

    A definite no is final, so it is looked for first; a changed fact goes back to the approver.
    """
    enrollment = locked.enrollment
    organization_id = enrollment.organization_id
    organization = (await bench.memory.facts(connection, [organization_id], now))[organization_id]
    person = await people.person_of(connection, organization_id, enrollment.stakeholder_id)
    refusal = await _definite_no(connection, enrollment, person, fresh_since=now - bench.options.fresh_for)
    if refusal is not None:
        return await _turn(connection, enrollment, Happening.BLOCK, refusal, now)
    found = await look_again(connection, enrollment, organization, now)
    if found is Reason.NOT_CONNECTED:
        return Held(None)
    if now > enrollment.execute_by:
        asked = await ask_again(connection, enrollment, found, Reason.EXECUTE_BY_PASSED.value, now)
        return Turned(asked.state)
    if isinstance(found, Reason) or found.differences:
        asked = await ask_again(connection, enrollment, found, Reason.FACT_CHANGED.value, now)
        return Turned(asked.state)
    held = await _held(connection, locked, found, organization, now)
    if held is not None:
        return held
    if enrollment.state is EnrollmentState.SCHEDULED:
        # An earlier attempt may have named a person; until this one knows, it takes nobody's place on the cadence.
        await memberships.forget_intent(connection, enrollment.id)
        (enrollment,) = await transition(connection, [Change(enrollment=enrollment, happening=Happening.BEGIN)], now)
    return Admitted(
        enrollment=enrollment,
        stakeholder=found.stakeholder,
        customer=found.customer,
        organization=organization,
        person=person,
    )


def effective_record(person: KnownPerson) -> PersonRecord:
    """What is held of a person and its account, as of the older of the two."""
    record = person.record
    if person.account is None:
        return record
    return replace(
        record,
        account_do_not_contact=person.account.do_not_contact,
        read_at=min(record.read_at, person.account.read_at),
    )


async def _definite_no(
    connection: Connection, enrollment: Enrollment, person: KnownPerson | None, *, fresh_since: datetime
) -> Reason | None:
    """Why this stakeholder may not be contacted, as far as we know without asking Salesloft."""
    key = (enrollment.organization_id, enrollment.stakeholder_id)
    row = (await directory.read_stakeholders(connection, [key])).get(key)
    if row is None or row.data is None:
        return None
    stakeholder = StakeholderSnapshot.model_validate_json(row.data)
    known = await _strictest(connection, stakeholder, enrollment.organization_id, person)
    answer = at_execution(stakeholder, known, fresh_since=fresh_since)
    if isinstance(answer, Reason):
        return answer
    return Reason.SUPPRESSED if await is_suppressed(connection, enrollment.organization_id, stakeholder) else None


async def is_suppressed(connection: Connection, organization_id: str, stakeholder: StakeholderSnapshot) -> bool:
    """Whether the organization never contacts somebody, as its list stands now."""
    return bool(await policies.suppressed(connection, {(organization_id, stakeholder.id): stakeholder.email}))


async def _strictest(
    connection: Connection, stakeholder: StakeholderSnapshot, organization_id: str, person: KnownPerson | None
) -> PersonRecord | None:
    """The linked person's record; without a link the strictest of those that have the address."""
    if person is not None:
        return effective_record(person)
    key = (organization_id, stakeholder.id)
    email = stakeholder.email.strip().lower() if stakeholder.email is not None else None
    linked = (await directory.read_people(connection, [(*key, email)])).get(key)
    return linked.record if linked is not None else None


async def _held(
    connection: Connection, locked: Locked, found: Renewed, organization: OrganizationFacts, now: datetime
) -> Held | None:
    """What keeps an enrollment waiting that nothing else is against."""
    enrollment = locked.enrollment
    if enrollment.trigger_type is TriggerType.EXPANSION_SIGNAL:
        held_until = (await evaluations.open_episodes_of(connection, [locked.customer.key])).get(locked.customer.key)
        if held_until is not None and held_until > now:
            return Held(min(held_until, now + _HOLD_CHECKED_EVERY))
    waits = await waits_for(connection, enrollment, found.mapping, found.stakeholder, organization, now)
    return await _wait(connection, enrollment, waits, now) if waits is not None else None


async def _wait(connection: Connection, enrollment: Enrollment, waits: Waits, now: datetime) -> Held:
    """Say what it waits for, once: a look that finds the same changes nothing."""
    told = (enrollment.state, enrollment.reason, enrollment.expected_at)
    if told != (EnrollmentState.SCHEDULED, waits.reason.value, waits.expected_at):
        change = Change(
            enrollment=enrollment,
            happening=Happening.POSTPONE,
            reason=waits.reason.value,
            expected_at=waits.expected_at,
        )
        await transition(connection, [change], now)
    return Held(waits.until)


async def _turn(
    connection: Connection, enrollment: Enrollment, happening: Happening, reason: Reason, now: datetime
) -> Turned:
    (moved,) = await transition(
        connection, [Change(enrollment=enrollment, happening=happening, reason=reason.value)], now
    )
    return Turned(moved.state)

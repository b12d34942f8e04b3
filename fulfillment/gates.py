"""What an approved enrollment passes before its first call: consent as we know it, time, holds, and the bound facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from enrollment.consent import Consent, PersonRecord, at_execution, known_by
from enrollment.decide import OrganizationFacts
from enrollment.states import Happening
from fulfillment.carrying import Locked, Workbench
from fulfillment.holding import Held, hold_on
from fulfillment.limits import Waits, waits_for
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.vocabulary import EnrollmentState, Reason
from storage import directory, memberships, people, policies
from storage.enrollments import Enrollment
from storage.people import KnownPerson
from storage.pool import Connection
from workflows.renewal import ask_again, look_again
from workflows.transitions import Change, transition

__all__ = [
    "Admitted",
    "Held",
    "Turned",
    "admit",
    "effective_record",
    "has_changed",
    "known_consent",
    "refused_elsewhere",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Everything that the calls need; the enrollment is `enrolling`.

    `person` is the one that is linked, if one is; `custom_fields` are those that were approved for this enrollment.
    """

    enrollment: Enrollment
    stakeholder: StakeholderSnapshot
    customer: CustomerSnapshot
    organization: OrganizationFacts
    person: KnownPerson | None
    custom_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turned:
    """The enrollment went elsewhere, and the command has nothing more to do."""

    to: EnrollmentState


async def admit(connection: Connection, locked: Locked, bench: Workbench, now: datetime) -> Admitted | Turned | Held:
    """Let a scheduled enrollment in, or say where it went instead; an enrolling one whose call was not begun likewise.

    A definite no is final, so it is looked for first; a changed fact goes back to the approver, though nothing is asked
    while something holds the enrollment.
    """
    enrollment = locked.enrollment
    organization_id = enrollment.organization_id
    organization = (await bench.memory.facts(connection, [organization_id], now))[organization_id]
    person = await people.person_of(connection, organization_id, enrollment.stakeholder_id)
    refusal = await _definite_no(connection, enrollment, person, bench, now)
    if refusal is not None:
        return await _turn(connection, enrollment, Happening.BLOCK, refusal, now)
    held = await hold_on(connection, enrollment, organization, now)
    if held is not None:
        return held
    found = await look_again(connection, enrollment, organization, now)
    if found is Reason.NOT_CONNECTED:
        return Held(None)
    if isinstance(found, Reason) or found.differences or now > enrollment.execute_by:
        stale = Reason.EXECUTE_BY_PASSED if now > enrollment.execute_by else Reason.FACT_CHANGED
        asked = await ask_again(connection, enrollment, found, stale.value, now)
        return Turned(asked.state)
    waits = await waits_for(connection, enrollment, found.policy, found.stakeholder, organization, now)
    if waits is not None:
        return await _wait(connection, enrollment, waits, now)
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
        custom_fields=found.bound.custom_fields,
    )


async def has_changed(connection: Connection, enrollment: Enrollment, bench: Workbench, now: datetime) -> bool:
    """Whether what was approved holds no more, as it stands now: Salesloft was asked meanwhile, and that takes time."""
    organization_id = enrollment.organization_id
    organization = (await bench.memory.facts(connection, [organization_id], now))[organization_id]
    found = await look_again(connection, enrollment, organization, now)
    return isinstance(found, Reason) or bool(found.differences)


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
    connection: Connection, enrollment: Enrollment, person: KnownPerson | None, bench: Workbench, now: datetime
) -> Reason | None:
    """Why this stakeholder may not be contacted, as far as we know without asking Salesloft."""
    key = (enrollment.organization_id, enrollment.stakeholder_id)
    row = (await directory.read_stakeholders(connection, [key])).get(key)
    if row is None or row.data is None:
        return None
    stakeholder = StakeholderSnapshot.model_validate_json(row.data)
    answer = await known_consent(connection, stakeholder, enrollment.organization_id, person, bench, now)
    return answer if isinstance(answer, Reason) else None


async def known_consent(
    connection: Connection,
    stakeholder: StakeholderSnapshot,
    organization_id: str,
    person: KnownPerson | None,
    bench: Workbench,
    now: datetime,
) -> Consent | Reason:
    """The consent gate by what is known before Salesloft is asked, also from beyond this stakeholder's own snapshot."""
    known = await _strictest(connection, stakeholder, organization_id, person)
    answer = at_execution(stakeholder, known, fresh_since=now - bench.options.fresh_for)
    if isinstance(answer, Reason):
        return answer
    person_id = person.record.person_id if person is not None else None
    return await refused_elsewhere(connection, organization_id, stakeholder, person_id) or answer


async def refused_elsewhere(
    connection: Connection, organization_id: str, stakeholder: StakeholderSnapshot, person_id: int | None
) -> Reason | None:
    """Why somebody is not contacted though nothing that is known of this stakeholder says so, as it stands now.

    The organization's list is asked, and what the same person has said as another stakeholder: consent is a person's.
    """
    key = (organization_id, stakeholder.id)
    if await policies.suppressed(connection, {key: stakeholder.email}):
        return Reason.SUPPRESSED
    if await directory.has_opted_out_as_another(connection, key, known_by(stakeholder.email), person_id):
        return Reason.OPTED_OUT
    return None


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


async def _wait(connection: Connection, enrollment: Enrollment, waits: Waits, now: datetime) -> Held:
    """Say what it waits for, once: a look that finds the same changes nothing."""
    told = (enrollment.reason, enrollment.expected_at)
    # One whose call was open is put back by whoever carries it out.
    if enrollment.state is EnrollmentState.SCHEDULED and told != (waits.reason.value, waits.expected_at):
        change = Change(
            enrollment=enrollment,
            happening=Happening.POSTPONE,
            reason=waits.reason.value,
            expected_at=waits.expected_at,
        )
        await transition(connection, [change], now)
    return Held(waits.until, waits.reason)


async def _turn(
    connection: Connection, enrollment: Enrollment, happening: Happening, reason: Reason, now: datetime
) -> Turned:
    (moved,) = await transition(
        connection, [Change(enrollment=enrollment, happening=happening, reason=reason.value)], now
    )
    return Turned(moved.state)

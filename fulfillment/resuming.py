"""Resuming who is paused: the gates, the person's present record, the intent, the add at the step where it was left.

It is enrolling once more, and as safe: the intent is stored before the call, and what a call's answer leaves open is
settled by reading back. All the while the enrollment is `paused`; that it carries an intent says that a call is open.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import structlog

from enrollment.consent import Consent, at_execution
from enrollment.decide import OrganizationFacts
from enrollment.states import Happening
from fulfillment.carrying import Locked, Outcome, Workbench, lock_enrollment
from fulfillment.gates import Admitted, known_consent, refused_elsewhere
from fulfillment.holding import Held, hold_on
from fulfillment.people import AmbiguousPerson, PeopleDesk, PresentPerson
from fulfillment.recording import Another, Nothing, Ours, adopt, find_membership
from fulfillment.steer import given_back
from salesloft_client import (
    CadenceMembership,
    NewMembership,
    NotFound,
    OutcomeUnknown,
    RetryClass,
    SalesloftClient,
    SalesloftError,
    Unprocessable,
)
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.vocabulary import EnrollmentState, Reason
from storage import commands, directory, holds, memberships, people
from storage.commands import Claimed
from storage.enrollments import Enrollment
from storage.pool import Connection
from workflows.session import Session
from workflows.transitions import Change, transition

__all__ = ["ADDED_JUST_NOW", "Resume"]

ADDED_JUST_NOW = "added a moment ago"
"""How a command that is given back for that says so."""

_log = structlog.get_logger(__name__)

_CLOCKS_DIFFER = timedelta(minutes=2)
# Salesloft tells when somebody was added by the second. Who is added back within the second of the stay before cannot
# be told from who was not, if no answer comes: so nobody is.
_TOLD_BY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """A call was begun, and what it did is not known."""

    enrollment: Enrollment


@dataclass(frozen=True, slots=True)
class _Calling:
    """What a turn's calls are made with."""

    command: Claimed
    session: Session
    client: SalesloftClient


class Resume:
    """Carries out `resume` commands. Whoever may not be added back, or is refused, is `removed` with the reason."""

    def __init__(self, bench: Workbench, chance: Callable[[], float]) -> None:
        """`chance` draws from [0, 1)."""
        self._bench = bench
        self._people = PeopleDesk(bench.database, bench.clock, bench.options.fresh_for)
        self._chance = chance

    async def carry_out(self, command: Claimed) -> Outcome:
        """See `fulfillment.carrying.Handler`."""
        begun = await self._begin(command)
        if isinstance(begun, Outcome):
            return begun
        session = await self._bench.session_of(command, begun.enrollment)
        calling = _Calling(command, session, self._bench.client(session, command))
        if isinstance(begun, _Doubtful):
            return await self._settle(calling, begun.enrollment)
        try:
            if self._bench.sessions.wire.time.earliest(self._bench.clock.now()) is None:
                await calling.client.me()
            present = await self._people.present(calling.client, begun)
        except AmbiguousPerson as error:
            return await self._remove(command, Reason.AMBIGUOUS_PERSON, str(error))
        except SalesloftError as error:
            return await given_back(self._bench, command, session, error, self._chance())
        intended = await self._intend(command, begun, present)
        if isinstance(intended, Outcome):
            return intended
        return await self._call(calling, intended, present, begun.organization)

    async def _begin(self, command: Claimed) -> Admitted | _Doubtful | Outcome:
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            if locked is None or locked.enrollment.state is not EnrollmentState.PAUSED:
                await commands.finish(connection, command, outcome="not_paused", now=now)
                return Outcome.DONE
            if locked.enrollment.intended_at is not None:
                return _Doubtful(locked.enrollment)
            if await holds.is_to_leave(connection, locked.enrollment.id):
                await commands.finish(connection, command, outcome="to_leave", now=now)
                return Outcome.DONE
            answer = await self._admit(connection, locked, now)
            return answer if isinstance(answer, Admitted) else await self._turned(connection, command, locked, answer)

    async def _admit(self, connection: Connection, locked: Locked, now: datetime) -> Admitted | Held | Reason:
        """The gates by what is known before Salesloft is asked. A reason is why the person is not added back."""
        enrollment = locked.enrollment
        organization_id = enrollment.organization_id
        key = (organization_id, enrollment.stakeholder_id)
        row = (await directory.read_stakeholders(connection, [key])).get(key)
        if row is None or row.data is None or locked.customer.data is None:
            return Reason.ERASED
        if row.left or row.customer_id != enrollment.customer_id:
            return Reason.STAKEHOLDER_LEFT
        stakeholder = StakeholderSnapshot.model_validate_json(row.data)
        person = await people.person_of(connection, organization_id, enrollment.stakeholder_id)
        refusal = await known_consent(connection, stakeholder, organization_id, person, self._bench, now)
        if isinstance(refusal, Reason):
            return refusal
        organization = (await self._bench.memory.facts(connection, [organization_id], now))[organization_id]
        return await hold_on(connection, enrollment, organization, now) or Admitted(
            enrollment=enrollment,
            stakeholder=stakeholder,
            customer=CustomerSnapshot.model_validate_json(locked.customer.data),
            organization=organization,
            person=person,
            # What was approved to be written of the person goes before the organization's mapping here, too.
            custom_fields=orjson.loads(enrollment.request)["action"]["custom_fields"],
        )

    async def _turned(self, connection: Connection, command: Claimed, locked: Locked, answer: Held | Reason) -> Outcome:
        if isinstance(answer, Reason):
            return await self._removed(connection, command, locked.enrollment, answer, None)
        await commands.release(connection, command, error=answer.reason.value, due_at=answer.until)
        return Outcome.PARKED

    async def _intend(self, command: Claimed, admitted: Admitted, present: PresentPerson) -> Enrollment | Outcome:
        """Keep the record that came back, pass the gates again, and store the intent."""
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            if locked is None or locked.enrollment.state is not EnrollmentState.PAUSED:
                await commands.finish(connection, command, outcome="not_paused", now=now)
                return Outcome.DONE
            enrollment = locked.enrollment
            if await holds.is_to_leave(connection, enrollment.id):
                await commands.finish(connection, command, outcome="to_leave", now=now)
                return Outcome.DONE
            await present.keep(connection, enrollment.organization_id, enrollment.stakeholder_id, now)
            answer = await self._still(connection, admitted, present, now)
            if answer is None and await self._goes_on_at(connection, enrollment, admitted.organization) is None:
                return await self._removed(
                    connection, command, enrollment, Reason.REQUESTED_BY_PERSON, "no step is left after those skipped"
                )
            if answer is not None:
                return await self._turned(connection, command, locked, answer)
            return await self._store_intent(connection, command, locked, present, now)

    async def _store_intent(
        self, connection: Connection, command: Claimed, locked: Locked, present: PresentPerson, now: datetime
    ) -> Enrollment | Outcome:
        enrollment = locked.enrollment
        left = await memberships.read(connection, enrollment.membership_id) if enrollment.membership_id else None
        since = self._bench.sessions.wire.time.earliest(now) or now - _CLOCKS_DIFFER
        if left is not None and since < left.added_at + _TOLD_BY:
            pause_s = (left.added_at + _TOLD_BY - since).total_seconds()
            await commands.release(connection, command, error=ADDED_JUST_NOW, pause_s=pause_s)
            return Outcome.RETRIED
        if not await memberships.record_intent(
            connection, enrollment.id, person_id=present.person_id, intended_at=since
        ):
            return await self._turned(connection, command, locked, Reason.ALREADY_ENROLLED)
        stored = await lock_enrollment(connection, command)
        if stored is None:
            raise AssertionError("a locked enrollment has gone")
        return stored.enrollment

    async def _still(
        self, connection: Connection, admitted: Admitted, present: PresentPerson, now: datetime
    ) -> Held | Reason | None:
        """The gates again: a preference, an entry on the list, risk or a stop may have come meanwhile."""
        options, enrollment = self._bench.options, admitted.enrollment
        key = (enrollment.organization_id, enrollment.stakeholder_id)
        row = (await directory.read_stakeholders(connection, [key])).get(key)
        if row is None or row.data is None:
            return Reason.ERASED
        if row.left or row.customer_id != enrollment.customer_id:
            return Reason.STAKEHOLDER_LEFT
        stakeholder = StakeholderSnapshot.model_validate_json(row.data)
        refusal = await refused_elsewhere(connection, enrollment.organization_id, stakeholder, present.person_id)
        if refusal is not None:
            return refusal
        consent = at_execution(stakeholder, present.record, fresh_since=present.asked_at - options.fresh_for)
        if isinstance(consent, Reason):
            return consent
        if consent is Consent.UNKNOWN:
            return Held(now + options.recheck_after, Reason.CONSENT_UNKNOWN)
        return await hold_on(connection, enrollment, admitted.organization, now)

    @staticmethod
    async def _goes_on_at(
        connection: Connection, enrollment: Enrollment, organization: OrganizationFacts
    ) -> int | None:
        """The step at which the cadence goes on; None where all that were left are skipped."""
        pause = await holds.read_pause(connection, enrollment.id)
        if pause is None:
            return enrollment.start_step_id
        from_step_id = pause.to_step_id or pause.step_id or enrollment.start_step_id
        cadence = organization.cadences.get(enrollment.cadence_id)
        steps = [step.id for step in cadence.steps] if cadence is not None else []
        # Of a step that was switched off meanwhile nobody knows which one follows it.
        if from_step_id not in steps:
            return from_step_id
        return next(iter(steps[steps.index(from_step_id) + pause.skips :]), None)

    async def _call(
        self, calling: _Calling, enrollment: Enrollment, present: PresentPerson, organization: OrganizationFacts
    ) -> Outcome:
        async with self._bench.database.connection() as connection:
            step_id = await self._goes_on_at(connection, enrollment, organization)
        wanted = NewMembership(
            person_id=present.person_id,
            cadence_id=enrollment.cadence_id,
            user_id=enrollment.sends_user_id,
            step_id=step_id,
        )
        try:
            membership = await calling.client.create_membership(wanted)
        except SalesloftError as error:
            return await self._not_added(calling, enrollment, present, error)
        return await self._record(calling.command, membership)

    async def _not_added(
        self, calling: _Calling, enrollment: Enrollment, present: PresentPerson, error: SalesloftError
    ) -> Outcome:
        if isinstance(error, OutcomeUnknown):
            _log.info("salesloft_outcome_unknown", enrollment_id=str(enrollment.id), status=error.status)
            return await self._settle(calling, enrollment)
        if isinstance(error, Unprocessable) and error.already_on_cadence:
            return await self._settle_conflict(calling, enrollment, error)
        if isinstance(error, NotFound) and present.row is None:
            # Nothing was sent of the person, and Salesloft may have deleted it. The next turn makes it anew.
            await self._people.gone(enrollment.organization_id, present.person_id)
            return await self._not_called(calling, enrollment, error)
        if error.retry_class is RetryClass.PERMANENT:
            return await self._remove(calling.command, _refusal(error), str(error))
        return await self._not_called(calling, enrollment, error)

    async def _not_called(self, calling: _Calling, enrollment: Enrollment, error: SalesloftError) -> Outcome:
        """The call was certainly not made, or had no effect: the next turn begins at the gates."""
        async with self._bench.database.transaction() as connection:
            await lock_enrollment(connection, calling.command)
            await holds.forget_call(connection, enrollment.id)
        return await given_back(self._bench, calling.command, calling.session, error, self._chance())

    async def _settle(self, calling: _Calling, enrollment: Enrollment) -> Outcome:
        """Read back what a call of unknown outcome has done."""
        try:
            found = await find_membership(calling.client, enrollment)
        except SalesloftError as error:
            return await given_back(self._bench, calling.command, calling.session, error, self._chance())
        match found:
            case Ours(membership):
                return await self._record(calling.command, membership)
            case Another():
                return await self._remove(calling.command, Reason.ALREADY_ENROLLED, "another membership")
            case Nothing():
                return await self._call_again(calling.command, enrollment)

    async def _settle_conflict(self, calling: _Calling, enrollment: Enrollment, error: Unprocessable) -> Outcome:
        """The person is on the cadence already: ours, where an earlier call added them; else somebody else's doing."""
        try:
            found = await find_membership(calling.client, enrollment)
        except SalesloftError as failure:
            return await given_back(self._bench, calling.command, calling.session, failure, self._chance())
        if isinstance(found, Ours) and found.membership.currently_on_cadence:
            return await self._record(calling.command, found.membership)
        return await self._remove(calling.command, Reason.ALREADY_ENROLLED, str(error))

    async def _call_again(self, command: Claimed, enrollment: Enrollment) -> Outcome:
        """Reading back shows nothing: to be believed once Salesloft has had its time to show it."""
        async with self._bench.database.transaction() as connection:
            await lock_enrollment(connection, command)
            left_s = await commands.doubt(connection, command, grace_s=self._bench.options.grace_s)
            if left_s <= 0:
                await commands.settle(connection, command)
                await holds.forget_call(connection, enrollment.id)
            await commands.release(connection, command, error="outcome unknown", pause_s=max(left_s, 0.0))
        return Outcome.UNKNOWN if left_s > 0 else Outcome.RETRIED

    async def _record(self, command: Claimed, membership: CadenceMembership) -> Outcome:
        """Salesloft has added the person back, or shows the membership as ours."""
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            if locked is None or locked.enrollment.state is not EnrollmentState.PAUSED:
                await commands.finish(connection, command, outcome="not_paused", now=now)
                return Outcome.DONE
            facts = await self._bench.memory.facts(connection, [command.organization_id], now)
            settled = await adopt(connection, locked.enrollment, membership, facts[command.organization_id], now)
            await holds.end_pause(connection, settled.id)
            await commands.finish(connection, command, outcome=settled.state.value, now=now)
        return Outcome.DONE

    async def _remove(self, command: Claimed, reason: Reason, error: str) -> Outcome:
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            if locked is None or locked.enrollment.state is not EnrollmentState.PAUSED:
                await commands.finish(connection, command, outcome="not_paused", now=self._bench.clock.now())
                return Outcome.DONE
            return await self._removed(connection, command, locked.enrollment, reason, error)

    async def _removed(
        self, connection: Connection, command: Claimed, enrollment: Enrollment, reason: Reason, error: str | None
    ) -> Outcome:
        """The person is not added back: what was paused is over."""
        now = self._bench.clock.now()
        detail = {"error": error} if error is not None else None
        change = Change(enrollment=enrollment, happening=Happening.REMOVE, reason=reason.value, detail=detail)
        await transition(connection, [change], now)
        await holds.end_pause(connection, enrollment.id)
        await commands.finish(connection, command, outcome=EnrollmentState.REMOVED.value, error=error, now=now)
        return Outcome.REFUSED


def _refusal(error: SalesloftError) -> Reason:
    if isinstance(error, NotFound):
        return Reason.CADENCE_UNAVAILABLE
    if not isinstance(error, Unprocessable):
        return Reason.ADD_REFUSED
    if error.has_contact_restrictions:
        return Reason.DO_NOT_CONTACT
    unavailable = error.step_not_in_cadence or error.cadence_not_available
    return Reason.CADENCE_UNAVAILABLE if unavailable else Reason.ADD_REFUSED

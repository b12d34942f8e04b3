"""Enroll: the gates, the person, the intent, the call, the record.

One command is carried out in short transactions with the calls between them:

1. `_begin`: under the customer's and the enrollment's locks the gates let it in (`enrolling`), or it goes elsewhere.
2. The person's present record, by an upsert unless it is unchanged and fresh.
3. `_intend`: the record is kept, consent is asked of it again, and the intent is stored: whom we are about to add, and
   since when, by Salesloft's clock, a membership could be ours.
4. The membership is created.
5. `_record`: the membership, `enrolled`, and the command's end.

A worker may die anywhere. Before 3 nothing has happened that may not happen again. After it the enrollment carries an
intent: whoever takes the command over does not call but reads back (`_settle`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from enrollment.consent import Consent, at_execution
from enrollment.states import Happening
from fulfillment.carrying import (
    OTHER_TEAM_LOOKED_AT_EVERY,
    Locked,
    Outcome,
    Parked,
    Workbench,
    end_call,
    lock_enrollment,
)
from fulfillment.gates import Admitted, Held, Turned, admit, has_changed, refused_elsewhere
from fulfillment.holding import hold_on
from fulfillment.people import AmbiguousPerson, PeopleDesk, PresentPerson
from fulfillment.settling import Settlement, nothing_to_do
from salesloft_client import (
    NewMembership,
    NotFound,
    OutcomeUnknown,
    SalesloftClient,
    SalesloftError,
    Unprocessable,
)
from schemas.directory import StakeholderSnapshot
from schemas.vocabulary import EnrollmentState, Reason
from storage import commands, directory, memberships
from storage.commands import Claimed
from storage.enrollments import Enrollment
from storage.errors import ConcurrentChange
from storage.pool import Connection
from workflows.session import NotConnected, Session
from workflows.transitions import Change

__all__ = ["Enroll"]

_log = structlog.get_logger(__name__)

# Where Salesloft never told its time: by how much two well-kept clocks may differ.
_CLOCKS_DIFFER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """A call was begun, and what it did is not known."""

    enrollment: Enrollment


@dataclass(frozen=True, slots=True)
class _Intended:
    """The intent is stored: the call may be made."""

    enrollment: Enrollment


class Enroll:
    """Carries out `enroll` commands."""

    def __init__(self, bench: Workbench, chance: Callable[[], float]) -> None:
        """`chance` draws from [0, 1)."""
        self._bench = bench
        self._people = PeopleDesk(bench.database, bench.clock, bench.options.fresh_for)
        self._settlement = Settlement(bench, chance)

    async def carry_out(self, command: Claimed) -> Outcome:
        """See `fulfillment.carrying.Handler`."""
        begun = await self._begin(command)
        if isinstance(begun, Outcome):
            return begun
        session = await self._session(command, begun.enrollment)
        client = self._bench.client(session, command)
        if isinstance(begun, _Doubtful):
            return await self._settlement.settle(command, session, client, begun.enrollment)
        try:
            if self._bench.sessions.wire.time.earliest(self._bench.clock.now()) is None:
                # Any answer tells Salesloft's time, and the first call of a process may be the membership's.
                await client.me()
            present = await self._people.present(client, begun)
        except AmbiguousPerson as error:
            return await self._settlement.end(command, Happening.FAIL, Reason.AMBIGUOUS_PERSON, str(error))
        except SalesloftError as error:
            return await self._settlement.not_called(command, session, error)
        intended = await self._intend(command, begun, present)
        if isinstance(intended, Outcome):
            return intended
        return await self._call(command, session, client, intended.enrollment, present)

    async def _session(self, command: Claimed, enrollment: Enrollment) -> Session:
        """Raises Parked where there is none of the enrollment's team."""
        try:
            session = await self._bench.sessions.of(command.organization_id)
        except NotConnected as error:
            await self._settlement.put_back(command, Reason.CONNECTION_LOST, str(error))
            raise Parked from error
        if not enrollment.is_of(session.team_id):
            # What an open call did is to be seen in its own team alone; what was not begun finds that out at the gates.
            reason, due_at = Reason.NOT_CONNECTED, self._bench.clock.now() + OTHER_TEAM_LOOKED_AT_EVERY
            await self._settlement.put_back(command, reason, reason.value, due_at=due_at)
            raise Parked("another team is connected")
        return session

    async def _begin(self, command: Claimed) -> Admitted | _Doubtful | Outcome:
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            if locked is None:
                return await nothing_to_do(connection, command, now)
            enrollment = locked.enrollment
            match enrollment.state:
                case EnrollmentState.UNKNOWN:
                    return _Doubtful(enrollment)
                case EnrollmentState.ENROLLING if enrollment.intended_at is not None:
                    # Whoever stored the intent did not live to tell what came of it.
                    return _Doubtful(await self._settlement.lose(connection, command, enrollment))
                case EnrollmentState.ENROLLING if enrollment.pending_end is not None:
                    return await self._ended(
                        connection, command, Change(enrollment=enrollment, happening=Happening.POSTPONE)
                    )
                case EnrollmentState.SCHEDULED | EnrollmentState.ENROLLING:
                    return await self._admitted(connection, command, locked)
                case _:
                    return await nothing_to_do(connection, command, now)

    async def _admitted(self, connection: Connection, command: Claimed, locked: Locked) -> Admitted | Outcome:
        now = self._bench.clock.now()
        answer = await admit(connection, locked, self._bench, now)
        match answer:
            case Admitted():
                return answer
            case Turned(to):
                await commands.finish(connection, command, outcome=to.value, now=now)
                return Outcome.REFUSED
            case Held(until, reason) if locked.enrollment.state is EnrollmentState.ENROLLING and until is not None:
                held = Change(
                    enrollment=locked.enrollment,
                    happening=Happening.POSTPONE,
                    reason=reason.value,
                    expected_at=until,
                )
                return await self._ended(connection, command, held)
            case Held(until, reason):
                await commands.release(connection, command, error=reason.value, due_at=until)
                return Outcome.PARKED
            case _:
                assert_never(answer)

    async def _intend(self, command: Claimed, admitted: Admitted, present: PresentPerson) -> _Intended | Outcome:
        """Keep the record that came back, ask consent of it, and store the intent."""
        try:
            async with self._bench.database.transaction() as connection:
                return await self._intended(connection, command, admitted, present)
        except commands.LeaseLost:
            raise
        except ConcurrentChange:
            # Another enrollment has taken this person's place in this very moment, and is seen now.
            async with self._bench.database.transaction() as connection:
                return await self._intended(connection, command, admitted, present)

    async def _intended(
        self, connection: Connection, command: Claimed, admitted: Admitted, present: PresentPerson
    ) -> _Intended | Outcome:
        now = self._bench.clock.now()
        locked = await lock_enrollment(connection, command)
        if locked is None or locked.enrollment.state is not EnrollmentState.ENROLLING:
            return await nothing_to_do(connection, command, now)
        enrollment = locked.enrollment
        consent = await self._consent(connection, admitted, present)
        if consent is not Reason.ERASED:
            # Of whom was erased while Salesloft was asked, nothing is written down again.
            await present.keep(connection, enrollment.organization_id, enrollment.stakeholder_id, now)
        if isinstance(consent, Reason):
            change = Change(enrollment=enrollment, happening=Happening.BLOCK, reason=consent.value)
            return await self._ended(connection, command, change)
        held = await self._held(connection, enrollment, admitted, consent, now)
        if held is not None:
            reason = held.reason.value
            change = Change(enrollment=enrollment, happening=Happening.POSTPONE, reason=reason, expected_at=held.until)
            return await self._ended(connection, command, change)
        earliest = self._bench.sessions.wire.time.earliest(now)
        if not await memberships.record_intent(
            connection,
            enrollment.id,
            person_id=present.person_id,
            intended_at=earliest if earliest is not None else now - _CLOCKS_DIFFER,
        ):
            reason = Reason.ALREADY_ENROLLED.value
            return await self._ended(
                connection, command, Change(enrollment=enrollment, happening=Happening.FAIL, reason=reason)
            )
        stored = await lock_enrollment(connection, command)
        if stored is None:
            raise AssertionError("a locked enrollment has gone")
        return _Intended(stored.enrollment)

    async def _held(
        self, connection: Connection, enrollment: Enrollment, admitted: Admitted, consent: Consent, now: datetime
    ) -> Held | None:
        """What came while Salesloft was asked: an end, risk, a stop, or another fact than the approval is bound to."""
        if consent is Consent.UNKNOWN or enrollment.pending_end is not None:
            return Held(now + self._bench.options.recheck_after, Reason.CONSENT_UNKNOWN)
        held = await hold_on(connection, enrollment, admitted.organization, now)
        if held is None and await has_changed(connection, enrollment, self._bench, now):
            # The next turn begins at the gates, and goes with the difference to the approver.
            return Held(now, Reason.FACT_CHANGED)
        return held

    async def _ended(self, connection: Connection, command: Claimed, change: Change) -> Outcome:
        """This turn ends without a call."""
        now = self._bench.clock.now()
        moved = await end_call(connection, change, now)
        if moved.state is EnrollmentState.SCHEDULED:
            await commands.release(connection, command, error=change.reason, due_at=change.expected_at)
            return Outcome.PARKED
        await commands.finish(connection, command, outcome=moved.state.value, error=change.reason, now=now)
        return Outcome.REFUSED

    async def _consent(self, connection: Connection, admitted: Admitted, present: PresentPerson) -> Consent | Reason:
        """The stakeholder is read again: a preference may have come while Salesloft was asked."""
        key = (admitted.enrollment.organization_id, admitted.enrollment.stakeholder_id)
        row = (await directory.read_stakeholders(connection, [key])).get(key)
        if row is None or row.data is None:
            return Reason.ERASED
        stakeholder = StakeholderSnapshot.model_validate_json(row.data)
        refusal = await refused_elsewhere(connection, key[0], stakeholder, present.person_id)
        if refusal is not None:
            return refusal
        fresh_since = present.asked_at - self._bench.options.fresh_for
        return at_execution(stakeholder, present.record, fresh_since=fresh_since)

    async def _call(
        self,
        command: Claimed,
        session: Session,
        client: SalesloftClient,
        enrollment: Enrollment,
        present: PresentPerson,
    ) -> Outcome:
        wanted = NewMembership(
            person_id=present.person_id,
            cadence_id=enrollment.cadence_id,
            user_id=enrollment.sender_user_id,
            step_id=enrollment.start_step_id,
        )
        try:
            membership = await client.create_membership(wanted)
        except OutcomeUnknown as error:
            _log.info("salesloft_outcome_unknown", enrollment_id=str(enrollment.id), status=error.status)
            return await self._doubted(command, session, client)
        except Unprocessable as error:
            if error.already_on_cadence:
                return await self._settlement.settle_conflict(command, session, client, enrollment, error)
            return await self._settlement.refused(command, error)
        except NotFound as error:
            return await self._not_found(command, enrollment, present, error)
        except SalesloftError as error:
            return await self._settlement.not_called(command, session, error)
        return await self._settlement.record(command, membership)

    async def _doubted(self, command: Claimed, session: Session, client: SalesloftClient) -> Outcome:
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            if locked is None:
                return await nothing_to_do(connection, command, self._bench.clock.now())
            lost = await self._settlement.lose(connection, command, locked.enrollment)
        return await self._settlement.settle(command, session, client, lost)

    async def _not_found(
        self, command: Claimed, enrollment: Enrollment, present: PresentPerson, error: NotFound
    ) -> Outcome:
        if present.row is not None:
            return await self._settlement.end(command, Happening.FAIL, Reason.CADENCE_UNAVAILABLE, str(error))
        # Nothing was sent of the person, and Salesloft may have deleted it. The next turn makes it anew.
        await self._people.gone(enrollment.organization_id, present.person_id)
        await self._settlement.put_back(command, Reason.CONNECTION_LOST, str(error))
        return Outcome.RETRIED

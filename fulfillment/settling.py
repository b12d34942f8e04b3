"""How a turn at enrolling ends: recorded, refused, put back to wait, or settled by reading back what a call did."""

from collections.abc import Callable
from datetime import datetime

import structlog

from enrollment.states import CALL_OPEN, Happening
from fulfillment.carrying import Outcome, Workbench, end_call, lock_enrollment
from fulfillment.recording import Another, Nothing, Ours, adopt, find_membership
from salesloft_client import (
    CadenceMembership,
    RetryClass,
    SalesloftClient,
    SalesloftError,
    Throttled,
    Unauthorized,
    Unprocessable,
)
from schemas.vocabulary import EnrollmentState, Reason
from storage import commands, memberships
from storage.commands import Claimed
from storage.enrollments import Enrollment
from storage.pool import Connection
from telemetry.metrics import APPROVAL_TO_MEMBERSHIP
from workflows.session import Session
from workflows.transitions import Change, transition

__all__ = ["Settlement"]

_log = structlog.get_logger(__name__)


class Settlement:
    """Ends turns. Each ending is one transaction that moves the enrollment and finishes or releases its command."""

    def __init__(self, bench: Workbench, chance: Callable[[], float]) -> None:
        self._bench = bench
        self._chance = chance

    async def record(self, command: Claimed, membership: CadenceMembership) -> Outcome:
        """Salesloft has made the membership, or shows it as ours."""
        bench, now = self._bench, self._bench.clock.now()
        async with bench.database.transaction() as connection:
            enrollment = await self._open_call(connection, command)
            if enrollment is None:
                return await nothing_to_do(connection, command, now)
            facts = await bench.memory.facts(connection, [command.organization_id], now)
            settled = await adopt(connection, enrollment, membership, facts[command.organization_id], now)
            await commands.finish(connection, command, outcome=settled.state.value, now=now)
        if settled.state is EnrollmentState.FAILED:
            return Outcome.REFUSED
        if command.attempts == 1:
            APPROVAL_TO_MEMBERSHIP.observe(max(0.0, (now - command.created_at).total_seconds()))
        return Outcome.DONE

    async def end(self, command: Claimed, happening: Happening, reason: Reason, error: str | None) -> Outcome:
        """No membership was made and none will be by this command: FAIL or BLOCK."""
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            enrollment = await self._open_call(connection, command)
            if enrollment is None:
                return await nothing_to_do(connection, command, now)
            detail = {"error": error} if error is not None else None
            change = Change(enrollment=enrollment, happening=happening, reason=reason.value, detail=detail)
            moved = await end_call(connection, change, now)
            await commands.finish(connection, command, outcome=moved.state.value, error=error, now=now)
        _log.info("enrollment_not_made", enrollment_id=str(moved.id), state=moved.state.value, reason=reason.value)
        return Outcome.REFUSED

    async def refused(self, command: Claimed, error: Unprocessable) -> Outcome:
        """Salesloft refuses the membership for good."""
        if error.has_contact_restrictions:
            return await self.end(command, Happening.BLOCK, Reason.DO_NOT_CONTACT, str(error))
        unavailable = error.step_not_in_cadence or error.cadence_not_available
        reason = Reason.CADENCE_UNAVAILABLE if unavailable else Reason.ADD_REFUSED
        return await self.end(command, Happening.FAIL, reason, str(error))

    async def put_back(
        self,
        command: Claimed,
        reason: Reason,
        error: str,
        *,
        due_at: datetime | None = None,
        pause_s: float = 0.0,
    ) -> Outcome:
        """The call was certainly not made, or had no effect: the enrollment waits in `scheduled`.

        An end that came meanwhile withdraws it instead. An enrollment that is still in doubt stays so.
        """
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            enrollment = await self._open_call(connection, command)
            if enrollment is None:
                return await nothing_to_do(connection, command, now)
            if enrollment.state is EnrollmentState.ENROLLING:
                await memberships.forget_intent(connection, enrollment.id)
                change = Change(
                    enrollment=enrollment,
                    happening=Happening.POSTPONE,
                    reason=reason.value,
                    expected_at=due_at,
                    detail={"error": error},
                )
                moved = await end_call(connection, change, now)
                if moved.state is EnrollmentState.WITHDRAWN:
                    await commands.finish(connection, command, outcome=moved.state.value, error=error, now=now)
                    return Outcome.DONE
            await commands.release(connection, command, error=error, due_at=due_at, pause_s=pause_s)
        return Outcome.PARKED

    async def not_called(self, command: Claimed, session: Session, error: SalesloftError) -> Outcome:
        """A call failed without making a membership, or while reading back."""
        match error.retry_class:
            case RetryClass.THROTTLED:
                retry_at = error.retry_at if isinstance(error, Throttled) else None
                return await self.put_back(command, Reason.THROTTLED, str(error), due_at=retry_at)
            case RetryClass.REAUTHORIZE:
                if isinstance(error, Unauthorized):
                    await self._bench.sessions.rejected(session, "unauthorized")
                return await self.put_back(command, Reason.CONNECTION_LOST, str(error), pause_s=self._pause_s(command))
            case RetryClass.TRANSIENT | RetryClass.UNKNOWN:
                await self.put_back(command, Reason.CONNECTION_LOST, str(error), pause_s=self._pause_s(command))
                return Outcome.RETRIED
            case RetryClass.PERMANENT:
                return await self.end(command, Happening.FAIL, Reason.ADD_REFUSED, str(error))

    async def settle(
        self, command: Claimed, session: Session, client: SalesloftClient, enrollment: Enrollment
    ) -> Outcome:
        """Read back what a call of unknown outcome has done."""
        try:
            found = await find_membership(client, enrollment)
        except SalesloftError as error:
            if error.retry_class is RetryClass.PERMANENT:
                # Not to be allowed to read says nothing of the call: somebody may yet give the permission.
                _log.warning("salesloft_not_readable", enrollment_id=str(enrollment.id), error=str(error))
                pause_s = self._bench.options.backoff.longest_s
                return await self.put_back(command, Reason.CONNECTION_LOST, str(error), pause_s=pause_s)
            return await self.not_called(command, session, error)
        match found:
            case Ours(membership):
                return await self.record(command, membership)
            case Another():
                return await self.end(command, Happening.FAIL, Reason.ALREADY_ENROLLED, "another membership")
            case Nothing():
                return await self._call_again(command)

    async def settle_conflict(
        self, command: Claimed, session: Session, client: SalesloftClient, enrollment: Enrollment, error: Unprocessable
    ) -> Outcome:
        """Salesloft says that the person is on the cadence already: ours, where an earlier call made it; else not."""
        try:
            found = await find_membership(client, enrollment)
        except SalesloftError as failure:
            if failure.retry_class is RetryClass.PERMANENT:
                return await self.end(command, Happening.FAIL, Reason.ALREADY_ENROLLED, str(error))
            return await self.not_called(command, session, failure)
        if isinstance(found, Ours) and found.membership.currently_on_cadence:
            return await self.record(command, found.membership)
        return await self.end(command, Happening.FAIL, Reason.ALREADY_ENROLLED, str(error))

    async def lose(self, connection: Connection, command: Claimed, enrollment: Enrollment) -> Enrollment:
        """A call was begun and its outcome is not known."""
        change = Change(enrollment=enrollment, happening=Happening.LOSE)
        (lost,) = await transition(connection, [change], self._bench.clock.now())
        await commands.doubt(connection, command, grace_s=self._bench.options.grace_s)
        return lost

    async def _call_again(self, command: Claimed) -> Outcome:
        """Reading back shows nothing: to be believed once Salesloft has had its time to show it."""
        options, now = self._bench.options, self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            enrollment = await self._open_call(connection, command)
            if enrollment is None:
                return await nothing_to_do(connection, command, now)
            left_s = await commands.doubt(connection, command, grace_s=options.grace_s)
            if left_s > 0:
                await commands.release(connection, command, error="outcome unknown", pause_s=left_s)
                return Outcome.UNKNOWN
            await commands.settle(connection, command)
            change = Change(enrollment=enrollment, happening=Happening.CALL_AGAIN)
            moved = await end_call(connection, change, now)
            if moved.state is EnrollmentState.WITHDRAWN:
                await commands.finish(connection, command, outcome=moved.state.value, now=now)
                return Outcome.DONE
            # The next turn begins at the gates: facts may have changed while nobody knew.
            await memberships.forget_intent(connection, enrollment.id)
            await commands.release(connection, command, error="the call was not made")
            await commands.wake(connection)
        return Outcome.RETRIED

    async def _open_call(self, connection: Connection, command: Claimed) -> Enrollment | None:
        locked = await lock_enrollment(connection, command)
        return locked.enrollment if locked is not None and locked.enrollment.state in CALL_OPEN else None

    def _pause_s(self, command: Claimed) -> float:
        return self._bench.options.backoff.pause_s(command.attempts, self._chance())


async def nothing_to_do(connection: Connection, command: Claimed, now: datetime) -> Outcome:
    """The enrollment does not wait for this command, or no longer."""
    await commands.finish(connection, command, outcome="not_waiting", now=now)
    return Outcome.DONE

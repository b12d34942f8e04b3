"""Steering who is enrolled: taking a person off a cadence, because its purpose ended or at somebody's wish."""

from collections.abc import Callable
from uuid import UUID

import structlog

from activity.memberships import MembershipStatus
from enrollment.states import Happening
from fulfillment.carrying import Outcome, Workbench, lock_enrollment
from salesloft_client import (
    CadenceMembership,
    NotFound,
    OutcomeUnknown,
    RetryClass,
    SalesloftClient,
    SalesloftError,
    Throttled,
    Unauthorized,
)
from schemas.vocabulary import ActorKind, EnrollmentState
from storage import commands, holds, memberships
from storage.commands import Claimed
from storage.enrollments import Enrollment
from storage.memberships import KnownMembership
from workflows.session import Session
from workflows.transitions import Actor, Change, MembershipFacts, transition

__all__ = ["Remove", "given_back", "taken_off"]

_log = structlog.get_logger(__name__)


class Remove:
    """Carries out `remove` commands: `happening` (EXIT or REMOVE), `reason` and `actor` are in the payload.

    Removing is repeatable, so an unknown outcome is settled by looking once and removing again if need be.
    """

    def __init__(self, bench: Workbench, chance: Callable[[], float]) -> None:
        """`chance` draws from [0, 1)."""
        self._bench = bench
        self._chance = chance

    async def carry_out(self, command: Claimed) -> Outcome:
        """See `fulfillment.carrying.Handler`."""
        begun = await self._to_remove(command)
        if isinstance(begun, Outcome):
            return begun
        enrollment, membership = begun
        session = await self._bench.session_of(command, enrollment)
        try:
            shown = await taken_off(self._bench.client(session, command), membership.salesloft_membership_id)
        except SalesloftError as error:
            if error.retry_class is RetryClass.PERMANENT:
                _log.warning("membership_not_removed", enrollment_id=str(command.enrollment_id), error=str(error))
            return await given_back(self._bench, command, session, error, self._chance())
        return await self._record(command, membership.id, shown)

    async def _to_remove(self, command: Claimed) -> tuple[Enrollment, KnownMembership] | Outcome:
        """Whose membership it is and which, or how the command ended because there is none on a cadence."""
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            if locked is not None and locked.enrollment.state is EnrollmentState.PAUSED:
                if locked.enrollment.intended_at is not None:
                    # A call may have added the person back; who resumes reads that back, maybe not before a minute.
                    pause_s = self._bench.options.backoff.pause_s(command.attempts, self._chance())
                    await commands.release(connection, command, error="a call is open", pause_s=pause_s)
                    return Outcome.RETRIED
                # It is off its cadence already: that is what pausing did.
                await transition(connection, [_change(command, locked.enrollment, None)], now)
            elif locked is not None and locked.enrollment.state is EnrollmentState.ENROLLED:
                membership_id = locked.enrollment.membership_id
                known = await memberships.read(connection, membership_id) if membership_id is not None else None
                if known is not None:
                    return locked.enrollment, known
            await commands.finish(connection, command, outcome="not_enrolled", now=now)
        return Outcome.DONE

    async def _record(self, command: Claimed, membership_id: UUID, shown: CadenceMembership | None) -> Outcome:
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            state = (shown.current_state if shown is not None else None) or "removed"
            await memberships.end(
                connection, membership_id, status=MembershipStatus.REMOVED.value, salesloft_state=state
            )
            if locked is not None and locked.enrollment.state is EnrollmentState.ENROLLED:
                known = await memberships.read(connection, membership_id)
                facts = None
                if known is not None:
                    facts = MembershipFacts(
                        id=known.id,
                        salesloft_membership_id=known.salesloft_membership_id,
                        salesloft_state=state,
                        current_step=known.current_step,
                    )
                await transition(connection, [_change(command, locked.enrollment, facts)], now)
            await commands.finish(connection, command, outcome="removed", now=now)
            await holds.hasten(connection, command.organization_id, command.payload["customer_id"], now)
        return Outcome.DONE


async def taken_off(client: SalesloftClient, salesloft_membership_id: int) -> CadenceMembership | None:
    """Have a person taken off; answers what Salesloft shows of it where it had to be asked. Raises its errors."""
    try:
        await client.delete_membership(salesloft_membership_id)
    except NotFound:
        return None
    except OutcomeUnknown:
        shown = await client.membership(salesloft_membership_id)
        if shown.currently_on_cadence:
            raise
        return shown
    return None


async def given_back(
    bench: Workbench, command: Claimed, session: Session, error: SalesloftError, chance: float
) -> Outcome:
    """Give back a command that may be carried out again at any time, to be tried again after a pause.

    A membership in `processing` cannot be changed yet, and is refused like what never can; and a missing permission may
    yet be given. Nobody is left on a cadence in silence: the command stays, with its error.
    """
    if isinstance(error, Unauthorized):
        await bench.sessions.rejected(session, "unauthorized")
    retry_at = error.retry_at if isinstance(error, Throttled) else None
    pause_s = 0.0 if retry_at is not None else bench.options.backoff.pause_s(command.attempts, chance)
    async with bench.database.connection() as connection:
        await commands.release(connection, command, error=str(error), due_at=retry_at, pause_s=pause_s)
    return Outcome.PARKED if retry_at is not None else Outcome.RETRIED


def _change(command: Claimed, enrollment: Enrollment, membership: MembershipFacts | None) -> Change:
    actor = command.payload["actor"]
    return Change(
        enrollment=enrollment,
        happening=Happening(command.payload["happening"]),
        reason=command.payload["reason"],
        actor=Actor(ActorKind(actor["kind"]), actor["user_id"]),
        membership=membership,
    )

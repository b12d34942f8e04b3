"""Pausing who is held: Salesloft knows no pause, so the step is read and kept, and the person taken off the cadence.

A person who cannot be taken off is told of on the bus, once, and the command stays: whatever must not run beside that
cadence waits for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid5

import structlog

from activity.memberships import MembershipStatus
from enrollment.states import Happening
from fulfillment.carrying import Outcome, Workbench, lock_enrollment
from fulfillment.steer import given_back, taken_off
from salesloft_client import CadenceMembership, NotFound, RetryClass, SalesloftClient, SalesloftError
from schemas.vocabulary import ActorKind, AttentionKind, EnrollmentState, Reason
from storage import commands, holds, memberships, outbox
from storage.commands import Claimed
from storage.enrollments import Enrollment
from storage.holds import Pause as AskedPause
from storage.memberships import KnownMembership
from storage.outbox import OutboxMessage
from storage.pool import Connection
from workflows.attention import attention_needed
from workflows.transitions import SERVICE, Actor, Change, MembershipFacts, transition

__all__ = ["Pause"]

_log = structlog.get_logger(__name__)

_NAMESPACE = UUID("0b8d7e52-40a5-5c0e-9a53-3f1d2f5f6a10")
_PROCESSING = "processing"


@dataclass(frozen=True, slots=True)
class _ToPause:
    enrollment: Enrollment
    membership: KnownMembership
    pause: AskedPause


class Pause:
    """Carries out `pause` commands. Taking off is repeatable; that the step is kept says that it has begun."""

    def __init__(self, bench: Workbench, chance: Callable[[], float]) -> None:
        """`chance` draws from [0, 1)."""
        self._bench = bench
        self._chance = chance

    async def carry_out(self, command: Claimed) -> Outcome:
        """See `fulfillment.carrying.Handler`."""
        begun = await self._begin(command)
        if isinstance(begun, Outcome):
            return begun
        session = await self._bench.session_of(command, begun.enrollment)
        client = self._bench.client(session, command)
        shown: CadenceMembership | None = None
        try:
            shown = await _shown(client, begun.membership.salesloft_membership_id)
            if begun.pause.step_id is None:
                if shown is None or shown.currently_on_cadence is False:
                    return await self._left_already(command, begun, shown)
                if not await self._keep_step(command, begun, await _step(client, begun, shown)):
                    return Outcome.DONE
            after = await taken_off(client, begun.membership.salesloft_membership_id)
        except SalesloftError as error:
            is_processing = shown is not None and shown.current_state == _PROCESSING
            if error.retry_class is RetryClass.PERMANENT and not is_processing:
                await self._refused(begun, error)
            return await given_back(self._bench, command, session, error, self._chance())
        return await self._record(command, begun.membership, after)

    async def _begin(self, command: Claimed) -> _ToPause | Outcome:
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            enrollment = locked.enrollment if locked is not None else None
            if enrollment is not None and enrollment.state is EnrollmentState.ENROLLED:
                pause = await holds.read_pause(connection, enrollment.id)
                # Once it has begun it is carried through: the person may be off already.
                has_begun = pause is not None and pause.step_id is not None
                is_wanted = pause is not None and (has_begun or pause.moved_by is not None)
                if pause is not None and (is_wanted or await holds.held(connection, enrollment.id, now) is not None):
                    known = await self._known(connection, enrollment)
                    if known is not None:
                        return _ToPause(enrollment, known, pause)
            if enrollment is not None and enrollment.state is not EnrollmentState.PAUSED:
                await holds.end_pause(connection, enrollment.id)
            await commands.finish(connection, command, outcome="not_held", now=now)
        return Outcome.DONE

    @staticmethod
    async def _known(connection: Connection, enrollment: Enrollment) -> KnownMembership | None:
        if enrollment.membership_id is None:
            return None
        return await memberships.read(connection, enrollment.membership_id)

    async def _keep_step(self, command: Claimed, begun: _ToPause, step_id: int) -> bool:
        """Whether the person may be taken off: nothing holds whom an outcome or a person has ended meanwhile."""
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            if locked is not None and locked.enrollment.state is EnrollmentState.ENROLLED:
                await holds.record_step(connection, begun.enrollment.id, step_id)
                return True
            await commands.finish(connection, command, outcome="not_enrolled", now=now)
        return False

    async def _left_already(self, command: Claimed, begun: _ToPause, shown: CadenceMembership | None) -> Outcome:
        """Salesloft, or somebody there, ended it before: there is nothing to pause, nor to resume."""
        now = self._bench.clock.now()
        state = (shown.current_state if shown is not None else None) or "removed"
        is_completed = state == MembershipStatus.COMPLETED
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            if locked is not None and locked.enrollment.state is EnrollmentState.ENROLLED:
                status = MembershipStatus.COMPLETED if is_completed else MembershipStatus.REMOVED
                known = begun.membership
                await memberships.end(connection, known.id, status=status.value, salesloft_state=state)
                change = Change(
                    enrollment=locked.enrollment,
                    happening=Happening.COMPLETE if is_completed else Happening.REMOVE,
                    actor=Actor(ActorKind.SALESLOFT),
                    membership=MembershipFacts(known.id, known.salesloft_membership_id, state, known.current_step),
                )
                await transition(connection, [change], now)
            await holds.end_pause(connection, begun.enrollment.id)
            await commands.finish(connection, command, outcome="not_on_cadence", now=now)
            await holds.hasten(connection, command.organization_id, command.payload["customer_id"], now)
        return Outcome.DONE

    async def _refused(self, begun: _ToPause, error: SalesloftError) -> None:
        enrollment, now = begun.enrollment, self._bench.clock.now()
        _log.warning("membership_not_paused", enrollment_id=str(enrollment.id), error=str(error))
        async with self._bench.database.transaction() as connection:
            await holds.record_refusal(connection, enrollment.id, str(error), now)
            if begun.pause.refused_at is None:
                told = self._attention(begun, error)
                await outbox.add(connection, [told])

    def _attention(self, begun: _ToPause, error: SalesloftError) -> OutboxMessage:
        enrollment, now = begun.enrollment, self._bench.clock.now()
        return attention_needed(
            uuid5(_NAMESPACE, f"{enrollment.id}/{begun.membership.added_at.isoformat()}"),
            organization_id=enrollment.organization_id,
            kind=AttentionKind.FAILURES_RISING,
            subject=str(enrollment.id),
            detail=f"Salesloft refuses to take the person off the cadence ({begun.pause.reason.value}), and"
            f" what must not run beside it waits: {error}",
            now=now,
            correlation_id=enrollment.correlation_id,
        )

    async def _record(self, command: Claimed, known: KnownMembership, shown: CadenceMembership | None) -> Outcome:
        now = self._bench.clock.now()
        async with self._bench.database.transaction() as connection:
            locked = await lock_enrollment(connection, command)
            state = (shown.current_state if shown is not None else None) or "removed"
            if locked is not None and locked.enrollment.state is EnrollmentState.ENROLLED:
                enrollment = locked.enrollment
                pause = await holds.read_pause(connection, enrollment.id)
                await memberships.end(connection, known.id, status=MembershipStatus.PAUSED.value, salesloft_state=state)
                facts = MembershipFacts(known.id, known.salesloft_membership_id, state, known.current_step)
                await transition(connection, [_paused(enrollment, pause, facts)], now)
                await holds.forget_call(connection, enrollment.id)
            await commands.finish(connection, command, outcome="paused", now=now)
            await holds.hasten(connection, command.organization_id, command.payload["customer_id"], now)
        return Outcome.DONE


def _paused(enrollment: Enrollment, pause: AskedPause | None, membership: MembershipFacts) -> Change:
    """What a hold or a stop asked for first is theirs, though a person asks for it too."""
    actor = SERVICE
    if pause is not None and pause.reason is Reason.REQUESTED_BY_PERSON:
        kind = pause.moved_by_kind if pause.moved_by is not None else pause.asked_by_kind
        actor = Actor(ActorKind(kind.value), pause.moved_by or pause.asked_by)
    return Change(
        enrollment=enrollment,
        happening=Happening.PAUSE,
        reason=pause.reason.value if pause is not None else None,
        actor=actor,
        membership=membership,
    )


async def _shown(client: SalesloftClient, salesloft_membership_id: int) -> CadenceMembership | None:
    try:
        return await client.membership(salesloft_membership_id)
    except NotFound:
        return None


async def _step(client: SalesloftClient, begun: _ToPause, shown: CadenceMembership) -> int:
    """Where the cadence stands: the membership's step, else the open action's, else the last that we know of."""
    if shown.step is not None:
        return shown.step.id
    enrollment = begun.enrollment
    if enrollment.salesloft_person_id is not None:
        page = await client.actions(
            person_ids=[enrollment.salesloft_person_id], cadence_ids=[enrollment.cadence_id], per_page=10
        )
        for action in page.rows:
            is_of_person = action.person is not None and action.person.id == enrollment.salesloft_person_id
            is_of_cadence = action.cadence is not None and action.cadence.id == enrollment.cadence_id
            if is_of_person and is_of_cadence and action.step is not None:
                return action.step.id
    return begun.membership.step_id or enrollment.start_step_id

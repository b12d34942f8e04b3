"""What people ask of enrollments: pause, resume, skip a step, begin again at one, change the sender, remove, retry.

Salesloft can do none of it but remove. Everything else is taking the person off and adding them back, which passes the
consent gate; what was approved for the person stays approved. What is asked is noted with who, when and why, in the
transaction that has it done, and what is asked again under one id is done once.

SteeringInvalid   it cannot be done with that enrollment, as it stands now
├── NoEnrollment  the organization has no such enrollment
├── TermsInvalid  it could be done, but not so: another step, sender, end or note is needed
└── IdTaken       something else was asked under that id
"""

from datetime import datetime
from uuid import UUID

from enrollment.decide import CadenceFacts, OrganizationFacts
from enrollment.states import CALL_OPEN, FINAL, PENDING, Happening
from schemas.vocabulary import ActorKind, EnrollmentState, Reason
from storage import commands, directory, enrollments, holds, memberships, steering
from storage.enrollments import Enrollment
from storage.pool import Connection
from storage.steering import Steering, SteeringAction
from workflows.audit import Action, Done, note
from workflows.commands import add_enroll, add_pause, add_remove, add_resume
from workflows.memory import OrganizationMemory
from workflows.transitions import Actor, Change, transition

__all__ = ["IdTaken", "NoEnrollment", "SteeringInvalid", "TermsInvalid", "steer", "try_steering"]

_ON_CADENCE = frozenset({EnrollmentState.ENROLLED, EnrollmentState.PAUSED})


class SteeringInvalid(Exception):
    """It cannot be done as asked; the message says why."""


class NoEnrollment(SteeringInvalid):
    """The organization has no such enrollment."""

    def __init__(self, organization_id: str, enrollment_id: UUID) -> None:
        super().__init__(f"{organization_id} has no enrollment {enrollment_id}")
        self.enrollment_id = enrollment_id


class TermsInvalid(SteeringInvalid):
    """Something in what is asked is wrong, whatever the enrollment's state."""


class IdTaken(SteeringInvalid):
    """Something else was asked under the same id."""


async def steer(
    connection: Connection, organization_id: str, asked: Steering, memory: OrganizationMemory, now: datetime
) -> Reason | None:
    """Have done what is asked, if it was not asked before under the same id; answers what holds the enrollment then.

    Nothing of it waits for Salesloft: the changes of the enrollment's state tell when it is done. Raises
    SteeringInvalid; the caller's transaction is to be given up then.
    """
    customer_id = await steering.customer_of(connection, organization_id, asked.enrollment_id)
    if customer_id is None:
        raise NoEnrollment(organization_id, asked.enrollment_id)
    facts = (await memory.facts(connection, [organization_id], now))[organization_id]
    await directory.lock_customers(connection, [(organization_id, customer_id)])
    enrollment = (await enrollments.lock(connection, [asked.enrollment_id]))[asked.enrollment_id]
    if not await steering.add(connection, organization_id, asked, now):
        if await steering.read(connection, organization_id, asked.id) != asked:
            raise IdTaken(f"something else was asked under the id {asked.id}: ask under another one")
        return await holds.held(connection, enrollment.id, now)
    if not asked.note.strip():
        raise TermsInvalid("say why: it is told to whoever looks at the enrollment")
    if enrollment.state in FINAL:
        raise SteeringInvalid(f"the enrollment is over: it is {enrollment.state.value}")
    await _have_done(connection, enrollment, asked, facts, now)
    await note(connection, _done(organization_id, asked), now=now)
    return await holds.held(connection, enrollment.id, now)


async def try_steering(
    connection: Connection, organization_id: str, asked: Steering, memory: OrganizationMemory, now: datetime
) -> Reason | None:
    """What would hold the enrollment then; all that is written for it is given up again. Raises as `steer` does."""
    trial = connection.transaction()
    await trial.start()
    try:
        return await steer(connection, organization_id, asked, memory, now)
    finally:
        await trial.rollback()


async def _have_done(
    connection: Connection, enrollment: Enrollment, asked: Steering, facts: OrganizationFacts, now: datetime
) -> None:
    match asked.action:
        case SteeringAction.REMOVE:
            await _remove(connection, enrollment, asked, now)
        case SteeringAction.PAUSE:
            await _pause(connection, enrollment, asked, now)
        case SteeringAction.RESUME:
            await _resume(connection, enrollment, now)
        case SteeringAction.RETRY:
            await _retry(connection, enrollment, asked, now)
        case SteeringAction.SKIP | SteeringAction.RESTART | SteeringAction.CHANGE_SENDER:
            await _move(connection, enrollment, asked, facts, now)


def _done(organization_id: str, asked: Steering) -> Done:
    detail = {
        "asked": str(asked.id),
        "action": asked.action.value,
        "until": asked.until.isoformat() if asked.until is not None else None,
        "step_id": asked.step_id,
        "sender_user_id": asked.sender_user_id,
    }
    subject = f"enrollment/{asked.enrollment_id}"
    return Done(
        organization_id, Action.ENROLLMENT_STEERED, subject, by=asked.asked_by, digested=asked.note, detail=detail
    )


def _actor(asked: Steering) -> Actor:
    return Actor(ActorKind(asked.asked_by_kind.value), asked.asked_by)


async def _remove(connection: Connection, enrollment: Enrollment, asked: Steering, now: datetime) -> None:
    """Whoever is on the cadence is taken off; whoever is not yet never comes onto it."""
    actor, reason = _actor(asked), Reason.REQUESTED_BY_PERSON.value
    is_coming_back = enrollment.state is EnrollmentState.PAUSED and enrollment.intended_at is not None
    if enrollment.state is EnrollmentState.ENROLLED or is_coming_back:
        await add_remove(connection, enrollment, happening=Happening.REMOVE, reason=reason, now=now, actor=actor)
        return
    happening = Happening.END if enrollment.state in PENDING | CALL_OPEN else Happening.REMOVE
    await transition(connection, [Change(enrollment=enrollment, happening=happening, reason=reason, actor=actor)], now)


async def _pause(connection: Connection, enrollment: Enrollment, asked: Steering, now: datetime) -> None:
    _on_cadence(enrollment, "paused")
    if asked.until is not None and asked.until <= now:
        raise TermsInvalid("the pause would be over already: name a later day, or none to pause until somebody resumes")
    await steering.keep_paused(connection, enrollment, asked, now)
    if enrollment.state is EnrollmentState.ENROLLED:
        await add_pause(connection, [enrollment], now)


async def _resume(connection: Connection, enrollment: Enrollment, now: datetime) -> None:
    pause = await holds.read_pause(connection, enrollment.id)
    if pause is None:
        raise SteeringInvalid(f"the enrollment is {enrollment.state.value}, and nobody has paused it")
    await steering.let_go(connection, enrollment.id)
    is_free = await holds.held(connection, enrollment.id, now) is None
    if is_free and enrollment.state is EnrollmentState.PAUSED and enrollment.intended_at is None:
        await add_resume(connection, [enrollment], now)
        await holds.hasten(connection, enrollment.organization_id, enrollment.customer_id, now)


async def _retry(connection: Connection, enrollment: Enrollment, asked: Steering, now: datetime) -> None:
    """What failed is scheduled again, and passes every gate as if it had just been approved.

    So whoever may not be contacted any more is not, and what is not any more as it was approved, or was approved for
    too long ago, goes back to its approver. Whoever has been on the cadence since they were asked for has had what was
    approved.
    """
    if enrollment.state in _ON_CADENCE and await steering.try_again(connection, enrollment.id, now):
        # A turn at it begins at the gates, whoever has it begin.
        await commands.wake(connection)
        return
    if enrollment.state is not EnrollmentState.FAILED:
        raise SteeringInvalid(f"only what failed is tried again, and the enrollment is {enrollment.state.value}")
    if await memberships.has_been_on_cadence(connection, enrollment):
        raise SteeringInvalid("the person is on this cadence, or has been since: nobody is put through it twice")
    actor, reason = _actor(asked), Reason.RETRIED.value
    change = Change(enrollment=enrollment, happening=Happening.RETRY, reason=reason, actor=actor, expected_at=now)
    await add_enroll(connection, [(one, now) for one in await transition(connection, [change], now)], now)


async def _move(
    connection: Connection, enrollment: Enrollment, asked: Steering, facts: OrganizationFacts, now: datetime
) -> None:
    """The person is taken off and added back elsewhere; whoever is paused goes on elsewhere when the pause ends."""
    _on_cadence(enrollment, "moved")
    cadence = facts.cadences.get(enrollment.cadence_id)
    if cadence is None:
        raise SteeringInvalid(f"the team has no cadence {enrollment.cadence_id} any more: nobody can be added back")
    to_step_id, skips = None, 0
    if asked.action is SteeringAction.RESTART:
        to_step_id = _step(cadence, asked.step_id)
    elif asked.action is SteeringAction.SKIP:
        skips = 1
        await _check_skipping(connection, enrollment, cadence)
    else:
        await steering.change_sender(connection, enrollment.id, _sender(cadence, facts, asked.sender_user_id))
    await steering.move_on(connection, enrollment, asked, now, to_step_id=to_step_id, skips=skips)
    if enrollment.state is EnrollmentState.ENROLLED:
        await add_pause(connection, [enrollment], now)


def _on_cadence(enrollment: Enrollment, done: str) -> None:
    if enrollment.state not in _ON_CADENCE:
        raise SteeringInvalid(f"only who is on a cadence can be {done}, and the enrollment is {enrollment.state.value}")
    if enrollment.state is EnrollmentState.PAUSED and enrollment.intended_at is not None:
        raise SteeringInvalid("the person is being added back at this moment: ask again once that is done")


def _step(cadence: CadenceFacts, step_id: int | None) -> int:
    if step_id is None:
        raise TermsInvalid("say at which step it begins again")
    if all(step.id != step_id for step in cadence.steps):
        steps = ", ".join(f"{step.id} ({step.name or step.type})" for step in cadence.steps) or "none"
        raise TermsInvalid(f"{step_id} is no step of the cadence that is switched on; those are {steps}")
    return step_id


async def _check_skipping(connection: Connection, enrollment: Enrollment, cadence: CadenceFacts) -> None:
    """Where it stands by what we know: Salesloft may have gone on since, which is found when the person is off."""
    known = await memberships.read(connection, enrollment.membership_id) if enrollment.membership_id else None
    if known is not None and cadence.steps and known.step_id == cadence.steps[-1].id:
        raise SteeringInvalid("it is on its last step, and there is none to go on to: remove the person instead")


def _sender(cadence: CadenceFacts, facts: OrganizationFacts, user_id: int | None) -> int:
    if user_id is None or user_id not in facts.senders:
        raise TermsInvalid(f"the team has no active user {user_id}")
    if not cadence.team_cadence and cadence.owner_user_id != user_id:
        raise TermsInvalid(f"cadence {cadence.id} is personal: only its owner {cadence.owner_user_id} can send")
    return user_id

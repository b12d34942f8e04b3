"""Outcomes end what they make pointless, and what they end is kept for the triggers that are consumed after them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from enrollment.states import Happening
from schemas.outcomes import Outcome
from schemas.vocabulary import TRIGGER_ENDED_BY, EnrollmentState, OutcomeType, TriggerType
from storage import directory, enrollments, evaluations, holds
from storage.enrollments import Enrollment
from storage.evaluations import EndedRun
from storage.pool import Connection
from workflows.commands import add_remove
from workflows.memory import OrganizationMemory
from workflows.request import decide_again
from workflows.transitions import Change, transition

__all__ = ["IncomingOutcome", "end_enrollments", "take_outcomes"]

_ENDS_EPISODES = frozenset({OutcomeType.RECOVERED, OutcomeType.CHURNED})
_ENDS_MANUAL = frozenset({OutcomeType.CHURNED, OutcomeType.STAKEHOLDER_LEFT})


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingOutcome:
    """An outcome as it arrived; `time` is when it happened."""

    outcome: Outcome
    type: OutcomeType
    event_id: str
    time: datetime

    @property
    def customer(self) -> tuple[str, str]:
        """Whose outcome it is."""
        return (self.outcome.organization_id, self.outcome.customer_id)


async def take_outcomes(
    connection: Connection, incoming: Sequence[IncomingOutcome], memory: OrganizationMemory, now: datetime
) -> None:
    """Withdraw what is pending, have active memberships removed, and decide again what an ended hold kept waiting."""
    customers = {one.customer for one in incoming}
    await memory.facts(connection, {organization_id for organization_id, _ in customers}, now)
    await directory.lock_customers(connection, customers)
    await evaluations.add_ended_runs(connection, [_ended(one) for one in incoming])
    left = [
        ((one.outcome.organization_id, one.outcome.stakeholder_id), one.outcome.customer_id, one.time)
        for one in incoming
        if one.type is OutcomeType.STAKEHOLDER_LEFT and one.outcome.stakeholder_id is not None
    ]
    if left:
        await directory.mark_left(connection, left)
    episodes = [
        (one.customer, one.outcome.business_key if one.type is OutcomeType.RECOVERED else None, one.time)
        for one in incoming
        if one.type in _ENDS_EPISODES
    ]
    if episodes:
        await evaluations.end_episodes(connection, episodes)
    ending: dict[Enrollment, IncomingOutcome] = {}
    for enrollment in await enrollments.lock_open_of(connection, customers):
        cause = next((one for one in incoming if _concerns(one, enrollment)), None)
        if cause is not None:
            ending[enrollment] = cause
    await end_enrollments(
        connection, [(enrollment, cause.type.value, cause.event_id) for enrollment, cause in ending.items()], now
    )
    for organization_id, customer_id in {customer for customer, _, _ in episodes}:
        await holds.hasten(connection, organization_id, customer_id, now)
    await decide_again(connection, customers, memory, now)


async def end_enrollments(
    connection: Connection, ending: Iterable[tuple[Enrollment, str, str | None]], now: datetime
) -> None:
    """End locked enrollments for a reason, caused by an event: withdraw, keep an open call's end, or have removed."""
    changes: list[Change] = []
    for enrollment, reason, causation_id in ending:
        is_coming_back = enrollment.state is EnrollmentState.PAUSED and enrollment.intended_at is not None
        if enrollment.state is EnrollmentState.ENROLLED or is_coming_back:
            # Of whom a call may be adding back this moment nobody knows yet; the command waits until that is settled.
            await add_remove(connection, enrollment, happening=Happening.EXIT, reason=reason, now=now)
        else:
            # A paused membership is off its cadence already: there is nothing to remove.
            happening = Happening.EXIT if enrollment.state is EnrollmentState.PAUSED else Happening.END
            changes.append(Change(enrollment=enrollment, happening=happening, reason=reason, causation_id=causation_id))
    await transition(connection, changes, now)


def _ended(one: IncomingOutcome) -> EndedRun:
    ends = TRIGGER_ENDED_BY[one.type]
    trigger_type: TriggerType | None = next(iter(ends)) if len(ends) == 1 else None
    return EndedRun(
        organization_id=one.outcome.organization_id,
        customer_id=one.outcome.customer_id,
        event_id=one.event_id,
        outcome_type=one.type,
        trigger_type=trigger_type,
        business_key=one.outcome.business_key if trigger_type is not None else None,
        stakeholder_id=one.outcome.stakeholder_id,
        ended_at=one.time,
    )


def _concerns(one: IncomingOutcome, enrollment: Enrollment) -> bool:
    outcome = one.outcome
    if one.customer != (enrollment.organization_id, enrollment.customer_id):
        return False
    if outcome.stakeholder_id is not None and outcome.stakeholder_id != enrollment.stakeholder_id:
        return False
    if enrollment.trigger_type is None or enrollment.event_time is None:
        return one.type in _ENDS_MANUAL
    ends = TRIGGER_ENDED_BY[one.type]
    if enrollment.trigger_type not in ends:
        return False
    if outcome.business_key is not None and len(ends) == 1:
        return enrollment.business_key == outcome.business_key
    return enrollment.event_time <= one.time

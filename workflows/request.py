"""Decide triggers and ask for approval: decisions, enrollments, history and messages in the caller's transaction."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from uuid_utils.compat import uuid7

from enrollment.criteria import Verdict
from enrollment.decide import Decision, OrganizationFacts
from enrollment.evaluate import evaluate, told_outcomes
from enrollment.stops import next_end
from schemas.registry import EVENT_TYPES
from schemas.vocabulary import CandidateOutcome, EnrollmentState, Reason, TriggerType
from storage import directory, enrollments, evaluations, outbox
from storage.directory import CustomerKey
from storage.enrollments import NewEnrollment
from storage.evaluations import Deferral, Evaluation
from storage.outbox import OutboxMessage
from storage.pool import Connection
from workflows.arbitration import hold_back
from workflows.asking import Asking, ask
from workflows.engagement import add_engagement
from workflows.events import Origin
from workflows.memory import OrganizationMemory
from workflows.policy_facts import add_policy_facts, note_request
from workflows.situations import LoadedSituation, Trigger, load
from workflows.transitions import SERVICE, changed_event

__all__ = ["Decided", "decide_again", "decide_and_request", "hold_back_and_decide", "told_verdicts"]


@dataclass(slots=True)
class Decided:
    """How many candidates met with which outcome and reason."""

    counts: Counter[tuple[CandidateOutcome, Reason]] = field(default_factory=Counter)


@dataclass(slots=True)
class _Writing:
    """What one batch will write."""

    evaluations: list[Evaluation] = field(default_factory=list)
    enrollments: list[NewEnrollment] = field(default_factory=list)
    messages: list[OutboxMessage] = field(default_factory=list)
    deferrals: list[Deferral] = field(default_factory=list)
    settled: list[Deferral] = field(default_factory=list)


async def decide_and_request(
    connection: Connection,
    triggers: Sequence[Trigger],
    memory: OrganizationMemory,
    now: datetime,
    *,
    keeps_facts: bool = True,
) -> Decided:
    """Decide triggers in their order, store every decision, and ask for approval of what is to be requested.

    A trigger of which something may still turn is deferred, or stays deferred, until its window ends. Who decides
    several times in a transaction has `memory` keep the organizations' facts itself, at its end.
    """
    organizations = await memory.facts(connection, {trigger.event.organization_id for trigger in triggers}, now)
    loaded = await load(connection, triggers, now)
    await add_policy_facts(connection, triggers, loaded, organizations)
    await add_engagement(connection, triggers, loaded, organizations, now)
    writing, decided = _Writing(), Decided()
    for trigger, known in zip(triggers, loaded, strict=True):
        organization = organizations[trigger.event.organization_id]
        evaluated = evaluate(
            known.situation,
            organization,
            now,
            event_time=trigger.event_time,
            hold_ends=known.hold_ends,
            only=trigger.only,
        )
        decisions, until = evaluated.decisions, evaluated.until
        for decision in decisions:
            decided.counts[decision.outcome, decision.reason] += 1
        evaluation_id = uuid7()
        facts = known.facts(memory.digest(organization))
        writing.evaluations.append(_evaluation(evaluation_id, trigger, known, facts, decisions, organization))
        for decision in decisions:
            if decision.outcome is CandidateOutcome.REQUEST:
                _request(writing, trigger, known, decisions, decision, evaluation_id, organization.team_id, now)
        if trigger.only is None:
            _defer(writing, trigger, known, decisions, until, organization, now)
    await _write(connection, writing, now)
    at_risk = {trigger.customer for trigger in triggers if trigger.trigger_type is TriggerType.AT_RISK}
    if at_risk:
        await _hold_back(connection, at_risk, memory, now)
    # Last: whoever else keeps the same facts in this moment is waited for, and then holds nothing that we want.
    if keeps_facts:
        await memory.keep(connection, organizations.values(), now)
    return decided


async def hold_back_and_decide(
    connection: Connection, customers: Collection[CustomerKey], memory: OrganizationMemory, now: datetime
) -> None:
    """Hold back what goes on of some customers although it is held, under the customers' locks."""
    await memory.facts(connection, {organization_id for organization_id, _ in customers}, now)
    await directory.lock_customers(connection, customers)
    await _hold_back(connection, customers, memory, now)


async def _hold_back(
    connection: Connection, customers: Collection[CustomerKey], memory: OrganizationMemory, now: datetime
) -> None:
    withdrawn = await hold_back(connection, customers, now)
    if withdrawn:
        triggers = [_trigger_of(event, "withdrawal") for event in withdrawn]
        await decide_and_request(connection, triggers, memory, now)


async def decide_again(
    connection: Connection, customers: Collection[CustomerKey], memory: OrganizationMemory, now: datetime
) -> Decided:
    """Decide the deferred triggers of some customers again, under the customers' locks."""
    await directory.lock_customers(connection, customers)
    waiting = await evaluations.deferrals_of(connection, customers)
    triggers = [_trigger_of(deferral, "deferral") for deferral in waiting]
    return await decide_and_request(connection, triggers, memory, now) if triggers else Decided()


def _trigger_of(deferral: Deferral, cause: Literal["deferral", "withdrawal"]) -> Trigger:
    """The trigger that was deferred, or whose request was withdrawn."""
    event_type = EVENT_TYPES[deferral.event_type]
    return Trigger(
        trigger_type=TriggerType(deferral.event_type.split(".")[3]),
        event=event_type.parse(deferral.data),
        event_id=deferral.event_id,
        event_source=deferral.event_source,
        event_type=deferral.event_type,
        event_time=deferral.event_time,
        correlation_id=deferral.correlation_id,
        data=deferral.data,
        cause=cause,
    )


def _evaluation(
    evaluation_id: UUID,
    trigger: Trigger,
    known: LoadedSituation,
    facts: bytes,
    decisions: Sequence[Decision],
    organization: OrganizationFacts,
) -> Evaluation:
    outcomes, digest = told_outcomes(decisions)
    return Evaluation(
        id=evaluation_id,
        organization_id=trigger.event.organization_id,
        customer_id=trigger.event.customer.id,
        cause=trigger.cause,
        event_id=trigger.event_id,
        event_type=trigger.event_type,
        business_key=known.situation.business_key,
        correlation_id=trigger.correlation_id,
        decision_version=organization.decision_version,
        facts=facts.decode(),
        outcomes=outcomes.decode(),
        digest=digest,
    )


def _request(
    writing: _Writing,
    trigger: Trigger,
    known: LoadedSituation,
    decisions: Sequence[Decision],
    decision: Decision,
    evaluation_id: UUID,
    team_id: int | None,
    now: datetime,
) -> None:
    stakeholder, mapping, action = decision.stakeholder, decision.mapping, decision.action
    if stakeholder is None or mapping is None or action is None or decision.digest is None:
        raise AssertionError("a request names its stakeholder, its mapping, its action and what binds them")
    enrollment_id = uuid7()
    organization_id, customer_id = trigger.customer
    business_key = known.situation.business_key
    origin = Origin(trigger.correlation_id, trigger.event_id, trigger.traceparent)
    asked = ask(
        Asking(
            enrollment_id=enrollment_id,
            customer=trigger.customer,
            customer_name=known.situation.customer.name,
            stakeholder=stakeholder,
            action=action,
            mapping=mapping,
            policy=mapping.policy,
            exclusivity_group=mapping.exclusivity_group,
            digest=decision.digest,
            event_type=trigger.event_type,
            event_id=trigger.event_id,
            business_key=business_key,
            verdicts=told_verdicts(decision.verdicts),
            considered=[
                {"stakeholder_id": other.stakeholder_id, "outcome": other.outcome, "reason": other.reason}
                for other in decisions
                if other.stakeholder is not None and other.stakeholder.id != stakeholder.id
            ],
            origin=origin,
            sequence=1,
        ),
        now,
    )
    writing.enrollments.append(
        NewEnrollment(
            id=enrollment_id,
            organization_id=organization_id,
            customer_id=customer_id,
            stakeholder_id=stakeholder.id,
            trigger_type=trigger.trigger_type,
            exclusivity_group=mapping.exclusivity_group,
            business_key=business_key,
            event_id=trigger.event_id,
            event_time=trigger.event_time,
            evaluation_id=evaluation_id,
            correlation_id=trigger.correlation_id,
            mapping_id=mapping.id,
            mapping_version=mapping.version,
            cadence_id=mapping.cadence_id,
            request=asked.request,
            request_digest=decision.digest,
            expires_at=asked.expires_at,
            execute_by=asked.execute_by,
            start_on=action.start_date,
            start_step_id=action.start_step.id,
            sender_user_id=action.sender.user_id,
            team_id=team_id,
        )
    )
    writing.messages.append(asked.message)
    writing.messages.append(
        changed_event(
            organization_id=organization_id,
            customer_id=customer_id,
            stakeholder_id=stakeholder.id,
            enrollment_id=enrollment_id,
            sequence=1,
            from_state=None,
            to_state=EnrollmentState.REQUESTED,
            reason=None,
            actor=SERVICE,
            cadence=(action.cadence.id, action.cadence.name, mapping.purpose),
            membership=None,
            expected_at=None,
            now=now,
            origin=origin,
        )
    )
    # What is requested here is a run in use for the triggers that follow in the same batch.
    run = (trigger.trigger_type, mapping.exclusivity_group, business_key)
    known.runs.states.setdefault(stakeholder.id, {})[run] = EnrollmentState.REQUESTED
    note_request(known, trigger, decision, now)


def told_verdicts(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Verdicts as a request shows them."""
    return [
        {"predicate": verdict.predicate, "value": verdict.value, "holds": verdict.holds is True} for verdict in verdicts
    ]


def _defer(
    writing: _Writing,
    trigger: Trigger,
    known: LoadedSituation,
    decisions: Sequence[Decision],
    until: datetime,
    organization: OrganizationFacts,
    now: datetime,
) -> None:
    reasons = {decision.reason for decision in decisions if decision.outcome is CandidateOutcome.DEFER}
    if not reasons and trigger.cause == "event":
        return
    again = {decision.again_at for decision in decisions}
    deferral = Deferral(
        organization_id=trigger.event.organization_id,
        customer_id=trigger.event.customer.id,
        event_id=trigger.event_id,
        event_source=trigger.event_source,
        event_type=trigger.event_type,
        event_time=trigger.event_time,
        business_key=known.situation.business_key,
        correlation_id=trigger.correlation_id,
        data=trigger.data,
        stakeholder_ids=[stakeholder.id for stakeholder in trigger.event.stakeholders or ()],
        reasons=sorted(reasons),
        deferred_until=until,
        wake_at=min(
            one for one in (until, known.held_until, next_end(organization.stops, now), *again) if one is not None
        ),
        decision_version=organization.decision_version,
    )
    (writing.deferrals if reasons else writing.settled).append(deferral)


async def _write(connection: Connection, writing: _Writing, now: datetime) -> None:
    await evaluations.add(connection, writing.evaluations, now)
    if writing.enrollments:
        await enrollments.add(connection, writing.enrollments, now)
        await outbox.add(connection, writing.messages)
    if writing.deferrals:
        await evaluations.put_deferrals(connection, writing.deferrals, now)
    if writing.settled:
        await evaluations.close_deferrals(connection, writing.settled)

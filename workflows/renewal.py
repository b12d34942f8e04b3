"""An approval meets its moment: what it is bound to still holds, or the difference goes to the approver again."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from enrollment.approval import Bound, differences, digest
from enrollment.consent import normalised_email
from enrollment.criteria import Facts, Verdict, verdicts
from enrollment.decide import Action, OrganizationFacts, propose
from enrollment.mappings import CompiledMapping, FixedUser, Mapping
from enrollment.states import Happening
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.registry import LIFECYCLE_TYPES
from schemas.vocabulary import Reason
from storage import directory, enrollments, evaluations, outbox
from storage.enrollments import Enrollment, NewEnrollment
from storage.pool import Connection
from workflows.asking import Asking, ask
from workflows.engagement import read_engagement
from workflows.events import Origin
from workflows.request import told_verdicts
from workflows.transitions import Change, transition

__all__ = ["Renewed", "ask_again", "look_again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What would be asked if it were asked now, and how it differs from what was asked."""

    customer: CustomerSnapshot
    stakeholder: StakeholderSnapshot
    mapping: Mapping
    action: Action
    verdicts: tuple[Verdict, ...]
    bound: Bound
    differences: list[dict[str, Any]]


async def look_again(
    connection: Connection, enrollment: Enrollment, organization: OrganizationFacts, now: datetime
) -> Renewed | Reason:
    """Read the bound facts again and compare; `differences` is empty where the approval still holds.

    Compared is with what was approved: an approver's own step, sender and start are part of it.

    The start date is a bound term and no fact: it stays as it was asked. Answers the reason instead where the
    mapping, the cadence, the sender or the stakeholder are not to be had any more. The caller holds the customer's
    lock.
    """
    compiled = organization.mappings.published(enrollment.mapping_id) if enrollment.mapping_id is not None else None
    if compiled is None:
        return Reason.MAPPING_DISABLED
    mapping = compiled.mapping
    if mapping.policy.shadow:
        return Reason.SHADOW
    people = await directory.read_stakeholders(connection, [(enrollment.organization_id, enrollment.stakeholder_id)])
    customers = await directory.read_customers(connection, [(enrollment.organization_id, enrollment.customer_id)])
    known = people.get((enrollment.organization_id, enrollment.stakeholder_id))
    customer_row = customers.get((enrollment.organization_id, enrollment.customer_id))
    if known is None or known.data is None or customer_row is None or customer_row.data is None:
        return Reason.ERASED
    if known.left or known.customer_id != enrollment.customer_id:
        return Reason.STAKEHOLDER_LEFT
    stakeholder = StakeholderSnapshot.model_validate_json(known.data)
    customer = CustomerSnapshot.model_validate_json(customer_row.data)
    asked = orjson.loads(enrollment.request)
    action = propose(_as_approved(mapping, enrollment, asked), stakeholder, customer, organization, now)
    if isinstance(action, Reason):
        return action
    action = replace(action, start_date=enrollment.start_on)
    seen = await _verdicts(connection, enrollment, compiled, customer, stakeholder, now)
    bound = _bound(enrollment, mapping, stakeholder, action, seen)
    return Renewed(
        customer=customer,
        stakeholder=stakeholder,
        mapping=mapping,
        action=action,
        verdicts=seen,
        bound=bound,
        differences=differences(_asked_bound(enrollment, asked), bound),
    )


def _as_approved(mapping: Mapping, enrollment: Enrollment, asked: dict[str, Any]) -> Mapping:
    """The mapping with the step and the sender that the approver chose instead of what was asked."""
    # A step is one of its cadence: another cadence begins where the mapping says.
    if mapping.cadence_id == enrollment.cadence_id and enrollment.start_step_id != asked["action"]["start_step"]["id"]:
        mapping = replace(mapping, start_step_id=enrollment.start_step_id)
    if enrollment.sender_user_id != asked["action"]["sender"]["user_id"]:
        mapping = replace(mapping, sender=FixedUser(user_id=enrollment.sender_user_id))
    return mapping


async def _verdicts(
    connection: Connection,
    enrollment: Enrollment,
    compiled: CompiledMapping,
    customer: CustomerSnapshot,
    stakeholder: StakeholderSnapshot,
    now: datetime,
) -> tuple[Verdict, ...]:
    told = await evaluations.trigger_of(connection, enrollment.evaluation_id, enrollment.created_at)
    if enrollment.trigger_type is None or told is None:
        return ()
    model = LIFECYCLE_TYPES[enrollment.trigger_type].model.model_fields["trigger"].annotation
    key = (enrollment.organization_id, enrollment.stakeholder_id)
    engagement = (await read_engagement(connection, [key], now)).get(key) if compiled.asks_engagement else None
    facts = Facts(customer, stakeholder, model.model_validate_json(told), now, engagement)
    return verdicts(compiled.leaves, facts)


def _bound(
    enrollment: Enrollment,
    mapping: Mapping,
    stakeholder: StakeholderSnapshot,
    action: Action,
    seen: tuple[Verdict, ...],
) -> Bound:
    return Bound(
        stakeholder_id=stakeholder.id,
        email=normalised_email(stakeholder.email) or "",
        cadence_id=action.cadence.id,
        start_step_id=action.start_step.id,
        start_date=action.start_date,
        sender_user_id=action.sender.user_id,
        custom_fields={},
        mapping_id=mapping.id,
        mapping_version=mapping.version,
        exclusivity_group=mapping.exclusivity_group,
        business_key=enrollment.business_key,
        verdicts=[(verdict.predicate, verdict.holds is True) for verdict in seen],
    )


def _asked_bound(enrollment: Enrollment, asked: dict[str, Any]) -> Bound:
    action, why = asked["action"], asked["why"]
    return Bound(
        stakeholder_id=enrollment.stakeholder_id,
        email=normalised_email(asked["stakeholder"]["email"]) or "",
        cadence_id=action["cadence"]["id"],
        start_step_id=enrollment.start_step_id,
        start_date=enrollment.start_on,
        sender_user_id=enrollment.sender_user_id,
        custom_fields=action["custom_fields"],
        mapping_id=enrollment.mapping_id,
        mapping_version=enrollment.mapping_version,
        exclusivity_group=why["exclusivity_group"],
        business_key=why["business_key"],
        verdicts=[(verdict["predicate"], verdict["holds"]) for verdict in why["verdicts"]],
    )


# What a new request changes in its enrollment.
_RENEWED = (
    *("mapping_id", "mapping_version", "cadence_id", "request", "request_digest", "expires_at", "execute_by"),
    *("start_on", "start_step_id", "sender_user_id"),
)


async def ask_again(
    connection: Connection, enrollment: Enrollment, found: Renewed | Reason, reason: str, now: datetime
) -> Enrollment:
    """Send an approved enrollment back to its approver with the difference, for a reason.

    `found` is what `look_again` answered. Where nothing can be asked any more the enrollment is withdrawn with that
    reason. Where the approval ran out of time the start is proposed anew.
    """
    (stale,) = await transition(
        connection, [Change(enrollment=enrollment, happening=Happening.CHANGE, reason=reason)], now
    )
    if isinstance(found, Reason):
        (withdrawn,) = await transition(
            connection, [Change(enrollment=stale, happening=Happening.END, reason=found.value)], now
        )
        return withdrawn
    action, bound, changed = found.action, found.bound, list(found.differences)
    before = orjson.loads(stale.request)
    if reason == Reason.EXECUTE_BY_PASSED and action.start_date < now.date():
        changed.append({"field": "action.start_date", "was": action.start_date, "is": now.date()})
        action = replace(action, start_date=now.date())
        bound = replace(bound, start_date=now.date())
    asked = ask(
        Asking(
            enrollment_id=stale.id,
            customer=(stale.organization_id, stale.customer_id),
            customer_name=found.customer.name,
            stakeholder=found.stakeholder,
            action=action,
            mapping=found.mapping,
            digest=digest(bound),
            event_type=before["why"]["event_type"],
            event_id=stale.event_id,
            business_key=stale.business_key,
            verdicts=told_verdicts(found.verdicts),
            considered=before["considered"],
            origin=Origin(stale.correlation_id, stale.event_id),
            sequence=stale.sequence + 1,
            changed_since=changed,
        ),
        now,
    )
    renewed = NewEnrollment(
        id=stale.id,
        organization_id=stale.organization_id,
        customer_id=stale.customer_id,
        stakeholder_id=stale.stakeholder_id,
        trigger_type=stale.trigger_type,
        exclusivity_group=stale.exclusivity_group,
        business_key=stale.business_key,
        event_id=stale.event_id,
        event_time=stale.event_time,
        evaluation_id=stale.evaluation_id,
        correlation_id=stale.correlation_id,
        mapping_id=found.mapping.id,
        mapping_version=found.mapping.version,
        cadence_id=action.cadence.id,
        request=asked.request,
        request_digest=digest(bound),
        expires_at=asked.expires_at,
        execute_by=asked.execute_by,
        start_on=action.start_date,
        start_step_id=action.start_step.id,
        sender_user_id=action.sender.user_id,
    )
    await enrollments.record_request(connection, renewed, now)
    await outbox.add(connection, [asked.message])
    stale = replace(
        stale,
        **{name: getattr(renewed, name) for name in _RENEWED},
        requested_at=now,
        decision=None,
    )
    (requested,) = await transition(
        connection, [Change(enrollment=stale, happening=Happening.ASK_AGAIN, reason=reason)], now
    )
    return requested

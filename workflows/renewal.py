"""An approval meets its moment: what it is bound to still holds, or the difference goes to the approver again."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import orjson
from uuid_utils.compat import uuid7

from enrollment.additions import bound_addition, policy_of, propose_addition
from enrollment.approval import Bound, differences, digest
from enrollment.catalogue import EngagementFacts
from enrollment.consent import normalised_email
from enrollment.criteria import Verdict
from enrollment.decide import Action, OrganizationFacts
from enrollment.evaluate import told_outcomes
from enrollment.mappings import Mapping, Policy
from enrollment.recall import keep_organization
from enrollment.renewing import Proposal, Terms, propose_again, renewed_decision
from enrollment.states import Happening
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.lifecycle import LifecycleTrigger
from schemas.registry import LIFECYCLE_TYPES
from schemas.vocabulary import Reason, RequesterKind
from storage import additions, directory, enrollments, evaluations, organization_facts, outbox
from storage.enrollments import Enrollment, NewEnrollment
from storage.evaluations import Evaluation
from storage.pool import Connection
from workflows.asking import AskedBy, Asking, ask
from workflows.engagement import read_engagement
from workflows.events import Origin
from workflows.request import told_verdicts
from workflows.transitions import Change, transition

__all__ = ["Renewed", "ask_again", "look_again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What would be asked if it were asked now, and how it differs from what was asked.

    `terms`, `trigger` (JSON), `organization`, `engagement` and `proposal` are what it came of, to be kept. What a
    person asked for has no mapping, nor what comes of one.
    """

    customer: CustomerSnapshot
    stakeholder: StakeholderSnapshot
    mapping: Mapping | None
    policy: Policy
    action: Action
    verdicts: tuple[Verdict, ...]
    bound: Bound
    differences: list[dict[str, Any]]
    organization: OrganizationFacts
    terms: Terms | None = None
    trigger: str | None = None
    proposal: Proposal | None = None
    engagement: EngagementFacts | None = None

    def starting(self, day: date) -> "Renewed":
        """The same, to begin on another day, which is told as a difference."""
        action, bound = replace(self.action, start_date=day), replace(self.bound, start_date=day)
        changed = {"field": "action.start_date", "was": self.action.start_date, "is": day}
        return replace(
            self,
            action=action,
            bound=bound,
            differences=[*self.differences, changed],
            terms=replace(self.terms, start_on=day) if self.terms is not None else None,
            proposal=replace(self.proposal, action=action, bound=bound) if self.proposal is not None else None,
        )


@dataclass(frozen=True, slots=True)
class _Parties:
    customer: CustomerSnapshot
    stakeholder: StakeholderSnapshot


async def look_again(
    connection: Connection, enrollment: Enrollment, organization: OrganizationFacts, now: datetime
) -> Renewed | Reason:
    """Read the bound facts again and compare; `differences` is empty where the approval still holds.

    Compared is with what was approved: an approver's own step, sender and start are part of it.

    The start date is a bound term and no fact: it stays as it was asked. Answers the reason instead where the
    mapping, the cadence, the sender or the stakeholder are not to be had any more. The caller holds the customer's
    lock.
    """
    if organization.connected and not enrollment.is_of(organization.team_id):
        # The same ids may well be something else in the team that is connected now.
        return Reason.CADENCE_UNAVAILABLE
    if enrollment.trigger_type is None:
        return await _look_at_addition(connection, enrollment, organization)
    return await _look_at_mapped(connection, enrollment, organization, now)


async def _look_at_mapped(
    connection: Connection, enrollment: Enrollment, organization: OrganizationFacts, now: datetime
) -> Renewed | Reason:
    """What a trigger asked for rests on its mapping, and on all that this one asks about."""
    compiled = organization.mappings.published(enrollment.mapping_id) if enrollment.mapping_id is not None else None
    if compiled is None:
        return Reason.MAPPING_DISABLED
    mapping = compiled.mapping
    if mapping.policy.shadow:
        return Reason.SHADOW
    parties = await _parties(connection, enrollment)
    if isinstance(parties, Reason):
        return parties
    customer, stakeholder = parties.customer, parties.stakeholder
    asked = orjson.loads(enrollment.request)
    told = await evaluations.trigger_of(connection, enrollment.evaluation_id, enrollment.created_at)
    terms = Terms(
        mapping_id=mapping.id,
        cadence_id=enrollment.cadence_id,
        asked_step_id=asked["action"]["start_step"]["id"],
        start_step_id=enrollment.start_step_id,
        asked_sender_user_id=asked["action"]["sender"]["user_id"],
        sender_user_id=enrollment.sender_user_id,
        start_on=enrollment.start_on,
        business_key=enrollment.business_key,
    )
    key = (enrollment.organization_id, enrollment.stakeholder_id)
    engagement = (await read_engagement(connection, [key], now)).get(key) if compiled.asks_engagement else None
    trigger = _trigger(enrollment, told)
    proposal = propose_again(terms, customer, stakeholder, trigger, organization, now, engagement=engagement)
    if isinstance(proposal, Reason):
        return proposal
    return Renewed(
        customer=customer,
        stakeholder=stakeholder,
        mapping=mapping,
        policy=mapping.policy,
        action=proposal.action,
        verdicts=proposal.verdicts,
        bound=proposal.bound,
        differences=differences(_asked_bound(enrollment, asked), proposal.bound),
        terms=terms,
        trigger=told,
        organization=organization,
        proposal=proposal,
        engagement=engagement,
    )


async def _parties(connection: Connection, enrollment: Enrollment) -> _Parties | Reason:
    """Whom it is about as they are known now, or why there is nobody any more."""
    people = await directory.read_stakeholders(connection, [(enrollment.organization_id, enrollment.stakeholder_id)])
    customers = await directory.read_customers(connection, [(enrollment.organization_id, enrollment.customer_id)])
    known = people.get((enrollment.organization_id, enrollment.stakeholder_id))
    customer_row = customers.get((enrollment.organization_id, enrollment.customer_id))
    if known is None or known.data is None or customer_row is None or customer_row.data is None:
        return Reason.ERASED
    if known.left or known.customer_id != enrollment.customer_id:
        return Reason.STAKEHOLDER_LEFT
    return _Parties(
        CustomerSnapshot.model_validate_json(customer_row.data), StakeholderSnapshot.model_validate_json(known.data)
    )


async def _look_at_addition(
    connection: Connection, enrollment: Enrollment, organization: OrganizationFacts
) -> Renewed | Reason:
    """What a person asked for rests on what was left open: the first step, and the customer's owner who sends."""
    parties = await _parties(connection, enrollment)
    if isinstance(parties, Reason):
        return parties
    stored = await additions.read(connection, enrollment.organization_id, enrollment.id)
    if stored is None:
        raise AssertionError("what a person asked for is kept with the enrollment")
    addition, asked = stored.addition, orjson.loads(enrollment.request)
    if enrollment.start_step_id != asked["action"]["start_step"]["id"]:
        addition = replace(addition, start_step_id=enrollment.start_step_id)
    if enrollment.sender_user_id != asked["action"]["sender"]["user_id"]:
        addition = replace(addition, sender_user_id=enrollment.sender_user_id)
    action = propose_addition(addition, parties.customer, organization, enrollment.start_on)
    if isinstance(action, Reason):
        return action
    bound = bound_addition(parties.stakeholder, action, asked["action"]["custom_fields"], enrollment.exclusivity_group)
    return Renewed(
        customer=parties.customer,
        stakeholder=parties.stakeholder,
        mapping=None,
        policy=policy_of(enrollment.exclusivity_group, organization.mappings),
        action=action,
        verdicts=(),
        bound=bound,
        differences=differences(_asked_bound(enrollment, asked), bound),
        organization=organization,
    )


def _trigger(enrollment: Enrollment, told: str | None) -> LifecycleTrigger | None:
    if enrollment.trigger_type is None or told is None:
        return None
    model: Any = LIFECYCLE_TYPES[enrollment.trigger_type].model.model_fields["trigger"].annotation
    trigger: LifecycleTrigger = model.model_validate_json(told)
    return trigger


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
    *("start_on", "start_step_id", "sender_user_id", "exclusivity_group"),
)


async def ask_again(
    connection: Connection, enrollment: Enrollment, found: Renewed | Reason, reason: str, now: datetime
) -> Enrollment:
    """Send an approved enrollment back to its approver with the difference, for a reason.

    `found` is what `look_again` answered. Where nothing can be asked any more the enrollment is withdrawn with that
    reason, and where the mapping has come to another group in which the stakeholder has had this run, as already
    requested. Where the approval ran out of time the start is proposed anew.
    """
    (stale,) = await transition(
        connection, [Change(enrollment=enrollment, happening=Happening.CHANGE, reason=reason)], now
    )
    group = stale.exclusivity_group
    if isinstance(found, Renewed) and found.mapping is not None:
        group = found.mapping.exclusivity_group
        if group != stale.exclusivity_group and await enrollments.is_run_used(connection, stale, group):
            found = Reason.ALREADY_REQUESTED
    if isinstance(found, Reason):
        (withdrawn,) = await transition(
            connection, [Change(enrollment=stale, happening=Happening.END, reason=found.value)], now
        )
        return withdrawn
    before = orjson.loads(stale.request)
    if reason == Reason.EXECUTE_BY_PASSED and found.action.start_date < now.date():
        found = found.starting(now.date())
    action, bound, mapping = found.action, found.bound, found.mapping
    asked = ask(
        Asking(
            enrollment_id=stale.id,
            customer=(stale.organization_id, stale.customer_id),
            customer_name=found.customer.name,
            stakeholder=found.stakeholder,
            action=action,
            mapping=mapping,
            policy=found.policy,
            exclusivity_group=group,
            digest=digest(bound),
            event_type=before["why"]["event_type"],
            event_id=stale.event_id,
            business_key=stale.business_key,
            verdicts=told_verdicts(found.verdicts),
            considered=before["considered"],
            origin=Origin(stale.correlation_id, stale.event_id),
            sequence=stale.sequence + 1,
            requested_by=AskedBy(RequesterKind(before["requested_by"]["kind"]), before["requested_by"]["user_id"]),
            custom_fields=bound.custom_fields,
            changed_since=found.differences,
        ),
        now,
    )
    renewed = NewEnrollment(
        id=stale.id,
        organization_id=stale.organization_id,
        customer_id=stale.customer_id,
        stakeholder_id=stale.stakeholder_id,
        trigger_type=stale.trigger_type,
        exclusivity_group=group,
        business_key=stale.business_key,
        event_id=stale.event_id,
        event_time=stale.event_time,
        evaluation_id=stale.evaluation_id,
        correlation_id=stale.correlation_id,
        mapping_id=mapping.id if mapping is not None else None,
        mapping_version=mapping.version if mapping is not None else None,
        cadence_id=action.cadence.id,
        request=asked.request,
        request_digest=digest(bound),
        expires_at=asked.expires_at,
        execute_by=asked.execute_by,
        start_on=action.start_date,
        start_step_id=action.start_step.id,
        sender_user_id=action.sender.user_id,
        team_id=found.organization.team_id,
    )
    await _keep_evaluation(connection, stale, found, now)
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


async def _keep_evaluation(connection: Connection, stale: Enrollment, found: Renewed, now: datetime) -> None:
    """Store the renewed question beside the decisions, with what it rests on: `enrollment.recall` puts it again."""
    if stale.trigger_type is None or found.trigger is None or stale.event_id is None or stale.business_key is None:
        return
    if found.proposal is None:
        raise AssertionError("what a trigger asked for comes of its mapping")
    text, digest_of_facts = keep_organization(found.organization)
    facts = orjson.dumps(
        {
            "event": {
                "organization_id": stale.organization_id,
                "customer": orjson.Fragment(found.customer.model_dump_json()),
                "stakeholders": [orjson.Fragment(found.stakeholder.model_dump_json())],
                "trigger": orjson.Fragment(found.trigger),
            },
            "at": stale.event_time,
            "organization": digest_of_facts,
            "renewal": found.terms,
        }
        | ({"engagement": {stale.stakeholder_id: found.engagement}} if found.engagement is not None else {})
    )
    outcomes, digest_of_outcomes = told_outcomes([renewed_decision(found.stakeholder, found.proposal)])
    evaluation = Evaluation(
        id=uuid7(),
        organization_id=stale.organization_id,
        customer_id=stale.customer_id,
        cause="renewal",
        event_id=stale.event_id,
        event_type=LIFECYCLE_TYPES[stale.trigger_type].name,
        business_key=stale.business_key,
        correlation_id=stale.correlation_id,
        decision_version=found.organization.decision_version,
        facts=facts.decode(),
        outcomes=outcomes.decode(),
        digest=digest_of_outcomes,
    )
    await evaluations.add(connection, [evaluation], now)
    await organization_facts.keep(connection, [(stale.organization_id, digest_of_facts, text)], now)

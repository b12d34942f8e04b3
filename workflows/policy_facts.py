"""What policies ask besides the situations: read only for organizations whose policies, or whose list, ask for it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from enrollment.consent import normalised_email
from enrollment.decide import Decision, OrganizationFacts
from enrollment.policies import PastRun, PolicyFacts
from schemas.vocabulary import EnrollmentState
from storage import policies
from storage.directory import CustomerKey, StakeholderKey
from storage.pool import Connection
from workflows.situations import LoadedSituation, Trigger

__all__ = ["add_policy_facts", "note_request"]


async def add_policy_facts(
    connection: Connection,
    triggers: Sequence[Trigger],
    loaded: Sequence[LoadedSituation],
    organizations: Mapping[str, OrganizationFacts],
) -> None:
    """Give situations what policies ask, as it stands now: as good as the lock that the caller has on their customers.

    Addresses are asked with and not kept: what is stored of an evaluation names stakeholders by their ids.
    """
    concerned = list(zip(triggers, loaded, strict=True))
    asking = {key for key in _customers(triggers) if organizations[key[0]].mappings.ask_history}
    listing = {key for key in _customers(triggers) if organizations[key[0]].suppresses}
    if not asking and not listing:
        return
    runs = await policies.past_runs(connection, asking) if asking else {}
    sharing = _addresses(
        (trigger, known)
        for trigger, known in concerned
        if "email" in organizations[trigger.customer[0]].mappings.exclusive_by
    )
    active = await policies.active_by_address(connection, sharing) if sharing else {}
    listed = _addresses((trigger, known) for trigger, known in concerned if trigger.customer in listing)
    suppressed = await policies.suppressed(connection, listed) if listed else set()
    for trigger, known in concerned:
        organization_id = trigger.customer[0]
        if trigger.customer not in asking and trigger.customer not in listing:
            continue
        ids = [candidate.stakeholder.id for candidate in known.situation.candidates]
        known.situation.policy = PolicyFacts(
            # Shared among a customer's triggers: what is asked for here counts for those that follow.
            runs=runs.get(trigger.customer, {}),
            active={one: active[organization_id, one] for one in ids if (organization_id, one) in active},
            suppressed=[one for one in ids if (organization_id, one) in suppressed],
        )


def note_request(known: LoadedSituation, trigger: Trigger, decision: Decision, now: datetime) -> None:
    """What is requested is a run for the triggers that follow in the same batch."""
    policy = known.situation.policy
    if policy is None:
        return
    if decision.stakeholder is None or decision.mapping is None:
        raise AssertionError("a request names its stakeholder and its mapping")
    policy.runs.setdefault(decision.stakeholder.id, []).append(
        PastRun(
            trigger_type=trigger.trigger_type,
            exclusivity_group=decision.mapping.exclusivity_group,
            business_key=known.situation.business_key,
            state=EnrollmentState.REQUESTED,
            begun_at=now,
            claimed_at=None,
        )
    )


def _customers(triggers: Iterable[Trigger]) -> set[CustomerKey]:
    return {trigger.customer for trigger in triggers}


def _addresses(concerned: Iterable[tuple[Trigger, LoadedSituation]]) -> dict[StakeholderKey, str]:
    found: dict[StakeholderKey, str] = {}
    for trigger, known in concerned:
        for candidate in known.situation.candidates:
            email = normalised_email(candidate.stakeholder.email)
            if email is not None and candidate.gone is None:
                found[trigger.customer[0], candidate.stakeholder.id] = email
    return found

"""A mapping run once over those whom its trigger has come for before it was published, with a cap, through approval.

For each customer the newest event of the mapping's trigger is decided again, now, for this mapping alone: what its
stakeholders have had of the same business key counts as ever, as do holds, stops, policies and the consent gate, and
where another mapping is before it for somebody, that one keeps them. Nothing is deferred. Each page is one transaction,
which also moves the run on, so it is carried on from there by whoever comes next.

RunInvalid   the mapping cannot be run, or no such run is open
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from enrollment.decide import OrganizationFacts
from enrollment.evaluate import Only
from enrollment.mappings import Mapping
from enrollment.stops import StopScope, stops_mapping
from schemas.registry import EVENT_TYPES, LIFECYCLE_TYPES
from schemas.vocabulary import CandidateOutcome, TriggerType
from storage import directory, mapping_runs, organizations
from storage.mapping_runs import EventBefore, NewRun, OpenRun
from storage.pool import Connection
from workflows.imagining import imagine
from workflows.memory import OrganizationMemory
from workflows.request import decide_and_request
from workflows.situations import Trigger

__all__ = ["RunInvalid", "RunPlan", "advance_runs", "cancel_run", "plan_run", "start_run"]


class RunInvalid(Exception):
    """It cannot be run, or cancelled, as asked; the message says why."""


@dataclass(slots=True)
class RunPlan:
    """Whom a run would ask for at this moment, as (customer, stakeholder), and at how many customers it looked."""

    customers: int = 0
    requested: list[tuple[str, str]] = field(default_factory=list)


async def start_run(
    connection: Connection,
    organization_id: str,
    mapping_id: UUID,
    *,
    since: datetime,
    at_most: int,
    reason: str,
    by: str,
    now: datetime,
) -> UUID:
    """Begin a run over the events that came `since` then, and answer its id; `advance_runs` carries it out.

    It asks for `at_most` so many stakeholders. Raises RunInvalid.
    """
    _, mapping = await _to_run(connection, organization_id, mapping_id, at_most, since, now)
    if not reason.strip():
        raise RunInvalid("a run says why")
    run_id = uuid4()
    new = NewRun(
        id=run_id,
        organization_id=organization_id,
        mapping_id=mapping_id,
        mapping_version=mapping.version,
        since=since,
        at_most=at_most,
        reason=reason.strip(),
        started_by=by,
    )
    if not await mapping_runs.add(connection, new, now):
        raise RunInvalid(f"a run of the mapping {mapping_id} is open already: wait for its end, or cancel it")
    return run_id


async def cancel_run(connection: Connection, organization_id: str, run_id: UUID, *, by: str, now: datetime) -> None:
    """Have a run end where it is; what it has asked for stays asked. Raises RunInvalid."""
    if not await mapping_runs.cancel(connection, organization_id, run_id, by=by, now=now):
        raise RunInvalid(f"{organization_id} has no run {run_id} that is open")


async def plan_run(
    connection: Connection,
    organization_id: str,
    mapping_id: UUID,
    *,
    since: datetime,
    at_most: int,
    now: datetime,
    page: int = 200,
    progress: Callable[[int], None] = lambda _: None,
) -> RunPlan:
    """Say what a run would do; nothing is written. Limits that its own requests would reach are not seen.

    `progress` hears how many customers were looked at. Raises RunInvalid.
    """
    facts, mapping = await _to_run(connection, organization_id, mapping_id, at_most, since, now)
    plan, after = RunPlan(), ""
    while len(plan.requested) < at_most:
        events = await _events(connection, organization_id, mapping, since, after, page)
        if not events:
            break
        only = Only(mapping_id=mapping.id, at_most=at_most)
        for customer_id, stakeholder_ids in await _would_ask(connection, facts, events, only, now):
            plan.requested += [(customer_id, one) for one in stakeholder_ids]
        plan.customers += len(events)
        after = events[-1].customer_id
        progress(len(events))
    del plan.requested[at_most:]
    return plan


async def advance_runs(
    connection: Connection, memory: OrganizationMemory, now: datetime, *, limit: int, run_id: UUID | None = None
) -> int:
    """Take every open run, or one of them, a page of `limit` customers on; returns the longest page.

    A run whose mapping is stopped waits. One whose mapping does not count any more, or in another version, is over.
    """
    longest = 0
    for run in await mapping_runs.open_runs(connection):
        if run_id not in {None, run.id}:
            continue
        facts = (await memory.facts(connection, {run.organization_id}, now))[run.organization_id]
        counting = facts.mappings.published(run.mapping_id)
        if counting is None or counting.mapping.version != run.mapping_version or _refusal(counting.mapping):
            await mapping_runs.end(connection, run.id, "mapping_changed", now)
        elif not _is_stopped(facts, counting.mapping, now):
            longest = max(longest, await _advance(connection, run, counting.mapping, memory, now, limit))
    return longest


async def _advance(
    connection: Connection, run: OpenRun, mapping: Mapping, memory: OrganizationMemory, now: datetime, limit: int
) -> int:
    events = await _events(connection, run.organization_id, mapping, run.since, run.after_customer, limit)
    # All of them at once and in the order of everybody's: one by one they could be waited for in a circle.
    await directory.lock_customers(connection, [(run.organization_id, one.customer_id) for one in events])
    left, done = run.at_most - run.requested, 0
    for event in events:
        only = Only(mapping_id=mapping.id, at_most=left)
        decided = await decide_and_request(connection, [_trigger(event, only)], memory, now)
        left -= sum(many for (outcome, _), many in decided.counts.items() if outcome is CandidateOutcome.REQUEST)
        done += 1
        if left == 0:
            break
    if done:
        requested = run.at_most - run.requested - left
        last = events[done - 1].customer_id
        await mapping_runs.advance(connection, run.id, after_customer=last, customers=done, requested=requested)
    if left == 0 or len(events) < limit:
        await mapping_runs.end(connection, run.id, "cap_reached" if left == 0 else "complete", now)
    return len(events)


async def _to_run(
    connection: Connection, organization_id: str, mapping_id: UUID, at_most: int, since: datetime, now: datetime
) -> tuple[OrganizationFacts, Mapping]:
    facts = (await organizations.read_facts(connection, [organization_id])).get(organization_id)
    found = {one.id: one for one in facts.mappings.all()} if facts is not None else {}
    if facts is None or mapping_id not in found:
        raise RunInvalid(f"{organization_id} has no published mapping {mapping_id}")
    refusal = _refusal(found[mapping_id])
    if refusal is not None:
        raise RunInvalid(refusal)
    if at_most < 1:
        raise RunInvalid("a run asks for one stakeholder at least")
    if since >= now:
        raise RunInvalid("a run is over events of the past")
    return facts, found[mapping_id]


def _refusal(mapping: Mapping) -> str | None:
    if not mapping.enabled:
        return f"the mapping {mapping.id} is switched off: enable it first"
    if mapping.parked:
        return f"the mapping {mapping.id} is parked: validate it first"
    if mapping.policy.shadow:
        return f"the mapping {mapping.id} is in shadow, which asks for nobody: publish it without"
    return None


def _is_stopped(facts: OrganizationFacts, mapping: Mapping, now: datetime) -> bool:
    whole = any(stop.scope is StopScope.ORGANIZATION and stop.lasts(now) for stop in facts.stops)
    return whole or stops_mapping(facts.stops, mapping, now)


async def _events(
    connection: Connection, organization_id: str, mapping: Mapping, since: datetime, after: str, limit: int
) -> list[EventBefore]:
    event_type = LIFECYCLE_TYPES[mapping.trigger_type].name
    return await mapping_runs.newest_events(
        connection, organization_id, event_type, since=since, after_customer=after, limit=limit
    )


async def _would_ask(
    connection: Connection, facts: OrganizationFacts, events: Sequence[EventBefore], only: Only, now: datetime
) -> list[tuple[str, list[str]]]:
    recalled = await imagine(connection, facts, [_trigger(event, only) for event in events], now)
    return [
        (
            one.situation.customer.id,
            [
                decision.stakeholder_id
                for decision in one.evaluate().decisions
                if decision.outcome is CandidateOutcome.REQUEST and decision.stakeholder_id is not None
            ],
        )
        for one in recalled
    ]


def _trigger(event: EventBefore, only: Only) -> Trigger:
    return Trigger(
        trigger_type=TriggerType(event.event_type.split(".")[3]),
        event=EVENT_TYPES[event.event_type].parse(event.data),
        event_id=event.event_id,
        event_source=event.event_source,
        event_type=event.event_type,
        event_time=event.event_time,
        correlation_id=event.correlation_id,
        data=event.data,
        cause="run",
        only=only,
    )

"""A mapping run once over those whom its trigger has come for before, with a cap, through approval.

For each customer the newest event of the mapping's trigger is decided again, now, for this mapping alone: what its
stakeholders have had of the same business key counts as ever, as do holds, stops, policies and the consent gate, and
where another mapping is before it for somebody, that one keeps them: `preempted`. Nothing is deferred. Each page is
one transaction, which also moves the run on, so it is carried on from there by whoever comes next.

RunInvalid   the mapping cannot be run, or no such run is open
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog

from enrollment.decide import OrganizationFacts
from enrollment.evaluate import Only
from enrollment.mappings import Mapping
from enrollment.stops import StopScope, stops_mapping
from schemas.registry import EVENT_TYPES, LIFECYCLE_TYPES
from schemas.vocabulary import CandidateOutcome, TriggerType
from storage import directory, mapping_runs, organizations
from storage.errors import ConcurrentChange, StorageUnavailable
from storage.mapping_runs import EventBefore, NewRun, OpenRun
from storage.pool import Connection, Database
from workflows.audit import Action, Done, note
from workflows.imagining import imagine
from workflows.memory import OrganizationMemory
from workflows.request import decide_and_request
from workflows.situations import Trigger

__all__ = ["RunInvalid", "RunPlan", "advance_run", "advance_runs_apart", "cancel_run", "plan_run", "start_run"]


_log = structlog.get_logger(__name__)

# How soon a run that waits for a stop's end, or for a connection, is looked at again.
_WAITS = timedelta(seconds=10)


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
    """Begin a run over the events that came `since` then, and answer its id; `advance_run` carries it out.

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
    subject = f"mapping_run/{run_id}"
    detail: dict[str, str | int] = {"mapping": str(mapping_id), "version": mapping.version, "at_most": at_most}
    done = Done(organization_id, Action.MAPPING_RUN_STARTED, subject, by=by, digested=reason.strip(), detail=detail)
    await note(connection, done, now=now)
    return run_id


async def cancel_run(connection: Connection, organization_id: str, run_id: UUID, *, by: str, now: datetime) -> None:
    """Have a run end where it is; what it has asked for stays asked. Raises RunInvalid."""
    if not await mapping_runs.cancel(connection, organization_id, run_id, by=by, now=now):
        raise RunInvalid(f"{organization_id} has no run {run_id} that is open")
    done = Done(organization_id, Action.MAPPING_RUN_CANCELLED, f"mapping_run/{run_id}", by=by)
    await note(connection, done, now=now)


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
    only = Only(mapping_id=mapping.id, at_most=at_most)
    while len(plan.requested) < at_most:
        customers = await directory.list_customers(connection, organization_id, after=after, limit=page)
        if not customers:
            break
        events = await _events(connection, organization_id, mapping, since, customers)
        for customer_id, stakeholder_ids in await _would_ask(connection, facts, list(events.values()), only, now):
            plan.requested += [(customer_id, one) for one in stakeholder_ids]
        plan.customers += len(customers)
        after = customers[-1]
        progress(len(customers))
    del plan.requested[at_most:]
    return plan


async def advance_run(
    connection: Connection, memory: OrganizationMemory, now: datetime, *, limit: int, run_id: UUID | None = None
) -> bool:
    """Take the run that waits longest, or that one, a page of `limit` customers on; False where none is due.

    A run whose mapping is stopped, or whose organization is not connected, waits. One whose mapping does not count any
    more, or in another version, is over.
    """
    run = await mapping_runs.next_run(connection, now, run_id)
    if run is None:
        return False
    facts = (await memory.facts(connection, {run.organization_id}, now))[run.organization_id]
    counting = facts.mappings.published(run.mapping_id)
    if counting is None or counting.mapping.version != run.mapping_version or _refusal(counting.mapping):
        await mapping_runs.end(connection, run.id, "mapping_changed", now)
    elif not facts.connected or _is_stopped(facts, counting.mapping, now):
        await mapping_runs.put_off(connection, run.id, due_at=now + _WAITS)
    else:
        await _advance(connection, run, counting.mapping, memory, now, limit)
        # Last: whoever else keeps the same facts in this moment is waited for, and then holds nothing that we want.
        await memory.keep(connection, [facts], now)
    return True


async def advance_runs_apart(
    database: Database, memory: OrganizationMemory, now: datetime, *, limit: int, put_off: timedelta
) -> None:
    """Take every run that is due a page on, each by itself: one that fails is put off by so much and says why."""
    async with database.connection() as connection:
        due = await mapping_runs.due_runs(connection, now, limit=limit)
    for run_id in due:
        try:
            async with database.transaction() as connection:
                await advance_run(connection, memory, now, limit=limit, run_id=run_id)
        except (StorageUnavailable, ConcurrentChange):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one run's
            _log.exception("mapping_run_put_off", run_id=str(run_id))
            async with database.connection() as connection:
                await mapping_runs.put_off(connection, run_id, due_at=now + put_off, error=type(error).__name__)


async def _advance(
    connection: Connection, run: OpenRun, mapping: Mapping, memory: OrganizationMemory, now: datetime, limit: int
) -> None:
    customers = await directory.list_customers(connection, run.organization_id, after=run.after_customer, limit=limit)
    # All of them at once and in the order of everybody's: one by one they could be waited for in a circle. What came is
    # read under their locks, or what is erased in this moment would be written down again.
    await directory.lock_customers(connection, [(run.organization_id, one) for one in customers])
    events = await _events(connection, run.organization_id, mapping, run.since, customers)
    left, looked_at = run.at_most - run.requested, 0
    for customer_id in customers:
        event = events.get(customer_id)
        if event is not None:
            only = Only(mapping_id=mapping.id, at_most=left)
            decided = await decide_and_request(connection, [_trigger(event, only)], memory, now, keeps_facts=False)
            left -= sum(many for (outcome, _), many in decided.counts.items() if outcome is CandidateOutcome.REQUEST)
        looked_at += 1
        if left == 0:
            break
    if looked_at:
        await mapping_runs.advance(
            connection,
            run.id,
            after_customer=customers[looked_at - 1],
            customers=looked_at,
            requested=run.at_most - run.requested - left,
            now=now,
        )
    if left == 0 or len(customers) < limit:
        await mapping_runs.end(connection, run.id, "cap_reached" if left == 0 else "complete", now)


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
    connection: Connection, organization_id: str, mapping: Mapping, since: datetime, customer_ids: Sequence[str]
) -> dict[str, EventBefore]:
    event_type = LIFECYCLE_TYPES[mapping.trigger_type].name
    return await mapping_runs.newest_events(
        connection, organization_id, event_type, since=since, customer_ids=customer_ids
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

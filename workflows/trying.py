"""Try a mapping before it counts: on what was recorded, and on everybody as they are now. Nothing here writes."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from enrollment.backtest import BackTest, Counts, Fallout, fallout_of, spoken_of
from enrollment.decide import Decision, OrganizationFacts, owner_as_sender
from enrollment.drafts import MappingDocument, MappingInvalid
from enrollment.explain import Explanation, explain
from enrollment.funnel import Funnel
from enrollment.mappings import CompiledMapping, Mapping, compile_mapping
from enrollment.quotas import QuotaForecast
from enrollment.recall import Recalled
from enrollment.turning import predicates
from schemas.errors import InvalidDataError
from schemas.registry import LIFECYCLE_TYPES
from schemas.vocabulary import CandidateOutcome, Reason, TriggerType
from storage import directory, organizations
from storage.pool import Connection
from workflows.explaining import Recollection
from workflows.imagining import imagine
from workflows.mapping_files import read_change
from workflows.situations import Trigger

__all__ = [
    "CannotTry",
    "LeftOut",
    "PassedOn",
    "Preview",
    "back_test",
    "imagined_trigger",
    "mapping_to_try",
    "preview",
    "preview_one",
]

_PAGE = 200
_LEFT_OUT = 1000


class CannotTry(Exception):
    """The mapping, or the event that is imagined for it, is not one; its text says what is wrong."""


async def mapping_to_try(connection: Connection, organization_id: str, told: str) -> Mapping:
    """A mapping from a file of one, YAML or JSON; of a published one's id, what it leaves out is as that one has it.

    Raises CannotTry.
    """
    facts = await _facts(connection, organization_id)
    published = {one.id: one for one in facts.mappings.all()}
    try:
        document = read_change(told, map(MappingDocument.of, published.values()))
    except MappingInvalid as invalid:
        raise CannotTry(str(invalid)) from None
    if document.cadence_id is None:
        raise CannotTry("cadence_id: is missing: give it")
    known = published.get(document.id) if document.id is not None else None
    tried = document.mapping(document.id or uuid4(), known.version if known else 0, document.cadence_id)
    return replace(tried, parked=known.parked) if known is not None else tried


async def back_test(
    connection: Connection,
    organization_id: str,
    since: datetime,
    until: datetime,
    *,
    tried: Mapping | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> BackTest:
    """Decide the events of some days again, with another mapping if one is `tried`, and compare with what was.

    Without one the counts are those of the live path. `progress` hears how many evaluations were made again.
    """
    test = BackTest(tried)
    recollection = Recollection(connection, organization_id)
    async with aclosing(recollection.between(since, until)) as pages:
        async for page in pages:
            for one in page:
                if one.cause not in _NO_EVENTS:
                    test.take(one.id, one.event_id, one.outcomes, await recollection.recalled(one), cause=one.cause)
            progress(len(page))
    return test


# A renewed question comes of an approval, and a run of whoever began it: neither is a decision on an event.
_NO_EVENTS = frozenset({"renewal", "run"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Somebody whom the mapping would not ask for; where the outcome is a request, another mapping would."""

    customer_id: str
    stakeholder_id: str
    outcome: CandidateOutcome
    reason: Reason


@dataclass(slots=True)
class PassedOn:
    """How many another mapping takes whom the one that is tried does not, and how many of them it would ask for."""

    stakeholders: int = 0
    requests: int = 0


@dataclass(slots=True)
class Preview:
    """What would be decided if every customer had the mapping's event at this moment.

    `requested` are (customer, stakeholder), of whom `quotas` says who would wait although approved; `left_out` are the
    first of its other candidates. `fallout` is of the mapping's predicates over all candidates, `funnel` of its
    criteria part by part: whom the last part leaves is `requested`, or stands once in `kept_out` by why, or by which
    mapping is asked before it. `passed_on` has, by mapping, how many whom the criteria do not leave another one takes,
    and how many of those it would ask for; `counts` is over everybody, whatever their segment. The names are by id.
    """

    mapping: Mapping
    funnel: Funnel
    customers: int = 0
    segment_customers: int = 0
    kept_out: Counter[tuple[Reason | None, UUID | None]] = field(default_factory=Counter)
    passed_on: dict[UUID, PassedOn] = field(default_factory=dict)
    owner_names: dict[str, str | None] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counter)
    requested: list[tuple[str, str]] = field(default_factory=list)
    requests_by_owner: Counter[str | None] = field(default_factory=Counter)
    quotas: QuotaForecast = field(default_factory=QuotaForecast)
    fallout: Fallout = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    customer_names: dict[str, str | None] = field(default_factory=dict)
    stakeholder_names: dict[str, str | None] = field(default_factory=dict)


async def preview(
    connection: Connection,
    organization_id: str,
    mapping: Mapping,
    now: datetime,
    *,
    imagined: dict[str, Any] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Preview:
    """Decide for everybody as they are now, as if the mapping counted beside the published ones.

    `imagined` is the trigger that the event would carry; a mapping that asks about it needs one, else CannotTry.
    `progress` hears how many customers were looked at.
    """
    facts = _with(await _facts(connection, organization_id), mapping)
    found, compiled, after = Preview(mapping, Funnel.of(mapping)), compile_mapping(mapping), ""
    while page := await directory.list_customers(connection, organization_id, after=after, limit=_PAGE):
        for recalled in await _imagine(connection, facts, mapping, page, imagined, now):
            _add(found, compiled, recalled)
        after = page[-1]
        progress(len(page))
    return found


async def preview_one(
    connection: Connection,
    organization_id: str,
    mapping: Mapping,
    stakeholder_id: str,
    now: datetime,
    *,
    imagined: dict[str, Any] | None = None,
) -> Explanation:
    """Why one stakeholder would or would not be asked for, as `preview` decides. CannotTry where nobody knows them."""
    facts = _with(await _facts(connection, organization_id), mapping)
    key = (organization_id, stakeholder_id)
    row = (await directory.read_stakeholders(connection, [key])).get(key)
    if row is None:
        raise CannotTry(f"{organization_id} has no stakeholder {stakeholder_id}")
    known = await directory.read_customers(connection, [(organization_id, row.customer_id)])
    if not known:
        raise CannotTry(f"nothing is known of the stakeholder's customer {row.customer_id}")
    (recalled,) = await _imagine(connection, facts, mapping, [row.customer_id], imagined, now)
    candidates = [one for one in recalled.situation.candidates if one.stakeholder.id == stakeholder_id]
    return explain(replace(recalled, situation=replace(recalled.situation, candidates=candidates)))


async def _facts(connection: Connection, organization_id: str) -> OrganizationFacts:
    facts = (await organizations.read_facts(connection, [organization_id])).get(organization_id)
    if facts is None:
        raise CannotTry(f"nothing is known of the organization {organization_id}")
    return facts


def _with(facts: OrganizationFacts, mapping: Mapping) -> OrganizationFacts:
    return replace(facts, mappings=facts.mappings.having(mapping))


async def _imagine(
    connection: Connection,
    facts: OrganizationFacts,
    mapping: Mapping,
    customers: Sequence[str],
    imagined: dict[str, Any] | None,
    now: datetime,
) -> list[Recalled]:
    """An event of the mapping's trigger for each customer, at this moment."""
    asked = (*predicates(mapping.customer_criteria), *predicates(mapping.stakeholder_criteria))
    if imagined is None and any(one.field.startswith("trigger.") for one in asked):
        raise CannotTry("the mapping asks about its trigger: say what the event would carry")
    triggers = [
        imagined_trigger(facts.organization_id, mapping.trigger_type, customer_id, imagined, now)
        for customer_id in customers
    ]
    return await imagine(connection, facts, triggers, now)


def imagined_trigger(
    organization_id: str, trigger_type: TriggerType, customer_id: str, imagined: dict[str, Any] | None, now: datetime
) -> Trigger:
    """An event for a customer that carries what is imagined; CannotTry where that is none."""
    event_type = LIFECYCLE_TYPES[trigger_type]
    details = _IMAGINED[trigger_type] | {"signed_at": now, "term_end": now.date()} | (imagined or {})
    told = {"organization_id": organization_id, "customer": {"id": customer_id}, "trigger": details}
    data = orjson.dumps(told)
    try:
        event = event_type.parse(data)
    except InvalidDataError as error:
        raise CannotTry(f"the event would not be one: {error}") from error
    return Trigger(
        trigger_type=trigger_type,
        event=event,
        event_id="preview",
        event_source="preview",
        event_type=event_type.name,
        event_time=now,
        correlation_id="preview",
        data=data,
    )


# What no criteria are asked of: a run that nobody has had.
_IMAGINED: dict[TriggerType, dict[str, Any]] = {
    TriggerType.NEW_CUSTOMER: {},
    TriggerType.RENEWAL_WINDOW: {"contract_id": "preview", "days_to_renewal": 0},
    TriggerType.AT_RISK: {"episode_id": "preview", "severity": "", "reasons": []},
    TriggerType.EXPANSION_SIGNAL: {"signal_id": "preview", "kind": "", "potential_arr": "0"},
}


def _add(found: Preview, compiled: CompiledMapping, recalled: Recalled) -> None:
    decisions = recalled.evaluate().decisions
    customer = recalled.situation.customer
    found.customers += 1
    found.counts.update((decision.outcome, decision.reason) for decision in decisions)
    found.customer_names[customer.id] = customer.name
    found.stakeholder_names |= {one.stakeholder.id: one.stakeholder.name for one in recalled.situation.candidates}
    candidates = spoken_of(compiled, recalled)
    fallout_of(compiled, candidates, found.fallout)
    found.funnel.add(candidates)
    if not found.mapping.is_about(recalled.situation.trigger_type, customer.segment):
        return
    found.segment_customers += 1
    by_stakeholder: dict[str | None, list[Decision]] = {}
    for decision in decisions:
        by_stakeholder.setdefault(decision.stakeholder_id, []).append(decision)
    for facts in candidates:
        of_them = by_stakeholder[facts.stakeholder.id]
        if compiled.stakeholder_holds(facts) and compiled.customer_holds(facts):
            _add_fitting(found, recalled, of_them)
        else:
            _add_passed_on(found, customer.id, of_them)


def _add_fitting(found: Preview, recalled: Recalled, decisions: Sequence[Decision]) -> None:
    """Somebody whom the criteria leave is asked for, kept out for a reason, or taken by a mapping asked before."""
    mapping, customer = found.mapping, recalled.situation.customer
    own = next((one for one in decisions if one.mapping is not None and one.mapping.id == mapping.id), None)
    if own is not None and own.outcome is CandidateOutcome.REQUEST:
        owner = customer.owner.user_id if customer.owner is not None else None
        found.requested.append((customer.id, own.stakeholder_id or ""))
        found.requests_by_owner[owner] += 1
        if owner is not None:
            sender = owner_as_sender(customer, recalled.organization)
            found.owner_names[owner] = sender.name if sender is not None else None
        found.quotas.add(own, recalled.now, recalled.organization.time_zone)
        return
    if own is None and not mapping.enabled:
        found.kept_out[Reason.MAPPING_DISABLED, None] += 1
    else:
        told = own or next((one for one in decisions if _group_of(one) == mapping.exclusivity_group), decisions[0])
        before = told.mapping.id if own is None and told.mapping is not None else None
        found.kept_out[None if before is not None else told.reason, before] += 1
    _add_left_out(found, customer.id, own or decisions[0])


def _add_passed_on(found: Preview, customer_id: str, decisions: Sequence[Decision]) -> None:
    """Somebody whom the criteria do not leave: the mappings that are asked besides may take them."""
    for decision in decisions:
        if decision.mapping is not None and decision.mapping.id != found.mapping.id:
            passed = found.passed_on.setdefault(decision.mapping.id, PassedOn())
            passed.stakeholders += 1
            passed.requests += decision.outcome is CandidateOutcome.REQUEST
    _add_left_out(found, customer_id, decisions[0])


def _group_of(decision: Decision) -> str | None:
    return decision.mapping.exclusivity_group if decision.mapping is not None else None


def _add_left_out(found: Preview, customer_id: str, decision: Decision) -> None:
    if len(found.left_out) < _LEFT_OUT and decision.stakeholder_id is not None:
        found.left_out.append(LeftOut(customer_id, decision.stakeholder_id, decision.outcome, decision.reason))

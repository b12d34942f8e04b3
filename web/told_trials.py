"""What comes of trying a mapping, as it is told: the same as the command line says, and its lists cut at a bound."""

from collections import Counter
from collections.abc import Mapping as Map
from datetime import date
from typing import Final, Literal
from uuid import UUID

from enrollment.backtest import BackTest, Counts, Difference, Fallout
from enrollment.criteria import Criteria
from enrollment.own_test import OwnTest
from enrollment.policies import Cap
from enrollment.quotas import QuotaForecast
from schemas.fields import Instant
from schemas.vocabulary import CandidateOutcome, Reason
from web.reading.asking import Looked
from workflows.trying import Preview

__all__ = ["BackTestTold", "PreviewTold", "told_back_test", "told_preview"]

MOST_LISTED: Final = 1000


class Counted(Looked):
    """How many decisions came out so."""

    outcome: CandidateOutcome
    reason: Reason
    decisions: int


class Compared(Looked):
    """How many decisions came out so, and how many would."""

    outcome: CandidateOutcome
    reason: Reason
    was: int
    would_be: int


class PredicateTold(Looked):
    """How often a predicate of the mapping held, did not, and was unknown, over all candidates."""

    predicate: str
    holds: int
    fails: int
    unknown: int


class OfOwner(Looked):
    """How many would be asked for of an owner's customers; null is of nobody's, and a name that is not known."""

    owner_user_id: str | None
    owner_name: str | None = None
    requests: int


class QuotasTold(Looked):
    """Approved at once, how many would wait for which quota, and when the last would be carried out."""

    waiting: dict[str, int]
    last_at: Instant | None


class StageTold(Looked):
    """A part of the criteria, asked of whom the parts before it have left.

    It takes away for whom it `fails`, and for whom it is `unknown`: a missing fact never enrolls.
    """

    of: Literal["customer_criteria", "stakeholder_criteria"]
    criteria: Criteria
    fails: int
    unknown: int
    left: int


class KeptOutTold(Looked):
    """How many whom the criteria leave are not asked for: for a reason, or since another mapping is asked before."""

    reason: Reason | None
    taken_by: UUID | None
    stakeholders: int


class PassedOnTold(Looked):
    """How many another mapping takes whom this one's criteria do not leave, and how many of them it would ask for."""

    mapping_id: UUID
    stakeholders: int
    requests: int


class WhoTold(Looked):
    """Somebody who would be asked for. A name is null where nobody told of one."""

    customer_id: str
    customer_name: str | None = None
    stakeholder_id: str
    stakeholder_name: str | None = None


class LeftOutTold(WhoTold):
    """Somebody whom the mapping would not ask for; where the outcome is a request, another mapping would."""

    outcome: CandidateOutcome
    reason: Reason


class PreviewTold(Looked):
    """What would be decided if every customer had the mapping's event now.

    `funnel` leads from the `candidates`, who are all stakeholders of customers of the mapping's segment, to those who
    fit. Of those who `fit` each one is in `requests`, or once in `kept_out`; of the others some are `passed_on` to
    other mappings. Of the mapping's `caps` those of a sender and of the mapping take nobody off the `requests`, who
    would wait for them as `quotas` says; for those of a stakeholder and an account what began before is counted, and
    not the other requests of this preview. `counts` has the decisions on everybody, whatever their segment.
    `requested` has the first thousand of `requests`, `left_out` the first thousand of the other candidates.
    """

    customers: int
    segment_customers: int
    candidates: int
    funnel: list[StageTold]
    fit: int
    kept_out: list[KeptOutTold]
    passed_on: list[PassedOnTold]
    counts: list[Counted]
    fallout: list[PredicateTold]
    requests: int
    requests_by_owner: list[OfOwner]
    caps: list[Cap]
    quotas: QuotasTold
    requested: list[WhoTold]
    left_out: list[LeftOutTold]


class CameOut(Looked):
    """How a decision came out."""

    outcome: CandidateOutcome
    reason: Reason


class DifferenceTold(Looked):
    """A decision that would have been otherwise; null where there is none on that side."""

    event_id: str
    customer_id: str
    customer_name: str | None = None
    stakeholder_id: str | None
    stakeholder_name: str | None = None
    was: CameOut | None
    would_be: CameOut | None


class OfDay(Looked):
    """How many would have been asked for on a day (UTC), and how many were.

    `kept_back` are those whom another run, another cadence or a limit would have kept back.
    """

    day: date
    requests: int
    were: int
    kept_back: int


class ComparedBy(Compared):
    """The same, and whether it is what another mapping decided."""

    by_another: bool


class OwnTold(Looked):
    """What would have been decided beside what was, on the mapping's own events alone.

    Those are of its trigger and of its segment's customers, and those on which a version of it decided. `requests` are
    what it would have asked for itself and `were` what it did; what other mappings decided on these events is in
    `counts` besides, whose two columns are all decisions on them. `differing` come out otherwise, or by another one.
    """

    events: int
    evaluations: int
    counts: list[ComparedBy]
    requests: int
    were: int
    requests_by_day: list[OfDay]
    requests_by_owner: list[OfOwner]
    quotas: QuotasTold
    calls_at_most: int
    differing: int


class BackTestTold(Looked):
    """What would have been decided beside what was, over the recorded events of all mappings.

    `not_possible` evaluations cannot be made again: what they rest on was erased or never kept. `calls_at_most` is what
    it would have cost at Salesloft. `differences` has the first thousand of `differing`. `own` is of the events of the
    mapping that is tried alone, and null without one.
    """

    since: Instant
    until: Instant
    evaluations: int
    not_possible: int
    counts: list[Compared]
    fallout: list[PredicateTold]
    requests: int
    requests_by_day: list[OfDay]
    requests_by_owner: list[OfOwner]
    quotas: QuotasTold
    calls_at_most: int
    differing: int
    differences: list[DifferenceTold]
    own: OwnTold | None


def told_preview(found: Preview) -> PreviewTold:
    """A preview as it is told."""
    return PreviewTold(
        customers=found.customers,
        segment_customers=found.segment_customers,
        candidates=found.funnel.candidates,
        funnel=[
            StageTold(of=one.of, criteria=one.criteria, fails=one.fails, unknown=one.unknown, left=one.left)
            for one in found.funnel.stages
        ],
        fit=found.funnel.fits,
        kept_out=[
            KeptOutTold(reason=reason, taken_by=before, stakeholders=many)
            for (reason, before), many in sorted(found.kept_out.items(), key=lambda one: (-one[1], *map(str, one[0])))
        ],
        passed_on=[
            PassedOnTold(mapping_id=id_, stakeholders=one.stakeholders, requests=one.requests)
            for id_, one in sorted(found.passed_on.items(), key=lambda one: (-one[1].stakeholders, str(one[0])))
        ],
        counts=[
            Counted(outcome=outcome, reason=reason, decisions=many)
            for (outcome, reason), many in sorted(found.counts.items(), key=lambda one: (one[0][0], -one[1], one[0][1]))
        ],
        fallout=_fallout(found.fallout),
        requests=len(found.requested),
        requests_by_owner=_owners(found.requests_by_owner, found.owner_names),
        caps=list(found.mapping.policy.caps),
        quotas=_quotas(found.quotas),
        requested=[
            WhoTold(
                customer_id=customer_id,
                customer_name=found.customer_names.get(customer_id),
                stakeholder_id=stakeholder_id,
                stakeholder_name=found.stakeholder_names.get(stakeholder_id),
            )
            for customer_id, stakeholder_id in found.requested[:MOST_LISTED]
        ],
        left_out=[
            LeftOutTold(
                customer_id=one.customer_id,
                customer_name=found.customer_names.get(one.customer_id),
                stakeholder_id=one.stakeholder_id,
                stakeholder_name=found.stakeholder_names.get(one.stakeholder_id),
                outcome=one.outcome,
                reason=one.reason,
            )
            for one in found.left_out[:MOST_LISTED]
        ],
    )


def told_back_test(found: BackTest, since: Instant, until: Instant) -> BackTestTold:
    """A back-test as it is told."""
    return BackTestTold(
        since=since,
        until=until,
        evaluations=found.evaluations,
        not_possible=found.not_possible,
        counts=_compared(found.was, found.would_be),
        fallout=_fallout(found.fallout),
        requests=found.requests,
        requests_by_day=_days(found.requests_by_day, found.live_by_day, found.kept_back_by_day),
        requests_by_owner=_owners(found.requests_by_owner, found.own.owner_names if found.own is not None else {}),
        quotas=_quotas(found.quotas),
        calls_at_most=found.calls_at_most,
        differing=len(found.differences),
        differences=[_difference(one) for one in found.differences[:MOST_LISTED]],
        own=_own(found.own) if found.own is not None else None,
    )


def _own(found: OwnTest) -> OwnTold:
    return OwnTold(
        events=found.events,
        evaluations=found.evaluations,
        counts=[
            ComparedBy(**key._asdict(), was=found.was[key], would_be=found.would_be[key])
            for key in sorted(found.was.keys() | found.would_be.keys())
        ],
        requests=found.requests,
        were=found.live,
        requests_by_day=_days(found.requests_by_day, found.live_by_day, found.kept_back_by_day),
        requests_by_owner=_owners(found.requests_by_owner, found.owner_names),
        quotas=_quotas(found.quotas),
        calls_at_most=found.calls_at_most,
        differing=found.differing,
    )


def _days(requests: Counter[date], were: Counter[date], kept_back: Counter[date]) -> list[OfDay]:
    return [
        OfDay(day=day, requests=requests[day], were=were[day], kept_back=kept_back[day])
        for day in sorted(requests.keys() | were.keys() | kept_back.keys())
    ]


def _compared(was: Counts, would_be: Counts) -> list[Compared]:
    return [
        Compared(outcome=key[0], reason=key[1], was=was[key], would_be=would_be[key])
        for key in sorted(was.keys() | would_be.keys())
    ]


def _fallout(fallout: Fallout) -> list[PredicateTold]:
    return [
        PredicateTold(predicate=predicate, holds=said.holds, fails=said.fails, unknown=said.unknown)
        for predicate, said in fallout.items()
    ]


def _owners(owners: Map[str | None, int], names: Map[str, str | None]) -> list[OfOwner]:
    """The most asked first."""
    ordered = sorted(owners.items(), key=lambda one: (-one[1], one[0] or ""))
    return [
        OfOwner(owner_user_id=owner, owner_name=names.get(owner) if owner is not None else None, requests=many)
        for owner, many in ordered
    ]


def _quotas(quotas: QuotaForecast) -> QuotasTold:
    return QuotasTold(waiting={whose.value: many for whose, many in quotas.waiting.items()}, last_at=quotas.last_at)


def _difference(one: Difference) -> DifferenceTold:
    return DifferenceTold(
        event_id=one.event_id,
        customer_id=one.customer_id,
        customer_name=one.customer_name,
        stakeholder_id=one.stakeholder_id,
        stakeholder_name=one.stakeholder_name,
        was=_came_out(one.was),
        would_be=_came_out(one.would_be),
    )


def _came_out(side: tuple[CandidateOutcome, Reason] | None) -> CameOut | None:
    return CameOut(outcome=side[0], reason=side[1]) if side is not None else None

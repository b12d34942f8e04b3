"""A stakeholder, or all of a customer's: cadences, engagement, decisions, and what happened."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from activity.engagement import snapshot, tallies_from_json
from schemas.engagement import CadenceEngagement, EngagementCounts, ScorePart
from schemas.fields import Instant
from schemas.vocabulary import EnrollmentState
from storage import directory, looking
from storage.looking import EndedRow, Filters, OutcomesRow, PersonRow
from storage.questions import answer
from storage.stored_evaluations import About, trigger_type_of
from web.paging import Paging, paging
from web.problems import absent
from web.reading.activity import ACTIVITY_STREAMS, LARGEST_CUSTOMER
from web.reading.asking import (
    Freshness,
    Looked,
    Looking,
    Page,
    anybody,
    freshness,
    known_customer,
    known_stakeholder,
)
from web.reading.calendars import calendar_of
from web.reading.history import HappenedIn, HistoryEntry, HistoryPage
from web.reading.memberships import MembershipTold, told_membership
from web.reading.told_enrollments import OPEN_STATES, EnrollmentTold, told_enrollment
from web.rights import may_act_for
from web.security import Caller

__all__ = ["people_routes"]

# Of a customer, of all its stakeholders together.
_ENROLLMENTS = 2000
_EVALUATIONS = 50
# Of each stakeholder.
_DECISIONS = 5
_HISTORY = 20


class PersonAtSalesloft(Looked):
    """Which person of Salesloft's a stakeholder is; what it says of them is null where it was never read."""

    person_id: int
    linked_by: str
    linked_at: Instant
    do_not_contact: bool | None
    contact_restrictions: list[str] | None
    bouncing: bool | None
    deleted: bool | None
    as_of: Instant | None


class EngagementNow(Looked):
    """What was sent and what came back, with the score of this moment and the parts that it is the sum of."""

    last_contacted_at: Instant | None
    last_replied_at: Instant | None
    counts: EngagementCounts
    score: int
    score_parts: list[ScorePart]
    by_cadence: list[CadenceEngagement]


class LatestDecision(Looked):
    """The outcome of an evaluation for this stakeholder; `GET /api/salesloft/decisions` explains it."""

    evaluation_id: str
    evaluated_at: Instant
    trigger_type: str
    event_id: str
    outcome: str
    reason: str


class Ended(Looked):
    """A cadence that somebody was on and is on no more.

    `reason` is null where it was finished, or where Salesloft showed the end and nobody here had asked for it.
    """

    enrollment_id: UUID
    cadence: HappenedIn
    state: EnrollmentState
    reason: str | None
    ended_at: Instant


class StakeholderTold(Looked):
    """A stakeholder. What the directory says of them is null of somebody erased.

    `enrollments` are those that are not over, `last_ended` is what they were on last; `other_cadences` are those that
    somebody added them to at Salesloft.
    """

    id: str
    customer_id: str | None
    name: str | None
    title: str | None
    role: str | None
    left: bool
    erased: bool
    at_salesloft: PersonAtSalesloft | None
    enrollments: list[EnrollmentTold]
    other_cadences: list[MembershipTold]
    last_ended: Ended | None
    engagement: EngagementNow | None = Field(description="Null of somebody of whom nothing was ever seen.")
    latest_decisions: list[LatestDecision]
    time_zone: str = Field(description="By whose calendar their start dates are: their own, else the organization's.")


class StakeholderView(Looked):
    stakeholder: StakeholderTold
    customer_name: str | None
    owner_user_id: str | None = Field(description="Who looks after their customer.")
    may_act: bool = Field(description="Whether the caller may have something done for them.")
    history: list[HistoryEntry] = Field(description="The latest; `.../history` has the rest.")
    read_at: Instant
    freshness: Freshness


class CustomerView(Looked):
    """A customer and all its stakeholders."""

    model_config = ConfigDict(json_schema_extra={})

    customer_id: str
    name: str | None
    segment: str | None
    owner_user_id: str | None = Field(description="Who looks after it.")
    may_act: bool = Field(description="Whether the caller may have something done for its stakeholders.")
    stakeholders: list[StakeholderTold]
    more_stakeholders: bool = Field(description="Whether it has more of them than are told here.")
    history: list[HistoryEntry] = Field(description="The latest; `.../history` has the rest.")
    read_at: Instant
    freshness: Freshness


def people_routes(looking_: Looking) -> APIRouter:
    """`GET /api/salesloft/people/{id}`, `.../customers/{id}`, and the history of each."""
    routes = APIRouter(prefix="/api/salesloft", tags=["people"])
    who = anybody(looking_)

    @routes.get("/people/{stakeholder_id}")
    async def stakeholder(caller: Annotated[Caller, Depends(who)], stakeholder_id: str) -> StakeholderView:
        """A stakeholder: the cadences they are on and how far, their engagement, the latest decisions and events."""
        now = looking_.clock.now()
        people = _People(caller.organization_id, [stakeholder_id], now)
        history = HistoryPage(caller.organization_id, Paging(_HISTORY, None), stakeholder_id=stakeholder_id)
        streams = looking.freshness(caller.organization_id)
        async with looking_.of(caller) as connection:
            await answer(connection, *people.questions, history.question, streams)
            ((told, row),) = people.told()
            if told.customer_id is None and not told.enrollments:
                await known_stakeholder(connection, caller, stakeholder_id)
        entries, _ = history.told()
        return StakeholderView(
            stakeholder=told,
            customer_name=row.customer_name,
            owner_user_id=row.owner_user_id,
            may_act=may_act_for(caller, row.owner_user_id),
            history=entries,
            read_at=now,
            freshness=freshness(streams.rows, ACTIVITY_STREAMS),
        )

    @routes.get("/customers/{customer_id}")
    async def customer(caller: Annotated[Caller, Depends(who)], customer_id: str) -> CustomerView:
        """A customer: the same of all its stakeholders, by their ids."""
        now, organization_id = looking_.clock.now(), caller.organization_id
        history = HistoryPage(organization_id, Paging(_HISTORY, None), customer_id=customer_id)
        streams = looking.freshness(organization_id)
        async with looking_.of(caller) as connection:
            key = (organization_id, customer_id)
            row = (await directory.read_customers(connection, [key])).get(key)
            if row is None:
                raise absent("customer", customer_id)
            ids = await looking.people_of(connection, organization_id, customer_id, limit=LARGEST_CUSTOMER + 1)
            people = _People(organization_id, ids[:LARGEST_CUSTOMER], now, customer_id=customer_id)
            await answer(connection, *people.questions, history.question, streams)
        entries, _ = history.told()
        data = orjson.loads(row.data) if row.data is not None else {}
        return CustomerView(
            customer_id=customer_id,
            name=data.get("name"),
            segment=data.get("segment"),
            owner_user_id=row.owner_user_id,
            may_act=may_act_for(caller, row.owner_user_id),
            stakeholders=[stakeholder for stakeholder, _ in people.told()],
            more_stakeholders=len(ids) > LARGEST_CUSTOMER,
            history=entries,
            read_at=now,
            freshness=freshness(streams.rows, ACTIVITY_STREAMS),
        )

    @routes.get("/people/{stakeholder_id}/history")
    async def stakeholder_history(
        caller: Annotated[Caller, Depends(who)], stakeholder_id: str, page: Annotated[Paging, Depends(paging)]
    ) -> Page[HistoryEntry]:
        """All that has happened to a stakeholder, in one line of time, the latest first."""
        history = HistoryPage(caller.organization_id, page, stakeholder_id=stakeholder_id)
        streams = looking.freshness(caller.organization_id)
        async with looking_.of(caller) as connection:
            await answer(connection, history.question, streams)
            if not history.question.rows:
                await known_stakeholder(connection, caller, stakeholder_id)
        items, following = history.told()
        return Page[HistoryEntry](
            items=items,
            next_cursor=following,
            read_at=looking_.clock.now(),
            freshness=freshness(streams.rows, ACTIVITY_STREAMS),
        )

    @routes.get("/customers/{customer_id}/history")
    async def customer_history(
        caller: Annotated[Caller, Depends(who)], customer_id: str, page: Annotated[Paging, Depends(paging)]
    ) -> Page[HistoryEntry]:
        """All that has happened to a customer's stakeholders, the latest first."""
        history = HistoryPage(caller.organization_id, page, customer_id=customer_id)
        streams = looking.freshness(caller.organization_id)
        async with looking_.of(caller) as connection:
            await answer(connection, history.question, streams)
            if not history.question.rows:
                await known_customer(connection, caller, customer_id)
        items, following = history.told()
        return Page[HistoryEntry](
            items=items,
            next_cursor=following,
            read_at=looking_.clock.now(),
            freshness=freshness(streams.rows, ACTIVITY_STREAMS),
        )

    return routes


class _People:
    """Some stakeholders, one customer's where it is given: the questions of what is told of them, and the answers."""

    def __init__(
        self, organization_id: str, ids: Sequence[str], now: datetime, *, customer_id: str | None = None
    ) -> None:
        one = ids[0] if len(ids) == 1 else None
        self._ids, self._now, self._customer_id = ids, now, customer_id
        open_ = Filters(customer_id=customer_id, stakeholder_id=one, states=sorted(OPEN_STATES))
        self._enrollments = looking.enrollments(organization_id, open_, limit=_ENROLLMENTS, now=now)
        self._stays = looking.memberships(
            organization_id, customer_id=customer_id, stakeholder_id=one, on_cadence=True, limit=_ENROLLMENTS
        )
        self._ended = looking.ended(organization_id, ids)
        self._outcomes = looking.outcomes(
            organization_id,
            About(customer_id=customer_id, stakeholder_id=one),
            limit=_EVALUATIONS if one is None else _DECISIONS,
        )
        self._people = looking.people(organization_id, ids)
        self.questions = (self._enrollments, self._stays, self._ended, self._outcomes, self._people)

    def told(self) -> list[tuple[StakeholderTold, PersonRow]]:
        """The stakeholders in order, each with what is known of them."""
        enrollments: dict[str, list[EnrollmentTold]] = {id_: [] for id_ in self._ids}
        for enrollment in self._enrollments.rows:
            enrollments.setdefault(enrollment.stakeholder_id, []).append(told_enrollment(enrollment))
        stays: dict[str, list[MembershipTold]] = {id_: [] for id_ in self._ids}
        for stay in self._stays.rows:
            if stay.enrollment_id is None and stay.stakeholder_id is not None:
                stays.setdefault(stay.stakeholder_id, []).append(told_membership(stay))
        ended = {row.stakeholder_id: row for row in self._ended.rows}
        latest = _latest(self._outcomes.rows)
        return [
            (
                _stakeholder(
                    row,
                    self._customer_id if row.customer_id is None else row.customer_id or None,
                    self._now,
                    enrollments=enrollments[row.stakeholder_id],
                    other_cadences=stays[row.stakeholder_id],
                    last_ended=_ended(ended.get(row.stakeholder_id)),
                    latest_decisions=latest.get(row.stakeholder_id, [])[:_DECISIONS],
                ),
                row,
            )
            for row in self._people.rows
        ]


def _stakeholder(
    row: PersonRow,
    customer_id: str | None,
    now: datetime,
    *,
    enrollments: list[EnrollmentTold],
    other_cadences: list[MembershipTold],
    last_ended: Ended | None,
    latest_decisions: list[LatestDecision],
) -> StakeholderTold:
    data = orjson.loads(row.data) if row.data is not None else {}
    return StakeholderTold(
        id=row.stakeholder_id,
        customer_id=customer_id,
        name=data.get("name"),
        title=data.get("title"),
        role=data.get("role"),
        left=row.left,
        erased=row.erased,
        at_salesloft=_person(row),
        enrollments=enrollments,
        other_cadences=other_cadences,
        last_ended=last_ended,
        engagement=_engagement(row, now),
        latest_decisions=latest_decisions,
        time_zone=calendar_of(row.data, row.organization_zone),
    )


def _ended(row: EndedRow | None) -> Ended | None:
    if row is None:
        return None
    return Ended(
        enrollment_id=row.id,
        cadence=HappenedIn(id=row.cadence_id, name=row.cadence_name),
        state=EnrollmentState(row.state),
        reason=row.reason,
        ended_at=row.updated_at,
    )


def _latest(evaluations: Sequence[OutcomesRow]) -> dict[str, list[LatestDecision]]:
    """The outcomes of the latest evaluations, by stakeholder, the newest first."""
    found: dict[str, list[LatestDecision]] = {}
    for one in evaluations:
        for outcome in orjson.loads(one.outcomes):
            if outcome["stakeholder_id"] is not None:
                found.setdefault(outcome["stakeholder_id"], []).append(_decision(one, outcome))
    return found


def _decision(one: OutcomesRow, outcome: dict[str, Any]) -> LatestDecision:
    return LatestDecision(
        evaluation_id=str(one.id),
        evaluated_at=one.evaluated_at,
        trigger_type=trigger_type_of(one.event_type).value,
        event_id=one.event_id,
        outcome=outcome["outcome"],
        reason=outcome["reason"],
    )


def _person(row: PersonRow) -> PersonAtSalesloft | None:
    if row.person_id is None or row.linked_by is None or row.linked_at is None:
        return None
    return PersonAtSalesloft(
        person_id=row.person_id,
        linked_by=row.linked_by,
        linked_at=row.linked_at,
        do_not_contact=row.do_not_contact,
        contact_restrictions=list(row.contact_restrictions) if row.contact_restrictions is not None else None,
        bouncing=row.bouncing,
        deleted=row.deleted,
        as_of=row.read_at,
    )


def _engagement(row: PersonRow, now: datetime) -> EngagementNow | None:
    """With the score of this moment: what was published is worth less the longer it is ago."""
    if row.engagement is None or row.tallies is None:
        return None
    published: dict[str, Any] = orjson.loads(row.engagement)
    if not published:
        return None
    told = snapshot(
        tallies_from_json(orjson.loads(row.tallies)),
        organization_id=published["organization_id"],
        customer_id=published["customer_id"],
        stakeholder_id=published["stakeholder_id"],
        active_cadences=(),
        now=now,
    )
    return EngagementNow(
        last_contacted_at=told.last_contacted_at,
        last_replied_at=told.last_replied_at,
        counts=told.counts,
        score=told.score,
        score_parts=told.score_parts,
        by_cadence=told.by_cadence,
    )

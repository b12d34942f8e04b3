"""Approval requests as the approval service has them: what waits and for how long, what was answered, what changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from enrollment.decide import zone_of
from schemas.fields import Instant
from schemas.vocabulary import EnrollmentState
from storage import looking as rows
from storage import looking_approvals, naming
from storage.looking import Filters
from storage.looking_approvals import ApproversWord, RequestRow
from storage.pool import Connection
from web.paging import Paging, paging
from web.problems import absent
from web.reading.asking import CustomerFilter, Looked, Looking, Page, anybody
from web.reading.changed_terms import ChangedTerms, Naming, terms_named
from web.rights import may_act_for
from web.security import Caller, CallerRole
from workflows.organization_settings import read_settings

__all__ = ["ApproversDecision", "approval_routes", "told_words"]


class ApprovalStatus(StrEnum):
    """How a request stands; one that was approved stays so, whatever becomes of its enrollment."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    STALE = "stale"


_ENDED = {
    EnrollmentState.REQUESTED.value: ApprovalStatus.WAITING,
    EnrollmentState.REJECTED.value: ApprovalStatus.REJECTED,
    EnrollmentState.EXPIRED.value: ApprovalStatus.EXPIRED,
    EnrollmentState.STALE.value: ApprovalStatus.STALE,
}


class Shown(StrEnum):
    """Which requests a list has."""

    WAITING = "waiting"
    ALL = "all"


class KeptFrom(StrEnum):
    """Why a caller may not decide about a request that waits: the reason codes of a decision that is refused."""

    DECIDED_ELSEWHERE = "decided_elsewhere"
    ROLE_REQUIRED = "role_required"
    OWN_REQUEST = "own_request"
    CUSTOMER_OF_ANOTHER = "customer_of_another"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deciding:
    """Who may decide: whether anybody may here, and whether about what they asked for themselves."""

    here: bool
    own: bool

    def kept_from(self, caller: Caller, row: RequestRow) -> KeptFrom | None:
        if not self.here:
            return KeptFrom.DECIDED_ELSEWHERE
        if caller.role is CallerRole.VIEWER:
            return KeptFrom.ROLE_REQUIRED
        if not may_act_for(caller, row.owner_user_id):
            return KeptFrom.CUSTOMER_OF_ANOTHER
        if row.requested_by_user == caller.user_id and not self.own:
            return KeptFrom.OWN_REQUEST
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolved:
    """What those are called who are named by their ids alone, and the organization's time zone."""

    names: dict[str, str]
    terms: Naming
    zone: str


class Approval(Looked):
    """A request. What it says is as it was published, so that it can be compared with what the approver saw.

    `time_left_seconds` is None of one that waits no more. `changed_since` lists what is different where it is asked
    again. `names` has what those are called who were considered, as it is known now.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "enrollment_id": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
                    "status": "waiting",
                    "state": "requested",
                    "customer_id": "cus-7",
                    "stakeholder_id": "sth-9",
                    "request_digest": "sha256:9f86d081884c7d65",
                    "requested_at": "2026-11-23T08:00:00.000000Z",
                    "expires_at": "2026-11-24T08:00:00.000000Z",
                    "execute_by": "2026-11-30T08:00:00.000000Z",
                    "time_left_seconds": 3600,
                    "requested_by": {"kind": "trigger", "user_id": None},
                    "customer": {"id": "cus-7", "name": "Acme"},
                    "stakeholder": {"id": "sth-9", "name": "Ann Lee", "title": "VP Engineering", "role": "champion"},
                    "action": {"cadence": {"id": 456, "name": "Renewal 90", "purpose": "renewal"}},
                    "why": {"event_type": "ai.cscx.lifecycle.renewal-window.v1"},
                    "note": None,
                    "considered": [],
                    "names": {},
                    "changed_since": None,
                    "may_decide": True,
                    "may_not_because": None,
                    "decision": None,
                    "changed_to": None,
                    "time_zone": "Europe/Berlin",
                    "customer_churned_at": None,
                }
            ]
        }
    )

    enrollment_id: UUID
    status: ApprovalStatus
    state: EnrollmentState = Field(description="Of the enrollment.")
    customer_id: str
    stakeholder_id: str
    request_digest: str
    requested_at: Instant
    expires_at: Instant
    execute_by: Instant
    time_left_seconds: int | None
    requested_by: dict[str, Any] | None
    customer: dict[str, Any] | None
    stakeholder: dict[str, Any] | None
    action: dict[str, Any] | None
    why: dict[str, Any] | None
    note: str | None = Field(description="What a person said who asked for it by hand.")
    considered: list[dict[str, Any]]
    names: dict[str, str]
    changed_since: list[dict[str, Any]] | None
    may_decide: bool = Field(description="Whether it waits, and the caller is one who may decide about it.")
    may_not_because: KeptFrom | None = Field(description="Why the caller may not, while it waits.")
    decision: dict[str, Any] | None = Field(description="The one that counted, as it arrived.")
    changed_to: ChangedTerms | None = Field(
        description="What whoever approved it wanted otherwise than asked, by name; null where nothing."
    )
    time_zone: str = Field(
        description="By whose calendar the start date is: the stakeholder's time zone, else the organization's."
    )
    customer_churned_at: Instant | None = Field(
        description="When the customer churned, where an outcome says so; whoever decides has to know it."
    )


class ApproversDecision(Looked):
    """A decision that arrived. One that did not count says why."""

    verdict: str
    request_digest: str
    decided_by: str
    decided_at: Instant
    received_at: Instant
    counted: bool
    ignored_because: str | None


class ApprovalDetail(Looked):
    """A request and every decision on it."""

    approval: Approval
    decisions: list[ApproversDecision]
    read_at: Instant


def approval_routes(looking: Looking, *, decide_here: bool) -> APIRouter:
    """`GET /api/salesloft/approvals` and `.../approvals/{enrollment_id}`."""
    routes = APIRouter(prefix="/api/salesloft/approvals", tags=["approvals"])
    who = anybody(looking)

    @routes.get("")
    async def approvals(
        caller: Annotated[Caller, Depends(who)],
        page: Annotated[Paging, Depends(paging)],
        show: Annotated[
            Shown, Query(description="Those that wait, the first to expire in front; or all, the newest in front.")
        ] = Shown.WAITING,
        customer_id: CustomerFilter = None,
    ) -> Page[Approval]:
        """Approval requests as they stand."""
        now, organization_id = looking.clock.now(), caller.organization_id
        question = (organization_id, show, customer_id)
        after_at, after_id = page.after(question, datetime, UUID)
        async with looking.of(caller) as connection:
            if show is Shown.WAITING:
                found = await looking_approvals.waiting(
                    connection,
                    organization_id,
                    customer_id=customer_id,
                    after=(after_at, after_id),
                    limit=page.limit + 1,
                )
            else:
                newest = rows.enrollments(
                    organization_id,
                    Filters(customer_id=customer_id),
                    before=after_id,
                    limit=page.limit + 1,
                    now=now,
                )
                ids = [one.id for one in await newest.asked_of(connection)]
                found = await looking_approvals.requests(connection, organization_id, ids, limit=page.limit + 1)
            told = await _told(connection, caller, found, now, decide_here=decide_here)
        items, following = page.cut(question, found, lambda row: (row.expires_at, row.id))
        return Page[Approval](items=told[: len(items)], next_cursor=following, read_at=now)

    @routes.get("/{enrollment_id}")
    async def approval(caller: Annotated[Caller, Depends(who)], enrollment_id: UUID) -> ApprovalDetail:
        """One request with every decision that ever arrived for it."""
        now = looking.clock.now()
        async with looking.of(caller) as connection:
            found = await looking_approvals.requests(connection, caller.organization_id, [enrollment_id], limit=1)
            if not found:
                raise absent("approval", enrollment_id)
            words = await looking_approvals.decisions_on(connection, caller.organization_id, enrollment_id)
            (told,) = await _told(connection, caller, found, now, decide_here=decide_here)
        return ApprovalDetail(approval=told, decisions=told_words(words), read_at=now)

    return routes


def told_words(words: Sequence[ApproversWord]) -> list[ApproversDecision]:
    """Decisions as they are told."""
    return [
        ApproversDecision(
            verdict=one.verdict,
            request_digest=one.request_digest,
            decided_by=one.decided_by,
            decided_at=one.decided_at,
            received_at=one.received_at,
            counted=one.ignored_because is None,
            ignored_because=one.ignored_because,
        )
        for one in words
    ]


async def _told(
    connection: Connection, caller: Caller, found: Sequence[RequestRow], now: datetime, *, decide_here: bool
) -> list[Approval]:
    organization_id = caller.organization_id
    chosen = (await read_settings(connection, organization_id)).settings
    deciding = _Deciding(here=decide_here and chosen.decided_on_our_page, own=chosen.self_approval_allowed)
    requests: list[dict[str, Any]] = [orjson.loads(row.request) for row in found]
    considered = {one for request in requests for one in _considered(request)}
    decisions = [orjson.loads(row.decision) if row.decision is not None else None for row in found]
    cadences = [((request.get("action") or {}).get("cadence") or {}).get("id") for request in requests]
    resolved = _Resolved(
        names=await naming.stakeholders(connection, organization_id, considered) if considered else {},
        terms=await terms_named(connection, organization_id, zip(cadences, decisions, strict=True)),
        zone=chosen.time_zone,
    )
    return [
        _approval(row, request, decision, caller, deciding, resolved, now)
        for row, request, decision in zip(found, requests, decisions, strict=True)
    ]


def _considered(request: dict[str, Any]) -> list[str]:
    return [one["stakeholder_id"] for one in request.get("considered") or [] if one.get("stakeholder_id") is not None]


def _approval(
    row: RequestRow,
    request: dict[str, Any],
    decision: dict[str, Any] | None,
    caller: Caller,
    deciding: _Deciding,
    resolved: _Resolved,
    now: datetime,
) -> Approval:
    status = _ENDED.get(row.state)
    if status is None:
        status = ApprovalStatus.APPROVED if row.decision is not None else ApprovalStatus.WITHDRAWN
    is_waiting = status is ApprovalStatus.WAITING
    kept_from = deciding.kept_from(caller, row) if is_waiting else None
    return Approval(
        enrollment_id=row.id,
        status=status,
        state=EnrollmentState(row.state),
        customer_id=row.customer_id,
        stakeholder_id=row.stakeholder_id,
        request_digest=row.request_digest,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        execute_by=row.execute_by,
        time_left_seconds=max(0, int((row.expires_at - now).total_seconds())) if is_waiting else None,
        requested_by=request.get("requested_by"),
        customer=request.get("customer"),
        stakeholder=request.get("stakeholder"),
        action=request.get("action"),
        why=request.get("why"),
        note=row.note,
        considered=request.get("considered") or [],
        names={one: resolved.names[one] for one in _considered(request) if one in resolved.names},
        changed_since=request.get("changed_since"),
        may_decide=is_waiting and kept_from is None,
        may_not_because=kept_from,
        decision=decision,
        changed_to=resolved.terms.changed(decision) if status is ApprovalStatus.APPROVED else None,
        time_zone=zone_of(row.stakeholder_zone, resolved.zone).key,
        customer_churned_at=row.churned_at,
    )

"""Deciding about approval requests with us: one, or many at once.

A deployment may leave it to the approval service, and so may an organization.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.approval import ApproverChanges
from schemas.vocabulary import Reason
from storage import looking_approvals
from storage.pool import Database
from web.idempotency import repeatable
from web.problems import Problem
from web.security import Caller, CallerRole, Callers, having_role
from workflows.answering import ANOTHERS_CUSTOMER, Answer, Approver, publish_answers
from workflows.asking import told_action
from workflows.clock import Clock
from workflows.meanwhile import changed_meanwhile
from workflows.memory import OrganizationMemory
from workflows.organization_settings import read_settings
from workflows.renewal import Renewed
from workflows.request import told_verdicts

__all__ = ["approval_routes"]

MOST_AT_ONCE: Final = 500
_LOOKED_AT_AGAIN: Final = 100

_OUT_OF_RANGE: Final = "changed_start_date_out_of_range"
_DETAILS: Final = {
    "unknown_enrollment": "There is no such request.",
    "digest_mismatch": "What is asked has changed since: look at the request again, and decide about what it says now.",
    "decided_after_expiry": "The request has expired; what still applies is asked again.",
    "decided_before_request": "The request was asked again in this moment: look at it again.",
    "own_request": "Nobody approves what they asked for themselves: somebody else has to decide.",
    "already_answered": "Another answer to this request is among these.",
    "changed_custom_fields_not_allowed": "Custom fields cannot be changed with an approval.",
    "changed_step_not_in_cadence": "The start step is none of the cadence's.",
    "changed_sender_unknown": "The team has no such active user at Salesloft.",
    "changed_sender_not_allowed": "The cadence is personal: only its owner can send.",
    _OUT_OF_RANGE: "The start date is over, or later than the approval would be good for.",
    ANOTHERS_CUSTOMER: "Somebody else looks after this customer: they decide, or a manager.",
}


class Changes(BaseModel):
    """What is to be otherwise than asked; null leaves it. Step and sender are Salesloft's ids."""

    model_config = ConfigDict(extra="forbid")

    start_date: date | None = None
    start_step_id: Annotated[int, Field(gt=0, lt=2**63)] | None = None
    sender_user_id: Annotated[int, Field(gt=0, lt=2**63)] | None = None


class Decision(BaseModel):
    """A decision about what the request with that digest says. Who rejects says why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"decision": "approved", "request_digest": "sha256:9f86d081", "changes": {"start_date": "2026-12-01"}},
                {"decision": "rejected", "request_digest": "sha256:9f86d081", "reason": "she is on leave"},
            ]
        },
    )

    decision: Literal["approved", "rejected"]
    request_digest: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    changes: Changes | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.decision == "rejected" and self.reason is None:
            raise ValueError("say why it is rejected, as reason")
        if self.decision == "rejected" and self.changes is not None:
            raise ValueError("what is rejected is not changed")
        return self


class DecisionOnOne(Decision):
    """One of several decisions."""

    enrollment_id: UUID


class Decisions(BaseModel):
    """Decisions about several requests."""

    model_config = ConfigDict(extra="forbid")

    decisions: Annotated[list[DecisionOnOne], Field(min_length=1, max_length=MOST_AT_ONCE)]


class Refused(BaseModel):
    """A decision that would not count, and why."""

    enrollment_id: UUID
    reason_code: str
    detail: str


class Outdated(BaseModel):
    """An approval that is published, though what it rests on has changed since it was asked: it is asked anew.

    `changed_since`, `action` and `why` are as the new request would have them, if it were made now. Where nothing can
    be asked any more they are null, and `withdrawn_because` is the reason code.
    """

    enrollment_id: UUID
    changed_since: list[dict[str, Any]] | None
    action: dict[str, Any] | None
    why: dict[str, Any] | None
    withdrawn_because: Reason | None


class Published(BaseModel):
    """What became of each decision: `published` ones move their enrollments in a moment, unless one came before."""

    published: list[UUID]
    refused: list[Refused]
    outdated: list[Outdated] = Field(
        description="Of the approvals that are published those of which it is known already that they are asked anew,"
        f" or withdrawn, before anybody is added; the first {_LOOKED_AT_AGAIN} are looked at."
    )


def approval_routes(
    database: Database, callers: Callers, memory: OrganizationMemory, clock: Clock, *, decide_here: bool
) -> APIRouter:
    """`POST /api/salesloft/approvals/{enrollment_id}/decision` and `POST /api/salesloft/approvals/decisions`."""
    routes = APIRouter(prefix="/api/salesloft/approvals", tags=["approvals"])
    approver = having_role(callers, CallerRole.CSM, CallerRole.MANAGER, CallerRole.ADMIN)

    async def refusals(caller: Caller, answers: list[Answer]) -> list[Refused | None]:
        by = Approver(user_id=caller.user_id, own_customers_only=caller.role is CallerRole.CSM)
        async with database.transaction() as connection:
            chosen = await read_settings(connection, caller.organization_id)
            if not decide_here or not chosen.settings.decided_on_our_page:
                raise Problem(403, "decided_elsewhere", "Requests are decided at the approval service, and not here.")
            found = await publish_answers(connection, caller.organization_id, by, answers, memory, clock.now())
            far = [one.enrollment_id for one, code in zip(answers, found, strict=True) if code == _OUT_OF_RANGE]
            rows = (
                await looking_approvals.requests(connection, caller.organization_id, far, limit=MOST_AT_ONCE)
                if far
                else []
            )
        last_days = {row.id: row.execute_by.date() for row in rows}
        return [
            None if code is None else _refused(one.enrollment_id, code, last_days)
            for one, code in zip(answers, found, strict=True)
        ]

    async def outdated(caller: Caller, told: list[DecisionOnOne], found: list[Refused | None]) -> list[Outdated]:
        approved = {
            one.enrollment_id: _changes(one)
            for one, refusal in zip(told, found, strict=True)
            if refusal is None and one.decision == "approved"
        }
        if not approved:
            return []
        looked_at = dict(list(approved.items())[:_LOOKED_AT_AGAIN])
        async with database.transaction() as connection:
            changed = await changed_meanwhile(connection, caller.organization_id, looked_at, memory, clock.now())
        return [_outdated(one, changed[one]) for one in looked_at if one in changed]

    async def decided(caller: Caller, told: list[DecisionOnOne]) -> Published:
        found = await refusals(caller, [_answer(one) for one in told])
        return Published(
            published=[one.enrollment_id for one, refusal in zip(told, found, strict=True) if refusal is None],
            refused=[refusal for refusal in found if refusal is not None],
            outdated=await outdated(caller, told, found),
        )

    # Of two decisions that are the same the first counts.
    @routes.post("/decisions")
    @repeatable
    async def decide_several(decisions: Decisions, caller: Annotated[Caller, Depends(approver)]) -> Published:
        """Decide about several requests. Each is published or refused by itself, whatever becomes of the others."""
        return await decided(caller, decisions.decisions)

    @routes.post("/{enrollment_id}/decision", status_code=202)
    @repeatable
    async def decide(
        enrollment_id: UUID, decision: Decision, response: Response, caller: Annotated[Caller, Depends(approver)]
    ) -> Published:
        """Decide about a request. The decision is published, and moves the enrollment unless another came before it."""
        done = await decided(caller, [DecisionOnOne(enrollment_id=enrollment_id, **dict(decision))])
        if done.refused:
            (refusal,) = done.refused
            code = refusal.reason_code
            status = {"unknown_enrollment": 404, "own_request": 403, ANOTHERS_CUSTOMER: 403}.get(code, 409)
            raise Problem(422 if code.startswith("changed_") else status, code, refusal.detail)
        response.headers["location"] = f"/api/salesloft/enrollments/{enrollment_id}"
        return done

    return routes


def _answer(decision: DecisionOnOne) -> Answer:
    return Answer(
        enrollment_id=decision.enrollment_id,
        request_digest=decision.request_digest,
        verdict=decision.decision,
        reason=decision.reason,
        changes=_changes(decision),
    )


def _changes(decision: Decision) -> ApproverChanges | None:
    return ApproverChanges(**decision.changes.model_dump()) if decision.changes is not None else None


def _outdated(enrollment_id: UUID, found: Renewed | Reason) -> Outdated:
    if isinstance(found, Reason):
        return Outdated(enrollment_id=enrollment_id, changed_since=None, action=None, why=None, withdrawn_because=found)
    mapping = found.mapping
    return Outdated(
        enrollment_id=enrollment_id,
        changed_since=found.differences,
        action=told_action(found.action, mapping, found.bound.custom_fields),
        why={
            "mapping": {"id": mapping.id, "version": mapping.version} if mapping is not None else None,
            "verdicts": told_verdicts(found.verdicts),
        },
        withdrawn_because=None,
    )


def _refused(enrollment_id: UUID, code: str, last_days: Mapping[UUID, date]) -> Refused:
    decided = f"The enrollment is {code.removeprefix('already_')}: there is nothing left to decide."
    detail = _DETAILS.get(code, decided)
    if code == _OUT_OF_RANGE and enrollment_id in last_days:
        last = last_days[enrollment_id]
        detail = f"Choose a first day from today to {last.day} {last:%B %Y}, until when the approval would be good."
    return Refused(enrollment_id=enrollment_id, reason_code=code, detail=detail)

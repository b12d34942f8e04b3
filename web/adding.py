"""Having somebody added to a cadence by hand: asked of an approver, after the gates that every request passes."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from enrollment.additions import Addition, AdditionInvalid, Gate, GateVerdict
from schemas.fields import Id, Instant, SalesloftId
from schemas.vocabulary import EnrollmentState, Reason, RequesterKind
from storage import additions, directory, evaluations
from storage.additions import Asker
from storage.directory import CustomerKey
from storage.pool import Connection, Database
from web.idempotency import operation_id, repeatable
from web.memberships import Note
from web.problems import Problem, absent
from web.rights import acting, check_customer
from web.security import Caller, CallerRole, Callers, having_role
from workflows.adding import (
    Added,
    AdditionRefused,
    IdTaken,
    UnknownParty,
    WantedAddition,
    add_to_cadence,
    try_addition,
)
from workflows.clock import Clock
from workflows.memory import OrganizationMemory

__all__ = ["adding_routes"]

_FieldText = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]


class AddWanted(BaseModel):
    """Whom, and how; what is left out is the cadence's first step, today, and the customer's owner.

    Ids of step and user are Salesloft's. `custom_fields` go by their names in Salesloft. `note` says why, for whoever
    looks at it later.
    """

    model_config = ConfigDict(extra="forbid")

    stakeholder_id: Id
    start_step_id: SalesloftId | None = None
    start_date: date | None = None
    sender_user_id: SalesloftId | None = None
    custom_fields: Annotated[dict[_FieldText, _FieldText], Field(max_length=100)] = {}
    note: Note


class GateTold(BaseModel):
    """What a gate said; `reason_code` is null where it let the request through."""

    gate: Gate
    passed: bool
    reason_code: Reason | None
    says: str


class AddTold(BaseModel):
    """The enrollment that waits for its approval.

    A decision is good until `expires_at` for the question with this digest, and may be carried out until `execute_by`.
    """

    enrollment_id: UUID
    state: EnrollmentState
    request_digest: str
    expires_at: Instant
    execute_by: Instant
    gates: list[GateTold]


class AddTried(BaseModel):
    """What would come of it: the question that an approver would be asked, or the refusal."""

    would: Literal["request", "refuse"]
    reason_code: Reason | None
    detail: str | None
    request: dict[str, Any] | None
    gates: list[GateTold]
    customer_churned_at: Instant | None = Field(
        description="A caution and no refusal: when the customer churned, where an outcome says so."
    )


class AdditionTold(BaseModel):
    """Who asked for it by hand, when, with what and why, and what each gate said at that moment."""

    enrollment_id: UUID
    customer_id: str
    asked_by: dict[str, str]
    asked_at: Instant
    note: str | None
    asked_for: dict[str, Any]
    gates: list[GateTold]
    state: EnrollmentState


def adding_routes(database: Database, memory: OrganizationMemory, clock: Clock, callers: Callers) -> APIRouter:
    """`POST /api/salesloft/cadences/{id}/add` and `GET /api/salesloft/enrollments/{id}/addition`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["adding"])
    anybody = having_role(callers, *CallerRole)

    @routes.post(
        "/cadences/{cadence_id}/add",
        status_code=202,
        responses={200: {"model": AddTried, "description": "What would come of it."}},
    )
    @repeatable
    async def add(
        cadence_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
        wanted: AddWanted,
        request: Request,
        response: Response,
        caller: Annotated[Caller, Depends(acting(callers))],
        asked_id: Annotated[UUID, Depends(operation_id)],
        *,
        dry_run: Annotated[bool, Query(description="Only say what would come of it; nothing is written.")] = False,
    ) -> AddTold | AddTried:
        """Ask an approver to have somebody added. Nobody is contacted before somebody else has approved it."""
        asked = _asked(asked_id, cadence_id, wanted, caller, request.state.correlation_id)
        organization_id, now = caller.organization_id, clock.now()
        try:
            if dry_run:
                response.status_code = 200
                async with database.transaction() as connection:
                    customer = await _check(connection, caller, wanted.stakeholder_id)
                    churned_at = (await evaluations.churned(connection, [customer])).get(customer)
                    try:
                        added = await try_addition(connection, organization_id, asked, memory, now)
                    except AdditionRefused as refused:
                        return _would_refuse(refused, churned_at)
                    return _tried(added, churned_at)
            async with database.transaction() as connection:
                await _check(connection, caller, wanted.stakeholder_id)
                added = await add_to_cadence(connection, organization_id, asked, memory, now)
        except AdditionRefused as refused:
            raise _refusal(refused) from None
        except AdditionInvalid as error:
            fields = [{"field": f"body.{error.field}", "message": str(error)}]
            raise Problem(422, "invalid_request", f"{error}.", errors=fields) from None
        except UnknownParty as error:
            raise absent(error.what, error.name) from None
        except IdTaken as error:
            raise Problem(409, "id_taken", f"{error}.") from None
        response.headers["location"] = f"/api/salesloft/enrollments/{added.enrollment_id}"
        # Without the question itself: answers are kept, and it holds what is personal.
        return AddTold(
            enrollment_id=added.enrollment_id,
            state=added.state,
            request_digest=orjson.loads(added.request)["request_digest"],
            expires_at=added.expires_at,
            execute_by=added.execute_by,
            gates=_told(added.gates),
        )

    @routes.get("/enrollments/{enrollment_id}/addition")
    async def addition(enrollment_id: UUID, caller: Annotated[Caller, Depends(anybody)]) -> AdditionTold:
        """Why there is this enrollment, where a person asked for it and no trigger."""
        async with database.connection() as connection:
            found = await additions.read(connection, caller.organization_id, enrollment_id)
        if found is None:
            raise absent("addition", enrollment_id)
        return AdditionTold(
            enrollment_id=found.enrollment_id,
            customer_id=found.customer_id,
            asked_by={"kind": found.asked_by.kind.value, "user_id": found.asked_by.user_id},
            asked_at=found.asked_at,
            note=found.note,
            asked_for=orjson.loads(orjson.dumps(found.addition)),
            gates=_told(found.gates),
            state=found.state,
        )

    return routes


async def _check(connection: Connection, caller: Caller, stakeholder_id: str) -> CustomerKey:
    """Whose customer it is that the caller may act for. Raises Problem."""
    key = (caller.organization_id, stakeholder_id)
    found = (await directory.read_stakeholders(connection, [key])).get(key)
    if found is None:
        raise absent("stakeholder", stakeholder_id)
    await check_customer(connection, caller, found.customer_id)
    return caller.organization_id, found.customer_id


def _asked(asked_id: UUID, cadence_id: int, wanted: AddWanted, caller: Caller, correlation_id: str) -> WantedAddition:
    return WantedAddition(
        id=asked_id,
        addition=Addition(
            stakeholder_id=wanted.stakeholder_id,
            cadence_id=cadence_id,
            start_step_id=wanted.start_step_id,
            start_on=wanted.start_date,
            sender_user_id=wanted.sender_user_id,
            custom_fields=wanted.custom_fields,
        ),
        asked_by=Asker(RequesterKind.USER, caller.user_id),
        note=wanted.note,
        correlation_id=correlation_id,
    )


def _told(gates: tuple[GateVerdict, ...]) -> list[GateTold]:
    return [GateTold(gate=one.gate, passed=one.reason is None, reason_code=one.reason, says=one.says) for one in gates]


def _tried(added: Added, churned_at: datetime | None) -> AddTried:
    return AddTried(
        would="request",
        reason_code=None,
        detail=None,
        request=orjson.loads(added.request),
        gates=_told(added.gates),
        customer_churned_at=churned_at,
    )


def _would_refuse(refused: AdditionRefused, churned_at: datetime | None) -> AddTried:
    return AddTried(
        would="refuse",
        reason_code=refused.reason,
        detail=str(refused),
        request=None,
        gates=_told(refused.gates),
        customer_churned_at=churned_at,
    )


def _refusal(refused: AdditionRefused) -> Problem:
    """Everything that speaks against it, so that nobody learns of it one by one."""
    errors = [
        {"field": one.gate.value, "message": one.says, "reason_code": one.reason.value}
        for one in refused.gates
        if one.reason is not None
    ]
    return Problem(409, refused.reason.value, str(refused), errors=errors)

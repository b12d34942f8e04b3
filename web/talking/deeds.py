"""Carrying out what was shown in the chat and confirmed: by the very same path as any call of the API.

Before it is shown it is rehearsed by the path that a dry run takes, so nobody is asked for a yes that cannot be had.
"""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

import orjson

from enrollment.additions import REFUSAL_WORDS, Addition, AdditionInvalid
from enrollment.capabilities import CadenceAction, capability_of
from schemas.vocabulary import Reason, RequesterKind
from storage import evaluations
from storage.additions import Asker
from storage.pool import Connection, Database
from storage.steering import Steering, SteeringAction
from web.chat.intents import Action
from web.chat.plans import ChangePlan, Target
from web.problems import Problem
from web.rights import check_customer
from web.security import Caller
from web.talking.prospects import Prospect, against
from workflows.adding import (
    AdditionRefused,
    IdTaken,
    UnknownParty,
    WantedAddition,
    add_to_cadence,
    contact_refusal,
    try_addition,
)
from workflows.audit import Way, coming_by
from workflows.memory import OrganizationMemory
from workflows.steering import SteeringInvalid, steer, try_steering

__all__ = ["Deed", "Doing"]

_STEERED: Final = {
    Action.PAUSE: SteeringAction.PAUSE,
    Action.RESUME: SteeringAction.RESUME,
    Action.SKIP: SteeringAction.SKIP,
    Action.RESTART: SteeringAction.RESTART,
    Action.SENDER: SteeringAction.CHANGE_SENDER,
    Action.REMOVE: SteeringAction.REMOVE,
}
_REFUSALS: Final = (AdditionRefused, AdditionInvalid, UnknownParty, IdTaken, SteeringInvalid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What came of one target: the enrollment that it is about, or why nothing was done."""

    target: Target
    enrollment_id: UUID | None
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """Carries out confirmed plans for one caller.

    What is carried out again under the same `operation` is done once. A day is the caller's, in their `zone`.
    """

    caller: Caller
    database: Database
    memory: OrganizationMemory
    operation: UUID
    correlation_id: str
    zone: ZoneInfo
    now: datetime

    async def rehearse(self, plan: ChangePlan) -> list[Prospect]:
        """What would come of it for each target now. Nothing is written; each gate is asked again when it is done."""
        return [await self._rehearse(plan, target) for target in plan.targets]

    async def carry_out(self, plan: ChangePlan) -> list[Deed]:
        """Do it for each target by itself: one that is refused keeps nobody else from theirs."""
        with coming_by(Way.CHAT, self.correlation_id):
            return [
                await self._carry_out(plan, target, uuid5(self.operation, str(place)))
                for place, target in enumerate(plan.targets)
            ]

    async def _rehearse(self, plan: ChangePlan, target: Target) -> Prospect:
        organization_id = self.caller.organization_id
        try:
            async with self.database.transaction() as connection:
                await check_customer(connection, self.caller, target.customer_id)
                if plan.action is Action.ADD:
                    wanted = self._addition(plan, target, uuid4())
                    added = await try_addition(connection, organization_id, wanted, self.memory, self.now)
                    request: dict[str, Any] = orjson.loads(added.request)
                    customer = (organization_id, target.customer_id)
                    churned_at = (await evaluations.churned(connection, [customer])).get(customer)
                    return Prospect(target=target, request=request, gates=added.gates, churned_at=churned_at)
                refusal = await self._no_way_back(connection, plan, target)
                if refusal is not None:
                    return Prospect(target=target, refusals=(against(refusal, _not_back(refusal)),))
                asked = self._steering(plan, target, uuid4())
                held_by = await try_steering(connection, organization_id, asked, self.memory, self.now)
                return Prospect(target=target, held_by=held_by)
        except AdditionRefused as refused:
            refusals = tuple(against(one.reason, one.says) for one in refused.gates if one.reason is not None)
            return Prospect(target=target, refusals=refusals)
        except Problem as problem:
            return Prospect(target=target, refusals=(against(None, problem.detail),))
        except _REFUSALS as error:
            return Prospect(target=target, refusals=(against(None, str(error)),))

    async def _no_way_back(self, connection: Connection, plan: ChangePlan, target: Target) -> Reason | None:
        """Why somebody who would be taken off would not be added back: then they would only be removed."""
        if not capability_of(CadenceAction(_STEERED[plan.action].value)).adds_back:
            return None
        return await contact_refusal(connection, self.caller.organization_id, target.stakeholder_id)

    async def _carry_out(self, plan: ChangePlan, target: Target, id_: UUID) -> Deed:
        organization_id = self.caller.organization_id
        try:
            async with self.database.transaction() as connection:
                await check_customer(connection, self.caller, target.customer_id)
                if plan.action is Action.ADD:
                    wanted = self._addition(plan, target, id_)
                    await add_to_cadence(connection, organization_id, wanted, self.memory, self.now)
                    return Deed(target=target, enrollment_id=id_)
                asked = self._steering(plan, target, id_)
                await steer(connection, organization_id, asked, self.memory, self.now)
                return Deed(target=target, enrollment_id=asked.enrollment_id)
        except Problem as problem:
            return Deed(target=target, enrollment_id=None, refusal=problem.detail)
        except _REFUSALS as error:
            return Deed(target=target, enrollment_id=None, refusal=str(error))

    def _addition(self, plan: ChangePlan, target: Target, id_: UUID) -> WantedAddition:
        return WantedAddition(
            id=id_,
            addition=Addition(
                stakeholder_id=target.stakeholder_id,
                cadence_id=target.cadence_id,
                start_step_id=target.step_id,
                start_on=plan.start,
                sender_user_id=plan.sender_user_id,
            ),
            asked_by=Asker(RequesterKind.CHAT, self.caller.user_id),
            note=plan.note,
            correlation_id=self.correlation_id,
        )

    def _steering(self, plan: ChangePlan, target: Target, id_: UUID) -> Steering:
        if target.enrollment_id is None:
            raise AssertionError("what is steered is an enrollment")
        return Steering(
            id=id_,
            enrollment_id=UUID(target.enrollment_id),
            action=_STEERED[plan.action],
            asked_by_kind=RequesterKind.CHAT,
            asked_by=self.caller.user_id,
            note=plan.note,
            until=datetime.combine(plan.until, time(), self.zone) if plan.until is not None else None,
            step_id=target.step_id if plan.action is Action.RESTART else None,
            sender_user_id=plan.sender_user_id,
        )


def _not_back(refusal: Reason) -> str:
    return f"{REFUSAL_WORDS[refusal]} They would be taken off the cadence, and not added back."

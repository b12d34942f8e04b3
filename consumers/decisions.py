"""Approval decisions: what is approved is scheduled, what is rejected is over."""

from collections.abc import Sequence
from typing import Literal

from consumers.incoming import Incoming
from consumers.settling import Refusal
from schemas.approval import EnrollmentDecision
from schemas.registry import ENROLLMENT_APPROVED
from schemas.topics import ENROLLMENT_DECISION
from storage.pool import Connection
from workflows.approve import IncomingDecision, take_decisions
from workflows.clock import Clock
from workflows.memory import OrganizationMemory

__all__ = ["DecisionHandler"]


class DecisionHandler:
    """Takes the approval service's decisions, and those made on our own page, which come by the same topic."""

    name = "decisions"
    topics: tuple[str, ...] = (ENROLLMENT_DECISION.name,)

    def __init__(self, memory: OrganizationMemory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def apply(self, connection: Connection, batch: Sequence[Incoming]) -> Sequence[Refusal]:
        """Take a batch; a decision that does not count is kept with its reason and is no dead letter."""
        await take_decisions(connection, [_decision(incoming) for incoming in batch], self._memory, self._clock.now())
        return ()


def _decision(incoming: Incoming) -> IncomingDecision:
    envelope, event = incoming.envelope, incoming.event
    if envelope is None or not isinstance(event, EnrollmentDecision):
        raise TypeError("a decision's record carries an envelope and a decision")
    verdict: Literal["approved", "rejected"] = "approved" if envelope.type == ENROLLMENT_APPROVED.name else "rejected"
    return IncomingDecision(decision=event, verdict=verdict, event_id=envelope.id, event_source=envelope.source)

"""Outcomes: renewed, churned and the like end what they make pointless."""

from collections.abc import Sequence

from consumers.incoming import Incoming
from consumers.settling import Refusal
from schemas.outcomes import Outcome
from schemas.registry import OUTCOME_TYPES
from schemas.topics import OUTCOME
from storage.pool import Connection
from workflows.clock import Clock
from workflows.memory import OrganizationMemory
from workflows.outcomes import IncomingOutcome, take_outcomes

__all__ = ["OutcomeHandler"]

_OUTCOMES = {event_type.name: outcome for outcome, event_type in OUTCOME_TYPES.items()}


class OutcomeHandler:
    """Ends enrollments, whatever state they are in."""

    name = "outcomes"
    topics: tuple[str, ...] = (OUTCOME.name,)

    def __init__(self, memory: OrganizationMemory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def apply(self, connection: Connection, batch: Sequence[Incoming]) -> Sequence[Refusal]:
        """Take a batch; an outcome of which nothing is open yet is kept for what may come."""
        await take_outcomes(connection, [_outcome(incoming) for incoming in batch], self._memory, self._clock.now())
        return ()


def _outcome(incoming: Incoming) -> IncomingOutcome:
    envelope, event = incoming.envelope, incoming.event
    if envelope is None or not isinstance(event, Outcome):
        raise TypeError("an outcome's record carries an envelope and an outcome")
    return IncomingOutcome(
        outcome=event,
        type=_OUTCOMES[envelope.type],
        event_id=envelope.id,
        time=envelope.time or incoming.timestamp,
    )

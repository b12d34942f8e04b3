"""Lifecycle events: each is decided for every candidate, and what is to be requested asks for approval."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from consumers.incoming import Incoming
from consumers.settling import Refusal
from schemas.registry import LIFECYCLE_TYPES
from schemas.topics import AT_RISK, EXPANSION_SIGNAL, NEW_CUSTOMER, RENEWAL_WINDOW
from storage.pool import Connection
from telemetry import metrics
from workflows.clock import Clock
from workflows.memory import OrganizationMemory
from workflows.request import decide_and_request
from workflows.situations import Trigger

if TYPE_CHECKING:
    from schemas.lifecycle import LifecycleEvent

__all__ = ["LifecycleHandler"]

_TRIGGER_TYPES = {event_type.name: trigger for trigger, event_type in LIFECYCLE_TYPES.items()}


class LifecycleHandler:
    """Decides new customers, renewal windows, customers at risk and signals of expansion."""

    name = "lifecycle"
    topics: tuple[str, ...] = (
        NEW_CUSTOMER.name,
        RENEWAL_WINDOW.name,
        AT_RISK.name,
        EXPANSION_SIGNAL.name,
    )

    def __init__(self, memory: OrganizationMemory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def apply(self, connection: Connection, batch: Sequence[Incoming]) -> Sequence[Refusal]:
        """Decide a batch; nothing in a valid event makes it a dead letter."""
        decided = await decide_and_request(
            connection, [_trigger(incoming) for incoming in batch], self._memory, self._clock.now()
        )
        for (outcome, reason), count in decided.counts.items():
            metrics.DECISIONS.labels(outcome=outcome.value, reason=reason.value).inc(count)
        return ()


def _trigger(incoming: Incoming) -> Trigger:
    envelope = incoming.envelope
    if envelope is None:
        raise TypeError("a lifecycle record carries an envelope")
    return Trigger(
        # A type that is known here is read by its model. To ask the event for its class is slow: models are abstract.
        trigger_type=_TRIGGER_TYPES[envelope.type],
        event=cast("LifecycleEvent", incoming.event),
        event_id=envelope.id,
        event_source=envelope.source,
        event_type=envelope.type,
        event_time=envelope.time or incoming.timestamp,
        correlation_id=envelope.journey_id,
        data=incoming.data,
        traceparent=envelope.traceparent,
    )

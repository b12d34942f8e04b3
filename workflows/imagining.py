"""What deciding would rest on if some events came now; nothing is locked or written."""

from collections.abc import Sequence
from datetime import datetime

from enrollment.decide import OrganizationFacts
from enrollment.recall import Recalled
from storage.pool import Connection
from workflows.engagement import add_engagement
from workflows.policy_facts import add_policy_facts
from workflows.situations import Trigger, look

__all__ = ["imagine"]


async def imagine(
    connection: Connection, facts: OrganizationFacts, triggers: Sequence[Trigger], now: datetime
) -> list[Recalled]:
    """An evaluation of each of one organization's triggers, in their order, as it would be made at this moment."""
    looked = await look(connection, triggers, now)
    await add_policy_facts(connection, triggers, looked, {facts.organization_id: facts})
    await add_engagement(connection, triggers, looked, {facts.organization_id: facts}, now)
    return [
        Recalled(
            situation=known.situation,
            organization=facts,
            now=now,
            event_time=trigger.event_time,
            hold_ends=known.hold_ends,
            only=trigger.only,
        )
        for trigger, known in zip(triggers, looked, strict=True)
    ]

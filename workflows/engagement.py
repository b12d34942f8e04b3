"""A stakeholder's engagement as criteria ask about it.

It is read where some mapping asks, and stored with the evaluation's facts: what is seen later must not change what was
decided.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import orjson

from activity.engagement import score_parts, tallies_from_json, total_of
from enrollment.catalogue import EngagementFacts
from enrollment.decide import OrganizationFacts
from storage import activity
from storage.directory import StakeholderKey
from storage.pool import Connection
from workflows.situations import LoadedSituation, Trigger

__all__ = ["add_engagement", "engagement_facts", "read_engagement"]


async def add_engagement(
    connection: Connection,
    triggers: Sequence[Trigger],
    loaded: Sequence[LoadedSituation],
    organizations: Mapping[str, OrganizationFacts],
    now: datetime,
) -> None:
    """Give the candidates of loaded situations their engagement where a mapping of the trigger asks about it."""
    asking = [
        (trigger.customer[0], known.situation.candidates)
        for trigger, known in zip(triggers, loaded, strict=True)
        if organizations[trigger.customer[0]].mappings.asks_engagement(trigger.trigger_type)
    ]
    if not asking:
        return
    keys = {(organization_id, one.stakeholder.id) for organization_id, candidates in asking for one in candidates}
    found = await read_engagement(connection, keys, now)
    for organization_id, candidates in asking:
        for candidate in candidates:
            if candidate.gone is None:
                candidate.engagement = found.get((organization_id, candidate.stakeholder.id))


async def read_engagement(
    connection: Connection, stakeholders: Collection[StakeholderKey], now: datetime
) -> dict[StakeholderKey, EngagementFacts]:
    """The engagement of those of whom something was seen."""
    rows = await activity.read_engagements(connection, stakeholders)
    found = {key: engagement_facts(data, tallies, now) for key, (data, tallies) in rows.items()}
    return {key: facts for key, facts in found.items() if facts is not None}


def engagement_facts(data: str | None, tallies: str | None, now: datetime) -> EngagementFacts | None:
    """From what is stored of it, with the score of this instant; None of whom nothing was ever published."""
    published = orjson.loads(data) if data is not None else {}
    if not published or tallies is None:
        return None
    total = total_of(tallies_from_json(orjson.loads(tallies)))
    return EngagementFacts(
        last_contacted_at=total.last_contacted_at,
        last_replied_at=total.last_replied_at,
        sent=total.sent,
        opened=total.opened,
        clicked=total.clicked,
        replied=total.replied,
        bounced=total.bounced,
        calls=total.calls,
        score=sum(part.points for part in score_parts(total, now)),
        active_cadences=len(published["active_cadences"]),
    )

"""A stakeholder's engagement as criteria ask about it."""

from datetime import datetime

import orjson

from activity.engagement import score_parts, tallies_from_json, total_of
from enrollment.catalogue import EngagementFacts

__all__ = ["engagement_facts"]


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

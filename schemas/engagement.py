"""The current engagement of a stakeholder: state on a compacted topic, ordered by `ce_sequence`."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from schemas.fields import Count, Id, Instant, Produced, SalesloftId, Text

__all__ = ["ActiveCadence", "CadenceEngagement", "Engagement", "EngagementCounts", "ScorePart"]

_COUNTS: dict[str, Any] = {"sent": 3, "opened": 2, "clicked": 0, "replied": 1, "bounced": 0, "calls": 0}


class EngagementCounts(Produced):
    sent: Count
    opened: Count
    clicked: Count
    replied: Count
    bounced: Count
    calls: Count


class ScorePart(Produced):
    """One named part of the score; negative points take away."""

    name: Text
    points: int


class CadenceEngagement(Produced):
    """`reply_rate` is replies by e-mails sent, 0 where nothing was sent."""

    cadence_id: SalesloftId
    counts: EngagementCounts
    reply_rate: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ActiveCadence(Produced):
    """A cadence that the stakeholder is on, at step `step` of `steps`."""

    id: SalesloftId
    name: Text | None
    step: int | None
    steps: int | None


class Engagement(Produced):
    """`ai.cscx.salesloft.engagement.v1`; a null value says that the stakeholder was erased."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "customer_id": "cus-7",
                    "stakeholder_id": "sth-9",
                    "last_contacted_at": None,
                    "last_replied_at": None,
                    "counts": _COUNTS,
                    "score": 62,
                    "score_parts": [{"name": "replied recently", "points": 40}],
                    "by_cadence": [{"cadence_id": 456, "counts": _COUNTS, "reply_rate": 0.33}],
                    "active_cadences": [{"id": 456, "name": "Renewal 90", "step": 2, "steps": 7}],
                    "updated_at": "2026-11-25T10:30:04.000000Z",
                }
            ]
        }
    )

    organization_id: Id
    customer_id: Id
    stakeholder_id: Id
    last_contacted_at: Instant | None
    last_replied_at: Instant | None
    counts: EngagementCounts
    score: int
    score_parts: list[ScorePart]
    by_cadence: list[CadenceEngagement]
    active_cadences: list[ActiveCadence]
    updated_at: Instant

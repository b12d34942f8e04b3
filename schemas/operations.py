"""What operators and analytics hear of the service itself, one organization at a time."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from schemas.fields import Count, Id, Instant, Produced, SalesloftId, Text
from schemas.vocabulary import AttentionKind

__all__ = [
    "AttentionNeeded",
    "ConnectionNeedsReauthorization",
    "Figure",
    "FiguresPublished",
    "MappingPublished",
    "SyncCheckpoint",
]


class SyncCheckpoint(Produced):
    """`ai.cscx.salesloft.sync-checkpoint.v1`: one stream's cycle and its ledger, in units but for `scanned` (records).

    `watermark` is how far Salesloft's records were read, null where none was; `owed` is what the counters show and no
    event has told yet.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "team_id": 31,
                    "cycle": 1204,
                    "stream": "emails",
                    "started_at": "2026-11-25T10:30:00.000000Z",
                    "ended_at": "2026-11-25T10:30:09.000000Z",
                    "watermark": "2026-11-25T10:28:00.000000Z",
                    "scanned": 250,
                    "emitted": 41,
                    "deduplicated": 3,
                    "out_of_scope": 17,
                    "fallen": 0,
                    "owed": 0,
                }
            ]
        }
    )

    organization_id: Id
    team_id: SalesloftId
    cycle: Count
    stream: Text
    started_at: Instant
    ended_at: Instant
    watermark: Instant | None
    scanned: Count
    emitted: Count
    deduplicated: Count
    out_of_scope: Count
    fallen: Count
    owed: Count


class Figure(Produced):
    """A ratio with its two counts: `part` of `whole`. `ratio` is null where nothing was counted."""

    ratio: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    part: Count
    whole: Count


class FiguresPublished(Produced):
    """`ai.cscx.salesloft.figures-published.v1`: the three ratios of the time between two instants.

    `counted` is when the counting was done.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "from": "2026-11-24T00:00:00.000000Z",
                    "to": "2026-11-25T00:00:00.000000Z",
                    "accuracy": {"ratio": 1.0, "part": 412, "whole": 412},
                    "completeness": {"ratio": 1.0, "part": 3051, "whole": 3051},
                    "consistency": {"ratio": 0.995, "part": 199, "whole": 200},
                    "counted": "2026-11-25T00:05:00.000000Z",
                }
            ]
        }
    )

    organization_id: Id
    from_: Instant = Field(alias="from")
    to: Instant
    accuracy: Figure
    completeness: Figure
    consistency: Figure
    counted: Instant

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.from_ > self.to:
            raise ValueError("the figures' time ends before it begins")
        return self


class ConnectionNeedsReauthorization(Produced):
    """`ai.cscx.salesloft.connection-needs-reauthorization.v1`: an admin has to connect the team again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "team_id": 31,
                    "since": "2026-11-25T03:12:00.000000Z",
                    "reason": "invalid_grant",
                }
            ]
        }
    )

    organization_id: Id
    team_id: SalesloftId
    since: Instant
    reason: Text


class MappingPublished(Produced):
    """`ai.cscx.salesloft.mapping-published.v1`: a version of a trigger mapping took effect."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "mapping_id": "b8f7f1a8-8a1e-4c9e-9a9b-2a53a90c1c55",
                    "version": 3,
                    "published_by": "usr-1",
                    "published_at": "2026-11-20T09:00:00.000000Z",
                }
            ]
        }
    )

    organization_id: Id
    mapping_id: UUID
    version: Annotated[int, Field(ge=1)]
    published_by: Id
    published_at: Instant


class AttentionNeeded(Produced):
    """`ai.cscx.salesloft.attention-needed.v1`: something that a person should look at.

    `subject` is the id of what it is about; `due_at` is null where no clock runs.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "kind": "approval_expiring",
                    "subject": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
                    "detail": "the request expires in one hour",
                    "due_at": "2026-11-24T08:00:00.000000Z",
                }
            ]
        }
    )

    organization_id: Id
    kind: AttentionKind
    subject: Text
    detail: Text
    due_at: Instant | None

"""What happened to a stakeholder in Salesloft, one event a unit."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from schemas.fields import Id, Instant, Produced, SalesloftId, Text
from schemas.vocabulary import Confidence

__all__ = ["Activity", "ActivitySource"]


class ActivitySource(Produced):
    """Salesloft's record that shows the activity: `source` is its kind, `source_id` its id as text."""

    person_id: SalesloftId
    cadence_id: SalesloftId | None
    step_id: SalesloftId | None
    source: Text
    source_id: Text


class Activity(Produced):
    """`ai.cscx.salesloft.{step-completed, email-*, unsubscribed, call-logged}.v1`.

    `ordinal` counts the units of one metric of one record from 1. Exactly one of `occurred_at` and `occurred_between`
    is set: Salesloft counts opens, clicks and replies, and does not say when each happened.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization_id": "org-1",
                    "customer_id": "cus-7",
                    "stakeholder_id": "sth-9",
                    "enrollment_id": "0f8b8f4e-6a53-4d5b-9c0e-3b1f6a1d2c77",
                    "salesloft": {
                        "person_id": 1,
                        "cadence_id": 456,
                        "step_id": 77,
                        "source": "email",
                        "source_id": "722488662",
                    },
                    "ordinal": 2,
                    "occurred_at": None,
                    "occurred_between": ["2026-11-25T10:00:00.000000Z", "2026-11-25T10:30:00.000000Z"],
                    "noticed_at": "2026-11-25T10:30:04.000000Z",
                    "confidence": "low",
                    "details": {"subject": None},
                }
            ]
        }
    )

    organization_id: Id
    customer_id: Id
    stakeholder_id: Id
    enrollment_id: UUID | None
    salesloft: ActivitySource
    ordinal: Annotated[int, Field(ge=1)]
    occurred_at: Instant | None
    occurred_between: tuple[Instant, Instant] | None
    noticed_at: Instant
    confidence: Confidence
    details: dict[str, JsonValue]

    @model_validator(mode="after")
    def _has_one_time(self) -> Self:
        if (self.occurred_at is None) == (self.occurred_between is None):
            raise ValueError("exactly one of occurred_at and occurred_between is set")
        if self.occurred_between is not None and self.occurred_between[0] > self.occurred_between[1]:
            raise ValueError("occurred_between ends before it begins")
        return self

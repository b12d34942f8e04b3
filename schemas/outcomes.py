"""What ends a cadence's purpose: renewed, churned and the like."""

from typing import Any

from pydantic import ConfigDict

from schemas.fields import BusinessKey, Consumed, Id, Text

__all__ = ["Outcome", "StakeholderLeft"]

_OUTCOME: dict[str, Any] = {
    "organization_id": "org-1",
    "customer_id": "cus-7",
    "stakeholder_id": None,
    "business_key": "con-5/2027-03-31",
    "reason": "renewed for 24 months",
}


class Outcome(Consumed):
    """An outcome of a customer.

    A null `business_key` means every run that this outcome can end and whose trigger did not happen after it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_OUTCOME]})

    organization_id: Id
    customer_id: Id
    stakeholder_id: Id | None = None
    business_key: BusinessKey | None = None
    reason: Text


class StakeholderLeft(Outcome):
    """The outcome that names a stakeholder: it ends all of that person's runs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_OUTCOME, "stakeholder_id": "sth-9", "business_key": None, "reason": "changed employer"}]
        }
    )

    stakeholder_id: Id

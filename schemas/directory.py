"""Snapshots of customers and stakeholders: in lifecycle events, and alone on the compacted directory topics."""

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from schemas.fields import Consumed, Email, Id, Money, Text
from schemas.vocabulary import ContactPreference

__all__ = [
    "ContactPreferences",
    "CustomerSnapshot",
    "DirectoryCustomer",
    "DirectoryStakeholder",
    "OwnerRef",
    "StakeholderSnapshot",
]

HealthScore = Annotated[int, Field(ge=0, le=100)] | Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]

_CUSTOMER: dict[str, Any] = {
    "id": "cus-7",
    "name": "Acme",
    "domain": "acme.example",
    "segment": "mid-market",
    "tier": "enterprise",
    "arr": "120000.00",
    "health_score": 41,
    "renewal_date": "2027-03-31",
    "owner": {"user_id": "usr-3", "email": "csm@cscx.example"},
}
_STAKEHOLDER: dict[str, Any] = {
    "id": "sth-9",
    "name": "Ann Lee",
    "given_name": "Ann",
    "family_name": "Lee",
    "email": "ann@acme.example",
    "phone": None,
    "title": "VP Engineering",
    "role": "champion",
    "is_primary": True,
    "is_champion": True,
    "is_decision_maker": False,
    "time_zone": "Europe/Berlin",
    "contact_preferences": {"email": "allowed", "phone": "blocked"},
}


class OwnerRef(Consumed):
    """The platform user who looks after the customer."""

    user_id: Id | None = None
    email: Email | None = None


class ContactPreferences(Consumed):
    """What the stakeholder allows; null or absent is no restriction."""

    email: ContactPreference | None = None
    phone: ContactPreference | None = None


class CustomerSnapshot(Consumed):
    """A customer as it was when the event was written. Only the id is sure to be there."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CUSTOMER]})

    id: Id
    name: Text | None = None
    domain: Text | None = None
    segment: Text | None = Field(default=None, description="Free text of the organization.")
    tier: Text | None = Field(default=None, description="enterprise, strategic, standard or growth.")
    arr: Money | None = Field(default=None, description="Annual recurring revenue, a decimal as text.")
    health_score: HealthScore | None = Field(default=None, description="0 to 100.")
    renewal_date: date | None = None
    owner: OwnerRef | None = None


class StakeholderSnapshot(Consumed):
    """A person at a customer as they were when the event was written. Only the id is sure to be there."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STAKEHOLDER]})

    id: Id
    name: Text | None = None
    given_name: Text | None = None
    family_name: Text | None = None
    email: Email | None = None
    phone: Text | None = None
    title: Text | None = None
    role: Text | None = Field(
        default=None,
        description="champion, decision_maker, executive_sponsor, economic_buyer, technical, end_user or another.",
    )
    is_primary: bool | None = None
    is_champion: bool | None = None
    is_decision_maker: bool | None = None
    time_zone: Text | None = Field(default=None, description="A name of the IANA time zone database.")
    contact_preferences: ContactPreferences | None = None


class DirectoryCustomer(CustomerSnapshot):
    """`ai.cscx.directory.customer.v1`: the newest state of a customer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"organization_id": "org-1", **_CUSTOMER}]})

    organization_id: Id


class DirectoryStakeholder(StakeholderSnapshot):
    """`ai.cscx.directory.stakeholder.v1`: the newest state of a stakeholder."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"organization_id": "org-1", "customer_id": "cus-7", **_STAKEHOLDER}]}
    )

    organization_id: Id
    customer_id: Id

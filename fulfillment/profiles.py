"""What is sent of a person: pure, so that the same facts give the same bytes and the same digest."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from enrollment.consent import normalised_email
from enrollment.decide import SenderFacts
from fulfillment.names import split_name
from salesloft_client import PersonUpsert
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from workflows.domains import bare_domain
from workflows.field_mapping import DEFAULT_FIELDS, Fact, FieldMapping

__all__ = ["Profile", "profile_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A stakeholder as Salesloft is told. What is not known is not sent: it would erase what a salesperson has written.

    `domain` is that of the account which the person belongs to, None where the account stays as it is; `company` is the
    name under which it would be made.
    """

    email: str
    fields: Mapping[str, str]
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    owner_id: int | None = None
    domain: str | None = None
    company: str | None = None

    @property
    def digest(self) -> str:
        """Tells whether the same was sent before, whichever key it was sent by."""
        told = (self.email, self.fields, self.custom_fields, self.owner_id, self.domain)
        return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def found_by_email(self, *, account_id: int | None = None) -> PersonUpsert:
        """For a person whom we have no link to yet, or one by the address alone."""
        return self._upsert(upsert_key="email_address", account_id=account_id)

    def of_person(self, person_id: int, *, account_id: int | None = None) -> PersonUpsert:
        """For a person who is linked: a changed address changes the person, and does not make a second one."""
        return self._upsert(upsert_key="id", id=person_id, account_id=account_id)

    def without_owner(self) -> "Profile":
        """The same, the owner left as it is."""
        return replace(self, owner_id=None)

    def with_custom_fields(self, approved: Mapping[str, str]) -> "Profile":
        """The same with some custom fields as they were approved, whatever the organization's mapping says of them."""
        return replace(self, custom_fields={**self.custom_fields, **approved}) if approved else self

    def _upsert(self, **key: Any) -> PersonUpsert:
        told = {
            **self.fields,
            **key,
            "email_address": self.email,
            "owner_id": self.owner_id,
            "custom_fields": dict(self.custom_fields),
        }
        return PersonUpsert.model_validate(told)


def profile_of(
    stakeholder: StakeholderSnapshot,
    customer: CustomerSnapshot,
    mapping: FieldMapping = DEFAULT_FIELDS,
    users_by_email: Mapping[str, SenderFacts] | None = None,
) -> Profile:
    """What Salesloft is told of a stakeholder, who has an address.

    The customer's owner is looked for among the team's active users as we know them. One who is not there yet changes
    the digest on the day they are, and the person is told anew.
    """
    facts = _facts(stakeholder, customer)
    owner = normalised_email(customer.owner.email) if customer.owner is not None else None
    user = (users_by_email or {}).get(owner) if owner is not None and mapping.owner == "customers_owner" else None
    company = " ".join(customer.name.split()) if customer.name is not None else ""
    return Profile(
        email=normalised_email(stakeholder.email) or "",
        fields={name.value: text for name, source in mapping.fields.items() if (text := source.of(facts)) is not None},
        custom_fields={
            name: text for name, source in mapping.custom_fields.items() if (text := source.of(facts)) is not None
        },
        owner_id=user.user_id if user is not None else None,
        domain=bare_domain(customer.domain) if mapping.account == "by_domain" and company else None,
        company=company or None,
    )


def _facts(stakeholder: StakeholderSnapshot, customer: CustomerSnapshot) -> dict[str, object]:
    first_name, last_name = split_name(stakeholder)
    facts: dict[str, object] = {f"stakeholder.{name}": value for name, value in vars(stakeholder).items()}
    facts |= {f"customer.{name}": value for name, value in vars(customer).items()}
    facts |= {Fact.FIRST_NAME.value: first_name, Fact.LAST_NAME.value: last_name}
    return facts

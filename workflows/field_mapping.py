"""Which facts of a stakeholder are told to Salesloft, and in which of a person's fields: an organization's choice.

Kept in the organization's settings; every change is a version of them. The address is no part of it, for by it a
person is found, nor is anything that could overrule what the person has said about being contacted.

    {"fields": {"title": "stakeholder.title", "locale": "stakeholder.time_zone"},
     "custom_fields": {"CSCX health": "customer.health_score", "Source": {"value": "CSCX.AI"},
                       "Known as": {"first_of": ["stakeholder.role", "stakeholder.title"]}},
     "account": "by_domain", "owner": "customers_owner"}

FieldMappingInvalid   what was given is no mapping; says where and why
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from storage import organizations
from storage.pool import Connection
from workflows.audit import Action, Done, note

__all__ = [
    "DEFAULT_FIELDS",
    "FieldMapping",
    "FieldMappingInvalid",
    "Source",
    "parse_field_mapping",
    "publish_field_mapping",
    "read_field_mapping",
]

_SETTING = "person_fields"


class FieldMappingInvalid(ValueError):
    """What was given is no field mapping. The message says where and why."""


class PersonField(StrEnum):
    """A person's standard fields that may be told; tags are left out, for Salesloft may replace all of them."""

    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    TITLE = "title"
    PHONE = "phone"
    MOBILE_PHONE = "mobile_phone"
    CITY = "city"
    STATE = "state"
    COUNTRY = "country"
    LINKEDIN_URL = "linkedin_url"
    LOCALE = "locale"
    PERSON_COMPANY_NAME = "person_company_name"
    PERSON_COMPANY_WEBSITE = "person_company_website"


class Fact(StrEnum):
    """What can be told. First and last name are split from the whole where they are not known."""

    FIRST_NAME = "stakeholder.first_name"
    LAST_NAME = "stakeholder.last_name"
    NAME = "stakeholder.name"
    STAKEHOLDER_ID = "stakeholder.id"
    PHONE = "stakeholder.phone"
    TITLE = "stakeholder.title"
    ROLE = "stakeholder.role"
    IS_PRIMARY = "stakeholder.is_primary"
    IS_CHAMPION = "stakeholder.is_champion"
    IS_DECISION_MAKER = "stakeholder.is_decision_maker"
    TIME_ZONE = "stakeholder.time_zone"
    CUSTOMER_ID = "customer.id"
    CUSTOMER_NAME = "customer.name"
    DOMAIN = "customer.domain"
    SEGMENT = "customer.segment"
    TIER = "customer.tier"
    ARR = "customer.arr"
    HEALTH_SCORE = "customer.health_score"
    RENEWAL_DATE = "customer.renewal_date"


class Source(BaseModel):
    """Where a field's value comes from: the first of some facts that is known, else a fixed value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_of: tuple[Fact, ...] = ()
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.first_of and self.value is None:
            raise ValueError("neither a fact nor a value")
        return self

    def of(self, facts: Mapping[str, object]) -> str | None:
        """The value as text, None where nothing is known."""
        for fact in self.first_of:
            text = _text(facts.get(fact))
            if text is not None:
                return text
        return self.value


def _source(given: object) -> object:
    """A fact alone may be written as its name."""
    return {"first_of": [given]} if isinstance(given, str) else given


_Source = Annotated[Source, BeforeValidator(_source)]
_CustomName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class FieldMapping(BaseModel):
    """What Salesloft is told of a person besides the address.

    Custom fields go by their names in Salesloft, which are case-sensitive. `account` says whether a person without an
    account gets the one with the customer's domain, `owner` whether the person's owner is the Salesloft user with the
    address of the customer's owner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: dict[PersonField, _Source] = Field(default_factory=dict)
    custom_fields: dict[_CustomName, _Source] = Field(default_factory=dict, max_length=100)
    account: Literal["by_domain", "as_it_is"] = "by_domain"
    owner: Literal["customers_owner", "as_it_is"] = "customers_owner"


DEFAULT_FIELDS = FieldMapping.model_validate(
    {
        "fields": {
            "first_name": "stakeholder.first_name",
            "last_name": "stakeholder.last_name",
            "title": "stakeholder.title",
            "phone": "stakeholder.phone",
            "person_company_name": "customer.name",
        }
    }
)
"""What is told where an organization has chosen nothing."""


def parse_field_mapping(text: str | bytes) -> FieldMapping:
    """A mapping from its JSON. Raises FieldMappingInvalid."""
    try:
        return FieldMapping.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the mapping"
        raise FieldMappingInvalid(f"{where}: {problem['msg'].removeprefix('Value error, ')}") from None


async def read_field_mapping(connection: Connection, organization_id: str) -> FieldMapping:
    """An organization's mapping, the default where it has none."""
    stored = await organizations.read_setting(connection, organization_id, _SETTING)
    return _parsed(stored) if stored is not None else DEFAULT_FIELDS


async def publish_field_mapping(
    connection: Connection, organization_id: str, mapping: FieldMapping, *, by: str | None, now: datetime
) -> int:
    """Let a mapping count from now on; answers the version of the settings that has it.

    Who is told something else by it is told so when they are next enrolled or synced, and nobody else.
    """
    version = await organizations.change_settings(
        connection, organization_id, {_SETTING: orjson.loads(_dumped(mapping))}, by=by, now=now
    )
    detail: dict[str, str] = {"names": _SETTING}
    done = Done(organization_id, Action.SETTINGS_CHANGED, f"settings/{version}", by=by, detail=detail)
    await note(connection, done, now=now)
    return version


@lru_cache(maxsize=1000)
def _parsed(stored: str) -> FieldMapping:
    return parse_field_mapping(stored)


def _dumped(mapping: FieldMapping) -> bytes:
    return mapping.model_dump_json(exclude_none=True).encode()


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case int() | float() | Decimal():
            return str(value)
        case _:
            return " ".join(str(value).split()) or None

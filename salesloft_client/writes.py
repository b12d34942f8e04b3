"""What is sent to Salesloft. The types leave out what must never be sent.

An upsert changes the fields that it carries, so an empty value would erase what a salesperson has written, and a
contact preference of ours would overrule the person's own. Neither can be expressed here.
"""

from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["AccountUpsert", "NewAccount", "NewMembership", "NewSubscription", "PersonUpsert"]

Id = Annotated[int, Field(gt=0, lt=2**63)]


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    def values(self) -> dict[str, Any]:
        """What is sent: without what is None, empty or blank."""
        return _without_empty(self.model_dump(mode="json"))

    def body(self) -> bytes:
        """The same as JSON."""
        return orjson.dumps(self.values(), option=orjson.OPT_SORT_KEYS)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    __str__ = __repr__


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    kept = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in kept.items() if value not in (None, "", [], {})}


class PersonUpsert(_Sent):
    """``POST /person_upserts``: create or change one person.

    With ``upsert_key="email_address"`` the address finds the person, and Salesloft refuses if several share it. With
    ``"id"`` the person is the one linked before, so that a changed address does not make a second one. ``tags`` and
    ``custom_fields`` are sent only where they are not empty; custom fields' names are case-sensitive.
    """

    upsert_key: Literal["id", "email_address"]
    id: Id | None = None
    email_address: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    title: str | None = None
    phone: str | None = None
    mobile_phone: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    linkedin_url: str | None = None
    locale: str | None = None
    person_company_name: str | None = None
    person_company_website: str | None = None
    account_id: Id | None = None
    owner_id: Id | None = None
    person_stage_id: Id | None = None
    tags: tuple[str, ...] = ()
    custom_fields: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_its_key(self) -> Self:
        if self.upsert_key == "id":
            if self.id is None:
                raise ValueError("an upsert by id needs the id")
        elif not self.email_address:
            raise ValueError("an upsert by e-mail address needs the address")
        elif self.id is not None:
            raise ValueError("an upsert by e-mail address leaves the id to Salesloft")
        return self


class AccountUpsert(_Sent):
    """``POST /account_upserts``: name and domain are required by Salesloft, also to change an account."""

    upsert_key: Literal["id", "domain"]
    id: Id | None = None
    name: str = Field(min_length=1)
    domain: str = Field(min_length=1)
    website: str | None = None
    phone: str | None = None
    industry: str | None = None
    owner_id: Id | None = None
    tags: tuple[str, ...] = ()
    custom_fields: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_its_key(self) -> Self:
        if (self.upsert_key == "id") != (self.id is not None):
            raise ValueError("an upsert by id needs the id, one by domain must not have it")
        return self


class NewAccount(_Sent):
    """``POST /accounts``: make an account. Salesloft refuses a domain that it has, and nothing of that one changes."""

    name: str = Field(min_length=1)
    domain: str = Field(min_length=1)
    owner_id: Id | None = None


class NewMembership(_Sent):
    """``POST /cadence_memberships``: add a person to a cadence.

    ``user_id`` is the sender. Salesloft would take the token's own user instead, so it is required here. Without
    ``step_id`` the person starts at the first step.
    """

    person_id: Id
    cadence_id: Id
    user_id: Id
    step_id: Id | None = None


class NewSubscription(_Sent):
    """``POST /webhook_subscriptions``: have deliveries of one event type posted to ``callback_url``.

    ``callback_token`` is a secret of ours, by which a delivery's signature is verified.
    """

    event_type: str = Field(min_length=1)
    callback_url: str = Field(min_length=1)
    callback_token: str = Field(min_length=16)

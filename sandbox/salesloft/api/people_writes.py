"""Creating and changing people: what is required, what must be unique, and what a change sets off."""

from typing import Any

from sandbox.salesloft.answers import Refusal
from sandbox.salesloft.api.context import (
    Context,
    optional_flag,
    optional_number,
    optional_text,
    refuse_privileged,
    texts_of,
)
from sandbox.salesloft.records import Person
from sandbox.salesloft.rendering_people import PERSON_DETAILS

__all__ = ["change_person", "create_person"]

_SENIORITIES = ("director", "executive", "individual_contributor", "manager", "vice_president", "unknown")
_CHANNELS = ("call", "email", "message")


def create_person(context: Context) -> Person:
    """A new person; raises Refusal where the values are not enough, not valid or taken."""
    team, body = context.team, context.body
    refuse_privileged(context, "person", None)
    address = _address(context, None)
    phone, last_name = optional_text(body, "phone"), optional_text(body, "last_name")
    if address is None and (phone is None or last_name is None):
        raise Refusal.invalid("email_address", "is required")
    if address is None:
        _refuse_taken_phone(context, phone, last_name)
    _validate(context)
    owner_id = optional_number(body, "owner_id")
    row = Person(
        id=next(context.simulator.world.ids.person),
        created_at=context.now,
        updated_at=context.now,
        email_address=address,
        owner_id=context.user.id if owner_id is None else owner_id,
        account_id=optional_number(body, "account_id"),
        details=_details(body),
        tags=texts_of(body, "tags"),
        custom_fields=_custom_fields(body),
        contact_restrictions=texts_of(body, "contact_restrictions"),
    )
    team.add_person(row)
    _touch_account(context, row.account_id)
    if optional_flag(body, "do_not_contact"):
        context.simulator.engagement.forbid_contact(team, row, context.now)
    return row


def change_person(context: Context, row: Person) -> None:
    """Only what was sent changes, and only a change moves `updated_at`."""
    team, body = context.team, context.body
    refuse_privileged(context, "person", row.details.get("crm_id"))
    address = _address(context, row) if "email_address" in body else row.email_address
    _validate(context)
    before = _snapshot(row)
    if address != row.email_address:
        team.change_address(row, address)
        row.bouncing = False
    if "account_id" in body:
        _touch_account(context, row.account_id)
        team.change_account(row, optional_number(body, "account_id"))
        _touch_account(context, row.account_id)
    if "owner_id" in body:
        row.owner_id = optional_number(body, "owner_id")
    row.details = {**row.details, **_details(body)}
    if "tags" in body:
        tags = texts_of(body, "tags")
        row.tags = tags if team.switches.tags == "replace" else list(dict.fromkeys([*row.tags, *tags]))
    if "custom_fields" in body:
        fields = _custom_fields(body)
        merged = fields if team.switches.custom_fields == "replace" else {**row.custom_fields, **fields}
        row.custom_fields = {name: value for name, value in merged.items() if value is not None and value != ""}
    if "contact_restrictions" in body:
        row.contact_restrictions = texts_of(body, "contact_restrictions")
    do_not_contact = optional_flag(body, "do_not_contact")
    if do_not_contact is False:
        row.do_not_contact = False
    if _snapshot(row) != before:
        team.people.touch(row.id, context.now)
        context.simulator.memberships.pass_over_restricted(team, row, context.now)
    if do_not_contact and not row.do_not_contact:
        context.simulator.engagement.forbid_contact(team, row, context.now)


def _snapshot(row: Person) -> tuple[Any, ...]:
    return (
        row.email_address,
        row.account_id,
        row.owner_id,
        dict(row.details),
        list(row.tags),
        dict(row.custom_fields),
        list(row.contact_restrictions),
        row.do_not_contact,
    )


def _address(context: Context, row: Person | None) -> str | None:
    address = optional_text(context.body, "email_address")
    if address is None:
        return None
    address = address.strip()
    local_part, at, domain = address.rpartition("@")
    if not (local_part and at and "." in domain) or " " in address:
        raise Refusal.invalid("email_address", "is invalid")
    others = context.team.people_by_email.get(address.lower(), set()) - ({row.id} if row is not None else set())
    if others and not context.team.switches.intentional_duplicates:
        raise Refusal.invalid("email_address", "has already been taken")
    return address


def _refuse_taken_phone(context: Context, phone: str | None, last_name: str | None) -> None:
    for other in context.team.people:
        if other.details.get("phone") == phone and other.details.get("last_name") == last_name:
            raise Refusal.invalid("phone", "has already been taken")


def _validate(context: Context) -> None:
    body, team = context.body, context.team
    seniority = optional_text(body, "job_seniority")
    if seniority is not None and seniority not in _SENIORITIES:
        raise Refusal.invalid("job_seniority", "is not included in the list")
    if any(channel not in _CHANNELS for channel in texts_of(body, "contact_restrictions")):
        raise Refusal.invalid("contact_restrictions", "is not included in the list")
    owner_id = optional_number(body, "owner_id")
    if owner_id is not None and team.users.get(owner_id) is None:
        raise Refusal.invalid("owner_id", "is invalid")
    account_id = optional_number(body, "account_id")
    if account_id is not None and team.accounts.get(account_id) is None:
        raise Refusal.invalid("account_id", "is invalid")
    optional_flag(body, "do_not_contact")
    texts_of(body, "tags")
    _custom_fields(body)


def _details(body: dict[str, Any]) -> dict[str, Any]:
    """The plain values that were sent; an empty one clears."""
    details: dict[str, Any] = {
        name: optional_text(body, name) for name in PERSON_DETAILS if name in body and name != "eu_resident"
    }
    if "eu_resident" in body:
        details["eu_resident"] = optional_flag(body, "eu_resident")
    return details


def _custom_fields(body: dict[str, Any]) -> dict[str, Any]:
    fields = body.get("custom_fields")
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        raise Refusal.invalid("custom_fields", "must be an object")
    return {str(name): None if value is None or value == "" else str(value) for name, value in fields.items()}


def _touch_account(context: Context, account_id: int | None) -> None:
    """An account shows how many people it has."""
    if account_id is not None:
        context.team.accounts.touch(account_id, context.now)

"""``/v2/accounts``: list, show, create, change, delete. Name and domain are required by every write."""

from dataclasses import replace
from functools import partial
from typing import Any

from sandbox.salesloft import rendering_people
from sandbox.salesloft.answers import Answer, Effect, Refusal, data
from sandbox.salesloft.api.context import (
    Context,
    optional_flag,
    optional_number,
    optional_text,
    refuse_privileged,
    texts_of,
)
from sandbox.salesloft.filters import flags, named_values, nullable_texts, numbers, ranges, texts
from sandbox.salesloft.listing import Listing
from sandbox.salesloft.records import Account

__all__ = ["change_account", "create", "create_account", "destroy", "index", "show", "update"]


def _detail(name: str, row: Account) -> Any:
    return row.details.get(name)


_LISTING: Listing[Account] = Listing(
    identity=lambda row: row.id,
    filters={
        "ids": numbers(lambda row: row.id),
        "updated_at": ranges(lambda row: row.updated_at),
        "created_at": ranges(lambda row: row.created_at),
        "domain": texts(lambda row: row.domain),
        "name": texts(lambda row: row.name),
        "crm_id": texts(partial(_detail, "crm_id")),
        "owner_id": numbers(lambda row: row.owner_id),
        "archived": flags(lambda row: row.archived_at is not None),
        "tag": texts(lambda row: row.tags),
        "tag_id": numbers(lambda _row: None),
        "account_stage_id": numbers(lambda _row: None),
        "account_tier_id": numbers(lambda _row: None),
        "owner_crm_id": texts(lambda _row: None),
        "last_contacted": ranges(lambda _row: None),
        "locales": nullable_texts(partial(_detail, "locale")),
        "custom_fields": named_values(lambda row: row.custom_fields),
        "user_relationships": named_values(lambda _row: {}),
        **{name: texts(partial(_detail, name)) for name in ("website", "industry", "country", "state", "city")},
    },
    sorts={
        "updated_at": lambda row: row.updated_at,
        "created_at": lambda row: row.created_at,
        "name": lambda row: row.name,
        "last_contacted_at": lambda _row: None,
        "account_stage": lambda _row: None,
        "account_stage_name": lambda _row: None,
        "account_tier": lambda _row: None,
        "account_tier_name": lambda _row: None,
    },
)


def index(context: Context) -> Answer:
    """Two things depend on other rows: how many people an account has, and whether its owner is active."""
    team = context.team

    def owner_is_active(row: Account) -> bool:
        owner = None if row.owner_id is None else team.users.get(row.owner_id)
        return owner is not None and owner.active

    listing = replace(
        _LISTING,
        sorts={**_LISTING.sorts, "counts_people": lambda row: len(team.people_by_account.get(row.id, ()))},
        filters={**_LISTING.filters, "owner_is_active": flags(owner_is_active)},
    )
    return listing.answer(
        team.accounts, context.parameters, partial(rendering_people.account, team), switches=team.switches
    )


def _found(context: Context) -> Account:
    row = context.team.accounts.get(context.number)
    if row is None:
        raise Refusal.not_found()
    return row


def show(context: Context) -> Answer:
    return data(rendering_people.account(context.team, _found(context)))


def create(context: Context) -> Answer:
    row = create_account(context)
    return data(
        rendering_people.account(context.team, row),
        status=context.team.switches.created_status,
        effect=Effect(resource="accounts", ids=(row.id,)),
    )


def update(context: Context) -> Answer:
    row = _found(context)
    change_account(context, row)
    return data(rendering_people.account(context.team, row), effect=Effect(resource="accounts", ids=(row.id,)))


def destroy(context: Context) -> Answer:
    team = context.team
    row = team.accounts.get(context.number)
    if row is None:
        return Answer(status=204, body=b"")
    for key in list(team.people_by_account.get(row.id, ())):
        team.change_account(team.people[key], None)
        team.people.touch(key, context.now)
    team.accounts.remove(row.id)
    return Answer(status=204, body=b"", effect=Effect(resource="accounts", ids=(row.id,)))


def create_account(context: Context) -> Account:
    """A new account; raises Refusal where name or domain is missing or the domain is taken."""
    refuse_privileged(context, "account", None)
    name, domain = _required(context, None)
    owner_id = _owner(context)
    row = Account(
        id=next(context.simulator.world.ids.account),
        created_at=context.now,
        updated_at=context.now,
        name=name,
        domain=domain,
        owner_id=context.user.id if owner_id is None else owner_id,
        creator_id=context.user.id,
        do_not_contact=bool(optional_flag(context.body, "do_not_contact")),
        tags=texts_of(context.body, "tags"),
        custom_fields=_custom_fields(context),
        details=_details(context),
    )
    context.team.accounts.add(row.id, row)
    return row


def change_account(context: Context, row: Account) -> None:
    """Only what was sent changes; do-not-contact stops everyone at the account."""
    team, body = context.team, context.body
    refuse_privileged(context, "account", row.details.get("crm_id"))
    name, domain = _required(context, row)
    owner_id = _owner(context) if "owner_id" in body else row.owner_id
    do_not_contact = optional_flag(body, "do_not_contact")
    forbidden = bool(do_not_contact) and not row.do_not_contact
    new = {
        "name": name,
        "domain": domain,
        "owner_id": owner_id,
        "details": {**row.details, **_details(context)},
        "tags": texts_of(body, "tags") if "tags" in body else row.tags,
        "custom_fields": {**row.custom_fields, **_custom_fields(context)},
        "do_not_contact": row.do_not_contact if do_not_contact is None else do_not_contact,
    }
    if any(getattr(row, attribute) != value for attribute, value in new.items()):
        for attribute, value in new.items():
            setattr(row, attribute, value)
        team.accounts.touch(row.id, context.now)
    if forbidden:
        for key in sorted(team.people_by_account.get(row.id, ())):
            context.simulator.memberships.remove_everywhere(team, team.people[key], context.now)


def _required(context: Context, row: Account | None) -> tuple[str, str]:
    name, domain = optional_text(context.body, "name"), optional_text(context.body, "domain")
    errors = {field: ["is required"] for field, value in (("name", name), ("domain", domain)) if value is None}
    if name is None or domain is None:
        raise Refusal.invalid_fields(errors)
    if any(other.domain == domain and other is not row for other in context.team.accounts):
        raise Refusal.invalid("domain", "has already been taken")
    return name, domain


def _owner(context: Context) -> int | None:
    owner_id = optional_number(context.body, "owner_id")
    if owner_id is not None and context.team.users.get(owner_id) is None:
        raise Refusal.invalid("owner_id", "is invalid")
    return owner_id


def _details(context: Context) -> dict[str, Any]:
    return {
        name: optional_text(context.body, name) for name in rendering_people.ACCOUNT_DETAILS if name in context.body
    }


def _custom_fields(context: Context) -> dict[str, Any]:
    fields = context.body.get("custom_fields") or {}
    if not isinstance(fields, dict):
        raise Refusal.invalid("custom_fields", "must be an object")
    return {str(name): str(value) for name, value in fields.items() if value is not None and value != ""}

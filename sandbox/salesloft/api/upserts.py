"""``POST /v2/person_upserts`` and ``POST /v2/account_upserts``: create, or change the one record that matches.

More than one match fails, and so does an `id` that is not the matched record's (Salesloft docs: person-upserts).
"""

from typing import TYPE_CHECKING, Any

from sandbox.salesloft import rendering_people
from sandbox.salesloft.answers import Answer, Effect, Refusal
from sandbox.salesloft.api.accounts import change_account, create_account
from sandbox.salesloft.api.context import Context, optional_number, optional_text
from sandbox.salesloft.api.people_writes import change_person, create_person

if TYPE_CHECKING:
    from sandbox.salesloft.records import Account, Person

__all__ = ["upsert_account", "upsert_person"]


def upsert_person(context: Context) -> Answer:
    team = context.team
    key, value = _upsert_key(context, "email_address")
    matches: list[Person] = []
    if key == "id":
        matches = [row for row in [team.people.get(int(value))] if row is not None]
        _refuse_unknown_id(matches)
    elif key == "email_address":
        matches = [team.people[one] for one in sorted(team.people_by_email.get(value.strip().lower(), ()))]
    elif key == "crm_id":
        matches = [row for row in team.people if row.details.get("crm_id") == value]
    found = _only(context, matches)
    if found is None:
        row, how = create_person(context), "create"
    else:
        change_person(context, found)
        row, how = found, "update"
    return _answer(context, how, "person", rendering_people.person(team, row), "people", row.id)


def upsert_account(context: Context) -> Answer:
    team = context.team
    key, value = _upsert_key(context, "domain")
    matches: list[Account] = []
    if key == "id":
        matches = [row for row in [team.accounts.get(int(value))] if row is not None]
        _refuse_unknown_id(matches)
    elif key == "domain":
        matches = [row for row in team.accounts if row.domain == value]
    elif key == "crm_id":
        matches = [row for row in team.accounts if row.details.get("crm_id") == value]
    found = _only(context, matches)
    if found is None:
        row, how = create_account(context), "create"
    else:
        change_account(context, found)
        row, how = found, "update"
    return _answer(context, how, "account", rendering_people.account(team, row), "accounts", row.id)


def _upsert_key(context: Context, natural: str) -> tuple[str | None, str]:
    key = optional_text(context.body, "upsert_key")
    if key is None:
        return None, ""
    if key not in {"id", "crm_id", natural}:
        raise Refusal.invalid("upsert_key", f"must be one of: id, crm_id, {natural}")
    value = optional_text(context.body, key)
    if value is None:
        raise Refusal.invalid(key, "is required")
    if key == "id":
        optional_number(context.body, "id")
    return key, value


def _refuse_unknown_id(matches: list[Any]) -> None:
    if not matches:
        raise Refusal.not_found()


def _only(context: Context, matches: list[Any]) -> Any:
    if len(matches) > 1:
        raise Refusal.invalid("upsert_key", "matches more than one record")
    wanted = optional_number(context.body, "id")
    if matches and wanted is not None and matches[0].id != wanted:
        raise Refusal.invalid("id", "does not match the record found by upsert_key")
    return matches[0] if matches else None


def _answer(context: Context, how: str, name: str, rendered: bytes, resource: str, key: int) -> Answer:
    body = b'{"data":{"upsert_type":"%b","%b":%b}}' % (how.encode(), name.encode(), rendered)
    status = context.team.switches.created_status if how == "create" else 200
    return Answer(status=status, body=body, effect=Effect(resource=resource, ids=(key,)))

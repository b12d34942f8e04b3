"""``/v2/people``: list, show, create, change, delete."""

from collections.abc import Iterable
from functools import lru_cache, partial

from sandbox.salesloft import rendering_people
from sandbox.salesloft.answers import Answer, Effect, Refusal, data
from sandbox.salesloft.api.context import Context
from sandbox.salesloft.api.people_writes import change_person, create_person
from sandbox.salesloft.filters import (
    Filter,
    Predicate,
    flags,
    named_values,
    nullable_texts,
    numbers,
    ranges,
    split,
    texts,
)
from sandbox.salesloft.listing import Listing
from sandbox.salesloft.records import Person
from sandbox.salesloft.world import Team

__all__ = ["create", "destroy", "index", "show", "update"]


@lru_cache(maxsize=256)
def _listing(team: Team) -> Listing[Person]:
    """Made once a team: its filters look things up in it."""

    def on_cadences(row: Person) -> list[int]:
        return [m.cadence_id for m in team.memberships_of(row.id) if m.on_cadence]

    def owner_is_active(row: Person) -> bool:
        owner = team.users.get(row.owner_id) if row.owner_id is not None else None
        return owner is not None and owner.active

    def may(channel: str, row: Person) -> bool:
        return not row.do_not_contact and channel not in row.contact_restrictions

    return Listing(
        identity=lambda row: row.id,
        filters={
            "ids": numbers(lambda row: row.id),
            "updated_at": ranges(lambda row: row.updated_at),
            "created_at": ranges(lambda row: row.created_at),
            "last_contacted": ranges(lambda row: row.last_contacted_at),
            "email_addresses": _addresses,
            "owned_by_guid": texts(lambda row: team.guid_of(row.owner_id)),
            "owner_id": numbers(lambda row: row.owner_id),
            "owner_crm_id": texts(lambda _row: None),
            "owner_is_active": flags(owner_is_active),
            "starred_by_guid": texts(lambda _row: None),
            "tag_id": numbers(lambda _row: None),
            "person_stage_id": numbers(lambda _row: None),
            "import_id": numbers(lambda _row: None),
            "crm_id": texts(lambda row: row.details.get("crm_id")),
            "do_not_contact": flags(lambda row: row.do_not_contact),
            "can_email": flags(partial(may, "email")),
            "can_call": flags(partial(may, "call")),
            "can_text": flags(partial(may, "message")),
            "account_id": numbers(lambda row: row.account_id),
            "job_seniority": texts(lambda row: row.details.get("job_seniority")),
            "cadence_id": numbers(on_cadences),
            "replied": flags(lambda row: row.emails_replied_to > 0),
            "bounced": flags(lambda row: row.bouncing),
            "success": flags(lambda _row: False),
            "eu_resident": flags(lambda row: bool(row.details.get("eu_resident"))),
            "new": flags(lambda row: row.last_contacted_at is None and not on_cadences(row)),
            "phone_number": flags(lambda row: bool(row.details.get("phone"))),
            "custom_fields": named_values(lambda row: row.custom_fields),
            "locales": nullable_texts(lambda row: row.details.get("locale")),
            **{name: texts(partial(_detail, name)) for name in ("title", "country", "state", "city")},
            **{name: texts(partial(_detail, name)) for name in ("first_name", "last_name")},
        },
        sorts={
            "updated_at": lambda row: row.updated_at,
            "created_at": lambda row: row.created_at,
            "last_contacted_at": lambda row: row.last_contacted_at,
            "name": lambda row: f"{row.details.get('first_name') or ''} {row.details.get('last_name') or ''}",
            "title": lambda row: row.details.get("title"),
            "job_seniority": lambda row: row.details.get("job_seniority"),
            "call_count": lambda row: row.calls,
            "sent_emails": lambda row: row.emails_sent,
            "viewed_emails": lambda row: row.emails_viewed,
            "clicked_emails": lambda row: row.emails_clicked,
            "replied_emails": lambda row: row.emails_replied_to,
            "account": lambda row: row.account_id,
            "cadence_stage_name": lambda _row: None,
        },
    )


def _addresses(name: str, operator: str, values: list[str], /) -> Predicate[Person] | None:
    """Addresses compare without case."""
    by_address: Filter[Person] = texts(lambda row: (row.email_address or "").lower())
    return by_address(name, operator, [value.lower() for value in values])


def _detail(name: str, row: Person) -> str | None:
    value: str | None = row.details.get(name)
    return value


def _narrowed(context: Context) -> Iterable[Person] | None:
    """The rows that ids or addresses point at, without looking at everyone."""
    team, values = context.team, context.parameters.values
    addresses = split(values.get("email_addresses", {}).get("", []))
    if addresses and "_is_null" not in addresses:
        keys = {key for address in addresses for key in team.people_by_email.get(address.lower(), ())}
        return [team.people[key] for key in keys]
    ids = split(values.get("ids", {}).get("", []))
    if ids and all(one.isdecimal() for one in ids):
        return [row for one in dict.fromkeys(ids) if (row := team.people.get(int(one))) is not None]
    return None


def index(context: Context) -> Answer:
    return _listing(context.team).answer(
        context.team.people,
        context.parameters,
        partial(rendering_people.person, context.team),
        switches=context.team.switches,
        candidates=_narrowed(context),
    )


def _found(context: Context) -> Person:
    row = context.team.people.get(context.number)
    if row is None:
        raise Refusal.not_found()
    return row


def show(context: Context) -> Answer:
    return data(rendering_people.person(context.team, _found(context)))


def create(context: Context) -> Answer:
    """Never an upsert: an address that is taken is refused."""
    row = create_person(context)
    return data(
        rendering_people.person(context.team, row),
        status=context.team.switches.created_status,
        effect=Effect(resource="people", ids=(row.id,)),
    )


def update(context: Context) -> Answer:
    row = _found(context)
    change_person(context, row)
    return data(rendering_people.person(context.team, row), effect=Effect(resource="people", ids=(row.id,)))


def destroy(context: Context) -> Answer:
    """Repeatable; memberships stay and say `person_deleted`."""
    team, now = context.team, context.now
    row = team.people.get(context.number)
    if row is None:
        return Answer(status=204, body=b"")
    context.simulator.delete_person(team, row, now)
    return Answer(status=204, body=b"", effect=Effect(resource="people", ids=(row.id,)))

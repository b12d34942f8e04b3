"""``/v2/me``, ``/v2/team`` and ``/v2/users``."""

from functools import partial

from sandbox.salesloft import rendering
from sandbox.salesloft.answers import Answer, Refusal, data
from sandbox.salesloft.api.context import Context
from sandbox.salesloft.filters import Predicate, flags, numbers, texts
from sandbox.salesloft.listing import Listing
from sandbox.salesloft.records import User

__all__ = ["index_users", "show_me", "show_team", "show_user"]


def _search(_name: str, _operator: str, values: list[str], /) -> Predicate[User]:
    wanted = values[-1].lower()
    return lambda row: wanted in f"{row.first_name} {row.last_name} {row.email}".lower()


_LISTING: Listing[User] = Listing(
    identity=lambda row: row.id,
    filters={
        "ids": numbers(lambda row: row.id),
        "guid": texts(lambda row: row.guid),
        "active": flags(lambda row: row.active),
        "group_id": numbers(lambda _row: None),
        "role_id": texts(lambda row: "Admin" if row.team_admin else "User"),
        "search": _search,
        "has_crm_user": flags(lambda _row: False),
        "work_country": texts(lambda _row: None),
    },
    sorts={
        "id": lambda row: row.id,
        "email": lambda row: row.email,
        "name": lambda row: f"{row.first_name} {row.last_name}",
        "group": lambda _row: None,
        "role": lambda row: "Admin" if row.team_admin else "User",
    },
    default_sort="id",
    always_paged=False,
)


def show_me(context: Context) -> Answer:
    return data(rendering.user(context.team, context.user))


def show_team(context: Context) -> Answer:
    return data(rendering.team_object(context.team))


def index_users(context: Context) -> Answer:
    """Without `page` all of them and no paging in the metadata; who is no admin sees only themselves."""
    return _LISTING.answer(
        context.team.users,
        context.parameters,
        partial(rendering.user, context.team),
        switches=context.team.switches,
        candidates=context.team.users if context.user.team_admin else [context.user],
    )


def show_user(context: Context) -> Answer:
    row = context.team.users.get(context.number)
    if row is None or not (context.user.team_admin or row.id == context.user.id):
        raise Refusal.not_found()
    return data(rendering.user(context.team, row))

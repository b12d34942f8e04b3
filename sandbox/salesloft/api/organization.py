"""``/v2/me``, ``/v2/team`` and ``/v2/users``."""

from functools import partial

from sandbox.salesloft import rendering
from sandbox.salesloft.answers import Answer, Effect, Refusal, data
from sandbox.salesloft.api.context import Context, optional_flag, optional_text
from sandbox.salesloft.filters import Predicate, flag_of, flags, numbers, texts
from sandbox.salesloft.listing import Listing
from sandbox.salesloft.records import User

__all__ = ["index_users", "show_me", "show_team", "show_user", "update_user"]


def _search(_name: str, _operator: str, values: list[str], /) -> Predicate[User]:
    """Every keyword is part of the name or the address."""
    wanted = values[-1].lower().split()
    return lambda row: all(word in f"{row.first_name} {row.last_name} {row.email}".lower() for word in wanted)


def _visible(name: str, _operator: str, values: list[str], /) -> Predicate[User]:
    """No privacy setting hides anybody here, but only false shows who was deactivated."""
    only_visible = flag_of(name, values[-1])
    return lambda row: row.active or not only_visible


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
        "work_country": texts(lambda row: row.work_country),
        "visible_only": _visible,
    },
    sorts={
        "id": lambda row: row.id,
        "email": lambda row: row.email,
        "name": lambda row: f"{row.first_name} {row.last_name}",
        "group": lambda _row: None,
        "role": lambda row: "Admin" if row.team_admin else "User",
    },
    default_sort="id",
    paged="when asked",
)


def show_me(context: Context) -> Answer:
    return data(rendering.user(context.team, context.user))


def show_team(context: Context) -> Answer:
    return data(rendering.team_object(context.team))


def index_users(context: Context) -> Answer:
    """Without `page` all of them and no paging in the metadata; who is no admin sees only themselves.

    Those who were deactivated are left out unless `visible_only` is false.
    """
    rows = list(context.team.users) if context.user.team_admin else [context.user]
    if "visible_only" not in context.parameters.values:
        rows = [row for row in rows if row.active]
    return _LISTING.answer(
        context.team.users,
        context.parameters,
        partial(rendering.user, context.team),
        switches=context.team.switches,
        candidates=rows,
    )


def show_user(context: Context) -> Answer:
    row = context.team.users.get(context.number)
    if row is None or not (context.user.team_admin or row.id == context.user.id):
        raise Refusal.not_found()
    return data(rendering.user(context.team, row))


def update_user(context: Context) -> Answer:
    """An admin may change whether a user is active, their role and their country."""
    team, body = context.team, context.body
    if not context.user.team_admin:
        raise Refusal.forbidden("You must be a team admin")
    row = team.users.get(context.number)
    if row is None:
        raise Refusal.not_found()
    active, role = optional_flag(body, "active"), optional_text(body, "role_id")
    if role not in {None, "Admin", "User"}:
        raise Refusal.invalid("role_id", "is invalid")
    row.active = row.active if active is None else active
    row.team_admin = row.team_admin if role is None else role == "Admin"
    if "work_country" in body:
        row.work_country = optional_text(body, "work_country")
    team.users.touch(row.id, context.now)
    return data(rendering.user(team, row), effect=Effect(resource="users", ids=(row.id,)))

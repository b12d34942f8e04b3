"""``/v2/actions``, ``/v2/activities``, ``/v2/ongoing_actions`` and ``/v2/activity_histories``."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import orjson

from sandbox.salesloft import rendering
from sandbox.salesloft.answers import Answer, Effect, Refusal, data
from sandbox.salesloft.api.context import Context, optional_number, optional_text
from sandbox.salesloft.calls import DISPOSITIONS, SENTIMENTS, log_call
from sandbox.salesloft.filters import Filter, flags, numbers, ranges, split, texts
from sandbox.salesloft.instants import render
from sandbox.salesloft.listing import Listing
from sandbox.salesloft.records import Action, ActivityHistory, Call, Email, User

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "create_activity",
    "create_call",
    "create_ongoing_action",
    "index_actions",
    "index_calls",
    "index_emails",
    "index_histories",
    "show_action",
    "show_call",
    "show_email",
]

_ACTIONS: Listing[Action] = Listing(
    identity=lambda row: row.id,
    filters={
        "ids": numbers(lambda row: row.id),
        "step_id": numbers(lambda row: row.step_id),
        "type": texts(lambda row: row.type),
        "due_on": ranges(lambda row: row.due_on),
        "person_id": numbers(lambda row: row.person_id),
        "cadence_id": numbers(lambda row: row.cadence_id),
        "multitouch_group_id": numbers(lambda _row: None),
        "updated_at": ranges(lambda row: row.updated_at),
    },
    sorts={"created_at": lambda row: row.created_at, "updated_at": lambda row: row.updated_at},
)
_EMAILS: Listing[Email] = Listing(
    identity=lambda row: row.id,
    filters={
        "ids": numbers(lambda row: row.id),
        "updated_at": ranges(lambda row: row.updated_at),
        "sent_at": ranges(lambda row: row.sent_at),
        "bounced": flags(lambda row: row.bounced),
        "crm_activity_id": numbers(lambda _row: None),
        "action_id": numbers(lambda row: row.action_id),
        "user_id": numbers(lambda row: row.user_id),
        "status": texts(lambda row: row.status),
        "cadence_id": numbers(lambda row: row.cadence_id),
        "step_id": numbers(lambda row: row.step_id),
        "one_off": flags(lambda row: row.cadence_id is None),
        "person_id": numbers(lambda row: row.recipient_id),
        "email_addresses": texts(lambda row: row.recipient_email_address),
        "personalization": texts(lambda _row: rendering.PERSONALIZATION),
    },
    sorts={"updated_at": lambda row: row.updated_at, "send_time": lambda row: row.sent_at},
)
_CALLS: Listing[Call] = Listing(
    identity=lambda row: row.id,
    filters={
        "ids": numbers(lambda row: row.id),
        "created_at": ranges(lambda row: row.created_at),
        "updated_at": ranges(lambda row: row.updated_at),
        "person_id": numbers(lambda row: row.person_id),
        "sentiment": texts(lambda row: row.sentiment),
        "disposition": texts(lambda row: row.disposition),
    },
    sorts={"created_at": lambda row: row.created_at, "updated_at": lambda row: row.updated_at},
)
_HISTORIES: Listing[ActivityHistory] = Listing(
    identity=lambda row: row.id,
    filters={
        "type": texts(lambda row: row.type),
        "resource_type": texts(lambda _row: "person"),
        "resource_id": numbers(lambda row: row.person_id),
        "occurred_at": ranges(lambda row: row.occurred_at),
        "updated_at": ranges(lambda row: row.updated_at),
        "pinned": flags(lambda _row: False),
        "user_guid": texts(lambda row: row.user_guid),
    },
    sorts={"occurred_at": lambda row: row.occurred_at, "updated_at": lambda row: row.updated_at},
    default_sort="occurred_at",
)


def index_actions(context: Context) -> Answer:
    """Open actions only: the caller's own, or the team's for an admin."""
    team, now, admin = context.team, context.now, context.user.team_admin
    if not admin and "user_guid" in context.parameters.values:
        raise Refusal.forbidden("user_guid is only available to team admins")
    rows: Iterable[Action] | None = None
    if team.has_ongoing_actions or not admin:
        # Only then is there anything to hide; else the table's index is the quicker way.
        mine = [row for row in team.actions if admin or row.user_id == context.user.id]
        rows = [row for row in mine if row.status == "in_progress"]
    by_users: dict[str, Filter[Action]] = {"user_guid": texts(lambda row: team.guid_of(row.user_id))}
    return replace(_ACTIONS, filters={**_ACTIONS.filters, **by_users}).answer(
        team.actions,
        context.parameters,
        lambda row: rendering.action(team, row, now),
        switches=team.switches,
        candidates=rows,
    )


def show_action(context: Context) -> Answer:
    """An action that is done is not found; one that is under way is found here, though no longer listed."""
    row = context.team.actions.get(context.number)
    if row is None or not (context.user.team_admin or row.user_id == context.user.id):
        raise Refusal.not_found()
    return data(rendering.action(context.team, row, context.now))


def _named_action(context: Context, *, of_type: str | None) -> Action:
    """The open action that a write is about."""
    key = optional_number(context.body, "action_id")
    if key is None:
        raise Refusal.invalid("action_id", "is required")
    row = context.team.actions.get(key)
    if row is None or (of_type is not None and row.type != of_type):
        raise Refusal.invalid("action_id", "is invalid")
    return row


def create_ongoing_action(context: Context) -> Answer:
    """Say that an action is under way; once only."""
    row = _named_action(context, of_type=None)
    if row.status != "in_progress":
        raise Refusal.invalid("action_id", "is already ongoing")
    row.status = "pending_activity"
    context.team.has_ongoing_actions = True
    context.team.actions.touch(row.id, context.now)
    return data(
        rendering.action(context.team, row, context.now),
        status=context.team.switches.created_status,
        effect=Effect(resource="ongoing_actions", ids=(row.id,)),
    )


def create_activity(context: Context) -> Answer:
    """Complete an integration's step, the only kind that can be completed this way."""
    team, row = context.team, _named_action(context, of_type="integration")
    context.simulator.memberships.complete_step(team, team.memberships[row.membership_id], context.now)
    return data(
        {"updated_at": render(context.now, team.zone)},
        status=team.switches.created_status,
        effect=Effect(resource="activities", ids=(row.id,)),
    )


def index_emails(context: Context) -> Answer:
    team = context.team
    people = split(context.parameters.values.get("person_id", {}).get("", []))
    rows: Iterable[Email] | None = None
    if people and all(one.isdecimal() for one in people):
        rows = [team.emails[key] for one in dict.fromkeys(people) for key in team.emails_by_person.get(int(one), ())]
    return _EMAILS.answer(
        team.emails, context.parameters, partial(_email, context), switches=team.switches, candidates=rows
    )


def show_email(context: Context) -> Answer:
    row = context.team.emails.get(context.number)
    if row is None:
        raise Refusal.not_found()
    return data(_email(context, row))


def _email(context: Context, row: Email) -> bytes:
    """Contents are shown only to who has the scope and asks for them."""
    scoped = split(context.parameters.values.get("scoped_fields", {}).get("", []))
    if not scoped or "email_contents:read" not in context.grant.scopes:
        return rendering.email(context.team, row)
    whole = rendering.email_with_contents(context.team, row)
    hidden = {name: None for name in ("subject", "body", "error_message") if name not in scoped}
    return orjson.dumps({**whole, **hidden})


def index_calls(context: Context) -> Answer:
    team = context.team
    by_users: dict[str, Filter[Call]] = {"user_guid": texts(lambda row: team.guid_of(row.user_id))}
    return replace(_CALLS, filters={**_CALLS.filters, **by_users}).answer(
        team.calls, context.parameters, partial(rendering.call, team), switches=team.switches
    )


def show_call(context: Context) -> Answer:
    row = context.team.calls.get(context.number)
    if row is None:
        raise Refusal.not_found()
    return data(rendering.call(context.team, row))


def create_call(context: Context) -> Answer:
    """Log a call; with the id of an open phone action it completes that step."""
    team, body, now = context.team, context.body, context.now
    person_id = optional_number(body, "person_id")
    if person_id is None:
        raise Refusal.invalid("person_id", "is required")
    person = team.people.get(person_id)
    if person is None:
        raise Refusal.not_found()
    for name, known in (("disposition", DISPOSITIONS), ("sentiment", SENTIMENTS)):
        value = optional_text(body, name)
        if value is None and getattr(team.switches, f"{name}s_required"):
            raise Refusal.invalid(name, "is required")
        if value is not None and value not in known:
            raise Refusal.invalid(name, "is not included in the list")
    action_id = optional_number(body, "action_id")
    action = None if action_id is None else team.actions.get(action_id)
    if action_id is not None and (action is None or action.type != "phone" or action.person_id != person.id):
        raise Refusal.invalid("action_id", "is invalid")
    membership = None if action is None else team.memberships[action.membership_id]
    call = log_call(
        context.simulator.world,
        team,
        person=person,
        user_id=_caller(context).id,
        now=now,
        membership=membership,
        details={
            "to": optional_text(body, "to"),
            "duration": optional_number(body, "duration"),
            "notes": optional_text(body, "notes"),
            "disposition": optional_text(body, "disposition"),
            "sentiment": optional_text(body, "sentiment"),
        },
    )
    if membership is not None:
        context.simulator.memberships.complete_step(team, membership, now)
    return data(
        rendering.call(team, call),
        status=team.switches.created_status,
        effect=Effect(resource="calls", ids=(call.id,)),
    )


def _caller(context: Context) -> User:
    guid = optional_text(context.body, "user_guid")
    if guid is None or guid == context.user.guid:
        return context.user
    if not context.user.team_admin:
        raise Refusal.forbidden("user_guid is only available to team admins")
    user = next((user for user in context.team.users if user.guid == guid), None)
    if user is None:
        raise Refusal.invalid("user_guid", "is invalid")
    return user


def index_histories(context: Context) -> Answer:
    team = context.team
    return _HISTORIES.answer(
        team.histories, context.parameters, partial(rendering.history, team), switches=team.switches
    )

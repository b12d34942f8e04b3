"""``/v2/cadences``, ``/v2/steps``, ``/v2/cadence_exports`` and ``/v2/cadence_stats``: read only, as in the real API."""

from dataclasses import replace
from functools import partial

from sandbox.salesloft import rendering, rendering_export
from sandbox.salesloft.answers import Answer, Refusal, data
from sandbox.salesloft.api.context import Context
from sandbox.salesloft.filters import Filter, flags, numbers, ranges, texts
from sandbox.salesloft.listing import Listing
from sandbox.salesloft.records import Cadence, Step

__all__ = ["export_cadence", "index_cadences", "index_steps", "show_cadence", "show_statistics", "show_step"]

_CADENCES: Listing[Cadence] = Listing(
    identity=lambda row: row.id,
    filters={
        "ids": numbers(lambda row: row.id),
        "updated_at": ranges(lambda row: row.updated_at),
        "team_cadence": flags(lambda row: row.team_cadence),
        "shared": flags(lambda row: row.shared),
        "name": texts(lambda row: row.name),
        "archived": flags(lambda row: row.archived_at is not None),
        "group_ids": numbers(lambda _row: None),
    },
    sorts={
        "created_at": lambda row: row.created_at,
        "updated_at": lambda row: row.updated_at,
        "name": lambda row: row.name,
    },
)
_STEPS: Listing[Step] = Listing(
    identity=lambda row: row.id,
    filters={
        "ids": numbers(lambda row: row.id),
        "cadence_id": numbers(lambda row: row.cadence_id),
        "type": texts(lambda row: row.type),
        "updated_at": ranges(lambda row: row.updated_at),
    },
    sorts={"created_at": lambda row: row.created_at, "updated_at": lambda row: row.updated_at},
)


def _visible(context: Context, row: Cadence) -> bool:
    return context.user.team_admin or row.shared or row.team_cadence or row.owner_id == context.user.id


def index_cadences(context: Context) -> Answer:
    """The cadences that the caller may see; `people_addable` and `owned_by_guid` depend on users."""
    team = context.team
    by_users: dict[str, Filter[Cadence]] = {
        "people_addable": flags(lambda row: team.people_can_be_added(row, context.user.id)),
        "owned_by_guid": texts(lambda row: team.guid_of(row.owner_id)),
    }
    return replace(_CADENCES, filters={**_CADENCES.filters, **by_users}).answer(
        team.cadences,
        context.parameters,
        partial(rendering.cadence, team),
        switches=team.switches,
        candidates=[row for row in team.cadences if _visible(context, row)],
    )


def _found(context: Context) -> Cadence:
    row = context.team.cadences.get(context.number)
    if row is None or not _visible(context, row):
        raise Refusal.not_found()
    return row


def show_cadence(context: Context) -> Answer:
    return data(rendering.cadence(context.team, _found(context)))


def export_cadence(context: Context) -> Answer:
    return data(rendering_export.cadence_export(context.team, _found(context)))


def show_statistics(context: Context) -> Answer:
    """All-time figures. Of e-mails that were viewed or replied to, each counts once, as on a person."""
    team, row = context.team, _found(context)
    memberships = [team.memberships[key] for key in team.memberships_by_cadence.get(row.id, ())]
    people = {membership.person_id for membership in memberships}
    sent = [
        email
        for person_id in people
        for key in team.emails_by_person.get(person_id, ())
        if (email := team.emails[key]).cadence_id == row.id and email.sent_at is not None
    ]
    return data(
        {
            "sent_emails_count": len(sent),
            "viewed_count": sum(email.views > 0 for email in sent),
            "replied_count": sum(email.replies > 0 for email in sent),
            "calls_count": sum(membership.calls for membership in memberships),
            "meetings_booked_count": 0,
            "people_acted_on_count": row.people_acted_on,
        }
    )


def index_steps(context: Context) -> Answer:
    team = context.team
    by_actions: dict[str, Filter[Step]] = {}
    if "has_due_actions" in context.parameters.values:
        busy = {action.step_id for action in team.actions if action.due_on <= context.now}
        by_actions["has_due_actions"] = flags(lambda row: row.id in busy)
    return replace(_STEPS, filters={**_STEPS.filters, **by_actions}).answer(
        team.steps,
        context.parameters,
        partial(rendering.step, team),
        switches=team.switches,
        candidates=[row for row in team.steps if _visible(context, team.cadences[row.cadence_id])],
    )


def show_step(context: Context) -> Answer:
    row = context.team.steps.get(context.number)
    if row is None or not _visible(context, context.team.cadences[row.cadence_id]):
        raise Refusal.not_found()
    return data(rendering.step(context.team, row))

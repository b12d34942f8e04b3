"""``/v2/cadence_memberships``: list, show, add, remove. There is no change, pause, resume or skip."""

from collections.abc import Iterable
from functools import partial

from sandbox.salesloft import rendering
from sandbox.salesloft.answers import Answer, Effect, Refusal, data
from sandbox.salesloft.api.context import Context, optional_number
from sandbox.salesloft.filters import flags, numbers, ranges, split
from sandbox.salesloft.listing import Listing
from sandbox.salesloft.records import Cadence, Membership, Person, Step

__all__ = ["create", "destroy", "index", "show"]

_LISTING: Listing[Membership] = Listing(
    identity=lambda row: row.id,
    filters={
        "ids": numbers(lambda row: row.id),
        "person_id": numbers(lambda row: row.person_id),
        "cadence_id": numbers(lambda row: row.cadence_id),
        "updated_at": ranges(lambda row: row.updated_at),
        "currently_on_cadence": flags(lambda row: row.on_cadence),
    },
    sorts={"updated_at": lambda row: row.updated_at, "added_at": lambda row: row.added_at},
)


def _narrowed(context: Context) -> Iterable[Membership] | None:
    team, values = context.team, context.parameters.values
    for name, lookup in (("person_id", team.memberships_by_person), ("ids", None)):
        wanted = split(values.get(name, {}).get("", []))
        if wanted and all(one.isdecimal() for one in wanted):
            keys = [int(one) for one in dict.fromkeys(wanted)]
            if lookup is not None:
                keys = [key for one in keys for key in lookup.get(one, ())]
            return [row for key in keys if (row := team.memberships.get(key)) is not None]
    return None


def index(context: Context) -> Answer:
    return _LISTING.answer(
        context.team.memberships,
        context.parameters,
        partial(rendering.membership, context.team),
        switches=context.team.switches,
        candidates=_narrowed(context),
    )


def show(context: Context) -> Answer:
    row = context.team.memberships.get(context.number)
    if row is None:
        raise Refusal.not_found()
    return data(rendering.membership(context.team, row))


def create(context: Context) -> Answer:
    """Put a person on a cadence; the answer is usually `processing`."""
    person, cadence, user_id, start = _asked_for(context)
    _refuse(context, person, cadence, user_id)
    membership = context.simulator.memberships.add(
        context.team, person, cadence, user_id=user_id, start=start, now=context.now
    )
    return data(
        rendering.membership(context.team, membership),
        status=context.team.switches.created_status,
        effect=Effect(resource="cadence_memberships", ids=(membership.id,)),
    )


def destroy(context: Context) -> Answer:
    """Take off the cadence. An ended one is no error; one in `processing` cannot be changed yet."""
    team = context.team
    row = team.memberships.get(context.number)
    if row is None:
        raise Refusal.not_found()
    if not row.on_cadence:
        return Answer(status=204, body=b"")
    if row.state == "processing":
        raise Refusal.invalid("current_state", "is being processed")
    context.simulator.memberships.remove(team, row, context.now)
    return Answer(status=204, body=b"", effect=Effect(resource="cadence_memberships", ids=(row.id,)))


def _asked_for(context: Context) -> tuple[Person, Cadence, int, Step]:
    team, body = context.team, context.body
    person_id, cadence_id = optional_number(body, "person_id"), optional_number(body, "cadence_id")
    if person_id is None or cadence_id is None:
        missing = (("person_id", person_id), ("cadence_id", cadence_id))
        raise Refusal.invalid_fields({name: ["is required"] for name, value in missing if value is None})
    person, cadence = team.people.get(person_id), team.cadences.get(cadence_id)
    if person is None or cadence is None:
        raise Refusal.not_found()
    user_id = optional_number(body, "user_id")
    if user_id is not None and team.users.get(user_id) is None:
        raise Refusal.invalid("user_id", "is invalid")
    steps = team.steps_of(cadence.id)
    step_id = optional_number(body, "step_id")
    if step_id is None:
        if not steps:
            raise Refusal.invalid("cadence_id", "has no steps")
        return person, cadence, _assignee(context, cadence, user_id), steps[0]
    start = next((step for step in steps if step.id == step_id), None)
    if start is None:
        raise Refusal.invalid("step_id", "does not belong to the cadence")
    return person, cadence, _assignee(context, cadence, user_id), start


def _assignee(context: Context, cadence: Cadence, user_id: int | None) -> int:
    """Without `user_id` it is the token's user; a personal cadence without one is always its owner's."""
    if user_id is not None:
        return user_id
    return context.user.id if cadence.team_cadence else cadence.owner_id


def _refuse(context: Context, person: Person, cadence: Cadence, user_id: int) -> None:
    team = context.team
    if cadence.draft or cadence.archived_at is not None:
        raise Refusal.invalid("cadence_id", "is not active")
    if not team.people_can_be_added(cadence, user_id):
        raise Refusal.invalid("cadence_id", "is not owned by the provided user and is not a team cadence")
    account = team.accounts.get(person.account_id) if person.account_id is not None else None
    if (person.do_not_contact or (account is not None and account.do_not_contact)) and (
        not cadence.override_contact_restrictions
    ):
        raise Refusal.invalid("person_id", "has contact restrictions")
    record = team.membership_record(person.id, cadence.id)
    if record is not None and record.on_cadence:
        raise Refusal.invalid("cadence_id", "is already in progress for this person")

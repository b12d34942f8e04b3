"""Logging a call: the call itself, the person's and the membership's counters, and the feed."""

from typing import Any

from sandbox.salesloft.records import Call, Membership, Person
from sandbox.salesloft.world import Team, World, bump

__all__ = ["DISPOSITIONS", "SENTIMENTS", "log_call"]

DISPOSITIONS = ("Connected", "Left Voicemail", "No Answer", "Busy", "Wrong Number")
SENTIMENTS = ("Interested", "Not Interested", "Neutral")


def log_call(
    world: World,
    team: Team,
    *,
    person: Person,
    user_id: int,
    now: int,
    membership: Membership | None,
    details: dict[str, Any],
) -> Call:
    """Keep a call made now. With a membership it belongs to that membership's current step and open action."""
    call = Call(
        id=next(world.ids.call),
        created_at=now,
        updated_at=now,
        user_id=user_id,
        person_id=person.id,
        to=details.get("to") or person.details.get("phone"),
        duration=details.get("duration"),
        disposition=details.get("disposition"),
        sentiment=details.get("sentiment"),
        note_id=next(world.ids.note) if details.get("notes") else None,
        action_id=None if membership is None else membership.open_action_id,
        cadence_id=None if membership is None else membership.cadence_id,
        step_id=None if membership is None else membership.step_id,
    )
    team.calls.add(call.id, call)
    bump(person, "calls")
    person.last_contacted_at, person.last_contacted_type, person.last_contacted_by_id = now, "call", user_id
    team.people.touch(person.id, now)
    if membership is not None:
        bump(membership, "calls")
        team.memberships.touch(membership.id, now)
    world.add_history(
        team,
        kind="call",
        person_id=person.id,
        now=now,
        user_id=user_id,
        resource_id=call.id,
        static={"call_id": call.id},
        dynamic={"disposition": call.disposition, "sentiment": call.sentiment, "duration": call.duration},
    )
    world.record_change(
        team,
        now,
        "call.logged",
        {
            "call_id": call.id,
            "value": 1,
            "person_id": person.id,
            "membership_id": None if membership is None else membership.id,
            "cadence_id": call.cadence_id,
        },
    )
    return call

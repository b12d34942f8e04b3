"""Which events a team's life must have led to, told from the simulator's journal of it and from the contract alone.

Nothing of `activity/`, `producers/` or `workflows/` is used here: what they and this come to has to be the same. One
event per unit and stakeholder, its id the UUIDv5 of (organization, stakeholder, source, source id, metric, ordinal).
Each kind of event has one source: sent, opened, clicked, replied and bounced are an e-mail's, to the highest count that
it ever showed; calls are calls'; completed steps and opt-outs are the activity feed's; that somebody began on a cadence
and went off it is the membership's, once for each time that the person was added.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

import orjson

__all__ = ["UnitName", "expected_events", "units"]

UnitName = tuple[str, str, str, int]
"""Source, the record's id there, metric and ordinal, which count from 1."""

_NAMESPACE = UUID("6d0f5a3e-6a0b-5c1e-9d43-2f7c1b8e4a90")
_COUNTED = {"email.views": "email-opened", "email.clicks": "email-clicked", "email.replies": "email-replied"}
_ONCE = {"email.sent": "email-sent", "email.bounced": "email-bounced"}
_OF_THE_FEED = {"step.completed": "step-completed", "person.do_not_contact": "unsubscribed"}
_ENDS = {
    "completed": "membership-completed",
    "removed": "membership-removed",
    "removed_no_action": "membership-removed",
    "reassigned": "membership-removed",
    "archived": "membership-removed",
}


def expected_events(
    organization_id: str, life: Iterable[Mapping[str, Any]], stakeholders: Mapping[int, Sequence[str]]
) -> dict[UUID, tuple[str, UnitName]]:
    """The ids of all events that must be on the bus, each with its stakeholder and its unit.

    `life` is the life journal of the organization's team, `stakeholders` are its stakeholders by Salesloft person.
    """
    expected: dict[UUID, tuple[str, UnitName]] = {}
    for person_id, unit in units(life):
        for stakeholder_id in stakeholders.get(person_id, ()):
            name = orjson.dumps([organization_id, stakeholder_id, *unit])
            expected[uuid5(_NAMESPACE, name.decode())] = (stakeholder_id, unit)
    return expected


def units(life: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, UnitName]]:
    """Everything that happened, with the person whom it happened to, each unit once."""
    highest: dict[tuple[int, str], int] = {}
    ended: set[str] = set()
    begun: set[str] = set()
    for entry in life:
        kind, person_id = entry["kind"], entry["person_id"]
        if kind in _COUNTED:
            email, metric = (entry["email_id"], kind), _COUNTED[kind]
            before = highest.get(email, 0)
            for ordinal in range(before + 1, entry["value"] + 1):
                yield person_id, ("email", str(entry["email_id"]), metric, ordinal)
            highest[email] = max(before, entry["value"])
        elif kind in _ONCE:
            yield person_id, ("email", str(entry["email_id"]), _ONCE[kind], 1)
        elif kind == "call.logged":
            yield person_id, ("call", str(entry["call_id"]), "call-logged", 1)
        elif kind in _OF_THE_FEED:
            yield person_id, ("history", entry["history_id"], _OF_THE_FEED[kind], 1)
        elif kind == "membership.state":
            stay = f"{entry['membership_id']}@{_instant(entry['added_at'])}"
            if stay not in begun:
                begun.add(stay)
                yield person_id, ("membership", stay, "membership-started", 1)
            if entry["state"] in _ENDS and stay not in ended:
                # Of a stay's ends the first counts.
                ended.add(stay)
                yield person_id, ("membership", stay, _ENDS[entry["state"]], 1)


def _instant(text: str) -> str:
    """The journal's ``...Z`` as ids have it."""
    return text.removesuffix("Z") + "+00:00"

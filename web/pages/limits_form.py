"""How often and at which hours, in a mapping's form: re-entry, caps and working time of its policy."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

from web.pages.fields import Sent, number, one

__all__ = ["DAYS", "PER", "REENTRY", "focus_of", "limits_edited", "limits_in"]

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
REENTRY: Final = {
    "": "Is requested again for every new reason",
    "if_not_active": "Is requested again when no other run is open",
    "at_most": "Is requested again some times within some days",
    "once": "Is never requested again",
}
PER: Final = {"stakeholder": "person", "account": "customer", "sender": "sender", "mapping": "mapping"}
_NEW_CAP: Final = {"per": "sender", "at_most": 20, "within_hours": 24}
_NEW_BLACKOUT: Final = {"first": "", "last": ""}
_AT_MOST: Final = {"reentry_times": "2", "reentry_days": "90"}


def limits_in(sent: Sent) -> dict[str, Any]:
    """What a form says of a policy's `reentry`, `caps` and `working_time`."""
    caps = zip_longest(*(sent.get(name, ()) for name in ("cap_per", "cap_at_most", "cap_hours")), fillvalue="")
    return {
        "reentry": _reentry(sent),
        "caps": [{"per": per, "at_most": number(most), "within_hours": number(hours)} for per, most, hours in caps],
        "working_time": _working_time(sent) if one(sent, "hours") == "own" else None,
    }


def limits_edited(policy: Mapping[str, Any], does: str) -> dict[str, Any]:
    """What a button makes of a policy: `add-cap`, `remove-cap N`, `add-blackout` or `remove-blackout N`."""
    action, _, place = does.partition(" ")
    caps: Sequence[Any] = policy["caps"]
    hours = policy["working_time"]
    match action:
        case "add-cap":
            return {**policy, "caps": [*caps, _NEW_CAP]}
        case "remove-cap":
            return {**policy, "caps": _without(caps, place)}
        case "add-blackout" if hours is not None:
            return {**policy, "working_time": hours | {"blackouts": [*hours["blackouts"], _NEW_BLACKOUT]}}
        case "remove-blackout" if hours is not None:
            return {**policy, "working_time": hours | {"blackouts": _without(hours["blackouts"], place)}}
    return dict(policy)


def focus_of(does: str, policy: Mapping[str, Any]) -> str:
    """Where whoever pressed such a button goes on; nothing where it was another button."""
    match does.partition(" ")[0]:
        case "add-cap":
            return f"cap:{len(policy['caps']) - 1}"
        case "add-blackout" if policy["working_time"] is not None:
            return f"blackout:{len(policy['working_time']['blackouts']) - 1}"
        case "remove-cap":
            return "add-cap"
        case "remove-blackout":
            return "add-blackout"
    return ""


def _reentry(sent: Sent) -> dict[str, Any] | None:
    match one(sent, "reentry"):
        case "":
            return None
        case "at_most":
            times, days = (number(one(sent, name) or unasked) for name, unasked in _AT_MOST.items())
            return {"kind": "at_most", "times": times, "within_days": days}
        case kind:
            return {"kind": kind}


def _working_time(sent: Sent) -> dict[str, Any]:
    begins, ends = one(sent, "quiet_begins"), one(sent, "quiet_ends")
    # Of hours that were not shown yet, the week as people mostly work.
    days = list(sent.get("working_day", ())) if "hours_shown" in sent else list(DAYS[:5])
    blackouts = zip_longest(sent.get("blackout_first", ()), sent.get("blackout_last", ()), fillvalue="")
    return {
        "quiet_hours": {"begins": begins, "ends": ends} if begins or ends else None,
        "days": days,
        "blackouts": [{"first": first, "last": last or first} for first, last in blackouts],
    }


def _without(rows: Sequence[Any], place: str) -> list[Any]:
    return [row for number_, row in enumerate(rows) if str(number_) != place]

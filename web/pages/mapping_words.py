"""What a mapping says besides whom it leads where: its limits, and which mappings are asked before and after it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from web.pages.wording import fact, words

__all__ = ["Order", "as_named", "labelled", "limits", "order_of", "uncounted"]

_SCALES: Final = {"customer.health_score": "0 to 100", "engagement.score": "0 to 100"}
_PER: Final = {"stakeholder": "person", "account": "customer", "sender": "sender", "mapping": "mapping"}


def labelled(field: str) -> str:
    """What a field for a fact is called, with the scale of its values."""
    return fact(field) + (f" ({_SCALES[field]})" if field in _SCALES else "")


def limits(policy: Mapping[str, Any]) -> list[str]:
    """How often, at which hours and for how many people of those who fit, one sentence each; nothing of no limit."""
    return [*_reentry(policy["reentry"]), *_caps(policy["caps"]), *_hours(policy["working_time"]), *_others(policy)]


def _reentry(reentry: Mapping[str, Any] | None) -> Iterable[str]:
    match reentry:
        case {"kind": "once"}:
            yield "Nobody is requested a second time."
        case {"kind": "if_not_active"}:
            yield "Nobody is requested again while another run of theirs is open."
        case {"kind": "at_most", "times": times, "within_days": days}:
            yield f"Nobody is requested more than {times} times in {days} days."


def _caps(caps: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for cap in caps:
        whom = _PER.get(cap["per"], cap["per"])
        yield f"At most {cap['at_most']} per {whom} start within {cap['within_hours']} hours."


def uncounted(caps: Iterable[Mapping[str, Any]], waiting: Mapping[str, int]) -> str:
    """What a preview of a mapping with caps leaves out of its count, but for the full stop.

    `waiting` is how many would wait for which quota if all were approved at once.
    """
    per = {cap["per"] for cap in caps}
    told = []
    if began := [_PER[one] for one in ("stakeholder", "account") if one in per]:
        told.append(f"Limits per {' and '.join(began)} count what began before, and not who else is counted here")
    if waiting:
        of = " and ".join(f"{many} for the limit per {_PER.get(one, one)}" for one, many in waiting.items())
        told.append(f"Approved at once, some would wait: {of}")
    elif per & {"sender", "mapping"}:
        told.append("Approved at once, nobody would wait for a limit")
    return ". ".join(told)


def _hours(hours: Mapping[str, Any] | None) -> Iterable[str]:
    if hours is None:
        return
    told = f"It starts on {', '.join(words(day) for day in hours['days']) or 'no day'}"
    if quiet := hours["quiet_hours"]:
        told += f", not from {_clock(quiet['begins'])} to {_clock(quiet['ends'])}"
    for off in hours["blackouts"]:
        told += f", not on {off['first']}" if off["first"] == off["last"] else f", not {off['first']} to {off['last']}"
    yield f"{told}, by the person's own clock."


def _clock(told: str) -> str:
    return told.removesuffix(":00") if told.count(":") == 2 else told


def _others(policy: Mapping[str, Any]) -> Iterable[str]:
    match policy.get("exclusive_by"):
        case "stakeholder":
            yield "Nobody who is on another cadence of its group."
        case "email":
            yield "Nobody whose email address is on another cadence of its group."
    share = policy.get("hold_out_percent") or 0
    if share:
        yield (
            f"{share:g} % are held out as a control group."
            if isinstance(share, float | int)
            else (f"{share} % are held out as a control group.")
        )
    if policy.get("shadow"):
        yield "Shadow mode: it decides, and requests nobody."


@dataclass(frozen=True, slots=True)
class Order:
    """The published mappings that are asked about the same customers, before it and after, each in its order.

    Once one has taken somebody, those of its group after it are not asked about them any more.
    """

    before: Sequence[dict[str, Any]]
    after: Sequence[dict[str, Any]]


def order_of(listed: Iterable[dict[str, Any]], mapping: Mapping[str, Any], id_: str) -> Order:
    """Where a mapping as it is written stands among those that count."""
    segment, own = mapping["segment"], _place(mapping, id_)
    others = [
        one
        for one in listed
        if one["status"] == "published"
        and one["id"] != id_
        and one["mapping"]["enabled"]
        and one["mapping"]["trigger_type"] == mapping["trigger_type"]
        and one["mapping"]["exclusivity_group"] == mapping["exclusivity_group"]
        # Of any segment's mapping those of every segment are asked before, each about its own customers.
        and (segment is None or one["mapping"]["segment"] in {None, segment})
    ]
    others.sort(key=lambda one: _place(one["mapping"], one["id"]))
    return Order(
        [one for one in others if _place(one["mapping"], one["id"]) < own],
        [one for one in others if _place(one["mapping"], one["id"]) > own],
    )


def _place(mapping: Mapping[str, Any], id_: str) -> tuple[bool, float, str]:
    # A number that is still being typed stands last.
    priority = mapping["priority"]
    return mapping["segment"] is None, priority if isinstance(priority, int | float) else float("inf"), id_


def as_named(listed: Iterable[dict[str, Any]]) -> dict[str, str]:
    """By id what a mapping is called among others: its cadence, and whose."""
    return {one["id"]: _name(one) for one in listed if one["status"] == "published"}


def _name(one: dict[str, Any]) -> str:
    return f"{one['cadence_name'] or 'no cadence'} ({one['mapping']['segment'] or 'any segment'})"

"""A mapping in a form's fields: what was written there, over what the mapping said before."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from web.pages.fields import Sent, number, one
from web.pages.limits_form import limits_in
from web.pages.rule_form import rules_in
from web.pages.rules import Catalogue, Group, Unfinished, criteria_of, rules_of, settled

__all__ = [
    "CRITERIA",
    "asked_of_event",
    "base_in",
    "document_in",
    "imagined_in",
    "is_another_segment",
    "kept_rules",
    "parts_in",
    "rules_sent",
    "segment_in",
]

CRITERIA: Final = {"customer": "customer_criteria", "stakeholder": "stakeholder_criteria"}
"""The roots of a form's rules, and what each is of a mapping."""
# A segment that is chosen is sent after a sign, so that none can be taken for the word.
_ANOTHER: Final = "another"
_CHOSEN: Final = "="
_WHOLE: Final = ("priority",)
_OF_POLICY: Final = ("expires_after_hours", "execute_within_days", "defer_days", "hold_out_percent")


def base_in(sent: Sent) -> dict[str, Any]:
    """The mapping as the form was opened with it; nothing where it was not sent."""
    told = orjson.loads(one(sent, "base") or "{}")
    return told if isinstance(told, dict) else {}


def rules_sent(sent: Sent, catalogue: Catalogue) -> dict[str, Group]:
    """The rules by their root."""
    found = {}
    for root in CRITERIA:
        rules = settled(rules_in(sent, root), catalogue)
        found[root] = rules if isinstance(rules, Group) else Group()
    return found


def kept_rules(base: Mapping[str, Any]) -> dict[str, Group]:
    """Those of a mapping as the API tells it."""
    return {root: rules_of(base[name]) for root, name in CRITERIA.items()}


def document_in(sent: Sent, rules: Mapping[str, Group], catalogue: Catalogue) -> dict[str, Any]:
    """The mapping that the form says; what it has no field for stays as it was. Raises Unfinished."""
    base = base_in(sent)
    lacking: dict[str, str] = {}
    if is_another_segment(sent) and not one(sent, "segment"):
        lacking["segment"] = "Write the segment, or choose one."
    criteria = {}
    for root, name in CRITERIA.items():
        before = base.get(name, {"all": []})
        try:
            told = criteria_of(rules[root], catalogue, root)
        except Unfinished as unfinished:
            lacking |= unfinished.lacking
            continue
        # The same rules may be written in two ways: what nobody has changed stays as it was written.
        criteria[name] = before if settled(rules_of(before), catalogue) == settled(rules_of(told), catalogue) else told
    if lacking:
        raise Unfinished(lacking)
    return parts_in(sent) | criteria


def parts_in(sent: Sent) -> dict[str, Any]:
    """The same without its criteria, which are as they were."""
    base = base_in(sent)
    return base | _plain(sent) | {"sender": _sender(sent), "policy": _policy(sent, base.get("policy", {}))}


def segment_in(sent: Sent) -> str | None:
    """The segment just as its customers have it, or as it was written where it is none of theirs; None is any."""
    if is_another_segment(sent):
        return one(sent, "segment") or None
    return sent.get("segment_of", [""])[-1].removeprefix(_CHOSEN) or None


def is_another_segment(sent: Sent) -> bool:
    """Whether one is to be written that is none of the customers'."""
    return sent.get("segment_of", [""])[-1] == _ANOTHER


def imagined_in(sent: Sent, trigger_type: str, catalogue: Catalogue) -> dict[str, Any]:
    """What the event is imagined to say, by the fields in which something was written of it."""
    told: dict[str, Any] = {}
    for field, entry in catalogue.items():
        typed = one(sent, field)
        if typed and trigger_type in entry["triggers"]:
            told[field] = number(typed) if entry["kind"] == "number" else typed
    return told


def asked_of_event(criteria: Any) -> dict[str, Any]:
    """The fields of the event that criteria ask about, each with a value for which they hold, None where that is open.

    A mapping can be counted for then before anybody says what the event is imagined to say.
    """
    match criteria:
        case {"all": parts} | {"any": parts}:
            found: dict[str, Any] = {}
            for part in parts:
                for field, value in asked_of_event(part).items():
                    found[field] = value if found.get(field) is None else found[field]
            return found
        case {"not": part}:
            return dict.fromkeys(asked_of_event(part))
        case {"field": str(field), "op": op, "value": value} if field.startswith("trigger."):
            return {field: _holding(op, value)}
    return {}


def _holding(op: str, value: Any) -> Any:
    match op, value:
        case (("equals" | "lte" | "gte"), _):
            return value
        case "in", [first, *_]:
            return first
        case (("lt" | "gt"), int()):
            return value - 1 if op == "lt" else value + 1
    return None


def _plain(sent: Sent) -> dict[str, Any]:
    return {
        "segment": segment_in(sent),
        "cadence_id": number(one(sent, "cadence_id")) or None,
        "start_step_id": number(one(sent, "start_step_id")) or None,
        "exclusivity_group": one(sent, "exclusivity_group"),
        "enabled": "enabled" in sent,
        **{name: number(one(sent, name)) for name in _WHOLE},
    }


def _sender(sent: Sent) -> dict[str, Any]:
    kind, users = one(sent, "sender") or "customer_owner", [number(typed) for typed in sent.get("user_id", ())]
    match kind:
        case "fixed_user":
            return {"kind": kind, "user_id": users[0] if users else None}
        case "round_robin":
            return {"kind": kind, "user_ids": users}
    return {"kind": kind}


def _policy(sent: Sent, before: Mapping[str, Any]) -> dict[str, Any]:
    start = one(sent, "start")
    days = number(one(sent, "start_days") or ("30" if start == "before_term_end" else "1"))
    return {
        **before,
        **limits_in(sent),
        **{name: number(one(sent, name)) for name in _OF_POLICY},
        "start_offset_days": days if start == "later" else 0,
        "start_days_before_term_end": days if start == "before_term_end" else None,
        "exclusive_by": one(sent, "exclusive_by") or None,
        "shadow": "shadow" in sent,
    }

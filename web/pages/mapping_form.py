"""A mapping in a form's fields: what was written there, over what the mapping said before."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from web.pages.fields import Sent, number, one
from web.pages.limits_form import limits_in
from web.pages.rule_form import rules_in
from web.pages.rules import Catalogue, Group, Unfinished, criteria_of, rules_of, settled

__all__ = ["CRITERIA", "base_in", "document_in", "imagined_in", "kept_rules", "parts_in", "rules_sent"]

CRITERIA: Final = {"customer": "customer_criteria", "stakeholder": "stakeholder_criteria"}
"""The roots of a form's rules, and what each is of a mapping."""
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


def imagined_in(sent: Sent, trigger_type: str, catalogue: Catalogue) -> dict[str, Any] | None:
    """What the event is imagined to carry, where anything was said of it."""
    told: dict[str, Any] = {}
    for field, entry in catalogue.items():
        typed = one(sent, field)
        if typed and trigger_type in entry["triggers"]:
            told[field.removeprefix("trigger.")] = number(typed) if entry["kind"] == "number" else typed
    return told or None


def _plain(sent: Sent) -> dict[str, Any]:
    return {
        "segment": one(sent, "segment") or None,
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

"""What the API says in its own words, as people say it."""

import re
from collections.abc import Mapping
from math import floor
from typing import Any

__all__ = ["at_least", "percent", "predicates", "reason", "sentence", "shown", "words"]

_SAYS: Mapping[str, str] = {
    "equals": "is",
    "in": "is one of",
    "lt": "is below",
    "lte": "is at most",
    "gt": "is above",
    "gte": "is at least",
    "matches": "matches",
}


def words(told: str | None) -> str:
    """A name of the API's as people say it: `renewal-window` is "Renewal window"."""
    if not told:
        return ""
    spaced = re.sub(r"[-_]+", " ", told)
    return spaced[:1].upper() + spaced[1:]


def reason(told: str) -> str:
    """A reason code as people say it; what a person wrote stays as it was written."""
    if re.fullmatch(r"[a-z_]+", told):
        return told.replace("_", " ")
    return f"\N{LEFT DOUBLE QUOTATION MARK}{told}\N{RIGHT DOUBLE QUOTATION MARK}"


def at_least(ratio: float | None) -> str:
    """A share as people read it, and never more of it than there is: only all of it is 100 %."""
    return "—" if ratio is None else f"{floor(ratio * 10_000 + 1e-6) / 100:g}\N{NO-BREAK SPACE}%"


def percent(ratio: float | None) -> str:
    """A ratio as people read it."""
    return "—" if ratio is None else f"{ratio * 100:.0f}\N{NO-BREAK SPACE}%"


def shown(value: Any) -> str:
    """A value of a fact or a field, as people read it."""
    match value:
        case None:
            return "not known"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(shown, value)) or "nothing"
        case dict():
            return value.get("name") or ", ".join(f"{words(name).lower()} {shown(one)}" for name, one in value.items())
    return str(value)


def predicates(traced: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Of criteria that were tried on facts, each predicate with the value that it saw and whether it holds."""
    match traced:
        case None:
            return []
        case {"all": parts} | {"any": parts}:
            return [one for part in parts for one in predicates(part)]
        case {"not": part}:
            return predicates(part)
    return [traced]


def sentence(criteria: dict[str, Any]) -> str:
    """Criteria as one sentence: `customer health score is below 60 and stakeholder is champion`."""
    match criteria:
        case {"all": []}:
            return "always"
        case {"any": []}:
            return "never"
        case {"all": parts}:
            return _joined(parts, " and ")
        case {"any": parts}:
            return _joined(parts, " or ")
        case {"not": part}:
            return f"not ({sentence(part)})"
    return _predicate(criteria["field"], criteria["op"], criteria.get("value"))


def _joined(parts: list[dict[str, Any]], word: str) -> str:
    """Parts of parts in parentheses, so that nobody reads them otherwise."""
    if len(parts) == 1:
        return sentence(parts[0])
    return word.join(f"({sentence(one)})" if {"all", "any"} & one.keys() else sentence(one) for one in parts)


def _predicate(field: str, op: str, value: Any) -> str:
    subject = words(field.replace(".", " ")).lower()
    if op == "exists":
        return f"{subject} is {'not known' if value is False else 'known'}"
    if op in {"before", "after"}:
        days = int(str(value))
        there = f"{abs(days)} days {'from now' if days > 0 else 'ago'}" if days else "now"
        return f"{subject} is {op} {there}"
    if isinstance(value, bool) and " is " in subject:
        return subject if value else subject.replace(" is ", " is not ", 1)
    return f"{subject} {_SAYS[op]} {shown(value)}"

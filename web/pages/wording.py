"""What the API says in its own words, as people say it."""

import re
from collections.abc import Mapping
from math import floor
from typing import Any, Final, Literal

__all__ = ["at_least", "fact", "percent", "reason", "sentence", "shown", "whose", "within_days", "words"]

_SAYS: Mapping[str, str] = {
    "equals": "is",
    "in": "is one of",
    "lt": "is below",
    "lte": "is at most",
    "gt": "is above",
    "gte": "is at least",
    "matches": "matches",
}
_DENIES: Mapping[str, str] = {
    "equals": "is not",
    "in": "is none of",
    "lt": "is not below",
    "lte": "is not at most",
    "gt": "is not above",
    "gte": "is not at least",
    "matches": "does not match",
}


# Facts whose values are of a vocabulary, and what asks for one of them as it is.
_OF_WORDS: Final = frozenset({"stakeholder.role", "trigger.kind", "trigger.severity", "trigger.reasons"})
_EXACT: Final = frozenset({"equals", "in"})
# Where the last part of a field's name does not say what the fact is, or says the same as another's.
_FACTS: Final[Mapping[str, str]] = {
    "customer.id": "Customer's ID",
    "customer.name": "Customer's name",
    "customer.arr": "ARR",
    "customer.owner.user_id": "Owner",
    "customer.owner.email": "Owner's e-mail address",
    "stakeholder.id": "Person's ID",
    "stakeholder.name": "Person's name",
    "stakeholder.email": "E-mail address",
    "stakeholder.title": "Job title",
    "stakeholder.is_primary": "Primary contact",
    "stakeholder.is_champion": "Champion",
    "stakeholder.is_decision_maker": "Decision maker",
    "stakeholder.contact_preferences.email": "E-mail preference",
    "trigger.potential_arr": "Potential ARR",
    "engagement.sent": "E-mails sent",
    "engagement.opened": "E-mails opened",
    "engagement.clicked": "Links clicked",
    "engagement.replied": "Replies",
    "engagement.bounced": "E-mails bounced",
    "engagement.score": "Engagement score",
    "engagement.active_cadences": "Cadences they are on",
    "engagement.last_contacted_at": "Last contact",
    "engagement.last_replied_at": "Last reply",
}


def fact(field: str) -> str:
    """What a fact is called: `stakeholder.is_champion` is "Champion"."""
    return _FACTS.get(field) or words(field.partition(".")[2].replace(".", " ") or field)


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


def sentence(criteria: dict[str, Any]) -> str:
    """Criteria as one sentence: `customer health score is below 60 and stakeholder is champion`."""
    match criteria:
        case {"all": []} | {"any": []}:
            return "always" if "all" in criteria else "never"
        case {"not": {"field": field, "op": op, **more}}:
            return _predicate(field, op, more.get("value"), _DENIES)
        case {"not": part}:
            return _within(part, _DENIES) or f"not ({sentence(part)})"
        case {"all": parts}:
            return _within(criteria, _SAYS) or _joined(parts, " and ")
        case {"any": parts}:
            return _joined(parts, " or ")
    return _predicate(criteria["field"], criteria["op"], criteria.get("value"), _SAYS)


def whose(criteria: dict[str, Any], whom: Literal["customer", "stakeholder"]) -> str:
    """Criteria as what follows their plural: "whose role is executive sponsor", or else "where ..."."""
    parts = criteria["all"] if "all" in criteria and within_days(criteria) is None else [criteria]
    told = [sentence(one) for one in parts]
    subject = f"{whom} "
    if any("field" not in one.get("not", one) and within_days(one) is None for one in parts) or not all(
        one.startswith(subject) and not one.startswith(f"{subject}is ") for one in told
    ):
        return f"where {sentence(criteria)}"
    return f"whose {' and '.join(one.removeprefix(subject) for one in told)}"


def _joined(parts: list[dict[str, Any]], word: str) -> str:
    """Parts of parts in parentheses, so that nobody reads them otherwise."""
    if len(parts) == 1:
        return sentence(parts[0])
    nested = [one.keys() & {"all", "any"} and _within(one, _SAYS) is None for one in parts]
    return word.join(
        f"({sentence(one)})" if is_nested else sentence(one) for one, is_nested in zip(parts, nested, strict=True)
    )


def within_days(criteria: Mapping[str, Any]) -> tuple[str, Literal["next", "last"], int] | None:
    """Two bounds of one day, where they say together that it is within so many days from today on, or back."""
    match criteria:
        case {"all": [{"op": "after", "value": int(after)} as one, {"op": "before", "value": int(before)} as other]}:
            if one["field"] == other["field"] and after == -1 and before >= 1:
                return one["field"], "next", before - 1
            if one["field"] == other["field"] and before == 1 and after < -1:
                return one["field"], "last", -after - 1
    return None


def _within(criteria: dict[str, Any], verbs: Mapping[str, str]) -> str | None:
    found = within_days(criteria)
    return None if found is None else f"{_subject(found[0])} {verbs['equals']} within the {found[1]} {_days(found[2])}"


def _subject(field: str) -> str:
    return words(field.replace(".", " ")).lower()


def _days(many: int) -> str:
    return f"{many} {'day' if many == 1 else 'days'}"


def _predicate(field: str, op: str, value: Any, verbs: Mapping[str, str]) -> str:
    subject, holds = _subject(field), verbs is _SAYS
    if op == "exists":
        return f"{subject} is {'known' if (value is not False) is holds else 'not known'}"
    if op in {"before", "after"}:
        return f"{subject} {verbs['equals']} {_relative(op, int(str(value)))}"
    if isinstance(value, bool) and " is " in subject:
        return subject if value is holds else subject.replace(" is ", " is not ", 1)
    return f"{subject} {verbs[op]} {_value(field, value) if op in _EXACT else shown(value)}"


def _value(field: str, value: Any) -> str:
    """A value as it is written, for it has to be met exactly; where values are words of ours, as people say them."""
    told = shown(value)
    return told.replace("_", " ") if field in _OF_WORDS else told


def _relative(op: str, days: int) -> str:
    if days == 0:
        return "before today" if op == "before" else "after today"
    if (op == "before") == (days < 0):
        return f"more than {_days(abs(days))} {'ago' if days < 0 else 'from now'}"
    return f"later than {_days(-days)} ago" if days < 0 else f"earlier than {_days(days)} from now"

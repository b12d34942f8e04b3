"""What has changed since something was asked, a sentence each, whichever of the bound facts it is."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from web.pages.reasons import asked_of, saw

__all__ = ["changes_told"]

_NOT_KNOWN: Final = "not known"
_ELSE: Final = "Something else that it rests on has changed."


def changes_told(
    changes: Sequence[Mapping[str, Any]], action: Mapping[str, Any] | None, why: Mapping[str, Any] | None
) -> list[str]:
    """Differences in words. `action` and `why` are of what is asked now: by them is known what has an id alone."""
    values = {one["predicate"]: one["value"] for one in (why or {}).get("verdicts") or ()}
    told = [_told(one, action or {}, values) for one in changes]
    # Of two that have no words of their own one is enough.
    return list(dict.fromkeys(told))


def _told(change: Mapping[str, Any], action: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    is_ = change["is"]
    match change["field"]:
        case "stakeholder.email":
            told = f"Their e-mail address is now {is_}."
        case "action.cadence.id":
            told = f"The cadence is now {_called(action.get('cadence'))}."
        case "action.start_step.id":
            told = f"The cadence's first step for them is now {_step(action.get('start_step'))}."
        case "action.start_date":
            told = f"The first day is now {saw(is_)}."
        case "action.sender.user_id":
            told = f"The sender is now {_called(action.get('sender'))}."
        case "action.custom_fields":
            told = _fields(is_)
        case "why.mapping.version":
            told = f"The mapping was published in version {is_} since this was asked."
        case "why.mapping.id":
            told = "It is another mapping by now that asks for them."
        case "why.exclusivity_group":
            told = f"The mapping is now of the group {_quoted(is_)}, of which one mapping takes somebody."
        case predicate:
            told = _turned(predicate, change["was"], is_, values)
    return told


def _turned(predicate: str, was: object, is_: object, values: Mapping[str, Any]) -> str:
    """A condition that holds otherwise than before, is new, or is asked no more: `was` and `is_` are None of those."""
    asked = asked_of(predicate)
    if asked is None:
        return _ELSE
    name, wanted = asked
    if is_ is None:
        return f"{name} is no condition any more."
    value = saw(values.get(predicate))
    if was is None:
        return f"{name} is a condition now: {wanted}. It is {value}."
    if wanted in {"yes", "no"} or value == _NOT_KNOWN:
        return f"{name} is {value} now."
    if is_:
        return f"{name} is {wanted} now." if value == wanted else f"{name} is {wanted} now: {value}."
    return f"{name} is not {wanted} any more: {value}."


def _called(one: Mapping[str, Any] | None) -> str:
    """A cadence or a user by name; by address who has none."""
    known = one or {}
    return str(known.get("name") or known.get("email") or "another one")


def _step(step: Mapping[str, Any] | None) -> str:
    if step is None:
        return "another one"
    name = _quoted(step["name"]) if step.get("name") else f"the {step['type']}"
    return f"{name} on day {step['day']}" if step.get("day") else name


def _fields(filled: Mapping[str, str] | None) -> str:
    if not filled:
        return "No field is filled in at Salesloft any more."
    told = ", ".join(f"{name}: {_quoted(value)}" for name, value in sorted(filled.items()))
    return f"What is filled in at Salesloft is now {told}."


def _quoted(told: Any) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{told}\N{RIGHT DOUBLE QUOTATION MARK}"

"""Why somebody was requested or left out, in words: what a predicate asked and saw, and what would have turned it."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from web.pages.wording import fact, words
from web.reason_words import because

__all__ = ["asked_of", "denied", "judged", "missed", "saw", "shall", "term_end_of", "turn_of"]

_PREDICATE: Final = re.compile(r"(\S+) (=|in|<=|<|>=|>|matches|exists|is missing|before|after)(?: (.*))?", re.DOTALL)
_SIGNS: Final[Mapping[str, str]] = {
    "=": "{}",
    "in": "one of {}",
    "<": "below {}",
    "<=": "at most {}",
    ">": "above {}",
    ">=": "at least {}",
    "matches": "like {}",
}
_CRITERIA: Final = ("customer_criteria", "stakeholder_criteria")
_OF_CRITERIA: Final = ("customer.", "stakeholder.", "trigger.", "engagement.")
# What cannot be said as "the fact were another": in words where it were so, and where it were not.
_GIVEN: Final[tuple[tuple[str, str, str], ...]] = (
    (r"trigger\.ended", "what started it had ended", "what started it had not ended"),
    (r"trigger\.ended_for_stakeholder", "it had ended for them", "it had not ended for them"),
    (r"customer\.at_risk", "the customer were at risk", "the customer were not at risk"),
    (r"customer\.known", "the customer were known", "the customer were not known"),
    (r"organization\.connected", "Salesloft were connected", "Salesloft were not connected"),
    (r"person\.do_not_contact", "Salesloft said not to contact them", "Salesloft let them be contacted"),
    (r"person\.account_do_not_contact", "Salesloft said not to contact the account", "the account might be contacted"),
    (r"person\.email_restricted", "Salesloft restricted e-mails to them", "Salesloft did not restrict e-mails to them"),
    (r"person\.bouncing", "e-mails to them bounced", "e-mails to them did not bounce"),
    (r"stakeholder\.suppressed", "they were on the suppression list", "they were not on the suppression list"),
    (r"stakeholder\.gone", "they had left the customer", "they had not left the customer"),
    (r"stakeholder\.on_cadence\.(?P<cadence>\d+)", "they were on {} already", "they were not on {} already"),
    (r"cadence\.(?P<cadence>\d+)\.people_addable", "{} took people", "{} took nobody"),
    (r"cadence\.(?P<cadence>\d+)\.team_cadence", "{} were a team cadence", "{} were a personal cadence"),
    (r"mapping\..+\.hold_out_percent", "somebody were left out for comparison", "nobody were left out for comparison"),
    (r"mapping\..+\.parked", "the mapping were parked", "the mapping were not parked"),
    (r"mapping\..+\.enabled", "the mapping were switched on", "the mapping were switched off"),
    (r"(run|past_run)\..+", "they had been through it before", "they had not been through it before"),
    (r"address\..+", "somebody with their address were on one", "nobody with their address were on another cadence"),
)
_OUTCOMES: Final[Mapping[str, str]] = {
    "request": "they would have been requested",
    "skip": "they would have been left out",
    "defer": "the decision would have waited",
}


def term_end_of(why: Mapping[str, Any]) -> str | None:
    """The day on which the contract ends that a request is about, as its key says; None of another trigger's."""
    found = re.fullmatch(r".+/(\d{4}-\d\d-\d\d)", why.get("business_key") or "")
    return found[1] if found is not None and (why.get("event_type") or "").endswith(".renewal-window.v1") else None


def saw(value: Any) -> str:
    """A value that a fact had."""
    match value:
        case None:
            return "not known"
        case bool():
            return "yes" if value else "no"
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\d(T.*)?", value):
            return f"{datetime.fromisoformat(value):%-d %b %Y}"
        case date():
            return f"{value:%-d %b %Y}"
        case str() if re.fullmatch(r"[a-z]+([_-][a-z]+)+", value):
            return words(value).lower()
    return str(value)


def shall(predicate: str) -> tuple[str, str]:
    """The fact that a predicate asks about, and what it has to be."""
    return asked_of(predicate) or (predicate, "so")


def asked_of(predicate: str) -> tuple[str, str] | None:
    """The same; None where it is no predicate that is known."""
    found = _PREDICATE.fullmatch(predicate)
    if found is None:
        return None
    field, sign, operand = found.groups()
    match sign:
        case "exists":
            return fact(field), "known"
        case "is missing":
            return fact(field), "unknown"
        case "before" | "after":
            return fact(field), f"{sign} {_day(operand)}"
    return fact(field), _SIGNS[sign].format(_operand(operand or ""))


def _operand(told: str) -> str:
    if told.startswith("[") and told.endswith("]"):
        return ", ".join(_operand(one) for one in told[1:-1].split(", "))
    return saw({"true": True, "false": False}.get(told, told))


def _day(told: str | None) -> str:
    found = re.fullmatch(r"now([+-]\d+)d", told or "")
    if found is None:
        return told or ""
    days = int(found[1])
    many = f"{abs(days)} {'day' if abs(days) == 1 else 'days'}"
    return "that day" if days == 0 else f"{many} {'after' if days > 0 else 'before'} that day"


def judged(one: Mapping[str, Any]) -> dict[str, Any]:
    """A predicate that was tried, in words: "Champion: should be yes, is no"."""
    name, wanted = shall(one["predicate"])
    return _compared(name, wanted, saw(one["value"]), holds=one["holds"])


def denied(one: Mapping[str, Any]) -> dict[str, Any]:
    """A predicate that must not hold and was tried: "Role: should not be technical, is technical"."""
    name, wanted = shall(one["predicate"])
    return _compared(name, f"not {wanted}", saw(one["value"]), holds=None if one["holds"] is None else not one["holds"])


def _compared(name: str, wanted: str, value: str, *, holds: bool | None) -> dict[str, Any]:
    if not holds:
        verb, _, what = wanted.partition(" ") if wanted.startswith("not ") else ("", "", wanted)
        says = f"should {verb} be {what}, is {value}".replace("  ", " ")
    else:
        says = f"is {value}" if wanted == value else f"is {value}, as it should be: {wanted}"
    return {"fact": name, "says": says, "holds": holds}


def missed(traced: Mapping[str, Any]) -> list[str]:
    """What keeps tried criteria from holding, a sentence each: "role is champion, should be executive sponsor".

    Where something does not hold, what is only not known is left out.
    """
    if traced["holds"]:
        return []
    match traced:
        case {"predicate": _}:
            return [_missed(judged(traced))]
        case {"not": {"predicate": _} as inner}:
            return [_missed(denied(inner))]
        case {"not": _}:
            return ["what may not be so is so" if traced["holds"] is False else "it is not known what may not be so"]
        case {"any": parts}:
            return [", or ".join(one for part in parts for one in missed(part))] if parts else ["nothing is enough"]
    return [one for part in traced["all"] if part["holds"] is traced["holds"] for one in missed(part)]


def _missed(said: Mapping[str, Any]) -> str:
    name: str = said["fact"]
    called = name if name[1:2].isupper() else name[:1].lower() + name[1:]
    should, _, is_ = said["says"].rpartition(", is ")
    return f"{called} is {is_}, {should}"


def turn_of(decision: Mapping[str, Any], cadences: Mapping[int, str]) -> str | None:
    """The one change that would have turned a decision, in words; what people can see or bring about comes first."""
    if decision["would_turn"] is None:
        return None
    turns = [decision["would_turn"], *decision["would_also_turn"]]
    asked = {field for one in decision["asked"] for part in _CRITERIA for field in _fields(one[part])}
    turn = min(turns, key=lambda one: (not _is_of_criteria(one), one["fact"] not in asked))
    outcome = _OUTCOMES.get(turn["outcome"], "it would have come out otherwise")
    if turn["outcome"] != "request":
        outcome += f": {because(turn['reason'])}"
    return f"If {_given(turn, cadences)}, {outcome}."


def _fields(traced: Mapping[str, Any]) -> Iterator[str]:
    """Which facts criteria have asked about."""
    if "predicate" in traced:
        yield traced["predicate"].partition(" ")[0]
    elif "not" in traced:
        yield from _fields(traced["not"])
    else:
        for part in traced.get("all", traced.get("any", ())):
            yield from _fields(part)


def _is_of_criteria(turn: Mapping[str, Any]) -> bool:
    name: str = turn["fact"]
    return name.startswith(_OF_CRITERIA) and turn["is"] is not None and _found(name) is None


def _given(turn: Mapping[str, Any], cadences: Mapping[int, str]) -> str:
    name, is_ = turn["fact"], turn["is"]
    found = _found(name)
    if found is not None:
        match, so, not_so = found
        cadence = cadences.get(int(match["cadence"]), "the cadence") if "cadence" in match.re.groupindex else ""
        return (so if is_ else not_so).format(cadence)
    if is_ is None:
        return f"{fact(name)} were not known"
    was = f" instead of {saw(turn['was'])}" if turn["was"] is not None else ""
    return f"{fact(name)} were {saw(is_)}{was}"


def _found(name: str) -> tuple[re.Match[str], str, str] | None:
    for pattern, so, not_so in _GIVEN:
        match = re.fullmatch(pattern, name)
        if match is not None:
            return match, so, not_so
    return None

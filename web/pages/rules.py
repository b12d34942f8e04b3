"""Criteria as a form has them: groups of rows, each row a fact, what is asked of it, and with which values.

What can be asked of a fact is made of the served catalogue alone, so that no row can be made which the API would not
take; a row that lacks a value yet is Unfinished, and belongs to no criteria until it has one.

Unfinished   some rows lack something: which, and what
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from web.pages.wording import within_days

__all__ = [
    "Ask",
    "Catalogue",
    "Group",
    "Part",
    "Row",
    "Unfinished",
    "asks_of",
    "criteria_of",
    "finished",
    "rules_of",
    "settled",
]

Catalogue: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The served facts by their field."""
Control = Literal[
    "none", "text", "pattern", "number", "date", "days", "choice", "open_choice", "choices", "texts", "numbers"
]

_MOST_DAYS: Final = 36_499
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?")


class Unfinished(Exception):
    """What the rows lack, by their paths."""

    def __init__(self, lacking: Mapping[str, str]) -> None:
        super().__init__("; ".join(lacking.values()))
        self.lacking = lacking


@dataclass(frozen=True, slots=True)
class Row:
    """One question, its values as they were typed."""

    field: str = ""
    ask: str = ""
    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Parts of which all have to hold, or any."""

    parts: "tuple[Part, ...]" = ()
    joined: Literal["all", "any"] = "all"
    negated: bool = False


Part: TypeAlias = Row | Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Something that can be asked of a fact: how a form names it, and what it takes. `unit` follows the value."""

    key: str
    label: str
    control: Control
    unit: str = ""


def asks_of(entry: Mapping[str, Any]) -> list[Ask]:
    """What can be asked of a fact, each operator as people say it."""
    asks: list[Ask] = []
    for op, operand in entry["operators"].items():
        match operand:
            case "true_or_false":
                asks += (Ask(key="known", label="is known", control="none"),)
                asks += (Ask(key="missing", label="is not known", control="none"),)
            case "days_from_now":
                asks += _relative(op)
            case "pattern":
                asks.append(Ask(key=op, label="matches", control="pattern"))
            case "values":
                several: Control = "numbers" if entry["kind"] == "number" else "texts"
                asks.append(Ask(key=op, label="is one of", control="choices" if entry["choices"] else several))
            case "value" if entry["kind"] == "boolean":
                asks += (Ask(key="yes", label="is yes", control="none"), Ask(key="no", label="is no", control="none"))
            case "value":
                asks.append(Ask(key=op, label=_LABELS[op, entry["kind"] == "date"], control=_single(entry)))
    if {"before", "after"} <= entry["operators"].keys():
        asks.insert(0, Ask(key="next", label="is within the next", control="days", unit="days"))
        asks.insert(1, Ask(key="last", label="is within the last", control="days", unit="days"))
    return asks


_LABELS: Final = {
    ("equals", False): "is",
    ("equals", True): "is on",
    ("lt", False): "is below",
    ("lte", False): "is at most",
    ("gt", False): "is above",
    ("gte", False): "is at least",
}


def _relative(op: str) -> list[Ask]:
    """Days from now are told without a sign: what lies behind, and what lies ahead."""
    ago, ahead = ("more than", "earlier than") if op == "before" else ("later than", "more than")
    return [
        Ask(key=f"{op}-", label=f"is {ago}", control="days", unit="days ago"),
        Ask(key=f"{op}+", label=f"is {ahead}", control="days", unit="days from now"),
    ]


def _single(entry: Mapping[str, Any]) -> Control:
    match entry["kind"]:
        case "number":
            return "number"
        case "date":
            return "date"
    if not entry["choices"]:
        return "text"
    return "open_choice" if entry["has_others"] else "choice"


def settled(part: Part, catalogue: Catalogue) -> Part:
    """The same with what a choice of another fact, or of another question, makes of the rest of its row."""
    if isinstance(part, Group):
        return replace(part, parts=tuple(settled(one, catalogue) for one in part.parts))
    entry = catalogue.get(part.field)
    if entry is None:
        return Row(negated=part.negated)
    asks = asks_of(entry)
    ask = next((one for one in asks if one.key == part.ask), None)
    if ask is None:
        return settled(replace(part, ask=asks[0].key, values=()), catalogue)
    values = tuple(one for value in part.values for one in value.splitlines() if one.strip())
    match ask.control:
        case "none":
            values = ()
        case "choice":
            values = tuple(one for one in values if one in entry["choices"])[:1] or tuple(entry["choices"])[:1]
        case "choices" | "texts" | "numbers":
            values = tuple(dict.fromkeys(one.strip() for one in values))
        case _:
            values = values[:1]
    return replace(part, values=values)


def rules_of(criteria: Mapping[str, Any]) -> Group:
    """Criteria as the API tells them, as rows."""
    part = _part(criteria)
    return part if isinstance(part, Group) else Group((part,))


def _part(criteria: Mapping[str, Any]) -> Part:
    match criteria:
        case {"not": inner}:
            part = _part(inner)
            return replace(part, negated=not part.negated)
        case {"all": [_, _]} if (found := within_days(criteria)) is not None:
            field, side, days = found
            return Row(field, side, (str(days),))
        case {"all": parts}:
            return Group(tuple(map(_part, parts)))
        case {"any": parts}:
            return Group(tuple(map(_part, parts)), "any")
    return Row(criteria["field"], *_asked(criteria["op"], criteria.get("value")))


def _asked(op: str, value: Any) -> tuple[str, tuple[str, ...]]:
    match op, value:
        case "exists", _:
            return ("missing" if value is False else "known"), ()
        case (("before" | "after"), _):
            return f"{op}{'-' if int(value) < 0 else '+'}", (str(abs(int(value))),)
        case _, bool():
            return ("yes" if value else "no"), ()
        case _, list():
            return op, tuple(map(str, value))
    return op, (str(value),)


def criteria_of(rules: Group, catalogue: Catalogue, path: str) -> dict[str, Any]:
    """The criteria that rows make, as the API takes them; `path` is where the form has them. Raises Unfinished."""
    lacking = dict(_lacking(rules, catalogue, path))
    if lacking:
        raise Unfinished(lacking)
    if len(rules.parts) == 1 and not rules.negated:
        return _told(rules.parts[0], catalogue)
    return _told(rules, catalogue)


def finished(rules: Group, catalogue: Catalogue) -> Group:
    """The same without the rows that lack something, and without groups of nothing else."""
    parts = [finished(one, catalogue) if isinstance(one, Group) else one for one in rules.parts]
    kept = [one for one in parts if (one.parts if isinstance(one, Group) else not dict(_lacking(one, catalogue, "")))]
    return replace(rules, parts=tuple(kept))


def _told(part: Part, catalogue: Catalogue) -> dict[str, Any]:
    if isinstance(part, Group):
        told: dict[str, Any] = {part.joined: [_told(one, catalogue) for one in part.parts]}
    else:
        told = _question(part, catalogue[part.field])
    return {"not": told} if part.negated else told


def _question(row: Row, entry: Mapping[str, Any]) -> dict[str, Any]:
    if row.ask in {"next", "last"}:
        days = int(row.values[0])
        after, before = (-1, days + 1) if row.ask == "next" else (-days - 1, 1)
        return {"all": [_asking(row.field, "after", after), _asking(row.field, "before", before)]}
    match row.ask:
        case "known" | "missing":
            return _asking(row.field, "exists", row.ask == "known")
        case "yes" | "no":
            return _asking(row.field, "equals", row.ask == "yes")
        case "before-" | "before+" | "after-" | "after+":
            days = int(row.values[0])
            return _asking(row.field, row.ask[:-1], -days if row.ask.endswith("-") else days)
        case "in":
            return _asking(row.field, "in", [_value(one, entry) for one in row.values])
    return _asking(row.field, row.ask, _value(row.values[0], entry))


def _asking(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def _value(typed: str, entry: Mapping[str, Any]) -> str | int:
    """A number that is whole as one, another as it was written: a binary float would be a little more or less."""
    return int(typed) if entry["kind"] == "number" and _WHOLE.fullmatch(typed) else typed


def _lacking(part: Part, catalogue: Catalogue, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(part, Group):
        for place, one in enumerate(part.parts):
            yield from _lacking(one, catalogue, f"{path}.{place}")
        return
    entry = catalogue.get(part.field)
    ask = next((one for one in asks_of(entry) if one.key == part.ask), None) if entry is not None else None
    if ask is None:
        yield path, "Choose a fact."
    elif ask.control != "none" and not part.values:
        yield path, "Choose at least one." if ask.control == "choices" else "Say what it is compared with."
    elif (told := _wrong(ask.control, part.values)) is not None:
        yield path, told


def _wrong(control: Control, values: Iterable[str]) -> str | None:
    match control:
        case "number" | "numbers" if not all(map(_NUMBER.fullmatch, values)):
            return "It is compared with a number, as 60 or 12.5."
        case "days" if not all(_WHOLE.fullmatch(one) and 0 <= int(one) <= _MOST_DAYS for one in values):
            return f"It takes a whole number of days, at most {_MOST_DAYS}."
        case "date" if not all(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", one) for one in values):
            return "It takes a day."
    return None

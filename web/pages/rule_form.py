"""Rules in a form's fields: each part has a path, as `customer.0.1`, and its fields are named by it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from web.pages.fields import Sent
from web.pages.rules import Group, Part, Row

__all__ = ["edited", "rules_in"]


def rules_in(sent: Sent, root: str) -> Group:
    """The rules that a form has under a root; of what it has not, none."""
    children: dict[str, set[int]] = {}
    for name in sent:
        path, _, _ = name.partition(":")
        places = path.split(".")
        if places[0] == root and all(one.isdigit() for one in places[1:]):
            for depth in range(1, len(places)):
                children.setdefault(".".join(places[:depth]), set()).add(int(places[depth]))
    return _group(sent, root, children)


def _group(sent: Sent, path: str, children: Mapping[str, set[int]]) -> Group:
    parts: list[Part] = []
    for place in sorted(children.get(path, ())):
        inner = f"{path}.{place}"
        parts.append(_row(sent, inner) if f"{inner}:field" in sent else _group(sent, inner, children))
    joined = "any" if sent.get(f"{path}:joined", ["all"])[-1] == "any" else "all"
    return Group(tuple(parts), "any" if joined == "any" else "all", f"{path}:not" in sent)


def _row(sent: Sent, path: str) -> Row:
    values = tuple(sent.get(f"{path}:value", ()))
    # What was written besides a choice counts where none is chosen.
    return Row(
        sent[f"{path}:field"][-1],
        sent.get(f"{path}:ask", [""])[-1],
        values if any(values) else tuple(sent.get(f"{path}:another", values)),
        f"{path}:not" in sent,
    )


def edited(rules: Group, root: str, does: str) -> Group:
    """What a button makes of rules: `add-row PATH`, `add-group PATH` or `remove PATH`; anything else nothing."""
    action, _, path = does.partition(" ")
    named, *places = path.split(".")
    if named != root or not all(one.isdigit() for one in places):
        return rules
    return _edited(rules, action, [int(one) for one in places])


def _edited(group: Group, action: str, places: Sequence[int]) -> Group:
    parts = list(group.parts)
    match action, places:
        case "add-row", []:
            return replace(group, parts=(*parts, Row()))
        case "add-group", []:
            # A group inside of one that asks for all is there to ask for any, and the other way round.
            return replace(group, parts=(*parts, Group((Row(),), "any" if group.joined == "all" else "all")))
        case "remove", [place] if place < len(parts):
            del parts[place]
        case _, [place, *rest] if place < len(parts) and isinstance(inner := parts[place], Group):
            left = _edited(inner, action, rest)
            # A group of nothing would let everybody in, or nobody, without saying so.
            parts[place : place + 1] = [left] if left.parts else []
    return replace(group, parts=tuple(parts))

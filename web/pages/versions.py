"""Two versions of a mapping beside each other, and where in a form a refusal of one belongs."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["differing", "places_of"]

_INNER: Final = frozenset({"policy", "sender"})
_ROOTS: Final = {"customer_criteria": "customer", "stakeholder_criteria": "stakeholder"}
# Which mapping it is, and what its trigger says anyway, is no difference of what it says.
_NOT_SAID: Final = frozenset({"id", "purpose"})


def differing(was: Mapping[str, Any], is_: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Field by field what two versions say differently, as the API tells a version's changes."""
    before, after = _flat(was), _flat(is_)
    return [
        {"field": name, "was": before.get(name), "is": after.get(name)}
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _flat(mapping: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in mapping.items():
        if name in _INNER:
            flat |= {f"{name}.{inner}": of_it for inner, of_it in value.items()}
        elif name not in _NOT_SAID:
            flat[name] = value
    return flat


def places_of(problem: Mapping[str, Any]) -> dict[str, str]:
    """Of what the API refuses in criteria, what it says, by the path of the row that it says it of."""
    found: dict[str, str] = {}
    for one in problem.get("errors") or ():
        parts = one["field"].split(".")
        root = next((name for name in _ROOTS if name in parts), None)
        if root is not None:
            # Between the places are the kinds of the nodes; criteria of one row have no place of their own.
            places = [part for part in parts[parts.index(root) + 1 :] if part.isdigit()] or ["0"]
            found[".".join([_ROOTS[root], *places])] = one["message"]
    return found

"""What a request says, in every spelling that Salesloft takes.

Arrays come as ``ids[]=1&ids[]=2``, ``ids=1&ids=2`` or ``ids=1,2``; comparisons as ``updated_at[gte]=...``; a write's
values in the query string, a form or JSON (Salesloft docs: filtering-paging-sorting, and its own sample code).
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

__all__ = ["MalformedBodyError", "Parameters", "read_body"]

_BRACKETS = re.compile(r"\[([^\]]*)\]")


class MalformedBodyError(ValueError):
    """A body that is not what its content type says."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Values by name, then by what stands in the brackets: nothing for a plain value or ``[]``."""

    values: dict[str, dict[str, list[str]]]

    @classmethod
    def of(cls, query: str) -> "Parameters":
        values: dict[str, dict[str, list[str]]] = {}
        for spelled, value in parse_qsl(query, keep_blank_values=True):
            name, operator = _split(spelled)
            values.setdefault(name, {}).setdefault(operator, []).append(value)
        return cls(values)

    def last(self, name: str) -> str | None:
        found = self.values.get(name, {}).get("")
        return found[-1] if found else None


def read_body(query: str, content_type: str, body: bytes) -> dict[str, Any]:
    """A write's values; the body's win over the query string's. Raises MalformedBodyError."""
    values = _nested(parse_qsl(query, keep_blank_values=True))
    if not body.strip():
        return values
    if "x-www-form-urlencoded" in content_type:
        return {**values, **_nested(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))}
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBodyError("not JSON") from error
    if not isinstance(sent, dict):
        raise MalformedBodyError("not an object")
    return {**values, **sent}


def _split(spelled: str) -> tuple[str, str]:
    """``updated_at[gte]`` is a name and an operator; ``ids[]`` has an empty one; ``a[_not_in][]`` keeps the first."""
    name, bracket, _ = spelled.partition("[")
    if not bracket:
        return spelled, ""
    inside = _BRACKETS.findall(spelled)
    return name, inside[0] if inside else ""


def _nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for spelled, value in pairs:
        name, bracket, _ = spelled.partition("[")
        _, inside = _split(spelled)
        if not bracket:
            values[name] = value
        elif inside:
            held = values.setdefault(name, {})
            if isinstance(held, dict):
                held[inside] = value
        else:
            held = values.setdefault(name, [])
            if isinstance(held, list):
                held.append(value)
    return values

"""Whether one version of a JSON Schema may take another's place, and if not, at which field and why.

Everything rests on one question: is whatever schema A allows also allowed by schema B? We consume an event that others
wrote to an old version, so the new must allow all that the old allowed. We produce what others read by an old version,
so the old must allow all that the new allows. What goes both ways needs both. Two rules are stricter or laxer than
that question: a field may be added although the old version allowed anything under its name, and none may be removed,
because its data would be dropped in silence (in) or be missed (out).

The schemas are those that pydantic makes; a keyword this module does not know must be the same on both sides.
"""

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas.topics import Direction

__all__ = ["Break", "incompatibilities", "significant"]

Schema = Mapping[str, Any]

_ANNOTATIONS: Final = frozenset(
    {"$comment", "$id", "$schema", "default", "deprecated", "description", "discriminator", "examples", "readOnly"}
    | {"title", "writeOnly"}
)
_UNIONS: Final = ("anyOf", "oneOf")
_MAPS_OF_SCHEMAS: Final = frozenset({"$defs", "properties", "patternProperties"})
_LISTS_OF_SCHEMAS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMAS: Final = frozenset({"additionalProperties", "contains", "items", "not", "propertyNames"})

# A bound of the wide schema, and whether the narrow one's must be at least or at most as large.
_LOWER_BOUNDS: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_COMPARED: Final = frozenset(
    {"$defs", "additionalProperties", "const", "enum", "items", "prefixItems", "properties", "required", "type"}
    | {*_LOWER_BOUNDS, *_UPPER_BOUNDS}
)


@dataclass(frozen=True, slots=True)
class Break:
    """One field that breaks, as a path (`customer.owner.email`, `stakeholders[].role`), and the reason."""

    field: str
    why: str

    def __str__(self) -> str:
        return f"{self.field or 'the event'}: {self.why}"


def incompatibilities(
    direction: Direction,
    old: Schema,
    new: Schema,
    *,
    old_name: str = "the old schema",
    new_name: str = "the new schema",
) -> list[Break]:
    """Every reason why `new` may not follow `old` for events of that direction, in the order of the fields."""
    found: list[Break] = []
    if direction is not Direction.OUT:
        found += _Accepted(old, new, old_name, new_name).breaks()
    if direction is not Direction.IN:
        found += _Emitted(new, old, new_name, old_name).breaks()
    return list(dict.fromkeys(found))


def significant(schema: Schema) -> dict[str, Any]:
    """The schema without titles, descriptions, examples and other words that validate nothing."""
    kept: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _ANNOTATIONS:
            continue
        if keyword in _MAPS_OF_SCHEMAS:
            kept[keyword] = {name: significant(part) for name, part in value.items()}
        elif keyword in _LISTS_OF_SCHEMAS:
            kept[keyword] = [significant(part) for part in value]
        elif keyword in _SCHEMAS and isinstance(value, Mapping):
            kept[keyword] = significant(value)
        else:
            kept[keyword] = value
    return kept


def _allows_all(schema: Schema) -> bool:
    """Whether nothing of it is significant, told without making what is."""
    return schema.keys() <= _ANNOTATIONS


class _Containment(ABC):
    """Looks for what `narrow` allows and `wide` does not. Both names are for the messages."""

    def __init__(self, narrow: Schema, wide: Schema, narrow_name: str, wide_name: str) -> None:
        self._narrow = narrow
        self._wide = wide
        self._narrow_name = narrow_name
        self._wide_name = wide_name
        self._open: set[tuple[int, int]] = set()

    def breaks(self) -> list[Break]:
        return list(self._compare("", self._narrow, self._wide))

    def _break(self, path: str, allowed: str) -> Break:
        return Break(path, f"{self._narrow_name} allows {allowed}, {self._wide_name} does not")

    def _compare(self, path: str, narrow: Schema, wide: Schema) -> Iterator[Break]:
        others = _alternatives(wide, self._wide)
        for alternative in _alternatives(narrow, self._narrow):
            candidates = [
                list(self._compare_single(path, alternative, other)) for other in others if _overlap(alternative, other)
            ]
            if not candidates:
                yield self._break(path, _describe(alternative))
            elif all(candidates):
                yield from min(candidates, key=len)

    def _compare_single(self, path: str, narrow: Schema, wide: Schema) -> Iterator[Break]:
        if _allows_all(wide):
            return
        values = _values(narrow)
        if values is not None:
            yield from (self._break(path, repr(value)) for value in values if not _admits(wide, value))
            return
        if _values(wide) is not None:
            yield self._break(path, f"any {narrow.get('type', 'value')} and not only a list of values")
            return
        yield from self._compare_bounds(path, narrow, wide)
        yield from self._compare_other_keywords(path, narrow, wide)
        # A definition that holds itself comes back to the same two nodes, which are being compared further up.
        pair = (id(_inside(narrow)), id(_inside(wide)))
        if pair in self._open:
            return
        self._open.add(pair)
        if narrow.get("type") == "object":
            yield from self._compare_objects(path, narrow, wide)
        elif narrow.get("type") == "array":
            yield from self._compare_arrays(path, narrow, wide)
        self._open.discard(pair)

    def _compare_bounds(self, path: str, narrow: Schema, wide: Schema) -> Iterator[Break]:
        for bounds, is_lower in ((_LOWER_BOUNDS, True), (_UPPER_BOUNDS, False)):
            for keyword in bounds:
                limit, own = wide.get(keyword), narrow.get(keyword)
                if limit is None or (is_lower and limit == 0 and keyword.startswith("min") and keyword != "minimum"):
                    continue
                if own is None or (own < limit if is_lower else own > limit):
                    yield Break(
                        path,
                        f"{keyword} is {_or_none(own)} in {self._narrow_name} and {limit} in {self._wide_name}, "
                        "which allows less",
                    )

    def _compare_other_keywords(self, path: str, narrow: Schema, wide: Schema) -> Iterator[Break]:
        for keyword in sorted(wide.keys() - _COMPARED - _ANNOTATIONS):
            if keyword not in narrow or significant({keyword: wide[keyword]}) != significant(
                {keyword: narrow[keyword]}
            ):
                yield Break(
                    path,
                    f"{keyword} is {_or_none(narrow.get(keyword))} in {self._narrow_name} and {wide[keyword]!r} in "
                    f"{self._wide_name}, which may allow less",
                )

    def _compare_objects(self, path: str, narrow: Schema, wide: Schema) -> Iterator[Break]:
        fields, wide_fields = narrow.get("properties", {}), wide.get("properties", {})
        yield from self._compare_presence(path, narrow, wide)
        for name, field in fields.items():
            if name in wide_fields:
                yield from self._compare(_join(path, name), field, wide_fields[name])
        others, wide_others = narrow.get("additionalProperties", True), wide.get("additionalProperties", True)
        if wide_others is True or others is False:
            return
        if isinstance(others, Mapping) and isinstance(wide_others, Mapping):
            yield from self._compare(path + "{}", others, wide_others)
        else:
            yield self._break(path, "fields of any name" if wide_others is False else "other fields of any type")

    @abstractmethod
    def _compare_presence(self, path: str, narrow: Schema, wide: Schema) -> Iterator[Break]:
        """Compare which fields there are, and which of them are always there."""

    def _compare_arrays(self, path: str, narrow: Schema, wide: Schema) -> Iterator[Break]:
        first, wide_first = narrow.get("prefixItems", []), wide.get("prefixItems", [])
        rest, wide_rest = narrow.get("items", {}), wide.get("items", {})
        for index in range(min(max(len(first), len(wide_first)), narrow.get("maxItems", sys.maxsize))):
            item = first[index] if index < len(first) else rest
            wide_item = wide_first[index] if index < len(wide_first) else wide_rest
            yield from self._compare(f"{path}[{index}]", _as_schema(item), _as_schema(wide_item))
        if _may_go_on(narrow, len(first)):
            yield from self._compare(path + "[]", _as_schema(rest), _as_schema(wide_rest))


class _Accepted(_Containment):
    """What the old version accepted (narrow) against what the new one accepts (wide)."""

    def _compare_presence(self, path: str, narrow: Schema, wide: Schema) -> Iterator[Break]:
        for name in narrow.get("properties", {}):
            if name not in wide.get("properties", {}):
                yield Break(_join(path, name), "removed: what is sent there would be ignored in silence")
        for name in wide.get("required", []):
            if name not in narrow.get("required", []):
                yield Break(_join(path, name), f"newly required: {self._break('', 'its absence').why}")


class _Emitted(_Containment):
    """What the new version emits (narrow) against what readers of the old one expect (wide)."""

    def _compare_presence(self, path: str, narrow: Schema, wide: Schema) -> Iterator[Break]:
        for name in wide.get("properties", {}):
            if name not in narrow.get("properties", {}):
                yield Break(_join(path, name), "removed: readers of the old version would miss it")
            elif name in wide.get("required", []) and name not in narrow.get("required", []):
                yield Break(_join(path, name), f"no longer always there: {self._break('', 'its absence').why}")


def _alternatives(schema: Schema, root: Schema) -> list[Schema]:
    """The schema as a flat list of which one must fit: references followed, unions and lists of types opened."""
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        beside = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
        return _alternatives({**target, **beside}, root)
    for union in _UNIONS:
        if union in schema:
            beside = {keyword: value for keyword, value in schema.items() if keyword != union}
            return [flat for part in schema[union] for flat in _alternatives({**significant(beside), **part}, root)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": one} for one in schema["type"]]
    return [schema]


def _inside(schema: Schema) -> object:
    """The part of a node that holds further nodes; for one that holds none, the node itself."""
    for keyword in ("properties", "prefixItems", "items", "additionalProperties"):
        if isinstance(schema.get(keyword), Mapping | list):
            return schema[keyword]
    return schema


def _overlap(narrow: Schema, wide: Schema) -> bool:
    """Whether the two may have a value in common, as far as their types tell."""
    if _allows_all(wide):
        return True
    own, other = narrow.get("type"), wide.get("type")
    values = _values(narrow)
    if own is None and values is not None:
        return any(_admits(wide, value) for value in values)
    if other is None:
        return own is not None and _values(wide) is not None
    return own == other or (own == "integer" and other == "number")


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _admits(wide: Schema, value: Any) -> bool:
    """Whether a schema without references or unions allows a scalar."""
    values = _values(wide)
    if values is not None:
        return any(value == other and type(value) is type(other) for other in values)
    types = {
        str: {"string"},
        bool: {"boolean"},
        int: {"integer", "number"},
        float: {"number"},
        type(None): {"null"},
    }
    if "type" in wide and wide["type"] not in types.get(type(value), set()):
        return False
    if isinstance(value, str):
        fits = wide.get("minLength", 0) <= len(value) <= wide.get("maxLength", len(value))
        return fits and "format" not in wide and re.search(wide.get("pattern", ""), value) is not None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(wide.get("minimum", value) <= value <= wide.get("maximum", value))
    return True


def _describe(alternative: Schema) -> str:
    if _allows_all(alternative):
        return "any value"
    values = _values(alternative)
    if values is not None:
        return " or ".join(map(repr, values))
    return str(alternative.get("type", "other values"))


def _may_go_on(array: Schema, length: int) -> bool:
    return array.get("items", True) is not False and array.get("maxItems", length + 1) > length


def _as_schema(item: Any) -> Schema:
    if item is False:
        return {"not": {}}
    return {} if item is True else item


def _or_none(value: Any) -> str:
    return "not limited" if value is None else repr(value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

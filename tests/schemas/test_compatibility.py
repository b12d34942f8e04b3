"""Each kind of break is planted once, in the direction where it breaks and in the one where it does not."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.compatibility import Break, incompatibilities, significant
from schemas.topics import Direction

TEXT = {"type": "string"}
NULL = {"type": "null"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}

Case = tuple[dict[str, Any], dict[str, Any]]


def record(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


def fields(direction: Direction, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [found.field for found in incompatibilities(direction, old, new)]


# (old, new): `new` allows less, so it breaks what we consume and is fine for what we produce. The other way round it
# allows more, which breaks the readers of what we produce and is fine for what we consume.
NARROWED: dict[str, Case] = {
    "null no more": ({"anyOf": [TEXT, NULL]}, TEXT),
    "a list of types": ({"type": ["string", "null"]}, TEXT),
    "number to integer": (NUMBER, INTEGER),
    "one type of two": ({"anyOf": [TEXT, INTEGER]}, INTEGER),
    "anything to text": ({}, TEXT),
    "a value of the enumeration": ({"enum": ["a", "b"], "type": "string"}, {"enum": ["a"], "type": "string"}),
    "enumeration to constant": ({"enum": ["a", "b"], "type": "string"}, {"const": "a", "type": "string"}),
    "text to enumeration": (TEXT, {"enum": ["a"], "type": "string"}),
    "untyped text to enumeration": (TEXT, {"enum": ["a"]}),
    "higher minimum": ({"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 1}),
    "new minimum of zero": (INTEGER, {"type": "integer", "minimum": 0}),
    "lower maximum": ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 8}),
    "new maximum": (INTEGER, {"type": "integer", "maximum": 9}),
    "longer minimum length": (TEXT, {"type": "string", "minLength": 1}),
    "shorter maximum length": ({"type": "string", "maxLength": 9}, {"type": "string", "maxLength": 8}),
    "new pattern": (TEXT, {"type": "string", "pattern": "^a"}),
    "new format": (TEXT, {"type": "string", "format": "date-time"}),
    "unknown keyword": (INTEGER, {"type": "integer", "multipleOf": 2}),
    "longer array": ({"type": "array", "items": TEXT}, {"type": "array", "items": TEXT, "minItems": 1}),
    "unique items": ({"type": "array", "items": TEXT}, {"type": "array", "items": TEXT, "uniqueItems": True}),
}

# (old, new): neither allows all of the other.
REPLACED: dict[str, Case] = {
    "another type": (TEXT, INTEGER),
    "boolean for integer": (INTEGER, {"type": "boolean"}),
    "another constant": ({"const": "a", "type": "string"}, {"const": "b", "type": "string"}),
    "another format": ({"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}),
    "another pattern": ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^b"}),
    "object for text": (TEXT, record(a=TEXT)),
    "array for one": (TEXT, {"type": "array", "items": TEXT}),
    "true for one": ({"enum": [1]}, {"enum": [True]}),
}

CASES_NARROWED = pytest.mark.parametrize(("wide", "narrow"), NARROWED.values(), ids=NARROWED.keys())
PLACES = pytest.mark.parametrize(
    ("path", "put"),
    [
        ("a", lambda schema: record(a=schema)),
        ("a.b", lambda schema: record(a=record(b=schema))),
        ("a[]", lambda schema: record(a={"type": "array", "items": schema})),
        ("a[0]", lambda schema: record(a={"type": "array", "prefixItems": [schema], "maxItems": 1})),
        ("a{}", lambda schema: record(a={"type": "object", "additionalProperties": schema})),
        ("a", lambda schema: {**record(a={"$ref": "#/$defs/A"}), "$defs": {"A": schema}}),
        ("a.b", lambda schema: record(a={"anyOf": [record(b=schema), NULL]})),
    ],
    ids=["field", "nested", "items", "tuple", "map", "reference", "nullable object"],
)


@PLACES
@CASES_NARROWED
def test_allowing_less_breaks_what_we_consume(
    wide: dict[str, Any], narrow: dict[str, Any], path: str, put: Any
) -> None:
    assert fields(Direction.IN, put(wide), put(narrow)) == [path]
    assert fields(Direction.OUT, put(wide), put(narrow)) == []
    assert fields(Direction.BOTH, put(wide), put(narrow)) == [path]


@PLACES
@CASES_NARROWED
def test_allowing_more_breaks_what_we_produce(
    wide: dict[str, Any], narrow: dict[str, Any], path: str, put: Any
) -> None:
    assert fields(Direction.OUT, put(narrow), put(wide)) == [path]
    assert fields(Direction.IN, put(narrow), put(wide)) == []
    assert fields(Direction.BOTH, put(narrow), put(wide)) == [path]


@PLACES
@pytest.mark.parametrize(("old", "new"), REPLACED.values(), ids=REPLACED.keys())
def test_replacing_breaks_both(old: dict[str, Any], new: dict[str, Any], path: str, put: Any) -> None:
    for direction in Direction:
        assert set(fields(direction, put(old), put(new))) == {path}
        assert set(fields(direction, put(new), put(old))) == {path}


@PLACES
@pytest.mark.parametrize("schema", [pair[0] for pair in (*NARROWED.values(), *REPLACED.values())])
def test_nothing_changed_breaks_nothing(schema: dict[str, Any], path: str, put: Any) -> None:
    for direction in Direction:
        assert incompatibilities(direction, put(schema), put(schema)) == [], path


def test_a_removed_field_breaks_both_ways_even_if_it_was_optional() -> None:
    for required in ([], ["a", "b"]):
        old = record(required, a=TEXT, b=TEXT)
        assert fields(Direction.IN, old, record(["a"] if required else [], a=TEXT)) == ["b"]
        assert fields(Direction.OUT, old, record(["a"] if required else [], a=TEXT)) == ["b"]


def test_a_renamed_field_is_a_removed_one() -> None:
    assert fields(Direction.IN, record([], a=TEXT), record([], b=TEXT)) == ["a"]
    assert fields(Direction.OUT, record(a=TEXT), record(b=TEXT)) == ["a"]


def test_an_added_field_breaks_what_we_consume_only_where_it_is_required() -> None:
    old, optional, required = record(a=TEXT), record(["a"], a=TEXT, b=TEXT), record(a=TEXT, b=TEXT)
    for direction in Direction:
        assert fields(direction, old, optional) == []
    assert fields(Direction.IN, old, required) == ["b"]
    assert fields(Direction.OUT, old, required) == []


def test_required_and_optional() -> None:
    optional, required = record([], a=TEXT), record(a=TEXT)
    assert fields(Direction.IN, optional, required) == ["a"]
    assert fields(Direction.IN, required, optional) == []
    assert fields(Direction.OUT, required, optional) == ["a"]
    assert fields(Direction.OUT, optional, required) == []


def test_closing_an_object() -> None:
    is_open, closed = record(a=TEXT), {**record(a=TEXT), "additionalProperties": False}
    typed = {**record(a=TEXT), "additionalProperties": TEXT}
    assert fields(Direction.IN, is_open, closed) == [""]
    assert fields(Direction.IN, closed, is_open) == []
    assert fields(Direction.IN, typed, closed) == [""]
    assert fields(Direction.IN, is_open, typed) == [""]
    assert fields(Direction.IN, typed, is_open) == []


def test_tuples() -> None:
    two = {"type": "array", "prefixItems": [TEXT, TEXT], "minItems": 2, "maxItems": 2}
    three = {"type": "array", "prefixItems": [TEXT, TEXT, TEXT], "minItems": 3, "maxItems": 3}
    second = {"type": "array", "prefixItems": [TEXT, INTEGER], "minItems": 2, "maxItems": 2}
    any_texts = {"type": "array", "items": TEXT}
    assert fields(Direction.IN, record(a=two), record(a=three)) == ["a"]
    assert fields(Direction.IN, record(a=two), record(a=second)) == ["a[1]"]
    assert fields(Direction.IN, record(a=two), record(a=any_texts)) == []
    assert fields(Direction.OUT, record(a=two), record(a=any_texts)) == ["a", "a"]


def test_every_broken_field_is_named() -> None:
    old = record(a={"anyOf": [TEXT, NULL]}, b=TEXT, c=record(d=INTEGER))
    new = record(a=TEXT, b=INTEGER, c=record(d=TEXT))
    assert fields(Direction.IN, old, new) == ["a", "b", "c.d"]


def test_the_reason_says_who_allows_what() -> None:
    old, new = record(a=TEXT), record(a={"anyOf": [TEXT, NULL]})
    found = incompatibilities(Direction.OUT, old, new, old_name="version 1", new_name="the model")
    assert found == [Break("a", "the model allows null, version 1 does not")]
    assert str(found[0]) == "a: the model allows null, version 1 does not"
    assert str(Break("", "x")) == "the event: x"
    [minimum] = incompatibilities(Direction.IN, record(a=INTEGER), record(a={"type": "integer", "minimum": 3}))
    assert minimum.why == "minimum is not limited in the old schema and 3 in the new schema, which allows less"
    [added] = incompatibilities(Direction.IN, record(), record(b=TEXT))
    assert added.why == "newly required: the old schema allows its absence, the new schema does not"


def test_the_best_alternative_explains() -> None:
    old = record(a={"anyOf": [record(kind={"const": "x"}, b=TEXT), record(kind={"const": "y"}, c=TEXT)]})
    new = record(a={"anyOf": [record(kind={"const": "x"}, b=INTEGER), record(kind={"const": "y"}, c=TEXT)]})
    assert fields(Direction.IN, old, new) == ["a.b"]


def test_references_that_recur_end() -> None:
    def tree(leaf: dict[str, Any]) -> dict[str, Any]:
        child = {"anyOf": [{"$ref": "#/$defs/Node"}, NULL]}
        return {"$ref": "#/$defs/Node", "$defs": {"Node": record(value=leaf, child=child)}}

    assert fields(Direction.IN, tree(TEXT), tree(TEXT)) == []
    assert fields(Direction.IN, tree(TEXT), tree(INTEGER)) == ["value"]


def test_renaming_a_definition_is_no_change() -> None:
    old = {**record(a={"$ref": "#/$defs/A"}), "$defs": {"A": TEXT}}
    new = {**record(a={"$ref": "#/$defs/B"}), "$defs": {"B": TEXT}}
    assert fields(Direction.BOTH, old, new) == []


def test_words_that_validate_nothing_do_not_count() -> None:
    told = {"description": "x", "title": "A", "examples": ["a"], "default": None, **TEXT}
    assert incompatibilities(Direction.BOTH, record(a=TEXT), record(a=told)) == []
    assert incompatibilities(Direction.BOTH, record(a={"description": "x"}), record(a={})) == []
    assert significant(record(a=told)) == record(a=TEXT)


def test_fields_may_be_called_like_keywords() -> None:
    schema = {**record(title=TEXT, description=TEXT, type=TEXT), "$defs": {"default": TEXT}}
    assert significant(schema) == schema
    assert fields(Direction.OUT, schema, record(title=TEXT, type=TEXT)) == ["description"]


scalars = st.sampled_from(
    [TEXT, NULL, INTEGER, NUMBER, {"type": "boolean"}, {}]
    + [schema for pair in (*NARROWED.values(), *REPLACED.values()) for schema in pair]
)
schemas = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"anyOf": parts}),
        inner.map(lambda item: {"type": "array", "items": item}),
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2).flatmap(
            lambda parts: st.sets(st.sampled_from("ab")).map(
                lambda names: record(sorted(names & parts.keys()), **parts)
            )
        ),
    ),
    max_leaves=5,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.sampled_from(["", "a", "b", "ab", "c" * 9]) | st.floats(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=4,
)


@given(schemas, schemas, st.lists(values, min_size=1, max_size=20))
def test_what_is_called_compatible_is(old: dict[str, Any], new: dict[str, Any], instances: list[Any]) -> None:
    """A validator that knows nothing of this module agrees, but for fields added under a name that was free."""
    if incompatibilities(Direction.IN, old, new):
        return
    before, after = jsonschema.Draft202012Validator(old), jsonschema.Draft202012Validator(new)
    for instance in instances:
        if before.is_valid(instance) and not after.is_valid(instance):
            assert added_fields(old, new)


def added_fields(old: Any, new: Any) -> set[str]:
    def names(schema: Any) -> set[str]:
        if isinstance(schema, list):
            return {name for part in schema for name in names(part)}
        if not isinstance(schema, dict):
            return set()
        return set(schema.get("properties", {})).union(*(names(part) for part in schema.values()))

    return names(new) - names(old)

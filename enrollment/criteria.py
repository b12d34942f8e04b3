"""Criteria: a typed tree of predicates over the facts of one customer, stakeholder and trigger.

A predicate is true, false or unknown (None). A missing fact makes it unknown, zero and False are values like any
other, and unknown spreads by Kleene's logic: `all` with one false is false whatever is unknown, `any` with one true
is true. Whoever enrolls on a tree demands True; neither False nor None will do.
"""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, model_validator

from enrollment.catalogue import FIELDS, OPERATORS, Facts, FieldKind, Operator
from enrollment.patterns import compile_pattern

__all__ = [
    "ALWAYS",
    "FIELDS",
    "All",
    "AnyOf",
    "Criteria",
    "Facts",
    "FieldKind",
    "Leaf",
    "Not",
    "Predicate",
    "Test",
    "Verdict",
    "compile_criteria",
    "fields",
    "leaves",
    "parse_criteria",
    "verdicts",
]

# Text before decimals: of two that fit equally the first is taken, and "60" is a text until a field says otherwise.
Scalar: TypeAlias = bool | int | str | Decimal

Test: TypeAlias = Callable[[Facts], bool | None]

_NUMBER = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?(E[+-]?[0-9]{1,3})?")
_TOO_LARGE = 10**30
# Any instant of this century plus or minus so many days is one that a date can hold.
_DAYS_AT_MOST = 36_500
_SIGNS = {"equals": "=", "in": "in", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "matches": "matches"}


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Predicate(_Node):
    """One question about one field.

    `value` is a scalar; a list for `in`; a number of days from now for `before` and `after` (negative: in the past);
    true or absent for `exists`, false to ask that the fact is missing.
    """

    field: str
    op: Operator
    value: Scalar | list[Scalar] | None = None

    @model_validator(mode="after")
    def _fits_the_catalogue(self) -> "Predicate":
        if self.field not in FIELDS:
            raise ValueError(f"there is no field {self.field!r}; the fields are {', '.join(sorted(FIELDS))}")
        kind = FIELDS[self.field].kind
        if self.op not in OPERATORS[kind]:
            raise ValueError(f"{self.field} is a {kind}; it takes {', '.join(OPERATORS[kind])}, not {self.op!r}")
        try:
            _comparable(self, kind)
        except ValueError as error:
            raise ValueError(f"{self.field}: {error}") from error
        return self

    def __str__(self) -> str:
        """The question as people read it: `customer.health_score < 60`."""
        if self.op == "exists":
            return f"{self.field} {'is missing' if self.value is False else 'exists'}"
        if self.op in {"before", "after"}:
            return f"{self.field} {self.op} now{int(str(self.value)):+d}d"
        return f"{self.field} {_SIGNS[self.op]} {_shown(self.value)}"


class All(_Node):
    """True if every part is; true of no parts."""

    all: list["Criteria"]


class AnyOf(_Node):
    """True if some part is; false of no parts."""

    any: list["Criteria"]


class Not(_Node):
    """True if its part is false."""

    not_: "Criteria" = Field(alias="not")


def _shape(node: Any) -> str:
    match node:
        case All() | {"all": _}:
            return "all"
        case AnyOf() | {"any": _}:
            return "any"
        case Not() | {"not": _}:
            return "not"
    return "field"


Criteria: TypeAlias = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Predicate, Tag("field")],
    Discriminator(_shape),
]
for _model in (All, AnyOf, Not):
    _model.model_rebuild()
_ADAPTER: TypeAdapter[Criteria] = TypeAdapter(Criteria)
ALWAYS = All(all=[])


def parse_criteria(text: str | bytes) -> Criteria:
    """Criteria from their JSON.

    Raises pydantic.ValidationError that names the place and what the field would take.
    """
    return _ADAPTER.validate_json(text)


@dataclass(slots=True)
class Verdict:
    """What one predicate saw and said."""

    predicate: str
    value: str | float | bool | None
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One predicate of a tree, ready to be shown with what it sees."""

    predicate: str
    read: Callable[[Facts], Any]
    test: Test


def leaves(criteria: Criteria) -> tuple[Leaf, ...]:
    """A tree's predicates, left to right."""
    match criteria:
        case All(all=parts) | AnyOf(any=parts):
            return tuple(leaf for part in parts for leaf in leaves(part))
        case Not(not_=part):
            return leaves(part)
        case Predicate():
            return (Leaf(str(criteria), FIELDS[criteria.field].read, _leaf(criteria)),)
    raise TypeError(f"not criteria: {criteria!r}")


def fields(criteria: Criteria) -> frozenset[str]:
    """The facts that a tree asks about."""
    match criteria:
        case All(all=parts) | AnyOf(any=parts):
            return frozenset().union(*(fields(part) for part in parts))
        case Not(not_=part):
            return fields(part)
        case Predicate():
            return frozenset({criteria.field})
    raise TypeError(f"not criteria: {criteria!r}")


def verdicts(of: Iterable[Leaf], facts: Facts) -> tuple[Verdict, ...]:
    """Each predicate's verdict, in their order."""
    return tuple(Verdict(leaf.predicate, _shown_value(leaf.read(facts)), leaf.test(facts)) for leaf in of)


def compile_criteria(criteria: Criteria) -> Test:
    """A function that only decides, for speed: it stops at the first part that settles the answer."""
    match criteria:
        case All(all=parts):
            return _all_of([compile_criteria(part) for part in parts])
        case AnyOf(any=parts):
            return _any_of([compile_criteria(part) for part in parts])
        case Not(not_=part):
            inner = compile_criteria(part)
            return lambda facts: None if (answer := inner(facts)) is None else not answer
        case Predicate():
            return _leaf(criteria)
    raise TypeError(f"not criteria: {criteria!r}")


def _all_of(tests: list[Test]) -> Test:
    def every(facts: Facts) -> bool | None:
        answer: bool | None = True
        for test in tests:
            part = test(facts)
            if part is False:
                return False
            if part is None:
                answer = None
        return answer

    return every


def _any_of(tests: list[Test]) -> Test:
    def some(facts: Facts) -> bool | None:
        answer: bool | None = False
        for test in tests:
            part = test(facts)
            if part is True:
                return True
            if part is None:
                answer = None
        return answer

    return some


def _leaf(predicate: Predicate) -> Test:
    kind, read = FIELDS[predicate.field][:2]
    expected = _comparable(predicate, kind)
    if kind == "number" and predicate.op != "exists":
        read = _exactly(read)
    match predicate.op:
        case "exists":
            return lambda facts: (read(facts) is not None) is expected
        case "in":
            return lambda facts: None if (value := read(facts)) is None else value in expected
        case "matches":
            return lambda facts: None if (value := read(facts)) is None else expected(value)
        case "before":
            return lambda facts: None if (value := read(facts)) is None else value < facts.now.date() + expected
        case "after":
            return lambda facts: None if (value := read(facts)) is None else value > facts.now.date() + expected
    compare = {"equals": operator.eq, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}[
        predicate.op
    ]
    return lambda facts: None if (value := read(facts)) is None else compare(value, expected)


def _exactly(read: Callable[[Facts], Any]) -> Callable[[Facts], Any]:
    """A binary float as the decimal that was written: 33.3 is 33.3, and not a little less."""

    def exact(facts: Facts) -> Any:
        value = read(facts)
        return Decimal(repr(value)) if type(value) is float else value

    return exact


def _comparable(predicate: Predicate, kind: FieldKind) -> Any:
    """The value in the form that comparing takes; ValueError where it has none."""
    value = predicate.value
    match predicate.op:
        case "exists":
            if value is not None and not isinstance(value, bool):
                raise ValueError("exists takes true or false")
            return value is not False
        case "in":
            if not isinstance(value, list) or not value:
                raise ValueError("in takes a list of at least one value")
            return frozenset(_of_kind(one, kind) for one in value)
        case "matches":
            try:
                return compile_pattern(_of_kind(value, "text"))
            except ValueError as error:
                raise ValueError(f"matches takes a regular expression: {error}") from error
        case "before" | "after":
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"{predicate.op} takes a whole number of days from now")  # noqa: TRY004  # pydantic reports ValueErrors
            if abs(value) > _DAYS_AT_MOST:
                raise ValueError(f"{predicate.op} takes at most {_DAYS_AT_MOST} days from now, a hundred years")
            return timedelta(days=value)
    return _of_kind(value, kind)


def _of_kind(value: Any, kind: FieldKind) -> Any:
    match kind:
        case "boolean" if isinstance(value, bool):
            return value
        case "number" if (number := _number(value)) is not None:
            return number
        case "text" if isinstance(value, str):
            return value
        case "date" if isinstance(value, str):
            return date.fromisoformat(value)
    raise ValueError(f"{value!r} is not a {kind}")


def _number(value: Any) -> int | Decimal | None:
    """The number that a value means, None where it is none or one that no figure of a business has."""
    number: int | Decimal | None = None
    if isinstance(value, str):
        number = Decimal(value) if _NUMBER.fullmatch(value) else None
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = value
    return number if number is not None and -_TOO_LARGE < number < _TOO_LARGE else None


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_shown(one) for one in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown_value(value: Any) -> str | float | bool | None:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)

"""The contract's criteria: a tree of predicates over facts, in three values."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Json", "decimal", "fits", "instant"]

Json = dict[str, Any]
# Kleene's third value, "unknown", is None.
Truth = bool | None

TEXT_FIELDS = frozenset(
    {
        "customer.id",
        "customer.name",
        "customer.domain",
        "customer.segment",
        "customer.tier",
        "customer.owner.user_id",
        "customer.owner.email",
        "stakeholder.id",
        "stakeholder.name",
        "stakeholder.email",
        "stakeholder.title",
        "stakeholder.role",
        "stakeholder.time_zone",
        "trigger.severity",
        "trigger.kind",
    }
)
NUMBER_FIELDS = frozenset(
    {
        "customer.arr",
        "customer.health_score",
        "trigger.days_to_renewal",
        "trigger.potential_arr",
        "engagement.sent",
        "engagement.opened",
        "engagement.clicked",
        "engagement.replied",
        "engagement.bounced",
        "engagement.calls",
        "engagement.score",
        "engagement.active_cadences",
    }
)
BOOLEAN_FIELDS = frozenset({"stakeholder.is_primary", "stakeholder.is_champion", "stakeholder.is_decision_maker"})
DAY_FIELDS = frozenset({"customer.renewal_date", "trigger.term_end"})
INSTANT_FIELDS = frozenset({"engagement.last_contacted_at", "engagement.last_replied_at"})


# --- Times and zones ---------------------------------------------------------------------------------------------


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _all_of(parts: list[Truth]) -> Truth:
    if any(part is False for part in parts):
        return False
    if any(part is None for part in parts):
        return None
    return True


def _any_of(parts: list[Truth]) -> Truth:
    if any(part is True for part in parts):
        return True
    if any(part is None for part in parts):
        return None
    return False


def _not(part: Truth) -> Truth:
    return None if part is None else not part


def _fact(field: str, case: Json, candidate: Json) -> Any:
    """The fact that a field names, or None where it is missing."""
    subject, *path = field.split(".")
    here: Any = {
        "customer": case["customer"],
        "stakeholder": candidate["stakeholder"],
        "trigger": case.get("trigger"),
        "engagement": candidate.get("engagement"),
    }[subject]
    for name in path:
        if here is None:
            return None
        here = here.get(name)
    return here


def decimal(number: Any) -> Decimal:
    """A number as the decimal that it was written as, from a number or a text."""
    return Decimal(str(number))


def _text_holds(op: str, fact: str, value: Any) -> bool:
    if op == "equals":
        return bool(fact == value)
    if op == "in":
        return bool(fact in value)
    if op == "matches":
        return re.search(value, fact, re.IGNORECASE | re.ASCII) is not None
    raise ValueError(f"no operator of a text: {op}")


def _number_holds(op: str, fact: Any, value: Any) -> bool:
    number = decimal(fact)
    if op == "in":
        return any(number == decimal(each) for each in value)
    compare: dict[str, Callable[[Decimal, Decimal], bool]] = {
        "equals": lambda left, right: left == right,
        "lt": lambda left, right: left < right,
        "lte": lambda left, right: left <= right,
        "gt": lambda left, right: left > right,
        "gte": lambda left, right: left >= right,
    }
    return compare[op](number, decimal(value))


def _boolean_holds(op: str, value: Any, *, fact: bool) -> bool:
    if op == "equals":
        return fact is value
    raise ValueError(f"no operator of a boolean: {op}")


def _date_holds(op: str, fact: date, value: Any, today: date) -> bool:
    if op == "equals":
        return fact == date.fromisoformat(value)
    if op == "before":
        return fact < today + timedelta(days=int(value))
    if op == "after":
        return fact > today + timedelta(days=int(value))
    raise ValueError(f"no operator of a date: {op}")


def _predicate(predicate: Json, case: Json, candidate: Json) -> Truth:
    field: str = predicate["field"]
    op: str = predicate["op"]
    value = predicate.get("value")
    fact = _fact(field, case, candidate)
    if op == "exists":
        wanted = value is not False
        return (fact is not None) is wanted
    if fact is None:
        return None
    if field in TEXT_FIELDS:
        return _text_holds(op, fact, value)
    if field in NUMBER_FIELDS:
        return _number_holds(op, fact, value)
    if field in BOOLEAN_FIELDS:
        return _boolean_holds(op, value, fact=fact)
    today = instant(case["now"]).date()
    if field in DAY_FIELDS:
        return _date_holds(op, date.fromisoformat(fact), value, today)
    if field in INSTANT_FIELDS:
        return _date_holds(op, instant(fact).date(), value, today)
    raise ValueError(f"no such field: {field}")


def _criteria(criteria: Json, case: Json, candidate: Json) -> Truth:
    if "all" in criteria:
        return _all_of([_criteria(part, case, candidate) for part in criteria["all"]])
    if "any" in criteria:
        return _any_of([_criteria(part, case, candidate) for part in criteria["any"]])
    if "not" in criteria:
        return _not(_criteria(criteria["not"], case, candidate))
    return _predicate(criteria, case, candidate)


def fits(mapping: Json, case: Json, candidate: Json) -> Truth:
    return _all_of(
        [
            _criteria(mapping["stakeholder_criteria"], case, candidate),
            _criteria(mapping["customer_criteria"], case, candidate),
        ]
    )

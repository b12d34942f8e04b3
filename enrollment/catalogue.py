"""The closed catalogue: every fact that criteria may ask about, its kind, its operators, and where it is read.

Forms are built from `catalogue()`; criteria are held against `FIELDS`.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.lifecycle import LifecycleTrigger
from schemas.vocabulary import TriggerType

__all__ = [
    "FIELDS",
    "NOTHING_SEEN",
    "OPERANDS",
    "OPERATORS",
    "CatalogueEntry",
    "EngagementFacts",
    "Facts",
    "Field",
    "FieldKind",
    "Operand",
    "Operator",
    "catalogue",
]

FieldKind = Literal["text", "number", "boolean", "date"]
Operator = Literal["equals", "in", "lt", "lte", "gt", "gte", "before", "after", "exists", "matches"]

OPERATORS: Final[dict[FieldKind, tuple[Operator, ...]]] = {
    "text": ("equals", "in", "matches", "exists"),
    "number": ("equals", "in", "lt", "lte", "gt", "gte", "exists"),
    "boolean": ("equals", "exists"),
    "date": ("equals", "before", "after", "exists"),
}
"""What may be asked of a fact of each kind."""

Operand = Literal["value", "values", "true_or_false", "days_from_now", "pattern"]

OPERANDS: Final[dict[Operator, Operand]] = {
    "equals": "value",
    "in": "values",
    "lt": "value",
    "lte": "value",
    "gt": "value",
    "gte": "value",
    "before": "days_from_now",
    "after": "days_from_now",
    "exists": "true_or_false",
    "matches": "pattern",
}
"""What each is asked with: a value of the field's kind, a list of such, a whole number of days, an RE2 pattern."""


# What is made for each candidate is not frozen: a frozen dataclass takes three times as long to make.
@dataclass(slots=True, kw_only=True)
class EngagementFacts:
    """What Salesloft has shown of a stakeholder so far; the score is as of the instant that is decided at."""

    last_contacted_at: datetime | None
    last_replied_at: datetime | None
    sent: int
    opened: int
    clicked: int
    replied: int
    bounced: int
    calls: int
    score: int
    active_cadences: int


NOTHING_SEEN: Final = EngagementFacts(
    last_contacted_at=None,
    last_replied_at=None,
    sent=0,
    opened=0,
    clicked=0,
    replied=0,
    bounced=0,
    calls=0,
    score=0,
    active_cadences=0,
)


@dataclass(slots=True)
class Facts:
    """What a predicate may look at.

    `trigger` is None where nothing has happened, as when a population is looked at; `engagement` where none was ever
    seen. Their fields are then missing.
    """

    customer: CustomerSnapshot
    stakeholder: StakeholderSnapshot
    trigger: LifecycleTrigger | None
    now: datetime
    engagement: EngagementFacts | None = None


Read: TypeAlias = Callable[[Facts], Any]


class Field(NamedTuple):
    """A fact; `triggers` are the only ones that have it, empty where it has nothing to do with them.

    `choices` are the values that the platform gives it; where `has_others`, an organization may use others besides.
    """

    kind: FieldKind
    read: Read
    description: str
    triggers: tuple[TriggerType, ...] = ()
    choices: tuple[str, ...] = ()
    has_others: bool = True


def _owner(attribute: str) -> Read:
    return lambda facts: getattr(facts.customer.owner, attribute) if facts.customer.owner is not None else None


def _trigger(attribute: str) -> Read:
    return lambda facts: getattr(facts.trigger, attribute, None)


def _engaged(attribute: str) -> Read:
    return lambda facts: getattr(facts.engagement, attribute, None)


def _day(attribute: str) -> Read:
    def read(facts: Facts) -> date | None:
        at: datetime | None = getattr(facts.engagement, attribute, None)
        return at.date() if at is not None else None

    return read


def _of(kind: FieldKind, path: str, description: str) -> tuple[str, Field]:
    return path, Field(kind, operator.attrgetter(path), description)


def _counted(name: str, description: str) -> tuple[str, Field]:
    return f"engagement.{name}", Field("number", _engaged(name), description)


_TIERS = ("enterprise", "strategic", "standard", "growth")
_ROLES = ("champion", "decision_maker", "executive_sponsor", "economic_buyer", "technical", "end_user")
_RENEWAL = (TriggerType.RENEWAL_WINDOW,)
_RISK = (TriggerType.AT_RISK,)
_EXPANSION = (TriggerType.EXPANSION_SIGNAL,)

FIELDS: Final[dict[str, Field]] = dict(
    [
        _of("text", "customer.id", "The customer's id in CSCX.AI."),
        _of("text", "customer.name", "The customer's name."),
        _of("text", "customer.domain", "The domain of the customer's web site and mail."),
        _of("text", "customer.segment", "The organization's own word for the kind of customer."),
        (
            "customer.tier",
            Field(
                "text",
                operator.attrgetter("customer.tier"),
                "enterprise, strategic, standard or growth.",
                choices=_TIERS,
                has_others=False,
            ),
        ),
        _of("number", "customer.arr", "Annual recurring revenue."),
        _of("number", "customer.health_score", "0 to 100; zero is a score."),
        _of("date", "customer.renewal_date", "The day on which the contract ends unless it is renewed."),
        ("customer.owner.user_id", Field("text", _owner("user_id"), "The platform user who looks after the customer.")),
        ("customer.owner.email", Field("text", _owner("email"), "The address of who looks after the customer.")),
        _of("text", "stakeholder.id", "The stakeholder's id in CSCX.AI."),
        _of("text", "stakeholder.name", "The stakeholder's name."),
        _of("text", "stakeholder.email", "The stakeholder's address as CSCX.AI has it."),
        _of("text", "stakeholder.title", "The job title."),
        (
            "stakeholder.role",
            Field(
                "text",
                operator.attrgetter("stakeholder.role"),
                "champion, decision_maker, executive_sponsor, economic_buyer, technical, end_user or another.",
                choices=_ROLES,
            ),
        ),
        _of("boolean", "stakeholder.is_primary", "Whether this is the customer's first contact."),
        _of("boolean", "stakeholder.is_champion", "Whether this person speaks for the product."),
        _of("boolean", "stakeholder.is_decision_maker", "Whether this person decides on the contract."),
        _of("text", "stakeholder.time_zone", "A name of the IANA time zone database."),
        (
            "trigger.days_to_renewal",
            Field("number", _trigger("days_to_renewal"), "Days until the term ends, as the event says.", _RENEWAL),
        ),
        ("trigger.term_end", Field("date", _trigger("term_end"), "The last day of the contract's term.", _RENEWAL)),
        ("trigger.severity", Field("text", _trigger("severity"), "How grave the risk is.", _RISK)),
        ("trigger.kind", Field("text", _trigger("kind"), "What kind of expansion is signalled.", _EXPANSION)),
        (
            "trigger.potential_arr",
            Field("number", _trigger("potential_arr"), "What the expansion may bring a year.", _EXPANSION),
        ),
        (
            "engagement.last_contacted_at",
            Field(
                "date",
                _day("last_contacted_at"),
                "The day (UTC) of the last e-mail or call; missing until there is one.",
            ),
        ),
        (
            "engagement.last_replied_at",
            Field("date", _day("last_replied_at"), "The day (UTC) of the last reply; missing until there is one."),
        ),
        _counted("sent", "E-mails sent; missing, as are the counts below, of whom nothing was seen yet."),
        _counted("opened", "Opens of those e-mails."),
        _counted("clicked", "Clicks in those e-mails."),
        _counted("replied", "Replies to those e-mails."),
        _counted("bounced", "E-mails that could not be delivered."),
        _counted("calls", "Calls logged."),
        _counted("score", "0 to 100: how engaged the stakeholder is at this moment."),
        _counted("active_cadences", "How many cadences the stakeholder is on."),
    ]
)
"""What may be asked about."""


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A field as a form shows it; `operators` says what each is asked with, `choices` what its values are.

    Where it `has_others`, values that are none of the choices are good too.
    """

    field: str
    kind: FieldKind
    operators: dict[Operator, Operand]
    description: str
    triggers: tuple[TriggerType, ...]
    choices: tuple[str, ...]
    has_others: bool


def catalogue() -> tuple[CatalogueEntry, ...]:
    """Every field, in the order in which a form shows them."""
    return tuple(
        CatalogueEntry(
            field=name,
            kind=field.kind,
            operators={asked: OPERANDS[asked] for asked in OPERATORS[field.kind]},
            description=field.description,
            triggers=field.triggers,
            choices=field.choices,
            has_others=field.has_others,
        )
        for name, field in FIELDS.items()
    )

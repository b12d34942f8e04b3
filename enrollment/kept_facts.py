"""What is stored of an evaluation, read back into the very objects that decided.

The event was validated before it was stored, and the rest we wrote ourselves, so nothing is validated anew: that takes
three times as long as all else. Each value has one spelling here, the one in which we write it or in which nearly all
events have it; facts in which anything is spelt otherwise are read by the models, like any other JSON.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, create_model

from enrollment.catalogue import EngagementFacts
from enrollment.consent import PersonRecord
from enrollment.evaluate import Only
from enrollment.policies import PastRun, PolicyFacts
from enrollment.renewing import Terms
from schemas.directory import ContactPreferences, CustomerSnapshot, OwnerRef, StakeholderSnapshot
from schemas.lifecycle import AtRiskTrigger, ExpansionSignalTrigger, NewCustomerTrigger, RenewalWindowTrigger
from schemas.registry import LIFECYCLE_TYPES
from schemas.vocabulary import ContactPreference, EnrollmentState, Reason, TriggerType

__all__ = ["KeptFacts", "read_facts"]

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class KeptFacts:
    """An evaluation's facts, as text and as plain data: parsed once, whatever is asked of them."""

    text: str
    plain: dict[str, Any]

    @classmethod
    def of(cls, text: str) -> "KeptFacts":
        """The facts of their JSON."""
        return cls(text, orjson.loads(text))

    @property
    def organization(self) -> str | None:
        """Under which digest the organization's facts are kept."""
        digest: str | None = self.plain.get("organization")
        return digest

    @property
    def erased(self) -> bool:
        """Whether somebody of whom they spoke was erased."""
        return bool(self.plain.get("erased"))


def read_facts(trigger_type: TriggerType, kept: KeptFacts) -> Any:
    """What `workflows.situations` stores of an evaluation, as its model. Raises ValidationError where it is none."""
    try:
        return _as_written(trigger_type, kept.plain)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        return _model(trigger_type).model_validate_json(kept.text)


@cache
def _model(trigger_type: TriggerType) -> type[BaseModel]:
    """What an evaluation rests on: numbers are read straight into their own types."""
    fields: dict[str, Any] = {
        "event": (LIFECYCLE_TYPES[trigger_type].model, ...),
        "at": (datetime, ...),
        "organization": (str, ...),
        "hold_ends": (datetime | None, None),
        "customer": (CustomerSnapshot | None, None),
        "stakeholders": (list[StakeholderSnapshot], []),
        "gone": (dict[str, Reason], {}),
        "people": (dict[str, PersonRecord], {}),
        "engagement": (dict[str, EngagementFacts], {}),
        "runs": (list[tuple[str, TriggerType, str, str, EnrollmentState]], []),
        "on_cadence": (set[tuple[str, int]], set()),
        "ended": (bool, False),
        "ended_for": (set[str], set()),
        "held": (bool, False),
        "policy": (PolicyFacts | None, None),
        "renewal": (Terms | None, None),
        "only": (Only | None, None),
    }
    return create_model("EvaluationFacts", **fields)


def _as_written(trigger_type: TriggerType, plain: dict[str, Any]) -> Any:
    """The model's instance. Raises whatever a value does that is not spelt as it is written."""
    told: dict[str, Any] = {
        "event": _event(trigger_type, plain["event"]),
        "at": datetime.fromisoformat(plain["at"]),
        "organization": plain["organization"],
        "hold_ends": None,
        "customer": None,
        "stakeholders": [],
        "gone": {},
        "people": {},
        "engagement": {},
        "runs": [],
        "on_cadence": set(),
        "ended": False,
        "ended_for": set(),
        "held": False,
        "policy": None,
        "renewal": None,
        "only": None,
    }
    # Beside those four there is seldom anything.
    given = plain.keys() & told.keys()
    if len(given) > _ALWAYS:
        for name in given:
            read = _BESIDES.get(name)
            if read is not None:
                told[name] = read(plain[name])
    return _made(_model(trigger_type), told, given)


_ALWAYS = 3
"""Event, instant and organization."""


def _made(model: type[M], values: dict[str, Any], given: Any) -> M:
    """An instance of valid values, all of the model's and in its order: `model_construct` in a tenth of its time.

    `given` are the names of those that are no default.
    """
    made = model.__new__(model)
    _set(made, "__dict__", values)
    _set(made, "__pydantic_fields_set__", set(given))
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


_set = object.__setattr__


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    return {name: None if field.is_required() else field.default for name, field in model.model_fields.items()}


_CUSTOMER, _STAKEHOLDER = _defaults(CustomerSnapshot), _defaults(StakeholderSnapshot)
_OWNER, _PREFERENCES = _defaults(OwnerRef), _defaults(ContactPreferences)


def _merged(defaults: dict[str, Any], raw: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """All of a model's values in its order, and the names of those that are given; unknown ones are left out."""
    given = raw.keys()
    if "id" in defaults and "id" not in raw:
        raise KeyError("id")
    if not given <= defaults.keys():
        raw = {name: value for name, value in raw.items() if name in defaults}
        given = raw.keys()
    return {**defaults, **raw}, given


def _event(trigger_type: TriggerType, raw: dict[str, Any]) -> Any:
    given = {"organization_id", "customer", "trigger"}
    stakeholders = None
    if "stakeholders" in raw:
        given.add("stakeholders")
        stakeholders = raw["stakeholders"]
        if stakeholders is not None:
            stakeholders = [_stakeholder(one) for one in stakeholders]
    values = {
        "organization_id": raw["organization_id"],
        "customer": _customer(raw["customer"]),
        "stakeholders": stakeholders,
        "trigger": _TRIGGERS[trigger_type](raw["trigger"]),
    }
    return _made(LIFECYCLE_TYPES[trigger_type].model, values, given)


def _customer(raw: dict[str, Any]) -> CustomerSnapshot:
    values, given = _merged(_CUSTOMER, raw)
    if values["arr"] is not None:
        values["arr"] = _money(values["arr"])
    if values["renewal_date"] is not None:
        values["renewal_date"] = date.fromisoformat(values["renewal_date"])
    if values["owner"] is not None:
        values["owner"] = _owner(*values["owner"].items())
    return _made(CustomerSnapshot, values, given)


def _stakeholder(raw: dict[str, Any]) -> StakeholderSnapshot:
    values, given = _merged(_STAKEHOLDER, raw)
    if values["contact_preferences"] is not None:
        values["contact_preferences"] = _preferences(*values["contact_preferences"].items())
    return _made(StakeholderSnapshot, values, given)


# Few users look after many customers, and there are few preferences; models are frozen, so that one may be everybody's.
@lru_cache(maxsize=1024)
def _owner(*pairs: tuple[str, Any]) -> OwnerRef:
    return _made(OwnerRef, *_merged(_OWNER, dict(pairs)))


@lru_cache(maxsize=128)
def _preferences(*pairs: tuple[str, Any]) -> ContactPreferences:
    values, given = _merged(_PREFERENCES, dict(pairs))
    values = {name: _CONTACT[value] for name, value in values.items()}
    return _made(ContactPreferences, values, given)


_CONTACT: dict[str | None, ContactPreference | None] = {one.value: one for one in ContactPreference} | {None: None}
_REASONS = {one.value: one for one in Reason}
_TYPES = {one.value: one for one in TriggerType}
_STATES = {one.value: one for one in EnrollmentState}


def _money(told: Any) -> Decimal:
    # A JSON number is a decimal too, of which plain data has only the nearest binary one.
    if type(told) is not str:
        raise TypeError("an amount that is no text")
    return Decimal(told)


# An RFC 3339 instant to the microsecond; whatever else the models take, they read.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


def _instant(told: str) -> datetime:
    if _INSTANT.fullmatch(told) is None:
        raise ValueError("an instant that is spelt otherwise")
    return datetime.fromisoformat(told).astimezone(UTC)


def _new_customer(raw: dict[str, Any]) -> NewCustomerTrigger:
    return _made(NewCustomerTrigger, {"signed_at": _instant(raw["signed_at"])}, ("signed_at",))


def _renewal_window(raw: dict[str, Any]) -> RenewalWindowTrigger:
    values = {
        "contract_id": raw["contract_id"],
        "term_end": date.fromisoformat(raw["term_end"]),
        "days_to_renewal": raw["days_to_renewal"],
    }
    return _made(RenewalWindowTrigger, values, values)


def _at_risk(raw: dict[str, Any]) -> AtRiskTrigger:
    values = {"episode_id": raw["episode_id"], "severity": raw["severity"], "reasons": raw["reasons"]}
    return _made(AtRiskTrigger, values, values)


def _expansion_signal(raw: dict[str, Any]) -> ExpansionSignalTrigger:
    values = {"signal_id": raw["signal_id"], "kind": raw["kind"], "potential_arr": _money(raw["potential_arr"])}
    return _made(ExpansionSignalTrigger, values, values)


_TRIGGERS: dict[TriggerType, Callable[[dict[str, Any]], BaseModel]] = {
    TriggerType.NEW_CUSTOMER: _new_customer,
    TriggerType.RENEWAL_WINDOW: _renewal_window,
    TriggerType.AT_RISK: _at_risk,
    TriggerType.EXPANSION_SIGNAL: _expansion_signal,
}


def _or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda raw: None if raw is None else read(raw)


def _person(raw: dict[str, Any]) -> PersonRecord:
    return PersonRecord(**raw | {"read_at": datetime.fromisoformat(raw["read_at"])})


_at = _or_none(datetime.fromisoformat)


def _engagement(raw: dict[str, Any]) -> EngagementFacts:
    times = {name: _at(raw[name]) for name in ("last_contacted_at", "last_replied_at")}
    return EngagementFacts(**raw | times)


def _past_run(raw: dict[str, Any]) -> PastRun:
    trigger_type = raw["trigger_type"]
    return PastRun(
        trigger_type=_TYPES[trigger_type] if trigger_type is not None else None,
        exclusivity_group=raw["exclusivity_group"],
        business_key=raw["business_key"],
        state=_STATES[raw["state"]],
        begun_at=datetime.fromisoformat(raw["begun_at"]),
        claimed_at=_at(raw["claimed_at"]),
    )


def _policy(raw: dict[str, Any]) -> PolicyFacts:
    return PolicyFacts(
        runs={whose: [_past_run(one) for one in runs] for whose, runs in raw["runs"].items()},
        active={whose: [(first, second) for first, second in active] for whose, active in raw["active"].items()},
        suppressed=raw["suppressed"],
    )


def _seldom(_raw: Any) -> Any:
    raise ValueError("what a model reads")


_BESIDES: dict[str, Callable[[Any], Any]] = {
    "hold_ends": _at,
    "customer": _or_none(_customer),
    "stakeholders": lambda raw: [_stakeholder(one) for one in raw],
    "gone": lambda raw: {whose: _REASONS[reason] for whose, reason in raw.items()},
    "people": lambda raw: {whose: _person(one) for whose, one in raw.items()},
    "engagement": lambda raw: {whose: _engagement(one) for whose, one in raw.items()},
    "runs": lambda raw: [(whose, _TYPES[of], group, key, _STATES[state]) for whose, of, group, key, state in raw],
    "on_cadence": lambda raw: {(whose, cadence_id) for whose, cadence_id in raw},
    "ended": bool,
    "ended_for": set,
    "held": bool,
    "policy": _or_none(_policy),
    "renewal": _or_none(_seldom),
    "only": _or_none(_seldom),
}

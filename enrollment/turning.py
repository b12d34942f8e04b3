"""The one change that would turn a decision: found by deciding again with each single fact changed, not guessed.

Tried are the values at which the predicates of the trigger's mappings turn, and every other fact that a refusal may
come from. How small a change is: a number or a date counts by how far it moves for its size, another value as 1, and
to lose a fact as 2, for nobody brings that about.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Lookup
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from enrollment.catalogue import NOTHING_SEEN
from enrollment.criteria import FIELDS, All, AnyOf, Criteria, FieldKind, Not, Predicate
from enrollment.decide import Candidate, Decision, SenderFacts
from enrollment.mappings import CustomersOwner, Mapping
from enrollment.recall import Recalled
from enrollment.turning_limits import without_each_limit
from schemas.vocabulary import CandidateOutcome, ContactPreference, Reason

__all__ = ["Turn", "predicates", "turns"]

M = TypeVar("M", bound=BaseModel)

_SOME_ADDRESS = "somebody@example.com"
_SOME_TEXT = "something"
_SENDERS_TRIED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """With `fact` being `is_` instead of `was`, and everything else as it was, the decision is another.

    `outcome` and `reason` are what it would be then, and `mapping` is which one would decide it, None where none would.
    """

    fact: str
    was: Any
    is_: Any
    outcome: CandidateOutcome
    reason: Reason
    mapping: UUID | None

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "fact": self.fact,
            "was": _json(self.was),
            "is": _json(self.is_),
            "outcome": self.outcome,
            "reason": self.reason,
            "mapping_id": str(self.mapping) if self.mapping is not None else None,
        }


@dataclass(slots=True)
class _Change:
    fact: str
    was: Any
    is_: Any
    changed: Recalled


# By field, the values that are tried of it.
_Values: TypeAlias = Lookup[str, Sequence[Any]]
# A change, and what is decided with it about one stakeholder.
_Tried: TypeAlias = tuple[_Change, Sequence[Decision]]


def turns(recalled: Recalled, decisions: Sequence[Decision]) -> list[list[Turn]]:
    """For each of an evaluation's decisions the single facts that would turn it, one change of each: smallest first."""
    situation = recalled.situation
    mappings = [one for one in recalled.organization.mappings.all() if one.trigger_type is situation.trigger_type]
    values = _values(recalled, mappings)
    # What is everybody's is changed once for all of them, and is most of what is tried.
    of_everybody = [
        (change, _by_stakeholder(change.changed.evaluate().decisions))
        for change in _of_everybody(recalled, mappings, values)
    ]
    candidates = {one.stakeholder.id: one for one in situation.candidates}
    unchanged = _by_stakeholder(decisions)
    found: list[list[Turn]] = []
    for decision in decisions:
        about = decision.stakeholder_id
        if not _is_as_it_is(_same_again(unchanged[about], decision), decision):
            # It stands in the shadow beside another of its group that asks for them already.
            found.append([])
            continue
        tried: Iterable[_Tried] = ((change, decided.get(about, ())) for change, decided in of_everybody)
        if about is not None:
            own = _of_one(recalled, candidates[about], decision.reason, mappings, values)
            tried = chain(tried, ((change, change.changed.decisions_about(about)) for change in own))
        found.append(_turning(decision, tried))
    return found


def _by_stakeholder(decisions: Sequence[Decision]) -> dict[str | None, list[Decision]]:
    found: dict[str | None, list[Decision]] = {}
    for one in decisions:
        found.setdefault(one.stakeholder_id, []).append(one)
    return found


def _turning(decision: Decision, tried: Iterable[_Tried]) -> list[Turn]:
    found: dict[str, tuple[float, Turn]] = {}
    for change, of_stakeholder in tried:
        instead = _same_again(of_stakeholder, decision)
        if instead is None or _is_as_it_is(instead, decision):
            continue
        size = _size(change.was, change.is_)
        turn = Turn(
            fact=change.fact,
            was=change.was,
            is_=change.is_,
            outcome=instead.outcome,
            reason=instead.reason,
            mapping=instead.mapping.id if instead.mapping is not None else None,
        )
        if change.fact not in found or size < found[change.fact][0]:
            found[change.fact] = (size, turn)
    return [turn for _, turn in sorted(found.values(), key=lambda one: (one[0], one[1].fact))]


def _is_as_it_is(instead: Decision | None, decision: Decision) -> bool:
    """Whether somebody is asked for by both, or by neither."""
    is_asked_for = instead is not None and instead.outcome is CandidateOutcome.REQUEST
    return is_asked_for is (decision.outcome is CandidateOutcome.REQUEST)


def _same_again(of_stakeholder: Sequence[Decision], decision: Decision) -> Decision | None:
    """What the decision would be: that of the same group, a request before any other."""
    if decision.mapping is not None:
        group = decision.mapping.exclusivity_group
        in_group = [one for one in of_stakeholder if one.mapping and one.mapping.exclusivity_group == group]
        # Nothing of the group is left where no mapping holds any more: then the others say why.
        of_stakeholder = in_group or [one for one in of_stakeholder if one.mapping is None] or of_stakeholder
        if not in_group and any(one.outcome is CandidateOutcome.REQUEST for one in of_stakeholder):
            return replace(
                of_stakeholder[0], mapping=None, outcome=CandidateOutcome.SKIP, reason=Reason.CRITERIA_NOT_MET
            )
    requests = [one for one in of_stakeholder if one.outcome is CandidateOutcome.REQUEST]
    return next(iter(requests or of_stakeholder), None)


def _of_everybody(recalled: Recalled, mappings: Sequence[Mapping], values: _Values) -> Iterator[_Change]:
    """What is the customer's, the trigger's or the organization's."""
    for field, tried in values.items():
        whose, _, path = field.partition(".")
        if whose in {"customer", "trigger"}:
            for value in tried:
                yield from _with_field(recalled, whose, path, value)
    yield from _of_situation(recalled)
    yield from _of_organization(recalled, mappings)


def _of_one(
    recalled: Recalled, candidate: Candidate, reason: Reason, mappings: Sequence[Mapping], values: _Values
) -> Iterator[_Change]:
    """What is one stakeholder's own, and the limits by which they were refused."""
    for field, tried in values.items():
        whose, _, path = field.partition(".")
        for value in tried:
            if whose == "stakeholder":
                yield from _with_stakeholders(recalled, candidate, path, value)
            elif whose == "engagement":
                yield from _with_engagement(recalled, candidate, path, value)
    yield from _of_candidate(recalled, candidate)
    yield from _of_past(recalled, candidate.stakeholder.id)
    yield from (_Change(*one) for one in without_each_limit(recalled, candidate.stakeholder.id, reason, mappings))


def _values(recalled: Recalled, mappings: Sequence[Mapping]) -> _Values:
    values: dict[str, list[Any]] = {}
    for mapping in mappings:
        for criteria in (mapping.customer_criteria, mapping.stakeholder_criteria):
            for predicate in predicates(criteria):
                values.setdefault(predicate.field, []).extend(_around(predicate, recalled.now.date()))
    values.setdefault("customer.segment", []).extend(one.segment for one in mappings if one.segment is not None)
    if any(isinstance(one.sender, CustomersOwner) for one in mappings):
        senders: list[SenderFacts] = list(recalled.organization.senders.values())[:_SENDERS_TRIED]
        values.setdefault("customer.owner.email", []).extend(one.email for one in senders)
    values.setdefault("stakeholder.email", []).append(_SOME_ADDRESS)
    return {field: list(dict.fromkeys([*tried, None])) for field, tried in values.items()}


def predicates(criteria: Criteria) -> Iterator[Predicate]:
    """A tree's predicates, left to right."""
    match criteria:
        case All(all=parts) | AnyOf(any=parts):
            for part in parts:
                yield from predicates(part)
        case Not(not_=part):
            yield from predicates(part)
        case Predicate():
            yield criteria


def _around(predicate: Predicate, today: date) -> Iterator[Any]:
    """The values on both sides of where the predicate turns."""
    kind: FieldKind = FIELDS[predicate.field][0]
    if predicate.op == "exists":
        yield {"text": _SOME_TEXT, "number": 0, "boolean": True, "date": today}[kind]
        return
    if predicate.op == "matches":
        return
    for value in predicate.value if isinstance(predicate.value, list) else [predicate.value]:
        match kind:
            case "boolean":
                yield from (True, False)
            case "text":
                yield value
            case "number":
                exact = Decimal(str(value))
                yield from (exact - 1, exact, exact + 1)
            case "date":
                at = (
                    today + timedelta(days=int(str(value)))
                    if predicate.op in {"before", "after"}
                    else date.fromisoformat(str(value))
                )
                yield from (at - timedelta(days=1), at, at + timedelta(days=1))


def _with_field(recalled: Recalled, whose: str, path: str, value: Any) -> Iterator[_Change]:
    situation = recalled.situation
    before: BaseModel = situation.customer if whose == "customer" else situation.trigger
    after = _with(before, path, value)
    if after is not None:
        changes: dict[str, Any] = {whose: after}
        changed = replace(recalled, situation=replace(situation, **changes))
        yield _Change(f"{whose}.{path}", _at(before, path), value, changed)


def _with_stakeholders(recalled: Recalled, candidate: Candidate, path: str, value: Any) -> Iterator[_Change]:
    stakeholder = _with(candidate.stakeholder, path, value)
    if stakeholder is not None:
        changed = _with_candidate(recalled, candidate, replace(candidate, stakeholder=stakeholder))
        yield _Change(f"stakeholder.{path}", _at(candidate.stakeholder, path), value, changed)


def _with_engagement(recalled: Recalled, candidate: Candidate, name: str, value: Any) -> Iterator[_Change]:
    """Of whom nothing was seen yet one thing is, and nothing else."""
    seen = candidate.engagement
    if isinstance(value, date):
        value = datetime.combine(value, time(), UTC)
    elif isinstance(value, Decimal):
        value = _as_int(value)
    was = getattr(seen, name, None)
    if was == value or (isinstance(value, int) and value < 0):
        return
    changes: dict[str, Any] = {name: value}
    changed = replace(candidate, engagement=replace(seen or NOTHING_SEEN, **changes))
    yield _Change(f"engagement.{name}", was, value, _with_candidate(recalled, candidate, changed))


def _with(model: M, path: str, value: Any) -> M | None:
    """The model with another value; None where that is no value of it, or the one that it has. An id stays."""
    name, _, rest = path.partition(".")
    if name == "id" or name not in type(model).model_fields or _at(model, path) == value:
        return None
    data = model.model_dump()
    if rest:
        data[name] = (data[name] or {}) | {rest: value}
    else:
        data[name] = value
    for spelt in (value, _as_int(value)):
        if rest:
            data[name][rest] = spelt
        else:
            data[name] = spelt
        try:
            return type(model).model_validate(data)
        except ValidationError:
            continue
    return None


def _as_int(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) and value == int(value) else value


def _at(model: Any, path: str) -> Any:
    for name in path.split("."):
        model = getattr(model, name, None)
    return model


def _of_situation(recalled: Recalled) -> Iterator[_Change]:
    situation = recalled.situation

    def of(fact: str, was: Any, is_: Any, **changes: Any) -> _Change:
        return _Change(fact, was, is_, replace(recalled, situation=replace(situation, **changes)))

    yield of("trigger.ended", situation.ended, not situation.ended, ended=not situation.ended)
    yield of("customer.at_risk", situation.held, not situation.held, held=not situation.held)
    yield of(
        "customer.known",
        situation.customer_known,
        not situation.customer_known,
        customer_known=not situation.customer_known,
    )


def _of_organization(recalled: Recalled, mappings: Sequence[Mapping]) -> Iterator[_Change]:
    facts = recalled.organization

    def of(fact: str, was: Any, is_: Any, **changes: Any) -> _Change:
        return _Change(fact, was, is_, replace(recalled, organization=replace(facts, **changes)))

    yield of("organization.connected", facts.connected, not facts.connected, connected=not facts.connected)
    if recalled.renewal is None:
        # A mapping of another segment is not asked, however it stands; one by which it was asked for before is.
        situation = recalled.situation
        mappings = [one for one in mappings if one.is_about(situation.trigger_type, situation.customer.segment)]
    for mapping in mappings:
        for name in ("enabled", "parked"):
            other: dict[str, Any] = {name: not getattr(mapping, name)}
            flipped = replace(mapping, **other)
            yield of(
                f"mapping.{mapping.id}.{name}",
                getattr(mapping, name),
                not getattr(mapping, name),
                mappings=facts.mappings.having(flipped),
            )
    for cadence_id in dict.fromkeys(mapping.cadence_id for mapping in mappings):
        cadence = facts.cadences.get(cadence_id)
        for name in ("people_addable", "team_cadence") if cadence is not None else ():
            was = getattr(cadence, name)
            changed = replace(cadence, **{name: not was})  # type: ignore[type-var]  # there is one, or there are no names
            yield of(f"cadence.{cadence_id}.{name}", was, not was, cadences={**facts.cadences, cadence_id: changed})


def _of_candidate(recalled: Recalled, candidate: Candidate) -> Iterator[_Change]:
    def of(fact: str, was: Any, is_: Any, **changes: Any) -> _Change:
        changed = _with_candidate(recalled, candidate, replace(candidate, **changes))
        return _Change(fact, was, is_, changed)

    if candidate.gone is not None:
        yield of("stakeholder.gone", candidate.gone, None, gone=None)
    else:
        yield of("stakeholder.gone", None, Reason.STAKEHOLDER_LEFT, gone=Reason.STAKEHOLDER_LEFT)
    preferences = candidate.stakeholder.contact_preferences
    preferred = preferences.email if preferences is not None else None
    asked = ContactPreference.ALLOWED if preferred is ContactPreference.BLOCKED else ContactPreference.BLOCKED
    stakeholder = _with(candidate.stakeholder, "contact_preferences.email", asked)
    if stakeholder is not None:
        yield of("stakeholder.contact_preferences.email", preferred, asked, stakeholder=stakeholder)
    if candidate.person is not None:
        for name in ("do_not_contact", "account_do_not_contact", "email_restricted", "bouncing"):
            was = getattr(candidate.person, name)
            other: dict[str, Any] = {name: not was}
            yield of(f"person.{name}", was, not was, person=replace(candidate.person, **other))


def _of_past(recalled: Recalled, whose: str) -> Iterator[_Change]:
    """What has been done or has ended for a stakeholder."""
    situation = recalled.situation

    def of(fact: str, *, was: Any, is_: Any, **changes: Any) -> _Change:
        return _Change(fact, was, is_, replace(recalled, situation=replace(situation, **changes)))

    own = situation.runs.get(whose, {})
    for run, state in own.items():
        left = {other: one for other, one in own.items() if other != run}
        yield of(f"run.{':'.join(run)}", was=state, is_=None, runs={**situation.runs, whose: left})
    for pair in situation.on_cadence:
        if pair[0] == whose:
            without = situation.on_cadence - {pair}
            yield of(f"stakeholder.on_cadence.{pair[1]}", was=True, is_=False, on_cadence=without)
    if whose in situation.ended_for:
        without_them = situation.ended_for - {whose}
        yield of("trigger.ended_for_stakeholder", was=True, is_=False, ended_for=without_them)


def _with_candidate(recalled: Recalled, before: Candidate, after: Candidate) -> Recalled:
    candidates = [after if one is before else one for one in recalled.situation.candidates]
    return replace(recalled, situation=replace(recalled.situation, candidates=candidates))


def _size(was: Any, is_: Any) -> float:
    if is_ is None:
        return 2.0
    if was is None or isinstance(was, bool) or isinstance(is_, bool):
        return 1.0
    if isinstance(was, int | float | Decimal) and isinstance(is_, int | float | Decimal):
        return abs(float(is_) - float(was)) / max(1.0, abs(float(was)))
    if isinstance(was, date) and isinstance(is_, date):
        return abs((is_ - was).days) / 365
    return 1.0


def _json(value: Any) -> Any:
    return (
        _as_int(value)
        if isinstance(value, Decimal) and value == int(value)
        else (str(value) if isinstance(value, Decimal | date) else value)
    )

"""What one customer lives through, as events before they have an envelope."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import orjson

from sandbox.population import Customer, Organization, Stakeholder, customer_of
from schemas.fields import format_instant
from schemas.registry import (
    AT_RISK,
    DIRECTORY_CUSTOMER,
    DIRECTORY_STAKEHOLDER,
    EXPANSION_SIGNAL,
    NEW_CUSTOMER,
    OUTCOME_TYPES,
    RENEWAL_WINDOW,
    EventType,
)
from schemas.topics import customer_key, stakeholder_key
from schemas.vocabulary import OutcomeType

__all__ = ["Draft", "tell"]


@dataclass(slots=True)
class Draft:
    """An event before it has an envelope; `at` in seconds after the start, `data` None for an erasure."""

    at: float
    type: EventType[Any]
    organization_id: str
    key: bytes
    subject: str
    data: bytes | None


def tell(organization: Organization, ordinal: int, *, seed: int, start: datetime, span: timedelta) -> list[Draft]:
    """The story of an organization's customer of that number, in any order; the same for the same arguments."""
    story = _Story(organization, ordinal, seed=seed, start=start, span=span)
    story.tell()
    return story.drafts


_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_EPISODES: Final = ("new-customer", "renewal", "risk", "expansion")
_WEIGHTS: Final = (30, 30, 22, 18)
_RISKS: Final = ("usage fell by half", "champion left", "support tickets doubled", "invoice overdue")
_SIGNALS: Final = ("seats_nearly_used", "new_team", "feature_requested")


class _Story:
    """What one customer lives through, told as drafts in any order."""

    def __init__(
        self, organization: Organization, ordinal: int, *, seed: int, start: datetime, span: timedelta
    ) -> None:
        self.drafts: list[Draft] = []
        self._span = span.total_seconds()
        self._start = start
        self._organization = organization
        self._chance = chance = Random(f"{seed}/{organization.id}/{ordinal}")
        self._kind = chance.choices(_EPISODES, _WEIGHTS)[0]
        self._term_end = (start + timedelta(days=chance.randrange(30, 120))).date()
        low, high = {"risk": (8, 45), "renewal": (20, 95)}.get(self._kind, (55, 98))
        self._customer = customer_of(
            organization, ordinal, chance, health=(low, high), renewal_date=self._term_end.isoformat()
        )
        self._ordinal = ordinal
        self._key = customer_key(organization.id, self._customer.id)
        self._whole = orjson.dumps(self._customer.snapshot())

    def tell(self) -> None:
        chance = self._chance
        begin = chance.uniform(0, self._span * 0.55)
        known = chance.random()
        if known < 0.40:
            # The event brings everything along.
            self._episode(begin, self._customer, self._customer.people)
        elif known < 0.84:
            # The directory has told it before.
            self._tell_directory(begin - chance.uniform(_MINUTE, _HOUR), self._customer.people)
            self._episode(begin, self._customer, None)
        elif known < 0.92:
            # The people are entered after the trigger.
            self._episode(begin, self._customer, None)
            self._tell_people(begin + chance.uniform(_HOUR, 12 * _HOUR), self._customer.people)
        else:
            # Nothing of the customer is known yet but its id.
            self._episode(begin, None, None)
            self._tell_directory(begin + chance.uniform(_HOUR, 12 * _HOUR), self._customer.people)
        self._afterwards(begin)

    def _episode(self, at: float, customer: Customer | None, people: tuple[Stakeholder, ...] | None) -> None:
        chance = self._chance
        until = at + chance.uniform(8 * _HOUR, self._span * 0.4)
        match self._kind:
            case "new-customer":
                signed = self._start + timedelta(seconds=at - 2 * _HOUR)
                self._trigger(at, NEW_CUSTOMER, customer, people, {"signed_at": format_instant(signed)})
                if chance.random() < 0.35:
                    self._outcome(until, OutcomeType.ONBOARDED, self._customer.id, "first value reached")
            case "renewal":
                contract = f"con-{self._ordinal}"
                days = (self._term_end - self._start.date()).days
                term = {"contract_id": contract, "term_end": self._term_end.isoformat(), "days_to_renewal": days}
                self._trigger(at, RENEWAL_WINDOW, customer, people, term)
                end = chance.random()
                if end < 0.3:
                    key = f"{contract}/{self._term_end.isoformat()}"
                    self._outcome(until, OutcomeType.RENEWED, key, "renewed for 12 months")
                elif end < 0.38:
                    self._outcome(until, OutcomeType.CHURNED, None, "did not renew")
            case "risk":
                self._risk(at, until, customer, people)
            case _:
                self._expansion(at, until, customer, people, 1)

    def _risk(self, at: float, until: float, customer: Customer | None, people: tuple[Stakeholder, ...] | None) -> None:
        chance = self._chance
        episode = f"epi-{self._ordinal}"
        reasons = chance.sample(_RISKS, chance.randint(1, 2))
        severity = chance.choice(("medium", "high", "critical"))
        risk = {"episode_id": episode, "severity": severity, "reasons": reasons}
        self._trigger(at, AT_RISK, customer, people, risk)
        if chance.random() < 0.25:
            # A signal amid the risk has to wait until the risk is over.
            self._expansion(at + _HOUR, until + _HOUR, customer, people, 2)
        end = chance.random()
        if end < 0.35:
            self._outcome(until, OutcomeType.RECOVERED, episode, "usage is back")
        elif end < 0.45:
            self._outcome(until, OutcomeType.CHURNED, None, "left for a competitor")

    def _expansion(
        self,
        at: float,
        until: float,
        customer: Customer | None,
        people: tuple[Stakeholder, ...] | None,
        number: int,
    ) -> None:
        chance = self._chance
        signal = f"sig-{self._ordinal}-{number}"
        potential = {"signal_id": signal, "kind": chance.choice(_SIGNALS)}
        potential["potential_arr"] = f"{chance.randrange(2_000, 60_000)}.00"
        self._trigger(at, EXPANSION_SIGNAL, customer, people, potential)
        if chance.random() < 0.3:
            self._outcome(until, OutcomeType.EXPANSION_CLOSED, signal, "ten more seats")

    def _afterwards(self, begin: float) -> None:
        """What happens to some people later on."""
        chance, people = self._chance, self._customer.people
        one = chance.choice(people)
        fate = chance.random()
        later = begin + chance.uniform(4 * _HOUR, self._span * 0.4)
        if fate < 0.04:
            self._outcome(later, OutcomeType.STAKEHOLDER_LEFT, None, "changed employer", one.id)
        elif fate < 0.08:
            # Soon enough that some approvals are bound to the old address.
            address = f"{one.given_name}.{one.family_name}.new@{self._customer.domain}".lower()
            self._tell_people(begin + chance.uniform(_HOUR, 8 * _HOUR), (one.moved_to(address),))
        elif fate < 0.10:
            self._tell_people(later, (one,))
            self._forget(later + _HOUR, DIRECTORY_STAKEHOLDER, one.id)
        elif fate < 0.105:
            self._forget(later, DIRECTORY_CUSTOMER, self._customer.id)

    def _trigger(
        self,
        at: float,
        event_type: EventType[Any],
        customer: Customer | None,
        people: tuple[Stakeholder, ...] | None,
        trigger: dict[str, Any],
    ) -> None:
        whole: Any = {"id": self._customer.id} if customer is None else orjson.Fragment(self._whole)
        told: dict[str, Any] = {"organization_id": self._organization.id, "customer": whole}
        if people is not None:
            told["stakeholders"] = [person.snapshot() for person in people]
        told["trigger"] = trigger
        self._add(at, event_type, self._key, self._customer.id, orjson.dumps(told))

    def _outcome(
        self, at: float, outcome: OutcomeType, business_key: str | None, reason: str, stakeholder_id: str | None = None
    ) -> None:
        told = {
            "organization_id": self._organization.id,
            "customer_id": self._customer.id,
            "stakeholder_id": stakeholder_id,
            "business_key": business_key,
            "reason": reason,
        }
        self._add(at, OUTCOME_TYPES[outcome], self._key, self._customer.id, orjson.dumps(told))

    def _tell_directory(self, at: float, people: tuple[Stakeholder, ...]) -> None:
        told = {"organization_id": self._organization.id, **self._customer.snapshot()}
        self._add(at, DIRECTORY_CUSTOMER, self._key, self._customer.id, orjson.dumps(told))
        self._tell_people(at, people)

    def _tell_people(self, at: float, people: tuple[Stakeholder, ...]) -> None:
        for person in people:
            told = {"organization_id": self._organization.id, "customer_id": self._customer.id, **person.snapshot()}
            key = stakeholder_key(self._organization.id, person.id)
            self._add(at, DIRECTORY_STAKEHOLDER, key, person.id, orjson.dumps(told))

    def _forget(self, at: float, event_type: EventType[Any], subject: str) -> None:
        key = self._key if event_type is DIRECTORY_CUSTOMER else stakeholder_key(self._organization.id, subject)
        self._add(at, event_type, key, subject, None)

    def _add(self, at: float, event_type: EventType[Any], key: bytes, subject: str, data: bytes | None) -> None:
        self.drafts.append(Draft(at, event_type, self._organization.id, key, subject, data))

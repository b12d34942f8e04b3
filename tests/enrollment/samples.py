"""The parts that tests of deciding put together: a customer, its people, an organization with its team."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from enrollment.consent import PersonRecord
from enrollment.criteria import ALWAYS, Criteria, Facts, Predicate
from enrollment.decide import CadenceFacts, Candidate, OrganizationFacts, SenderFacts, Situation, StepFacts
from enrollment.mappings import CustomersOwner, Mapping, MappingBook, Policy
from schemas.directory import ContactPreferences, CustomerSnapshot, OwnerRef, StakeholderSnapshot
from schemas.lifecycle import RenewalWindowTrigger
from schemas.vocabulary import ContactPreference, Purpose, TriggerType

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
KIM = SenderFacts(12, "csm@cscx.example", "Kim")
FIRST, SECOND = StepFacts(77, "First e-mail", 1, "email"), StepFacts(78, None, 3, "call")
TRIGGER = RenewalWindowTrigger(contract_id="con-5", term_end=date(2027, 3, 31), days_to_renewal=90)
BLOCKED = ContactPreferences(email=ContactPreference.BLOCKED)


def customer(**changes: Any) -> CustomerSnapshot:
    values: dict[str, Any] = {
        "id": "cus-7",
        "name": "Acme",
        "segment": "mid-market",
        "tier": "enterprise",
        "arr": Decimal("120000.00"),
        "health_score": 41,
        "renewal_date": date(2027, 3, 31),
        "owner": OwnerRef(user_id="usr-3", email="CSM@cscx.example "),
    }
    return CustomerSnapshot(**values | changes)


def stakeholder(**changes: Any) -> StakeholderSnapshot:
    values: dict[str, Any] = {
        "id": "sth-9",
        "name": "Ann Lee",
        "email": "ann@acme.example",
        "title": "VP Engineering",
        "role": "champion",
        "is_champion": True,
        "is_decision_maker": False,
    }
    return StakeholderSnapshot(**values | changes)


def person(**changes: Any) -> PersonRecord:
    values: dict[str, Any] = {
        "person_id": 1,
        "do_not_contact": False,
        "email_restricted": False,
        "bouncing": False,
        "has_account": True,
        "account_do_not_contact": False,
        "read_at": NOW,
    }
    return PersonRecord(**values | changes)


def facts(**changes: Any) -> Facts:
    values: dict[str, Any] = {"customer": customer(), "stakeholder": stakeholder(), "trigger": TRIGGER, "now": NOW}
    return Facts(**values | changes)


def cadence(**changes: Any) -> CadenceFacts:
    values: dict[str, Any] = {
        "id": 456,
        "name": "Renewal 90",
        "people_addable": True,
        "team_cadence": True,
        "owner_user_id": 12,
        "steps": (FIRST, SECOND),
    }
    return CadenceFacts(**values | changes)


def mapping(number: int = 1, **changes: Any) -> Mapping:
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "version": 3,
        "trigger_type": TriggerType.RENEWAL_WINDOW,
        "segment": None,
        "purpose": Purpose.RENEWAL,
        "cadence_id": 456,
        "start_step_id": None,
        "sender": CustomersOwner(),
        "stakeholder_criteria": ALWAYS,
        "customer_criteria": ALWAYS,
        "policy": Policy(),
        "priority": 100,
        "exclusivity_group": "default",
        "enabled": True,
    }
    return Mapping(**values | changes)


def organization(*mappings: Mapping, **changes: Any) -> OrganizationFacts:
    senders = changes.pop("senders", (KIM,))
    cadences = changes.pop("cadences", (cadence(),))
    values: dict[str, Any] = {
        "organization_id": "org-1",
        "decision_version": 1,
        "time_zone": "UTC",
        "connected": True,
        "self_approval_allowed": False,
        "mappings": MappingBook(mappings),
        "cadences": {one.id: one for one in cadences},
        "senders": {one.user_id: one for one in senders},
        "senders_by_email": {one.email: one for one in senders},
    }
    return OrganizationFacts(**values | changes)


def situation(*candidates: Candidate, **changes: Any) -> Situation:
    values: dict[str, Any] = {
        "trigger_type": TriggerType.RENEWAL_WINDOW,
        "trigger": TRIGGER,
        "business_key": "con-5/2027-03-31",
        "customer": customer(),
        "customer_known": True,
        "candidates": list(candidates),
        "runs": {},
        "on_cadence": set(),
        "ended": False,
        "ended_for": set(),
        "held": False,
    }
    return Situation(**values | changes)


def criteria(field: str, op: str, value: Any = None) -> Criteria:
    return Predicate.model_validate({"field": field, "op": op, "value": value})

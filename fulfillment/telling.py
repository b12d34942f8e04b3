"""Whether Salesloft has to be told of a stakeholder, and of what: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from enrollment.consent import email_refusal
from enrollment.decide import SenderFacts
from fulfillment.profiles import Profile, profile_of
from salesloft_client import PersonUpsert
from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.vocabulary import ContactPreference, Reason
from storage.people_syncs import ToTell
from workflows.field_mapping import FieldMapping

__all__ = ["REFUSED_FOR", "LeftOut", "NotTold", "Tell", "Unchanged", "looked_at", "upsert_of"]

REFUSED_FOR = timedelta(days=1)
"""How long the same is not sent again that Salesloft has refused: somebody may put it in order there."""


class NotTold(StrEnum):
    """Why Salesloft did not take somebody, besides `ambiguous_person`."""

    REFUSED = "refused"
    PERSON_GONE = "person_gone"
    NO_RESULT = "no_result"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Nothing is sent of them, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Just this was sent before."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Something is new."""

    profile: Profile


def looked_at(
    one: ToTell, mapping: FieldMapping, users_by_email: Mapping[str, SenderFacts], now: datetime
) -> Tell | Unchanged | LeftOut:
    """What is to be done about a stakeholder.

    Whoever may not be contacted at all has no business in a tool for contacting people: nothing is sent of them. A
    restriction of the address alone (a bounce, an e-mail opt-out in Salesloft) leaves the record to be kept up.
    """
    if one.customer is None:
        return LeftOut(Reason.UNKNOWN_CUSTOMER)
    stakeholder = StakeholderSnapshot.model_validate_json(one.stakeholder)
    reason = _none_of_its_business(one, stakeholder)
    if reason is not None:
        return LeftOut(reason)
    profile = profile_of(stakeholder, CustomerSnapshot.model_validate_json(one.customer), mapping, users_by_email)
    if one.person_id is not None and one.sent_digest == profile.digest:
        return Unchanged()
    refused = one.refusal
    if refused is not None and refused.digest == profile.digest and now < refused.refused_at + REFUSED_FOR:
        return LeftOut(refused.reason)
    return Tell(profile)


def _none_of_its_business(one: ToTell, stakeholder: StakeholderSnapshot) -> Reason | None:
    if one.left:
        return Reason.STAKEHOLDER_LEFT
    preferences = stakeholder.contact_preferences
    if preferences is not None and preferences.email == ContactPreference.BLOCKED:
        return Reason.OPTED_OUT
    if one.do_not_contact:
        return Reason.DO_NOT_CONTACT
    return email_refusal(stakeholder)


def upsert_of(one: ToTell, profile: Profile, accounts: Mapping[str, int]) -> PersonUpsert:
    """How it is told. `accounts` are known ones by their bare domains."""
    account_id = None
    if one.account_id is None and profile.domain is not None:
        # An account that the person has already is a salesperson's choice.
        account_id = accounts.get(profile.domain)
    by_address = one.person_id is None or (one.linked_by == "email" and one.person_email in (None, profile.email))
    if by_address or one.person_id is None:
        return profile.found_by_email(account_id=account_id)
    return profile.of_person(one.person_id, account_id=account_id)

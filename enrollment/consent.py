"""Who may be contacted: of CSCX.AI's and Salesloft's word the stricter counts, and not knowing is not consent."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from schemas.directory import StakeholderSnapshot
from schemas.vocabulary import ContactPreference, Reason

__all__ = ["Consent", "PersonRecord", "at_execution", "email_refusal", "known_by", "known_refusal", "normalised_email"]

# What every mail server would take: one @, a dotted domain, no spaces. Whether a mailbox answers only a bounce can
# tell.
_ADDRESS = re.compile(
    r"[^@\s\"(),:;<>\[\]\\]{1,64}@(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+"
    r"[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]"
)
# Of a mailbox 64, and of its domain 255.
_MOST_OCTETS = 64 + 1 + 255


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """What Salesloft says of a person and of its account.

    `read_at` is when it said so; `account_do_not_contact` is None while the account was not read.
    """

    person_id: int
    do_not_contact: bool
    email_restricted: bool
    bouncing: bool
    has_account: bool
    account_do_not_contact: bool | None
    read_at: datetime


class Consent(Enum):
    """The gate's answers that carry no reason; a refusal is its `Reason`."""

    GRANTED = "granted"
    UNKNOWN = "unknown"


def normalised_email(email: str | None) -> str | None:
    """The address as addresses are compared, None where there is none. Salesloft compares them in any case."""
    return (email.strip().lower() or None) if email is not None else None


def known_by(email: str | None) -> str | None:
    """The normalised address by which somebody is found again, None of what is too long to be one (RFC 5321)."""
    normalised = normalised_email(email)
    return normalised if normalised is not None and len(normalised.encode()) <= _MOST_OCTETS else None


def email_refusal(stakeholder: StakeholderSnapshot) -> Reason | None:
    """Why there is nobody to write to, or None."""
    email = normalised_email(stakeholder.email)
    if email is None:
        return Reason.NO_EMAIL
    if len(email) > 254 or _ADDRESS.fullmatch(email) is None:
        return Reason.INVALID_EMAIL
    return None


def known_refusal(stakeholder: StakeholderSnapshot, person: PersonRecord | None) -> Reason | None:
    """A no that is already known, from the directory or from Salesloft's record where there is one."""
    preferences = stakeholder.contact_preferences
    if preferences is not None and preferences.email == ContactPreference.BLOCKED:
        return Reason.OPTED_OUT
    if person is None:
        return None
    if person.do_not_contact or person.account_do_not_contact:
        return Reason.DO_NOT_CONTACT
    if person.email_restricted:
        return Reason.CONTACT_RESTRICTED
    if person.bouncing:
        return Reason.BOUNCED
    return None


def at_execution(
    stakeholder: StakeholderSnapshot, person: PersonRecord | None, *, fresh_since: datetime
) -> Consent | Reason:
    """The gate right before a person is added to a cadence.

    Granted only with a valid address, no restriction in the directory, and a record of Salesloft's about the person
    and its account, neither older than `fresh_since`, that has none either. A refusal is its reason.
    """
    refusal = email_refusal(stakeholder) or known_refusal(stakeholder, person)
    if refusal is not None:
        return refusal
    if person is None or person.read_at < fresh_since:
        return Consent.UNKNOWN
    if person.has_account and person.account_do_not_contact is None:
        return Consent.UNKNOWN
    return Consent.GRANTED

"""What is sent of a person: pure, so that the same facts give the same bytes and the same digest."""

import hashlib
from dataclasses import dataclass

import orjson

from enrollment.consent import normalised_email
from salesloft_client import PersonUpsert
from schemas.directory import CustomerSnapshot, StakeholderSnapshot

__all__ = ["Profile", "profile_of", "split_name"]

_PARTICLES = frozenset(
    {"al", "af", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "la", "le"}
    | {"ter", "van", "vom", "von", "zu", "zum", "zur"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A stakeholder as Salesloft is told. What is None is not sent: it would erase what a salesperson has written."""

    email: str
    first_name: str | None
    last_name: str | None
    title: str | None
    phone: str | None
    company: str | None

    @property
    def digest(self) -> str:
        """Tells whether the same was sent before, whichever key it was sent by."""
        told = (self.email, self.first_name, self.last_name, self.title, self.phone, self.company)
        return hashlib.sha256(orjson.dumps(told)).hexdigest()

    def found_by_email(self, *, account_id: int | None) -> PersonUpsert:
        """For a person whom we have no link to yet."""
        return PersonUpsert(
            upsert_key="email_address",
            email_address=self.email,
            first_name=self.first_name,
            last_name=self.last_name,
            title=self.title,
            phone=self.phone,
            person_company_name=self.company,
            account_id=account_id,
        )

    def of_person(self, person_id: int) -> PersonUpsert:
        """For a person who is linked: a changed address changes the person, and does not make a second one."""
        return PersonUpsert(
            upsert_key="id",
            id=person_id,
            email_address=self.email,
            first_name=self.first_name,
            last_name=self.last_name,
            title=self.title,
            phone=self.phone,
            person_company_name=self.company,
        )


def profile_of(stakeholder: StakeholderSnapshot, customer: CustomerSnapshot) -> Profile:
    """What Salesloft is told of a stakeholder, who has an address."""
    first_name, last_name = split_name(stakeholder)
    return Profile(
        email=normalised_email(stakeholder.email) or "",
        first_name=first_name,
        last_name=last_name,
        title=_told(stakeholder.title),
        phone=_told(stakeholder.phone),
        company=_told(customer.name),
    )


def split_name(stakeholder: StakeholderSnapshot) -> tuple[str | None, str | None]:
    """First and last name: the given and the family name where they are known, else a split of the whole.

    "Lee, Ann" is turned round; a particle goes with the family name ("Ludwig van Beethoven"); a single word is a first
    name, for a greeting needs one.
    """
    given, family = _told(stakeholder.given_name), _told(stakeholder.family_name)
    whole = _told(stakeholder.name)
    if given is not None or family is not None or whole is None:
        return given, family
    before, comma, after = (part.strip() for part in whole.partition(","))
    if comma and before and after:
        return after, before
    words = whole.replace(",", " ").split()
    if len(words) < 2:
        return (words[0] if words else None), None
    start = len(words) - 1
    while start > 1 and words[start - 1].lower() in _PARTICLES:
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])


def _told(text: str | None) -> str | None:
    return " ".join(text.split()) or None if text is not None else None

"""Customers and their people as a platform knows them: mostly in order, and never all of it.

Everything follows from the chance that is handed in. A recipient's address may say how they behave, which is what the
simulator goes by: `reply`, `optout`, `bounce` and `silent` before the @.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

__all__ = ["Customer", "Organization", "Stakeholder", "customer_of"]

_GIVEN: Final = (
    "Amara", "Ben", "Carla", "Daniel", "Elena", "Farid", "Greta", "Hana", "Ivan", "Julia", "Kofi", "Lena", "Marco",
    "Nadia", "Omar", "Priya", "Quentin", "Rosa", "Stefan", "Tara", "Uma", "Viktor", "Wanda", "Xenia", "Yusuf", "Zoe",
)  # fmt: skip
_FAMILY: Final = (
    "Acosta", "Becker", "Chandra", "Dubois", "Engel", "Ferrari", "Goldberg", "Hoffmann", "Ibrahim", "Jensen",
    "Kowalski", "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Quinn", "Rossi", "Sato", "Tanaka", "Ueda",
    "Vargas", "Weber", "Yamada", "Zimmer",
)  # fmt: skip
_COMPANY: Final = (
    "Aurora",
    "Brightline",
    "Cobalt",
    "Driftwood",
    "Evergreen",
    "Foundry",
    "Granite",
    "Harbor",
    "Ironbark",
)
_TRADE: Final = ("Analytics", "Foods", "Health", "Logistics", "Media", "Robotics", "Systems", "Textiles")
_SEGMENTS: Final = ("smb", "mid-market", "enterprise")
_TIERS: Final = {"smb": ("standard", "growth"), "mid-market": ("growth", "strategic"), "enterprise": ("enterprise",)}
_ARR: Final = {"smb": (4_000, 30_000), "mid-market": (30_000, 150_000), "enterprise": (150_000, 2_000_000)}
_ROLES: Final = ("champion", "decision_maker", "executive_sponsor", "economic_buyer", "technical", "end_user")
_TITLES: Final = {
    "champion": "Head of Operations",
    "decision_maker": "Managing Director",
    "executive_sponsor": "Chief Operating Officer",
    "economic_buyer": "VP Finance",
    "technical": "IT Manager",
    "end_user": "Analyst",
}
_ZONES: Final = ("Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago", "Asia/Singapore")
# In twentieths and thirtieths: a table is asked faster than weights.
_PREFERENCES: Final = ("blocked", *("allowed",) * 12, *(None,) * 7)
_MANNERS: Final = (*("",) * 21, *(".reply",) * 5, *(".silent",) * 2, ".optout", ".bounce")


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A customer of CSCX.AI. `owners` are the e-mail addresses of its customer success managers, who send."""

    id: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakeholder:
    """A person at a customer; None is what nobody has entered."""

    id: str
    given_name: str
    family_name: str
    email: str | None
    phone: str | None
    title: str | None
    role: str | None
    is_primary: bool | None
    is_champion: bool | None
    is_decision_maker: bool | None
    time_zone: str | None
    email_preference: str | None

    def snapshot(self) -> dict[str, Any]:
        """As it is on the bus."""
        preference = self.email_preference
        return {
            "id": self.id,
            "name": f"{self.given_name} {self.family_name}",
            "given_name": self.given_name,
            "family_name": self.family_name,
            "email": self.email,
            "phone": self.phone,
            "title": self.title,
            "role": self.role,
            "is_primary": self.is_primary,
            "is_champion": self.is_champion,
            "is_decision_maker": self.is_decision_maker,
            "time_zone": self.time_zone,
            "contact_preferences": None if preference is None else {"email": preference, "phone": None},
        }

    def moved_to(self, address: str) -> "Stakeholder":
        """The same person with another address."""
        return replace(self, email=address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A company that an organization looks after, and its people."""

    id: str
    name: str
    domain: str
    segment: str | None
    tier: str | None
    arr: int | None
    health_score: int | None
    renewal_date: str | None
    owner_user_id: str | None
    owner_email: str | None
    people: tuple[Stakeholder, ...]

    def snapshot(self) -> dict[str, Any]:
        """As it is on the bus."""
        owned = self.owner_user_id is not None or self.owner_email is not None
        return {
            "id": self.id,
            "name": self.name,
            "domain": self.domain,
            "segment": self.segment,
            "tier": self.tier,
            "arr": None if self.arr is None else f"{self.arr}.00",
            "health_score": self.health_score,
            "renewal_date": self.renewal_date,
            "owner": {"user_id": self.owner_user_id, "email": self.owner_email} if owned else None,
        }


def customer_of(
    organization: Organization, ordinal: int, chance: Random, *, health: tuple[int, int], renewal_date: str
) -> Customer:
    """An organization's customer of that number, with a health between two bounds; a few facts are missing."""
    segment = _SEGMENTS[min(int(chance.random() ** 1.5 * 3), 2)]
    name = f"{chance.choice(_COMPANY)} {chance.choice(_TRADE)} {ordinal}"
    domain = f"{name.lower().replace(' ', '-')}.example"
    owner = chance.randrange(len(organization.owners))
    fate = chance.random()
    return Customer(
        id=f"cus-{ordinal}",
        name=name,
        domain=domain,
        segment=segment,
        tier=chance.choice(_TIERS[segment]),
        arr=None if fate > 0.97 else chance.randrange(*_ARR[segment]),
        health_score=None if 0.95 < fate <= 0.97 else chance.randint(*health),
        renewal_date=renewal_date,
        owner_user_id=None if fate < 0.02 else f"usr-{owner + 1}",
        # Four of a hundred belong to somebody who left, or never was a user of the team.
        owner_email=None
        if fate < 0.02
        else f"former.{ordinal}@left.example"
        if fate < 0.06
        else organization.owners[owner],
        people=tuple(_person(ordinal, number, domain, chance) for number in range(chance.choice((1, 2, 2, 3, 3, 4)))),
    )


def _person(ordinal: int, number: int, domain: str, chance: Random) -> Stakeholder:
    given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
    # The first is whom the CSM knows best; what the others do there is less sure.
    role = None if chance.random() < 0.06 else "champion" if number == 0 else chance.choice(_ROLES)
    knows = chance.random() >= 0.04
    return Stakeholder(
        id=f"sth-{ordinal}-{number}",
        given_name=given,
        family_name=family,
        email=_address(given, family, number, domain, chance),
        phone=f"+1555{ordinal * 10 + number:07d}" if chance.random() < 0.7 else None,
        title=None if role is None else _TITLES[role],
        role=role,
        is_primary=number == 0 if knows else None,
        is_champion=role == "champion" if knows else None,
        is_decision_maker=role in {"decision_maker", "economic_buyer"} if knows else None,
        time_zone=chance.choice(_ZONES) if chance.random() < 0.8 else None,
        email_preference=_PREFERENCES[int(chance.random() * 20)],
    )


def _address(given: str, family: str, number: int, domain: str, chance: Random) -> str | None:
    fate = chance.random()
    if fate < 0.03:
        return None
    if fate < 0.05:
        return f"{given}.{family}(at){domain}"
    if fate < 0.07:
        return f"office@{domain}"
    manner = _MANNERS[int(chance.random() * 30)]
    address = f"{given}.{family}{manner}.{number}@{domain}"
    # People type addresses with capitals and blanks around; both mean the same mailbox.
    return f" {address} " if fate > 0.98 else address if fate > 0.9 else address.lower()

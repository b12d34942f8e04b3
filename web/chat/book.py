"""Whom a caller can mean: the organization's people, accounts, cadences and senders, and what the caller may change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.vocabulary import EnrollmentState
from web.chat.entities import Cadence, Customer, Index, Stakeholder, User

__all__ = ["Book", "Caller", "Directory", "Enrolled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """An enrollment that is not over. `step` is where it stands, counted from 1; None where nobody knows."""

    id: str
    stakeholder_id: str
    cadence_id: int
    cadence: str
    state: EnrollmentState
    purpose: str | None = None
    step: int | None = None
    steps: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. `may_change` are the accounts whose people they may change, None for all."""

    organization_id: str
    user_id: str
    email: str | None = None
    may_change: frozenset[str] | None = None


class Directory:
    """An organization's people and accounts that a caller may see, made ready once and used for many utterances."""

    def __init__(
        self,
        *,
        stakeholders: Iterable[Stakeholder],
        customers: Iterable[Customer],
        cadences: Iterable[Cadence],
        users: Iterable[User],
    ) -> None:
        known = tuple(stakeholders)
        self.customer_by_id = {one.id: one for one in customers}
        self.stakeholder_by_id = {one.id: one for one in known}
        self.cadence_by_id = {one.id: one for one in cadences}
        self.user_by_id = {one.id: one for one in users}
        self.of_customer: dict[str, list[Stakeholder]] = {}
        for one in sorted(known, key=lambda stakeholder: stakeholder.id):
            self.of_customer.setdefault(one.customer_id, []).append(one)
        self.people = Index(
            known, key=lambda one: one.id, emails=lambda one: one.email, titles=lambda one: (one.title, one.role)
        )
        self.customers = Index(
            self.customer_by_id.values(), key=lambda one: one.id, emails=lambda one: one.domain, legal=True
        )
        self.cadences = Index(self.cadence_by_id.values(), key=lambda one: one.id)
        self.users = Index(self.user_by_id.values(), key=lambda one: one.id, emails=lambda one: one.email)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All that an utterance is held against; `enrolled` by the ids of those whom it turned out to be about.

    `by_hand` has the cadences that somebody else has put them on at Salesloft, which are not ours to change.
    """

    directory: Directory
    caller: Caller
    enrolled: Mapping[str, tuple[Enrolled, ...]] = field(default_factory=dict)
    by_hand: Mapping[str, tuple[Cadence, ...]] = field(default_factory=dict)

"""Whom an organization's utterances may mean, out of the database and kept ready for a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson

from enrollment.decide import OrganizationFacts
from enrollment.states import FINAL
from schemas.vocabulary import EnrollmentState, Purpose
from storage import looking, mappings
from storage.looking import Filters
from storage.pool import Connection
from web.chat.book import Directory, Enrolled
from web.chat.entities import Cadence, Customer, Stakeholder, User

__all__ = ["Directories", "enrolled", "put_on_by_hand"]

_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class _Kept:
    directory: Directory
    owners: dict[str, str | None]
    version: int
    made_at: datetime


class Directories:
    """The directories of the organizations that chat, made again when they are old or their mappings have moved."""

    def __init__(self, *, good_for: timedelta = timedelta(minutes=1), capacity: int = 20) -> None:
        """`good_for` is business time: so long somebody who was just made known may not be found by name."""
        self._good_for = good_for
        self._capacity = capacity
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def of(
        self, connection: Connection, facts: OrganizationFacts, now: datetime
    ) -> tuple[Directory, dict[str, str | None]]:
        """The organization's directory, and who owns which customer."""
        kept = self._kept.get(facts.organization_id)
        is_good = kept is not None and kept.version == facts.decision_version and now < kept.made_at + self._good_for
        if kept is None or not is_good:
            stakeholders: list[Stakeholder] = []
            customers: dict[str, Customer] = {}
            owners: dict[str, str | None] = {}
            async for page in mappings.population(connection, facts.organization_id):
                for resident in page:
                    if resident.customer_id not in customers:
                        told = orjson.loads(resident.customer)
                        customers[resident.customer_id] = _customer(resident.customer_id, told)
                        owners[resident.customer_id] = (told.get("owner") or {}).get("user_id")
                    stakeholders.append(_stakeholder(resident.customer_id, orjson.loads(resident.stakeholder)))
            directory = await asyncio.to_thread(
                Directory,
                stakeholders=[one for one in stakeholders if one.name],
                customers=[one for one in customers.values() if one.name],
                cadences=_cadences(facts),
                users=[
                    User(id=one.user_id, name=one.name or one.email, email=one.email) for one in facts.senders.values()
                ],
            )
            kept = _Kept(directory, owners, facts.decision_version, now)
            self._kept[facts.organization_id] = kept
        self._kept.move_to_end(facts.organization_id)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return kept.directory, kept.owners


async def enrolled(
    connection: Connection, facts: OrganizationFacts, stakeholder_ids: Collection[str], now: datetime
) -> dict[str, tuple[Enrolled, ...]]:
    """What of some stakeholders is not over, by their ids."""
    states = [state.value for state in EnrollmentState if state not in FINAL]
    found: dict[str, tuple[Enrolled, ...]] = {}
    for stakeholder_id in stakeholder_ids:
        filters = Filters(stakeholder_id=stakeholder_id, states=states)
        question = looking.enrollments(facts.organization_id, filters, limit=_MOST, now=now)
        found[stakeholder_id] = tuple(
            Enrolled(
                id=str(row.id),
                stakeholder_id=row.stakeholder_id,
                cadence_id=row.cadence_id,
                cadence=row.cadence_name or f"cadence {row.cadence_id}",
                state=EnrollmentState(row.state),
                purpose=Purpose(row.purpose) if row.purpose is not None else None,
                step=row.current_step,
                steps=_steps(facts, row.cadence_id),
            )
            for row in await question.asked_of(connection)
        )
    return found


async def put_on_by_hand(
    connection: Connection, facts: OrganizationFacts, stakeholder_ids: Collection[str]
) -> dict[str, tuple[Cadence, ...]]:
    """The cadences that some stakeholders are on without having been enrolled by us, by their ids."""
    found: dict[str, tuple[Cadence, ...]] = {}
    for stakeholder_id in stakeholder_ids:
        stays = looking.memberships(facts.organization_id, stakeholder_id=stakeholder_id, on_cadence=True, limit=_MOST)
        found[stakeholder_id] = tuple(
            Cadence(id=one.cadence_id, name=one.cadence_name or f"cadence {one.cadence_id}")
            for one in await stays.asked_of(connection)
            if one.enrollment_id is None
        )
    return found


def _customer(customer_id: str, told: dict[str, str | None]) -> Customer:
    return Customer(id=customer_id, name=told.get("name") or "", domain=told.get("domain"), segment=told.get("segment"))


def _stakeholder(customer_id: str, told: dict[str, str | None]) -> Stakeholder:
    parts = (told.get("given_name"), told.get("family_name"))
    return Stakeholder(
        id=str(told["id"]),
        name=told.get("name") or " ".join(part for part in parts if part),
        customer_id=customer_id,
        email=told.get("email"),
        title=told.get("title"),
        role=told.get("role"),
    )


def _cadences(facts: OrganizationFacts) -> list[Cadence]:
    purposes: dict[int, set[tuple[str, str | None]]] = {}
    for mapping in facts.mappings.all():
        if mapping.enabled and mapping.purpose is not None:
            purposes.setdefault(mapping.cadence_id, set()).add((mapping.purpose.value, mapping.segment))
    return [
        Cadence(
            id=one.id,
            name=one.name or f"cadence {one.id}",
            purposes=tuple(sorted(purposes.get(one.id, ()), key=str)),
            steps=_steps(facts, one.id),
        )
        for one in facts.cadences.values()
    ]


def _steps(facts: OrganizationFacts, cadence_id: int) -> tuple[tuple[int, str], ...]:
    cadence = facts.cadences.get(cadence_id)
    return () if cadence is None else tuple((step.id, step.name or step.type) for step in cadence.steps)

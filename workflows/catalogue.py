"""What a team has to offer, read from Salesloft: cadences with their steps, and users. Deciding reads our copy.

It is read again by its age (`fulfillment/timers.py`) and by a hint (`refresh_soon`). People are shown it by
`workflows/discovery.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from enrollment.consent import normalised_email
from enrollment.decide import OrganizationFacts
from salesloft_client import Cadence, SalesloftClient, Step, User, every_page
from storage import cadences, organizations
from storage.organizations import CadenceRecord, UserRecord
from storage.pool import Connection
from workflows.commands import add_refresh_cadences

__all__ = ["Catalogue", "keep_catalogue", "read_catalogue", "refresh_catalogue", "refresh_soon"]

_HINTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A team's cadences and users, all of them."""

    cadences: Sequence[CadenceRecord]
    users: Sequence[UserRecord]


async def read_catalogue(client: SalesloftClient) -> Catalogue:
    """Read a team's cadences, steps and users: three lists, a page for each hundred. Raises the client's errors."""
    steps: dict[int, list[Step]] = {}
    async for page in every_page(lambda number: client.steps(page=number)):
        for step in page.rows:
            if step.cadence is not None:
                steps.setdefault(step.cadence.id, []).append(step)
    found = [
        _cadence(cadence, steps.get(cadence.id, []))
        async for page in every_page(lambda number: client.cadences(page=number))
        for cadence in page.rows
    ]
    # Who was deactivated is still the owner of cadences and accounts.
    users = await client.users(visible_only=False)
    return Catalogue(found, [_user(user) for user in users.rows])


async def keep_catalogue(connection: Connection, organization_id: str, catalogue: Catalogue, now: datetime) -> None:
    """Keep it, and have what rests on it decided with it."""
    await _keep(connection, organization_id, catalogue, now)
    await organizations.advance_decision_version(connection, organization_id, now)


async def refresh_catalogue(connection: Connection, organization_id: str, catalogue: Catalogue, now: datetime) -> bool:
    """Keep it, and answer whether anything has changed that decisions rest on: only then are they made with it.

    Counts and tags move all the time, and every deferral would be decided again for nothing.
    """
    before = (await organizations.read_facts(connection, [organization_id])).get(organization_id)
    await _keep(connection, organization_id, catalogue, now)
    after = (await organizations.read_facts(connection, [organization_id])).get(organization_id)
    if before is not None and after is not None and _rests_on(before) == _rests_on(after):
        return False
    await organizations.advance_decision_version(connection, organization_id, now)
    return True


async def refresh_soon(connection: Connection, organization_id: str, *, correlation_id: str, now: datetime) -> None:
    """Salesloft hints that cadences, steps or users have changed, or somebody asks: have them read again.

    However many hints come, one reading waits at a time, and there is one a minute at most.
    """
    state = await cadences.catalogue_state(connection, organization_id)
    if state is None or state.asked_at is not None:
        return
    due_at = max(now, state.read_at + _HINTED_EVERY) if state.read_at is not None else now
    await add_refresh_cadences(connection, organization_id, correlation_id=correlation_id, now=now, due_at=due_at)


async def _keep(connection: Connection, organization_id: str, catalogue: Catalogue, now: datetime) -> None:
    await organizations.keep_users(connection, organization_id, catalogue.users, now)
    await organizations.keep_cadences(connection, organization_id, catalogue.cadences, now)
    await cadences.note_read(connection, organization_id, now)


def _rests_on(facts: OrganizationFacts) -> tuple[object, ...]:
    return facts.cadences, facts.senders


def _cadence(cadence: Cadence, steps: Sequence[Step]) -> CadenceRecord:
    return CadenceRecord(
        cadence_id=cadence.id,
        name=cadence.name or f"Cadence {cadence.id}",
        # Salesloft filters by this and does not show it: neither a draft nor over (docs: cadences).
        people_addable=not (cadence.draft or cadence.archived or cadence.archived_at)
        and cadence.current_state in (None, "active"),
        team_cadence=cadence.team_cadence is True,
        current_state=cadence.current_state,
        owner_user_id=cadence.owner.id if cadence.owner is not None else None,
        steps=[
            {
                "id": step.id,
                "name": step.name or step.display_name,
                "day": step.day or 1,
                "step_number": step.step_number or 1,
                "type": step.type or "other",
                "disabled": step.disabled is True,
            }
            for step in sorted(steps, key=lambda step: (step.day or 1, step.step_number or 1, step.id))
        ],
        record=orjson.dumps(cadence.model_dump(mode="json", exclude_none=True)),
    )


def _user(user: User) -> UserRecord:
    name = user.name or " ".join(part for part in (user.first_name, user.last_name) if part)
    return UserRecord(
        user_id=user.id,
        guid=user.guid,
        email=normalised_email(user.email),
        name=name or None,
        active=user.active is not False,
    )

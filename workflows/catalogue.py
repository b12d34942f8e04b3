"""What a team has to offer, read from Salesloft: cadences with their steps, and users. Deciding reads our copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from enrollment.consent import normalised_email
from salesloft_client import Cadence, SalesloftClient, Step, User, every_page
from storage import organizations
from storage.organizations import CadenceRecord, UserRecord
from storage.pool import Connection

__all__ = ["Catalogue", "keep_catalogue", "read_catalogue"]


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
    cadences = [
        _cadence(cadence, steps.get(cadence.id, []))
        async for page in every_page(lambda number: client.cadences(page=number))
        for cadence in page.rows
    ]
    users = await client.users()
    return Catalogue(cadences, [_user(user) for user in users.rows])


async def keep_catalogue(connection: Connection, organization_id: str, catalogue: Catalogue, now: datetime) -> None:
    """Keep it, and have what rests on it decided with it."""
    await organizations.keep_users(connection, organization_id, catalogue.users, now)
    await organizations.keep_cadences(connection, organization_id, catalogue.cadences, now)
    await organizations.advance_decision_version(connection, organization_id, now)


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

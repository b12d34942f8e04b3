"""Work for Salesloft, as commands in the caller's transaction; `fulfillment/` carries them out."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from enrollment.states import Happening
from schemas.vocabulary import ActorKind
from storage import commands
from storage.commands import NewCommand
from storage.enrollments import Enrollment
from storage.pool import Connection
from workflows.transitions import SERVICE, Actor

__all__ = [
    "CommandKind",
    "add_disconnect",
    "add_enroll",
    "add_ensure_webhooks",
    "add_pause",
    "add_refresh_cadences",
    "add_remove",
    "add_resume",
    "stakeholder_subject",
]


class CommandKind(StrEnum):
    """What can be done at Salesloft."""

    ENROLL = "enroll"
    REMOVE = "remove"
    PAUSE = "pause"
    RESUME = "resume"
    REFRESH_CADENCES = "refresh_cadences"
    ENSURE_WEBHOOKS = "ensure_webhooks"
    SYNC_PEOPLE = "sync_people"
    DISCONNECT = "disconnect"


def stakeholder_subject(stakeholder_id: str) -> str:
    """What all commands about one stakeholder share, so that they are carried out one after another."""
    return f"stakeholder:{stakeholder_id}"


async def add_enroll(connection: Connection, due: Iterable[tuple[Enrollment, datetime]], now: datetime) -> list[UUID]:
    """Have scheduled enrollments carried out, each from its business instant on; answers the commands' ids."""
    return await _add(connection, CommandKind.ENROLL, due, now)


async def add_pause(connection: Connection, enrolled: Iterable[Enrollment], now: datetime) -> list[UUID]:
    """Have enrolled people taken off their cadences for as long as something holds them."""
    return await _add(connection, CommandKind.PAUSE, [(enrollment, now) for enrollment in enrolled], now)


async def add_resume(connection: Connection, paused: Iterable[Enrollment], now: datetime) -> list[UUID]:
    """Have paused people added back where their cadences were left."""
    return await _add(connection, CommandKind.RESUME, [(enrollment, now) for enrollment in paused], now)


async def _add(
    connection: Connection, kind: CommandKind, due: Iterable[tuple[Enrollment, datetime]], now: datetime
) -> list[UUID]:
    added = [
        NewCommand(
            organization_id=enrollment.organization_id,
            kind=kind,
            subject=stakeholder_subject(enrollment.stakeholder_id),
            enrollment_id=enrollment.id,
            correlation_id=enrollment.correlation_id,
            due_at=due_at,
            payload={"customer_id": enrollment.customer_id},
        )
        for enrollment, due_at in due
    ]
    await commands.add(connection, added, now)
    return [command.id for command in added]


async def add_remove(
    connection: Connection,
    enrollment: Enrollment,
    *,
    happening: Happening,
    reason: str,
    now: datetime,
    actor: Actor = SERVICE,
) -> UUID:
    """Have an enrolled person taken off the cadence; `happening` is REMOVE or EXIT, `actor` who is behind it."""
    command = NewCommand(
        organization_id=enrollment.organization_id,
        kind=CommandKind.REMOVE,
        subject=stakeholder_subject(enrollment.stakeholder_id),
        enrollment_id=enrollment.id,
        correlation_id=enrollment.correlation_id,
        due_at=now,
        payload={
            "customer_id": enrollment.customer_id,
            "happening": happening.value,
            "reason": reason,
            "actor": {"kind": ActorKind(actor.kind).value, "user_id": actor.user_id},
        },
    )
    await commands.add(connection, [command], now)
    return command.id


async def add_refresh_cadences(
    connection: Connection,
    organization_id: str,
    *,
    correlation_id: str,
    now: datetime,
    due_at: datetime | None = None,
) -> UUID:
    """Have the team's cadences and users read again, at once unless a business instant is given."""
    command = NewCommand(
        organization_id=organization_id,
        kind=CommandKind.REFRESH_CADENCES,
        subject="organization",
        correlation_id=correlation_id,
        due_at=due_at or now,
    )
    await commands.add(connection, [command], now)
    return command.id


async def add_ensure_webhooks(
    connection: Connection, organization_id: str, *, correlation_id: str, now: datetime
) -> UUID:
    """Have the team's webhook subscriptions looked at, and what is missing subscribed to."""
    command = NewCommand(
        organization_id=organization_id,
        kind=CommandKind.ENSURE_WEBHOOKS,
        subject="webhooks",
        correlation_id=correlation_id,
        due_at=now,
    )
    await commands.add(connection, [command], now)
    return command.id


async def add_disconnect(connection: Connection, organization_id: str, *, by: str, now: datetime) -> UUID:
    """Have the connection ended, and at Salesloft the tokens and the deliveries; `by` is whoever wants it."""
    command = NewCommand(
        organization_id=organization_id,
        kind=CommandKind.DISCONNECT,
        subject="organization",
        correlation_id=f"departure/{organization_id}",
        due_at=now,
        payload={"by": by},
    )
    await commands.add(connection, [command], now)
    return command.id

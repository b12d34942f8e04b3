"""What is to be done at Salesloft: stored before its call, claimed under a lease, one at a time for a subject."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from storage.errors import ConcurrentChange
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "COMMANDS_CHANNEL",
    "Claim",
    "Claimed",
    "LeaseLost",
    "NewCommand",
    "add",
    "claim",
    "doubt",
    "finish",
    "hold",
    "oldest_due",
    "release",
    "settle",
    "wake",
]

COMMANDS_CHANNEL = "cscx_commands"
"""Where a commit that added commands is heard."""


class LeaseLost(ConcurrentChange):
    """Another worker has taken the command over, or it is done: whatever this transaction did must not be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommand:
    """Work to be done at Salesloft once `due_at` (business time) has come.

    `subject` is what it must not overlap with: `stakeholder:<id>`, or `organization` for what concerns the team's
    cache.
    """

    organization_id: str
    kind: str
    subject: str
    correlation_id: str
    due_at: datetime
    enrollment_id: UUID | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who claims: `holder` is unique to a run of a worker, `kinds` what it can do, `lease_s` real seconds.

    `organization_limit` is how many of one organization's commands are in work at a time, everybody's together.
    """

    holder: str
    kinds: Sequence[str]
    lease_s: float
    organization_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A command that is held; `attempts` counts this one."""

    id: UUID
    organization_id: str
    kind: str
    subject: str
    enrollment_id: UUID | None
    payload: dict[str, Any]
    correlation_id: str
    attempts: int
    created_at: datetime
    due_at: datetime
    held_by: Claim


async def add(connection: Connection, commands: Sequence[NewCommand], now: datetime) -> None:
    """Store commands in the order given, which is the order in which those of one subject are carried out."""
    if not commands:
        return
    await queries.add_commands(
        connection,
        now=now,
        ids=[c.id for c in commands],
        organization_ids=[c.organization_id for c in commands],
        kinds=[c.kind for c in commands],
        subjects=[c.subject for c in commands],
        enrollment_ids=[c.enrollment_id for c in commands],
        payloads=[orjson.dumps(c.payload).decode() for c in commands],
        correlation_ids=[c.correlation_id for c in commands],
        due_at=[c.due_at for c in commands],
    )
    await wake(connection)


async def wake(connection: Connection) -> None:
    """Hint to the workers, once this transaction is committed, that something can be claimed."""
    await queries.notify_commands(connection)


async def claim(connection: Connection, by: Claim, *, limit: int, now: datetime) -> list[Claimed]:
    """Take up to `limit` due commands, oldest first.

    Raises ConcurrentChange where another claim was faster with a subject.
    """
    rows = await queries.claim_commands(
        connection,
        holder=by.holder,
        kinds=list(by.kinds),
        lease_s=by.lease_s,
        organization_limit=by.organization_limit,
        limit=limit,
        now=now,
    )
    return [
        Claimed(
            id=row["id"],
            organization_id=row["organization_id"],
            kind=row["kind"],
            subject=row["subject"],
            enrollment_id=row["enrollment_id"],
            payload=orjson.loads(row["payload"]),
            correlation_id=row["correlation_id"],
            attempts=row["attempts"],
            created_at=row["created_at"],
            due_at=row["due_at"],
            held_by=by,
        )
        for row in sorted(rows, key=lambda row: row["position"])
    ]


async def oldest_due(connection: Connection, now: datetime) -> dict[str, float]:
    """For how many seconds the oldest due command of each kind has waited; a kind of which none is due is absent."""
    return {row["kind"]: row["seconds"] for row in await queries.oldest_due_commands(connection, now=now)}


async def hold(connection: Connection, command: Claimed) -> None:
    """Begin another lease. Locks the command's row until the commit; raises LeaseLost where it is no longer ours."""
    by = command.held_by
    _still_ours(await queries.hold_command(connection, id=command.id, holder=by.holder, lease_s=by.lease_s), command)


async def finish(
    connection: Connection, command: Claimed, *, outcome: str, error: str | None = None, now: datetime
) -> None:
    """The command is done. Raises LeaseLost where it is no longer ours, so that nothing of the transaction is kept."""
    finished = await queries.finish_command(
        connection, id=command.id, holder=command.held_by.holder, outcome=outcome, last_error=error, now=now
    )
    _still_ours(finished, command)


async def release(
    connection: Connection,
    command: Claimed,
    *,
    error: str | None,
    due_at: datetime | None = None,
    pause_s: float = 0.0,
) -> None:
    """Give the command back, to be claimed once `due_at` has come and `pause_s` real seconds have passed.

    Without a `due_at` (business time) the one before stays. Raises LeaseLost where the command is no longer ours.
    """
    released = await queries.release_command(
        connection, id=command.id, holder=command.held_by.holder, last_error=error, due_at=due_at, pause_s=pause_s
    )
    _still_ours(released, command)


async def doubt(connection: Connection, command: Claimed, *, grace_s: float) -> float:
    """Note that a call's outcome is unknown, and answer the real seconds until reading back nothing means nothing.

    They are counted from the first time; `settle` ends the doubt. Raises LeaseLost where it is no longer ours.
    """
    left: float | None = await queries.doubt_command(
        connection, id=command.id, holder=command.held_by.holder, grace_s=grace_s
    )
    if left is None:
        raise LeaseLost(f"the {command.kind} command {command.id} is no longer held")
    return left


async def settle(connection: Connection, command: Claimed) -> None:
    """It is known what the call did. Raises LeaseLost where the command is no longer ours."""
    _still_ours(await queries.settle_command(connection, id=command.id, holder=command.held_by.holder), command)


def _still_ours(position: int | None, command: Claimed) -> None:
    if position is None:
        raise LeaseLost(f"the {command.kind} command {command.id} is no longer held")

"""Tells people on the operations topic what they should look at, in time and once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from schemas.operations import AttentionNeeded
from schemas.registry import ATTENTION_NEEDED
from schemas.topics import organization_key
from schemas.vocabulary import AttentionKind
from storage import attention, outbox
from storage.outbox import OutboxMessage
from storage.pool import Connection
from workflows.events import Origin, outgoing

__all__ = ["AttentionOptions", "attention_needed", "call_attention"]

_NAMESPACE: Final = UUID("4f1d6f6a-3a1e-5d5c-9c52-7a1a6a0f9d13")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionOptions:
    """When people are told, in business time.

    Of a request when it expires within `expiring_within` and no more than a quarter of its time is left; of a
    connection when a stream was not read to its end for `silent_for`; of failed enrollments from `failures_an_hour` on;
    of a stream once two cycles in a row could not take in all that they read; of a removal that was not done within
    `removed_within`.
    """

    expiring_within: timedelta = timedelta(hours=4)
    silent_for: timedelta = timedelta(hours=2)
    failures_an_hour: int = 5
    removed_within: timedelta = timedelta(minutes=15)


async def call_attention(connection: Connection, options: AttentionOptions, now: datetime, *, limit: int) -> int:
    """Publish what nobody was told of yet, up to `limit` of each kind; returns how much it was."""
    matters = [
        *await attention.expiring(connection, now=now, within=options.expiring_within, limit=limit),
        *await attention.failing(connection, now=now, silent_for=options.silent_for, limit=limit),
        *await attention.rising(connection, now=now, at_least=options.failures_an_hour, limit=limit),
        *await attention.owing(connection, now=now, limit=limit),
        *await attention.undone(connection, asked_before=now - options.removed_within, limit=limit),
    ]
    if matters:
        await attention.add(connection, matters, now)
        messages = [
            attention_needed(
                uuid5(_NAMESPACE, f"{one.organization_id}/{one.kind}/{one.subject}/{one.since.isoformat()}"),
                organization_id=one.organization_id,
                kind=one.kind,
                subject=one.subject,
                detail=one.detail,
                due_at=one.due_at,
                now=now,
            )
            for one in matters
        ]
        await outbox.add(connection, messages)
    return len(matters)


def attention_needed(
    id: UUID,  # noqa: A002  # CloudEvents calls it so
    *,
    organization_id: str,
    kind: AttentionKind,
    subject: str,
    detail: str,
    now: datetime,
    due_at: datetime | None = None,
    correlation_id: str | None = None,
) -> OutboxMessage:
    """The event that tells of one matter; it begins a journey of its own where it belongs to none."""
    told = AttentionNeeded(organization_id=organization_id, kind=kind, subject=subject, detail=detail, due_at=due_at)
    return outgoing(
        ATTENTION_NEEDED,
        id=id,
        organization_id=organization_id,
        key=organization_key(organization_id),
        subject=subject,
        data=ATTENTION_NEEDED.serialize(told),
        time=now,
        origin=Origin(correlation_id or str(id)),
    )

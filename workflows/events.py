"""What leaves as an event: an outbox message with a whole CloudEvents envelope around its data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from schemas.envelope import SOURCE, Envelope, header_texts
from schemas.fields import format_instant
from schemas.registry import EventType
from storage.outbox import OutboxMessage
from telemetry.traces import traceparent

__all__ = ["Origin", "dumps", "outgoing"]


@dataclass(slots=True)
class Origin:
    """Where an event comes from: the journey's correlation id, and the event that caused this one, if one did."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


def dumps(data: dict[str, Any]) -> bytes:
    """Data as the contract spells it: instants in UTC with microseconds and `Z`."""
    return orjson.dumps(data, default=_spelt, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _spelt(value: Any) -> str:
    if isinstance(value, datetime):
        return format_instant(value)
    raise TypeError(f"an event has no spelling for {type(value).__name__}")


def outgoing(
    event_type: EventType[Any],
    *,
    id: UUID,  # noqa: A002  # CloudEvents calls it so
    organization_id: str,
    key: bytes,
    subject: str,
    data: bytes | None,
    time: datetime,
    origin: Origin,
    sequence: int | None = None,
    recorded_time: datetime | None = None,
) -> OutboxMessage:
    """An event of ours, ready for the outbox; `data` is None for a tombstone.

    `time` is when it happened, `recorded_time` when it was noticed.
    """
    key_text = key.decode()
    headers = header_texts(
        Envelope(
            id=str(id),
            source=SOURCE,
            type=event_type.name,
            time=time,
            subject=subject,
            dataschema=event_type.dataschema,
            recorded_time=recorded_time,
            correlation_id=origin.correlation_id,
            causation_id=origin.causation_id,
            partition_key=key_text,
            organization_id=organization_id,
            sequence=sequence,
            traceparent=traceparent(origin.traceparent),
        )
    )
    return OutboxMessage(
        id=id,
        aggregate_type=event_type.key,
        aggregate_id=key_text,
        type=event_type.name,
        topic=event_type.topic.name,
        key=key,
        headers=headers,
        payload=data,
    )

"""Makes dead letters: the original record byte for byte, and behind its headers a block of ours."""

from typing import Final
from uuid import UUID, uuid5

from consumers.incoming import Fault, Record
from schemas.dead_letters import REPLAY_HEADERS, Origin, header_number, origin_in, split_headers
from schemas.topics import dead_letter_topic
from storage.outbox import OutboxMessage
from telemetry.redaction import redact_text

__all__ = ["dead_letter", "named_organization"]

_NAMESPACE: Final = UUID("3f0a2a52-3f0c-5c7e-9d0f-6f2a9f7d1c11")
_MESSAGE_BYTES: Final = 1024


def dead_letter(fault: Fault, *, group: str) -> OutboxMessage:
    """The outbox row of a record that failed. Its id comes from the record's place: made again it is the same."""
    record = fault.record
    original, block = split_headers(record.headers)
    # Only a replay brings a block that is ours; any other sender's headers are part of the original.
    first = origin_in(block) if "x-replay-id" in block else None
    if first is None:
        original, block = list(record.headers), {}
        first = Origin(record.topic, record.partition, record.offset, record.timestamp, group)
    message = _cut(redact_text(fault.message))
    attempts = fault.attempts + header_number(block, "x-dlq-attempts")
    headers = [
        *original,
        *first.headers(),
        ("x-dlq-stage", fault.stage.encode()),
        ("x-dlq-error-code", fault.code.encode()),
        ("x-dlq-error-message", message),
        ("kafka_dlt-exception-fqcn", fault.kind.encode()),
        ("kafka_dlt-exception-message", message),
        ("x-dlq-attempts", b"%d" % attempts),
        *((name, block[name]) for name in REPLAY_HEADERS if name in block),
    ]
    place = f"{record.topic}/{record.partition}/{record.offset}"
    return OutboxMessage(
        id=uuid5(_NAMESPACE, f"{group}/{place}"),
        aggregate_type="dead_letter",
        aggregate_id=place,
        type=fault.code,
        topic=dead_letter_topic(record.topic, group),
        key=record.key,
        headers=headers,
        payload=record.value,
    )


def named_organization(record: Record) -> str | None:
    """The organization that a record's key names, whatever else is wrong with the record."""
    if not record.key:
        return None
    try:
        return record.key.partition(b":")[0].decode() or None
    except UnicodeDecodeError:
        return None


def _cut(text: str) -> bytes:
    """At most a kilobyte, and whole characters."""
    return text.encode(errors="replace")[:_MESSAGE_BYTES].decode(errors="ignore").encode()

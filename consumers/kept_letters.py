"""What is kept of a dead letter for its organization, which may look at it and send it back.

Whose it is must be told by all that tell it: the key, and the header and the data where they say so. If one of them
says otherwise it is nobody's: it lies in its topic alone, for the operator. What a record says is shown by its shape:
names that look like a field's, and ids; of anything else only what kind of value it is.
"""

import re
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import orjson

from consumers.dead_letter import named_organization
from consumers.incoming import Fault
from schemas.dead_letters import header_number, origin_in, split_headers
from storage import outbox
from storage.dead_letters import KeptLetter
from storage.outbox import OutboxMessage
from telemetry.redaction import redact_text

__all__ = ["kept_letter", "shape_of"]

_LONGEST: Final = 200
_NAME: Final = re.compile(r"[a-z][a-zA-Z0-9_]{0,60}")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
_ID_NAMES: Final = ("id", "type", "specversion", "datacontenttype", "organizationid")
_DEEPEST: Final = 6
_WIDEST: Final = 50


def kept_letter(fault: Fault, letter: OutboxMessage, *, group: str) -> KeptLetter | None:
    """What is kept of a record that failed in `group`, and of its dead letter; None where no organization may see it.

    Made again it has another id, and is known by its origin.
    """
    headers = [(name, value) for name, value in letter.headers if isinstance(value, bytes)]
    original, block = split_headers(headers)
    origin, said = origin_in(block), _said(fault.record.value)
    organization_id = _organization(fault, dict(original), said)
    if organization_id is None or origin is None:
        return None
    told = dict(original)
    envelope = said if isinstance(said, dict) and "specversion" in said else {}
    return KeptLetter(
        # The letter's own id is made from its record's place, which could be found by trying.
        id=uuid4(),
        organization_id=organization_id,
        # Where it lies and who failed, not what its headers say: nobody can aim what is sent back, or parked.
        consumer_group=group,
        topic=fault.record.topic,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        origin_at=_instant(origin.timestamp),
        replays=header_number(block, "x-replay-count"),
        came_back_from=_uuid(block.get("x-replay-id")),
        subject_id=_plain((fault.record.key or b"").partition(b":")[2]),
        event_id=_plain(told.get("ce_id") or envelope.get("id")),
        event_type=_plain(told.get("ce_type") or envelope.get("type")),
        correlation_id=_plain(told.get("ce_correlationid") or envelope.get("correlationid")),
        stage=fault.stage,
        code=fault.code,
        message=_plain(block.get("x-dlq-error-message")) or "",
        attempts=header_number(block, "x-dlq-attempts"),
        shown=orjson.dumps(shape_of(said)).decode() if said is not None else None,
        key=letter.key,
        headers=outbox.pack_headers(letter.headers),
        payload=letter.payload,
        # It goes back as a message of the outbox's, to a topic that takes less than the one of dead letters.
        is_too_large=not outbox.fits(fault.record.topic, letter.key, letter.headers, letter.payload),
    )


def shape_of(value: Any, name: str = "", depth: int = 0) -> Any:
    """A JSON value without what may be personal: of a text its length alone, unless its name says that it is an id."""
    shape: Any = None
    match value:
        case dict() | list() if depth == _DEEPEST:
            shape = f"{len(value)} values"
        case dict():
            shape = {
                (key if _NAME.fullmatch(key) else f"(name {place})"): shape_of(inner, key, depth + 1)
                for place, (key, inner) in enumerate(list(value.items())[:_WIDEST])
            }
        case list():
            shape = [shape_of(inner, "", depth + 1) for inner in value[:_WIDEST]]
        case str():
            is_id = name in _ID_NAMES or name.endswith("_id")
            shape = value if is_id and _ID.fullmatch(value) else f"text of {len(value)} characters"
        case bool():
            shape = "true or false"
        case int() | float():
            shape = "a number"
    return shape


def _said(value: bytes | None) -> Any:
    try:
        return orjson.loads(value) if value else None
    except orjson.JSONDecodeError:
        return None


def _organization(fault: Fault, headers: dict[str, bytes], said: Any) -> str | None:
    """Whose the record is, if all that tell it agree."""
    named = named_organization(fault.record)
    if named is None or "\0" in named or len(named) > _LONGEST:
        return None
    told: list[object] = [
        value.decode(errors="replace") for name, value in headers.items() if name.lower() == "ce_organizationid"
    ]
    if isinstance(said, dict):
        data = said.get("data")
        told += [said.get("organization_id"), said.get("organizationid")]
        told += [data.get("organization_id")] if isinstance(data, dict) else []
    return named if all(one in (None, named) for one in told) else None


def _plain(value: Any) -> str | None:
    """A text that the database takes, and nobody's address; None for what is none."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    if not isinstance(text, str) or not text:
        return None
    sound = text.replace("\0", "").encode(errors="replace").decode()
    return redact_text(sound)[: 5 * _LONGEST]


def _uuid(value: bytes | None) -> UUID | None:
    try:
        return UUID((value or b"").decode())
    except ValueError:
        return None


def _instant(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return datetime(1970, 1, 1, tzinfo=UTC)

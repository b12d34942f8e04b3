"""Reading one record: every way in which it can be wrong has a stage and a code, and none of them raises."""

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from consumers.incoming import TOMBSTONE_SOURCE, Fault, Sound, read
from schemas.registry import EVENT_TYPES, EventType
from schemas.topics import DIRECTORY_CUSTOMER, KeyKind

CONSUMED = [t for t in EVENT_TYPES.values() if t.name.startswith(("ai.cscx.lifecycle", "ai.cscx.dir", "ai.cscx.appr"))]


@dataclass
class Made:
    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    partition: int = 2
    offset: int = 17
    timestamp: int = 1_795_000_000_123


def example(kind: EventType[Any]) -> dict[str, Any]:
    examples: list[dict[str, Any]] = kind.model.model_config["json_schema_extra"]["examples"]
    return dict(examples[0])


def made(kind: EventType[Any], **changes: Any) -> Made:
    data = example(kind) | changes
    subject = "sth-9" if kind.key is KeyKind.STAKEHOLDER else "cus-7"
    headers = {"content-type": "application/json", "ce_specversion": "1.0", "ce_id": "e-1", "ce_source": "/cscx"}
    return Made(
        kind.topic.name,
        f"org-1:{subject}".encode(),
        orjson.dumps(data),
        [(name, value.encode()) for name, value in (headers | {"ce_type": kind.name}).items()],
    )


def sound(record: Any) -> Sound:
    found = read(record)
    assert isinstance(found, Sound), found
    return found


def fault(record: Any) -> tuple[str, str]:
    found = read(record)
    assert isinstance(found, Fault)
    assert found.record is record
    return found.stage, found.code


@pytest.mark.parametrize("kind", CONSUMED, ids=lambda kind: kind.name)
def test_every_consumed_type_is_read(kind: EventType[Any]) -> None:
    record = made(kind)
    found = sound(record)
    incoming = found.incoming
    assert (incoming.topic, incoming.partition, incoming.offset) == (kind.topic.name, 2, 17)
    assert incoming.timestamp.isoformat() == "2026-11-18T11:06:40.123000+00:00"
    assert (incoming.key, incoming.value, incoming.headers) == (record.key, record.value, record.headers)
    assert isinstance(incoming.event, kind.model)
    assert incoming.data == record.value
    assert (incoming.organization_id, incoming.subject_id) == tuple((record.key or b"").decode().split(":"))
    assert (found.mark.key.topic, found.mark.key.source, found.mark.key.event_id) == (kind.topic.name, "/cscx", "e-1")


def test_structured_mode_reads_the_same_data() -> None:
    kind = EVENT_TYPES["ai.cscx.lifecycle.at-risk.v1"]
    binary = made(kind)
    event = {"specversion": "1.0", "id": "e-1", "source": "/cscx", "type": kind.name, "data": example(kind)}
    structured = Made(
        kind.topic.name,
        binary.key,
        orjson.dumps(event),
        [("content-type", b"Application/CloudEvents+json; charset=utf-8")],
    )
    assert sound(structured).incoming.event == sound(binary).incoming.event
    assert sound(structured).mark == sound(binary).mark


def test_a_bare_null_value_on_a_compacted_topic_is_a_tombstone() -> None:
    found = sound(Made(DIRECTORY_CUSTOMER.name, b"org-1:cus-7", None))
    assert (found.incoming.envelope, found.incoming.event, found.incoming.data) == (None, None, b"")
    assert (found.incoming.organization_id, found.incoming.subject_id) == ("org-1", "cus-7")
    assert found.mark.key.source == TOMBSTONE_SOURCE
    assert found.mark.key.event_id == f"{DIRECTORY_CUSTOMER.name}/2/17"


def test_a_tombstones_time_is_read_whatever_else_is_wrong_with_its_headers() -> None:
    headers = [("ce_time", b"2026-11-23T09:00:00Z"), ("ce_type", b"\xff")]
    envelope = sound(Made(DIRECTORY_CUSTOMER.name, b"org-1:cus-7", None, headers)).incoming.envelope
    assert envelope is not None
    assert envelope.time is not None
    assert envelope.time.isoformat() == "2026-11-23T09:00:00+00:00"


def test_what_cannot_be_read_has_a_stage_and_a_code() -> None:
    risk, customer = EVENT_TYPES["ai.cscx.lifecycle.at-risk.v1"], EVENT_TYPES["ai.cscx.directory.customer.v1"]
    named = made(risk)
    named.headers.append(("ce_organizationid", b"org-2"))
    null, other_key, no_key, bad_key = made(risk), made(risk), made(risk), made(risk)
    null.value = None
    other_key.key, no_key.key, bad_key.key = b"org-1:cus-8", None, b"org-1:a:b"
    moved = made(risk)
    moved.topic = customer.topic.name
    erased = Made(customer.topic.name, b"org-1:cus-7", None, named.headers)
    assert fault(Made(risk.topic.name, b"org-1:cus-7", b"{}")) == ("decode", "not_a_cloudevent")
    assert fault(null) == ("decode", "missing_data")
    assert fault(made(risk, organization_id="org-2")) == ("validate", "organization_mismatch")
    assert fault(named) == ("validate", "organization_mismatch")
    assert fault(erased) == ("validate", "organization_mismatch")
    assert fault(other_key) == ("validate", "key_mismatch")
    assert fault(no_key) == ("validate", "bad_key")
    assert fault(bad_key) == ("validate", "bad_key")
    assert fault(moved) == ("validate", "wrong_topic")
    assert fault(made(customer, id="a:b")) == ("validate", "invalid_data")
    assert fault(Made(customer.topic.name, b"nobody", None)) == ("validate", "bad_key")


@pytest.mark.parametrize("timestamp", [-1, 2**62, -(2**62)])
def test_no_timestamp_of_a_producers_stands_in_the_way(timestamp: int) -> None:
    record = made(EVENT_TYPES["ai.cscx.directory.customer.v1"])
    record.timestamp = timestamp
    assert sound(record).incoming.timestamp.tzinfo is not None


def test_a_fault_tells_no_value() -> None:
    found = read(made(EVENT_TYPES["ai.cscx.directory.customer.v1"], health_score="ann@acme.example"))
    assert isinstance(found, Fault)
    assert "health_score" in found.message
    assert "acme" not in found.message

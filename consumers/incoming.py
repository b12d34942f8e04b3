"""One record of the bus, decoded and validated, or the reason why it cannot be.

Nothing here raises for what a record holds: whatever stands in a topic becomes an `Incoming` or a `Fault`, so that a
bad record is put aside in the same transaction that takes its neighbours in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel

from schemas.directory import DirectoryCustomer, DirectoryStakeholder
from schemas.envelope import Envelope, decode, decode_tombstone
from schemas.errors import BadKeyError, EnvelopeError, SchemaError
from schemas.lifecycle import LifecycleEvent
from schemas.registry import event_type
from schemas.topics import ALL_TOPICS, RecordKey, Topic, check_organization, parse_key
from storage.inbox import InboxKey, InboxMark

__all__ = ["TOMBSTONE_SOURCE", "Fault", "Incoming", "KeyMismatchError", "Record", "Sound", "Stage", "read"]

Stage = Literal["decode", "validate", "decide", "apply"]

TOMBSTONE_SOURCE: Final = "tombstone"
"""What stands for the source in the inbox key of a null value, which has no envelope to name one."""

_DIGEST_BYTES: Final = 32
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TOPICS: Final = {topic.name: topic for topic in ALL_TOPICS}


class Record(Protocol):
    """A record as the client hands it over: aiokafka's `ConsumerRecord`. `timestamp` is in milliseconds."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class KeyMismatchError(BadKeyError):
    """The key names another customer or stakeholder than the data."""

    code = "key_mismatch"


# Made for each record, so not frozen: that takes three times as long.
@dataclass(slots=True, eq=False)
class Incoming:
    """One record, decoded and validated. Two of them are equal only if they are the same object.

    `headers`, `key` and `value` are as they came, byte for byte. `timestamp` is the record's. `event` is the validated
    data and None for a tombstone; `envelope` is None for a tombstone that says nothing of itself. `data` are the JSON
    data's bytes, empty for a tombstone. `organization_id` and `subject_id` come from the key: the customer's id, or the
    snapshot's own.
    """

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None
    envelope: Envelope | None
    event: BaseModel | None
    data: bytes
    organization_id: str
    subject_id: str


@dataclass(slots=True, eq=False)
class Sound:
    """A record that can be handed to its handler, and the mark by which it is known again."""

    record: Record
    incoming: Incoming
    mark: InboxMark


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """A record that becomes a dead letter, and why.

    `message` holds no value of the data and is redacted once more where it is written; `kind` is the full name of the
    exception; `attempts` counts the transactions that were tried with it.
    """

    record: Record
    stage: Stage
    code: str
    message: str
    kind: str
    attempts: int = 1


def read(record: Record) -> Sound | Fault:
    """Decode and validate one record. Does not raise for anything that a record may hold."""
    try:
        return _read(record)
    except EnvelopeError as error:
        return _fault(record, "decode", error)
    except SchemaError as error:
        return _fault(record, "validate", error)
    except Exception as error:  # noqa: BLE001 - a record that nobody thought of must not stop its partition
        kind = type(error)
        return Fault(record, "decode", "unreadable", kind.__name__, f"{kind.__module__}.{kind.__qualname__}")


def _fault(record: Record, stage: Stage, error: SchemaError) -> Fault:
    kind = type(error)
    return Fault(record, stage, error.code, str(error), f"{kind.__module__}.{kind.__qualname__}")


def _read(record: Record) -> Sound:
    topic = _TOPICS[record.topic]
    if record.value is None and topic.is_compacted:
        return _read_tombstone(record, topic)
    decoded = decode(record.headers, record.value)
    data = decoded.required_data
    envelope = decoded.envelope
    found = event_type(envelope.type, topic=record.topic)
    event = found.parse(data)
    key = parse_key(record.key, topic.key)
    check_organization(key, header=envelope.organization_id, data=event.organization_id)
    subject = _SUBJECT_OF.get(type(event), _customer_id)(event)
    if key.subject_id != subject:
        raise KeyMismatchError(f"key and data name a different {topic.key}")
    mark = InboxMark(InboxKey(record.topic, envelope.source, envelope.id), _digest(data))
    return Sound(record, _incoming(record, envelope, event, data, key), mark)


def _read_tombstone(record: Record, topic: Topic) -> Sound:
    """A null value that erases: the key says whom, and no header can stand in the way but another organization's."""
    key = parse_key(record.key, topic.key)
    place = f"{record.topic}/{record.partition}/{record.offset}"
    envelope = _tombstone_envelope(record, place)
    if envelope is not None:
        check_organization(key, header=envelope.organization_id, data=key.organization_id)
    mark = InboxMark(InboxKey(record.topic, TOMBSTONE_SOURCE, place), _digest(b""))
    return Sound(record, _incoming(record, envelope, None, b"", key), mark)


def _tombstone_envelope(record: Record, place: str) -> Envelope | None:
    if not record.headers:
        return None
    try:
        return decode(record.headers, None).envelope
    except EnvelopeError:
        told = decode_tombstone(record.headers)
    if told.time is None and told.correlation_id is None and told.traceparent is None:
        return None
    return Envelope(
        id=place,
        source=TOMBSTONE_SOURCE,
        type=TOMBSTONE_SOURCE,
        time=told.time,
        correlation_id=told.correlation_id,
        traceparent=told.traceparent,
        tracestate=told.tracestate,
    )


def _incoming(record: Record, envelope: Envelope | None, event: Any, data: bytes, key: RecordKey) -> Incoming:
    if key.subject_id is None:
        raise BadKeyError("the record key names no customer or stakeholder")
    return Incoming(
        record.topic,
        record.partition,
        record.offset,
        _instant(record.timestamp),
        record.key,
        record.headers,
        record.value,
        envelope,
        event,
        data,
        key.organization_id,
        key.subject_id,
    )


def _instant(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        # Producers may write any number; one outside the calendar does not refuse an event that has its own time.
        return _BEGINNING


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST_BYTES).digest()


_customer_id: Final[Callable[[Any], str]] = attrgetter("customer_id")
_SUBJECT_OF: Final[dict[type[Any], Callable[[Any], str]]] = {
    **dict.fromkeys(LifecycleEvent.__subclasses__(), attrgetter("customer.id")),
    DirectoryCustomer: attrgetter("id"),
    DirectoryStakeholder: attrgetter("id"),
}

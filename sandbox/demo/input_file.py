"""Reads events of a person's own: one CloudEvent in JSON (structured mode) a line.

Nothing is lost. A good event is sent as it is written. A bad one is told in a line that says what is wrong with it, and
is sent as well where it says whom it is about: the service puts it into the dead letters. What cannot even be keyed is
only told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from consumers.incoming import Fault, Sound, read
from sandbox.defects import MARK
from sandbox.generator import STRUCTURED, GeneratedRecord, Stream
from schemas.directory import CustomerSnapshot
from schemas.registry import EVENT_TYPES
from schemas.topics import DIRECTORY_STAKEHOLDER, NEW_CUSTOMER, Direction

__all__ = ["InputEvents", "read_events"]

_HEADERS: Final = (("content-type", STRUCTURED.encode()),)
_LONGEST: Final = 300
_LONGEST_SPAN: Final = timedelta(days=7)
_AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputEvents:
    """What was read: the stream to send, a sentence for each bad line, and what is needed to run it.

    `start` is the business time to start the clock at, None where no event says a time. `owners` are the owners'
    addresses by organization, `unsent` is how many lines could not be sent at all.
    """

    stream: Stream
    complaints: tuple[str, ...]
    unsent: int
    owners: Mapping[str, frozenset[str]]
    start: datetime | None


@dataclass(slots=True)
class _Line:
    """A record as the service would get it, for reading it beforehand."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int = 0
    offset: int = 0
    timestamp: int = 0


@dataclass(slots=True)
class _Reading:
    records: list[GeneratedRecord] = field(default_factory=list)
    digests: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    good: set[str] = field(default_factory=set)
    malformed: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    owners: dict[str, set[str]] = field(default_factory=dict)
    duplicates: int = 0
    unsent: int = 0
    earliest: datetime | None = None
    latest: datetime = _AT_ONCE


def read_events(lines: Iterable[bytes]) -> InputEvents:
    """Read lines; empty ones and those that begin with # are passed over.

    The order stays that of the lines. Each event waits for its own time, unless they span more than a week: then they
    are sent one after the other. Raises nothing: every line that is not an event is among the complaints.
    """
    reading = _Reading()
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith(b"#"):
            _take(reading, number, text)
    records, start = reading.records, reading.earliest
    if start is not None and reading.latest - start > _LONGEST_SPAN:
        records, start = [replace(record, publish_at=_AT_ONCE) for record in records], reading.latest
    return InputEvents(
        stream=Stream(
            records=records,
            good=frozenset(reading.good),
            erased=frozenset(),
            malformed=reading.malformed,
            duplicates=reading.duplicates,
        ),
        complaints=tuple(reading.complaints),
        unsent=reading.unsent,
        owners={organization: frozenset(owners) for organization, owners in reading.owners.items()},
        start=start,
    )


def _take(reading: _Reading, number: int, text: bytes) -> None:
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        _refuse(reading, number, f"not JSON ({error}): write one CloudEvent a line")
        return
    if not isinstance(event, dict):
        _refuse(reading, number, "not a JSON object: write one CloudEvent a line")
        return
    topic = _topic_of(event)
    organization, key = _key_of(event, topic)
    if organization is None or key is None:
        whom = "data.id" if topic == DIRECTORY_STAKEHOLDER.name else "data.customer.id or data.customer_id"
        _refuse(reading, number, f"it does not say whom it is about: give data.organization_id and {whom}")
        return
    # An organization that only a broken line names is connected too: its other events may be good.
    owners = reading.owners.setdefault(organization, set())
    line = _Line(topic, key, text, _HEADERS)
    found = read(line)
    if isinstance(found, Fault):
        _send_broken(reading, number, line, found.code, found.message)
        return
    place = (topic, found.mark.key.source, found.mark.key.event_id)
    known = reading.digests.setdefault(place, found.mark.data_digest)
    if known != found.mark.data_digest:
        _send_broken(reading, number, line, "id_reused", "its id was used by an earlier line with other data")
        return
    _send(reading, line, found)
    _note_owner(owners, found)


def _topic_of(event: Mapping[str, Any]) -> str:
    """Where its type belongs; what is of no type that is taken goes where the first topic's reader refuses it."""
    known = EVENT_TYPES.get(str(event.get("type")))
    return NEW_CUSTOMER.name if known is None or known.direction is Direction.OUT else known.topic.name


def _key_of(event: Mapping[str, Any], topic: str) -> tuple[str | None, bytes | None]:
    data = event.get("data")
    if not isinstance(data, dict):
        return None, None
    customer = data.get("customer")
    named = [data.get("id")] if topic == DIRECTORY_STAKEHOLDER.name else [data.get("customer_id"), data.get("id")]
    if isinstance(customer, dict):
        named.insert(0, customer.get("id"))
    subject = next((one for one in named if _is_id(one)), None)
    organization = data.get("organization_id")
    if not _is_id(organization) or subject is None:
        return None, None
    return str(organization), f"{organization}:{subject}".encode()


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value != "" and ":" not in value


def _refuse(reading: _Reading, number: int, what: str) -> None:
    reading.unsent += 1
    reading.complaints.append(f"line {number}: {what}. It was not sent")


def _send_broken(reading: _Reading, number: int, line: _Line, code: str, what: str) -> None:
    mark = f"line-{number}"
    reading.malformed[mark] = code
    reading.complaints.append(
        f"line {number}: {what[:_LONGEST]} ({code}). It goes to the dead letters of {line.topic}: mend it and send it"
        " again"
    )
    reading.records.append(
        GeneratedRecord(
            line.topic,
            line.key,
            line.value,
            (*_HEADERS, (MARK, mark.encode())),
            reading.latest,
            mark,
            "malformed",
        )
    )


def _send(reading: _Reading, line: _Line, found: Sound) -> None:
    envelope = found.incoming.envelope
    event_id = found.mark.key.event_id
    if envelope is not None and envelope.time is not None:
        reading.earliest = min(envelope.time, reading.earliest or envelope.time)
        reading.latest = max(envelope.time, reading.latest)
    is_new = event_id not in reading.good
    reading.good.add(event_id)
    reading.duplicates += not is_new
    reading.records.append(
        GeneratedRecord(
            line.topic,
            line.key,
            line.value,
            _HEADERS,
            reading.latest,
            event_id,
            "good" if is_new else "duplicate",
        )
    )


def _note_owner(owners: set[str], found: Sound) -> None:
    customer = getattr(found.incoming.event, "customer", found.incoming.event)
    if isinstance(customer, CustomerSnapshot) and customer.owner is not None and customer.owner.email:
        address = customer.owner.email.strip().lower()
        if "@" in address:
            owners.add(address)

"""The CloudEvents 1.0 envelope on Kafka: binary mode out, binary and structured mode in.

Both directions are on the hot path and leave the data as bytes: the event type's model reads them once, and the digest
of the inbox is taken over what was sent. The `cloudevents` library parses the data to learn the envelope, and where an
id or a time is absent it makes one up, which would defeat both the inbox and the order of snapshots; it also refuses
the null attributes that the JSON format allows. It serves as the other side in the tests instead.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import orjson

from schemas.errors import (
    BadAttributeError,
    BadContentTypeError,
    BadJsonError,
    MissingAttributeError,
    MissingDataError,
    NotACloudEventError,
    UnsupportedVersionError,
)
from schemas.fields import format_instant

__all__ = [
    "SOURCE",
    "Decoded",
    "Envelope",
    "Headers",
    "Mode",
    "Tombstone",
    "decode",
    "decode_tombstone",
    "encode",
    "header_texts",
    "parse_instant",
]

SOURCE: Final = "/cscx/salesloft"
"""The `ce_source` of everything that we publish."""

Headers = Sequence[tuple[str, bytes]]

_JSON: Final = "application/json"


class Mode(StrEnum):
    """How the envelope was sent: as headers beside the data, or around it."""

    BINARY = "binary"
    STRUCTURED = "structured"


# Made once for each record in and each out, so not frozen: that takes three times as long.
@dataclass(slots=True, kw_only=True)
class Envelope:
    """A CloudEvent without its data. Times are aware and in UTC; `extensions` holds what has no field of its own."""

    id: str
    source: str
    type: str
    time: datetime | None = None
    """When it happened."""
    subject: str | None = None
    dataschema: str | None = None
    content_type: str = _JSON
    recorded_time: datetime | None = None
    """When it was noticed: a poll notices late."""
    correlation_id: str | None = None
    causation_id: str | None = None
    partition_key: str | None = None
    organization_id: str | None = None
    sequence: int | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    extensions: Mapping[str, str] = field(default_factory=dict)

    @property
    def journey_id(self) -> str:
        """What `correlation_id` is for the events that this one causes: the caller's, else the first event's id."""
        return self.correlation_id or self.id


@dataclass(slots=True, kw_only=True)
class Decoded:
    """An envelope and its data as JSON bytes; `data` is None for a tombstone that has a whole envelope."""

    envelope: Envelope
    data: bytes | None
    mode: Mode

    @property
    def required_data(self) -> bytes:
        """The data. MissingDataError where there is none, on topics where a null value means nothing."""
        if self.data is None:
            raise MissingDataError("the event has no data")
        return self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What a null value says of itself on a compacted topic, where the key says who; it needs no headers at all."""

    time: datetime | None
    correlation_id: str | None
    traceparent: str | None
    tracestate: str | None


_SPECVERSION: Final = ("ce_specversion", "1.0")
# The attributes that are text already, in the order in which `_TEXTS_OF` gives them.
_TEXT_HEADERS: Final = (
    "ce_subject",
    "ce_dataschema",
    "ce_correlationid",
    "ce_causationid",
    "ce_partitionkey",
    "ce_organizationid",
    "traceparent",
    "tracestate",
)
_TEXTS_OF: Final = attrgetter(
    "subject",
    "dataschema",
    "correlation_id",
    "causation_id",
    "partition_key",
    "organization_id",
    "traceparent",
    "tracestate",
)

# The known headers by their exact name, so that the common case costs one look-up each.
_ATTRIBUTE_OF_HEADER: Final = {
    **{
        "ce_" + name: name
        for name in (
            "specversion",
            "id",
            "source",
            "type",
            "time",
            "subject",
            "dataschema",
            "recordedtime",
            "correlationid",
            "causationid",
            "partitionkey",
            "organizationid",
            "sequence",
        )
    },
    "content-type": "datacontenttype",
}
_REQUIRED: Final = frozenset({"specversion", "id", "source", "type"})
_TRACE_HEADERS: Final = frozenset({"traceparent", "tracestate"})
_RESERVED_NAMES: Final = frozenset({"data", "data_base64", "datacontenttype"})

_EXTENSION_NAME: Final = re.compile(r"[a-z0-9]{1,20}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_JSON_MEDIA_TYPE: Final = re.compile(r"(application|text)/([a-z0-9.!#$&^_-]+\+)?json", re.ASCII)
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


class _Kind(StrEnum):
    JSON_DATA = "json data"
    STRUCTURED_JSON = "structured json"
    OTHER_STRUCTURED = "other structured"
    OTHER = "other"


def decode(headers: Headers, value: bytes | None) -> Decoded:
    """Read a record's envelope. EnvelopeError's subclasses say what is wrong; nothing else is raised.

    The mode goes by the content type alone. Of a header that is sent twice the last counts, as with Kafka's own
    `lastHeader`. In binary mode the data are the value's own bytes, which are not parsed here.
    """
    attributes, trace = _read_headers(headers)
    content_type = attributes.get("datacontenttype", _JSON)
    kind = _classify(content_type)
    if kind is _Kind.JSON_DATA:
        if len(attributes) == ("datacontenttype" in attributes):
            raise NotACloudEventError("no ce_ header and no CloudEvents content type")
        if value is not None:
            _check_storable(value)
        return Decoded(envelope=_envelope(attributes, trace), data=value, mode=Mode.BINARY)
    if kind is _Kind.STRUCTURED_JSON:
        if value is None:
            raise MissingDataError("structured mode has no tombstones: a null value there says nothing")
        return _decode_structured(value, trace)
    if kind is _Kind.OTHER_STRUCTURED or len(attributes) > 1:
        raise BadContentTypeError(f"content type {content_type[:100]!r} is not JSON in UTF-8")
    raise NotACloudEventError("no ce_ header and no CloudEvents content type")


def decode_tombstone(headers: Headers) -> Tombstone:
    """Read what a null value carries. Never raises: a malformed header must not stand in the way of an erasure."""
    found: dict[str, str] = {}
    for name, raw in headers:
        if raw is not None:
            found[name.lower()] = raw.decode(errors="replace")
    try:
        time = parse_instant(found["ce_time"]) if "ce_time" in found else None
    except ValueError:
        time = None
    return Tombstone(
        time=time,
        correlation_id=found.get("ce_correlationid"),
        traceparent=found.get("traceparent"),
        tracestate=found.get("tracestate"),
    )


def encode(envelope: Envelope) -> list[tuple[str, bytes]]:
    """The headers of binary mode. BadAttributeError for what no reader would take back."""
    return [(name, text.encode()) for name, text in header_texts(envelope)]


def header_texts(envelope: Envelope) -> list[tuple[str, str]]:
    """The headers of binary mode as text, whose UTF-8 goes to Kafka. BadAttributeError as with `encode`."""
    event_id, source, event_type = envelope.id, envelope.source, envelope.type
    if not (event_id and source and event_type):
        raise BadAttributeError("id, source and type must not be empty")
    headers = [
        ("content-type", envelope.content_type),
        _SPECVERSION,
        ("ce_id", event_id),
        ("ce_source", source),
        ("ce_type", event_type),
    ]
    try:
        if envelope.time is not None:
            headers.append(("ce_time", format_instant(envelope.time)))
        if envelope.recorded_time is not None:
            headers.append(("ce_recordedtime", format_instant(envelope.recorded_time)))
    except ValueError as error:
        raise BadAttributeError(str(error)) from error
    for header, text in zip(_TEXT_HEADERS, _TEXTS_OF(envelope), strict=True):
        if text:
            headers.append((header, text))
    if envelope.sequence is not None:
        headers.append(("ce_sequence", str(envelope.sequence)))
    if envelope.extensions:
        headers.extend(_extension_headers(envelope.extensions))
    return headers


def _extension_headers(extensions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in extensions.items():
        header = "ce_" + name
        is_free = _EXTENSION_NAME.fullmatch(name) and name not in _RESERVED_NAMES
        # `sequence` may come back as an extension: another producer's need not be a number.
        if not is_free or not text or (header in _ATTRIBUTE_OF_HEADER and name != "sequence"):
            raise BadAttributeError(
                f"{name[:40]!r} is no extension: [a-z0-9], 1 to 20 characters, a value, a free name"
            )
        yield header, text


def parse_instant(text: str) -> datetime:
    """RFC 3339 with any offset, in UTC; digits beyond microseconds are dropped. ValueError for anything else."""
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("not an RFC 3339 time with an offset")
    try:
        instant = datetime.fromisoformat(text.upper())
        return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is outside the calendar") from error


def _read_headers(headers: Headers) -> tuple[dict[str, str], dict[str, str]]:
    """The attributes by CloudEvents' names, and W3C's trace headers, which are no attributes."""
    attributes: dict[str, str] = {}
    trace: dict[str, str] = {}
    name = ""
    try:
        for name, raw in headers:
            attribute = _ATTRIBUTE_OF_HEADER.get(name)
            if attribute is None:
                lowered = name.lower()
                attribute = _ATTRIBUTE_OF_HEADER.get(lowered)
                if attribute is None:
                    if lowered in _TRACE_HEADERS and raw is not None:
                        trace[lowered] = raw.decode(errors="replace")
                        continue
                    if not lowered.startswith("ce_"):
                        continue
                    attribute = lowered[3:]
                    if _EXTENSION_NAME.fullmatch(attribute) is None or attribute in _RESERVED_NAMES:
                        raise BadAttributeError(f"attribute name {attribute[:40]!r} is not allowed")
            # A header's value may be null in Kafka, though the client's types do not say so: then it is not set.
            if raw is not None:
                attributes[attribute] = raw.decode()
    except UnicodeDecodeError as error:
        raise BadAttributeError(f"header {name[:40]!r} is not UTF-8") from error
    return attributes, trace


@lru_cache(maxsize=256)
def _classify(content_type: str) -> _Kind:
    media_type, _, parameters = content_type.strip().lower().partition(";")
    media_type = media_type.rstrip()
    charset = re.search(r'charset\s*=\s*"?([^";\s]*)', parameters)
    is_utf8 = charset is None or charset.group(1) in {"utf-8", "utf8", "us-ascii"}
    if media_type.startswith("application/cloudevents"):
        is_json = media_type == "application/cloudevents+json" and is_utf8
        return _Kind.STRUCTURED_JSON if is_json else _Kind.OTHER_STRUCTURED
    return _Kind.JSON_DATA if is_utf8 and _JSON_MEDIA_TYPE.fullmatch(media_type) else _Kind.OTHER


def _envelope(attributes: dict[str, str], trace: dict[str, str]) -> Envelope:
    """Take the attributes apart; what is left of the dict becomes the extensions."""
    values = attributes.values()
    # All at once first: nearly every envelope is without fault, and this is asked of each.
    if "" in values or not "".join(values).isprintable():
        _refuse_bad_text(attributes)
    take = attributes.pop
    version = take("specversion", "")
    event_id, source, event_type = take("id", ""), take("source", ""), take("type", "")
    if not (version and event_id and source and event_type):
        named = {"specversion": version, "id": event_id, "source": source, "type": event_type}
        raise MissingAttributeError(", ".join(name for name, text in named.items() if not text) + " is absent or empty")
    if version != "1.0":
        raise UnsupportedVersionError(f"specversion {version[:20]!r} is not 1.0")
    time, recorded, sequence = take("time", None), take("recordedtime", None), attributes.get("sequence")
    # Another producer's sequence may be any text, and stays what it is; ours is a number.
    if sequence is not None and sequence.isascii() and sequence.isdecimal() and len(sequence) < 19:
        del attributes["sequence"]
    else:
        sequence = None
    return Envelope(
        id=event_id,
        source=source,
        type=event_type,
        time=None if time is None else _instant("time", time),
        subject=take("subject", None),
        dataschema=take("dataschema", None),
        content_type=take("datacontenttype", _JSON),
        recorded_time=None if recorded is None else _instant("recordedtime", recorded),
        correlation_id=take("correlationid", None),
        causation_id=take("causationid", None),
        partition_key=take("partitionkey", None),
        organization_id=take("organizationid", None),
        sequence=None if sequence is None else int(sequence),
        traceparent=trace.get("traceparent"),
        tracestate=trace.get("tracestate"),
        extensions=attributes,
    )


def _refuse_bad_text(attributes: Mapping[str, str]) -> None:
    for name, text in attributes.items():
        if _CONTROL.search(text):
            raise BadAttributeError(f"attribute {name!r} holds a control character")
        if not text and name not in _REQUIRED:
            raise BadAttributeError(f"attribute {name!r} is empty")


def _instant(name: str, text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadAttributeError(f"{name}: {error}") from error


def _decode_structured(value: bytes, trace: dict[str, str]) -> Decoded:
    """The JSON event format: a null member is an attribute that is not set; data come as `data` or `data_base64`."""
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise BadJsonError("the value is not JSON") from error
    if not isinstance(document, dict):
        raise BadJsonError("the value is not a JSON object")
    has_data = "data" in document
    data = document.pop("data", None)
    encoded = document.pop("data_base64", None)
    attributes = {name: _attribute_text(name, item) for name, item in document.items() if item is not None}
    if not attributes and not has_data:
        raise NotACloudEventError("the JSON object has no attribute of a CloudEvent")
    kind = _classify(attributes.get("datacontenttype", _JSON))
    envelope = _envelope(attributes, trace)
    if kind is not _Kind.JSON_DATA:
        raise BadContentTypeError("datacontenttype is not JSON in UTF-8")
    if encoded is not None:
        if data is not None or not isinstance(encoded, str):
            raise BadJsonError("data_base64 is text, and excludes data")
        try:
            payload = b64decode(encoded, validate=True)
        except (Base64Error, ValueError) as error:
            raise BadJsonError("data_base64 is not base64") from error
    elif has_data:
        payload = orjson.dumps(data)
    else:
        raise MissingDataError("the event has no data")
    _check_storable(payload)
    return Decoded(envelope=envelope, data=payload, mode=Mode.STRUCTURED)


def _attribute_text(name: str, item: Any) -> str:
    """CloudEvents' text of a JSON attribute."""
    if _EXTENSION_NAME.fullmatch(name) is None:
        raise BadAttributeError(f"attribute name {name[:40]!r} is not allowed")
    if isinstance(item, str):
        return item
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item)
    raise BadAttributeError(f"attribute {name!r} is neither text, number nor boolean")


def _check_storable(data: bytes) -> None:
    """Refuse what is read here and fails later: NaN and Infinity are no JSON, and Postgres holds no NUL character.

    The bytes are searched first, and parsed only where one of these may be in them.
    """
    if not (b"\\u0000" in data or b"NaN" in data or b"Infinity" in data):
        return
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadJsonError("the data are not JSON") from error
    if _holds_nul(document):
        raise BadJsonError("the data hold a NUL character")


def _holds_nul(document: Any) -> bool:
    if isinstance(document, str):
        return "\x00" in document
    if isinstance(document, dict):
        return any("\x00" in name or _holds_nul(item) for name, item in document.items())
    return isinstance(document, list) and any(_holds_nul(item) for item in document)

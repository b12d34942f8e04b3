"""The envelope in both modes: what goes out comes back, and what is wrong has a name."""

import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Envelope, Mode, decode, decode_tombstone, encode, parse_instant
from schemas.errors import (
    BadAttributeError,
    BadContentTypeError,
    BadJsonError,
    EnvelopeError,
    MissingAttributeError,
    MissingDataError,
    NotACloudEventError,
    UnsupportedVersionError,
)

REQUIRED = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/platform"), ("ce_type", b"a.b")]
HEADERS = [("content-type", b"application/json"), *REQUIRED]
STRUCTURED = [("content-type", b"application/cloudevents+json")]

texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=30)
instants = st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001  # the strategy adds the zone
extension_names = st.from_regex(r"\Ax[a-z0-9]{1,19}\Z")
envelopes = st.builds(
    Envelope,
    id=texts,
    source=texts,
    type=texts,
    time=st.none() | instants,
    subject=st.none() | texts,
    dataschema=st.none() | texts,
    recorded_time=st.none() | instants,
    correlation_id=st.none() | texts,
    causation_id=st.none() | texts,
    partition_key=st.none() | texts,
    organization_id=st.none() | texts,
    sequence=st.none() | st.integers(0, 10**17),
    traceparent=st.none() | texts,
    tracestate=st.none() | texts,
    extensions=st.dictionaries(extension_names, texts, max_size=3),
)


def structured(**members: Any) -> bytes:
    return orjson.dumps({"specversion": "1.0", "id": "1", "source": "/platform", "type": "a.b", **members})


@given(envelopes, st.binary() | st.none())
def test_binary_mode_comes_back(envelope: Envelope, data: bytes | None) -> None:
    if data is not None and (b"u0000" in data or b"NaN" in data or b"Infinity" in data):
        return
    decoded = decode(encode(envelope), data)
    assert decoded.envelope == envelope
    assert decoded.data == data
    assert decoded.mode is Mode.BINARY


def test_header_names_are_those_of_the_contract() -> None:
    happened = datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=1)))
    envelope = Envelope(
        id="e-1",
        source="/cscx/salesloft",
        type="a.b",
        time=happened,
        subject="s",
        dataschema="urn:x",
        recorded_time=happened,
        correlation_id="c",
        causation_id="d",
        partition_key="org-1:cus-7",
        organization_id="org-1",
        sequence=7,
        traceparent="00-a-b-01",
        tracestate="v=1",
        extensions={"tenant": "t"},
    )
    assert dict(encode(envelope)) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_id": b"e-1",
        "ce_source": b"/cscx/salesloft",
        "ce_type": b"a.b",
        "ce_time": b"2026-11-23T09:00:00.000000Z",
        "ce_recordedtime": b"2026-11-23T09:00:00.000000Z",
        "ce_subject": b"s",
        "ce_dataschema": b"urn:x",
        "ce_correlationid": b"c",
        "ce_causationid": b"d",
        "ce_partitionkey": b"org-1:cus-7",
        "ce_organizationid": b"org-1",
        "ce_sequence": b"7",
        "traceparent": b"00-a-b-01",
        "tracestate": b"v=1",
        "ce_tenant": b"t",
    }


def test_journey_keeps_the_first_id() -> None:
    first = Envelope(id="1", source="/x", type="t")
    assert first.journey_id == "1"
    assert Envelope(id="2", source="/x", type="t", correlation_id=first.journey_id).journey_id == "1"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["content-type", "ce_id", "ce_type", "ce_time", "ce_specversion", "x", "ce_"]),
            st.binary(max_size=30),
        )
    ),
    st.binary(max_size=200) | st.none(),
)
def test_nothing_but_envelope_errors_is_raised(headers: list[tuple[str, bytes]], value: bytes | None) -> None:
    for sent in (headers, HEADERS + headers, STRUCTURED + headers, headers + STRUCTURED):
        with suppress(EnvelopeError):
            decode(sent, value)
    decode_tombstone(headers)


@pytest.mark.parametrize("missing", ["ce_specversion", "ce_id", "ce_source", "ce_type"])
def test_required_attributes_are_named_when_absent_or_empty(missing: str) -> None:
    name = missing.removeprefix("ce_")
    without = [header for header in HEADERS if header[0] != missing]
    with pytest.raises(MissingAttributeError, match=name):
        decode(without, b"{}")
    with pytest.raises(MissingAttributeError, match=name):
        decode([*without, (missing, b"")], b"{}")


@pytest.mark.parametrize(
    "headers", [[], [("content-type", b"application/json")], [("traceparent", b"x")], [("content-type", b"text/html")]]
)
def test_a_record_without_attributes_is_no_cloudevent(headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(NotACloudEventError):
        decode(headers, b"{}")


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([*HEADERS[:1], ("ce_specversion", b"0.3"), *REQUIRED[1:]], b"{}"),
        (STRUCTURED, structured(specversion="0.3")),
    ],
)
def test_other_versions_are_refused(headers: list[tuple[str, bytes]], value: bytes) -> None:
    with pytest.raises(UnsupportedVersionError):
        decode(headers, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-11-23"),
        ("ce_time", b"2026-11-23T10:00:00"),
        ("ce_time", b"2026-W47-1T10:00:00Z"),
        ("ce_time", b"0001-01-01T00:00:00+14:00"),
        ("ce_recordedtime", b"x"),
        ("ce_subject", b""),
        ("ce_subject", b"\xff"),
        ("ce_subject", b"a\x00b"),
        ("ce_id", b"a\nb"),
        ("ce_", b"x"),
        ("ce_data", b"x"),
        ("ce_with-dash", b"x"),
        ("ce_" + "a" * 21, b"x"),
        ("ce_\u017f", b"x"),
    ],
)
def test_bad_attributes_are_refused(name: str, value: bytes) -> None:
    with pytest.raises(BadAttributeError):
        decode([*HEADERS, (name, value)], b"{}")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T09:00:00Z",
        "2026-11-23t09:00:00z",
        "2026-11-23T10:00:00.000000+01:00",
        "2026-11-23T00:00:00.000-09:00",
        "2026-11-23T09:00:00.000000999Z",
    ],
)
def test_times_are_read_with_any_offset_and_precision(text: str) -> None:
    assert parse_instant(text) == datetime(2026, 11, 23, 9, tzinfo=UTC)
    decoded = decode([*HEADERS, ("ce_time", text.encode())], b"{}")
    assert decoded.envelope.time == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert decoded.envelope.time is not None
    assert decoded.envelope.time.tzinfo is UTC


def test_an_absent_time_stays_absent() -> None:
    assert decode(HEADERS, b"{}").envelope.time is None
    assert decode(STRUCTURED, structured(data={})).envelope.time is None


@pytest.mark.parametrize(
    "content_type", [b"application/json", b"application/json; charset=UTF-8", b"application/vnd.x+json", b"Text/JSON"]
)
def test_json_content_types(content_type: bytes) -> None:
    assert decode([("content-type", content_type), *REQUIRED], b"{}").mode is Mode.BINARY


def test_binary_mode_needs_no_content_type() -> None:
    assert decode(REQUIRED, b"{}").data == b"{}"


@pytest.mark.parametrize(
    "content_type",
    [
        b"text/plain",
        b"application/xml",
        b"application/json; charset=utf-16",
        b"application/cloudevents-batch+json",
        b"application/cloudevents+avro",
        b"APPLICATION/CLOUDEVENTS",
    ],
)
def test_other_content_types_are_refused(content_type: bytes) -> None:
    with pytest.raises(BadContentTypeError):
        decode([("content-type", content_type), *REQUIRED], structured(data={}))


@pytest.mark.parametrize(
    "content_type", [b"application/cloudevents+json", b"Application/CloudEvents+JSON; charset=UTF-8"]
)
def test_mode_goes_by_content_type_and_not_by_headers(content_type: bytes) -> None:
    stale = [("ce_id", b"header"), ("ce_type", b"header"), ("traceparent", b"00-a-b-01")]
    decoded = decode([("Content-Type", content_type), *stale], structured(id="body", data={"a": 1}))
    assert decoded.mode is Mode.STRUCTURED
    assert decoded.envelope.id == "body"
    assert decoded.envelope.traceparent == "00-a-b-01"
    assert decoded.data == b'{"a":1}'


def test_structured_members_that_are_null_are_not_set() -> None:
    decoded = decode(STRUCTURED, structured(time=None, subject=None, data={"a": None}))
    assert decoded.envelope.time is None
    assert decoded.envelope.subject is None
    assert decoded.data == b'{"a":null}'


def test_structured_attributes_of_other_types_become_text() -> None:
    extensions = decode(STRUCTURED, structured(flag=True, number=3, data=1)).envelope.extensions
    assert extensions == {"flag": "true", "number": "3"}


def test_structured_base64() -> None:
    assert decode(STRUCTURED, structured(data_base64=base64.b64encode(b'{"a":1}').decode())).data == b'{"a":1}'


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"", BadJsonError),
        (b"[" * 100_000, BadJsonError),
        (b"[]", BadJsonError),
        (b'"text"', BadJsonError),
        (b"{}", NotACloudEventError),
        (structured(), MissingDataError),
        (structured(data={})[:-1] + b',"x":NaN}', BadJsonError),
        (structured(data={"a": "\x00"}), BadJsonError),
        (structured(data_base64="?"), BadJsonError),
        (structured(data_base64=1), BadJsonError),
        (structured(data={}, data_base64="e30="), BadJsonError),
        (structured(data={}, datacontenttype="application/xml"), BadContentTypeError),
        (structured(data={}, nested={}), BadAttributeError),
        (structured(data={}, UPPER="x"), BadAttributeError),
        (structured(data={}, time="x"), BadAttributeError),
        (b'{"data":{},"id":"1"}', MissingAttributeError),
        (None, MissingDataError),
    ],
)
def test_structured_faults_are_named(value: bytes | None, error: type[EnvelopeError]) -> None:
    with pytest.raises(error):
        decode(STRUCTURED, value)


@pytest.mark.parametrize(
    "data", [b'{"a":"\\u0000"}', b'{"\\u0000":1}', b'[{"a":["\\u0000"]}]', b'{"a":NaN}', b'{"a":-Infinity}']
)
def test_data_that_no_database_holds_are_refused(data: bytes) -> None:
    with pytest.raises(BadJsonError):
        decode(HEADERS, data)


@pytest.mark.parametrize("data", [b'{"a":"\\\\u0000"}', b'{"a":"NaN and Infinity"}', b'{"NaN":1}'])
def test_data_that_only_look_suspicious_pass(data: bytes) -> None:
    assert decode(HEADERS, data).data == data


def test_the_last_of_two_equal_headers_counts_and_a_null_one_is_not_set() -> None:
    sent: list[Any] = [*HEADERS, ("ce_id", b"2"), ("ce_subject", None)]
    envelope = decode(sent, b"{}").envelope
    assert envelope.id == "2"
    assert envelope.subject is None


def test_a_foreign_sequence_stays_text() -> None:
    envelope = decode([*HEADERS, ("ce_sequence", b"a-1")], b"{}").envelope
    assert envelope.sequence is None
    assert envelope.extensions == {"sequence": "a-1"}
    assert ("ce_sequence", b"a-1") in encode(envelope)


def test_a_tombstone_may_have_an_envelope() -> None:
    decoded = decode(HEADERS, None)
    assert decoded.data is None
    with pytest.raises(MissingDataError):
        _ = decoded.required_data
    assert decode(HEADERS, b"{}").required_data == b"{}"


def test_a_tombstone_needs_no_headers() -> None:
    assert decode_tombstone([]).time is None
    told = decode_tombstone([("ce_time", b"2026-11-23T09:00:00Z"), ("ce_correlationid", b"c"), ("traceparent", b"t")])
    assert told.time == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert (told.correlation_id, told.traceparent, told.tracestate) == ("c", "t", None)


@pytest.mark.parametrize("headers", [[("ce_time", b"x")], [("ce_time", b"\xff")], [("ce_time", None)]])
def test_a_malformed_header_does_not_stop_an_erasure(headers: Any) -> None:
    assert decode_tombstone(headers).time is None


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope(id="", source="/x", type="t"),
        Envelope(id="1", source="/x", type="t", time=datetime(2026, 1, 1)),  # noqa: DTZ001  # the fault under test
        Envelope(id="1", source="/x", type="t", extensions={"UPPER": "x"}),
        Envelope(id="1", source="/x", type="t", extensions={"empty": ""}),
        Envelope(id="1", source="/x", type="t", extensions={"subject": "x"}),
        Envelope(id="1", source="/x", type="t", extensions={"a" * 21: "x"}),
    ],
)
def test_what_no_reader_would_take_is_not_written(envelope: Envelope) -> None:
    with pytest.raises(BadAttributeError):
        encode(envelope)

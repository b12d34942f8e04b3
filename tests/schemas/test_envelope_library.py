"""The same records, read and written by the `cloudevents` library."""

from datetime import UTC, datetime
from typing import Any

import orjson
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Decoded, Envelope, Mode, decode, encode

words = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
attributes = st.fixed_dictionaries(
    {
        "id": words,
        "source": words,
        "type": words,
        "time": st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1)),  # noqa: DTZ001  # the strategy adds the zone
    },
    optional={"subject": words, "dataschema": words, "correlationid": words, "organizationid": words, "tenant": words},
)
payloads = st.dictionaries(
    words, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words, min_size=1, max_size=4
)

FIELDS = {"correlationid": "correlation_id", "organizationid": "organization_id"}


def same(decoded: Decoded, sent: dict[str, Any], payload: dict[str, Any]) -> bool:
    envelope = decoded.envelope
    for name in ("id", "source", "type", "time", "subject", "dataschema", "correlationid", "organizationid"):
        assert getattr(envelope, FIELDS.get(name, name)) == sent.get(name), name
    assert envelope.extensions.get("tenant") == sent.get("tenant")
    assert decoded.data is not None
    return bool(orjson.loads(decoded.data) == payload)


@given(attributes, payloads)
def test_its_binary_mode_is_read(sent: dict[str, Any], payload: dict[str, Any]) -> None:
    message = to_binary_event(CloudEvent({**sent, "datacontenttype": "application/json"}, payload))
    decoded = decode(list(message.headers.items()), message.value)
    assert decoded.mode is Mode.BINARY
    assert same(decoded, sent, payload)


@given(attributes, payloads)
def test_its_structured_mode_is_read(sent: dict[str, Any], payload: dict[str, Any]) -> None:
    message = to_structured_event(CloudEvent(dict(sent), payload))
    decoded = decode(list(message.headers.items()), message.value)
    assert decoded.mode is Mode.STRUCTURED
    assert same(decoded, sent, payload)


@given(attributes, payloads)
def test_it_reads_ours(sent: dict[str, Any], payload: dict[str, Any]) -> None:
    envelope = Envelope(
        id=sent["id"],
        source=sent["source"],
        type=sent["type"],
        time=sent["time"],
        subject=sent.get("subject"),
        dataschema=sent.get("dataschema"),
        correlation_id=sent.get("correlationid"),
        organization_id=sent.get("organizationid"),
        sequence=12,
        extensions={"tenant": sent["tenant"]} if "tenant" in sent else {},
    )
    event = from_binary_event(KafkaMessage(headers=dict(encode(envelope)), key=None, value=orjson.dumps(payload)))
    assert event.get_data() == payload
    expected = {**sent, "specversion": "1.0", "datacontenttype": "application/json", "sequence": "12"}
    assert event.get_attributes() == expected

"""One AsyncAPI 3.0 document of all topics, with Kafka bindings, assembled over the models' JSON Schemas."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from schemas.envelope import SOURCE, Envelope, encode
from schemas.json_schema import shared_schemas
from schemas.registry import EventType, dataschema_id
from schemas.topics import ALL_TOPICS, GROUP, TOPICS, Direction, KeyKind, Topic

__all__ = ["asyncapi_document"]

Types = Sequence[EventType[Any]]

_KAFKA_BINDING: Final = "0.5.0"
_ID_PATTERN: Final = "[^:]+"
_HAPPENED: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "CloudEvents 1.0 in Kafka's binary mode, with W3C trace context. Values are UTF-8 text.",
    "required": ["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type"],
    "properties": {
        "content-type": {"type": "string", "const": "application/json"},
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "minLength": 1},
        "ce_source": {"type": "string", "format": "uri-reference", "minLength": 1},
        "ce_type": {"type": "string", "minLength": 1},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened."},
        "ce_recordedtime": {"type": "string", "format": "date-time", "description": "When it was noticed."},
        "ce_subject": {"type": "string", "minLength": 1},
        "ce_dataschema": {"type": "string", "format": "uri"},
        "ce_correlationid": {"type": "string", "description": "The caller's, or the first event's id."},
        "ce_causationid": {"type": "string", "description": "The id of the event that caused this one."},
        "ce_partitionkey": {"type": "string", "description": "The record key."},
        "ce_organizationid": {"type": "string"},
        "ce_sequence": {"type": "string", "pattern": "^[0-9]+$", "description": "Orders a state's events."},
        "traceparent": {"type": "string"},
        "tracestate": {"type": "string"},
    },
}

_DEAD_LETTER_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The original headers, and where the record came from and why it is here; mirrored as kafka_dlt-*.",
    "required": ["x-dlq-original-topic", "x-dlq-original-partition", "x-dlq-original-offset", "x-dlq-error-code"],
    "properties": {
        **{
            f"x-dlq-{name}": {"type": "string"}
            for name in (
                "original-topic",
                "original-partition",
                "original-offset",
                "original-timestamp",
                "consumer-group",
                "error-code",
                "error-message",
                "attempts",
            )
        },
        "x-dlq-stage": {"type": "string", "enum": ["decode", "validate", "decide", "apply"]},
        "x-replay-count": {"type": "string"},
        "x-replay-id": {"type": "string"},
        "x-replay-requested-by": {"type": "string"},
    },
}


def asyncapi_document(event_types: Iterable[EventType[Any]], versions: Mapping[str, int]) -> dict[str, Any]:
    """The document, for the newest published version of each event type's schema."""
    types = sorted(event_types, key=lambda event_type: event_type.name)
    references, definitions = shared_schemas(types)
    messages = {
        event_type.name: _message(event_type, versions[event_type.name], references[event_type.model])
        for event_type in types
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Salesloft cadences for CSCX.AI",
            "version": "1.0.0",
            "description": (
                "Lifecycle events and approvals in; enrollments, activity and engagement out. A breaking change is a "
                "new type and topic, a compatible one a new ce_dataschema."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, types) for topic in ALL_TOPICS},
        "operations": dict(operation for topic in TOPICS for operation in _operations(topic, types)),
        "components": {
            "messages": {**messages, "dead-letter": _dead_letter()},
            "schemas": {
                **definitions,
                "CloudEventHeaders": _HEADERS,
                "DeadLetterHeaders": _DEAD_LETTER_HEADERS,
            },
        },
    }


def _types_of(topic: Topic, types: Types) -> list[str]:
    return [event_type.name for event_type in types if event_type.topic == topic]


def _channel(topic: Topic, types: Types) -> dict[str, Any]:
    names = _types_of(topic, types) or ["dead-letter"]
    configuration = topic.config(replication_factor=3)
    settings: dict[str, Any] = {"cleanup.policy": [configuration["cleanup.policy"]]}
    for name in ("retention.ms", "delete.retention.ms", "max.message.bytes"):
        if name in configuration:
            settings[name] = int(configuration[name])
    return {
        "address": topic.name,
        "description": topic.purpose,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": settings,
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _operations(topic: Topic, types: Types) -> list[tuple[str, dict[str, Any]]]:
    actions = {Direction.IN: ["receive"], Direction.OUT: ["send"], Direction.BOTH: ["receive", "send"]}
    return [(f"{action}.{topic.name}", _operation(topic, types, action)) for action in actions[topic.direction]]


def _operation(topic: Topic, types: Types, action: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": topic.purpose,
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _types_of(topic, types)],
    }
    if action == "receive":
        group = {"type": "string", "enum": [GROUP]}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": _KAFKA_BINDING}}
    return operation


def _message(event_type: EventType[Any], version: int, payload: str) -> dict[str, Any]:
    schema_id = dataschema_id(event_type.name, version)
    described = (event_type.model.__doc__ or event_type.name).strip().splitlines()[0]
    return {
        "name": event_type.name,
        "title": event_type.name,
        "summary": described,
        "contentType": "application/json",
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEventHeaders"},
                {"type": "object", "properties": {"ce_type": {"type": "string", "const": event_type.name}}},
            ]
        },
        "payload": {"$ref": payload},
        "bindings": {"kafka": {"key": _key_schema(event_type.key), "bindingVersion": _KAFKA_BINDING}},
        "examples": [
            {"name": "example", "headers": _example_headers(event_type, schema_id), "payload": example}
            for example in event_type.examples
        ],
        "x-dataschema": schema_id,
        "x-schema-file": f"{event_type.name}/{version}.json",
    }


def _example_headers(event_type: EventType[Any], schema_id: str) -> dict[str, str]:
    ours = event_type.direction is not Direction.IN
    envelope = Envelope(
        id="6e1c7b52-58e4-4f6e-a1d2-6c1f0b3f7a10",
        source=SOURCE if ours else "/cscx/platform",
        type=event_type.name,
        time=_HAPPENED,
        dataschema=schema_id,
        correlation_id="6e1c7b52-58e4-4f6e-a1d2-6c1f0b3f7a10",
        organization_id="org-1",
    )
    return {name: text.decode() for name, text in encode(envelope)}


def _key_schema(kind: KeyKind) -> dict[str, Any]:
    second = "" if kind is KeyKind.ORGANIZATION else f":{_ID_PATTERN}"
    described = "<organization_id>" if kind is KeyKind.ORGANIZATION else f"<organization_id>:<{kind}_id>"
    return {"type": "string", "pattern": f"^{_ID_PATTERN}{second}$", "description": described}


def _dead_letter() -> dict[str, Any]:
    return {
        "name": "dead-letter",
        "title": "A record that could not be processed",
        "summary": "The original key, value and headers byte for byte, with the dead-letter headers beside them.",
        "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
        "payload": {},
    }

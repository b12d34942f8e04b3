"""The AsyncAPI document holds together: references resolve, examples fit, and it says what the catalogue says."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import orjson
import pytest

from schemas.publish import PUBLISHED
from schemas.registry import EVENT_TYPES
from schemas.topics import ALL_TOPICS, TOPICS, Direction

DOCUMENT: dict[str, Any] = orjson.loads((PUBLISHED / "asyncapi.json").read_bytes())
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]


def walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for part in node.values():
            yield from walk(part)
    elif isinstance(node, list):
        for part in node:
            yield from walk(part)


def resolve(reference: str) -> Any:
    target: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return target


def fits(schema: dict[str, Any], instance: Any) -> None:
    whole = {**schema, "components": {"schemas": DOCUMENT["components"]["schemas"]}}
    jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(instance)


def test_the_required_parts_are_there() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for kind in ("messages", "schemas"):
        assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in DOCUMENT["components"][kind])


def test_every_reference_resolves() -> None:
    references = [node["$ref"] for node in walk(DOCUMENT) if isinstance(node.get("$ref"), str)]
    assert len(references) > 100
    for reference in references:
        assert isinstance(resolve(reference), dict), reference


def test_every_topic_is_a_channel_with_its_bindings() -> None:
    assert set(DOCUMENT["channels"]) == {topic.name for topic in ALL_TOPICS}
    for topic in ALL_TOPICS:
        channel = DOCUMENT["channels"][topic.name]
        kafka = channel["bindings"]["kafka"]
        assert channel["address"] == kafka["topic"] == topic.name
        assert kafka["partitions"] == topic.partitions
        settings = kafka["topicConfiguration"]
        assert settings["cleanup.policy"] == ["compact" if topic.is_compacted else "delete"]
        assert ("retention.ms" in settings) != topic.is_compacted


def test_every_type_is_a_message_of_its_channel() -> None:
    assert set(MESSAGES) == {*EVENT_TYPES, "dead-letter"}
    for name, event_type in EVENT_TYPES.items():
        assert name in DOCUMENT["channels"][event_type.topic.name]["messages"]
        assert MESSAGES[name]["x-dataschema"] == event_type.dataschema
        assert (PUBLISHED / MESSAGES[name]["x-schema-file"]).exists()


def test_operations_go_the_way_of_their_topic() -> None:
    ways = {Direction.IN: {"receive"}, Direction.OUT: {"send"}, Direction.BOTH: {"receive", "send"}}
    for topic in TOPICS:
        operations = [
            operation
            for operation in DOCUMENT["operations"].values()
            if operation["channel"]["$ref"] == f"#/channels/{topic.name}"
        ]
        assert {operation["action"] for operation in operations} == ways[topic.direction]
        for operation in operations:
            assert operation["messages"]
            for message in operation["messages"]:
                assert message["$ref"].startswith(f"#/channels/{topic.name}/messages/")


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_examples_fit_payload_headers_and_key(name: str) -> None:
    message = MESSAGES[name]
    assert message["examples"]
    for example in message["examples"]:
        fits(message["payload"], example["payload"])
        fits(message["headers"], example["headers"])
        with pytest.raises(jsonschema.ValidationError):
            fits(message["payload"], example["payload"] | {"organization_id": None})
        with pytest.raises(jsonschema.ValidationError):
            fits(message["headers"], example["headers"] | {"ce_type": "other"})
    key = message["bindings"]["kafka"]["key"]
    sample = "org-1" if key["description"] == "<organization_id>" else "org-1:x-1"
    jsonschema.validate(sample, key)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(sample + ":more", key)

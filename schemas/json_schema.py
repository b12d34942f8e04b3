"""The models as JSON Schema 2020-12, as it is published: open objects, no generated titles."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from schemas.registry import EventType, dataschema_id
from schemas.topics import Direction

__all__ = ["published_schema", "shared_schemas"]

_REF_TEMPLATE: Final = "#/components/schemas/{model}"


class _Published(GenerateJsonSchema):
    """Says nothing of `additionalProperties` where our models are closed: readers must take fields added later."""

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        generated = super().model_schema(schema)
        if generated.get("additionalProperties") is False:
            del generated["additionalProperties"]
        return generated

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's signature
        return False


def _mode(direction: Direction) -> JsonSchemaMode:
    """What we consume is described by what is accepted, what we only produce by what is written."""
    return "serialization" if direction is Direction.OUT else "validation"


def published_schema(event_type: EventType[Any], *, version: int) -> dict[str, Any]:
    """The schema of one event type, whose `$id` is the `ce_dataschema` of its events."""
    generated = event_type.model.model_json_schema(schema_generator=_Published, mode=_mode(event_type.direction))
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": dataschema_id(event_type.name, version),
        **generated,
        "title": event_type.name,
    }


def shared_schemas(event_types: Sequence[EventType[Any]]) -> tuple[dict[type[Any], str], dict[str, Any]]:
    """For each model the reference to it, and the definitions under `#/components/schemas`, each once."""
    wanted = list(dict.fromkeys((found.model, _mode(found.direction)) for found in event_types))
    references, document = models_json_schema(wanted, schema_generator=_Published, ref_template=_REF_TEMPLATE)
    return (
        {model: reference["$ref"] for (model, _), reference in references.items()},
        dict(sorted(document["$defs"].items())),
    )

"""Salesloft's own OpenAPI document, read as a schema of rows, and how far its answers may differ from it.

The document describes bare rows, names no property required, and is of 2023: every property is nullable here, and what
came later or is answered otherwise is listed with its reason.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

__all__ = ["ADDED", "OTHERWISE", "differences", "document"]

ROOT = Path(__file__).parents[3]
OPENAPI = Path(os.environ.get("CSCX_SALESLOFT_OPENAPI", ROOT.parent / "shared" / "salesloft" / "openapi.yaml"))

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}
_LATER = "later than the document; seen in recorded answers"
_EMAIL_LATER = "in recorded answers and in public readers' field lists"
# What a row has beyond the document, by kind and property.
ADDED: dict[str, dict[str, str]] = {
    "Account": {"prospector_engagement_level": _LATER, "prospector_engagement_score": _LATER},
    "Action": {"task": _LATER},
    "ActivityHistory": {"tags": _LATER},
    "Cadence": {
        "archived": _LATER,
        "archived_by": _LATER,
        "current_state": _LATER,
        "knowledge_library_document_ids": _LATER,
        "latest_active_date": _LATER,
        "override_contact_restrictions": _LATER,
    },
    "CadenceMembership": {"step": _LATER},
    "Call": {"connected": _LATER, "positive": _LATER, "task": _LATER},
    "Email": {
        "additional_recipients": _EMAIL_LATER,
        "body": "shown with the privileged scope, null without",
        "draft_with_ai": _EMAIL_LATER,
        "message_id": _EMAIL_LATER,
    },
    "Person": {"account_crm_id": _LATER, "external_source": _LATER, "hot_lead": _LATER, "job_function": _LATER},
    "User": {"locale_utc_offset": _LATER, "seat_package": _LATER},
}
# What a property is instead of what the document says.
OTHERWISE: dict[tuple[str, str], tuple[tuple[type, ...], str]] = {
    ("ActivityHistory", "id"): ((str,), "recorded as a text such as sent_email-722488662"),
    ("ActivityHistory", "resource_type"): ((str,), "recorded as a text such as person"),
    ("ActivityHistory", "failed_dynamic_resources"): ((list,), "recorded as an array"),
    ("User", "role"): ((dict,), "its id may be a text such as Admin"),
}


@cache
def _loaded() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(OPENAPI.read_text(), Loader=yaml.CSafeLoader)
    return loaded


def document() -> dict[str, Any]:
    """The whole document; skips the test where it is absent."""
    if not OPENAPI.exists():
        pytest.skip("Salesloft's OpenAPI document is not here")
    return _loaded()


def differences(kind: str, row: dict[str, Any]) -> list[str]:
    """What is missing, of the wrong type or too much in a row, as sentences."""
    properties = document()["components"]["schemas"][kind]["properties"]
    found = [f"{kind}.{name} is missing" for name in properties.keys() - row.keys()]
    found += [f"{kind}.{name} is not known" for name in row.keys() - properties.keys() - ADDED.get(kind, {}).keys()]
    for name, described in properties.items():
        value = row.get(name)
        if value is None:
            continue
        if (kind, name) in OTHERWISE:
            if not isinstance(value, OTHERWISE[kind, name][0]):
                found.append(f"{kind}.{name} is {value!r}")
        else:
            found += _differences_of(f"{kind}.{name}", described, value)
    return sorted(found)


def _differences_of(place: str, described: dict[str, Any], value: Any) -> list[str]:
    if "$ref" in described:
        inner = described["$ref"].rpartition("/")[2]
        if not isinstance(value, dict):
            return [f"{place} is {value!r}"]
        if inner == "EmbeddedResource":
            # `_href` is absent where no public endpoint exists.
            known = isinstance(value.get("id"), int) and value.keys() <= {"id", "_href"}
            return [] if known else [f"{place} is no embed: {value!r}"]
        return differences(inner, value)
    allowed = _TYPES[described["type"]]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        return [f"{place} is {value!r}"]
    if isinstance(value, list) and described.get("items"):
        return [found for one in value for found in _differences_of(f"{place}[]", described["items"], one)]
    return []

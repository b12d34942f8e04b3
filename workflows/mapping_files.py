"""An organization's mappings as a YAML file, out and in."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from enrollment.drafts import Finding, MappingDocument, MappingInvalid, parse_document

__all__ = ["MappingFile", "read_change", "read_document", "read_file", "written", "written_document"]

_NAMESPACE = uuid.UUID("0b2d5a0e-8f6e-4d0b-9d55-3d6f1a2c9e44")
_LARGEST = 2_000_000
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class MappingFile:
    """The mappings that a file says an organization is to have, each with its id."""

    mappings: tuple[tuple[UUID, MappingDocument], ...]


def written(organization_id: str, documents: Iterable[MappingDocument]) -> str:
    """The file of some mappings, in their order."""
    told = {"organization_id": organization_id, "mappings": [document.plain() for document in documents]}
    return _dumped(told)


def written_document(document: MappingDocument) -> str:
    """One mapping alone, as `read_document` reads it."""
    return _dumped(document.plain())


def read_document(text: str) -> MappingDocument:
    """One mapping, alone in its file. Raises MappingInvalid with everything that cannot be read."""
    return parse_document(_plain(text))


def read_change(text: str, published: Iterable[MappingDocument]) -> MappingDocument:
    """One mapping, alone in its file; where it has the id of a published one, what it leaves out is as that one has it.

    Raises MappingInvalid with everything that cannot be read.
    """
    plain = _plain(text)
    if not isinstance(plain, dict):
        return parse_document(plain)
    before = {str(one.id): one for one in published}.get(str(plain.get("id")))
    return parse_document({**before.plain(), **plain} if before is not None else plain)


def read_file(text: str, organization_id: str) -> MappingFile:
    """A file's mappings, for an organization. Raises MappingInvalid with everything that cannot be read.

    Ids are an organization's own: from another one's file each gives a new one, and so does a mapping without an id.
    The same file gives the same ids whenever it is read.
    """
    plain = _plain(text)
    if not isinstance(plain, dict) or not isinstance(plain.get("mappings"), list):
        raise MappingInvalid([Finding("the file", "has no list of `mappings`: begin with one that was exported")])
    unknown = plain.keys() - {"organization_id", "mappings"}
    if unknown:
        raise MappingInvalid(Finding(str(one), "is not known here: take it out") for one in sorted(unknown, key=str))
    foreign = plain.get("organization_id", organization_id) != organization_id
    findings: list[Finding] = []
    found: dict[UUID, MappingDocument] = {}
    for place, one in enumerate(plain["mappings"]):
        try:
            document = parse_document(one)
        except MappingInvalid as invalid:
            findings += (Finding(f"mappings.{place}.{each.field}", each.message) for each in invalid.findings)
            continue
        id_ = _id(document, organization_id, foreign=foreign)
        if id_ in found:
            findings.append(Finding(f"mappings.{place}", "is in the file twice: take one out, or give each its id"))
        found[id_] = document.model_copy(update={"id": id_})
    if findings:
        raise MappingInvalid(findings)
    return MappingFile(tuple(found.items()))


def _id(document: MappingDocument, organization_id: str, *, foreign: bool) -> UUID:
    if document.id is None:
        content = orjson.dumps(document.plain(), option=orjson.OPT_SORT_KEYS).decode()
        return uuid.uuid5(_NAMESPACE, f"{organization_id}/{content}")
    return uuid.uuid5(_NAMESPACE, f"{organization_id}/{document.id}") if foreign else document.id


def _plain(text: str) -> Any:
    from workflows.plain_yaml import NotPlain, loaded  # noqa: PLC0415 - slow to import, and seldom wanted

    if len(text) > _LARGEST:
        raise MappingInvalid([Finding("the file", f"has more than {_LARGEST} characters")])
    try:
        return loaded(text)
    except NotPlain as error:
        told = f"is not the YAML that is read here: {str(error)[:_SHOWN]}"
        raise MappingInvalid([Finding("the file", told)]) from None


def _dumped(data: Any) -> str:
    from workflows.plain_yaml import dumped  # noqa: PLC0415 - slow to import, and seldom wanted

    return dumped(data)

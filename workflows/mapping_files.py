"""An organization's mappings as a YAML file, out and in."""

import uuid
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import yaml

from enrollment.drafts import Finding, MappingDocument, MappingInvalid, parse_document

__all__ = ["MappingFile", "read_document", "read_file", "written"]

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
    return yaml.dump(told, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def read_document(text: str) -> MappingDocument:
    """One mapping, alone in its file. Raises MappingInvalid with everything that cannot be read."""
    return parse_document(_plain(text))


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
    if len(text) > _LARGEST:
        raise MappingInvalid([Finding("the file", f"has more than {_LARGEST} characters")])
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe loader, made stricter
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        told = " ".join(str(error).split())[:_SHOWN] or "is nested too deep"
        raise MappingInvalid([Finding("the file", f"is not the YAML that is read here: {told}")]) from None


class _Loader(yaml.SafeLoader):
    """Plain data only: no aliases, by which a small file means a huge one, and no key twice, of which one is lost."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read: write out what is meant")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # as yaml calls it
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Writes everything out."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # of whatever it is
        return True

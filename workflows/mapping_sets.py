"""An organization's drafts replaced all at once, by somebody who has seen what they replace.

MappingsMoved   somebody changed mappings since
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import orjson

from enrollment.decide import OrganizationFacts
from enrollment.drafts import Finding, MappingDocument, MappingInvalid, examine
from storage import mappings
from storage.mappings import MappingVersion
from storage.pool import Connection
from workflows.mapping_versions import Drafted, discard, draft, locked_facts, publish_draft
from workflows.mapping_warnings import warnings_of

__all__ = ["MappingsMoved", "check_state", "replace_drafts", "state_of", "try_drafts", "warnings_among"]


class MappingsMoved(Exception):
    """What is to be changed is not as it was when it was looked at."""


def state_of(versions: Iterable[MappingVersion]) -> str:
    """Tells one state of some mappings from every other."""
    whole = [(one.id, one.version, one.status, one.parked, one.document.plain()) for one in versions]
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


async def check_state(connection: Connection, organization_id: str, id_: UUID, expected: str | None) -> None:
    """Lock an organization's mappings until the commit. Raises MappingsMoved where one is not as `expected`."""
    await locked_facts(connection, organization_id)
    if expected is not None and state_of(await mappings.versions_of(connection, organization_id, id_)) != expected:
        raise MappingsMoved(f"mapping {id_} was changed meanwhile: look at it again")


async def replace_drafts(
    connection: Connection,
    organization_id: str,
    documents: Sequence[MappingDocument],
    *,
    expected: str | None,
    publish: bool,
    by: str,
    now: datetime,
) -> list[Drafted]:
    """Have these drafts and no others, published with `publish`: all of them or none.

    Raises MappingsMoved where the mappings are not as `expected`, MappingUnknown of an unknown organization, and
    MappingInvalid with what cannot be drafted, or not be published where that is asked for.
    """
    facts = await locked_facts(connection, organization_id)
    versions = await mappings.list_versions(connection, organization_id)
    if expected is not None and state_of(versions) != expected:
        raise MappingsMoved("mappings were changed meanwhile: look at them again")
    findings = await _misnamed(connection, organization_id, documents)
    if publish:
        findings += _examined(documents, facts)
    if findings:
        raise MappingInvalid(findings)
    named = {document.id for document in documents}
    for one in versions:
        if one.is_draft and one.id not in named:
            await discard(connection, organization_id, one.id, by=by, now=now)
    drafted = [await draft(connection, organization_id, document, by=by, now=now) for document in documents]
    if publish:
        for new in drafted:
            await publish_draft(connection, organization_id, new.id, by=by, now=now)
    return drafted


async def try_drafts(
    connection: Connection, organization_id: str, documents: Sequence[MappingDocument]
) -> tuple[Finding, ...]:
    """Everything that speaks against publishing these; nothing is written."""
    facts = await locked_facts(connection, organization_id)
    return (*await _misnamed(connection, organization_id, documents), *_examined(documents, facts))


async def warnings_among(
    connection: Connection, organization_id: str, documents: Sequence[MappingDocument]
) -> tuple[Finding, ...]:
    """What their author should look at again; it does not keep them from being published."""
    return tuple(
        [
            Finding(f"mappings.{place}.{one.field}", one.message)
            for place, document in enumerate(documents)
            for one in await warnings_of(connection, organization_id, document)
        ]
    )


async def _misnamed(
    connection: Connection, organization_id: str, documents: Sequence[MappingDocument]
) -> list[Finding]:
    many = Counter(document.id for document in documents if document.id is not None)
    found = []
    for place, document in enumerate(documents):
        if document.id is None:
            continue
        if many[document.id] > 1:
            found.append(Finding(f"mappings.{place}.id", "is named twice: a mapping has one draft"))
        elif not await mappings.versions_of(connection, organization_id, document.id):
            found.append(Finding(f"mappings.{place}.id", "names no mapping: leave it out for a new one"))
    return found


def _examined(documents: Sequence[MappingDocument], facts: OrganizationFacts) -> Iterator[Finding]:
    for place, document in enumerate(documents):
        for one in examine(document, facts):
            yield Finding(f"mappings.{place}.{one.field}", one.message)

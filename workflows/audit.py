"""Noting who did what, in the transaction that does it; `workflows/audit_chain.py` seals it after the commit.

The log is never changed, so it holds nothing that an erasure would have to take out of it: ids as they are, and of
everything else a digest. A reason is kept by what it is a reason of, where an erasure finds it, and the digest proves
it there. Digests are salted with the entry's id: whoever has the words can show that they are the ones, and nobody
finds them in a list of digests that was made before.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from uuid_utils.compat import uuid7

from storage import audit
from storage.audit import NewEntry, Value
from storage.pool import Connection

__all__ = ["Action", "Done", "Way", "coming_by", "digest_of", "note"]


class Way(StrEnum):
    """By which way it came to us."""

    API = "api"
    COMMAND_LINE = "command_line"
    CHAT = "chat"
    APPROVER = "approver"
    SERVICE = "service"


class Action(StrEnum):
    """What was done. More may be added, none is renamed: what is sealed says these words."""

    ENROLLMENT_REQUESTED = "enrollment.requested"
    ENROLLMENT_APPROVED = "enrollment.approved"
    ENROLLMENT_REJECTED = "enrollment.rejected"
    ENROLLMENT_STEERED = "enrollment.steered"
    MAPPING_CHANGED = "mapping.changed"
    MAPPINGS_VALIDATED = "mappings.validated"
    MAPPING_RUN_STARTED = "mapping_run.started"
    MAPPING_RUN_CANCELLED = "mapping_run.cancelled"
    STOPPED = "stop.set"
    STARTED = "stop.ended"
    SUPPRESSED = "suppression.added"
    UNSUPPRESSED = "suppression.removed"
    AUTHORIZATION_BEGUN = "connection.authorization_begun"
    CONNECTED = "connection.connected"
    DISCONNECTED = "connection.disconnected"
    KEY_ROTATED = "connection.key_rotated"
    CADENCE_DESCRIBED = "cadence.described"
    CATALOGUE_ASKED = "cadences.refresh_asked"
    PEOPLE_SYNC_BEGUN = "people_sync.begun"
    SYNC_ASKED = "sync.asked"
    SETTINGS_CHANGED = "settings.changed"
    DEAD_LETTERS_SENT_BACK = "dead_letters.sent_back"
    ERASED = "directory.erased"
    LEAVING = "organization.leaving"
    LEFT = "organization.left"
    CAME_BACK = "organization.came_back"
    EXPORTED = "organization.exported"


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done to a `subject`, which is a kind and an id, as in `stop/…`.

    `by` is a user's id, None where nobody asked. `digested` is kept as its digest alone: a reason, an address, the id
    of somebody who was erased. `detail` holds ids, numbers and words of ours, never what a person has typed. `way` and
    `correlation_id` are those of `coming_by` where they are not said.
    """

    organization_id: str
    action: Action
    subject: str
    _: KW_ONLY
    by: str | None = None
    digested: str | None = None
    detail: Mapping[str, Value] = field(default_factory=dict)
    way: Way | None = None
    correlation_id: str | None = None


_came: ContextVar[tuple[Way, str | None]] = ContextVar("came", default=(Way.SERVICE, None))


@contextmanager
def coming_by(way: Way, correlation_id: str | None = None) -> Iterator[None]:
    """What is done inside, in this task and those that it starts, came by this way."""
    token = _came.set((way, correlation_id))
    try:
        yield
    finally:
        _came.reset(token)


async def note(connection: Connection, *done: Done, now: datetime) -> None:
    """Note what the caller's transaction does: both are there after its commit, or neither."""
    if not done:
        return
    way, correlation_id = _came.get()
    entries = []
    for one in done:
        id_ = uuid7()
        entries.append(
            NewEntry(
                id=id_,
                organization_id=one.organization_id,
                action=one.action.value,
                subject=one.subject,
                actor=one.by,
                way=(one.way or way).value,
                correlation_id=one.correlation_id or correlation_id,
                digest=digest_of(id_, one.digested) if one.digested is not None else None,
                detail=one.detail,
            )
        )
    await audit.add(connection, entries, now)


def digest_of(entry_id: UUID, text: str) -> str:
    """By which an entry stands for something that it does not hold."""
    return "sha256:" + hashlib.sha256(entry_id.bytes + text.encode()).hexdigest()

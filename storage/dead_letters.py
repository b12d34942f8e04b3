"""Dead letters of which it is known whose they are, and what their organization has sent back of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from storage.directory import CustomerKey, StakeholderKey
from storage.plain import plain_uuid
from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "KeptLetter",
    "LetterLook",
    "LetterOrigin",
    "LetterStage",
    "LetterState",
    "RedriveLook",
    "WaitingLetter",
    "add_redrive",
    "end_of_outbox",
    "keep",
    "look_at_letters",
    "look_at_redrives",
    "prune",
    "read_contents",
    "scrub",
    "sent_back",
    "settle",
    "settle_by_origin",
    "waiting",
]

LetterState = Literal["waiting", "too_large", "sent_back", "parked", "erased"]
LetterStage = Literal["decode", "validate", "decide", "apply"]
LetterOrigin = tuple[str, int, int, int]
"""Whose record it is, partition and offset at which it failed first, and how often it had been sent back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLetter:
    """A dead letter as it is kept when it is written. `shown` is JSON; `headers` are packed as the outbox has them."""

    id: UUID
    organization_id: str
    consumer_group: str
    topic: str
    origin_partition: int
    origin_offset: int
    origin_at: datetime
    replays: int
    came_back_from: UUID | None
    subject_id: str | None
    event_id: str | None
    event_type: str | None
    correlation_id: str | None
    stage: str
    code: str
    message: str
    attempts: int
    shown: str | None
    key: bytes | None
    headers: bytes
    payload: bytes | None
    is_too_large: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterLook:
    """A dead letter as its organization looks at it; `shown` is JSON."""

    id: UUID
    topic: str
    subject_id: str | None
    event_id: str | None
    event_type: str | None
    correlation_id: str | None
    stage: LetterStage
    code: str
    message: str
    attempts: int
    replays: int
    failed_at: datetime
    state: LetterState
    came_back_from: UUID | None
    redrive_id: UUID | None
    shown: str | None


@dataclass(frozen=True, slots=True)
class WaitingLetter:
    """A dead letter that would be sent back; `size` in bytes."""

    id: UUID
    topic: str
    code: str
    replays: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveLook:
    """What an organization sent back: how much of it has not left yet, and how much came back as a dead letter."""

    id: UUID
    letters: int
    parked: int
    requested_by: str
    requested_at: datetime
    leaving: int
    failed_again: int


async def keep(connection: Connection, letters: Sequence[KeptLetter], now: datetime) -> None:
    """Keep dead letters, in the transaction that writes them; one that is kept already stays as it is."""
    if not letters:
        return
    columns = {name: [getattr(one, name) for one in letters] for name in KeptLetter.__dataclass_fields__}
    await queries.keep_dead_letters(connection, now=now, **columns)


async def look_at_letters(
    connection: Connection,
    organization_id: str,
    *,
    letter_id: UUID | None = None,
    topic: str | None = None,
    code: str | None = None,
    state: str | None = None,
    before: tuple[datetime | None, UUID | None] = (None, None),
    limit: int,
) -> list[LetterLook]:
    """An organization's dead letters, the latest first."""
    rows = await queries.look_at_dead_letters(
        connection,
        organization_id=organization_id,
        id=letter_id,
        topic=topic,
        code=code,
        state=state,
        before_at=before[0],
        before_id=before[1],
        at_most=limit,
    )
    return [LetterLook(**_plainly(row, LetterLook)) for row in rows]


async def waiting(
    connection: Connection,
    organization_id: str,
    *,
    topic: str | None,
    codes: Sequence[str] | None,
    ids: Sequence[UUID] | None,
    limit: int,
) -> list[WaitingLetter]:
    """Those that can be sent back, in the order in which they failed; locked until the transaction ends."""
    rows = await queries.waiting_dead_letters(
        connection,
        organization_id=organization_id,
        topic=topic,
        codes=None if codes is None else list(codes),
        ids=None if ids is None else list(ids),
        at_most=limit,
    )
    return [
        WaitingLetter(plain_uuid(row["id"]), row["topic"], row["code"], row["replays"], row["size"]) for row in rows
    ]


async def read_contents(connection: Connection, organization_id: str, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """The rows of some dead letters, with their bytes."""
    rows = await queries.contents_of_dead_letters(connection, organization_id=organization_id, ids=list(ids))
    return {plain_uuid(row["id"]): row for row in rows}


async def settle(
    connection: Connection, organization_id: str, redrive_id: UUID, *, sent: Sequence[UUID], parked: Sequence[UUID]
) -> None:
    """They were handed to the outbox, and need not be kept."""
    await queries.settle_dead_letters(
        connection, organization_id=organization_id, redrive_id=redrive_id, sent=list(sent), parked=list(parked)
    )


async def settle_by_origin(
    connection: Connection, plan_id: UUID, *, group: str, topic: str, origins: Collection[LetterOrigin]
) -> None:
    """The operator has sent these back, or parked them."""
    if origins:
        await queries.settle_dead_letters_by_origin(
            connection, plan_id=plan_id, consumer_group=group, topic=topic, **_columns(origins)
        )


async def sent_back(
    connection: Connection, *, group: str, topic: str, origins: Collection[LetterOrigin]
) -> set[LetterOrigin]:
    """Which of these their organizations have sent back, or parked."""
    if not origins:
        return set()
    rows = await queries.dead_letters_sent_back(connection, consumer_group=group, topic=topic, **_columns(origins))
    return {(row["organization_id"], row["origin_partition"], row["origin_offset"], row["replays"]) for row in rows}


async def end_of_outbox(connection: Connection) -> int:
    """How far the outbox's positions were given out."""
    end: int = await queries.outbox_given_out(connection)
    return end


async def add_redrive(
    connection: Connection,
    organization_id: str,
    redrive_id: UUID,
    *,
    plan: str,
    letters: int,
    parked: int,
    by: str,
    outbox_after: int,
    outbox_until: int,
    now: datetime,
) -> None:
    """Note what was sent back; its rows of the outbox are between the two positions."""
    await queries.add_dead_letter_redrive(
        connection,
        organization_id=organization_id,
        id=redrive_id,
        plan=plan,
        letters=letters,
        parked=parked,
        requested_by=by,
        outbox_after=outbox_after,
        outbox_until=outbox_until,
        now=now,
    )


async def look_at_redrives(
    connection: Connection,
    organization_id: str,
    *,
    redrive_id: UUID | None = None,
    before: tuple[datetime | None, UUID | None] = (None, None),
    limit: int,
) -> list[RedriveLook]:
    """What an organization sent back, the latest first. The outbox is the worker's, so this is asked as the worker."""
    rows = await queries.look_at_dead_letter_redrives(
        connection,
        organization_id=organization_id,
        id=redrive_id,
        before_at=before[0],
        before_id=before[1],
        at_most=limit,
    )
    return [RedriveLook(**_plainly(row, RedriveLook)) for row in rows]


async def scrub(connection: Connection, subjects: Collection[CustomerKey | StakeholderKey]) -> None:
    """Delete the bytes of the dead letters that name erased people or customers: they are not sent back any more."""
    await queries.scrub_dead_letters(
        connection, organization_ids=[one for one, _ in subjects], subject_ids=[subject for _, subject in subjects]
    )
    rows = await queries.escaped_dead_letters(connection, organization_ids=list({one for one, _ in subjects}))
    named = [row["id"] for row in rows if _names(row["payload"], _of(subjects, row["organization_id"]))]
    if named:
        await queries.erase_dead_letters(connection, ids=named)


async def prune(connection: Connection, *, kept_before: datetime, limit: int) -> int:
    """Forget what was kept before an instant of real time; answers how many."""
    deleted: int = await queries.prune_dead_letters(connection, kept_before=kept_before, at_most=limit)
    return deleted


def _of(subjects: Collection[CustomerKey | StakeholderKey], organization_id: str) -> set[str]:
    return {subject for one, subject in subjects if one == organization_id}


def _names(payload: bytes, subjects: Collection[str]) -> bool:
    """Whether one of the subjects is a text of the record, however it is spelt there."""
    waiting: list[Any] = [orjson.loads(payload)]
    while waiting:
        match waiting.pop():
            case str() as text if text in subjects:
                return True
            case dict() as told:
                waiting += [*told, *told.values()]
            case list() as told:
                waiting += told
    return False


def _columns(origins: Collection[LetterOrigin]) -> dict[str, list[Any]]:
    return {
        "organization_ids": [one[0] for one in origins],
        "partitions": [one[1] for one in origins],
        "offsets": [one[2] for one in origins],
        "replays": [one[3] for one in origins],
    }


def _plainly(row: Any, of: Any) -> dict[str, Any]:
    values = {name: row[name] for name in of.__dataclass_fields__}
    return {name: plain_uuid(one) if isinstance(one, UUID) else one for name, one in values.items()}

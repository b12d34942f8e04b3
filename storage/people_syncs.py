"""Telling Salesloft of everybody at an organization: how far it has come, and who is still to be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "MemberOfResult",
    "PeopleSync",
    "Refusal",
    "ResultKey",
    "SyncState",
    "ToTell",
    "add_members",
    "begin",
    "drop_members",
    "members_after",
    "members_of",
    "outcomes",
    "put",
    "put_digests",
    "put_outcomes",
    "put_refusals",
    "read",
    "running",
    "to_tell",
]

SyncState = Literal["comparing", "accounts", "sending", "executing", "collecting", "done", "failed"]


@dataclass(slots=True, kw_only=True)
class PeopleSync:
    """A sync. `left_out` and `refused` count by reason; `job_id` is Salesloft's bulk job.

    `sent` is the place of the last member that was sent, `processed` Salesloft's own count, `collected_to` the last
    result that was read.
    """

    id: UUID
    organization_id: str
    state: SyncState
    to_compare: int
    compared_to: str = ""
    compared: int = 0
    unchanged: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    to_send: int = 0
    sent: int = 0
    processed: int = 0
    succeeded: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    job_id: int | None = None
    executing_at: datetime | None = None
    collected_to: int = 0
    error: str | None = None
    requested_by: str | None = None
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Salesloft would not take: the digest of it, why, and when."""

    digest: str
    reason: str
    refused_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ToTell:
    """A stakeholder, their customer (None while only referred to) and the person that they are linked to."""

    stakeholder_id: str
    stakeholder: str
    customer: str | None
    left: bool
    person_id: int | None
    linked_by: Literal["upsert", "email"] | None
    sent_digest: str | None
    person_email: str | None
    account_id: int | None
    do_not_contact: bool
    refusal: Refusal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultKey:
    """By what a result finds its members: the person's id if it was sent by that, else the normalised address."""

    result_id: int
    person_id: int | None
    email: str | None


@dataclass(frozen=True, slots=True)
class MemberOfResult:
    """A member that a result is about, and the digest of what was sent of them."""

    result_id: int
    stakeholder_id: str
    digest: str


async def begin(connection: Connection, organization_id: str, sync_id: UUID, *, by: str | None, now: datetime) -> bool:
    """Begin a sync; False where the organization has one that has not ended."""
    begun = await queries.begin_people_sync(
        connection, id=sync_id, organization_id=organization_id, requested_by=by, now=now
    )
    return begun is not None


async def running(connection: Connection, organization_id: str) -> UUID | None:
    """The organization's sync that has not ended."""
    found = await queries.running_people_sync(connection, organization_id=organization_id)
    return UUID(bytes=found.bytes) if found is not None else None


async def read(connection: Connection, sync_id: UUID) -> PeopleSync | None:
    """How far a sync has come."""
    rows = await queries.read_people_sync(connection, id=sync_id)
    if not rows:
        return None
    values: dict[str, Any] = dict(rows[0].items())
    values["left_out"], values["refused"] = orjson.loads(values["left_out"]), orjson.loads(values["refused"])
    return PeopleSync(**values | {"id": sync_id})


async def put(connection: Connection, sync: PeopleSync) -> None:
    """Keep how far a sync has come. Whoever does holds its command."""
    names = (
        *("id", "state", "compared_to", "compared", "unchanged", "to_send", "sent", "processed", "succeeded"),
        *("job_id", "executing_at", "collected_to", "error", "ended_at"),
    )
    await queries.put_people_sync(
        connection,
        **{name: getattr(sync, name) for name in names},
        # The reasons are enumerations at times.
        left_out=orjson.dumps(sync.left_out, option=orjson.OPT_NON_STR_KEYS).decode(),
        refused=orjson.dumps(sync.refused, option=orjson.OPT_NON_STR_KEYS).decode(),
    )


async def to_tell(
    connection: Connection,
    organization_id: str,
    *,
    after: str = "",
    among: Sequence[str] | None = None,
    limit: int,
) -> list[ToTell]:
    """Stakeholders after one of them, in the order of their ids; or some of them only."""
    rows = await queries.people_to_tell(
        connection,
        organization_id=organization_id,
        after=after,
        stakeholder_ids=list(among) if among is not None else None,
        limit=limit,
    )
    return [
        ToTell(
            stakeholder_id=row["stakeholder_id"],
            stakeholder=row["data"],
            customer=row["customer"],
            left=row["has_left"],
            person_id=row["person_id"],
            linked_by=row["linked_by"],
            sent_digest=row["sent_digest"],
            person_email=row["person_email"],
            account_id=row["account_id"],
            do_not_contact=row["do_not_contact"],
            refusal=(
                Refusal(row["refused_digest"], row["refused_reason"], row["refused_at"])
                if row["refused_digest"] is not None
                else None
            ),
        )
        for row in rows
    ]


async def add_members(connection: Connection, sync: PeopleSync, members: Mapping[str, str]) -> None:
    """Have stakeholders told, given with the digests of what is to be sent, in the next places."""
    await queries.add_people_sync_members(
        connection,
        organization_id=sync.organization_id,
        sync_id=sync.id,
        places=list(range(sync.to_send + 1, sync.to_send + len(members) + 1)),
        stakeholder_ids=list(members.keys()),
        digests=list(members.values()),
    )


async def members_after(connection: Connection, sync_id: UUID, place: int, *, limit: int) -> list[tuple[int, str]]:
    """Members after a place, each with its own."""
    rows = await queries.people_sync_members(connection, sync_id=sync_id, after=place, limit=limit)
    return [(row["place"], row["stakeholder_id"]) for row in rows]


async def put_digests(connection: Connection, sync_id: UUID, digests: Mapping[str, str]) -> None:
    """What was really sent of members."""
    await queries.put_people_sync_digests(
        connection, sync_id=sync_id, stakeholder_ids=list(digests.keys()), digests=list(digests.values())
    )


async def members_of(connection: Connection, sync_id: UUID, results: Sequence[ResultKey]) -> list[MemberOfResult]:
    """Whom results are about, without those of whom one has spoken already."""
    rows = await queries.members_of_results(
        connection,
        sync_id=sync_id,
        result_ids=[one.result_id for one in results],
        person_ids=[one.person_id for one in results],
        emails=[one.email for one in results],
    )
    return [MemberOfResult(row["result_id"], row["stakeholder_id"], row["digest"]) for row in rows]


async def put_outcomes(connection: Connection, sync_id: UUID, told: Mapping[str, str]) -> None:
    """What came of members."""
    await queries.put_people_sync_outcomes(
        connection, sync_id=sync_id, stakeholder_ids=list(told.keys()), outcomes=list(told.values())
    )


async def outcomes(connection: Connection, sync_id: UUID) -> dict[str | None, int]:
    """How many members each outcome has; None are those of whom no result has spoken."""
    rows = await queries.count_people_sync_outcomes(connection, sync_id=sync_id)
    return {row["outcome"]: row["members"] for row in rows}


async def drop_members(connection: Connection, sync_id: UUID) -> None:
    """Forget the members of a sync that has ended."""
    await queries.drop_people_sync_members(connection, sync_id=sync_id)


async def put_refusals(
    connection: Connection,
    organization_id: str,
    refused: Mapping[str, tuple[str, str]],
    taken: Sequence[str],
    now: datetime,
) -> None:
    """Remember whom Salesloft refused, by digest and reason, and forget it of those whom it has taken."""
    if refused:
        await queries.put_people_refusals(
            connection,
            organization_id=organization_id,
            stakeholder_ids=list(refused.keys()),
            digests=[digest for digest, _ in refused.values()],
            reasons=[reason for _, reason in refused.values()],
            now=now,
        )
    if taken:
        await queries.drop_people_refusals(connection, organization_id=organization_id, stakeholder_ids=list(taken))

"""Plans to send dead letters back to their topics, and how far each has come."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from storage.pool import Connection
from storage.queries import queries

__all__ = [
    "OffsetRange",
    "PlanState",
    "RedrivePlan",
    "add_plan",
    "advance",
    "begin",
    "cancel",
    "exclusively",
    "finish",
    "read_plan",
    "read_plans",
]

PlanState = Literal["planned", "running", "done", "cancelled"]


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """The dead letters of one partition from `first_offset` up to, and without, `next_offset`."""

    partition: int
    first_offset: int
    next_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RedrivePlan:
    """Which dead letters of a topic go back: all without `error_codes`. `progress` is the next offset by partition."""

    id: UUID
    topic: str
    state: PlanState
    error_codes: tuple[str, ...] | None
    ranges: tuple[OffsetRange, ...]
    counts: Mapping[str, int]
    progress: Mapping[int, int]
    redriven: int
    parked: int
    requested_by: str
    created_at: datetime

    @property
    def planned(self) -> int:
        """How many dead letters it names."""
        return sum(self.counts.values())

    def names(self, code: str) -> bool:
        return self.error_codes is None or code in self.error_codes

    def has_sent(self, partition: int, offset: int, code: str) -> bool:
        """Whether this dead letter went back by this plan."""
        if not self.names(code):
            return False
        end = self.progress.get(partition, 0)
        return any(r.partition == partition and r.first_offset <= offset < min(r.next_offset, end) for r in self.ranges)


async def add_plan(
    connection: Connection,
    *,
    plan_id: UUID,
    topic: str,
    error_codes: Sequence[str] | None,
    ranges: Sequence[OffsetRange],
    counts: Mapping[str, int],
    requested_by: str,
    now: datetime,
) -> None:
    """Keep a plan; nothing of it is carried out yet."""
    await queries.add_redrive_plan(
        connection,
        id=plan_id,
        topic=topic,
        error_codes=None if error_codes is None else list(error_codes),
        ranges=orjson.dumps(ranges).decode(),
        counts=orjson.dumps(dict(counts)).decode(),
        requested_by=requested_by,
        now=now,
    )


async def read_plan(connection: Connection, plan_id: UUID) -> RedrivePlan | None:
    """The plan of this id; None where there is none."""
    rows = await queries.read_redrive_plans(connection, id=plan_id, topic=None)
    return _plan(rows[0]) if rows else None


async def read_plans(connection: Connection, topic: str | None) -> list[RedrivePlan]:
    """The plans of a topic of dead letters, or all; the newest last."""
    return [_plan(row) for row in await queries.read_redrive_plans(connection, id=None, topic=topic)]


async def begin(connection: Connection, plan_id: UUID, now: datetime) -> bool:
    """Begin a plan or go on with it; False for one that is done or cancelled."""
    return bool(await queries.begin_redrive(connection, id=plan_id, now=now))


async def advance(
    connection: Connection,
    plan_id: UUID,
    *,
    partition: int,
    next_offset: int,
    redriven: int,
    parked: int,
    now: datetime,
) -> bool:
    """Keep what was published; False once the plan is cancelled."""
    rows = await queries.advance_redrive(
        connection,
        id=plan_id,
        partition=str(partition),
        next_offset=next_offset,
        redriven=redriven,
        parked=parked,
        now=now,
    )
    return bool(rows)


async def finish(connection: Connection, plan_id: UUID, now: datetime) -> None:
    """The plan is carried out."""
    await queries.finish_redrive(connection, id=plan_id, now=now)


async def cancel(connection: Connection, plan_id: UUID, now: datetime) -> bool:
    """Carry out no more of it; False for one that is done or cancelled already."""
    return bool(await queries.cancel_redrive(connection, id=plan_id, now=now))


@asynccontextmanager
async def exclusively(connection: Connection, plan_id: UUID) -> AsyncIterator[bool]:
    """Whether this connection is the only one that carries the plan out, for the length of the block."""
    mine: bool = await queries.lock_redrive(connection, id=str(plan_id))
    try:
        yield mine
    finally:
        if mine and not connection.is_closed():
            await queries.unlock_redrive(connection, id=str(plan_id))


def _plan(row: Any) -> RedrivePlan:
    return RedrivePlan(
        id=UUID(bytes=row["id"].bytes),
        topic=row["topic"],
        state=row["state"],
        error_codes=None if row["error_codes"] is None else tuple(row["error_codes"]),
        ranges=tuple(OffsetRange(**r) for r in orjson.loads(row["ranges"])),
        counts=orjson.loads(row["counts"]),
        progress={int(partition): offset for partition, offset in orjson.loads(row["progress"]).items()},
        redriven=row["redriven"],
        parked=row["parked"],
        requested_by=row["requested_by"],
        created_at=row["created_at"],
    )

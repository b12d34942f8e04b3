"""What the service has in its books: its tables, read with queries of the demo's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiosql
import asyncpg

from sandbox.demo.claims import UnitRow

__all__ = ["Books", "Standing"]

_queries: Any = aiosql.from_path(Path(str(files(__package__))) / "evidence.sql", "asyncpg", mandatory_parameters=False)
_DEADLINE_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What waits; `under_way` are enrollments in a state that ends by itself."""

    unsent: int
    due_commands: int
    commands: int
    woken: int
    deferred: int
    under_way: int
    units: int
    taken: int
    cycles: int

    @property
    def is_at_rest(self) -> bool:
        return not (self.unsent or self.due_commands or self.woken or self.under_way)


class Books:
    """Reads the database as its owner. Every method is one statement; asyncpg's errors pass through."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str) -> "Books":
        return cls(
            await asyncpg.create_pool(
                dsn, min_size=1, max_size=2, timeout=_DEADLINE_SECONDS, command_timeout=_DEADLINE_SECONDS
            )
        )

    async def close(self) -> None:
        self._pool.terminate()

    async def standing(self, now: datetime) -> Standing:
        async with self._pool.acquire() as connection:
            return Standing(**await _queries.standing(connection, now=now))

    async def streams_behind(self, since: datetime) -> int:
        """How many of the streams have had no whole cycle since; one at least while none is known."""
        return int(await self._value("streams_behind", since=since))

    async def streams_not_due(self, since: datetime, now: datetime) -> int:
        """How many of these will not begin one before the clock goes on."""
        return int(await self._value("streams_not_due", since=since, now=now))

    async def next_cycle_at(self) -> datetime:
        """When the last of the streams will begin its next cycle, as things are."""
        found: datetime = await self._value("next_cycle_at")
        return found

    async def _value(self, name: str, **parameters: datetime) -> Any:
        async with self._pool.acquire() as connection:
            return await getattr(_queries, name)(connection, **parameters)

    async def states(self) -> dict[str, int]:
        return {row["name"]: row["number"] for row in await self._rows("enrollments_by_state")}

    async def decisions_by_reason(self) -> list[tuple[str, str, int]]:
        return [(row["outcome"], row["reason"], row["number"]) for row in await self._rows("decisions_by_reason")]

    async def taken_events(self) -> list[tuple[str, str, str]]:
        """Topic, source and event id of what was taken in."""
        return [(row["topic"], row["source"], row["event_id"]) for row in await self._rows("taken_events")]

    async def history(self) -> list[tuple[str, int, str]]:
        """Enrollment, sequence and new state of every change."""
        return [(row["enrollment_id"], row["sequence"], row["to_state"]) for row in await self._rows("history")]

    async def request_digests(self) -> dict[str, str]:
        return {row["id"]: row["request_digest"] for row in await self._rows("request_digests")}

    async def decisions(self) -> list[str]:
        return [row["event_id"] for row in await self._rows("decisions")]

    async def own_memberships(self) -> list[int]:
        return [row["salesloft_membership_id"] for row in await self._rows("own_memberships")]

    async def units(self) -> list[UnitRow]:
        return [UnitRow(**row) for row in await self._rows("units")]

    async def unfinished(self, now: datetime) -> list[str]:
        """What still waits at a business instant, a line for each."""
        async with self._pool.acquire() as connection:
            return [row["told"] async for row in _queries.unfinished(connection, now=now)]

    async def sent_messages(self) -> list[tuple[str, str]]:
        """Event id and topic of what went through the outbox."""
        return [(row["id"], row["topic"]) for row in await self._rows("sent_messages")]

    async def erased_people(self) -> frozenset[int]:
        return frozenset(row["person_id"] for row in await self._rows("erased_people"))

    async def _rows(self, name: str) -> Sequence[asyncpg.Record]:
        query = getattr(_queries, name)
        async with self._pool.acquire() as connection:
            return [row async for row in query(connection)]

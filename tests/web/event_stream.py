"""A reader of the event stream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson


@dataclass
class Event:
    name: str
    data: Any
    id: str | None


@dataclass
class Stream:
    """An open stream; `last` is the id of the last event that had one."""

    lines: AsyncIterator[str]
    answer: httpx.Response
    last: str | None = None
    told: list[Event] = field(default_factory=list)

    async def next(self) -> Event:
        """The next event; a stream that is over raises StopAsyncIteration."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(30):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if line and name in {"event", "data", "id"}:
                    fields[name] = value
                elif not line and "event" in fields:
                    event = Event(fields["event"], orjson.loads(fields["data"]), fields.get("id"))
                    self.last = event.id or self.last
                    self.told.append(event)
                    return event
        raise StopAsyncIteration

    async def begin(self) -> None:
        assert (await self.next()).name == "ready"

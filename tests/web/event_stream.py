"""A reader of the event stream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from httpx_sse import EventSource, ServerSentEvent


@dataclass
class Event:
    name: str
    data: Any
    id: str | None


@dataclass
class Stream:
    """An open stream; `last` is the id of the last event that had one."""

    answer: httpx.Response
    last: str | None = None
    told: list[Event] = field(default_factory=list)
    _events: AsyncIterator[ServerSentEvent] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._events = EventSource(self.answer).aiter_sse()

    async def next(self) -> Event:
        """The next event; a stream that is over raises StopAsyncIteration."""
        async with asyncio.timeout(30):
            while True:
                read = await anext(self._events)
                self.last = read.id or self.last
                # How long to wait before coming back is no event.
                if read.data:
                    break
        event = Event(read.event, orjson.loads(read.data), read.id or None)
        self.told.append(event)
        return event

    async def begin(self) -> None:
        assert (await self.next()).name == "ready"

"""The event stream: what changes in the caller's organization, as server-sent events, while the connection lasts."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from time import time
from typing import Annotated, Any, Literal

import orjson
import structlog
from fastapi import APIRouter, Depends, Header
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from storage.errors import StorageError
from web.cross_origin import STILL_CHOSEN, StillChosen
from web.problems import Problem
from web.reading.asking import (
    CustomerFilter,
    Looking,
    StakeholderFilter,
    anybody,
    known_customer,
    known_stakeholder,
)
from web.reading.feed import EventFeed, Subscription, Told, Wanted
from web.requests import ENDLESS
from web.security import Caller

__all__ = ["event_routes"]

_log = structlog.get_logger(__name__)

_HEARTBEAT_S = 15.0
# For the last words of a stream that ends. Whoever does not read them is cut off.
_GRACE_S = 1.0
_RETRY_MS = 2000
# How long a page of an origin that is chosen no more may hear on.
_ORIGIN_GOOD_FOR_S = 15.0
_RESET = "What came between is not kept any more: read what you show anew. The stream goes on from here."
_DESCRIPTION = """\
`event:` is `enrollment`, `activity`, `engagement`, `approval`, `mapping` or `attention`; `data:` is JSON with the
event's `type`, `id` and `data` as they are on the bus, where its schema is published. A `null` in `data` says that the
stakeholder was erased.

* `ready` comes first: what is read of the API after it holds everything before it, and every change after it is told.
* With `Last-Event-ID` what came between is told first, then `ready`. `reset` comes instead where that is not kept any
more.
* `end` is the last event; its `reason` is `token_expired`, `origin_not_allowed`, `stopping`, `too_slow` or
`storage_unavailable`. Open the stream again, with `Last-Event-ID` (and, where it says so, another token).

A line that begins with a colon is a sign of life.
"""


_EVENT: dict[str, Any] = {
    "type": "object",
    "title": "StreamedEvent",
    "description": "One event. What is told of the stream itself may have no `id`.",
    "properties": {
        "event": {
            "type": "string",
            "enum": [
                *("enrollment", "activity", "engagement", "approval", "mapping", "attention"),
                *("ready", "reset", "end"),
            ],
        },
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}


class EventStream(Response):
    """Sends events until the reader leaves, the stream ends, or its reader does not take its last words."""

    media_type = "text/event-stream"

    def __init__(
        self,
        events: Callable[[Subscription], AsyncGenerator[bytes, None]],
        subscription: contextlib.ExitStack,
        part: Subscription,
        *,
        good_for_s: float,
    ) -> None:
        """`subscription` is closed when the stream is over; `good_for_s` is how long the caller's token lasts."""
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._subscription = subscription
        self._part = part
        self._good_for_s = good_for_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        state[ENDLESS] = True
        stopping = state.get("stopping") or asyncio.Event()
        sending = asyncio.create_task(self._send(send), name="event stream: send")
        beside = [
            asyncio.create_task(_left(receive), name="event stream: leaving"),
            asyncio.create_task(self._over(stopping, state.get(STILL_CHOSEN)), name="event stream: ending"),
        ]
        with self._subscription:
            try:
                await asyncio.wait({sending, *beside}, return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
            finally:
                for task in (sending, *beside):
                    task.cancel()
                await asyncio.gather(sending, *beside, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with contextlib.aclosing(self._events(self._part)) as events:
            async for chunk in events:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _over(self, stopping: asyncio.Event, still_chosen: StillChosen | None) -> None:
        """Returns once the stream has ended and had time for its last words."""
        refused = asyncio.create_task(_no_longer(still_chosen) if still_chosen is not None else asyncio.Event().wait())
        waiting = {asyncio.create_task(stopping.wait()), asyncio.create_task(self._part.ended.wait()), refused}
        try:
            done, _ = await asyncio.wait(
                waiting, timeout=max(0.0, self._good_for_s), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in waiting:
                task.cancel()
        if stopping.is_set():
            self._part.end("stopping")
        else:
            self._part.end("origin_not_allowed" if refused in done else "token_expired")
        await asyncio.sleep(_GRACE_S)
        organization_id = self._part.wanted.organization_id
        _log.info("event_stream_cut", reason=self._part.why_ended, organization_id=organization_id)


async def _no_longer(still_chosen: StillChosen) -> Literal[True]:
    """Returns once the organization has taken the page's origin off. While that cannot be read, nobody has."""
    while True:
        await asyncio.sleep(_ORIGIN_GOOD_FOR_S)
        with contextlib.suppress(StorageError):
            if not await still_chosen():
                return True


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def event_routes(looking: Looking, feed: EventFeed) -> APIRouter:
    """`GET /api/salesloft/events`."""
    routes = APIRouter(prefix="/api/salesloft", tags=["events"])
    who = anybody(looking)

    @routes.get(
        "/events",
        response_class=EventStream,
        status_code=200,
        description=_DESCRIPTION,
        responses={200: {"content": {EventStream.media_type: {"schema": _EVENT}}}},
    )
    async def events(
        caller: Annotated[Caller, Depends(who)],
        customer_id: CustomerFilter = None,
        stakeholder_id: StakeholderFilter = None,
        last_event_id: Annotated[
            str | None, Header(max_length=50, description="The id of the last event that was taken in.")
        ] = None,
    ) -> EventStream:
        """What changes in the organization, as it happens; of one customer or stakeholder where it is named."""
        last = _position(last_event_id)
        async with looking.of(caller) as connection:
            if customer_id is not None:
                await known_customer(connection, caller, customer_id)
            if stakeholder_id is not None:
                await known_stakeholder(connection, caller, stakeholder_id)
        wanted = Wanted(organization_id=caller.organization_id, customer_id=customer_id, stakeholder_id=stakeholder_id)
        subscription = contextlib.ExitStack()
        part = subscription.enter_context(feed.subscribed(wanted))
        return EventStream(
            lambda part: _events(feed, part, last), subscription, part, good_for_s=caller.good_until - time()
        )

    return routes


async def _events(feed: EventFeed, part: Subscription, last: int | None) -> AsyncGenerator[bytes, None]:
    yield f"retry: {_RETRY_MS}\n\n".encode()
    while part.begins_after is None and not part.ended.is_set():
        if not await part.wait(_HEARTBEAT_S):
            yield b": waiting\n\n"
    if part.begins_after is not None:
        try:
            async for chunk in _beginning(feed, part, part.begins_after, last):
                yield chunk
        except StorageError as error:
            _log.warning("event_stream_not_resumed", error=str(error))
            part.end("storage_unavailable")
    while not part.ended.is_set():
        while (told := part.take()) is not None:
            yield _spelt(told)
        if not await part.wait(_HEARTBEAT_S):
            yield b": alive\n\n"
    yield _document("end", {"reason": part.why_ended})


async def _beginning(
    feed: EventFeed, part: Subscription, begins_after: int, last: int | None
) -> AsyncGenerator[bytes, None]:
    """What came while the reader was away, and from where on the stream goes."""
    if last is not None and not await feed.resumable(last, begins_after):
        yield _document("reset", {"reason": "not_kept", "detail": _RESET}, begins_after)
        return
    if last is not None:
        async with contextlib.aclosing(feed.missed(part.wanted, after=last, until=begins_after)) as missed:
            async for told in missed:
                yield _spelt(told)
    yield _document("ready", {}, begins_after)


def _position(last_event_id: str | None) -> int | None:
    if last_event_id is None or last_event_id == "":
        return None
    if not last_event_id.isascii() or not last_event_id.isdigit():
        raise Problem(400, "last_event_id_refused", "Last-Event-ID is the id of an event of this stream, a number.")
    return int(last_event_id)


def _spelt(told: Told) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told.position, told.name.encode(), told.data)


def _document(name: str, data: dict[str, Any], position: int | None = None) -> bytes:
    id_ = f"id: {position}\n".encode() if position is not None else b""
    return id_ + b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))

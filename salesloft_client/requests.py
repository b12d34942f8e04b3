"""What every call of the client is made with: one team's transport, and the shapes that calls have."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Self, TypeVar

from pydantic import BaseModel

from salesloft_client import streams
from salesloft_client.auth import TokenSource
from salesloft_client.budget import Lane, TeamBudget, Unlimited, cost_of_page
from salesloft_client.clock import BusinessClock
from salesloft_client.cursor import DEEPEST_PAGE, Batch, ChangeCursor, CursorPosition, CursorSettings
from salesloft_client.decoding import Page, read_bare, read_changes, read_one, read_page
from salesloft_client.errors import Origin
from salesloft_client.hooks import NothingObserved, Observer
from salesloft_client.models import ActivityHistory, ChangingRecord
from salesloft_client.retry import Repeat
from salesloft_client.transport import ApiCall, CallContext, Transport, TransportSettings
from salesloft_client.wire import Wire

__all__ = ["SETTLE", "Filters", "Requests", "every_page"]

R = TypeVar("R", bound=BaseModel)
S = TypeVar("S", bound=ChangingRecord | ActivityHistory)
Filters = dict[str, str | int | bool | Iterable[str | int] | None]

SETTLE = timedelta(minutes=2)


class Requests:
    """Calls of one team, with one source of tokens and one budget. The wire may be shared with other teams' clients."""

    def __init__(
        self,
        *,
        wire: Wire,
        tokens: TokenSource,
        budget: TeamBudget | None = None,
        clock: BusinessClock | None = None,
        observer: Observer | None = None,
        settings: TransportSettings | None = None,
        context: CallContext | None = None,
    ) -> None:
        self._clock = clock or BusinessClock()
        self._context = context or CallContext()
        self._transport = Transport(
            wire=wire,
            tokens=tokens,
            budget=budget or Unlimited(),
            clock=self._clock,
            observer=observer or NothingObserved(),
            settings=settings or TransportSettings(),
        )

    def using(
        self, *, lane: Lane | None = None, correlation_id: str | None = None, time_budget_s: float | None = None
    ) -> Self:
        """The same client for calls of another lane, correlation id or time; what is not given stays."""
        other = object.__new__(type(self))
        other._clock = self._clock
        other._transport = self._transport
        other._context = replace(
            self._context,
            lane=lane or self._context.lane,
            correlation_id=correlation_id or self._context.correlation_id,
            time_budget_s=time_budget_s or self._context.time_budget_s,
        )
        return other

    async def changes(
        self,
        stream: streams.Stream[S],
        since: CursorPosition,
        *,
        where: Filters | None = None,
        settle: timedelta = SETTLE,
        settings: CursorSettings | None = None,
    ) -> AsyncIterator[Batch[S]]:
        """What has changed ``since``, up to ``settle`` before now, oldest first: see :mod:`salesloft_client.cursor`.

        Keep each batch's position in the transaction that keeps what was made of its rows, and begin there next time.
        ``where`` narrows the stream by filters of its list, such as ``{"person_id[]": [1, 2]}``; such a reading has a
        position of its own. ``settle`` covers both late commits and the difference between Salesloft's clock and ours.
        """
        origin = self._origin("GET", stream.path)
        settings = settings or CursorSettings()
        cursor = ChangeCursor[S](since, read_to=self._clock.now() - settle, origin=origin, settings=settings)
        narrowed = _query(where or {})
        while (request := cursor.request) is not None:
            call = ApiCall(
                method="GET",
                path=stream.path,
                repeat=Repeat.READ,
                query=(*request.query(), *narrowed),
                cost=cost_of_page(request.page),
            )
            page = await self._transport.carry(
                call, self._context, lambda answer: read_changes(stream.record, answer, origin=origin)
            )
            before = cursor.position
            batch = cursor.feed(page.rows, has_more=page.has_more(request.per_page))
            if batch.rows or page.unreadable or batch.position != before:
                yield replace(batch, unreadable=page.unreadable, unreadable_ids=page.unreadable_ids)

    def _origin(self, method: str, path: str) -> Origin:
        return Origin(method=method, path=path, correlation_id=self._context.correlation_id)

    async def _show(self, model: type[R], path: str) -> R:
        origin = self._origin("GET", path)
        call = ApiCall(method="GET", path=path, repeat=Repeat.READ)
        return await self._transport.carry(call, self._context, lambda answer: read_one(model, answer, origin=origin))

    async def _list(
        self, model: type[R], path: str, filters: Filters, *, page: int | None = None, per_page: int | None = None
    ) -> Page[R]:
        """One page of a list. Raises ``ValueError`` for a page beyond the hundredth: they cost more, and shift."""
        if page is not None and not 1 <= page <= DEEPEST_PAGE:
            raise ValueError(f"pages are 1 to {DEEPEST_PAGE}: narrow the list, or read its changes")
        origin = self._origin("GET", path)
        call = ApiCall(
            method="GET",
            path=path,
            repeat=Repeat.READ,
            query=_query({**filters, "page": page, "per_page": per_page}),
            cost=cost_of_page(page or 1),
        )
        return await self._transport.carry(call, self._context, lambda answer: read_page(model, answer, origin=origin))

    async def _write(self, model: type[R], path: str, body: bytes) -> R:
        origin = self._origin("POST", path)
        call = ApiCall(method="POST", path=path, repeat=Repeat.WRITE, body=body)
        return await self._transport.carry(call, self._context, lambda answer: read_one(model, answer, origin=origin))

    async def _update(self, model: type[R], path: str, body: bytes) -> R:
        origin = self._origin("PUT", path)
        call = ApiCall(method="PUT", path=path, repeat=Repeat.WRITE, body=body)
        return await self._transport.carry(call, self._context, lambda answer: read_one(model, answer, origin=origin))

    async def _create_bare(self, model: type[R], path: str, body: bytes) -> R:
        """A write whose answer may be the record itself, without the envelope."""
        origin = self._origin("POST", path)
        call = ApiCall(method="POST", path=path, repeat=Repeat.WRITE, body=body)
        return await self._transport.carry(call, self._context, lambda answer: read_bare(model, answer, origin=origin))

    async def _remove(self, path: str) -> None:
        call = ApiCall(method="DELETE", path=path, repeat=Repeat.WRITE)
        await self._transport.carry(call, self._context, lambda _: None)


async def every_page(
    fetch: Callable[[int], Awaitable[Page[R]]], *, deepest_page: int = DEEPEST_PAGE
) -> AsyncIterator[Page[R]]:
    """The pages of a list, in turn: ``every_page(lambda page: client.cadences(page=page))``.

    For lists that are short and hold still. Ends after ``deepest_page``, beyond which a page costs more; whether
    that was the end, the last page's ``next_page`` tells.
    """
    number: int | None = 1
    while number is not None and number <= min(deepest_page, DEEPEST_PAGE):
        page = await fetch(number)
        yield page
        number = page.next_page


def _query(filters: Filters) -> tuple[tuple[str, str], ...]:
    """Filters as Salesloft writes them: repeated names ending in ``[]`` for arrays, ``true`` and ``false``."""
    pairs: list[tuple[str, str]] = []
    for name, value in filters.items():
        if value is None:
            continue
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, str | int):
            pairs.append((name, str(value)))
        else:
            pairs.extend((name, str(item)) for item in value)
    return tuple(pairs)

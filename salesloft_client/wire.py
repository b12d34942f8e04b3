"""One HTTP exchange at a time: the pool, its gate, deadlines, and a library's errors turned into ours.

An exchange runs in a task of its own that nobody cancels: a request cut off while it connects can leave its pool unable
to connect at all, and a write cut off half-way would end without anybody knowing how. A caller that is cancelled, or
whose time is up, leaves the task to run to its end, which its socket deadlines bound.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from salesloft_client.errors import ConnectionLost, MalformedResponse, NotSent, Origin, SalesloftError, TimedOut

__all__ = ["Answer", "Detached", "Exchange", "Settled", "Wire", "WireSettings"]

T = TypeVar("T")
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireSettings:
    """Seconds, bytes and connections. ``gate`` is how many exchanges run at a time; it stays below ``pool_size``."""

    connect_s: float = 5.0
    read_s: float = 20.0
    write_s: float = 10.0
    pool_s: float = 5.0
    pool_size: int = 64
    gate: int = 48
    keepalive_s: float = 15.0
    largest_answer: int = 32 * 1024 * 1024
    user_agent: str = "cscx-salesloft-client/0.1"

    def __post_init__(self) -> None:
        if not 0 < self.gate < self.pool_size:
            raise ValueError("gate must be at least 1 and below pool_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request. Headers, query and body stay out of ``repr``: they carry tokens and addresses."""

    origin: Origin
    url: str
    headers: dict[str, str] = field(repr=False)
    query: Query = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)


class _UrlWithoutQuery(logging.Filter):
    """httpx logs each request's whole URL, and a query may hold e-mail addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(query=None) if isinstance(arg, httpx.URL) and arg.query else arg for arg in record.args
            )
        return True


_url_without_query = _UrlWithoutQuery()

# How an exchange ended, and the seconds that it took.
Settled = Callable[[Answer | SalesloftError, float], None]


class Detached:
    """Runs coroutines in tasks that outlive their callers."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T], *, name: str, within_s: float) -> T:
        """The result of ``work``; ``TimeoutError`` if it takes longer, and then it goes on by itself."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=max(0.0, within_s))
        if not done:
            raise TimeoutError
        return task.result()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as seen: nobody may be left to await it

    async def drained(self, *, within_s: float) -> None:
        """Wait for what still runs."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)


class Wire:
    """The connection pool, shared by the clients of all teams."""

    def __init__(self, settings: WireSettings | None = None) -> None:
        self.settings = settings or WireSettings()
        self._gate = asyncio.Semaphore(self.settings.gate)
        self._detached = Detached()
        logging.getLogger("httpx").addFilter(_url_without_query)
        self._http = httpx.AsyncClient(
            limits=httpx.Limits(
                max_connections=self.settings.pool_size,
                max_keepalive_connections=self.settings.pool_size,
                keepalive_expiry=self.settings.keepalive_s,
            ),
            headers={"user-agent": self.settings.user_agent, "accept": "application/json"},
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self, *, within_s: float = 30.0) -> None:
        """Let what is in flight end, for at most ``within_s`` seconds, then close the connections."""
        await self._detached.drained(within_s=within_s)
        async with asyncio.timeout(5.0):
            await self._http.aclose()

    async def detached(self, work: Coroutine[Any, Any, T], *, name: str, within_s: float) -> T:
        """See :meth:`Detached.run`."""
        return await self._detached.run(work, name=name, within_s=within_s)

    async def exchange(self, exchange: Exchange, *, within_s: float, settled: Settled) -> Answer:
        """Send and read the answer, in ``within_s`` seconds.

        ``settled`` is called exactly once with how the exchange ended, though the caller may be gone by then; with
        ``NotSent`` if the request never left. Raises ``NotSent``, ``TimedOut``, ``ConnectionLost`` and, for an answer
        that is too large, ``MalformedResponse``.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        try:
            async with asyncio.timeout_at(deadline):
                await self._gate.acquire()
        except BaseException as error:
            unsent = NotSent("too many calls were in flight for too long", origin=exchange.origin)
            settled(unsent, 0.0)
            if isinstance(error, TimeoutError):
                raise unsent from error
            raise
        # Nothing is awaited between here and the task's start, so a cancellation cannot lose the place at the gate.
        work = self._tried(exchange, deadline=deadline, settled=settled)
        try:
            return await self._detached.run(work, name=f"salesloft {exchange.origin}", within_s=deadline - loop.time())
        except TimeoutError as error:
            raise TimedOut("no complete answer within the call's time", origin=exchange.origin) from error

    async def _tried(self, exchange: Exchange, *, deadline: float, settled: Settled) -> Answer:
        loop = asyncio.get_running_loop()
        started = loop.time()
        outcome: Answer | SalesloftError = ConnectionLost("the client was stopped", origin=exchange.origin)
        try:
            answer = await self._sent(exchange, deadline=deadline)
            outcome = answer
        except SalesloftError as error:
            outcome = error
            raise
        else:
            return answer
        finally:
            self._gate.release()
            settled(outcome, loop.time() - started)

    async def _sent(self, exchange: Exchange, *, deadline: float) -> Answer:
        """The one place where httpx's errors become ours."""
        origin = exchange.origin
        try:
            return await self._read(exchange, deadline=deadline)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"no connection: {type(error).__name__}", origin=origin) from error
        except httpx.TimeoutException as error:
            raise TimedOut(f"no answer in time: {type(error).__name__}", origin=origin) from error
        except httpx.LocalProtocolError:
            # Its message quotes the header that it objects to.
            raise ConnectionLost("the request could not be written", origin=origin) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise ConnectionLost(f"the connection broke: {type(error).__name__}", origin=origin) from error

    async def _read(self, exchange: Exchange, *, deadline: float) -> Answer:
        loop = asyncio.get_running_loop()
        left = max(0.001, deadline - loop.time())
        limits = self.settings
        request = self._http.build_request(
            exchange.origin.method,
            exchange.url,
            params=list(exchange.query) or None,
            content=exchange.body,
            headers=exchange.headers,
            timeout=httpx.Timeout(
                connect=min(limits.connect_s, left),
                read=min(limits.read_s, left),
                write=min(limits.write_s, left),
                pool=min(limits.pool_s, left),
            ),
        )
        response = await self._http.send(request, stream=True)
        try:
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > limits.largest_answer:
                    raise MalformedResponse(
                        "the answer is too large", origin=exchange.origin, status=response.status_code
                    )
                if loop.time() > deadline:
                    raise TimedOut("the answer came too slowly", origin=exchange.origin)
                chunks.append(chunk)
        finally:
            await response.aclose()
        return Answer(status=response.status_code, headers=response.headers, content=b"".join(chunks))

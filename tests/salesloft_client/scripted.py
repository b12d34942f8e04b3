"""A small HTTP/1.1 server on a real socket that answers from a script, and misbehaves when told to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from salesloft_client import (
    BusinessClock,
    CallContext,
    FixedToken,
    NothingObserved,
    Observer,
    RetrySettings,
    SalesloftClient,
    TeamBudget,
    TokenSource,
    TransportSettings,
    Wire,
    WireSettings,
)

KEY = "ak_0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reset:
    """Break the connection once the request has been read."""


@dataclass(frozen=True)
class Held:
    """Answer only when ``until`` is set."""

    until: asyncio.Event
    reply: Reply


Script = Callable[[Asked], Reply | Reset | Held]


def json_reply(body: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status, orjson.dumps(body), {name.replace("_", "-"): value for name, value in headers.items()})


def in_turn(*replies: Reply | Reset | Held) -> Script:
    """One after the other; the last one for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


class ScriptedServer:
    def __init__(self) -> None:
        self.script: Script = in_turn(Reply(500))
        self.asked: list[Asked] = []
        self.arrived = asyncio.Event()
        self.url = ""
        self.open = 0
        self.most_open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        url = urlsplit(target)
        asked = Asked(method, url.path, parse_qsl(url.query, keep_blank_values=True), headers, body)
        self.asked.append(asked)
        self.arrived.set()
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            reply = self.script(asked)
            if isinstance(reply, Held):
                await reply.until.wait()
                reply = reply.reply
        finally:
            self.open -= 1
        if isinstance(reply, Reset):
            writer.transport.abort()
            return False
        lines = [f"HTTP/1.1 {reply.status} X", f"content-length: {len(reply.body)}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + reply.body)
        await writer.drain()
        return True


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer()
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(scripted.serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    scripted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield scripted
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


def wire(**settings: Any) -> Wire:
    return Wire(WireSettings(**{"connect_s": 2.0, "read_s": 2.0, "pool_s": 2.0, **settings}))


def client_of(
    server_url: str,
    shared: Wire,
    *,
    tokens: TokenSource | None = None,
    budget: TeamBudget | None = None,
    clock: BusinessClock | None = None,
    observer: Observer | None = None,
    time_budget_s: float = 20.0,
    concurrency: int = 8,
) -> SalesloftClient:
    """A client whose waits between repeats are a thousandth of the usual."""
    return SalesloftClient(
        wire=shared,
        tokens=tokens or FixedToken(KEY),
        budget=budget,
        clock=clock,
        observer=observer or NothingObserved(),
        settings=TransportSettings(
            base_url=f"{server_url}/v2",
            concurrency=concurrency,
            retry=RetrySettings(first_wait_s=0.001, longest_wait_s=0.004, jitter=lambda longest: longest),
        ),
        context=CallContext(correlation_id="journey-1", time_budget_s=time_budget_s),
    )

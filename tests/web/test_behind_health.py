"""Health is told before there is an application, and nobody is turned away until there is one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from telemetry.health import Health
from web.app import HttpServer, health_app
from web.behind_health import behind_health


class Slow:
    """An application that is made when the test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_be_made = asyncio.Event()
        self.open = False
        self.fails: Exception | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[ASGIApp]:
        async def greet(_: Request) -> PlainTextResponse:
            return PlainTextResponse("made")

        self.begun.set()
        await self.may_be_made.wait()
        if self.fails:
            raise self.fails
        self.open = True
        yield Starlette(routes=[Route("/api/anything", greet)])
        self.open = False


@asynccontextmanager
async def serving(slow: Slow, *beside: asyncio.Event) -> AsyncIterator[HttpServer]:
    application = behind_health(health_app(Health()), slow.opened, beside=beside)
    server = HttpServer(lambda: application, host="127.0.0.1", port=0, drain_seconds=1)
    running = asyncio.create_task(server.run())
    async with asyncio.timeout(10):
        await server.ready.wait()
        try:
            yield server
        finally:
            server.stop()
            await running


async def test_a_request_waits_for_the_application_and_health_does_not() -> None:
    slow = Slow()
    async with serving(slow, asyncio.Event()) as server, httpx.AsyncClient(base_url=server.address) as http:
        assert (await http.get("/health/live")).json()["live"] is True
        assert "parts" in (await http.get("/health/ready")).json()
        assert "http_server_request_duration_seconds" in (await http.get("/metrics")).text
        assert not slow.begun.is_set()
        early = asyncio.create_task(http.get("/api/anything"))
        await slow.begun.wait()
        assert (await http.get("/health/live")).status_code == 200
        slow.may_be_made.set()
        assert (await early).text == "made"
        assert (await http.get("/health/live")).json()["live"] is True
    assert not slow.open


async def test_it_is_made_unasked_once_everything_beside_it_stands() -> None:
    slow = Slow()
    kafka, lanes = asyncio.Event(), asyncio.Event()
    async with serving(slow, kafka, lanes) as server, httpx.AsyncClient(base_url=server.address) as http:
        kafka.set()
        # An answer over the wire takes more turns of the loop than to begin would.
        assert (await http.get("/health/live")).status_code == 200
        assert not slow.begun.is_set()
        lanes.set()
        await slow.begun.wait()


async def test_a_request_that_is_cut_takes_it_from_nobody() -> None:
    """As uvicorn cuts what has not ended when the time for it is up."""
    slow = Slow()
    async with asyncio.timeout(10), behind_health(health_app(Health()), slow.opened, beside=[asyncio.Event()]) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            first = asyncio.create_task(http.get("/api/anything"))
            await slow.begun.wait()
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            slow.may_be_made.set()
            assert (await http.get("/api/anything")).text == "made"


async def test_one_that_cannot_be_made_ends_the_part() -> None:
    slow = Slow()
    slow.fails = RuntimeError("no such module")
    slow.may_be_made.set()
    beside = asyncio.Event()
    application = behind_health(health_app(Health()), slow.opened, beside=[beside])
    server = HttpServer(lambda: application, host="127.0.0.1", port=0, drain_seconds=1)
    running = asyncio.create_task(server.run())
    async with asyncio.timeout(10):
        await server.ready.wait()
        beside.set()
        with pytest.raises(ExceptionGroup) as ended:
            await running
    assert ended.group_contains(RuntimeError, match="no such module")


@pytest.mark.parametrize("begun", [False, True])
async def test_it_may_be_stopped_before_there_is_an_application(begun: bool) -> None:
    slow = Slow()
    beside = asyncio.Event()
    async with serving(slow, beside):
        if begun:
            beside.set()
            await slow.begun.wait()
    assert not slow.open

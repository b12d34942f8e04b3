"""An application that takes time to make, behind health pages that do not wait for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from web.app import Application

__all__ = ["behind_health"]


@asynccontextmanager
async def behind_health(
    health: Starlette, application: Application, *, beside: Sequence[asyncio.Event]
) -> AsyncIterator[ASGIApp]:
    """The pages of `health` at once, and behind them an application for every other path.

    It is opened when everything it starts `beside` has come to its own, or else when the first request wants it, which
    waits: to make it takes half a second of the interpreter, which the joining of Kafka has a better use for.
    """
    wanted = asyncio.Event()
    closing = asyncio.Event()
    opened: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()
    pages = {getattr(route, "path", "") for route in health.routes}

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") in pages:
            await health(scope, receive, send)
            return
        wanted.set()
        # Shielded, since a request that is cut must not take the application from the others.
        app = opened.result() if opened.done() else await asyncio.shield(opened)
        await app(scope, receive, send)

    async def everything_stands() -> None:
        for event in beside:
            await event.wait()
        wanted.set()

    async def hold_open() -> None:
        await wanted.wait()
        async with application() as app:
            opened.set_result(app)
            await closing.wait()

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(everything_stands(), name="api waits")
        holding = tasks.create_task(hold_open(), name="api")
        try:
            yield serve
        finally:
            closing.set()
            waiting.cancel()
            if not opened.done():
                holding.cancel()

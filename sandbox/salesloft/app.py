"""The simulator's ASGI application: the public API, the authorization server and the control surface."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.salesloft.control import ControlSurface
from sandbox.salesloft.control_rows import RowControl
from sandbox.salesloft.control_teams import TeamControl
from sandbox.salesloft.oauth import OAuthServer
from sandbox.salesloft.public import PublicApi
from sandbox.salesloft.simulator import Simulator

__all__ = ["make_app"]

_SHORTEST_NAP = 0.02
_LONGEST_NAP = 0.5


async def live(simulator: Simulator) -> None:
    """Let life happen while nobody asks; naps are real time."""
    while True:
        next_at = simulator.world.next_happening_at
        wait = None if next_at is None else simulator.clock.real_seconds_until(next_at)
        await asyncio.sleep(_LONGEST_NAP if wait is None else min(max(wait, _SHORTEST_NAP), _LONGEST_NAP))
        simulator.settle()


def _end_with(task: asyncio.Task[None]) -> None:
    """A simulator without its life would look alive and be wrong: it ends instead."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logging.getLogger("uvicorn.error").error("%s failed", task.get_name(), exc_info=error)
        signal.raise_signal(signal.SIGTERM)


class _Front:
    """Sends ``/v2`` straight to the public API: lists are read by the thousand, and need no router."""

    def __init__(self, public: ASGIApp, rest: ASGIApp) -> None:
        self._public = public
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_public = scope["type"] == "http" and scope["path"].startswith("/v2/")
        await (self._public if is_public else self._rest)(scope, receive, send)


def make_app(simulator: Simulator) -> ASGIApp:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(live(simulator), name="life"),
            asyncio.create_task(simulator.webhooks.deliver(), name="webhooks"),
        ]
        for task in tasks:
            task.add_done_callback(_end_with)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    control = ControlSurface(simulator)
    rest = Starlette(
        routes=[
            *control.routes(),
            *TeamControl(simulator).routes(),
            *RowControl(simulator).routes(),
            Mount("/", app=Router(default=OAuthServer(simulator))),
        ],
        exception_handlers=dict(ControlSurface.exception_handlers),
        lifespan=lifespan,
    )
    return _Front(PublicApi(simulator), rest)

"""The HTTP application of a process; what every role serves is its health and its metrics."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from time import monotonic

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from telemetry import metrics
from telemetry.health import Health

__all__ = ["Application", "HttpServer", "health_app"]

Application = Callable[[], AbstractAsyncContextManager[ASGIApp]]
"""Opens what is served."""


def health_app(health: Health) -> Starlette:
    """`/health/live`, `/health/ready` and `/metrics`.

    Live is 503 only where waiting work makes no progress: a neighbour that is away is nothing a restart mends. Ready is
    503 until every part can do its work.
    """

    async def live(_: Request) -> Response:
        now = monotonic()
        return _answer({"live": health.is_live(now), "stuck": health.stuck(now)}, ok=health.is_live(now))

    async def ready(_: Request) -> Response:
        return _answer({"ready": health.is_ready(), "parts": health.report(monotonic())["parts"]}, ok=health.is_ready())

    async def exposition(_: Request) -> Response:
        for part, is_ready in health.part_ready().items():
            metrics.READY.labels(part=part).set(is_ready)
        body, media_type = metrics.exposition()
        return Response(body, media_type=media_type)

    return Starlette(routes=[Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", exposition)])


def _answer(told: dict[str, object], *, ok: bool) -> Response:
    return Response(orjson.dumps(told), status_code=200 if ok else 503, media_type="application/json")


class HttpServer:
    """Serves an application until stopped. A background part.

    The application is opened when the part begins to run and closed when it ends. `port` 0 takes a free one; `address`
    tells it once `ready` is set. Each request's state has `stopping`, an event, for answers that have no end of their
    own.
    """

    name = "http"

    def __init__(self, application: Application, *, host: str, port: int, drain_seconds: int = 5) -> None:
        self.ready = asyncio.Event()
        self.address = ""
        self._application = application
        self._host = host
        self._port = port
        self._drain_seconds = drain_seconds
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more requests; those under way are finished within the bound."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve. SystemExit where the port is taken, with uvicorn's own line in the log."""
        async with self._application() as app:
            config = uvicorn.Config(
                self._telling_of_the_end(app),
                host=self._host,
                port=self._port,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=self._drain_seconds,
            )
            await _Server(config, self._listening, self._stopping).serve()

    def _telling_of_the_end(self, app: ASGIApp) -> ASGIApp:
        async def told(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("state", {})["stopping"] = self._stopping
            await app(scope, receive, send)

        return told

    def _listening(self, port: int) -> None:
        self.address = f"http://{self._host}:{port}"
        self.ready.set()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: a process has one supervisor, and this is not it."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[int], None], stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._listening = listening
        self._stopping = stopping

    def install_signal_handlers(self) -> None:
        """None: signals are the supervisor's."""

    async def serve(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]  # narrower than needed
        try:
            await self._serve(sockets)  # type: ignore[arg-type]
        finally:
            # Cut short, uvicorn leaves its sockets open.
            for server in getattr(self, "servers", ()):
                server.close()

    async def main_loop(self) -> None:
        """Until it is to stop, and not to the next of uvicorn's ten looks a second whether it is."""
        told = asyncio.create_task(self._stopping.wait())
        looking = asyncio.create_task(super().main_loop())
        try:
            await asyncio.wait({told, looking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (told, looking):
                task.cancel()
            await asyncio.gather(told, looking, return_exceptions=True)
        if not looking.cancelled():
            looking.result()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        for server in self.servers:
            for socket in server.sockets:
                self._listening(socket.getsockname()[1])
